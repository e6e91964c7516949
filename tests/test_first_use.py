"""`make` on a machine where nothing is installed yet, or where something has changed since.

The Makefile runs in a copy of what it reads, with stand-ins for Python, venv and pip.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import ROOT

TOOLS = ("make", "sh", "sed", "cat", "cksum", "head", "tail", "rm", "touch")
# A Python is this one, told in its environment what it seems to be.
PYTHON = """#!{shell}
SEEMS={version} LACKS={lacks} CALLED="$0" PYTHONPATH='{modules}' exec '{python}' "$@"
"""
MODULES = {
    "sitecustomize": """
import os, sys
from pathlib import Path
called = Path(os.environ["CALLED"])
sys.version_info = (*map(int, os.environ["SEEMS"].split(".")), 9, "final", 0)
sys.executable, sys.prefix = str(called), str(called.parent)
sys.base_prefix = str(called.resolve())
if called.parent.parent.name != ".venv":
    sys.prefix = sys.base_prefix
if os.environ["LACKS"] == "ensurepip":
    sys.modules["ensurepip"] = None
""",
    "venv": """
import os, shutil, sys
from pathlib import Path
if __name__ == "__main__":
    folder = Path(sys.argv[-1])
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to(sys.executable)
    sys.exit(os.environ["LACKS"] == "the end of venv")
""",
    "pip": """
import sys
from pathlib import Path
with open("pip.log", "a") as log:
    print(*sys.argv[1:], file=log)
sys.exit(Path("offline").exists())
""",
    "ensurepip": "",
}


class Checkout:
    """A fresh clone, on a machine with some Pythons.

    Attributes
    ----------
    installs
        How often the last `make` installed something.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "a clone"
        self.bin = folder / "bin"
        self.modules = folder / "modules"
        self.installs = 0
        for made in (self.folder, self.bin, self.modules):
            made.mkdir()
        for name in ("Makefile", "environment.sh", "pyproject.toml", "constraints.txt"):
            shutil.copy(ROOT / name, self.folder)
        for name, text in MODULES.items():
            (self.modules / f"{name}.py").write_text(text)
        for tool in TOOLS:
            (self.bin / tool).symlink_to(shutil.which(tool))

    def has(self, name: str, version: str, lacks: str = "''") -> None:
        """Install a Python, or another in its place."""
        real = Path(sys.executable).resolve()
        text = PYTHON.format(
            shell=shutil.which("sh"),
            version=version,
            lacks=lacks,
            modules=self.modules,
            python=real,
        )
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def make(self, *arguments: str, **env: str) -> list[str]:
        """Make the environment, count installations, return what went wrong, line by line."""
        log = self.folder / "pip.log"
        log.unlink(missing_ok=True)
        done = subprocess.run(
            ["make", *(arguments or ["install"])], cwd=self.folder, check=False,
            env={"PATH": str(self.bin), **env}, capture_output=True, text=True,
        )  # fmt: skip
        self.installs = log.read_text().count("\n") if log.exists() else 0
        lines = done.stderr.splitlines()
        assert bool(done.returncode) == bool(lines), done
        return lines

    def fails(self, *arguments: str) -> str:
        """Make it in vain; return the line that says why, before make's own."""
        line, _ = self.make(*arguments)
        return line

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.folder / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    @property
    def environment(self) -> Path:
        return self.folder / ".venv"


@pytest.mark.parametrize("module", ["", ".report", ".predict", ".tracking"])
def test_the_wrong_python_says_in_one_line_which_one_is_right(module):
    done = subprocess.run(
        [sys.executable, "-S", "-m", f"noise_exp{module}"],  # -S: where nothing is installed
        cwd=ROOT, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert f"noise_exp is not installed for {sys.executable}; write first: . .venv/bin/act" in line


WHOLE = 3  # installations: the program, what the tests need, the oldest matplotlib


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


def test_a_python_that_is_too_old_is_told_before_anything_is_made(checkout):
    checkout.has("python3", "3.10")
    needs = "make: this needs Python 3.11 to 3.14, and"
    assert checkout.fails("install") == (
        f"{needs} python3 is 3.10; install one, and write: make install PYTHON=python3.14"
    )
    checkout.has("python3.11", "3.11")
    checkout.has("python3.12", "3.12")
    assert checkout.fails("ui") == f"{needs} python3 is 3.10; write: make ui PYTHON=python3.12"
    assert not checkout.environment.exists()
    assert not checkout.installs

    assert not checkout.make("install", "PYTHON=python3.12")
    assert checkout.installs == WHOLE
    for again in (("install", "PYTHON=python3.12"), ("install",)):  # it is chosen
        assert not checkout.make(*again)
        assert not checkout.installs


@pytest.mark.parametrize(
    ("version", "told"), [("2.7", "2.7"), ("3.15", "3.15"), (None, "not found")]
)
def test_other_pythons_that_do_not_do(checkout, version, told):
    if version:
        checkout.has("python", version)
    checkout.has("python3.13", "3.13")
    line = checkout.fails("install", "PYTHON=python")
    assert line.endswith(f"and python is {told}; write: make install PYTHON=python3.13")
    assert not checkout.environment.exists()


def test_no_python_at_all(checkout):
    assert "and python3 is not found; install one" in checkout.fails()


def test_one_that_only_says_where_to_get_it(checkout):
    store = checkout.bin / "python3"
    store.write_text(f"#!{shutil.which('sh')}\necho 'Python was not found'\nexit 49\n")
    store.chmod(0o755)
    assert "python3 is not found; install one" in checkout.fails()


@pytest.mark.parametrize("lacks", ["ensurepip", "'the end of venv'"])
def test_without_what_makes_environments(checkout, lacks):
    checkout.has("python3", "3.12", lacks)
    line = checkout.fails()
    assert line.startswith("make: python3 makes no environment; ")
    assert line.endswith("apt-get install python3-venv, or python3.12-venv")
    assert not checkout.environment.exists()
    checkout.has("python3", "3.12")
    assert not checkout.make()
    assert checkout.installs == WHOLE


def test_what_is_there_is_kept_where_another_cannot_be_made(checkout):
    checkout.has("python3", "3.12")
    assert not checkout.make()
    checkout.has("python3.13", "3.13", "ensurepip")
    assert "python3.13 makes no environment" in checkout.fails("install", "PYTHON=python3.13")
    assert not checkout.make()
    assert not checkout.installs


def another_python(_):
    return {"PYTHON": "python3.13"}


def an_upgrade_of_the_system(checkout):
    checkout.has("python3", "3.13")


def a_python_that_is_gone(checkout):
    (checkout.bin / "python3").rename(checkout.bin / "python3.14")
    return {"PYTHON": "python3.14"}


def pins(checkout):
    checkout.edit("constraints.txt", "numpy==", "numpy==1")


def dependencies(checkout):
    checkout.edit("pyproject.toml", '"numpy>=2.0"', '"numpy>=2.1"')


def a_move(checkout):
    checkout.folder = checkout.folder.rename(checkout.folder.with_name("moved"))


def an_installation_cut_short(checkout):
    (checkout.environment / "bin" / "installed").unlink()


def half_an_environment(checkout):
    shutil.rmtree(checkout.environment)
    (checkout.environment / "bin").mkdir(parents=True)


@pytest.mark.parametrize(
    "change",
    [another_python, an_upgrade_of_the_system, a_python_that_is_gone, pins, dependencies, a_move,
     an_installation_cut_short, half_an_environment],
)  # fmt: skip
def test_it_is_made_anew_after(checkout, change):
    checkout.has("python3", "3.12")
    checkout.has("python3.13", "3.13")
    assert not checkout.make()
    (checkout.environment / "old").touch()
    env = change(checkout) or {}
    assert not checkout.make(**env)
    assert checkout.installs == WHOLE
    assert not (checkout.environment / "old").exists()


def test_it_is_kept_where_nothing_of_it_has_changed(checkout):
    checkout.has("python3", "3.12")
    assert not checkout.make()
    checkout.edit("pyproject.toml", "line-length = 100", "line-length = 90")
    os.utime(checkout.folder / "constraints.txt")
    activated = f"{checkout.environment / 'bin'}:{checkout.bin}"
    assert not checkout.make(PATH=activated)
    assert not checkout.installs
    (checkout.environment / "bin" / "python3").symlink_to("python")
    checkout.edit("constraints.txt", "numpy==", "numpy==1")
    assert not checkout.make("install", "PYTHON=.venv/bin/python3")  # itself, made by its base
    assert checkout.installs == WHOLE


def test_a_network_that_is_away(checkout):
    checkout.has("python3", "3.12")
    (checkout.folder / "offline").touch()
    assert checkout.make()
    (checkout.folder / "offline").unlink()
    assert not checkout.make()
    assert checkout.installs == WHOLE

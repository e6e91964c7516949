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
# A Python is this one, with what it seems to be in its environment.
PYTHON = """#!{shell}
SEEMS={version} LACKS='{lacks}' CALLED="$0" PYTHONPATH='{modules}' exec '{python}' "$@"
"""
MODULES = {
    "sitecustomize": """
import os, sys
from pathlib import Path
if os.environ["SEEMS"] == "a-shop":  # which only says where to get one
    print("Python was not found", flush=True)
    os._exit(49)
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


pytestmark = pytest.mark.slow


class Checkout:
    """A fresh clone, on a machine with some Pythons.

    Attributes
    ----------
    installs
        How often the last `make` installed something.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.bin, self.modules = (folder / n for n in ("a clone", "bin", "modules"))
        for made in (self.folder, self.bin, self.modules):
            made.mkdir()
        for name in ("Makefile", "environment.sh", "pyproject.toml", "constraints.txt"):
            shutil.copy(ROOT / name, self.folder)
        for name, text in MODULES.items():
            (self.modules / f"{name}.py").write_text(text)
        for tool in TOOLS:
            (self.bin / tool).symlink_to(shutil.which(tool))

    def has(self, *pythons: str, lacks: str = "") -> None:
        """Install Pythons, or others in their place: `name=version`, or a name that tells it."""
        for python in pythons:
            name, _, version = python.partition("=")
            stub = PYTHON.format(
                shell=shutil.which("sh"), python=os.path.realpath(sys.executable), lacks=lacks,
                version=version or name.removeprefix("python"), modules=self.modules,
            )  # fmt: skip
            (self.bin / name).write_text(stub)
            (self.bin / name).chmod(0o755)

    def make(self, call: str = "install", **env: str) -> list[str]:
        """Make the environment, count installations, return what went wrong, line by line."""
        log = self.folder / "pip.log"
        log.unlink(missing_ok=True)
        done = subprocess.run(
            ["make", *call.split()], cwd=self.folder, check=False,
            env={"PATH": str(self.bin), **env}, capture_output=True, text=True,
        )  # fmt: skip
        self.installs = log.read_text().count("\n") if log.exists() else 0
        lines = done.stderr.splitlines()
        assert bool(done.returncode) == bool(lines), done
        return lines

    def makes(self, call: str = "install", *, installs: int, **env: str) -> None:
        """Make it, with so many installations."""
        assert self.make(call, **env) == []
        assert self.installs == installs

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.folder / name).read_text()
        assert old in text
        (self.folder / name).write_text(text.replace(old, new, 1))

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


@pytest.mark.parametrize(
    ("pythons", "call", "message"),
    [
        ("python3=3.10", "install", "python3 is 3.10; install one, and write: make install "
         "PYTHON=python3.14"),
        ("python3=3.10 python3.11 python3.12", "ui",
         "python3 is 3.10; write: make ui PYTHON=python3.12"),
        ("python=2.7 python3.13", "install PYTHON=python",
         "python is 2.7; write: make install PYTHON=python3.13"),
        ("python=3.15 python3.13", "install PYTHON=python",
         "python is 3.15; write: make install PYTHON=python3.13"),
        ("python3.13", "install PYTHON=python",
         "python is not found; write: make install PYTHON=python3.13"),
        ("", "install", "python3 is not found; install one, and write: make install "
         "PYTHON=python3.14"),
        ("python3=a-shop python3.12", "install",
         "python3 is not found; write: make install PYTHON=python3.12"),
    ],
)  # fmt: skip
def test_a_python_that_does_not_do_is_refused_at_once(checkout, pythons, call, message):
    checkout.has(*pythons.split())
    line, _ = checkout.make(call)  # make's own comes last
    assert line == f"make: this needs Python 3.11 to 3.14, and {message}"
    assert not checkout.environment.exists()
    assert not checkout.installs


@pytest.mark.parametrize("lacks", ["ensurepip", "the end of venv"])
def test_without_what_makes_environments(checkout, lacks):
    checkout.has("python3=3.12", lacks=lacks)
    line, _ = checkout.make()
    assert line.startswith("make: python3 makes no environment; ")
    assert line.endswith("apt-get install python3-venv, or python3.12-venv")
    assert not checkout.environment.exists()
    checkout.has("python3=3.12")
    checkout.makes(installs=WHOLE)
    checkout.has("python3.13", lacks="ensurepip")
    line, _ = checkout.make("install PYTHON=python3.13")
    assert "python3.13 makes no environment" in line
    checkout.makes(installs=0)  # what is there is kept


CHANGES = {
    "another Python": (lambda _: None, "python3.13"),
    "an upgrade of the system": (lambda checkout: checkout.has("python3=3.13"), ""),
    "a Python that is gone": (lambda checkout: (checkout.bin / "python3").unlink(), "python3.13"),
    "pins": (lambda checkout: checkout.edit("constraints.txt", "numpy==", "numpy==1"), ""),
    "dependencies": (lambda checkout: checkout.edit("pyproject.toml", "numpy>=", "numpy>=1"), ""),
    "an installation cut short": (
        lambda checkout: (checkout.environment / "bin" / "installed").unlink(), ""),
    "half an environment": (
        lambda checkout: (checkout.environment / "bin" / "python").unlink(), ""),
}  # fmt: skip


@pytest.mark.parametrize(("change", "python"), CHANGES.values(), ids=CHANGES)
def test_it_is_made_anew_after(checkout, change, python):
    checkout.has("python3=3.12", "python3.13")
    checkout.makes(installs=WHOLE)
    (checkout.environment / "old").touch()
    change(checkout)
    checkout.makes(installs=WHOLE, **({"PYTHON": python} if python else {}))
    assert not (checkout.environment / "old").exists()


def test_it_is_made_anew_after_a_move(checkout):
    checkout.has("python3=3.12")
    checkout.makes(installs=WHOLE)
    checkout.folder = checkout.folder.rename(checkout.folder.with_name("moved"))
    checkout.makes(installs=WHOLE)


def test_it_is_kept_where_nothing_of_it_has_changed(checkout):
    checkout.has("python3=3.10", "python3.12")
    checkout.makes("install PYTHON=python3.12", installs=WHOLE)
    checkout.makes("install PYTHON=python3.12", installs=0)
    checkout.edit("pyproject.toml", "line-length = 100", "line-length = 90")
    os.utime(checkout.folder / "constraints.txt")
    activated = f"{checkout.environment / 'bin'}:{checkout.bin}"
    checkout.makes(PATH=activated, installs=0)
    (checkout.environment / "bin" / "python3").symlink_to("python")
    checkout.edit("constraints.txt", "numpy==", "numpy==1")
    # Itself, made by its base.
    checkout.makes("install PYTHON=.venv/bin/python3", installs=WHOLE)


def test_a_network_that_is_away(checkout):
    checkout.has("python3=3.12")
    (checkout.folder / "offline").touch()
    assert checkout.make()
    (checkout.folder / "offline").unlink()
    checkout.makes(installs=WHOLE)

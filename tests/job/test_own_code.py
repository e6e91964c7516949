"""A part of the user's own counts with all of the user's code that it is made of."""

import sys

import pytest

from noise_exp.job import fingerprint
from noise_exp.job.fingerprint import digest_behind

FILES = {
    "own.py": "import os, numpy as np\nimport helper\nfrom kit.tools import twice\nimport gone\n",
    "helper.py": "from deeper import x\nimport noise_exp.training\n",
    "deeper.py": "import own\nx = 1\n",  # a cycle
    "kit/__init__.py": "from . import _early\n",
    "kit/_early.py": "",
    "kit/tools/__init__.py": "from .inner import twice\n",
    "kit/tools/inner.py": "from .. import late\ndef twice(): from ..lazy import y\n",
    "kit/tools/lazy.py": "",
    "kit/lazy.py": "def broken(:\n",
    "kit/late.py": "",
    "late.py": "",
    "other.py": "import own\n",
    "kit/unused.py": "",
    "notes.txt": "",
    "site-packages/installed.py": "",
}
COUNT = {
    "own.py", "helper.py", "deeper.py", "kit/__init__.py", "kit/_early.py",
    "kit/tools/__init__.py", "kit/tools/inner.py", "kit/lazy.py", "kit/late.py",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path / "site-packages"))
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("name", FILES)
def test_what_it_imports_counts_and_nothing_else(folder, name):
    before = digest_behind("own")
    with (folder / name).open("a") as file:
        file.write("# changed\n")
    assert (digest_behind("own") != before) == (name in COUNT)
    assert not {"own", "helper", "kit", "gone"} & set(sys.modules)  # nothing was executed


def test_the_folder_that_it_lies_in_does_not_count(folder, tmp_path_factory, monkeypatch):
    before = digest_behind("own")
    moved = tmp_path_factory.mktemp("elsewhere") / "new"
    folder.rename(moved)
    monkeypatch.syspath_prepend(str(moved))
    assert digest_behind("own") == before


def test_an_installed_package_counts_where_the_part_is_of_it(folder):
    (folder / "own.py").write_text("import installed\n")
    first = digest_behind("own"), digest_behind("installed")
    (folder / "site-packages" / "installed.py").write_text("x = 2\n")
    assert digest_behind("own") == first[0]
    assert digest_behind("installed") != first[1]


def test_a_module_found_under_another_name_counts_with_the_one_that_passes_it_on(folder):
    (folder / "facade.py").write_text("from own import *\n")
    before = digest_behind("own", "facade")
    assert before != digest_behind("own")
    (folder / "facade.py").write_text("from own import *\nx = 2\n")
    assert digest_behind("own", "facade") != before


@pytest.mark.parametrize(
    "name", ["gone", "math", "os", "numpy", "noise_exp.job", fingerprint.__name__]
)
def test_what_is_nowhere_or_not_the_users_is_passed_over(name):
    assert digest_behind(name) == digest_behind() or name == "numpy"

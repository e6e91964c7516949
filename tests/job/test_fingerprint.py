"""`resume=true` reuses a run only if no code that decides its result has changed."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from support import composed, trial

from noise_exp import training
from noise_exp.job import build
from noise_exp.job.describe import plain
from noise_exp.job.fingerprint import digest_of, fingerprint, source_digest

TRAINING, BUILD = Path(training.__file__).parent, Path(build.__file__)


@pytest.fixture
def copy(tmp_path):
    shutil.copytree(TRAINING, tmp_path / "training", ignore=shutil.ignore_patterns("*.npz"))
    shutil.copy(BUILD, tmp_path / "build.py")
    return tmp_path


def digest(copy):
    return digest_of(copy / "training", copy / "build.py")


def test_the_digest_is_of_every_file_of_training_what_builds_a_trial_and_numpy(copy, monkeypatch):
    folder = copy / "training"
    digests = [digest(copy)]
    assert digests == [source_digest()]
    for path in [*folder.rglob("*.py"), copy / "build.py"]:
        with path.open("a") as file:
            file.write("\n")
        digests.append(digest(copy))
    new = folder / "estimators" / "mine.py"
    for change in (new.touch, lambda: new.rename(folder / "mine.py"), (folder / "data.py").unlink):
        change()
        digests.append(digest(copy))
    monkeypatch.setattr(np, "__version__", "9.9.9")
    digests.append(digest(copy))
    assert len(set(digests)) == len(digests) > 20


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ("threads=1", True),
        ("tracking.patience=5", True),
        ("resume=true", True),
        ("estimator=spsa noise_transform=rank", True),  # back-propagation does not care for them
        ("seed=7", False),
        ("optimizer.lr=0.01", False),
        ("network.hidden=[8,4]", False),
        ("noise_transform=sign", False),
        ("data.test_size=21", False),
        ("data.pixel_divisor=2", False),
        ("data.pixel_divisor=1.0", True),
        ("data.digits=[1,0]", False),
    ],
)
def test_what_decides_the_result_counts_and_nothing_else(change, same):
    bases = ("network=small", "epochs=2", "dist=backprop")
    base = bases if "estimator" in change else bases[:2]
    prints = [fingerprint(plain(composed(*o)), trial(*o)) for o in (base, (*base, *change.split()))]
    assert (prints[0] == prints[1]) == same
    assert all(text.startswith("2-") for text in prints)


def test_a_run_without_diagnostics_does_not_stand_for_one_with_them():
    base = ("network=small", "estimator=feedback_alignment")
    prints = {
        fingerprint(plain(composed(*base, asked)), trial(*base, asked))
        for asked in ("diagnostics=false", "diagnostics=true")
    }
    assert len(prints) == 2

"""`resume=true` reuses a run only if no code that decides its result has changed."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from support import composed, trial

from noise_exp import training
from noise_exp.run import build
from noise_exp.run.fingerprint import digest_of, fingerprint, source_digest

TRAINING, BUILD = Path(training.__file__).parent, Path(build.__file__)
SOURCES = [*sorted(TRAINING.rglob("*.py")), BUILD]


@pytest.fixture
def copy(tmp_path):
    shutil.copytree(TRAINING, tmp_path / "training", ignore=shutil.ignore_patterns("*.npz"))
    shutil.copy(BUILD, tmp_path / "build.py")
    return tmp_path


def digest(copy):
    return digest_of(copy / "training", copy / "build.py")


def test_the_digest_is_of_training_and_what_builds_a_trial(copy):
    assert source_digest() == digest(copy)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_a_change_in_any_file_is_another_digest(copy, path):
    before = digest(copy)
    name = "build.py" if path == BUILD else Path("training") / path.relative_to(TRAINING)
    with (copy / name).open("a") as file:
        file.write("\n")
    assert digest(copy) != before


def test_a_file_that_is_new_moved_or_gone_is_another_digest(copy):
    digests = [digest(copy)]
    (copy / "training" / "estimators" / "mine.py").touch()
    digests.append(digest(copy))
    (copy / "training" / "estimators" / "mine.py").rename(copy / "training" / "mine.py")
    digests.append(digest(copy))
    (copy / "training" / "baselines.py").unlink()
    digests.append(digest(copy))
    assert len(set(digests)) == 4


def test_another_numpy_is_another_digest(copy, monkeypatch):
    before = digest(copy)
    monkeypatch.setattr(np, "__version__", "9.9.9")
    assert digest(copy) != before


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ("threads=1", True),
        ("tracking.patience=5", True),
        ("seed=7", False),
        ("network.hidden=[8,4]", False),
        ("noise_transform=sign", False),
        ("data.test_size=21", False),
        ("data.pixel_divisor=2", False),
        ("data.pixel_divisor=1.0", True),
        ("data.digits=[1,0]", False),
    ],
)
def test_what_decides_the_result_counts_and_nothing_else(change, same):
    base = ("network=small", "epochs=2")
    prints = [fingerprint(composed(*o), trial(*o)) for o in (base, (*base, change))]
    assert (prints[0] == prints[1]) == same
    assert all(text.startswith("2-") for text in prints)


def test_back_propagation_does_not_care_for_the_estimator():
    base = ("network=small", "epochs=2", "dist=backprop")
    prints = [
        fingerprint(composed(*o), trial(*o))
        for o in (base, (*base, "estimator=spsa", "noise_transform=rank"))
    ]
    assert prints[0] == prints[1]

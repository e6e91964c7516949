"""CONTRIBUTING.md's recipes, followed to the letter in a copy of the program."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import PATIENCE, ROOT

RECIPES = (ROOT / "CONTRIBUTING.md").read_text().partition("## Recipes")[2].split("\n### ")[1:]
SMALL = ("network=small", "epochs=3", "tracking.enabled=false")
SETTING = """
import numpy as np
from noise_exp.training import IndependentStreams, Law, Trial, Xor
streams = IndependentStreams(init=1, data=1, noise=1)
split = Xor().split(streams.permutation, np.float64)
normal = Law("normal", loc=0.0, scale=1.0)
"""
# What each recipe promises, seen from outside.
PROMISES = {
    "A noise law": """
trial = Trial(split, Law("laplace", loc=0.0, scale=2.0), streams, hidden=[300, 300])
draws = np.empty(trial.objective.network.n_parameters)
trial.noise().fill(draws)
assert abs(draws.mean()) < 0.05
assert abs(draws.var() / 8 - 1) < 0.05  # twice the squared scale
""",
    "A distribution": """
from noise_exp.training.sparse import Sparse
trial = Trial(split, Sparse(0.9, 2.0), streams, hidden=[300, 300])
draws = np.empty(trial.objective.network.n_parameters)
trial.noise().fill(draws)
assert abs(np.mean(draws == 0) - 0.9) < 0.005
assert abs(draws[draws != 0].var() / 4 - 1) < 0.05
""",
    "An estimator": """
from noise_exp.training.estimators.one_sided import OneSided
trial = Trial(split, normal, streams, estimator=OneSided(1e-4), hidden=[2, 2])
at, noise = trial.trained, trial.noise()
steps = 1e-6 * np.eye(len(at))
loss = lambda w: trial.objective.evaluate(w).loss
down = np.array([(loss(at - step) - loss(at + step)) / 2e-6 for step in steps])
total, out = np.zeros_like(at), np.empty_like(at)
for _ in range(20_000):
    trial.estimator.estimate(trial.objective, at, noise, out)
    total += out
assert np.linalg.norm(total / 20_000 - down) < 0.1 * np.linalg.norm(down)
""",
    "An optimizer": """
from noise_exp.training.optimizers.signed import Signed
trial = Trial(split, None, streams, optimizer=Signed(0.25), hidden=[5, 5])
before = trial.parameters
next(trial.train())
moved = np.abs(trial.parameters - before)
assert set(np.round(np.unique(moved), 12)) <= {0.0, 0.25}  # the first step has its full length
assert moved.max() > 0
""",
    "A data set": """
from noise_exp.training.stripes import Stripes
split = Stripes(test_size=100, pixel_divisor=255.0).split(streams.permutation)
assert len(split.train_labels) == 300
for image, label in zip(split.test_images.reshape(-1, 28, 28), split.test_labels):
    level = image.mean(axis=1).std() > image.mean(axis=0).std()
    assert level == (label == 1)
""",
}


def files(recipe: str) -> dict[str, str]:
    """The files of a recipe, by where they go."""
    blocks = "\n".join(re.findall(r"^    .*$|^$", recipe, re.M))
    parts = re.split(r"^    # ((?:conf|noise_exp)/\S+)\n", blocks, flags=re.M)[1:]
    undented = ("\n".join(line[4:] for line in text.splitlines()) for text in parts[1::2])
    return dict(zip(parts[::2], undented, strict=True))


@pytest.fixture(params=RECIPES, ids=[recipe.splitlines()[0] for recipe in RECIPES])
def followed(request, tmp_path):
    """A copy of the program with a recipe's files in it, and the command that uses them."""
    for folder in ("conf", "noise_exp"):
        shutil.copytree(ROOT / folder, tmp_path / folder, symlinks=False)
    written = files(request.param)
    for name, text in written.items():
        assert not (tmp_path / name).exists()
        (tmp_path / name).write_text(text.rstrip() + "\n")
    (option,) = (text for name, text in written.items() if name.startswith("conf/"))
    (command,) = re.findall(r"^# (python -m noise_exp .*)$", option, re.M)
    return tmp_path, command, written


def run(folder, *arguments):
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, timeout=PATIENCE
    )


def test_its_command_runs_with_the_new_part(followed):
    folder, command, written = followed
    done = run(folder, *shlex.split(command)[1:], *SMALL)
    assert done.returncode == 0, done.stderr
    assert "test images wrong" in done.stdout
    listed = run(folder, "-m", "noise_exp", "--help").stdout
    for name in written:
        if name.startswith("conf/"):
            assert Path(name).stem in listed


def test_its_code_is_in_style(followed):
    folder, _, written = followed
    code = [name for name in written if name.endswith(".py")]
    shutil.copy(ROOT / "pyproject.toml", folder)
    for command in (("check", "--ignore=D100"), ("format", "--check")):
        if code:
            done = run(folder, "-m", "ruff", *command, *code)
            assert done.returncode == 0, done.stdout


def test_it_does_what_it_says(followed, request):
    folder, _, _ = followed
    (name,) = (n for n in PROMISES if n in request.node.name)
    done = run(folder, "-c", SETTING + PROMISES[name])
    assert done.returncode == 0, done.stderr


def test_every_recipe_has_its_promise():
    assert {recipe.splitlines()[0] for recipe in RECIPES} == set(PROMISES)

"""CONTRIBUTING.md's recipes and the tutorial, followed to the letter."""

import re
import shlex
import shutil
import textwrap
from pathlib import Path

import pytest
from PIL import Image
from support import ROOT, python

PAGE = (ROOT / "CONTRIBUTING.md").read_text("utf-8").partition("## Recipes")[2]
RECIPES = {recipe.partition("\n")[0]: recipe for recipe in PAGE.split("\n### ")[1:]}
SMALL = ("network=small", "epochs=3", "tracking.enabled=false")
SETTING = """
import numpy as np
from noise_exp.training import IndependentStreams, Distribution, Trial, Xor
streams = IndependentStreams(init=1, data=1, noise=1)
split = Xor().split(streams.permutation, np.float64)
normal = Distribution("normal", loc=0.0, scale=1.0)
"""
# What each recipe promises, seen from outside.
PROMISES = {
    "A noise distribution of your own": """
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
    parts = re.split(r"^    # (\S+\.(?:py|yaml))\n", blocks, flags=re.M)[1:]
    undented = ("\n".join(line[4:] for line in text.splitlines()) for text in parts[1::2])
    return dict(zip(parts[::2], undented, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("name", PROMISES)
def test_its_command_runs_it_is_in_style_and_it_does_what_it_says(name, tmp_path):
    for folder in ("conf", "noise_exp"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    written = files(RECIPES[name])
    for path, text in written.items():
        assert not (tmp_path / path).exists()
        (tmp_path / path).write_text(text.rstrip() + "\n", "utf-8")
    (option,) = (path for path in written if path.startswith("conf/"))
    (command,) = re.findall(r"^# (python -m noise_exp .*)$", written[option], re.M)
    assert "test images wrong" in python(*shlex.split(command)[1:], *SMALL, cwd=tmp_path)
    assert Path(option).stem in python("-m", "noise_exp", "--help", cwd=tmp_path)
    if code := written.keys() - {option}:
        for style in (("check", "--ignore=D100"), ("format", "--check")):
            python("-m", "ruff", *style, *code, cwd=tmp_path)
    python("-c", SETTING + PROMISES[name], cwd=tmp_path)


def test_every_recipe_has_its_promise():
    assert RECIPES.keys() == PROMISES.keys()


def without_numbers(text: str) -> str:
    return re.sub(r"[\d.]+", "0", text)


@pytest.mark.slow
def test_the_tutorial_does_what_it_says(newcomer):
    """Its blocks in their order: files are written, commands run, and what they print is shown.

    Training is made shorter, so numbers may differ.
    """
    place, output = newcomer.folder, ""
    page = (ROOT / "docs" / "tutorial.md").read_text("utf-8")
    for block in re.findall(r"(?:^    .*\n|^\n+(?=    ))+", page, re.M):
        for path, text in files(block).items():
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            (place / path).write_text(text, "utf-8")
        lines = textwrap.dedent(block).strip().replace("\\\n", "").splitlines()
        for line in lines if not files(block) else ():
            match shlex.split(line):
                case ["python", "-m", "noise_exp.tracking", "ui"]:
                    pass  # it has tests of its own
                case ["python", "-m", module, *arguments]:
                    short = SMALL[:2] if module == "noise_exp" else ()
                    output = newcomer.ok(*arguments, *short, module=module).stdout
                case ["python", script]:
                    output = python(script, cwd=place)
                case ["noise_exp:", "data:", *_]:
                    Image.new("RGB", (28, 28), "red").save(place / "shapes" / "ring" / "0.png")
                    assert newcomer(*arguments).stderr == f"{line}\n"
                case ["noise_exp:", "estimator:", *_]:
                    option = place / "my" / "estimator" / "one_layer.yaml"
                    option.write_text(option.read_text().replace("one_layer.", "one_layr."))
                    assert newcomer(*arguments).stderr == f"{line}\n"
                case _:
                    assert without_numbers(line) in without_numbers(output)
    estimator = place / "one_layer.py"
    estimator.write_text(estimator.read_text().replace("len(layers) * (minus", "(minus"))
    with pytest.raises(AssertionError, match=r"assert error < 0\.1"):
        python("check_one_layer.py", cwd=place)

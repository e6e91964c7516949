"""What a notebook is promised: `noise_exp.training` by name, and the README's lines."""

import ast
import re
import subprocess
import sys

import pytest
from omegaconf import OmegaConf
from support import ROOT, options

import noise_exp.training
from noise_exp.job.config import CONF_DIR
from noise_exp.job.values import class_of
from noise_exp.training import article

README = ROOT / "README.md"
FACE = {
    "data": {"Csv", "Embedded", "Folder", "Idx", "Npz", "OpenML", "Xor", "Split",
             "pixel_sum_errors"},
    "noise": {"ARTICLE_DISTRIBUTIONS", "DistributionLike", "Distribution", "NoiseTransform",
              "QuantileDistribution", "IndependentStreams", "ArticleStream"},
    "estimators": {"CostScaled", "EvolutionStrategy", "ExactGradient", "FeedbackAlignment",
                   "ForwardGradient", "LearnedFeedback", "LowRankES", "NodePerturbation", "Spsa",
                   "UnitForwardGradient"},
    "optimizers": {"Adam", "Annealing", "HillClimb", "Momentum", "Vanilla"},
    "network": {"CrossEntropy", "Network", "Objective", "SquaredError"},
    "trial": {"EpochRecord", "Schedule", "Tested", "Trained", "Trial"},
}  # fmt: skip


def test_the_face_is_what_it_was_and_has_every_part_that_an_option_names():
    face = set(noise_exp.training.__all__)
    assert face >= set().union(*FACE.values())
    for group in ("estimator", "optimizer"):
        for option in options(group):
            whole = OmegaConf.load(CONF_DIR / group / f"{option}.yaml")
            target = whole.get(group, whole)["_target_"]
            assert class_of(target) is getattr(noise_exp.training, target.rpartition(".")[2])
    for name in noise_exp.training.__all__:
        assert getattr(noise_exp.training, name).__doc__ or name == "ARTICLE_DISTRIBUTIONS"


def snippet():
    """The README's lines for a notebook."""
    section = README.read_text().partition("## In a notebook\n")[2].partition("\n## ")[0]
    return "\n".join(line[4:] for line in re.findall(r"^    .*$|^$", section, re.M)).strip()


def test_the_readmes_notebook_runs_without_hydra_or_mlflow():
    code = snippet()
    assert len([line for line in code.splitlines() if line]) <= 12
    ast.parse(code)
    blocked = ("hydra", "omegaconf", "mlflow", "matplotlib", "rich", "pandas", "scipy")
    alone = f"import sys\nfor name in {blocked}: sys.modules[name] = None\n"
    small = code.replace("epochs=10)", "epochs=3), hidden=(8, 9)")
    assert small != code
    done = subprocess.run(
        [sys.executable, "-c", alone + small], capture_output=True, text=True, check=True
    )
    *epochs, last = done.stdout.splitlines()
    assert [line.split()[0] for line in epochs] == ["0", "1", "2"]
    assert re.fullmatch(r"\d+ of 500 test images wrong", last)


@pytest.mark.parametrize(
    ("file", "keys"),
    [
        ("estimator/cost_scaled", {"signal": list(article.SIGNAL)}),
        ("optimizer/vanilla", {"lr": article.LR, "drop_epoch": article.DROP_EPOCH,
                               "dropped_lr": article.DROPPED_LR}),
        ("network/article", {"hidden": list(article.HIDDEN), "init_scale": article.INIT_SCALE}),
        ("data/article", {"digits": list(article.DIGITS), "test_size": article.TEST_SIZE}),
        ("config", {"seed": article.SEED, "epochs": article.EPOCHS}),
        ("experiment/article", {"seed": article.SEED, "epochs": article.EPOCHS}),
    ],
)  # fmt: skip
def test_the_commands_defaults_are_the_articles_constants(file, keys):
    options = OmegaConf.load(CONF_DIR / f"{file}.yaml")
    assert {key: options[key] for key in keys} == keys

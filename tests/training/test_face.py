"""What a notebook is promised: `noise_exp.training` by name, and the README's lines."""

import ast
import re

from omegaconf import OmegaConf
from support import ROOT, composed, options, python

import noise_exp.training
from noise_exp.job.config import CONF_DIR
from noise_exp.job.values import class_of
from noise_exp.training import article

README = ROOT / "README.md"
FACE = """
    Csv Embedded Folder Idx Npz OpenML Xor Split pixel_sum_errors
    ARTICLE_DISTRIBUTIONS DistributionLike Distribution NoiseTransform QuantileDistribution
    IndependentStreams ArticleStream
    CostScaled EvolutionStrategy ExactGradient FeedbackAlignment ForwardGradient LearnedFeedback
    LowRankES NodePerturbation Spsa UnitForwardGradient
    DirectKolenPollack KolenPollack SignSymmetry WeightMirror
    Adam Annealing HillClimb Momentum Vanilla
    CrossEntropy Network Objective SquaredError EpochRecord Schedule Tested Trained Trial
"""


def test_the_face_is_what_it_was_and_has_every_part_that_an_option_names():
    face = set(noise_exp.training.__all__)
    assert face >= set(FACE.split())
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
    *epochs, last = python("-c", alone + small).splitlines()
    assert [line.split()[0] for line in epochs] == ["0", "1", "2"]
    assert re.fullmatch(r"\d+ of 500 test images wrong", last)


def test_the_commands_defaults_are_the_articles_constants():
    of_command = composed("data=article", "network=article")
    by_group = {
        "estimator": {"signal": [*article.SIGNAL]},
        "optimizer": {"lr": article.LR, "drop_epoch": article.DROP_EPOCH,
                      "dropped_lr": article.DROPPED_LR},
        "network": {"hidden": [*article.HIDDEN], "init_scale": article.INIT_SCALE},
        "data": {"digits": [*article.DIGITS], "test_size": article.TEST_SIZE},
    }  # fmt: skip
    for group, constants in by_group.items():
        assert {key: of_command[group][key] for key in constants} == constants
    for cfg in (of_command, composed("experiment=article")):
        assert (cfg.seed, cfg.epochs) == (article.SEED, article.EPOCHS)

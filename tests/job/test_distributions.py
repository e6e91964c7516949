"""A distribution of the user's own: a class with a name and `fill`, from a file beside the run."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from omegaconf import open_dict
from support import PATIENCE, SMALL, composed

from noise_exp.errors import UserError
from noise_exp.job.build import build
from noise_exp.job.describe import plain
from noise_exp.job.fingerprint import fingerprint
from noise_exp.training import Adam, Distribution, IndependentStreams, Spsa, Trial, Xor

SPIKE = """
import dataclasses
import numpy as np

@dataclasses.dataclass(frozen=True)
class Spike:
    zeros: float = 0.9
    distribution: str = "normal"
    name = "spike"

    def __post_init__(self):
        if not 0 <= self.zeros < 1:
            raise ValueError(f"zeros must be at least 0 and below 1, got {self.zeros}")

    def fill(self, rng, out):
        out[...] = getattr(rng, self.distribution)(size=out.shape)
        out *= rng.random(len(out)) >= self.zeros
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Write a module of this text, and compose a run whose noise is its class Spike."""
    monkeypatch.syspath_prepend(str(tmp_path))
    # Two texts of one length within a second would be read from the bytecode of the first.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def written(text=SPIKE, *overrides, **keys):
        (tmp_path / "own_spike.py").write_text(text)
        sys.modules.pop("own_spike", None)
        cfg = composed("data=xor", "network=small", "epochs=3", *overrides)
        with open_dict(cfg):
            cfg.dist = {"_target_": "own_spike.Spike", **keys}
        return cfg

    return written


def test_it_draws_by_its_own_rule_whatever_the_threads(own):
    whole = []
    for threads in (1, 2, 5):
        run = build(own(SPIKE, zeros=0.75), threads)
        draws = np.empty(300_000, np.float32)  # of several threads
        run.noise().fill(draws)
        costs = [epoch.cost for epoch in run.train()]
        whole.append((draws.tobytes(), costs, run.parameters.tobytes()))
    assert abs(np.mean(draws == 0) - 0.75) < 0.005
    assert whole[0] == whole[1] == whole[2]
    assert len(set(costs)) == 3


@pytest.mark.parametrize("estimator", ["node_perturbation", "learned_feedback", "es"])
def test_estimators_and_transforms_take_it(own, estimator):
    for how in ("sign", "rank"):
        run = build(own(SPIKE, f"estimator={estimator}", f"noise_transform={how}"))
        assert np.isfinite([epoch.cost for epoch in run.train()]).all()


def test_its_name_its_keys_and_its_source_decide_its_result(own):
    def made(text=SPIKE, **keys):
        run = build(cfg := own(text, **keys))
        run.noise().fill(draws := np.empty(50))
        return fingerprint(plain(cfg), run), draws.tobytes()

    first = made()
    others = [made(zeros=0.5), made(SPIKE + "\n"), made(SPIKE.replace('"spike"', '"other"'))]
    assert first == made()
    assert len({first[0], *(other[0] for other in others)}) == 4
    assert [other[1] == first[1] for other in others] == [False, True, False]


@pytest.mark.parametrize(
    ("old", "new", "keys", "message"),
    [
        ("", "", {"zeros": 1.0}, "dist.zeros must be at least 0 and below 1, got 1.0"),
        ("", "", {"zeros": "many"}, "dist: Value 'many'"),
        ("", "", {"width": 2}, "dist: Key 'width' not in 'Spike'"),
        ("fill", "draw", {}, "dist: distribution must have a name, a text, and fill(rng, out)"),
        ('"spike"', '"gumbel"', {}, "distribution has the name of NumPy's sampler gumbel"),
        ("out[...] =", "out =", {}, "distribution spike must write each number into out"),
        ("out[...] = getattr", "out[:-1] = out[1:]; getattr", {}, "of 99 it left"),
        ("out[...] = getattr", "out[...] = 1, 2; getattr", {}, "dist: distribution spike must"),
        ("@dataclasses.dataclass(frozen=True)", "", {}, "dist: "),
    ],
)
def test_what_does_not_fit_is_one_line(own, old, new, keys, message):
    with pytest.raises(UserError) as refused:
        build(own(SPIKE.replace(old, new), **keys))
    (line,) = str(refused.value).splitlines()
    assert message in line


def test_the_articles_stream_has_numpys_distributions_alone(own):
    with pytest.raises(UserError, match=r"own_spike\.Spike is none; use stream=independent"):
        build(own(SPIKE, "stream=article"))


def test_in_a_notebook_a_class_is_enough_and_a_wrong_one_is_refused():
    class Signs:
        name = "signs"

        def fill(self, rng, out):
            out[...] = rng.choice((-1, 1), len(out))

    streams = IndependentStreams(1, 1, 1)
    split = Xor().split(streams.permutation)
    options = {
        "hidden": (4, 4),
        "estimator": Spsa(0.01, 1),
        "optimizer": Adam(0.1, 0.9, 0.99, False),
    }
    costs = [e.cost for e in Trial(split, Signs(), streams, **options).train()]
    assert costs[-1] < costs[0] / 2
    with pytest.raises(ValueError, match=r"^distribution must have a name"):
        Trial(split, Distribution, streams, **options)


def test_the_script_finds_it_in_the_working_folder_and_so_do_joblibs_workers(cli):
    (cli.folder / "spike.py").write_text(SPIKE)
    cli.own_option("dist", "spike", "_target_: spike.Spike\nzeros: 0.9\n")
    done = subprocess.run(
        [Path(sys.executable).with_name("noise-exp"), "--config-dir=my", "-m", "dist=spike,gumbel",
         "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", *SMALL],
        cwd=cli.folder, env=cli.env, capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    spike, gumbel = sorted((run.data for run in cli.runs("run")), key=lambda data: len(data.tags))
    assert (spike.params["dist"], spike.params["dist.zeros"]) == ("spike", "0.9")
    assert "article_letter" not in spike.tags
    assert gumbel.tags["article_letter"] == "a"


def test_one_of_conf_dist_more_goes_by_its_samplers_name(cli):
    cli.ok("-m", "dist=more/laplace,gumbel", "hydra.sweep.dir=out", *SMALL)
    runs = {run.data.params["dist"]: run for run in cli.runs("run")}
    assert {*runs} == {"laplace", "gumbel"}
    laplace = runs["laplace"]
    assert (laplace.info.run_name, laplace.data.tags["dist"]) == ("laplace seed=452", "laplace")
    assert laplace.data.params["dist.scale"] == "1.0"
    assert {*runs} <= {*pd.read_csv(cli.folder / "out" / "comparison.csv").method}
    (again,) = cli.ok("dist=more/laplace", "resume=true", *SMALL).stdout.splitlines()[:1]
    assert laplace.info.run_id in again


def test_samplers_that_take_the_place_of_an_options_are_told_apart(cli):
    cli.ok("-m", "dist.sampler=laplace,logistic", "hydra.sweep.dir=out", *SMALL)
    methods = {*pd.read_csv(cli.folder / "out" / "comparison.csv").method}
    assert {f"gumbel dist.sampler={name}" for name in ("laplace", "logistic")} <= methods


def test_classes_that_take_the_place_of_an_options_are_told_apart(cli):
    (cli.folder / "spike.py").write_text(f"{SPIKE}\nclass Other(Spike):\n    pass\n")
    cli.own_option("dist", "spike", "_target_: spike.Spike\nzeros: 0.9\n")
    cli.ok("--config-dir=my", "-m", "dist=spike", "dist._target_=spike.Spike,spike.Other",
           "hydra.sweep.dir=out", *SMALL)  # fmt: skip
    methods = {*pd.read_csv(cli.folder / "out" / "comparison.csv").method}
    assert {f"spike dist._target_=spike.{name}" for name in ("Spike", "Other")} <= methods

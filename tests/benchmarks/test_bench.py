"""The benchmark: what every contender computes is the same training, and memory stays small."""

import importlib
import itertools
import math
import os
import subprocess
import sys
from concurrent.futures import Future

import pytest
from support import most_mebibytes

from studies.benchmarks import __main__ as bench
from studies.benchmarks import compare, figures, ours, race
from studies.benchmarks.overhead import Overhead
from studies.benchmarks.overhead import table as overhead_table
from studies.benchmarks.problem import METHODS, article_trial
from studies.benchmarks.turns import own_process, take_turns


def timings(**milliseconds):
    return [
        compare.Timing(name, method, (ms, ms + 1, ms + 2))
        for name, ms in milliseconds.items()
        for method in METHODS
    ]


def test_ratios_are_of_medians():
    measured = timings(noise_exp=10.0, article=50.0, PyTorch=20.0, JAX=13.0, products=9.0)
    rows = compare.table(measured).splitlines()
    assert rows[2] == (
        "| gumbel | 11.0 (10.0-12.0) | 51.0 (50.0-52.0) | 21.0 (20.0-22.0) | 14.0 (13.0-15.0) "
        "| 10.0 (9.0-11.0) | 91% | 4.64 | 1.91 | 1.27 |"
    )


@pytest.mark.parametrize("peer", ["article", "PyTorch", "JAX"])
@pytest.mark.parametrize("method", METHODS)
def test_peers_train_as_we_do(peer, method):
    module, prepare, package = compare.CONTENDERS[peer]
    pytest.importorskip(package, reason=f"{package} is not installed: pip install '.[bench]'")
    found = importlib.import_module(f"studies.benchmarks.{module}")
    theirs = getattr(found, prepare)(article_trial(method, 1, (12, 9)))
    mine = ours.prepare(article_trial(method, 2, (12, 9)))
    assert theirs(1) == pytest.approx(mine(1), rel=1e-4)
    # Back propagation goes the same way; noise is other noise of the same kind, so small here.
    close = 1e-3 if method == "backprop" else 0.05
    if method not in ("pareto", "zipf"):
        assert theirs(3) == pytest.approx(mine(3), rel=close)


@pytest.mark.parametrize("method", ["gumbel", "backprop"])
def test_calls_go_on_with_one_training(method):
    whole, parts = (ours.prepare(article_trial(method, 1, (12, 9))) for _ in range(2))
    assert whole(5) == [parts(n) for n in (1, 3, 1)][-1]
    roof = ours.prepare_products(article_trial(method, 1, (12, 9)))
    assert math.isnan(roof(1))


def where(name, threads, case):
    return os.getpid(), name, threads, case


def test_contenders_take_turns_each_in_its_own_process():
    rounds = list(take_turns(where, ["a", "b"], [("first",), ("second",)], 1))
    assert [(name, case) for name, case, _ in rounds] == [
        ("a", ("first",)), ("b", ("first",)), ("a", ("second",)), ("b", ("second",)),
    ]  # fmt: skip
    outcomes = [outcome for *_, outcome in rounds]
    assert [outcome[1:] for outcome in outcomes] == [(name, 1, *case) for name, case, _ in rounds]
    assert outcomes[0][0] == outcomes[2][0] != outcomes[1][0] == outcomes[3][0]


def most_after_an_epoch(method, images):
    ours.prepare(article_trial(method, 2, images=images))(1)
    return most_mebibytes()


@pytest.mark.slow
@pytest.mark.parametrize("method", ["gumbel", "backprop"])
def test_sixty_thousand_images_fit_in_two_gibibytes(method):
    with own_process(2) as process:
        # Half of the promise; activations of all images at once would take 1.3 GiB more.
        assert process.submit(most_after_an_epoch, method, 60_000).result() < 1024


def test_overhead_says_what_help_imports():
    assert "| `--help` imports of MLflow, matplotlib, pandas | mlflow |" in overhead_table(
        Overhead(1, ("mlflow",), 0.1, 2, 30, 0.01, 0)
    )


def test_figures_are_drawn():
    bars = {"ours": [(1, 2), (3, 4)], "theirs": [(5, 6), (7, 8)]}
    figure = figures.time_per_epoch(["gumbel", "backprop"], bars, [1, 2])
    assert len(figure.axes[0].containers) >= 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--threads", "0"], "--threads must be at least 1, got 0"),
        (["--parts", "colour"], "invalid choice: 'colour'"),
    ],
)
def test_mistakes_are_said_in_one_line(tmp_path, arguments, words):
    done = subprocess.run(
        [sys.executable, "-m", "studies.benchmarks", *arguments],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_peer_is_named_in_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr(compare, "CONTENDERS", {"Peer": ("peer", "prepare", "not_installed_here")})
    monkeypatch.setattr(sys, "argv", ["bench", "--parts", "methods", "--output", str(tmp_path)])
    with pytest.raises(SystemExit) as stopped:
        bench.main()
    missing = "not_installed_here is missing: pip install 'noise-exp[bench]'"
    assert stopped.value.code == f"studies.benchmarks: {missing}"


class Here:
    """An executor that works where it is called."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def submit(self, work, *given):
        done = Future()
        done.set_result(work(*given))
        return done


def test_evosax_gets_its_trials_on_validation_images_and_the_best_its_seeds(monkeypatch, tmp_path):
    asked = []

    def measured(algorithm, settings, seed, seconds, validation):
        asked.append((seed, validation, settings["std"]))
        row = {"cell": f"{seconds:g}s/{algorithm}", "seed": str(seed), "work": 1.0, "images": 100}
        row |= {key: str(value) for key, value in settings.items()}
        errors = int(1000 * settings["std"])
        return row | {"seconds": seconds, "errors": errors, "score": settings["std"],
                      "environment": "", "version": ""}  # fmt: skip

    monkeypatch.setattr(race, "own_process", lambda _: Here())
    monkeypatch.setattr(race, "measured", measured)
    for _ in range(2):  # what is done is not done again
        race.race("Open_ES", 10.0, 12, 3, tmp_path)
    trials, runs = asked[:12], asked[12:]
    assert {(seed, validation) for seed, validation, _ in trials} == {(452, True)}
    assert len({std for *_, std in trials}) == 12
    best = min(std for *_, std in trials)
    assert runs == [(seed, False, pytest.approx(best)) for seed in (1, 2, 3)]


@pytest.mark.parametrize("algorithm", race.ALGORITHMS)
def test_evosax_learns_ten_digits_from_the_same_images(monkeypatch, algorithm):
    pytest.importorskip("evosax")
    ticks = itertools.count()
    peer = importlib.import_module("studies.benchmarks.evosax_peer")
    # A look at the clock is a second: so many generations.
    monkeypatch.setattr(peer, "perf_counter", lambda: float(next(ticks)))
    settings = {"hidden": "[128]", "init_scale": 0.05, "batch": 128, "population": 32, "std": 0.03}
    if algorithm == "Open_ES":
        settings |= {"lr": 0.01, "lr_falls": True, "std_falls": True}
    row = race.measured(algorithm, settings, 0, 60.0, validation=False)
    assert 20 < row["work"] / (32 * 128 / 8000) < 61
    assert row["score"] < 0.8  # chance is 0.9

"""The benchmark: what every contender computes is the same training, and memory stays small."""

import importlib
import subprocess
import sys

import pytest

from noise_exp import figures
from noise_exp.bench import compare, ours
from noise_exp.bench.growth import growth
from noise_exp.bench.overhead import Overhead
from noise_exp.bench.overhead import table as overhead_table
from noise_exp.bench.problem import METHODS, article_problem


def timings(**milliseconds):
    return [
        compare.Timing(name, method, (ms, ms + 1, ms + 2))
        for name, ms in milliseconds.items()
        for method in METHODS
    ]


def test_table_and_verdict_divide_medians():
    measured = timings(noise_exp=10.0, article=50.0, PyTorch=20.0, JAX=13.0, products=9.0)
    rows = compare.table(measured).splitlines()
    assert rows[2] == (
        "| gumbel | 11.0 (10.0-12.0) | 51.0 (50.0-52.0) | 21.0 (20.0-22.0) | 14.0 (13.0-15.0) "
        "| 10.0 (9.0-11.0) | 91% | 4.64 | 1.91 | 1.27 |"
    )
    verdict = compare.verdict(measured)
    assert "| every law against PyTorch; least: gumbel | 1.50 | 1.91 | met |" in verdict
    assert "| every law against JAX; least: gumbel | 1.50 | 1.27 | missed |" in verdict
    assert "| share of the products, median law | 88% | 91% | met |" in verdict


@pytest.mark.parametrize("peer", ["article", "torch_peer", "jax_peer"])
@pytest.mark.parametrize("method", METHODS)
def test_peers_train_as_we_do(peer, method):
    package = {"torch_peer": "torch", "jax_peer": "jax"}.get(peer, "numpy")
    pytest.importorskip(package)
    problem = article_problem((12, 9))
    theirs = importlib.import_module(f"noise_exp.bench.{peer}").prepare(problem, method, 1)
    mine = ours.prepare(problem, method, 2)
    assert theirs(1) == pytest.approx(mine(1), rel=1e-4)
    # Back propagation goes the same way; noise is other noise, of the same law, so small here.
    close = 1e-3 if method == "backprop" else 0.05
    if method not in ("pareto", "zipf"):
        assert theirs(3) == pytest.approx(mine(3), rel=close)


def test_sixty_thousand_images_fit_in_two_gibibytes():
    sizes = growth(images=(60_000,), widths=(), threads=(2,))
    assert {s.method for s in sizes} == {"gumbel", "backprop"}
    for size in sizes:
        # Half of the promise; activations of all images at once would take 1.3 GiB more.
        assert size.mebibytes < 1024


def test_overhead_says_what_help_imports():
    assert "| `--help` imports | mlflow |" in overhead_table(Overhead(1, ("mlflow",), 0.1, 0.01, 0))


def test_figures_are_drawn():
    lines = [figures.Line("a", [1, 10], [2, 3]), figures.Line("b", [1, 10], [4, 5])]
    assert len(figures.growth([("x", "y", lines)] * 4).axes) == 4
    bars = {"ours": [(1, 2), (3, 4)], "theirs": [(5, 6), (7, 8)]}
    figure = figures.time_per_epoch(["gumbel", "backprop"], bars, [1, 2])
    assert len(figure.axes[0].containers) >= 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--threads", "0"], "--threads must be at least 1, got 0"),
        (["--parts", "colour"], "invalid choice: 'colour'"),
        (["--page", "nowhere.md"], "there is no file nowhere.md"),
    ],
)
def test_mistakes_are_said_in_one_line(tmp_path, arguments, words):
    done = subprocess.run(
        [sys.executable, "-m", "noise_exp.bench", *arguments],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_peer_is_named(monkeypatch):
    monkeypatch.setattr(compare, "CONTENDERS", {"Peer": ("peer", "not_installed_here")})
    with pytest.raises(ModuleNotFoundError, match="not_installed_here"):
        compare.compare(1, 1, 1, METHODS[:1])

"""`python -m studies.learning`: what it writes is what the results hold."""

import numpy as np
import pandas as pd
import pytest
from made_up import recorded
from scipy import stats
from support import table_rows, trial

from noise_exp.training import article
from studies import baselines, results
from studies.learning import measured
from studies.learning.tables import METHODS

ORIGIN = {"environment": "", "version": "1"}
BASELINE = "logistic regression on the pixels"


def runs(cell, dist, errors, seconds=2.0, **known):
    return pd.DataFrame(
        {"cell": cell, "dist": dist, "seed": str(seed), "errors": wrong, "images": 500,
         "work": 30.0, "seconds": seconds, "score": 0.1, **known, **ORIGIN}
        for seed, wrong in enumerate(errors, 1)
    )  # fmt: skip


@pytest.fixture
def made_up(tmp_path):
    """Results of the whole study, made up."""
    zeros, exact = [2, 1, 0, 3, 1], [1, 1, 0, 1, 1]
    frames = [
        runs("learn", "gaussian", zeros),
        runs("learn", "backprop", exact),
        runs("learn", "beta", [5, 6, 5, 7, 6]),
        runs("digits", "gaussian", [25, 26, 25, 24, 25]),
        runs("digits_backprop", "", [26, 25, 25, 25, 26]),
        *(runs(f"{task}_baselines", BASELINE, [40]) for task in ("learn", "digits")),
        runs("learn_layers", "gaussian", [4, 6], **{"network.frozen": "[1,2]"}),
        runs("learn_layers", "gaussian", [2, 2], **{"network.frozen": "[]"}),
        runs("digits_layers", "gaussian", [2, 2], **{"network.frozen": "[]"}),
        runs("grid", "gaussian", [20], estimator="spsa", optimizer="adam"),
        runs("seconds", "gaussian", [1], seconds=0.5),
        runs("seconds", "article", [0], seconds=10.0),
    ]
    for frame in results.join(frames).groupby("cell"):
        results.merge(tmp_path / "learning.csv", frame[1])
    curve = {"forward_passes": [1, 2], "train_seconds": [1, 2], "train_error_rate": [0.5, 0.1]}
    shown = [
        pd.DataFrame({"cell": task, "dist": dist, **curve})
        for task in ("learn", "digits")
        for dist in ("gaussian", "backprop")
    ]
    pd.concat(shown).to_csv(tmp_path / "learning_curves.csv", index=False)
    return tmp_path


def test_tables_and_figures_of_results(cli, made_up):
    done = cli("pages", "--output", "out", "--results", str(made_up), module="studies.learning")
    assert done.returncode == 0, done.stderr
    written = cli.folder / "out"

    def rows(name):
        return table_rows((written / f"{name}.md").read_text())[2:]

    table = {row[0]: row for row in rows("learn")}
    assert list(table) == ["gaussian", "beta", "backprop"]  # in the article's order
    low, high = stats.ttest_1samp([0.4, 0.2, 0, 0.6, 0.2], 0).confidence_interval(0.95)
    assert table["gaussian"][2] == f"0.28 ± {(high - low) / 2:.2f}"
    assert table["gaussian"][4] == "3 of 500"
    more = stats.ttest_1samp([0.8, 1, 1, 1.2, 1], 0).confidence_interval(1 - 0.05 / 2)
    assert table["beta"][3] == f"+1.00 ± {(more.high - more.low) / 2:.2f}: higher"
    layers = {row[0]: row[1:] for row in rows("learn_layers")}
    assert list(layers) == ["3", "1 2 3"]
    assert layers["1 2 3"] == ["0.40 ± 0.00"]
    assert rows("digits_baselines")[0] == [BASELINE, "8.00"]
    assert [row[0] for row in rows("digits")] == ["gaussian", "backprop"]
    assert rows("grid")[0] == ["spsa", "4.0"]
    assert rows("seconds")[0] == ["gaussian", "0.50", "1", "0.05"]
    pictures = {path.name for path in written.glob("*.png")}
    assert pictures == {"curves.png", "learn.png", "digits.png"}


def test_without_results_it_is_said_that_nothing_is_made(cli):
    done = cli("pages", "--results", "nowhere", module="studies.learning")
    assert done.returncode == 0
    assert done.stdout.startswith("there are no results in nowhere/learning.csv")
    assert not (cli.folder / "docs").exists()


def test_curves_are_medians_as_far_as_all_runs_go():
    def run(costs, rates):
        curves = {"cost": costs, "forward_passes": costs, "train_seconds": costs,
                  "train_error_rate": rates}  # fmt: skip
        return recorded({"dist": "gaussian"}, curves=curves)

    three = [run([1, 2, 3], [0.5, 0.4, 0.1]), run([2, 3], [0.3, 0.2]), run([3, 9], [0.9, 0.3])]
    curve = measured.curves("learn", three)
    assert list(curve.train_error_rate) == [0.5, 0.3]
    assert list(curve.forward_passes) == [2, 3]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("data", "test_size", "at_most"), [("mnist01", 500, 0.02), ("mnist10", 8000, 0.15)]
)
def test_baselines(data, test_size, at_most):
    experiment = trial(f"data={data}", "data.pixel_divisor=255", f"data.test_size={test_size}",
                       "network=small")  # fmt: skip
    most_frequent = baselines.constant(experiment.split)
    labels = experiment.split.test_labels
    assert most_frequent == min(np.sum(labels != k) for k in np.unique(labels))
    assert baselines.logistic_regression(experiment.split) < at_most * test_size
    one, many = (baselines.best_random(experiment, 0.2, n, 1) for n in (1, 40))
    assert many < one or many < most_frequent


@pytest.mark.slow
def test_neighbours_are_counted_on_validation_images_alone():
    split, validation = (
        trial("data=mnist10", "data.pixel_divisor=255", f"data.validation_size={size}").split
        for size in (0, 2000)
    )
    k, wrong = baselines.nearest_neighbours(split, validation)
    assert k in range(1, 16, 2)
    known, asked = split.train_images, split.test_images
    distances = np.square(known).sum(axis=1) - 2 * asked @ known.T
    nearest = split.train_labels[np.argsort(distances, axis=1)[:, :k]]
    votes = np.array([np.bincount(labels, minlength=10).argmax() for labels in nearest])
    assert abs(wrong - np.sum(votes != split.test_labels)) <= 2  # equal distances


@pytest.mark.slow
def test_seconds_have_a_row_of_the_articles_way(monkeypatch):
    monkeypatch.setattr(article, "EPOCHS", 2)
    rows = measured.seconds([METHODS[-1]], 1)
    assert list(rows.dist) == ["backprop", "article"]
    assert rows.seconds.min() > 0
    assert rows.errors[0] < 10


def test_a_study_that_was_cut_short_is_said_not_to_be_whole(cli, made_up):
    path = cli.folder / "learning.csv"
    found = results.read(made_up / "learning.csv")
    found[found.cell != "grid"].to_csv(path, index=False)
    done = cli("pages", "--results", str(cli.folder), "--output", "out", module="studies.learning")
    assert done.returncode == 1
    assert done.stderr == "studies.learning: learning.csv lacks grid; `run` goes on\n"
    assert not (cli.folder / "out").exists()

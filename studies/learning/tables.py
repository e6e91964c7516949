"""The tables of docs/learning.md, of the rows of its results."""

import pandas as pd

from noise_exp.training import ARTICLE_DISTRIBUTIONS
from studies.comparison import mean, percent
from studies.comparison import table as compared

METHODS = ["gaussian" if name == "normal" else name for name in ARTICLE_DISTRIBUTIONS]
METHODS.append("backprop")  # options of dist, in the article's order
TASKS = {"learn": "Zeros and ones", "digits": "Ten digits"}
_ARTICLE = "back propagation, the article's way: float64, 100 epochs"


def all_tables(runs: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the page's tables by their places."""
    made = {name: methods(of(runs, name)) for name in TASKS}
    for task in TASKS:
        made[f"{task}_baselines"] = baselines(of(runs, f"{task}_baselines"))
        made[f"{task}_layers"] = layers(of(runs, f"{task}_layers"))
    return {**made, "grid": grid(of(runs, "grid")), "seconds": seconds(of(runs, "seconds"))}


def of(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return a sweep's rows, those of its back propagation among them, in the article's order."""
    own = rows[rows.cell.isin([name, f"{name}_backprop"])]
    # Its experiment says so, and the command that the rows hold does not.
    own = own.assign(dist=own.dist.mask(own.cell != name, "backprop"))
    order = {method: place for place, method in enumerate(METHODS)}
    return own.sort_values(
        "dist", key=lambda dist: dist.map(order).fillna(len(order)), kind="stable"
    )


def methods(runs: pd.DataFrame) -> pd.DataFrame:
    """One row per method: test errors, the difference to back propagation, passes.

    Differences are paired by seed, so by split; equal `network.init_scale` pairs weights too. Their
    intervals hold all at once.
    """
    groups = runs.groupby("dist", sort=False)
    worst = groups.errors.max().map("{:g}".format) + " of " + groups.images.max().map("{:g}".format)
    table = compared(runs, "dist", METHODS, ["backprop"], ".2f")
    return table.assign(
        **{
            "worst seed": table.method.map(worst),
            "passes": table.method.map(groups.work.max().map("{:.1f}".format)),
        }
    )


def layers(runs: pd.DataFrame) -> pd.DataFrame:
    """Test error by which layers learned: one row per set of layers, one column per method."""
    learned = [" ".join(i for i in "123" if i not in frozen) for frozen in runs["network.frozen"]]
    table = runs.assign(learned=learned, error=percent(runs)).pivot_table(
        "error", "learned", "dist", lambda errors: mean(list(errors), ".2f")
    )
    table = table.sort_index(key=lambda names: names.map(lambda name: (len(name), name)))
    return table.add_suffix(", %").rename_axis("layers that learn").reset_index()


def baselines(runs: pd.DataFrame) -> pd.DataFrame:
    """One row per baseline: its test errors over splits."""
    return pd.DataFrame(
        {"baseline": name, "test error, %": mean(list(percent(group)), ".2f")}
        for name, group in runs.groupby("dist", sort=False)
    )


def grid(runs: pd.DataFrame) -> pd.DataFrame:
    """Test error of every estimator (rows) with every optimizer (columns) in percent."""
    table = runs.assign(error=percent(runs)).pivot_table(
        "error", "estimator", "optimizer", "median", sort=False
    )
    return table.map("{:.1f}".format).reset_index()


def seconds(runs: pd.DataFrame) -> pd.DataFrame:
    """One row per method: seconds of training and test errors, the article's way below them."""
    theirs = runs[runs.dist == "article"].seconds.iloc[0]
    return pd.DataFrame(
        {
            "method": _ARTICLE if run.dist == "article" else run.dist,
            "seconds": f"{run.seconds:.2f}",
            "test images wrong": "" if run.dist == "article" else f"{run.errors:g}",
            "times the article's seconds": f"{run.seconds / theirs:.2f}",
        }
        for run in runs.itertuples()
    )

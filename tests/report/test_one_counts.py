"""What counts as a run is one rule: for every table of a sweep, and of its report."""

import io
import math
import re
from html import unescape

import pandas as pd
import pytest
from made_up import recorded, run, runs

from noise_exp.report.build import Choices, build
from noise_exp.report.methods import (
    COLUMNS,
    FOLDED,
    ONE,
    SEVERAL,
    TERMINAL,
    methods_table,
)
from noise_exp.report.page import render
from noise_exp.report.tables import TESTS
from noise_exp.sweep.summary import of_methods

FAILED = "out of luck"


def test_a_method_of_which_one_run_failed_shows_its_seconds():
    for records in (
        [run("gumbel", 5, 0), run("gumbel", 5, 1, error=FAILED), run("beta", 7, 0)],
        [run("gumbel", 5, 1, error=FAILED), run("gumbel", 5, 0), run("beta", 7, 0)],
        # One that was never built knows no settings.
        [run("gumbel", 5, 0), recorded({"dist": "gumbel"}, error=FAILED), run("beta", 7, 0)],
    ):
        table = methods_table(build(records), ONE).set_index("method")
        assert table.seconds["gumbel"] == table.seconds["beta"] == "2.00"
        assert table["final cost"]["gumbel"] == "0.01"
        assert "2.00" in render(build(records), "title", "command")
    alone = methods_table(build([run("gumbel", 5, 1, error=FAILED), run("beta", 7, 0)]), ONE)
    assert alone.set_index("method").seconds["gumbel"] == "–"


def test_a_column_is_explained_once_and_known_everywhere():
    named = {name for column in COLUMNS for name in column.numbers.format(part="test").split()}
    report = build(runs(gumbel=[5] * 5, backprop=[4] * 5), Choices(at_most=2))
    assert named - {"passes"} == set(report.summary) - {"baseline"}
    assert all(set(column.places) <= {SEVERAL, ONE, TERMINAL, FOLDED} for column in COLUMNS)


def test_every_column_and_test_on_the_page_is_explained(luck):
    made = runs(gumbel=luck[:8], gaussian=luck[8:16], backprop=[4, 3, 5, 4, 4, 3, 5, 600])
    html = render(build(made, Choices(at_most=2)), "title", "command")
    notes = dict(re.findall(r'<th title="(.*?)">(.*?)</th>', html))
    assert html.count("<th ") == len(re.findall(r'<th title="[^"]+">', html))
    assert {"verdict", "sign flips, p", "share", "restricted mean passes"} <= set(notes.values())
    shown = unescape(html)
    assert all(text in shown for text in TESTS.values())


def counted(records):
    """How many runs of gumbel each table of a sweep counts."""
    summary, report = of_methods(records), build(records)
    table = pd.read_csv(io.StringIO(summary.files["comparison.csv"]())).set_index("method")
    methods = report.summary.set_index("method")
    targets = report.targets.set_index("method")
    return [
        table.runs["gumbel"],
        methods.seeds["gumbel"] + methods.missing["gumbel"],
        (report.runs.table.method == "gumbel").sum(),
        targets.runs["gumbel"],
    ]


def test_the_same_run_twice_is_one_in_every_table():
    twice = [run("gumbel", errors, seed) for errors, seed in ((5, 1), (5, 1), (9, 2))]
    assert counted(twice) == [2] * 4
    assert counted([*twice, run("gumbel", 5, 1, job=3, params={"threads": "4"})]) == [2] * 4
    # One that failed hides none that did not.
    assert counted([run("gumbel", 5, 1), run("gumbel", 5, 1, error=FAILED)]) == [1] * 4
    # What differs in more than luck and threads is another method.
    assert counted([run("gumbel", 5, s, params={"data": "mnist01"}) for s in (1, 2)]) == [2] * 4
    summary = of_methods(twice)
    assert summary.metrics["median_test_error_rate"] == pytest.approx((5 + 9) / 2 / 500)
    assert not math.isnan(summary.metrics["best_test_error_rate"])
    assert "1 older runs of the same method and seeds are left out." in build(twice).unsaid

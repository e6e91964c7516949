"""A sweep of a thousand settings: its pictures and tables stay readable, and cost no sweep."""

import io
import os
import re

import matplotlib
import pytest
from made_up import page, run
from matplotlib.figure import Figure
from PIL import Image
from support import ROOT, python

from noise_exp.report.build import build
from noise_exp.report.page import render
from noise_exp.report.words import findings, headlines
from noise_exp.sweep.summary import of_methods

OLDEST = ROOT / ".venv" / "oldest"  # a matplotlib beside that of the environment
NAME = "optimizer.momentum_of_the_second_kind=0.9"


@pytest.fixture(scope="module")
def many():
    """Settings with 0, 1, ... 499 wrong twice over, under names of some length."""
    return [
        run("gumbel", i % 500, 1, job=i, overrides=[NAME, f"optimizer.lr={i + 1}"],
            params={"optimizer.lr": str(i + 1), NAME.partition("=")[0]: "0.9"})
        for i in range(1000)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def summary(many):
    return of_methods(many)


def texts(figure: Figure) -> list:
    return [t for t in figure.findobj(matplotlib.text.Text) if t.get_text() and t.get_visible()]


@pytest.mark.parametrize(
    "name", ["cost_per_training.png", "training_time.png", "misclassification.png"]
)
def test_a_picture_shows_what_can_be_read_and_says_what_it_leaves_out(summary, name):
    make = summary.files[name]
    assert make().startswith(b"\x89PNG")
    draw, *methods = make.args
    figure = draw(*methods)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=120)
    width, height = Image.open(content).size
    assert width < 3000
    assert height < 1500
    assert any("the 10 best and the 10 worst of 1,000" in t.get_text() for t in texts(figure))
    shown = {
        int(n) for t in texts(figure) for n in re.findall(r"optimizer\.lr=(\d+)", t.get_text())
    }
    best, worst = {*range(1, 6), *range(501, 506)}, {*range(496, 501), *range(996, 1001)}
    assert shown == best | worst
    figure.draw_without_rendering()
    drawn = figure.get_tightbbox().bounds
    assert min(drawn[:2]) >= 0
    assert drawn[0] + drawn[2] <= figure.get_figwidth()
    assert drawn[1] + drawn[3] <= figure.get_figheight()


def test_winners_that_tie_are_counted(summary, many):
    assert "optimizer.lr=1 " in summary.headline
    assert summary.headline.endswith("optimizer.lr=501)")
    assert "as low" not in of_methods(many[:499]).headline
    alike = [run("gumbel", 5, 1, job=i, params={"optimizer.lr": str(i)}) for i in range(99)]
    assert "as low: 98 methods" in of_methods(alike).headline


def test_the_terminal_shows_the_best_and_the_file_all(summary):
    methods = summary.table[~summary.table.method.str.startswith("(")]
    assert len(methods) == 40
    assert "the 40 best of 1,000" in summary.title
    assert set(methods.wrong) == {f"{i} of 500" for i in range(20)}
    assert summary.files["comparison.csv"]().count("\n") == 1001


@pytest.mark.slow
def test_the_report_is_whole_and_below_a_megabyte(many):
    report = build(many)
    assert "1000 methods on 1 seed" in page(report)
    assert len(render(report, "a thousand", "a command").encode()) < 1e6
    assert all(
        len(sentence) < 600 for sentence in [*headlines(report), *findings(report), *report.unsaid]
    )


@pytest.mark.slow
def test_the_same_with_the_oldest_matplotlib_that_is_allowed():
    least = re.search(r'"matplotlib>=([\d.]+)"', (ROOT / "pyproject.toml").read_text())
    assert OLDEST.is_dir(), "make install puts it there"
    environment = os.environ | {"PYTHONPATH": str(OLDEST)}
    version = "import matplotlib; print(matplotlib.__version__)"
    assert f"{python('-c', version, env=environment).strip()}.".startswith(f"{least[1]}.")
    tests = ("-m", "pytest", "-n0", "-k", "not oldest", __file__)
    assert "6 passed, 1 deselected" in python(*tests, cwd=ROOT, env=environment)

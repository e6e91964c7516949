"""The report of a single seed: what there is, first; what there is not, in a sentence."""

import re
from html import unescape

import numpy as np
import pytest
from made_up import page, run
from support import LETTERS

from noise_exp.report.build import build
from noise_exp.report.methods import SEVERAL, methods_table
from noise_exp.report.page import render
from noise_exp.report.words import with_seeds
from noise_exp.writing import markdown_of


def methods(seeds, epochs):
    draws = np.random.default_rng(1)
    return [
        run(dist, 20 * (i + 1) + seed, seed, draws.uniform(0, 0.5, epochs))
        for seed in range(seeds)
        for i, dist in enumerate(LETTERS)
    ]


def test_it_leads_with_the_table_and_leaves_out_what_cannot_be_said():
    report = build(methods(1, 20))
    html = unescape(render(report, "fourteen", "python -m noise_exp -m 'dist=glob(*)'"))
    text = page(report)
    led = (
        "Lowest test_error_rate",
        "<tbody>",
        "Cost per epoch",
        'alt="misclassified',
        'alt="seconds',
    )
    in_order = [html.index(what) for what in led]
    assert in_order == sorted(in_order)
    assert "cannot be said" not in text
    assert "too few seeds" not in text
    for dist, wrong in zip(LETTERS, range(20, 300, 20), strict=True):
        assert re.search(rf"\b{dist} {wrong / 500:.4g} {wrong} of 500 ", text)
    assert "(pixel-sum threshold) 0.08 40 of 500" in text
    assert "nothing here tells a better method from a luckier one" in text
    assert "python -m noise_exp -m 'dist=glob(*)' 'seed=range(1,31)'" in html


@pytest.mark.parametrize("seeds", [1, 6])
def test_a_name_is_text_on_the_page_and_in_a_table(seeds):
    name = "</script><script>alert(1)</script>|$x$"
    report = build([run(d, s, s, overrides=[name]) for d in (name, "beta") for s in range(seeds)])
    html = render(report, name, f"python -m noise_exp dist={name!r}", name)
    assert "<script>alert" not in html
    assert "</script><script>alert" in unescape(page(report))
    table = markdown_of(methods_table(report, SEVERAL))
    (row,) = [line for line in table.splitlines() if "alert" in line]
    assert len(re.findall(r"(?<!\\)\|", row)) == len(re.findall(r"\| ---", table)) + 1


@pytest.mark.parametrize(("seeds", "epochs", "most"), [(1, 20, 1e6), (30, 100, 2e6)])
def test_the_page_is_small(seeds, epochs, most):
    html = render(build(methods(seeds, epochs)), "fourteen", "a command")
    assert len(html.encode()) < most


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("python -m noise_exp dist=beta", "python -m noise_exp dist=beta -m 'seed=range(1,31)'"),
        ("python -m noise_exp --multirun dist=a,b seed=7 resume=true",
         "python -m noise_exp --multirun dist=a,b 'seed=range(1,31)'"),
        ("python -m noise_exp.report 4f2", "python -m noise_exp -m experiment=seed_sensitivity"),
    ],
)  # fmt: skip
def test_the_command_that_would_tell_more(command, expected):
    assert with_seeds(command) == expected

"""Feedback: its presets are options that train, its page shows what its results hold."""

import re
import time

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import stats
from support import ROOT, options, table_rows, trial

from studies import comparison, results
from studies.feedback.cells import DIAGNOSED, FEEDBACK, samplers, short
from studies.feedback.figures import by_passes

ORIGIN = {"environment": "", "version": "1"}


def test_every_preset_has_its_feedback_said():
    assert set(FEEDBACK) == set(options("preset"))


def test_every_preset_is_searched_at_both_budgets_and_networks_have_the_same_presets():
    names = [name.split("/") for name in short()]
    for passes in ("30", "300"):
        assert {preset for at, *_, preset in names if at == passes} == set(FEEDBACK)
    presets = {}
    for _, hidden, preset in (name for name in names if name[0] == "networks"):
        presets.setdefault(hidden, []).append(preset)
    assert len({tuple(on) for on in presets.values()}) == 1
    assert "learned_feedback" in presets["128-128"]


def test_every_sampler_is_drawn_from_with_settings_that_were_searched():
    """With them alone: what was fixed in the search, as its budget, is the experiment's own."""
    for name, cell in samplers().items():
        assert cell.source.name == f"30/{name.removeprefix('samplers/')}"
        trial = {"optimizer.lr": "0.0123", "network.hidden": "[128]", "forward_passes": "30",
                 "preset": "spsa", "experiment": "feedback_search/spsa"}  # fmt: skip
        found = cell.source.settings(trial)
        assert found == {"optimizer.lr": "0.012", "network.hidden": "[128]"}


def test_feedback_weights_on_two_layers_are_diagnosed_in_the_runs_that_are_compared():
    diagnosed = [name for name, cell in short().items() if DIAGNOSED in cell.trained]
    assert {name.rpartition("/")[0] for name in diagnosed} == {"networks/128-128"}
    assert "networks/128-128/kolen_pollack" in diagnosed
    assert "networks/128-128/backprop" not in diagnosed  # which would be refused


def test_the_errors_of_every_preset_stand_in_the_row_of_its_name():
    wrong = {preset: 20 * (1 + i) for i, preset in enumerate(FEEDBACK)}  # of 2,000 images
    everything = pd.concat(runs(f"30/{preset}", preset, [n]) for preset, n in wrong.items())
    (axes,) = by_passes(everything).axes
    names = {tick.get_position()[1]: tick.get_text() for tick in axes.get_yticklabels()}
    seen = {names[y]: x for line in axes.lines for x, y in zip(*line.get_data(), strict=True)}
    assert seen == {preset: n / 20 for preset, n in wrong.items()}


@pytest.mark.parametrize("preset", options("preset"))
def test_a_preset_holds_what_the_search_at_300_passes_found(preset):
    cell = short()[f"300/{preset}"]
    trials = results.read(results.FOLDER / "feedback_search.csv")
    held = pd.json_normalize(yaml.safe_load((ROOT / "conf/preset" / f"{preset}.yaml").read_text()))
    for key, found in cell.settings(results.best(trials, cell.name)).items():
        assert held[key][0] == yaml.safe_load(found)


@pytest.mark.parametrize("preset", options("preset"))
def test_every_preset_trains_with_every_depth(preset):
    for hidden in ("[3]", "[3,2,2]"):
        ready = trial("experiment=feedback", f"preset={preset}", "data=xor", "batch_size=4",
                      "forward_passes=20", f"network.hidden={hidden}")  # fmt: skip
        before = ready.parameters
        assert all(np.isfinite(epoch.cost) for epoch in ready.train())
        assert not np.array_equal(ready.parameters, before)


def test_an_interval_is_students():
    values = [7.0, 7.4, 8.1, 7.7]
    low, high = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert comparison.interval(values) == pytest.approx((np.mean(values), (high - low) / 2))
    assert np.isnan(comparison.interval([7.0])[1])


ERRORS = {
    "shallow": [180, 184, 178, 186, 181],
    "spsa": [300, 320, 310, 305, 315],
    "learned_feedback": [84, 86, 83, 88, 85],
    "backprop": [85, 86, 84, 88, 84],
}


def runs(cell, preset, errors, **known):
    return pd.DataFrame(
        {"cell": cell, "preset": preset, "seed": str(seed), "errors": wrong, "images": 2000,
         "network.hidden": "[128]", "work": 30.0, "seconds": 3.0, "score": 0.1, **known, **ORIGIN}
        for seed, wrong in enumerate(errors, 1)
    )  # fmt: skip


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Made-up results of three parts of the study, in a folder."""
    folder = tmp_path_factory.mktemp("results")
    for preset, errors in ERRORS.items():
        results.merge(folder / "feedback.csv", runs(f"30/{preset}", preset, errors))
        cell = f"networks/128/{preset}"
        results.merge(folder / "feedback.csv", runs(cell, preset, errors))
    baselines = pd.concat(
        runs("baselines", name, [wrong]).assign(seed="", **{"network.hidden": ""})
        for name, wrong in (("logistic_regression", 186), ("constant_answer", 1772))
    )
    results.merge(folder / "feedback.csv", baselines.drop(columns=["work", "seconds"]))
    searched = {"optimizer.lr": ["0.0123", "0.5", "0.1"], "batch_size": ["128"] * 3,
                "estimator.scale": ["3", "0.0211", "1"], "score": [0.2, 0.1, 0.3]}  # fmt: skip
    results.merge(folder / "feedback.csv", runs("10s/low_rank_es", "low_rank_es", ERRORS["spsa"]))
    evosax = runs("10s/SNES", "", [wrong + 40 for wrong in ERRORS["spsa"]], population="8")
    results.merge(folder / "race.csv", evosax.drop(columns="preset"))
    samplers = [
        runs("samplers", "spsa", errors, dist=dist, noise_transform=transform)
        for dist, transform, errors in (("more/laplace", "none", [300, 310]),
                                        ("more/laplace", "sign", [280, 280]),
                                        ("beta", "sign", [300, 310]),
                                        ("beta", "none", [1600, 1800]))
    ]  # fmt: skip
    results.merge(folder / "samplers.csv", pd.concat(samplers))
    trials = runs("30/spsa", "spsa", [400, 200, 600]).assign(**searched)
    results.merge(folder / "feedback_search.csv", trials)
    return folder


@pytest.fixture
def tables(cli, study):
    """Where they are written."""
    start = time.perf_counter()
    done = cli("pages", "--output", "out", "--results", str(study), module="studies.feedback")
    assert done.returncode == 0, done.stderr
    assert time.perf_counter() - start < 60
    assert f"there are no results in {study}/angles.csv" in done.stdout
    return cli.folder / "out"


def table(tables, name):
    head, _, *body = table_rows((tables / f"{name}.md").read_text())
    return [dict(zip(head, row, strict=True)) for row in body]


def reach(values, comparisons):
    """Half of Student's interval, by its definition; of several, which hold all at once."""
    t = stats.t.ppf(1 - 0.025 / comparisons, len(values) - 1)
    return t * np.std(values, ddof=1) / np.sqrt(len(values))


def test_methods_are_set_against_a_read_out_alone_and_back_propagation_seed_by_seed(tables):
    rows = {row["method"]: row for row in table(tables, "passes_30")}
    assert list(rows) == ["shallow", "spsa", "learned_feedback", "backprop", "constant_answer",
                          "logistic_regression"]  # fmt: skip
    comparisons = 5 + 4  # each of six with two, none with itself, and those two once
    share = {name: np.array(errors) / 20 for name, errors in ERRORS.items()}
    share["logistic_regression"] = np.full(5, 9.3)
    share["constant_answer"] = np.full(5, 88.6)
    for name, row in rows.items():
        assert row["feedback"] == FEEDBACK.get(name, "-")
        assert row["hidden"] == ("[128]" if name in FEEDBACK else "-")
        for reference in ("shallow", "backprop"):
            more = share[name] - share[reference]
            cell = row[f"minus {reference}, points"]
            if name == reference:
                assert cell == ""
                continue
            half = reach(more, comparisons)
            low, high = more.mean() - half, more.mean() + half
            verdict = "higher" if low > 0 else "lower" if high < 0 else "undecided"
            if low > -0.25 and high < 0.25:
                verdict = "equal within 0.25"
            assert cell == f"{more.mean():+.2f} ± {half:.2f}: {verdict}"
    assert rows["learned_feedback"]["minus shallow, points"].endswith("lower")
    assert rows["learned_feedback"]["minus backprop, points"].endswith("equal within 0.25")
    assert rows["spsa"]["minus shallow, points"].endswith("higher")
    spsa = rows["spsa"]
    assert spsa["test error, %"] == f"{share['spsa'].mean():.1f} ± {reach(share['spsa'], 1):.1f}"
    assert (spsa["seeds"], spsa["ms per pass"]) == ("5", "100")
    assert rows["logistic_regression"]["test error, %"] == "9.3"
    assert rows["logistic_regression"]["ms per pass"] == "-"
    assert (tables / "passes.png").is_file()


def test_networks_have_a_verdict_against_learned_feedback_each(tables):
    rows = {row["preset"]: row["[128], %"] for row in table(tables, "networks")}
    more = (np.array(ERRORS["spsa"]) - ERRORS["learned_feedback"]) / 20
    text = f"({more.mean():+.2f} ± {reach(more, 5):.2f}: higher)"
    assert rows["spsa"].endswith(text)
    assert "(" not in rows["learned_feedback"]
    assert rows["constant_answer"].startswith("88.6 (")


def test_evosax_stands_beside_the_presets_of_as_many_seconds(tables):
    ours, theirs, *baselines = table(tables, "evosax")
    assert [row["method"] for row in baselines] == ["constant_answer", "logistic_regression"]
    assert (ours["method"], theirs["method"]) == ("low_rank_es", "SNES")
    assert theirs["minus low_rank_es, points"] == "+2.00 ± 0.00: higher"


def test_samplers_have_a_row_each_and_a_column_for_each_transform(tables):
    laplace, beta = table(tables, "samplers")
    assert laplace["distribution"] == "laplace"
    assert laplace["spsa, none, %"] == f"15.2 ± {reach([15, 15.5], 1):.1f}"
    assert laplace["spsa, sign, %"] == "14.0 ± 0.0"
    assert beta["spsa, sign, %"] == laplace["spsa, none, %"]
    assert beta["spsa, none, %"].endswith(": not shown to learn")


def test_a_search_is_represented_by_its_best_trial(tables):
    (row,) = table(tables, "search")
    assert (row["preset"], row["passes"], row["trials"]) == ("spsa", "30", "3")
    assert (row["lr"], row["batch_size"], row["its own"]) == ("0.5", "128", "scale=0.021")
    assert row["validation images wrong, %"] == "10.0"


def test_what_has_no_results_has_no_table(tables):
    assert not list(tables.glob("*_300*"))


@pytest.mark.parametrize("study", ["feedback", "learning", "seeds"])
def test_the_docs_have_the_tables_of_the_results_and_the_page_shows_them(cli, study):
    cli.ok("pages", "--output", "made", module=f"studies.{study}")
    made = {path.name: path.read_text("utf-8") for path in (cli.folder / "made").glob("*.md")}
    kept = ROOT / "docs" / "results" / study
    assert made == {path.name: path.read_text("utf-8") for path in kept.glob("*.md")}
    page = (ROOT / "docs" / f"{study}.md").read_text("utf-8")
    assert set(re.findall(rf"results/{study}/(\w+\.md)", page)) == set(made)


def test_a_cell_that_does_not_exist_and_one_not_searched_are_reported_in_one_line(cli, study):
    for command, words in (
        (("search", "400/*"), "no cell is called 400/*; give some of 10s/*, 30/*, 300/*, networks"),
        (("run", "300/spsa", "--results", str(study)), "300/spsa was not searched"),
        (("run", "30/spsa", "--results", "nowhere"), "there are no results in nowhere"),
    ):
        done = cli(*command, module="studies.feedback")
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1
        assert words in done.stderr

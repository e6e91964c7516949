"""The ladder: its rungs are options that train, its page says what the sweeps' folders hold."""

import itertools

import numpy as np
import pytest
from made_up import recorded
from scipy import stats
from support import Cli, jobs_in, options, table_rows, trial

from studies.learning.rungs import TOLD, depth, interval

TINY = ("-m", "experiment=ladder", "hydra.sweep.dir=all/NAME", "tracking.enabled=false",
        "network.hidden=[4]", "batch_size=2000")  # fmt: skip
LADDER = "studies.learning.ladder"
NAMES = ("search", "passes", "few_laws", "laws", "feedback", "depth")


def test_every_rung_is_said_what_it_is_told():
    assert set(TOLD) == set(options("rung"))


@pytest.mark.parametrize("rung", options("rung"))
def test_every_rung_trains_with_every_depth(rung):
    for hidden in ("[3]", "[3,2,2]"):
        ready = trial("experiment=ladder", f"rung={rung}", "data=xor", "batch_size=4",
                      "forward_passes=20", f"network.hidden={hidden}")  # fmt: skip
        before = ready.parameters
        assert all(np.isfinite(epoch.cost) for epoch in ready.train())
        assert not np.array_equal(ready.parameters, before)


def test_a_network_without_hidden_layers_has_depth_0():
    depths = {"[]": 0, "[4]": 1, "[4, 4, 4]": 3}
    for hidden, layers in depths.items():
        assert depth(recorded({"network.hidden": hidden})) == layers


def test_an_interval_is_students():
    values = [7.0, 7.4, 8.1, 7.7]
    low, high = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert interval(values) == pytest.approx((np.mean(values), (high - low) / 2))
    assert np.isnan(interval([7.0])[1])


@pytest.fixture(scope="module")
def ladder(tmp_path_factory):
    """A small ladder: its sweeps' folders by name, and the page that is made of them."""
    cli = Cli(tmp_path_factory.mktemp("ladder"))

    def sweep(name, *arguments):
        tiny = [part.replace("NAME", name) for part in TINY]
        done = cli(*tiny, *arguments)
        assert done.returncode == 0, done.stderr

    sweep("passes", "rung=spsa,learned_feedback,backprop", "forward_passes=9,18", "seed=1,2")
    fixed = "rung=learned_feedback,feedback_alignment,direct_feedback_alignment"
    sweep("feedback", fixed, "forward_passes=9", "seed=1,2,3")
    sweep(
        "laws", "rung=learned_feedback,spsa", "dist=pareto,gaussian", "forward_passes=9", "seed=1"
    )
    (cli.folder / "all" / "few_laws").symlink_to("laws")
    sweep("depth", "rung=learned_feedback,backprop", "network.hidden=[4],[4,4]",
          "forward_passes=9", "seed=1")  # fmt: skip
    search = ("-m", "experiment=ladder_search", "tracking.enabled=false", "forward_passes=9",
              "network.hidden=[4]", "hydra.sweeper.n_trials=3")  # fmt: skip
    done = cli(*search, "rung=spsa", "hydra.sweep.dir=all/search/spsa",
               "optimizer.lr=interval(0.001,0.1)")  # fmt: skip
    assert done.returncode == 0, done.stderr
    (cli.folder / "page.md").write_text(
        "".join(f"<!-- {name} -->\nold\n<!-- end -->\n" for name in NAMES)
    )
    done = cli("all", "--page", "page.md", "--output", "figures", module="studies.learning.ladder")
    assert done.returncode == 0, done.stderr
    return cli.folder


def runs(folder, name):
    """Settings and test error in percent of each run of a sweep."""
    for record, _ in jobs_in(folder / "all" / name):
        pairs = (override.split("=", 1) for override in record["overrides"])
        yield dict(pairs), 100 * record["metrics"]["test_error_rate"]


def table(folder, name):
    head, _, *body = table_rows((folder / "page.md").read_text(), name)
    return [dict(zip(head, row, strict=True)) for row in body]


def test_the_table_of_passes_is_that_of_the_runs(ladder):
    shown = table(ladder, "passes")
    assert [row["rung"] for row in shown] == ["spsa", "learned_feedback", "backprop"]
    cells = {}
    for settings, wrong in runs(ladder, "passes"):
        cells.setdefault((settings["rung"], settings["forward_passes"]), []).append(wrong)
    for row, budget in itertools.product(shown, ("9", "18")):
        (low, high) = cells[row["rung"], budget]
        assert row[f"{budget} passes, %"].startswith(f"{(low + high) / 2:.1f}")
    assert {row["told"] for row in shown} == {TOLD[row["rung"]] for row in shown}
    assert (ladder / "figures" / "ladder.png").is_file()


def test_laws_and_depths_have_a_cell_each(ladder):
    laws = {row["law"]: row for row in table(ladder, "laws")}
    rungs = {row["rung"]: row for row in table(ladder, "few_laws")}
    for settings, wrong in runs(ladder, "laws"):
        law, rung = settings["dist"], settings["rung"]
        assert laws[law][f"{rung}, %"] == rungs[rung][f"{law}, %"] == f"{wrong:.1f}"
    assert list(laws) == ["gaussian", "pareto"]  # in the article's order
    depths = {row["rung"]: row for row in table(ladder, "depth")}
    for settings, wrong in runs(ladder, "depth"):
        layers = settings["network.hidden"].count("4")
        assert depths[settings["rung"]][f"{layers} hidden, %"] == f"{wrong:.1f}"


def test_fixed_feedback_is_set_against_learned_seed_by_seed(ladder):
    wrong = {(s["rung"], s["seed"]): error for s, error in runs(ladder, "feedback")}
    for row in table(ladder, "feedback"):
        fixed, learned = (
            [wrong[rung, seed] for seed in "123"]
            for rung in (row["fixed feedback"], "learned_feedback")
        )
        mean = row["fixed minus learned, points"].split(" ±")[0]
        assert mean == f"{np.mean(fixed) - np.mean(learned):+.2f}"
        p = stats.ttest_rel(fixed, learned).pvalue
        assert row["which is better"] == (
            "level" if not p < 0.05 else "learned" if np.mean(fixed) > np.mean(learned) else "fixed"
        )


def test_a_search_is_told_by_its_best_trial(ladder):
    (row,) = table(ladder, "search")
    trials = [record for record, _ in jobs_in(ladder / "all/search/spsa")]
    shares = [trial["metrics"]["validation_error_rate"] for trial in trials]
    assert row["trials"] == "3"
    assert row["validation images wrong, %"] == f"{100 * min(shares):.1f}"
    (rate,) = (
        float(override.partition("=")[2])
        for override in trials[int(np.argmin(shares))]["overrides"]
        if override.startswith("optimizer.lr=")
    )
    assert float(row["lr"]) == pytest.approx(rate, rel=0.05)


def test_runs_of_no_rung_are_told_in_one_line(cli):
    assert cli("-m", "network=small", "epochs=1", "seed=1", "tracking.enabled=false",
               "hydra.sweep.dir=all/passes").returncode == 0  # fmt: skip
    done = cli("all", module=LADDER)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "studies.learning.ladder: rung=none is no rung of the ladder: " + ", ".join(TOLD)
    ]

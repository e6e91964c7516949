"""Feedback: its presets are options that train, its page says what the sweeps' folders hold."""

import itertools

import numpy as np
import pytest
from made_up import recorded
from scipy import stats
from support import Cli, jobs_in, options, table_rows, trial

from studies.learning.presets import FEEDBACK, depth
from studies.learning.sweeps import interval, verdict

TINY = ("-m", "experiment=feedback", "hydra.sweep.dir=all/NAME", "tracking.enabled=false",
        "network.hidden=[4]", "batch_size=2000")  # fmt: skip
FEEDBACK_STUDY = "studies.learning.feedback"
NAMES = ("search", "passes", "few_distributions", "distributions", "feedback", "depth")


def test_every_preset_has_its_feedback_said():
    assert set(FEEDBACK) == set(options("preset"))


@pytest.mark.parametrize("preset", options("preset"))
def test_every_preset_trains_with_every_depth(preset):
    for hidden in ("[3]", "[3,2,2]"):
        ready = trial("experiment=feedback", f"preset={preset}", "data=xor", "batch_size=4",
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
def study(tmp_path_factory):
    """A small study: its sweeps' folders by name, and the page that is made of them."""
    cli = Cli(tmp_path_factory.mktemp("study"))

    def sweep(name, *arguments):
        tiny = [part.replace("NAME", name) for part in TINY]
        done = cli(*tiny, *arguments)
        assert done.returncode == 0, done.stderr

    sweep("passes", "preset=spsa,learned_feedback,backprop", "forward_passes=9,18", "seed=1,2")
    fixed = "preset=learned_feedback,feedback_alignment,direct_feedback_alignment"
    sweep("feedback", fixed, "forward_passes=9", "seed=1,2,3")
    sweep(
        "distributions",
        "preset=learned_feedback,spsa",
        "dist=pareto,gaussian",
        "forward_passes=9",
        "seed=1",
    )
    (cli.folder / "all" / "few_distributions").symlink_to("distributions")
    sweep("depth", "preset=learned_feedback,backprop", "network.hidden=[4],[4,4]",
          "forward_passes=9", "seed=1")  # fmt: skip
    search = ("-m", "experiment=feedback_search", "tracking.enabled=false", "forward_passes=9",
              "network.hidden=[4]", "hydra.sweeper.n_trials=3")  # fmt: skip
    done = cli(*search, "preset=spsa", "hydra.sweep.dir=all/search/spsa",
               "optimizer.lr=interval(0.001,0.1)")  # fmt: skip
    assert done.returncode == 0, done.stderr
    (cli.folder / "page.md").write_text(
        "".join(f"<!-- {name} -->\nold\n<!-- end -->\n" for name in NAMES)
    )
    done = cli(
        "all", "--page", "page.md", "--output", "figures", module="studies.learning.feedback"
    )
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


def test_the_table_of_passes_is_that_of_the_runs(study):
    shown = table(study, "passes")
    assert [row["preset"] for row in shown] == ["spsa", "learned_feedback", "backprop"]
    cells = {}
    for settings, wrong in runs(study, "passes"):
        cells.setdefault((settings["preset"], settings["forward_passes"]), []).append(wrong)
    for row, budget in itertools.product(shown, ("9", "18")):
        (low, high) = cells[row["preset"], budget]
        assert row[f"{budget} passes, %"].startswith(f"{(low + high) / 2:.1f}")
    assert {row["feedback"] for row in shown} == {FEEDBACK[row["preset"]] for row in shown}
    assert (study / "figures" / "feedback.png").is_file()


def test_distributions_and_depths_have_a_cell_each(study):
    distributions = {row["distribution"]: row for row in table(study, "distributions")}
    presets = {row["preset"]: row for row in table(study, "few_distributions")}
    for settings, wrong in runs(study, "distributions"):
        distribution, preset = settings["dist"], settings["preset"]
        assert (
            distributions[distribution][f"{preset}, %"]
            == presets[preset][f"{distribution}, %"]
            == f"{wrong:.1f}"
        )
    assert list(distributions) == ["gaussian", "pareto"]  # in the article's order
    depths = {row["preset"]: row for row in table(study, "depth")}
    for settings, wrong in runs(study, "depth"):
        layers = settings["network.hidden"].count("4")
        assert depths[settings["preset"]][f"{layers} hidden, %"] == f"{wrong:.1f}"


def test_fixed_feedback_is_set_against_learned_seed_by_seed(study):
    wrong = {(s["preset"], s["seed"]): error for s, error in runs(study, "feedback")}
    for row in table(study, "feedback"):
        fixed, learned = (
            [wrong[preset, seed] for seed in "123"]
            for preset in (row["fixed feedback"], "learned_feedback")
        )
        # Two comparisons, whose intervals hold at once; three seeds are too few for a verdict.
        more = stats.ttest_rel(fixed, learned).confidence_interval(0.975)
        middle, reach = (more.high + more.low) / 2, (more.high - more.low) / 2
        assert row["fixed minus learned, points"] == f"{middle:+.2f} ± {reach:.2f}"
        assert row["which is better"] == "undecided (3 of 5 seeds)"


@pytest.mark.parametrize(
    ("more", "better"), [(0.6, "higher"), (-0.6, "lower"), (0.1, "equal within 0.25")]
)
def test_a_verdict_on_points_is_the_reports(more, better):
    assert verdict([more - 0.02, more, more + 0.02, more, more], 8) == better


def test_a_search_is_told_by_its_best_trial(study):
    (row,) = table(study, "search")
    trials = [record for record, _ in jobs_in(study / "all/search/spsa")]
    shares = [trial["metrics"]["validation_error_rate"] for trial in trials]
    assert row["trials"] == "3"
    assert row["validation images wrong, %"] == f"{100 * min(shares):.1f}"
    (rate,) = (
        float(override.partition("=")[2])
        for override in trials[int(np.argmin(shares))]["overrides"]
        if override.startswith("optimizer.lr=")
    )
    assert float(row["lr"]) == pytest.approx(rate, rel=0.05)


def test_runs_of_no_preset_are_told_in_one_line(cli):
    assert cli("-m", "network=small", "epochs=1", "seed=1", "tracking.enabled=false",
               "hydra.sweep.dir=all/passes").returncode == 0  # fmt: skip
    done = cli("all", module=FEEDBACK_STUDY)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "studies.learning.feedback: preset=none is none of " + ", ".join(FEEDBACK)
    ]

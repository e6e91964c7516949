"""`python -m studies.learning`: what it writes is what the sweeps' folders hold."""

import itertools

import numpy as np
import pytest
from scipy import stats
from support import jobs_in, table_rows, trial

from studies.learning import floors

SWEEP = ("-m", "experiment=learn", "network=small", "forward_passes=9", "tracking.enabled=false",
         "dist=gaussian,backprop", "seed=1,2")  # fmt: skip


def learning(cli, *arguments):
    return cli(*arguments, module="studies.learning")


def test_tables_and_figures_from_sweeps(cli):
    for method in ("gaussian", "backprop"):  # as make learning does, whose settings differ
        folder = f"hydra.sweep.dir=all/learn/{method}"
        assert cli(*SWEEP, f"dist={method}", folder).returncode == 0
    frozen = "network.frozen=[],[1,2],[1,2,3]"
    assert cli(*SWEEP, frozen, "hydra.sweep.dir=all/learn_layers").returncode == 0
    page = cli.folder / "page.md"
    names = ("learn", "learn_floors", "learn_layers")
    page.write_text("".join(f"<!-- {name} -->\nSTALE\n<!-- end -->\n" for name in names))
    done = learning(cli, "all", "--page", "page.md", "--output", "figures")
    assert done.returncode == 0, done.stderr

    text = page.read_text()
    assert "STALE" not in text
    wrong = {}
    folders = (cli.folder / "all" / "learn").iterdir()
    for record, _ in itertools.chain(*map(jobs_in, folders)):
        wrong.setdefault(record["params"]["dist"], []).append(record["metrics"]["test_errors"])
    table = {row[0]: row for row in table_rows(text, "learn")[2:]}
    assert set(table) == {"gaussian", "backprop"}
    for method, errors in wrong.items():
        rate = 100 * np.array(errors) / 500
        low, high = stats.ttest_1samp(rate, 0).confidence_interval(0.95)
        assert table[method][2] == f"{rate.mean():.2f} ± {(high - low) / 2:.2f}"
        assert table[method][3] == f"{max(errors)} of 500"
    layers = {row[0]: row for row in table_rows(text, "learn_layers")[2:]}
    assert set(layers) == {"", "3", "1 2 3"}
    assert layers["1 2 3"][1:] == [table["backprop"][2], table["gaussian"][2]]
    assert layers[""][1] == layers[""][2]  # nothing learns: the initial networks alone
    pictures = {path.name for path in (cli.folder / "figures").glob("*.png")}
    assert pictures == {
        "learning_curves.png", "learning_learn.png", "learning_learn_weights.png",
        "learning_learn_mistakes.png",
    }  # fmt: skip


def test_a_wrong_folder_is_told_in_one_line(cli):
    (cli.folder / "empty" / "learn").mkdir(parents=True)
    for folder, words in (("nowhere", "holds none of the sweeps"), ("empty", "no finished run")):
        done = learning(cli, folder)
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1
        assert words in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("data", "test_size", "at_most"), [("mnist01", 500, 0.02), ("mnist10", 8000, 0.15)]
)
def test_floors(data, test_size, at_most):
    experiment = trial(f"data={data}", "data.pixel_divisor=255", f"data.test_size={test_size}",
                       "network=small")  # fmt: skip
    most_frequent = floors.constant(experiment.split)
    labels = experiment.split.test_labels
    assert most_frequent == min(np.mean(labels != k) for k in np.unique(labels))
    assert floors.logistic_regression(experiment.split) < at_most
    one, many = (floors.best_random(experiment, 0.2, n, 1) for n in (1, 40))
    assert many < one or many < most_frequent


def test_a_study_that_goes_on_tells_the_same(cli):
    sweep = [a for a in SWEEP if a != "tracking.enabled=false"]
    tables = []
    for _ in range(2):  # the second time, every job is a run of the first
        done = cli(*sweep, "resume=true", "hydra.sweep.dir=all/learn_none")
        assert done.returncode == 0, done.stderr
        done = learning(cli, "all", "--output", "figures")
        assert done.returncode == 0, done.stderr
        tables.append(done.stdout)
    assert "finished already" in cli(*sweep, "resume=true", "dry_run=true").stdout
    assert tables[0] == tables[1]
    assert "gaussian" in tables[0]

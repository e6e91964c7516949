"""Seed sweeps on the command line: what they are, and the reports on them."""

import re

import pandas as pd
import pytest
from mlflow import MlflowClient
from support import SMALL, Cli, artifacts

from noise_exp.report.__main__ import main
from noise_exp.runs import output


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """Three methods on six seeds, the sweep's run, and what came of them by method and seed."""
    cli = Cli(tmp_path_factory.mktemp("seeds"))
    done = cli.ok("-m", "experiment=seed_sensitivity", "seed=range(6)",
                  "dist=gumbel,gaussian,backprop", *SMALL, "hydra.sweep.dir=out")  # fmt: skip
    errors = {
        (run.data.params["dist"], int(run.data.params["seed"])): run.data.metrics["test_errors"]
        for run in cli.runs("run")
    }
    assert len(errors) == 18
    (parent,) = cli.runs("sweep")
    return cli, done, parent, errors


@pytest.fixture
def ask(swept, monkeypatch):
    """The report's command in this process, which has MLflow loaded; returns the runs it made."""
    cli, *_ = swept
    monkeypatch.chdir(cli.folder)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    def ask(*arguments):
        monkeypatch.setattr("sys.argv", ["noise_exp.report", *arguments])
        known = {run.info.run_id for run in cli.runs("report")}
        main()
        return [run for run in cli.runs("report") if run.info.run_id not in known]

    return ask


def test_all_that_a_sweep_writes_for_people_is_known_before(swept):
    folder = swept[0].folder / "out"
    ours = {".hydra", ".noise_exp", "multirun.yaml", *map(str, range(18))}
    assert {path.name for path in folder.iterdir()} - ours <= set(output.SWEEP)
    assert output.is_ours(folder / "report.html")


def test_the_report_is_on_the_sweeps_own_run(swept):
    _, done, parent, errors = swept
    folder = artifacts(parent)
    html = (folder / "report.html").read_text()
    assert "3 methods on 6 seeds: 18 runs on mnist01 (500 test images)" in html
    for said in (
        "report.html", "- Lowest mean test_error_rate over 6 seeds: ",
        "- Intervals are about other seeds of initial weights, the split, noise",
    ):  # fmt: skip
        assert said in done.stdout
    listed = pd.read_csv(folder / "runs.csv").set_index(["method", "init"]).test_errors
    assert listed.to_dict() == errors
    methods = pd.read_csv(folder / "comparison.csv").set_index("method")
    pairs = pd.read_csv(folder / "report_pairs.csv").set_index(["reference", "method"])
    exact = listed["backprop"]
    for dist in ("gumbel", "gaussian", "backprop"):
        mine = listed[dist]
        assert methods["mean"][dist] == pytest.approx(mine.mean() / 500)
        assert methods["median"][dist] == pytest.approx(mine.median() / 500)
        assert methods.test_errors[dist] == pytest.approx(mine.mean())
        if dist != "backprop":
            mean = (listed[dist] - exact).mean() / 500
            assert pairs.difference["backprop", dist] == pytest.approx(mean)


def test_the_report_can_be_made_again_from_the_store(swept, ask):
    cli, _, parent, _ = swept
    names = ("comparison.csv", "report_pairs.csv", "report_targets.csv")
    at_the_end = {name: pd.read_csv(artifacts(parent) / name) for name in names}
    ask(parent.info.run_id, "--output", "again", "--at-most", "100")
    for name, table in at_the_end.items():
        again = pd.read_csv(cli.folder / "again" / name)
        same = [c for c in table.columns if "seconds" not in c]  # by epoch, they stay in the folder
        pd.testing.assert_frame_equal(again[same], table[same])


GUMBEL = "params.dist = 'gumbel'"


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ([GUMBEL], "1 method on 6 seeds"),
        (["SWEEP", "--outcome", "cost"], "Lowest mean cost over 6 seeds"),
        (["SWEEP", GUMBEL], "3 methods on 6 seeds"),
    ],
)
def test_a_report_on_other_than_the_sweep_has_a_run_of_its_own(swept, ask, asked, words):
    cli, _, parent, _ = swept
    at_the_end = (artifacts(parent) / "report.html").read_bytes()
    (made,) = ask(*(word.replace("SWEEP", parent.info.run_id) for word in asked), "--output=part")
    for folder in (cli.folder / "part", artifacts(made)):
        assert words in (folder / "report.html").read_text()
    assert (artifacts(parent) / "report.html").read_bytes() == at_the_end
    # In a folder, a report takes all of an earlier one's place.
    assert (cli.folder / "part" / "report_pairs.csv").exists() == bool(asked[1:])
    assert ask(GUMBEL, "--output", "part", "--no-log") == []
    assert not (cli.folder / "part" / "report_pairs.csv").exists()


def test_a_report_leaves_the_users_files_alone(swept, ask):
    own = swept[0].folder / "own"
    own.mkdir()
    (own / "report_mine.csv").write_text("mine")
    for _ in range(2):  # the second time in the place of the first's files
        ask(GUMBEL, "--no-log", "--output=own")
    (own / "report.html").write_text("mine")
    for folder in ("own", "mlruns"):
        with pytest.raises(SystemExit, match=r"^noise_exp.report: .*set --output to another.*$"):
            ask(GUMBEL, "--no-log", f"--output={folder}")
    assert {(own / name).read_text() for name in ("report_mine.csv", "report.html")} == {"mine"}
    assert not list(own.parent.glob("mlruns/report*"))


@pytest.mark.parametrize(("arguments", "words"), [
    (["0" * 32], "not found; set MLFLOW_TRACKING_URI or --uri"),
    (["params.dist = 'zipf'"], "stands for no run"),
    (["what"], "neither a run's id, an experiment's name nor a filter"),
    (["x", "--uri", "sqlite:///nowhere.db"], "there is no store"),
    (["0" * 32, "--uri", "http://127.0.0.1:9"], "cannot be used: [Errno 111] Connection refused"),
    (["x", "--uri", "sqlite:///junk.db"], "junk.db cannot be used: file is not a database"),
    (["noise_training", "--outcome", "train_seconds"], "--outcome train_seconds needs --margin"),
    (["x", "--at-most", "-1"], "--at-most must be at least 0, got -1"),
    (["x", "--margin", "0"], "--margin must be a number above 0"),
    (["x", "--target", "0.1"], "--target: must be"),
    (["x", "--target", "cost<=1.2.3"], "LEVEL a number, got 'cost<=1.2.3'"),
    (["noise_training", "--outcome", "costs"], "no run has the metric 'costs'; they have"),
])  # fmt: skip
def test_a_report_on_nothing_is_one_line(swept, ask, capsys, arguments, words):
    (swept[0].folder / "junk.db").write_text("no database" * 100)
    with pytest.raises(SystemExit) as ended:
        ask(*arguments)
    said = capsys.readouterr().err if ended.value.code == 2 else ended.value.code
    assert words in said.splitlines()[-1]
    assert not (swept[0].folder / "nowhere.db").exists()


def test_a_report_is_on_training_runs_that_have_ended(swept, ask, caplog):
    client = MlflowClient(swept[0].uri)
    mine = client.create_experiment("of this test")
    for kind, words in (("run", "has ended yet"), ("report", "is no training run but of kind")):
        run_id = client.create_run(mine, tags={"kind": kind}).info.run_id
        with pytest.raises(SystemExit, match=words):
            ask(run_id)
    ask("of this test", "noise_training", "--no-log")
    assert "Left out, as they have not ended: 1 runs" in caplog.text


def test_a_dry_run_counts_what_is_finished_and_leaves_nothing(swept):
    cli, *_ = swept
    before = len(cli.runs()), sorted(cli.folder.rglob("run.json"))
    command = ("-m", "experiment=seed_sensitivity", "dist=gumbel,beta", *SMALL, "dry_run=true")
    done = cli.ok(*command, "seed=range(8)", "resume=true")
    assert "16 runs, 6 of them finished already." in done.stdout
    assert "for each method" not in done.stdout
    assert re.search(r"About \d+ s \(from 4 epochs of 2 of 2 settings", done.stdout)
    joblib = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
    done = cli.ok(*command, "seeds.init=0,1", "seed=3", *joblib)
    assert re.search(r"\n4 runs\.\nAbout .* 2 jobs at once", done.stdout)
    assert done.stdout.startswith("2 seeds for each method: what differs is not told from luck.")
    assert (len(cli.runs()), sorted(cli.folder.rglob("run.json"))) == before


def test_a_report_on_validation_images_and_budgets_in_passes(cli):
    # Back propagation spends more passes an epoch than spsa: their numbers of epochs differ.
    done = cli.ok("-m", "dist=gaussian,backprop", "estimator=spsa", "seed=1,2", "network=small",
                  "data=mnist01", "data.validation_size=200", "epochs=null", "forward_passes=30",
    )  # fmt: skip
    assert "The report could not be made" not in done.stderr
    (parent,) = cli.runs("sweep")
    assert "(200 validation images)" in (artifacts(parent) / "report.html").read_text()
    table = pd.read_csv(artifacts(parent) / "runs.csv").set_index("run_id")
    epochs = {run.data.params["dist"]: len(cli.history(run)) for run in cli.runs("run")}
    for run in cli.runs("run"):
        for column in ("validation_errors", "validation_error_rate", "forward_passes"):
            assert table[column][run.info.run_id] == run.data.metrics[column]
    assert epochs["gaussian"] != epochs["backprop"]

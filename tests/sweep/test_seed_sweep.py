"""Seed sweeps on the command line: what they are, and the reports on them."""

import re

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from support import SMALL, Cli, artifacts

from noise_exp.records import output
from noise_exp.report.__main__ import main


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """Three methods on six seeds, and what came of them by method and seed."""
    folder = tmp_path_factory.mktemp("seeds")
    cli = Cli(folder)
    done = cli("-m", "experiment=seed_sensitivity", "seed=range(6)",
               "dist=gumbel,gaussian,backprop", *SMALL)  # fmt: skip
    assert done.returncode == 0, done.stderr
    errors = {
        (run.data.params["dist"], int(run.data.params["seed"])): run.data.metrics["test_errors"]
        for run in cli.runs("run")
    }
    assert len(errors) == 18
    return cli, done, errors


def ask(cli, monkeypatch, *arguments):
    """The report's command in this process, which has MLflow loaded."""
    monkeypatch.chdir(cli.folder)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr("sys.argv", ["noise_exp.report", *arguments])
    main()


def test_all_that_a_sweep_writes_for_people_is_known_before(swept):
    cli, _, _ = swept
    (folder,) = cli.folder.glob("multirun/*/*")
    ours = {".hydra", ".noise_exp", "multirun.yaml", *map(str, range(18))}
    assert {path.name for path in folder.iterdir()} - ours <= set(output.SWEEP)
    assert output.is_ours(folder / "report.html")


def test_the_report_is_on_the_sweeps_own_run(swept):
    cli, done, errors = swept
    (parent,) = cli.runs("sweep")
    folder = artifacts(parent)
    html = (folder / "report.html").read_text()
    assert "3 methods on 6 seeds: 18 runs on mnist01 (500 test images)" in html
    assert "report.html" in done.stdout
    assert "- Friedman's test over 6 seeds" in done.stdout
    assert "- 6 seeds: bootstrap intervals from so few are too narrow" in done.stdout
    listed = pd.read_csv(folder / "runs.csv").set_index(["method", "init"]).test_errors
    assert listed.to_dict() == errors
    methods = pd.read_csv(folder / "comparison.csv").set_index("method")
    pairs = pd.read_csv(folder / "report_pairs.csv").set_index(["reference", "method"])
    for dist in ("gumbel", "gaussian", "backprop"):
        mine = np.array([errors[dist, seed] for seed in range(6)])
        assert methods["median"][dist] == pytest.approx(np.median(mine) / 500)
        assert methods.errors[dist] == mine.sum()
        if dist != "backprop":
            difference = mine - [errors["backprop", seed] for seed in range(6)]
            assert pairs.difference["backprop", dist] == pytest.approx(difference.mean() / 500)


def test_the_report_can_be_made_again_from_the_store(swept, monkeypatch):
    cli, _, _ = swept
    (parent,) = cli.runs("sweep")
    tables = ("comparison.csv", "report_pairs.csv", "report_targets.csv")
    at_the_end = {name: pd.read_csv(artifacts(parent) / name) for name in tables}
    report = [parent.info.run_id, "--output", "again", "--at-most", "100"]
    done = cli(*report, module="noise_exp.report")
    assert done.returncode == 0, done.stderr
    for name, table in at_the_end.items():
        again = pd.read_csv(cli.folder / "again" / name)
        same = [c for c in table.columns if "seconds" not in c]  # by epoch, they stay in the folder
        pd.testing.assert_frame_equal(again[same], table[same])
    # Of a part of the runs, by a filter: a run of its own holds the report.
    chosen = "params.dist = 'gumbel' and metrics.test_errors >= 0"
    known = {run.info.run_id for run in cli.runs("report")}
    ask(cli, monkeypatch, chosen, "--output", "part")
    assert "1 method on 6 seeds" in (cli.folder / "part" / "report.html").read_text()
    (made,) = (run for run in cli.runs("report") if run.info.run_id not in known)
    assert (artifacts(made) / "report.html").exists()
    ask(cli, monkeypatch, "noise_training", "--no-log")
    assert len(cli.runs("report")) == len(known) + 1


def test_a_report_of_another_kind_leaves_the_sweeps_own_alone(swept, monkeypatch):
    cli, _, _ = swept
    (parent,) = cli.runs("sweep")
    at_the_end = (artifacts(parent) / "report.html").read_bytes()
    known = {run.info.run_id for run in cli.runs("report")}
    ask(cli, monkeypatch, parent.info.run_id, "--outcome", "cost", "--output", "cost")
    (made,) = (run for run in cli.runs("report") if run.info.run_id not in known)
    assert "cost by method" in (artifacts(made) / "report.html").read_text()
    assert (artifacts(parent) / "report.html").read_bytes() == at_the_end
    # In a folder, a report takes all of an earlier one's place.
    assert (cli.folder / "cost" / "report_pairs.csv").exists()
    ask(cli, monkeypatch, "params.dist = 'gumbel'", "--output", "cost", "--no-log")
    assert not (cli.folder / "cost" / "report_pairs.csv").exists()


def test_a_report_leaves_the_users_files_alone(swept, monkeypatch):
    cli, _, _ = swept
    chosen = ("params.dist = 'gumbel'", "--no-log", "--output")
    (cli.folder / "own").mkdir()
    (cli.folder / "own" / "report_mine.csv").write_text("mine")
    for _ in range(2):  # the second time in the place of the first's files
        ask(cli, monkeypatch, *chosen, "own")
    (cli.folder / "own" / "report.html").write_text("mine")
    for folder in ("own", "mlruns"):
        with pytest.raises(SystemExit) as ended:
            ask(cli, monkeypatch, *chosen, folder)
        assert re.fullmatch(r"noise_exp.report: .*set --output to another.*", str(ended.value))
    for name in ("report_mine.csv", "report.html"):
        assert (cli.folder / "own" / name).read_text() == "mine"
    assert not list(cli.folder.glob("mlruns/report*"))


def test_the_report_fills_a_markdown_page_and_nothing_else_of_it(swept, monkeypatch):
    cli, _, errors = swept
    (parent,) = cli.runs("sweep")
    page = cli.folder / "page.md"
    place, end = "<!-- six methods -->", "<!-- end -->"
    rest = f"between\n<!-- methods -->\nkept\n{end}\nafter\n"
    page.write_text(f"before\n{place}\nold\n{end}\n{rest}")
    wrong = sum(errors["gumbel", seed] for seed in range(6))
    for _ in range(2):
        ask(cli, monkeypatch, parent.info.run_id, "--no-log", "--page", f"{page}#six")
        before, _, after = page.read_text().partition(place)
        filled, _, after = after.partition(f"{end}\n")
        assert (before, after) == ("before\n", rest)
        assert f"| {wrong:g} of 3000 |" in filled
        assert "old" not in filled


@pytest.mark.parametrize(("arguments", "words"), [
    (["0" * 32], "has no run"),
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
    (["noise_training", "--page", "page.md#nowhere", "--no-log"], "has no place for any of where"),
    (["noise_training", "--outcome", "costs"], "no run has the metric 'costs'; they have"),
])  # fmt: skip
def test_a_report_on_nothing_is_one_line(swept, monkeypatch, capsys, arguments, words):
    (swept[0].folder / "junk.db").write_text("no database" * 100)
    (swept[0].folder / "page.md").write_text("<!-- where -->\n<!-- end -->\n")
    with pytest.raises(SystemExit) as ended:
        ask(swept[0], monkeypatch, *arguments)
    said = capsys.readouterr().err if ended.value.code == 2 else ended.value.code
    assert words in said.splitlines()[-1]
    assert not (swept[0].folder / "nowhere.db").exists()


def test_a_report_is_on_training_runs_that_have_ended(swept, monkeypatch, caplog):
    cli, _, _ = swept
    client = MlflowClient(cli.uri)
    mine = client.create_experiment("of this test")
    for kind, words in (("run", "has ended yet"), ("report", "is no training run but of kind")):
        run_id = client.create_run(mine, tags={"kind": kind}).info.run_id
        with pytest.raises(SystemExit, match=words):
            ask(cli, monkeypatch, run_id)
    ask(cli, monkeypatch, "of this test", "noise_training", "--no-log")
    assert "Left out, as they have not ended: 1 runs" in caplog.text


def test_a_report_on_a_sweep_and_more_is_not_logged_on_the_sweep(swept, monkeypatch):
    cli, _, _ = swept
    (parent,) = cli.runs("sweep")
    at_the_end = (artifacts(parent) / "report.html").read_bytes()
    known = {run.info.run_id for run in cli.runs("report")}
    ask(cli, monkeypatch, parent.info.run_id, "params.dist = 'gumbel'", "--output", "more")
    (made,) = (run for run in cli.runs("report") if run.info.run_id not in known)
    assert (artifacts(made) / "report.html").exists()
    assert (artifacts(parent) / "report.html").read_bytes() == at_the_end


def test_a_dry_run_counts_what_is_finished_and_leaves_nothing(swept):
    cli, _, _ = swept
    runs, folders = len(cli.runs()), sorted(cli.folder.rglob("run.json"))
    command = ("-m", "experiment=seed_sensitivity", "dist=gumbel,beta", *SMALL, "dry_run=true")
    done = cli(*command, "seed=range(8)", "resume=true")
    assert done.returncode == 0, done.stderr
    assert "16 runs, 6 of them finished already." in done.stdout
    assert re.search(r"About \d+ s \(from 4 epochs of 2 of 2 settings", done.stdout)
    done = cli(*command, "seeds.init=0,1", "seed=3", "hydra/launcher=joblib",
               "hydra.launcher.n_jobs=2")  # fmt: skip
    assert done.stdout.startswith("4 runs.")
    assert "2 jobs at once" in done.stdout
    assert (len(cli.runs()), sorted(cli.folder.rglob("run.json"))) == (runs, folders)


def test_settings_that_fail_are_a_method_of_their_own_from_the_store_too(cli, monkeypatch):
    done = cli("-m", "dist=beta", "dist.a=1,-1", "seed=range(2)", *SMALL, "hydra.sweep.dir=out")
    assert done.returncode == 1
    ask(cli, monkeypatch, "noise_training", "--output", "again", "--no-log")
    for folder in ("out", "again"):
        table = pd.read_csv(cli.folder / folder / "comparison.csv").set_index("method")
        failed = table.loc["beta dist.a=-1"]
        assert (failed.failed, failed.missing, failed.seeds) == (2, 2, 0)
        assert (table.failed["beta dist.a=1"], table.seeds["beta dist.a=1"]) == (0, 2)


def test_a_report_on_a_sweep_leaves_its_list_of_jobs_and_knows_what_it_reused(cli, monkeypatch):
    sweep = ("-m", "seed=1,2", *SMALL, "resume=true")
    for dist in ("beta", "gumbel,beta"):
        assert cli(*sweep, f"dist={dist}").returncode == 0
    parent = max(cli.runs("sweep"), key=lambda run: run.data.metrics["runs"])
    at_the_end = (artifacts(parent) / "runs.csv").read_bytes()
    ask(cli, monkeypatch, parent.info.run_id, "--output", "again")
    assert (artifacts(parent) / "runs.csv").read_bytes() == at_the_end
    for folder in (artifacts(parent), cli.folder / "again"):
        table = pd.read_csv(folder / "comparison.csv").set_index("method")
        assert table.reused.to_dict() == {"gumbel": 0, "beta": 2}


def test_of_methods_that_tie_the_one_with_the_lower_cost_is_best_everywhere(cli):
    done = cli("-m", "dist=gumbel,beta", "seed=2", *SMALL, "hydra.sweep.dir=out")
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(cli.folder / "out" / "comparison.csv").set_index("method")
    assert table.test_errors["gumbel"] == table.test_errors["beta"]
    best = table.final_cost.idxmin()
    assert best != table.index[0]
    (parent,) = cli.runs("sweep")
    (tagged,) = [run for run in cli.runs("run") if run.data.tags.get("best")]
    assert parent.data.tags["best"] == tagged.data.params["dist"] == best
    assert f"best: {best} with" in parent.data.tags["mlflow.note.content"]
    assert f"Lowest test_error_rate: {best} (as low: gumbel)" in done.stdout


def test_crossed_seeds_are_told_apart(cli):
    seeds = ("seeds.init=0,1,2", "seeds.data=0,1", "seeds.noise=0,1")
    done = cli("-m", "experiment=variance", "dist=gumbel", *seeds, "tracking.enabled=false",
               "hydra.sweep.dir=out", *SMALL)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(pd.read_csv(cli.folder / "out" / "runs.csv")) == 12
    table = pd.read_csv(cli.folder / "out" / "report_variance.csv").set_index("effect")
    assert table.degrees_of_freedom["init"] == 2
    assert table.share.sum() == pytest.approx(1)


def test_a_report_on_validation_images_and_budgets_in_passes(cli):
    # Back propagation spends 3 passes an epoch, spsa 2: their numbers of epochs differ.
    done = cli("-m", "dist=gaussian,backprop", "estimator=spsa", "seed=range(3)", "epochs=null",
               "network=small", "forward_passes=9", "data=mnist01", "data.validation_size=200",
               "hydra.sweep.dir=out")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "The report could not be made" not in done.stderr
    (parent,), trained = cli.runs("sweep"), cli.runs("run")
    assert "of 200 validation images wrong" in parent.data.tags["mlflow.note.content"]
    html = (cli.folder / "out" / "report.html").read_text()
    assert "(200 validation images)" in html
    measured = {
        (run.data.params["dist"], int(run.data.params["seed"])): run.data.metrics for run in trained
    }
    table = pd.read_csv(cli.folder / "out" / "runs.csv").set_index(["method", "init"])
    assert len(table) == 6
    for key, metrics in measured.items():
        assert not [name for name in metrics if name.startswith(("test", "constant", "ink"))]
        assert table.validation_errors[key] == metrics["validation_errors"]
        assert table.validation_error_rate[key] == metrics["validation_error_rate"]
        assert table.forward_passes[key] == metrics["forward_passes"] <= 9
    epochs = {run.data.params["dist"]: len(cli.history(run)) for run in trained}
    assert epochs["gaussian"] != epochs["backprop"]
    again = cli(parent.info.run_id, "--output", "again", "--no-log", module="noise_exp.report")
    assert again.returncode == 0, again.stderr
    for name in ("comparison.csv", "report_targets.csv"):
        tables = [pd.read_csv(cli.folder / f / name) for f in ("out", "again")]
        pd.testing.assert_frame_equal(*tables)

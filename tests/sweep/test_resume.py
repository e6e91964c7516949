"""resume=true runs what is not finished, and nothing that is."""

import platform
import shutil
import threading
import time

import pandas as pd
import pytest
from mlflow import MlflowClient
from support import PATIENCE, SMALL, Cli, artifacts

from noise_exp.runs.journal import Journal
from noise_exp.runs.record import Owed, Record
from noise_exp.tracking import liveness
from noise_exp.tracking.store import Store
from noise_exp.training.loop import EpochRecord


@pytest.fixture(scope="module")
def resumed(tmp_path_factory):
    """A sweep that reused another's runs: the folder, and its own run."""
    cli = Cli(tmp_path_factory.mktemp("resumed"))
    cli.ok("-m", "dist=gumbel,beta", "seed=1,2", *SMALL)
    shutil.rmtree(cli.folder / "multirun")  # the store is enough
    cli.ok("-m", "dist=gumbel,beta,zipf", "seed=1,2", *SMALL, "resume=true", "hydra.sweep.dir=out")
    return cli, cli.runs("sweep")[0]


def test_what_is_finished_is_shown_and_linked_but_not_run_again(resumed):
    cli, parent = resumed
    assert [run.info.status for run in cli.runs("run")] == ["FINISHED"] * 6
    table = pd.read_csv(cli.folder / "out" / "comparison.csv").set_index("method")
    assert table.index[table.letter == "a"] == ["gumbel"]
    listed = pd.read_csv(artifacts(parent) / "runs.csv").set_index("run_id")
    for run in cli.runs("run"):
        row, dist = listed.loc[run.info.run_id], run.data.params["dist"]
        assert (row.method, row.init) == (dist, int(run.data.params["seed"]))
        assert row.final_cost == pytest.approx(run.data.metrics["cost"])
        assert row.train_seconds == pytest.approx(run.data.metrics["train_seconds"])
        assert table.test_size[dist] == 20
        link = f"#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}"
        assert (link in parent.data.tags["mlflow.note.content"]) == (dist != "zipf")
    assert (artifacts(parent) / "cost_per_training.png").exists()


def test_a_report_on_it_leaves_its_list_of_jobs_and_knows_what_it_reused(resumed):
    cli, parent = resumed
    at_the_end = (artifacts(parent) / "runs.csv").read_bytes()
    cli.ok(parent.info.run_id, "--output", "again", module="noise_exp.report")
    assert (artifacts(parent) / "runs.csv").read_bytes() == at_the_end
    for folder in (artifacts(parent), cli.folder / "again", cli.folder / "out"):
        table = pd.read_csv(folder / "comparison.csv").set_index("method")
        assert table.reused.to_dict() == {"gumbel": 2, "beta": 2, "zipf": 0}


def test_only_what_decides_the_result_counts(cli):
    cli.ok(*SMALL)
    for runs, change in enumerate(("threads=1", "seed=7", "resume=false"), 1):
        done = cli.ok(*SMALL, "resume=true", change)
        assert ("Finished already as run" in done.stdout) == (change == "threads=1")
        assert [run.info.status for run in cli.runs()] == ["FINISHED"] * runs
    client = MlflowClient(cli.uri)
    for run in cli.runs():  # as an earlier version of the program would have left them
        client.set_tag(run.info.run_id, "source_digest", "another")
    cli.ok(*SMALL, "resume=true")
    assert [run.info.status for run in cli.runs()] == ["FINISHED"] * 4


def test_a_run_that_lives_is_waited_for(cli):
    run = (*cli.hold(3), *SMALL)
    running = cli.start(*run)
    cli.wait_until(lambda: list(cli.folder.glob("outputs/*/*/.noise_exp/epochs.jsonl")))
    resumed = cli.start("-m", *run, "resume=true")
    cli.wait_until(lambda: "which another process is at" in (cli.folder / "stdout").read_text())
    cli.release(3)
    assert running.wait(timeout=PATIENCE) == 0
    assert resumed.wait(timeout=PATIENCE) == 0
    (run,) = cli.runs("run")
    assert run.info.status == "FINISHED"


@pytest.mark.parametrize(
    ("damage", "ends", "status"),
    [("", False, "KILLED"), ("no json", False, "KILLED"), (None, True, "FINISHED")],
)  # fmt: skip
def test_a_run_that_its_process_left_running_is_ended(cli, monkeypatch, damage, ends, status):
    monkeypatch.setattr(liveness, "_PAUSE_SECONDS", 0.1)
    monkeypatch.setattr(liveness, "_WATCH_SECONDS", 4.0)
    store, client = Store.open(cli.uri, "noise_training"), MlflowClient(cli.uri)
    journal = Journal.start(
        cli.folder / "left",
        Record("left", {"fingerprint": "f"}),
        Owed(cli.uri, store.experiment_id),
    )
    # Here its lock tells, elsewhere its heartbeat.
    tags = {"host": platform.node() + "-2"} if ends else {}
    known = {**journal.record.tags, "uid": journal.record.uid, "kind": "run", "heartbeat": "1"}
    run_id = client.create_run(store.experiment_id, tags=known | tags).info.run_id
    journal.update(run_id=run_id, tags=tags)
    journal.release()  # as the system does when the process dies
    if damage is not None:
        (cli.folder / "left" / ".noise_exp" / "run.json").write_text(damage)
    if ends:
        threading.Timer(1.5, client.set_terminated, (run_id, "FINISHED")).start()
    assert liveness.mark_dead_runs(store) == {}
    (run,) = cli.runs("run")
    assert run.info.status == status
    assert run.info.end_time < time.time() * 1000


def test_half_a_line_is_not_read_until_it_is_whole(tmp_path):
    journal = Journal.start(tmp_path, Record("run"))
    journal.log_epoch(EpochRecord(0, float("nan"), 0.5, 0.0, 1, 0.5))
    with (tmp_path / ".noise_exp" / "epochs.jsonl").open("a") as file:
        file.write('{"epoch": 1, "time": 5, "cost"')
        file.flush()
        lines, position = journal.epochs()
        assert [(line["epoch"], line["cost"]) for line in lines] == [(0, None)]
        file.write(": 0.25}\n")
    assert journal.epochs(position)[0] == [{"epoch": 1, "time": 5, "cost": 0.25}]

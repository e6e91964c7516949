"""resume=true runs what is not finished, and nothing that is."""

import json
import platform
import shutil
import signal
import threading
import time

import pandas as pd
import pytest
from mlflow import MlflowClient
from support import PATIENCE, SMALL, artifacts

from noise_exp.errors import UserError
from noise_exp.records.journal import Journal
from noise_exp.records.owed import Owed
from noise_exp.records.record import Record
from noise_exp.tracking import living
from noise_exp.tracking.living import sync
from noise_exp.tracking.store import Store
from noise_exp.training.loop import EpochRecord

SWEEP = ("-m", "dist=gumbel,beta", *SMALL)


def finished(cli):
    return [r for r in cli.runs("run") if r.info.status == "FINISHED"]


def test_what_is_finished_is_shown_and_linked_but_not_run_again(cli):
    assert cli(*SWEEP).returncode == 0
    shutil.rmtree(cli.folder / "multirun")  # the store is enough
    done = cli("-m", "dist=gumbel,beta,zipf", *SMALL, "resume=true", "hydra.sweep.dir=out")
    assert done.returncode == 0, done.stderr
    runs = {r.data.params["dist"]: r for r in cli.runs("run")}
    assert len(cli.runs("run")) == len(finished(cli)) == 3
    (parent,) = [r for r in cli.runs("sweep") if "out" in r.data.tags["sweep"]]
    table = pd.read_csv(cli.folder / "out" / "comparison.csv").set_index("method")
    assert table.reused.to_dict() == {"beta": 1, "gumbel": 1, "zipf": 0}
    assert table.index[table.letter == "a"] == ["gumbel"]
    listed = pd.read_csv(artifacts(parent) / "runs.csv").set_index("method")
    for dist, run in runs.items():
        assert table.final_cost[dist] == pytest.approx(run.data.metrics["cost"])
        assert table.train_seconds[dist] == pytest.approx(run.data.metrics["train_seconds"])
        assert table.test_size[dist] == 20
        assert listed.run_id[dist] == run.info.run_id
        link = f"#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}"
        assert (link in parent.data.tags["mlflow.note.content"]) == (dist != "zipf")
    assert (artifacts(parent) / "cost_per_training.png").exists()


@pytest.mark.parametrize(
    ("change", "anew"),
    [
        ("seed=7", True),
        ("optimizer.lr=0.01", True),
        ("data.pixel_divisor=255", True),
        ("threads=1", False),
        ("tracking.patience=5", False),
        ("resume=false", True),
    ],
)
def test_only_what_decides_the_result_counts(cli, change, anew):
    assert cli(*SMALL).returncode == 0
    done = cli(*SMALL, "resume=true", change)
    assert done.returncode == 0, done.stderr
    assert len(finished(cli)) == 1 + anew
    assert ("Finished already as run" in done.stdout) != anew


def test_other_source_code_is_another_run(cli):
    assert cli(*SMALL).returncode == 0
    (run,) = cli.runs()
    # As an earlier version of the program would have left it.
    client = MlflowClient(cli.uri)
    client.set_tag(run.info.run_id, "source_digest", "another")
    assert cli(*SMALL, "resume=true").returncode == 0
    assert len(finished(cli)) == 2


def test_just_those_that_failed_run_again(cli):
    body = (
        "def step(self, parameters, direction, moment):\n"
        "    if not pathlib.Path('mended').exists(): raise RuntimeError('out of luck')"
    )
    cli.own_part("optimizer", "fragile", body, before="import pathlib\n")
    sweep = ("--config-dir=my", "-m", "optimizer=fragile,vanilla", *SMALL)
    done = cli(*sweep)
    assert done.returncode == 1
    assert "job 0 (optimizer=fragile network=small epochs=6): RuntimeError" in done.stdout
    command = "python -m noise_exp --config-dir=my -m optimizer=fragile,vanilla"
    assert f"{command} network=small epochs=6 resume=true" in done.stdout
    (cli.folder / "mended").touch()
    done = cli(*sweep, "resume=true")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("finished already") == 1
    assert len(finished(cli)) == 2


def test_resuming_needs_a_store(cli):
    done = cli(*SWEEP, "resume=true", "tracking.enabled=false")
    assert done.returncode == 1
    (line,) = (done.stdout + done.stderr).splitlines()
    assert "set tracking.enabled=true" in line


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


def left_running(cli, alive=False, **tags):
    """A run that its process left RUNNING in a store and a folder; its id, journal and store."""
    opened = Store.open(cli.uri, "noise_training")
    facts = Record("left", {"kind": "run", "fingerprint": "f"})
    journal = Journal.start(cli.folder / "left", facts)
    run = opened.client.create_run(
        opened.experiment_id,
        tags={**journal.record.tags, "uid": facts.uid, "heartbeat": "1", **tags},
    )
    for epoch in range(3):
        journal.log_epoch(EpochRecord(epoch, 0.5, 0.25, 0.0, epoch + 1, 0.5))
    journal.update(
        uri=cli.uri, experiment_id=opened.experiment_id, run_id=run.info.run_id, tags=tags
    )
    if not alive:
        journal.release()  # as the system does when the process dies
    return run.info.run_id, journal, opened


def test_a_dead_process_on_this_machine_is_seen_by_its_lock(cli):
    run_id, _, opened = left_running(cli)
    assert living.bury_the_dead(opened) == {}
    (run,) = cli.runs("run")
    assert run.info.status == "KILLED"
    assert run.info.end_time < time.time() * 1000
    assert len(cli.history(run)) == 3  # what its journal owed is delivered
    assert (
        json.loads((cli.folder / "left" / ".noise_exp" / "run.json").read_text())["run_id"]
        == run_id
    )


def test_a_live_process_on_this_machine_is_left_alone(cli):
    run_id, _journal, opened = left_running(cli, alive=True)
    assert living.bury_the_dead(opened) == {"f": run_id}
    assert cli.runs("run")[0].info.status == "RUNNING"


@pytest.mark.parametrize(
    ("does", "status"),
    [(None, "KILLED"), ("set_tag", "RUNNING"), ("set_terminated", "FINISHED")],
)
def test_on_another_machine_the_heartbeat_tells(cli, monkeypatch, does, status):
    monkeypatch.setattr(living, "_WATCH_SECONDS", 4.0)
    run_id, _, opened = left_running(cli, host=platform.node() + "-2")
    if does:
        arguments = {"set_tag": ("heartbeat", "2"), "set_terminated": ("FINISHED",)}[does]
        threading.Timer(1.5, getattr(MlflowClient(cli.uri), does), (run_id, *arguments)).start()
    assert living.bury_the_dead(opened) == ({"f": run_id} if status == "RUNNING" else {})
    assert cli.runs("run")[0].info.status == status


@pytest.mark.parametrize("damage", ["", "{}", "no json"])
def test_a_damaged_record_stops_nothing(cli, monkeypatch, damage):
    monkeypatch.setattr(living, "_WATCH_SECONDS", 2.0)
    _, _, opened = left_running(cli)
    (cli.folder / "left" / ".noise_exp" / "run.json").write_text(damage)
    assert living.bury_the_dead(opened) == {}
    assert cli.runs("run")[0].info.status == "KILLED"


def test_sync_leaves_a_run_of_another_machine_alone(cli):
    _, journal, _ = left_running(cli)
    journal.update(tags={"host": platform.node() + "-2"})
    assert sync(cli.folder / "left", cli.uri) == "elsewhere"
    assert cli.runs("run")[0].info.status == "RUNNING"


def test_a_callback_that_fails_stops_the_sweep(cli):
    (cli.folder / "mlruns" / "mlflow.db.noise_exp-lock").mkdir()  # which nobody can lock
    done = cli(*SWEEP)
    assert done.returncode == 1
    assert not list(cli.folder.glob("multirun/*/*/*/.noise_exp/run.json"))
    assert (done.stdout + done.stderr).splitlines()[-1].startswith("noise_exp: ")


def test_an_optimizer_of_ones_own_counts_with_its_source_and_what_that_imports(cli):
    body = "def step(self, parameters, direction, moment): parameters += 0.01 * direction"
    cli.own_part("optimizer", "own", body, before="from helper import unused\n")
    (cli.folder / "helper.py").write_text("from below import unused\n")
    run = ("--config-dir=my", "optimizer=own", *SMALL, "resume=true")
    changes = (("below", "unused = 1\n", 1), ("notes", "x = 1", 1), ("below", "unused = 2\n", 2))
    for module, text, runs in changes:
        (cli.folder / f"{module}.py").write_text(text)
        assert cli(*run).returncode == 0
        assert len(finished(cli)) == runs


def test_a_folder_that_is_in_use_is_refused_and_what_it_owes_is_kept(tmp_path):
    first = Journal.start(tmp_path, Record("first"), Owed("sqlite:///x.db"))
    first.log_epoch(EpochRecord(0, 0.5, 0.5, 0.0, 1, 0.5))
    with pytest.raises(UserError, match="is used by a run that is still alive"):
        Journal.start(tmp_path, Record("second", {}))
    first.end("FINISHED")
    first.release()
    second = Journal.start(tmp_path, Record("second", {}))
    assert second.epochs() == ([], 0)
    (kept,) = [f for f in Journal.find(tmp_path) if f != tmp_path]
    assert Journal.load(kept).record.name == "first"
    assert Journal.load(kept).epochs()[0][0]["cost"] == 0.5


def test_half_a_line_is_not_read_until_it_is_whole(tmp_path):
    journal = Journal.start(tmp_path, Record("run", {}))
    journal.log_epoch(EpochRecord(0, float("nan"), 0.5, 0.0, 1, 0.5))
    with (tmp_path / ".noise_exp" / "epochs.jsonl").open("a") as file:
        file.write('{"epoch": 1, "time": 5, "cost"')
    lines, position = journal.epochs()
    assert [(line["epoch"], line["cost"]) for line in lines] == [(0, None)]
    with (tmp_path / ".noise_exp" / "epochs.jsonl").open("a") as file:
        file.write(": 0.25}\n")
    assert journal.epochs(position)[0] == [{"epoch": 1, "time": 5, "cost": 0.25}]


def test_an_interrupted_parallel_sweep_is_killed_whole(cli):
    running = cli.start("-m", "dist=gumbel,beta", "network=small", "epochs=1000000",
                        "hydra/launcher=joblib", "hydra.launcher.n_jobs=2")  # fmt: skip
    lines = "multirun/*/*/*/.noise_exp/epochs.jsonl"
    cli.wait_until(lambda: len(list(cli.folder.glob(lines))) >= 2)
    running.send_signal(signal.SIGTERM)
    assert running.wait(timeout=PATIENCE) == 1
    assert [run.info.status for run in cli.runs()] == ["KILLED"] * 3
    for run in cli.runs("run"):
        assert run.data.metrics["cost"] > 0
    said = (cli.folder / "stderr").read_text() + (cli.folder / "stdout").read_text()
    assert "noise_exp: interrupted" in said
    assert "Traceback" not in said

"""What interrupts the begin or the end of a sweep, and jobs that fail before their record."""

import dataclasses
import signal
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from filelock import FileLock
from made_up import recorded
from omegaconf import OmegaConf
from support import PATIENCE, SMALL

from noise_exp.errors import ReportedError
from noise_exp.job.describe import SweepContext
from noise_exp.job.launchers import Submitted
from noise_exp.runs.journal import RECORDS, Journal
from noise_exp.runs.record import Owed, Record
from noise_exp.sweep import ending
from noise_exp.sweep.sweep import Sweep, SweepProgress
from noise_exp.tracking import reading
from noise_exp.tracking.publisher import Publisher
from noise_exp.tracking.recording import Recording
from noise_exp.tracking.store import Store

JOBS = [["dist=gumbel"], ["dist=beta"], ["dist=zipf"], ["dist=power"]]


def begun(folder: Path, store=None, finished=(), jobs=JOBS) -> Sweep:
    recording = Recording(folder, Record("sweep", {"kind": "sweep"}))
    journal = recording.__enter__()
    progress = SweepProgress(folder, journal.record.uid, len(JOBS))
    progress.start()
    planned = SimpleNamespace(jobs=jobs, total=len(JOBS), swept=[], folder=folder)
    submitted = Submitted(OmegaConf.create({"_target_": "BasicLauncher"}))
    return Sweep(
        planned, SweepContext(), store, recording, journal, progress, dict(finished), submitted
    )


def test_an_interrupted_begin_leaves_no_run_running(cli, monkeypatch):
    make = Publisher.make

    def interrupted(*given):
        make(*given)  # the store has the run already
        raise KeyboardInterrupt

    monkeypatch.setattr(Publisher, "make", interrupted)
    store = Store.open(cli.uri, "noise_training")
    run, owed = Record("sweep", {"kind": "sweep"}), Owed(cli.uri, store.experiment_id)
    with pytest.raises(KeyboardInterrupt):
        Recording(cli.folder / "out", run, owed, 30.0, at_once=True).__enter__()
    assert Journal.load(cli.folder / "out").record.status == "KILLED"
    assert [run.info.status for run in cli.runs("sweep")] == ["KILLED"]


def test_an_interrupted_end_is_killed_and_lets_go(tmp_path):
    sweep = begun(tmp_path)

    def finish(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep.end(finish)
    assert Journal.load(tmp_path).record.status == "KILLED"
    with Journal.claim(tmp_path) as free:
        assert free


def test_reused_runs_that_the_store_no_longer_tells_of_keep_what_was_known(tmp_path, monkeypatch):
    def away(*_):
        raise OSError("the store is away")

    monkeypatch.setattr(reading, "reused_runs", away)
    known = recorded({"dist": "gumbel"}, {"test_errors": 3.0, "cost": 0.25}, run_id="r")
    sweep = begun(tmp_path, store=SimpleNamespace(), finished={"r": known})
    facts = Record("gumbel", sweep=sweep.journal.record.uid, job=0, run_id="r", reused=True,
                  status="FINISHED", overrides=["dist=gumbel"])  # fmt: skip
    Journal.start(tmp_path / "0", facts).release()
    reused, missing, *_ = ending.gather(sweep)
    assert reused == dataclasses.replace(known, job=0, overrides=["dist=gumbel"], reused=True)
    assert missing.error == "it left no record"
    assert missing.dist == "beta"


@pytest.mark.parametrize("jobs", [None, JOBS])
def test_results_are_counted_against_the_plan(tmp_path, monkeypatch, caplog, jobs):
    sweep = begun(tmp_path, jobs=jobs)
    for job in (0, 1, 3):  # of job 2 there is nothing, and of job 1 nothing that can be read
        left = Record("run", sweep=sweep.journal.record.uid, job=job, overrides=JOBS[job])
        Journal.start(tmp_path / str(job), left).end("FINISHED")
    (tmp_path / "1" / RECORDS / "run.json").write_text("half a rec")
    monkeypatch.setattr(ending, "_compare", lambda *_: None)
    with pytest.raises(ReportedError):
        ending.finish(sweep)
    assert sweep.journal.record.status == "FAILED"
    assert "2 of 4 jobs failed" in caplog.text
    for job in (1, 2):
        name = JOBS[job][0] if jobs else "?"  # of a search only the sweeper knows
        assert f"job {job} ({name}): it left no record" in caplog.text


@pytest.mark.parametrize(
    ("kind", "jobs", "ended_by", "then"),
    [("Slurm", ("12_0", "12_1"), "scancel 12", "scancel 12"),
     ("Local", ("4711", "4712"), "kill 4711 4712", "kill 4712")],
)  # fmt: skip
def test_jobs_that_go_on_without_the_sweep_are_ended_by_their_ids(
    tmp_path, kind, jobs, ended_by, then
):
    def leave(what, *jobs):
        for job in jobs:
            (tmp_path / job).mkdir(exist_ok=True)
            (tmp_path / job / f"{job}_{what}.pkl").touch()
        return submitted.ended_by

    launcher = {"_target_": f"a.{kind}Launcher", "submitit_folder": f"{tmp_path}/%j"}
    submitted = Submitted(OmegaConf.create(launcher))
    leave("submitted", "3_0")  # an earlier sweep's, whose job was cancelled
    submitted = Submitted(OmegaConf.create(launcher))
    assert submitted.ended_by == ""
    assert leave("submitted", *jobs) == ended_by
    assert leave("0_result", jobs[0]) == then
    assert leave("0_result", jobs[1]) == ""


def test_a_job_whose_folder_is_in_use_says_so_at_the_end(cli):
    place = cli.folder / "sw" / "1" / RECORDS
    place.mkdir(parents=True)
    with FileLock(place / "alive"):
        done = cli("-m", "hydra.sweep.dir=sw", "dist=gumbel,beta", "network=small", "epochs=2",
                   "tracking.enabled=false")  # fmt: skip
    assert done.returncode == 1
    table = pd.read_csv(cli.folder / "sw" / "runs.csv").set_index("method")
    assert "is used by a run that is still alive" in table.error["beta"]
    assert pd.isna(table.error["gumbel"])


def test_a_store_is_attached_to_without_a_call_to_it():
    store = Store.attach("sqlite:////nowhere/at/all.db", "1")
    assert "client" not in vars(store)


JOBLIB = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")


@pytest.mark.parametrize(
    ("mode", "arguments", "number", "trained", "runs"),
    [
        ((), (), signal.SIGINT, 1, 1),
        (("-m",), ("dist=gumbel,beta",), signal.SIGHUP, 1, 2),
        (("-m",), ("dist=gumbel,beta", *JOBLIB), signal.SIGTERM, 2, 3),
    ],
)
def test_what_is_interrupted_is_killed_whole_and_keeps_its_metrics(
    cli, mode, arguments, number, trained, runs
):
    running = cli.start(*mode, *cli.hold(3), *SMALL, *arguments)
    cli.wait_until(
        lambda: sum(bool(p.stat().st_size) for p in cli.folder.rglob("epochs.jsonl")) == trained
    )
    running.send_signal(number)
    assert running.wait(timeout=PATIENCE) == 1
    assert [run.info.status for run in cli.runs()] == ["KILLED"] * runs
    for run in cli.runs("run"):
        assert run.data.metrics["cost"] > 0
    said = (cli.folder / "stderr").read_text() + (cli.folder / "stdout").read_text()
    assert "noise_exp: interrupted" in said.splitlines()
    assert "Traceback" not in said

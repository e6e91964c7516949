"""Output folders that go away under a run, or that hold what is not this sweep's."""

import shutil
import time

import pandas as pd
import pytest
from support import PATIENCE, SMALL

from noise_exp.runs.journal import Journal
from noise_exp.runs.record import Owed, Record
from noise_exp.tracking.store import Store
from noise_exp.training.loop import EpochRecord


def _epoch(number):
    return EpochRecord(number, 0.5 / (number + 1), 0.25, 0.1 * number, number + 1, 0.5)


def _made_anew(folder):
    shutil.rmtree(folder)
    (folder / ".noise_exp" / "artifacts").mkdir(parents=True)


FILES = tuple(f".noise_exp/{name}" for name in ("epochs.jsonl", "alive", "run.json"))
GONE = {
    "deleted": shutil.rmtree,
    "deleted with what is around": lambda folder: shutil.rmtree(folder.parent),
    "deleted within": lambda folder: shutil.rmtree(folder / ".noise_exp"),
    "moved": lambda folder: folder.rename(folder.parent.parent / "elsewhere"),
    "made anew": _made_anew,
    **{name: lambda folder, name=name: (folder / name).unlink(missing_ok=True) for name in FILES},
}


@pytest.mark.parametrize("what", GONE)
@pytest.mark.parametrize("after", [0, 2])
def test_a_folder_that_goes_away_costs_a_run_nothing(tmp_path, caplog, what, after):
    folder = tmp_path / "multirun" / "0"
    journal = Journal.start(folder, Record("run", {}))
    journal.log_artifacts({"config.yaml": b"early", "model/weights.npz": b"weights"})
    for number in range(after):
        journal.log_epoch(_epoch(number))
    known, position = journal.epochs()
    GONE[what](folder)
    for number in range(after, 5):
        journal.log_epoch(_epoch(number)) if after else None
    known += journal.epochs(position)[0]
    assert [line["epoch"] for line in known] == list(range(5 if after else 0))
    journal.log_artifacts({"predictions.csv": b"late"})
    assert [path.read_bytes() for path in journal.artifacts] == [b"early", b"weights", b"late"]
    journal.update(metrics={"test_errors": 3})
    journal.end("FINISHED")
    with Journal.claim(folder) as other:
        assert other is None  # it is still this process's
    journal.release()
    read = Journal.load(folder)
    assert (read.record.status, read.record.metrics) == ("FINISHED", {"test_errors": 3})
    assert read.epochs()[0] == known
    assert what in FILES or caplog.text.count("is made anew") == 1


def test_a_folder_that_another_run_has_by_now_is_left_to_it(tmp_path):
    journal = Journal.start(tmp_path / "out", Record("first", {}))
    journal.log_epoch(_epoch(0))
    shutil.rmtree(tmp_path / "out")
    other = Journal.start(tmp_path / "out", Record("second", {}))
    other.log_epoch(_epoch(7))
    journal.log_epoch(_epoch(1))
    with pytest.raises(OSError, match="another run uses it by now"):
        journal.update(metrics={"test_errors": 1})
    journal.end("FAILED")
    assert [line["epoch"] for line in journal.epochs()[0]] == [0, 1]
    assert Journal.load(tmp_path / "out").record.name == "second"
    assert [line["epoch"] for line in other.epochs()[0]] == [7]


def test_a_sweep_whose_folder_is_deleted_ends_as_any_other(cli):
    sweep = ("-m", *cli.hold(3), "dist=gumbel,beta", *SMALL, "hydra.sweep.dir=out")
    running = cli.start(*sweep)
    cli.wait_for_epochs(3, "0")
    shutil.rmtree(cli.folder / "out")
    cli.release(3)
    assert running.wait(PATIENCE) == 0, (cli.folder / "stderr").read_text()
    assert "Traceback" not in (cli.folder / "stdout").read_text()
    assert [run.info.status for run in cli.runs("run")] == ["FINISHED"] * 2
    for run in cli.runs("run"):
        assert len(cli.history(run)) == 6
        assert run.outputs.model_outputs
    assert pd.read_csv(cli.folder / "out" / "comparison.csv").final_cost.notna().sum() == 2


def test_only_a_sweeps_own_jobs_are_waited_for(cli):
    exps = cli.folder / "exps"
    id_ = Store.open(cli.uri, "noise_training").experiment_id
    left = {  # by processes that still are at them, but for the last two
        name: Journal.start(exps / name, Record("theirs", sweep=sweep), Owed(cli.uri, experiment))
        for name, sweep, experiment in (
            ("alone", "", id_), ("another's", "f" * 32, id_), ("deep/down/below", "", id_),
            ("afar", "", id_), ("refused", "", "404"),
        )
    }  # fmt: skip
    left["afar"].update(tags={"host": "elsewhere"})
    for name in ("afar", "refused"):
        left.pop(name).release()
    (exps / "damaged" / ".noise_exp").mkdir(parents=True)
    (exps / "damaged" / ".noise_exp" / "run.json").write_text("{")
    start = time.monotonic()
    done = cli.ok("-m", "dist=gumbel", *SMALL, "hydra.sweep.dir=exps", "tracking.patience=500")
    assert time.monotonic() - start < 400  # whatever the machine, nothing was waited for
    assert "does not know all" not in done.stdout + done.stderr
    for name in (*left, "afar"):
        assert Journal.load(exps / name).record.status == "RUNNING"
    for journal in left.values():
        journal.release()

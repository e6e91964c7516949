"""The life of a run: every way it can end, in its folder and in a real store."""

import contextlib

import pytest
from support import artifacts

from noise_exp.errors import UserError
from noise_exp.runs.journal import Journal
from noise_exp.runs.record import Owed, Record
from noise_exp.tracking.recording import Recording
from noise_exp.tracking.store import Store


def live(journal, raised, status=None):
    journal.update(metrics={"half": 1.0})
    if status:
        journal.end(status)
    if raised:
        raise raised


@pytest.mark.parametrize("tracked", [False, True])
@pytest.mark.parametrize(
    ("raised", "status", "error"),
    [
        (None, "FINISHED", None),
        (RuntimeError("out of luck"), "FAILED", "RuntimeError: out of luck"),
        (UserError("give it a number"), "FAILED", "give it a number"),
        (KeyboardInterrupt(), "KILLED", None),
        (SystemExit(1), "KILLED", None),
    ],
)
def test_a_run_ends_as_what_happened(cli, tracked, raised, status, error):
    store = Store.open(cli.uri, "noise_training") if tracked else None
    owed = Owed(cli.uri, store.experiment_id) if store else Owed()
    recording = Recording(cli.folder / "out", Record("run", {"kind": "run"}), owed, 5.0)
    expected = pytest.raises(type(raised)) if raised else contextlib.nullcontext()
    with expected, recording as journal:
        live(journal, raised)
    left = Journal.load(cli.folder / "out").record
    assert (left.status, left.tags.get("error")) == (status, error)
    with Journal.claim(cli.folder / "out") as free:
        assert free  # the lock is let go
    if tracked:
        (run,) = cli.runs("run")
        assert (run.info.status, run.data.tags.get("error")) == (status, error)
        assert run.data.metrics == {"half": 1.0}
        traces = [path.name for path in artifacts(run).glob("*")]
        assert traces == (["traceback.txt"] if status == "FAILED" else [])


def test_an_end_that_was_said_stays(cli):
    with pytest.raises(KeyboardInterrupt), Recording(cli.folder, Record("run")) as journal:
        live(journal, KeyboardInterrupt(), status="FAILED")
    assert Journal.load(cli.folder).record.status == "FAILED"


def test_a_store_that_takes_no_run_is_reported_before_the_work(cli):
    recording = Recording(
        cli.folder / "out", Record("sweep"), Owed("http://me:secret@127.0.0.1:9", "7"),
        at_once=True,
    )  # fmt: skip
    with pytest.raises(UserError, match=r"store http://me:\*\*\*@127.0.0.1:9 takes no run"):
        recording.__enter__()
    assert Journal.load(cli.folder / "out").record.status == "FAILED"


def test_two_runs_do_not_share_a_folder(cli):
    with (
        Recording(cli.folder, Record("one")),
        pytest.raises(UserError, match="is used by a run that is still alive"),
        Recording(cli.folder, Record("two")),
    ):
        pass
    assert Journal.load(cli.folder).record.name == "one"

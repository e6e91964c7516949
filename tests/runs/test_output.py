"""A file that this program did not write is neither replaced nor deleted."""

import logging
import subprocess

import pytest
from support import needs_linux

from noise_exp.errors import UserError
from noise_exp.runs import output
from noise_exp.runs.journal import Journal
from noise_exp.runs.owed import Owed
from noise_exp.runs.record import Record


@needs_linux
def test_ours_is_replaced_and_listed_as_sha256sum_does(tmp_path):
    for content in (b"first", b"second"):
        assert output.write(tmp_path, "runs.csv", content) == "runs.csv"
    assert (tmp_path / "runs.csv").read_bytes() == b"second"
    listed = (tmp_path / ".noise_exp" / "written").read_text().splitlines(keepends=True)
    subprocess.run(
        ["sha256sum", "--check", "--strict"], input=listed[-1], text=True, cwd=tmp_path, check=True
    )


@pytest.mark.parametrize("kind", ["file", "folder", "link to nowhere", "ours, edited"])
def test_what_is_not_ours_stays(tmp_path, caplog, kind):
    place = tmp_path / "runs.csv"
    match kind:
        case "file":
            place.write_text("mine")
        case "folder":
            place.mkdir()
        case "link to nowhere":
            place.symlink_to("nowhere")
        case _:
            output.write(tmp_path, "runs.csv", b"ours")
            place.write_text("edited")
    before = place.lstat()
    with pytest.raises(UserError, match=r"runs\.csv is not a file that this program wrote"):
        output.refuse_foreign(tmp_path, output.SWEEP, "hydra.sweep.dir")
    with caplog.at_level(logging.WARNING):  # where it came after the start
        written = output.write(tmp_path, "runs.csv", b"ours")
    assert (tmp_path / written).read_bytes() == b"ours"
    assert place.lstat() == before
    assert "it stays, and ours is" in caplog.text


def test_a_run_removes_the_artifacts_that_it_lists_alone(tmp_path):
    folder = tmp_path / ".noise_exp" / "artifacts"
    for name in ("cost.png", "weights.npz"):  # the second as what an earlier run left
        journal = Journal.start(tmp_path, Record("run"), Owed("sqlite:///x.db", delivered=True))
        journal.log_artifacts({name: b"ours"})
        (folder / "x").write_text("mine")
        journal.log_artifacts({name: b"ours again"})
        assert [path.name for path in journal.artifacts] == [name]
        if name == "cost.png":
            journal.clear_artifacts()
            assert [path.name for path in folder.iterdir()] == ["x"]
        journal.release()
    Journal.start(tmp_path, Record("second"))
    assert [path.name for path in folder.iterdir()] == ["x"]


def test_what_is_owed_is_put_aside_whole(tmp_path):
    first = Journal.start(tmp_path, Record("first"), Owed("sqlite:///x.db"))
    first.log_artifacts({"cost.png": b"a picture"})
    (tmp_path / "report.html").write_text("mine")
    kept = [output.write(tmp_path, name, b"a table") for name in ("runs.csv", "report.html")]
    first.update(files=kept)
    first.end("FINISHED")
    first.release()
    Journal.start(tmp_path, Record("second"))
    (aside,) = [folder for folder in Journal.find(tmp_path) if folder != tmp_path]
    left = Journal.load(aside)
    assert left.record.name == "first"
    assert [path.read_bytes() for path in left.artifacts] == [b"a picture"]
    assert [(aside / name).read_bytes() for name in left.owed.files] == [b"a table"] * 2
    assert (tmp_path / "report.html").read_text() == "mine"
    assert not (tmp_path / "runs.csv").exists()


def test_the_result_of_another_job_of_the_sweep_stays(tmp_path):
    first = Journal.start(tmp_path, Record("run", sweep="s", job=0))
    first.end("FINISHED")
    first.release()
    with pytest.raises(UserError, match=r"is that of job 0 of the same sweep; put \$\{hydra.job"):
        Journal.start(tmp_path, Record("run", sweep="s", job=1))
    assert Journal.load(tmp_path).record == first.record
    Journal.start(tmp_path, Record("run", sweep="s", job=0))  # as a scheduler starts it again

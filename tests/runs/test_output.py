"""A file that this program did not write is neither replaced nor deleted."""

import logging
import subprocess

import pytest
from support import needs_linux

from noise_exp.errors import UserError
from noise_exp.runs import output
from noise_exp.runs.journal import Journal
from noise_exp.runs.record import Owed, Record


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


def test_a_run_keeps_no_artifact_of_an_earlier_one(tmp_path):
    first = Journal.start(tmp_path, Record("first"), Owed("sqlite:///x.db", delivered=True))
    first.log_artifacts({"model/weights.npz": b"ours"})
    first.release()
    Journal.start(tmp_path, Record("second"))
    assert not first.artifacts[0].exists()


def test_the_result_of_another_job_of_the_sweep_stays(tmp_path):
    first = Journal.start(tmp_path, Record("run", sweep="s", job=0))
    first.end("FINISHED")
    first.release()
    with pytest.raises(UserError, match=r"is that of job 0 of the same sweep; put \$\{hydra.job"):
        Journal.start(tmp_path, Record("run", sweep="s", job=1))
    assert Journal.load(tmp_path).record == first.record
    Journal.start(tmp_path, Record("run", sweep="s", job=0))  # as a scheduler starts it again

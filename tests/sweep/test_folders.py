"""Where output goes: into nobody else's folder, over nobody else's file, a job's into its own."""

import json
from pathlib import Path

import pytest
from support import SMALL, jobs_in

from noise_exp.errors import UserError
from noise_exp.runs import output
from noise_exp.runs.journal import Journal
from noise_exp.runs.record import Record
from noise_exp.sweep.callback import check_folder

RUN, SWEEP = "hydra.run.dir", "hydra.sweep.dir"
OF_HYDRA = ".hydra/config.yaml"


@pytest.fixture
def check(tmp_path, monkeypatch):
    """Check a folder as the start of a command in an own folder does."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    def check(key, folder, uri=None):
        theirs, ours = (["multirun.yaml"], output.SWEEP) if key == SWEEP else ([OF_HYDRA], ())
        check_folder(Path(folder), key, uri, theirs, ours)

    return check


@pytest.mark.parametrize(
    ("database", "uri", "folder"),
    [
        ("mlruns/mlflow.db", None, "mlruns"),
        ("mlruns/mlflow.db", None, "mlruns/artifacts/0"),
        ("mlruns/mlflow.db", None, "mlruns/x/../artifacts"),
        ("mlflow.db", "sqlite:///mlflow.db", "."),
        ("mlflow.db", "http://127.0.0.1:9", "mlartifacts"),
        ("other/runs.db", "sqlite:///other/runs.db", "link"),
        ("other/runs.db", "sqlite:///other/runs.db", "other/artifacts"),
    ],
)
def test_a_stores_folder_is_refused(check, tmp_path, database, uri, folder):
    (tmp_path / database).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / database).touch()
    (tmp_path / "link").symlink_to("other")
    before = sorted(tmp_path.rglob("*"))
    for key in (RUN, SWEEP):
        with pytest.raises(UserError, match=f"belongs to the tracking store in .*; set {key} to"):
            check(key, folder, uri)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("folder", ["outputs/today", ".", "a/mlruns/b"])
def test_beside_a_store_there_is_space(check, tmp_path, folder):
    for place in ("mlruns", "outputs"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "mlflow.db").touch()
    check(RUN, tmp_path / folder)


def test_a_folder_within_that_of_a_living_sweep_is_refused(check, tmp_path):
    journal = Journal.start(tmp_path / "out", Record("sweep"))
    with pytest.raises(UserError, match="a run that is still alive uses; choose another hydra"):
        check(RUN, "out/7")
    assert not (tmp_path / "out" / "7").exists()
    journal.release()


@pytest.mark.parametrize("name", ["runs.csv", "report.html", "history.png", "multirun.yaml"])
def test_a_file_of_the_users_is_refused(check, tmp_path, name):
    for key, place in ((SWEEP, tmp_path / "out" / name), (RUN, tmp_path / OF_HYDRA)):
        place.parent.mkdir(exist_ok=True)
        place.write_text("mine")
        with pytest.raises(UserError, match=rf"{place.name} is not a file .* set {key} to another"):
            check(key, "out" if key == SWEEP else ".")
        assert place.read_text() == "mine"


@pytest.mark.parametrize("subdir", ["x", ".", "${dist.sampler}", "${hydra.job.override_dirname}"])
def test_the_first_of_jobs_that_share_a_folder_is_kept(cli, subdir):
    excluded = "hydra.job.config.override_dirname.exclude_keys=[seed,network,epochs]"
    done = cli("-m", "seed=1,2", *SMALL, f"hydra.sweep.subdir={subdir}", excluded,
               "hydra.sweep.dir=out", "tracking.enabled=false")  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stderr + done.stdout
    own = subdir == "."  # the sweep's
    assert f"{1 + own} of 2 jobs failed" in done.stdout
    if not own:
        assert "is that of job 0 of the same sweep; put ${hydra.job.num} into" in done.stdout
        ((record, costs),) = jobs_in(cli.folder / "out")
        assert record["job"] == 0
        assert len(costs) == 6


def test_a_command_in_a_folder_of_the_users_leaves_it_as_it_was(newcomer):
    mine = ("artifacts/x", "run.json", "epochs.jsonl", "result.json", "alive", ".writable")
    for name in mine:
        (newcomer.folder / name).parent.mkdir(exist_ok=True)
        (newcomer.folder / name).write_text("mine")
    for _ in range(2):
        newcomer.ok(*SMALL, "tracking.enabled=false", "hydra.run.dir=.")
    sweep = ("-m", "dist=gumbel", *SMALL, "hydra.sweep.dir=.", "tracking.enabled=false")
    newcomer.ok(*sweep)
    newcomer.ok(*sweep)  # in the place of its own tables
    assert {(newcomer.folder / name).read_text() for name in mine} == {"mine"}
    left = {path.name for path in newcomer.folder.iterdir()} - {"home", "0", "artifacts", *mine}
    assert left - set(output.SWEEP) == {".hydra", ".noise_exp", "multirun.yaml", "noise_exp.log"}
    record = json.loads((newcomer.folder / ".noise_exp" / "run.json").read_text())
    assert record["status"] == "FINISHED"
    done = newcomer(*sweep, "hydra.sweep.dir=mlruns")
    assert done.returncode == 1
    (line,) = (done.stdout + done.stderr).splitlines()
    assert line.startswith("noise_exp: ")

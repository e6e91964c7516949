"""Where output goes: into nobody else's folder, over nobody else's file, a job's into its own."""

import json
import logging
from types import SimpleNamespace

import pytest
from hydra import compose, initialize_config_dir
from support import SMALL, costs_in

from noise_exp.errors import ToldError, UserError
from noise_exp.records import output
from noise_exp.records.journal import Journal
from noise_exp.records.record import Record
from noise_exp.run.config import CONF_DIR
from noise_exp.sweep import ending
from noise_exp.sweep.folders import check_folder
from noise_exp.sweep.plan import Plan

RUN, SWEEP = "hydra.run.dir", "hydra.sweep.dir"
JOBS = [[f"dist={dist}", f"seed={seed}"] for dist in ("gumbel", "beta") for seed in range(2)]


@pytest.fixture
def check(tmp_path, monkeypatch):
    """Check a folder as the start of a command in an own folder does."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    def check(key, value, *overrides):
        with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
            config = compose("config", [f"{key}='{value}'", *overrides], return_hydra_config=True)
            check_folder(config, key, output.SWEEP if key == SWEEP else ())

    return check


@pytest.mark.parametrize("key", [RUN, SWEEP])
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
def test_a_stores_folder_is_refused(check, tmp_path, key, database, uri, folder):
    (tmp_path / database).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / database).touch()
    (tmp_path / "link").symlink_to("other")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UserError, match=f"belongs to the tracking store in .*; set {key} to"):
        check(key, folder, f"tracking.uri='{uri}'" if uri else "tracking.uri=null")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("folder", ["outputs/today", ".", "/a/mlruns/b"])
def test_beside_a_store_there_is_room(check, tmp_path, folder):
    (tmp_path / "mlruns").mkdir()
    (tmp_path / "mlruns" / "mlflow.db").touch()
    (tmp_path / "outputs").mkdir()
    (tmp_path / "outputs" / "mlflow.db").touch()
    check(RUN, str(tmp_path) + folder if folder.startswith("/") else folder)


@pytest.mark.parametrize(
    ("key", "name"),
    [
        *((SWEEP, name) for name in ("runs.csv", "report.html", "history.png", "multirun.yaml")),
        (RUN, ".hydra/config.yaml"),
    ],
)
def test_a_file_of_the_users_is_refused(check, tmp_path, key, name):
    (tmp_path / "out" / name).parent.mkdir(parents=True)
    (tmp_path / "out" / name).write_text("mine")
    with pytest.raises(UserError, match=rf"{name} is not a file .* set {key} to another"):
        check(key, "out")
    assert (tmp_path / "out" / name).read_text() == "mine"


def test_what_an_earlier_run_left_is_not(check, tmp_path):
    for key in (RUN, SWEEP):
        check(key, "out")
        (tmp_path / "out" / ".hydra").mkdir(exist_ok=True)
        for name in ("multirun.yaml", ".hydra/config.yaml"):  # as Hydra does
            (tmp_path / "out" / name).touch()
    output.write(tmp_path / "out", "runs.csv", b"ours")
    check(SWEEP, "out")
    (tmp_path / "out" / "runs.csv").write_text("ours, with a column of mine")
    with pytest.raises(UserError, match=r"runs\.csv is not a file that this program wrote, or was"):
        check(SWEEP, "out")


@pytest.mark.parametrize("subdir", ["x", ".", "${dist.law}", "${hydra.job.override_dirname}"])
def test_the_first_of_jobs_that_share_a_folder_is_kept(cli, subdir):
    excluded = "hydra.job.config.override_dirname.exclude_keys=[seed,network,epochs]"
    done = cli("-m", "seed=1,2", *SMALL, f"hydra.sweep.subdir={subdir}", excluded,
               "hydra.sweep.dir=out", "tracking.enabled=false")  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stderr + done.stdout
    if subdir == ".":  # the sweep's own
        assert "2 of 2 jobs failed" in done.stdout
        return
    assert "1 of 2 jobs failed" in done.stdout
    assert "is that of job 0 of the same sweep; put ${hydra.job.num} into" in done.stdout
    (record,) = (cli.folder / "out").glob("*/.noise_exp/run.json")
    assert json.loads(record.read_text())["job"] == 0
    assert len(costs_in(record.parent.parent)) == 6


@pytest.mark.parametrize("searched", [False, True])
def test_results_are_counted_against_the_plan(tmp_path, monkeypatch, caplog, searched):
    sweep = SimpleNamespace(
        folder=tmp_path,
        store=None,
        plan=Plan(JOBS[0], None if searched else JOBS, 4, ["seed"]),
        journal=Journal.start(tmp_path, Record("sweep")),
    )
    for job in (0, 1, 3):  # of job 2 there is nothing, and of job 1 nothing that can be read
        facts = Record("run", sweep=sweep.journal.record.uid, job=job, overrides=JOBS[job])
        Journal.start(tmp_path / str(job), facts).end("FINISHED")
    (tmp_path / "1" / ".noise_exp" / "run.json").write_text("half a rec")
    monkeypatch.setattr(ending, "_compare", lambda *_: None)
    with caplog.at_level(logging.ERROR), pytest.raises(ToldError):
        ending.finish(sweep)
    assert sweep.journal.record.status == "FAILED"
    assert "2 of 4 jobs failed" in caplog.text
    for job in (1, 2):
        name = "?" if searched else " ".join(JOBS[job])
        assert f"job {job} ({name}): it left no record" in caplog.text


def test_a_command_in_a_folder_of_the_users_leaves_it_as_it_was(newcomer):
    mine = ("artifacts/x", "run.json", "epochs.jsonl", "result.json", "alive", ".writable")
    for name in mine:
        (newcomer.folder / name).parent.mkdir(exist_ok=True)
        (newcomer.folder / name).write_text("mine")
    for _ in range(2):
        done = newcomer(*SMALL, "tracking.enabled=false", "hydra.run.dir=.")
        assert done.returncode == 0, done.stderr
    sweep = ("-m", "dist=gumbel", *SMALL, "hydra.sweep.dir=.", "tracking.enabled=false")
    assert newcomer(*sweep).returncode == 0
    assert newcomer(*sweep).returncode == 0  # in the place of its own tables
    assert {(newcomer.folder / name).read_text() for name in mine} == {"mine"}
    left = {path.name for path in newcomer.folder.iterdir()} - {"home", "0", "artifacts", *mine}
    assert left - set(output.SWEEP) == {".hydra", ".noise_exp", "multirun.yaml", "noise_exp.log"}
    record = json.loads((newcomer.folder / ".noise_exp" / "run.json").read_text())
    assert record["status"] == "FINISHED"
    done = newcomer(*sweep, "hydra.sweep.dir=mlruns")
    assert done.returncode == 1
    (line,) = (done.stdout + done.stderr).splitlines()
    assert line.startswith("noise_exp: ")

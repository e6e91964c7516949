"""What would do something else than was asked is refused, or said, before anything is run."""

import logging
import sqlite3
import sys
from pathlib import Path

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from mlflow import MlflowClient
from support import SMALL

from noise_exp.errors import UserError
from noise_exp.records.record import key_of
from noise_exp.run.config import CONF_DIR
from noise_exp.sweep import plan
from noise_exp.sweep.callback import SweepCallback
from noise_exp.tracking.store import Store


def begin(monkeypatch, *arguments):
    """Do what Hydra does before it runs a command: compose, and tell the callback."""
    monkeypatch.setattr(sys, "argv", ["noise_exp", *arguments])
    sweeping = "-m" in arguments
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        config = GlobalHydra.instance().hydra.compose_config(
            "config", [a for a in arguments if a != "-m"],
            RunMode.MULTIRUN if sweeping else RunMode.RUN, with_log_configuration=False,
        )  # fmt: skip
        ours = SweepCallback()
        (ours.on_multirun_start if sweeping else ours.on_run_start)(config)


def refused(monkeypatch, *arguments):
    """Return the one line that a command ends with."""
    with pytest.raises(SystemExit) as ended:
        begin(monkeypatch, *arguments)
    assert str(ended.value.code).startswith("noise_exp: ")
    assert "\n" not in ended.value.code
    assert not Path("multirun").exists()
    assert not Path("outputs").exists()
    return ended.value.code


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("URI", "EXPERIMENT_NAME", "EXPERIMENT_ID", "RUN_ID"):
        monkeypatch.delenv(f"MLFLOW_{name}", raising=False)


@pytest.mark.parametrize(
    ("swept", "option", "key"),
    [
        ("experiment=seed_sensitivity,variance", "experiment=seed_sensitivity", "sweeper"),
        ("experiment=article,variance", "experiment=variance", "sweeper"),
        ("experiment=choice(learn,tune)", "experiment=tune", "sweeper"),  # another sweeper
        ("+mine=launcher,none", "+mine=launcher", "launcher"),
        ("+mine=none,listening", "+mine=listening", "callbacks"),
    ],
)
def test_a_sweep_over_sweeps_is_refused(monkeypatch, tmp_path, swept, option, key):
    (tmp_path / "mine").mkdir()
    hydra = {
        "none": "{}",
        "launcher": "{launcher: {_target_: mine.Launcher}}",
        "listening": "{callbacks: {mine: {_target_: mine.Callback}}}",
    }
    for name, text in hydra.items():
        (tmp_path / "mine" / f"{name}.yaml").write_text(f"# @package _global_\nhydra: {text}\n")
    said = refused(monkeypatch, "-m", f"hydra.searchpath=[file://{tmp_path}]", swept, "dist=beta")
    assert f"the job {option} dist=beta sets hydra.{key}" in said
    assert "give it a command of its own" in said


def test_experiments_without_a_sweep_of_their_own_can_be_swept_over(monkeypatch, capsys):
    with pytest.raises(SystemExit) as ended:
        begin(monkeypatch, "-m", "experiment=article,learn", *SMALL, "epochs=1", "dry_run=true",
              "tracking.enabled=false")  # fmt: skip
    assert not ended.value.code
    assert "2 runs" in capsys.readouterr().out


@pytest.mark.parametrize(
    "setting",
    ["MLFLOW_TRACKING_URI=sqlite:///y.db", "MLFLOW_EXPERIMENT_NAME=y", "OMP_NUM_THREADS=1",
     "PYTHONHASHSEED=1"],
)  # fmt: skip
@pytest.mark.parametrize("mode", [[], ["-m"]])
def test_an_environment_that_comes_too_late_is_refused(monkeypatch, mode, setting):
    name = setting.partition("=")[0]
    monkeypatch.delenv(name, raising=False)
    said = refused(monkeypatch, *mode, f"+hydra.job.env_set.{setting}")
    assert f"hydra.job.env_set.{name} comes too late" in said


@pytest.mark.parametrize("spelling", ["optimizer.lr=0.01", "++optimizer.lr=0.01"])
def test_a_key_that_is_set_is_not_searched_however_it_is_spelt(monkeypatch, spelling):
    planned = planned_by(monkeypatch, "experiment=tune", spelling)
    assert "optimizer.lr" not in planned.swept
    assert spelling in planned.first
    assert len([o for o in planned.first if "optimizer.lr=" in o]) == 1


@pytest.mark.parametrize("plus", ["", "++"])
def test_a_key_is_swept_under_its_own_name(monkeypatch, plus):
    searched = f"{plus}optimizer.lr=tag(log,interval(0.001,0.1))"
    assert "optimizer.lr" in planned_by(monkeypatch, "experiment=tune", searched).swept
    swept = planned_by(monkeypatch, "seed=7", f"{plus}seed=1,2", f"{plus}dist.scale=3,4")
    assert swept.swept == ["seed", "dist.scale"]
    assert swept.jobs[0][:2] == [f"{plus}seed=1", f"{plus}dist.scale=3"]


def planned_by(monkeypatch, *arguments):
    """Return the plan of a sweep, which is not begun."""
    plans, real = [], plan.sweep

    def leave(config):
        plans.append(real(config))
        raise UserError("enough")

    with monkeypatch.context() as patched:
        patched.setattr(plan, "sweep", leave)
        assert "enough" in refused(patched, "-m", *arguments, "network=small")
    return plans[0]


@pytest.mark.parametrize(
    "swept",
    ["tracking.experiment=a,b", "++tracking.experiment=a,b", "tracking.enabled=true,false",
     "resume=true,false",
     "dry_run=choice(true,false)"],
)  # fmt: skip
def test_what_a_sweep_has_one_of_is_not_swept_over(monkeypatch, swept):
    said = refused(monkeypatch, "-m", swept)
    assert f"{swept}: a sweep takes one {key_of(swept)} for all" in said


def test_a_search_for_the_worst_is_refused(monkeypatch):
    for direction in ("maximize", "[minimize,maximize]"):
        said = refused(monkeypatch, "-m", "experiment=tune", f"hydra.sweeper.direction={direction}")
        assert "hydra.sweeper.direction must be minimize, got" in said


@pytest.mark.parametrize("experiment", ["seed_sensitivity", "tune"])
def test_one_run_of_an_experiment_that_holds_a_sweep_says_so(monkeypatch, caplog, experiment):
    begin(monkeypatch, f"experiment={experiment}", "network=small")
    (said,) = caplog.messages
    assert "This is one run: only -m sweeps over" in said
    assert f"python -m noise_exp -m experiment={experiment} network=small" in said


def test_one_run_of_another_says_nothing(monkeypatch, caplog):
    begin(monkeypatch, "experiment=learn")
    assert not caplog.messages


@pytest.mark.parametrize("mode", [[], ["-m"]])
@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("hydra.job.chdir=true", "hydra.job.chdir must be false"),
        ("hydra.run.dir='~/x'", "hydra.run.dir=~/x: nothing replaces the ~"),
        ("hydra.sweep.dir='~/x'", "hydra.sweep.dir=~/x: nothing replaces the ~"),
    ],
)
def test_folders_that_would_be_others_than_meant_are_refused(monkeypatch, mode, setting, words):
    assert words in refused(monkeypatch, *mode, setting)


def test_a_dry_run_on_a_store_of_another_version_does_not_train(monkeypatch):
    Store.open("sqlite:///x.db", None)
    Path("x.db").rename("y.db")  # MLflow remembers what it has opened
    with sqlite3.connect("y.db") as store:
        store.execute("update alembic_version set version_num = 'abc'")
    arguments = ("tracking.uri=sqlite:///y.db", "dry_run=true", "resume=true")
    for mode in ([], ["-m"]):
        assert "schema" in refused(monkeypatch, *mode, *arguments)


@pytest.mark.parametrize("mode", [[], ["-m"]])
def test_whatever_goes_wrong_before_a_command_ends_it(monkeypatch, mode):
    def stumble(*_):
        raise ZeroDivisionError("a mistake\nof ours")

    monkeypatch.setattr(plan, "tell", stumble)
    said = refused(monkeypatch, *mode, "dry_run=true")
    assert "cannot start: ZeroDivisionError: a mistake of ours" in said


def test_whatever_goes_wrong_at_the_end_of_a_sweep_is_no_success():
    ours = SweepCallback()
    ours._sweep = object()  # has no end
    with pytest.raises(SystemExit) as ended:
        ours.on_multirun_end(None)
    assert "could not be ended: AttributeError" in str(ended.value.code)


def test_the_environment_says_where_runs_go(monkeypatch, tmp_path, caplog):
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "mine")
    store = Store.open("sqlite:///~/x.db", None)
    assert [path.name for path in tmp_path.iterdir()] == ["home"]
    assert store.uri == f"sqlite:///{tmp_path}/home/x.db"
    assert f"--backend-store-uri {store.uri}" in store.browse
    client = MlflowClient(f"sqlite:///{tmp_path}/home/x.db")
    assert client.get_experiment_by_name("mine").experiment_id == store.experiment_id
    given = Store.open("sqlite:///~/x.db", "given")
    assert client.get_experiment_by_name("given").experiment_id == given.experiment_id

    run = client.create_run(store.experiment_id)
    monkeypatch.setenv("MLFLOW_RUN_ID", run.info.run_id)
    assert store.outer() == run.info.run_id
    assert not caplog.messages
    assert given.outer() is None
    monkeypatch.setenv("MLFLOW_RUN_ID", "0" * 32)
    assert store.outer() is None
    assert all("Not nested in the run of MLFLOW_RUN_ID=" in said for said in caplog.messages)
    assert len(caplog.messages) == 2

    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", store.experiment_id)
    with caplog.at_level(logging.WARNING):
        Store.existing("sqlite:///~/x.db", None)
    assert "MLFLOW_EXPERIMENT_ID is not read" in caplog.messages[-1]


def test_runs_and_sweeps_are_nested_in_the_run_of_the_environment(cli):
    client = MlflowClient(cli.uri)
    env = {"MLFLOW_RUN_ID": ""}
    assert cli(*SMALL, "tracking.experiment=mine", env=env).returncode == 0
    where = client.get_experiment_by_name("mine").experiment_id
    (first,) = client.search_runs([where])
    env = {"MLFLOW_RUN_ID": first.info.run_id, "MLFLOW_EXPERIMENT_NAME": "mine"}
    done = cli("-m", "dist=gumbel,beta", *SMALL, env=env)
    assert done.returncode == 0, done.stderr
    runs = client.search_runs([where], "tags.mlflow.parentRunId != ''")
    (sweep,) = [run for run in runs if run.data.tags["kind"] == "sweep"]
    assert sweep.data.tags["mlflow.parentRunId"] == first.info.run_id
    jobs = [run for run in runs if run.data.tags["kind"] == "run"]
    assert [run.data.tags["mlflow.parentRunId"] for run in jobs] == [sweep.info.run_id] * 2
    assert cli(*SMALL, "seed=3", env=env).returncode == 0
    (alone, *_) = client.search_runs([where])
    assert alone.data.tags["mlflow.parentRunId"] == first.info.run_id

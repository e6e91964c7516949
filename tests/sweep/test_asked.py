"""What would do something else than was asked is refused, or said, before anything is run."""

import sqlite3

import pytest
from mlflow import MlflowClient

from noise_exp.sweep.callback import SweepCallback
from noise_exp.tracking.store import Store


@pytest.mark.parametrize(
    ("key", "value"),
    [("launcher", "{_target_: mine.Own}"), ("callbacks", "{mine: {_target_: mine.Own}}")],
)
def test_a_sweep_over_launchers_or_callbacks_is_refused(newcomer, key, value):
    newcomer.own_option("mine", "none", "# @package _global_\n{}\n")
    newcomer.own_option("mine", "own", f"# @package _global_\nhydra: {{{key}: {value}}}\n")
    done = newcomer("--config-dir=my", "-m", "+mine=none,own", "dist=beta")
    assert done.returncode == 1
    assert f"the job +mine=own dist=beta sets hydra.{key}" in done.stderr
    assert "give it a command of its own" in done.stderr


def test_a_dry_run_on_a_store_of_another_version_does_not_train(cli):
    with sqlite3.connect(cli.folder / "mlruns" / "mlflow.db") as store:
        store.execute("update alembic_version set version_num = 'abc'")
    done = cli("dry_run=true", "resume=true")
    assert done.returncode == 1
    (line,) = (done.stdout + done.stderr).splitlines()
    assert "schema" in line


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ("on_run_start", "this run cannot start: "),
        ("on_multirun_start", "the sweep cannot start: "),
        ("on_multirun_end", "the sweep could not be ended: "),
    ],
)
def test_whatever_goes_wrong_around_a_command_ends_it_in_one_line(event, words):
    ours = SweepCallback()
    ours._sweep = object()  # has no end
    with pytest.raises(SystemExit) as ended:
        getattr(ours, event)(None)
    (line,) = str(ended.value.code).splitlines()
    assert words in line


def test_the_environment_says_where_runs_go(monkeypatch, tmp_path, caplog):
    for name in ("EXPERIMENT_ID", "RUN_ID"):
        monkeypatch.delenv(f"MLFLOW_{name}", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "mine")
    store, given = (Store.open("sqlite:///~/x.db", name) for name in (None, "given"))
    assert store.uri == f"sqlite:///{tmp_path}/x.db"
    client = MlflowClient(store.uri)
    names = [client.get_experiment(s.experiment_id).name for s in (store, given)]
    assert names == ["mine", "given"]
    run_id = client.create_run(store.experiment_id).info.run_id
    monkeypatch.setenv("MLFLOW_RUN_ID", run_id)
    assert store.outer() == run_id
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", store.experiment_id)
    Store.existing("sqlite:///~/x.db", None)
    assert "MLFLOW_EXPERIMENT_ID is not read" in caplog.messages[-1]

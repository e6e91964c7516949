"""What is typed is what is used: text in its own words, and one key however it is spelt."""

import sqlite3
from pathlib import Path

import pytest
from hydra._internal.core_plugins import file_config_source
from support import SMALL, composed

from noise_exp.errors import UserError, in_words
from noise_exp.records.record import settings
from noise_exp.run.build import build, trial_of
from noise_exp.run.typed import keep_text
from noise_exp.tracking.places import located
from noise_exp.tracking.store import Store

NAMES = ["2026_11_25", "007", "1e3", "true", "1_000", "5", ".5", "nan", "mine", "2026-11-25"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("key", ["tracking.experiment", "tracking.uri", "data.path"])
def test_a_name_is_kept_as_it_is_typed(key, name):
    cfg = composed("data=npz", f"{key}={name}")
    (kept,) = keep_text(cfg, [f"{key}={name}"])
    group, _, last = key.partition(".")
    assert cfg[group][last] == name
    assert composed("data=npz", kept)[group][last] == name  # as a job of a sweep is composed


@pytest.mark.parametrize("swept", ["2026_11_25,b,1e3", "choice(2026_11_25,b,1e3)"])
def test_names_that_are_swept_over_are_kept_as_they_are_typed(swept):
    cfg = composed("data=npz", "data.path=x")
    assert keep_text(cfg, [f"data.path={swept}"]) == ["data.path='2026_11_25',b,'1e3'"]


@pytest.mark.parametrize(
    "override", ["seed=007", "optimizer.lr=1e-3", "dist.scale=1_0", "resume=true", "seed=1,2",
                 "tracking.experiment=null", "tracking.experiment='1_0'", "data.digits=[3,8]"],
)  # fmt: skip
def test_what_takes_no_text_is_left_alone(override):
    cfg = composed("experiment=learn")
    assert keep_text(cfg, [override]) == [override]


@pytest.mark.parametrize("value", [20261125, 1.5, True])
def test_a_number_of_a_file_is_refused_where_text_is_meant(value):
    for key in ("tracking.experiment", "data.path"):
        cfg = composed("data=npz", "data.path=x", f"{key}={value}")
        with pytest.raises(UserError, match=f"{key} must be text, got {value}.*in quotes"):
            build(cfg)


def test_a_run_lands_where_it_is_told_to(cli):
    name = "2026_11_25"
    where = (f"tracking.experiment={name}", f"hydra.run.dir={name}")
    assert cli(*SMALL, *where).returncode == 0
    env = {
        "MLFLOW_TRACKING_URI": f"\ufeff{cli.uri}\r",
        "MLFLOW_EXPERIMENT_NAME": f" {name}\xa0\r\n",
    }
    assert cli(*SMALL, env=env).returncode == 0
    assert (cli.folder / name).is_dir()
    assert [path.name for path in cli.folder.rglob("*.db*") if "lock" not in path.name] == [
        "mlflow.db"
    ]
    with sqlite3.connect(cli.folder / "mlruns" / "mlflow.db") as store:
        runs = store.execute(
            "select experiments.name from experiments join runs using (experiment_id)"
        )
        assert runs.fetchall() == [(name,)] * 2


@pytest.mark.parametrize("around", ["{}\r", "\ufeff{}", " {}\xa0", "{}\n"])
def test_what_a_file_puts_around_a_uri_makes_no_other_store(tmp_path, monkeypatch, around):
    monkeypatch.chdir(tmp_path)
    for name in ("URI", "EXPERIMENT_NAME", "RUN_ID"):
        monkeypatch.delenv(f"MLFLOW_{name}", raising=False)
    uri = f"sqlite:///{tmp_path}/x.db"
    assert located(around.format(uri)) == (uri, uri)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", around.format(uri))
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", around.format("mine"))
    opened = Store.open(None, None)
    assert (opened.uri, opened.experiment) == (uri, "mine")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", around.format(""))
    assert located(None)[0] == "sqlite:///mlruns/mlflow.db"


def test_a_key_is_one_however_it_is_set():
    assert settings(["+a.b=1", "++c=2", "d=3=4"]) == {"a.b": "1", "c": "2", "d": "3=4"}


def test_what_may_not_be_read_is_not_what_cannot_be_written(tmp_path, monkeypatch):
    path = tmp_path / "x.npz"
    path.touch()
    refused = PermissionError(13, "Permission denied", str(path))
    assert f"{path} cannot be written (Permission denied)" in in_words(refused)
    monkeypatch.setattr("os.access", lambda *_: False)  # root may read all
    assert f"{path} cannot be read (Permission denied)" in in_words(refused)
    assert "space" not in in_words(refused)


def test_an_option_that_may_not_be_read_is_named(monkeypatch):
    def refuse(path, *_, **__):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(file_config_source, "open", refuse, raising=False)
    with pytest.raises(UserError, match=r"config.yaml cannot be read \(Permission denied\)"):
        trial_of([])


def test_a_run_ends_with_the_next_command(cli):
    done = cli(*SMALL, "epochs=1", f"tracking.uri={cli.uri}")
    (run,) = cli.runs()
    report, predict = done.stdout.splitlines()[-2:]
    program, *more = report.split()
    assert Path(program).name == "python"
    assert more == ["-m", "noise_exp.report", run.info.run_id, "--uri", cli.uri]
    assert predict.split()[2:4] == ["noise_exp.predict", run.info.run_id]
    done = cli(*report.split()[3:], module="noise_exp.report")
    assert done.returncode == 0, done.stderr
    done = cli("f" * 32, "x.png", module="noise_exp.predict")
    assert f"the store {cli.uri} has no run {'f' * 32}" in done.stderr

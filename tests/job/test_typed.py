"""What is typed is what is used: text in its own words, and one key however it is spelt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow import MlflowClient
from support import SMALL, composed, empty_store

from noise_exp.errors import in_words
from noise_exp.job.describe import keep_text
from noise_exp.runs import record
from noise_exp.tracking.places import located, trimmed

KEYS = ("tracking.experiment", "tracking.uri", "data.path")
AROUND = st.text("\ufeff \xa0\t\r\n", max_size=4)


@pytest.mark.parametrize("name", ["2026_11_25", "007", "1e3", "true", ".5", "nan", "mine"])
def test_a_name_is_kept_as_it_is_typed(name):
    typed = [f"{key}={name}" for key in KEYS]
    cfg = composed("data=npz", *typed)
    kept = keep_text(cfg, typed)
    for again in (cfg, composed("data=npz", *kept)):  # as a job of a sweep is composed
        assert {again.tracking.experiment, again.tracking.uri, again.data.path} == {name}


def test_what_takes_no_text_is_left_alone():
    overrides = ["seed=007", "optimizer.lr=1e-3", "dist.scale=1_0", "resume=true", "seed=1,2",
                 "tracking.experiment=null", "tracking.experiment='1_0'",
                 "data.digits=[3,8]"]  # fmt: skip
    assert keep_text(composed("experiment=learn"), overrides) == overrides


def test_a_run_lands_where_it_is_told_to(newcomer):
    name, database = "2026_11_25", newcomer.folder / "elsewhere" / "runs.db"
    database.parent.mkdir()
    database.write_bytes(empty_store())
    uri = f"sqlite:///{database}"
    env = {"MLFLOW_TRACKING_URI": f"\ufeff{uri}\r"}
    done = newcomer.ok(*SMALL, f"tracking.experiment={name}", f"hydra.run.dir={name}", env=env)
    assert f"mlflow ui --workers 1 --backend-store-uri {uri}" in done.stdout
    newcomer.ok(*SMALL, env=env | {"MLFLOW_EXPERIMENT_NAME": f" {name}\xa0\r\n"})
    assert (newcomer.folder / name).is_dir()
    assert [path.name for path in newcomer.folder.rglob("*.db")] == ["runs.db"]
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name(name)
    assert experiment.artifact_location.startswith(f"file://{newcomer.folder}/elsewhere")
    assert len(client.search_runs([experiment.experiment_id])) == 2


@given(AROUND, st.sampled_from(["", "mine", "sqlite:////a b/x.db"]), AROUND)
def test_what_a_file_puts_around_a_name_is_no_part_of_it(before, name, after):
    assert trimmed(before + name + after) == name
    if name:
        assert located(before + name + after) == (name, name)


def test_a_key_is_one_however_it_is_set():
    assert record.settings(["+a.b=1", "++c=2", "d=3=4"]) == {"a.b": "1", "c": "2", "d": "3=4"}


def test_what_may_not_be_read_is_not_what_cannot_be_written(tmp_path, monkeypatch):
    path = tmp_path / "x.npz"
    path.touch()
    refused = PermissionError(13, "Permission denied", str(path))
    assert f"{path} cannot be written (Permission denied)" in in_words(refused)
    monkeypatch.setattr("os.access", lambda *_: False)  # root may read all
    assert f"{path} cannot be read (Permission denied)" in in_words(refused)
    assert "space" not in in_words(refused)

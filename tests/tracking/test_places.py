"""A store works below a folder of any name, and its command can be pasted."""

import contextlib
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import ROOT, SMALL, Cli, empty_store, needs_linux

from noise_exp.errors import UserError
from noise_exp.tracking import places
from noise_exp.tracking.store import Store

NAMES = ["a?b", "a%20b", "100%", "%41?x=1#y", "a b'c\"d", "a@b:c", "é&;$HOME", "a\nb", "a\\b",
         "x?mode=memory&uri=true", "%"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_store_below_a_folder_of_any_name(tmp_path, monkeypatch, name):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    folder = tmp_path / name
    (folder / "mlruns").mkdir(parents=True)
    if "?" not in name:  # else it makes one
        (folder / "mlruns" / "mlflow.db").write_bytes(empty_store())
    monkeypatch.chdir(folder)
    store = Store.open(None, "noise_training")
    assert places.file_of(store.uri) == folder / "mlruns" / "mlflow.db"
    run_id = store.client.create_run(store.experiment_id).info.run_id
    store.client.log_text(run_id, "mine", "note.txt")
    assert Store.attach(store.uri, store.experiment_id).search()[0].info.run_id == run_id
    assert Store.existing(None, "noise_training").experiment_id == store.experiment_id
    text = folder / "mlruns" / "artifacts" / run_id / "artifacts" / "note.txt"
    assert text.read_text() == "mine"
    assert places.file_of(places.uri_of(folder / "x.db")) == folder / "x.db"
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert {path.name for path in folder.iterdir()} == {"mlruns"}


def test_a_run_and_its_report_there(tmp_path):
    cli = Cli(tmp_path)
    folder = tmp_path / "is it 100%25 #1?"
    (folder / "home").mkdir(parents=True)
    cli.folder = folder
    with contextlib.closing(cli):
        done = cli(*SMALL, "hydra.run.dir=out")
        assert done.returncode == 0, done.stderr
        done = cli("noise_training", "--no-log", module="noise_exp.report")
        assert done.returncode == 0, done.stderr
        done = cli("sync", "out", module="noise_exp.tracking")
        assert (done.returncode, done.stdout) == (0, "out: nothing to deliver\n")
    assert {p.name for p in tmp_path.iterdir()} == {"home", "mlruns", folder.name}
    assert (folder / "mlruns" / "mlflow.db").is_file()


def test_where_no_uri_leads_to_a_folder_it_is_said(monkeypatch):
    import sqlalchemy

    def as_before(uri):  # SQLAlchemy 2.0 decodes nothing
        return sqlalchemy.URL.create("sqlite", database=uri.partition("///")[2].partition("?")[0])

    monkeypatch.setattr(sqlalchemy, "make_url", as_before)
    with pytest.raises(UserError, match=r"no URI leads to /a\?b/x.db.*tracking.uri"):
        places.uri_of(Path("/a?b/x.db"))


@needs_linux
@pytest.mark.parametrize("given", ["sqlite:///mlruns/mlflow.db", "sqlite:////a b/it's $HOME/x.db"])
def test_the_command_of_the_ui_can_be_pasted(monkeypatch, given):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(sys, "executable", "/my work/it's/.venv/bin/python")
    command = Store(given, given, "1").browse.partition("\n")[0]
    words = shlex.split(command)
    assert words[:2] == ["/my work/it's/.venv/bin/mlflow", "ui"]
    assert words[-1] == given
    uri = "postgresql://postgres@127.0.0.1/mlflow"
    assert f"--backend-store-uri {uri}\n" in Store(uri, uri, "1").browse


@needs_linux
def test_make_does_not_depend_on_where_it_is(tmp_path):
    folder = tmp_path / 'it\'s a "test" $HOME #1 100%'
    shutil.copytree(ROOT / "studies" / "conf", folder / "studies" / "conf")
    for name in ("Makefile", "pyproject.toml", "constraints.txt", "environment.sh"):
        shutil.copy(ROOT / name, folder)
    targets = (ROOT / "Makefile").read_text().partition(".PHONY:")[2].partition("\n")[0].split()
    command = ["make", "-n", "--no-print-directory", *targets]
    said = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert "noise_exp" in said.stdout
    assert folder.name not in said.stdout

"""A store that cannot be used is told in one line, with what MLflow says of the cure."""

import contextlib
import errno
import fcntl
import json
import os
import platform
import shutil
import sqlite3
import subprocess
import sys

import pytest
from server import Proxy

from noise_exp.errors import UserError
from noise_exp.records.journal import Journal
from noise_exp.records.owed import Owed
from noise_exp.records.record import Record
from noise_exp.tracking.failures import reason
from noise_exp.tracking.living import sync
from noise_exp.tracking.store import Store


def refusal(uri):
    with pytest.raises(UserError) as error:
        Store.open(uri, "noise_training")
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_store_of_another_version_names_the_command_that_upgrades_it(cli):
    Store.open(cli.uri, "noise_training")
    older = cli.folder / "older.db"  # MLflow keeps open what it has opened
    shutil.copy(cli.folder / "mlruns" / "mlflow.db", older)
    with contextlib.closing(sqlite3.connect(older)) as database:
        database.execute("UPDATE alembic_version SET version_num = '4465047574b1'")
        database.commit()
    assert "mlflow db upgrade <database_uri>" in refusal(f"sqlite:///{older}")
    with pytest.raises(UserError, match="mlflow db upgrade <database_uri>"):
        Store.existing(f"sqlite:///{older}", "noise_training")


def test_a_folder_as_a_store_names_the_command_that_migrates_it(cli):
    assert "mlflow migrate-filestore" in refusal(str(cli.folder / "mlruns"))


@pytest.mark.parametrize(
    "uri",
    ["postgresql://u:_[]:=?@h/db", "http://[::1", "mysql://u:p@h:port/db", "sqlite:////\0/x.db"],
)
def test_a_uri_that_is_none(uri):
    assert "the tracking store" in refusal(uri)


@pytest.mark.parametrize(
    ("scheme", "package"),
    [
        ("postgresql", "psycopg[binary]"),
        ("postgresql+psycopg2", "psycopg2-binary"),
        ("mysql", "mysqlclient"),
        ("mysql+pymysql", "pymysql"),
        ("mssql", "pyodbc"),
    ],
)
def test_a_database_without_its_driver_names_what_to_install(monkeypatch, scheme, package):
    for module in ("psycopg", "psycopg2", "MySQLdb", "pymysql", "pyodbc"):
        monkeypatch.setitem(sys.modules, module, None)
    uri = f"{scheme}://me:pass-word@127.0.0.1:9/x"
    with pytest.raises(UserError) as read:
        Store.existing(uri, "noise_training")
    for told in (refusal(uri), str(read.value)):
        assert told.endswith(f": it needs pip install '{package}'")
        assert "pass-word" not in told


@pytest.mark.parametrize(
    ("status", "page", "told"),
    [
        (401, "<html>401 Authorization Required</html>", "set MLFLOW_TRACKING_USERNAME and "),
        (401, '{"error_code": "UNAUTHENTICATED", "message": "who?"}', "MLFLOW_TRACKING_TOKEN"),
        (403, "Invalid Host header - possible attack", "(Invalid Host header - possible attack)"),
        (403, '{"error_code": "PERMISSION_DENIED", "message": "not you"}', "this user may not"),
    ],
)
def test_a_gateway_that_asks_who_is_there(status, page, told):
    gateway = Proxy(None)
    gateway.instead = status, "text/plain", page.encode()
    try:
        with pytest.raises(UserError) as read:
            Store.existing(gateway.url, "noise_training")
        for line in (refusal(gateway.url), str(read.value)):
            assert told in line
            assert "tracking.enabled" not in line
    finally:
        gateway.close()


@pytest.mark.parametrize("lacking", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
@pytest.mark.parametrize("left", [False, True], ids=["new", "left by an earlier run"])
def test_a_file_system_without_locks(newcomer, monkeypatch, lacking, left):
    def flock(*_):
        raise OSError(lacking, os.strerror(lacking))

    if left:
        (newcomer.folder / "alive").touch()
        (newcomer.folder / "mlruns").mkdir()
        (newcomer.folder / "mlruns" / "mlflow.lock").touch()
    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(UserError, match=r"alive cannot be locked .*choose a folder"):
        Journal.start(newcomer.folder, Record("run"))
    assert "cannot be locked" in refusal(newcomer.uri)


def test_a_user_without_a_home(cli):
    script = (
        "import os, pwd; os.environ.pop('HOME'); os.getuid = lambda: 12345\n"
        "from noise_exp.tracking.store import Store\n"
        f"print(Store.open('{cli.uri}', 'x').experiment_id)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=cli.env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_database_that_is_moved_away_under_a_connection_is_told_as_such(tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / "mlflow.db")) as connection:
        connection.execute("CREATE TABLE runs (id)")
        connection.commit()
        (tmp_path / "mlflow.db").rename(tmp_path / "kept.db")
        with pytest.raises(sqlite3.OperationalError) as error:
            connection.execute("INSERT INTO runs VALUES (1)")
    assert reason(error.value) == "its file was deleted or moved away; put it back"


def test_a_run_of_another_machine_may_be_alive(cli, monkeypatch):
    journal = Journal.start(cli.folder / "out", Record("run"), Owed(cli.uri))
    journal.release()
    monkeypatch.setattr(platform, "node", lambda: "another")
    assert sync(cli.folder / "out", cli.uri) == "elsewhere"
    assert (
        json.loads((cli.folder / "out" / ".noise_exp" / "run.json").read_text())["status"]
        == "RUNNING"
    )

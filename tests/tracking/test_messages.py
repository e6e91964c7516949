"""A store that cannot be used is told in one line, with what MLflow says of the cure."""

import contextlib
import errno
import importlib
import os
import shutil
import sqlite3
import subprocess
import sys

import pytest
import requests
from server import Proxy, free_port

from noise_exp import tracking
from noise_exp.errors import UserError
from noise_exp.runs.journal import Journal
from noise_exp.runs.record import Record
from noise_exp.tracking.failures import reason
from noise_exp.tracking.store import Store


def refusals(uri):
    """What whoever writes to a store and whoever reads it is told."""
    for opens in (Store.open, Store.existing):
        with pytest.raises(UserError) as error:
            opens(uri, "noise_training")
        assert "\n" not in str(error.value)
        yield str(error.value)


def test_a_store_of_another_version_names_the_command_that_upgrades_it(cli):
    older = cli.folder / "older.db"  # MLflow keeps open what it has opened
    shutil.copy(cli.folder / "mlruns" / "mlflow.db", older)
    with contextlib.closing(sqlite3.connect(older)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '4465047574b1'")
    for told in refusals(f"sqlite:///{older}"):
        assert "mlflow db upgrade <database_uri>" in told


def test_a_folder_as_a_store_names_the_command_that_migrates_it(cli):
    for told in refusals(str(cli.folder / "mlruns")):
        assert "mlflow migrate-filestore" in told


@pytest.mark.parametrize(
    "uri",
    ["postgresql://u:_[]:=?@h/db", "http://[::1", "mysql://u:p@h:port/db", "sqlite:////\0/x.db"],
)
def test_a_uri_that_is_none(uri):
    with pytest.raises(UserError, match="cannot be used"):
        Store.open(uri, "noise_training")


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
    for told in refusals(f"{scheme}://me:pass-word@127.0.0.1:9/x"):
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
    with contextlib.closing(Proxy(None)) as gateway:
        gateway.instead = status, "text/plain", page.encode()
        for line in refusals(gateway.url):
            assert told in line
            assert "tracking.enabled" not in line


@pytest.mark.parametrize("lacking", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks(newcomer, monkeypatch, lacking):
    fcntl = pytest.importorskip("fcntl")

    def flock(*_):
        raise OSError(lacking, os.strerror(lacking))

    monkeypatch.setattr(fcntl, "flock", flock)
    for _ in range(2):  # where an earlier run left the file, too
        with pytest.raises(UserError, match=r"alive cannot be locked .*choose a folder"):
            Journal.start(newcomer.folder, Record("run"))
        with pytest.raises(UserError, match="cannot be locked"):
            Store.open(newcomer.uri, "noise_training")


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


def test_a_reason_is_not_what_was_hidden():
    hidden, shown = OSError("the server is away"), OSError("the server is away")
    hidden.__context__ = shown.__context__ = KeyError("secret detail")
    hidden.__suppress_context__ = True
    assert reason(hidden) == "the server is away"
    assert reason(shown) == "'secret detail'"


@pytest.fixture
def proxied(monkeypatch):
    """An environment with a proxy that is dead; a function that takes what it must not be asked."""

    def begin(**direct):
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
        for name, hosts in direct.items():
            monkeypatch.setenv(name, hosts)
        importlib.reload(tracking)
        importlib.reload(tracking)  # as a worker does, which inherits it

    return begin


LOOPBACK = ("http://127.0.0.1:5000", "https://localhost", "http://[::1]:5000", "http://127.0.1.1")
OUTSIDE = "http://mlflow.example/health"


@pytest.mark.parametrize(
    ("direct", "itself", "by_proxy"),
    [
        ({}, LOOPBACK, [OUTSIDE]),
        *(({name: ".example, 10.0.0.0/8"}, [*LOOPBACK, OUTSIDE, "http://10.1.2.3"],
           ["http://mlflow.test"]) for name in ("no_proxy", "NO_PROXY")),
        ({"no_proxy": "*"}, [*LOOPBACK, OUTSIDE], []),
    ],
)  # fmt: skip
def test_loopback_and_what_the_user_excepts_is_asked_itself(proxied, direct, itself, by_proxy):
    proxied(**direct)
    for url in (*itself, *by_proxy):
        assert requests.utils.should_bypass_proxies(url, no_proxy=None) == (url in itself)


def test_a_dead_proxy_is_not_told_as_a_dead_server(proxied):
    proxied()
    for told in refusals("http://mlflow.example"):
        assert "proxy that http_proxy or https_proxy names" in told
    with contextlib.closing(Proxy(None)) as server:  # on loopback, which is asked itself
        server.instead = 501, "text/plain", b""
        for told in refusals(server.url):
            assert "error code 501" in told

"""A store that cannot be used is reported in one line, with what MLflow says of the cure."""

import contextlib
import importlib
import shutil
import sqlite3
import subprocess
import sys

import pytest
import requests
from server import Proxy, free_port

from noise_exp import tracking
from noise_exp.errors import UserError
from noise_exp.tracking.failures import reason
from noise_exp.tracking.store import Store


def refusals(uri):
    """What whoever writes to a store and whoever reads it gets to read."""
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
    for message in refusals(f"sqlite:///{older}"):
        assert "mlflow db upgrade <database_uri>" in message


SECRETS = ["mssql://me:{}@127.0.0.1:9/x", "postgresql+nodriver://me:{}@127.0.0.1:9/x",
           "http://127.0.0.1:9?password={}", "http://me:{}@127.0.0.1:port",
           "mssql+pyodbc:///?odbc_connect=DRIVER={{none at all}};PWD={}"]  # fmt: skip


@pytest.mark.parametrize(
    ("uri", "word"),
    [
        (".", "mlflow migrate-filestore"),
        *((uri, "") for uri in ("postgresql://u:_[]:=?@h/db", "http://[::1", "sqlite:////\0/x.db",
                                "mysql://u:p@h:port/db")),
        *((uri.format("hunter2x"), "***") for uri in SECRETS),
    ],
)  # fmt: skip
def test_what_is_no_store_is_reported_without_its_secret(monkeypatch, tmp_path, uri, word):
    monkeypatch.chdir(tmp_path)
    for message in refusals(uri):
        assert word in message
        assert "hunter2x" not in message


@pytest.mark.parametrize(
    ("status", "page", "message"),
    [
        (403, "Invalid Host header - possible attack", "403 != 200. Response body: 'Invalid Host"),
        (403, '{"error_code": "PERMISSION_DENIED", "message": "not you"}', "DENIED: not you;"),
    ],
)
def test_a_server_that_refuses_is_quoted(status, page, message):
    with contextlib.closing(Proxy(None)) as gateway:
        gateway.instead = status, "text/plain", page.encode()
        for line in refusals(gateway.url):
            assert message in line


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

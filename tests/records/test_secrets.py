"""Secrets in any form are masked in any text, and nothing else is."""

import logging
import sys

import pytest

from noise_exp.errors import UserError
from noise_exp.records import secrets
from noise_exp.records.secrets import completed, encoded, masked, scrubbed, without_secrets

URI = "MLFLOW_TRACKING_URI"
SAFE = {
    "http://user:secret@host": "http://***@host",
    "https://secret@host/x": "https://***@host/x",
    "http://user:pa/secret@host:5000/x": "http://***@host:5000/x",
    "http://user:pa@secret@host": "http://***@host",
    "http://user:p%2Fsecret@host": "http://***@host",
    "http://host?password=secret": "http://host?password=***",
    "http://host/x?a=1&api_key=secret&b=2": "http://host/x?a=1&api_key=***&b=2",
    "http://host?ACCESS_TOKEN=secret": "http://host?ACCESS_TOKEN=***",
    "postgresql+psycopg://me:secret@host/db": "postgresql+psycopg://***@host/db",
    "postgresql://host/db?sslmode=on&sslpassword=secret": (
        "postgresql://host/db?sslmode=on&sslpassword=***"
    ),
    "mysql://host/db?ssl_key=secret": "mysql://host/db?ssl_key=***",
    "mssql+pyodbc:///?odbc_connect=DRIVER%3D%7Bx%7D%3BPWD%3Dsecret": (
        "mssql+pyodbc:///?odbc_connect=***"
    ),
    "mssql+pyodbc:///?odbc_connect=DRIVER={x};UID=me;PWD=secret;": (
        "mssql+pyodbc:///?odbc_connect=***;"
    ),
}
ELSEWHERE = {
    "DRIVER={Driver 18};UID=me;PWD={se;cret};A=b": "DRIVER={Driver 18};UID=me;PWD=***;A=b",
    "DRIVER%3Dx%3BPWD%3Dsecret%3BA%3Db": "DRIVER%3Dx%3BPWD%3D***%3BA%3Db",
    "see 'http://me:secret@host/x'.": "see 'http://***@host/x'.",
    "see (http://host/x?token=secret), and": "see (http://host/x?token=***), and",
    "with url: /api/2.0/x?token=secret (Caused": "with url: /api/2.0/x?token=*** (Caused",
    "http://me:secret@a and postgresql://you:secret@b": "http://***@a and postgresql://***@b",
    "next=http%3A%2F%2Fme%3Asecret%40host": "next=http%3A%2F%2F***%40host",
}
PLAIN = [
    "sqlite:///mlruns/mlflow.db", "sqlite:////home/me@work/x.db", "file:///home/me@work",
    "http://host:5000/x", "postgresql://host/db?sslmode=require", "me@example.org",
    "write to me@example.org about a/b", "dist=beta dist.a=2 seed=range(3)", "what? key=5",
    "http://host/#/experiments/1/runs?viewStateShareKey=sweeps&workflowType=machine_learning",
    "hydra.sweep.dir=a/b", "3 of 20 images wrong", "",
]  # fmt: skip


@pytest.mark.parametrize("text", [*SAFE, *ELSEWHERE])
def test_a_secret_is_masked_and_the_rest_stays(text):
    expected = (SAFE | ELSEWHERE)[text]
    assert masked(text) == masked(masked(text)) == expected


@pytest.mark.parametrize("text", PLAIN)
def test_what_holds_no_secret_stays(text):
    assert masked(text) == scrubbed(text) == encoded(text) == text


@pytest.mark.parametrize("uri", SAFE)
@pytest.mark.parametrize("form", ["tracking.uri={}", "+tracking.uri='{}'", '++tracking.uri="{}"'])
def test_the_command_line_gives_a_stores_secret_to_the_environment(monkeypatch, uri, form):
    monkeypatch.setenv(URI, "http://another")
    left, other = without_secrets([form.format(uri), "epochs=3"])
    assert other == "epochs=3"
    key, _, value = left.partition("=")
    assert key == form.partition("=")[0]
    assert value.strip('"') == SAFE[uri]
    whole = completed(value.strip('"'))
    assert whole.replace("%2F", "/") == uri.replace("%2F", "/")
    # It is known by now, whatever stands around it.
    longer = [known for known in ("pa@secret", "pa/secret", "p%2Fsecret") if known in uri]
    (secret,) = longer or ["secret"]
    assert "secret" not in scrubbed(f"nonnumeric port: 'x{secret}y'")


def test_what_was_masked_is_completed_by_no_other_store(monkeypatch):
    monkeypatch.setenv(URI, "http://me:secret@another")
    with pytest.raises(
        UserError, match=r"http://\*\*\*@host has \*\*\* .* set MLFLOW_TRACKING_URI"
    ):
        completed("http://***@host")
    monkeypatch.delenv(URI)
    with pytest.raises(UserError):
        completed("http://***@host")
    assert without_secrets(["tracking.uri=http://***@host"]) == ["tracking.uri=http://***@host"]


@pytest.mark.parametrize(
    "argument",
    [
        "hydra.job.env_set.MLFLOW_TRACKING_PASSWORD=secret",
        "+hydra.launcher.ray.init.runtime_env.env_vars.MLFLOW_TRACKING_TOKEN=secret",
        "++hydra.job.env_set.AWS_SECRET_ACCESS_KEY=secret",
        "hydra.sweeper.storage=postgresql://me:secret@host/db",
        "data.path=https://secret@host/images",
        "tracking={uri:'http://me:secret@host'}",
        "tracking.experiment=http://host?token=secret",
    ],
)
def test_any_other_secret_on_the_command_line_is_refused_unsaid(argument):
    with pytest.raises(UserError) as raised:
        without_secrets([argument])
    key = argument.lstrip("+").partition("=")[0]
    assert f"write '{key}=${{oc.env:NAME}}'" in str(raised.value)
    assert "secret'" not in str(raised.value)
    assert "secret@" not in str(raised.value)


def test_what_is_no_secret_is_passed_on():
    arguments = ["-m", "--config-dir=a/b", "dist=glob(*)", "estimator.n_tokens=5", "seed=1,2",
                 "hydra.job.env_set.MLFLOW_TRACKING_TOKEN=${oc.env:TOKEN}", "data.path=a@b/c",
                 "tracking.uri=sqlite:///a b.db", "tracking.uri=http://host:5000"]  # fmt: skip
    assert without_secrets(arguments) == arguments


def test_a_slash_in_a_password_ends_no_host():
    assert encoded("http://me:a/b?c@host:5/x") == "http://me:a%2Fb%3Fc@host:5/x"
    assert encoded("http://me:a b@host") == "http://me:a%20b@host"
    assert encoded("postgresql://me:a/b@host") == "postgresql://me:a/b@host"  # SQLAlchemy's way


def test_the_log_shows_no_secret_of_the_environment(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "abcdefg")
    record = logging.LogRecord("x", logging.INFO, "", 0, "#0 : http://me:secret@h", (), None)
    assert secrets.Formatter().format(record) == "#0 : http://***@h"
    try:
        raise ValueError("not abcdefg")
    except ValueError:
        record = logging.LogRecord("x", logging.INFO, "", 0, "failed", (), sys.exc_info())
    text = secrets.Formatter().format(record)
    assert "ValueError: not ***" in text

"""Secrets are refused where they would be kept, taken out of any text, and nothing else is."""

import json
import logging
import os
from unittest.mock import patch
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import make_url

from noise_exp import redaction
from noise_exp.errors import UserError, at_the_edge
from noise_exp.redaction import masked, redacted
from noise_exp.runs.secrets import check, check_arguments, completed

URI = "MLFLOW_TRACKING_URI"
SHOWN = {
    "https://secret@host/x": "https://***@host/x",
    "https://secret:@host/x": "https://***:@host/x",
    "http://user:x/secret@[::1]:5000": "http://user:***@[::1]:5000",
    "http://host?password=secret": "http://host?password=***",
    "http://host/x?a=1&api_key=secret&b=2": "http://host/x?a=1&api_key=***&b=2",
    "http://host?ACCESS_TOKEN=secret": "http://host?ACCESS_TOKEN=***",
    "https://host/x?sv=1&sig=secret": "https://host/x?sv=1&sig=***",
    "postgresql://secret:secret@secret/secret": "postgresql://secret:***@secret/secret",
    "postgresql://me:5/secret@host/db": "postgresql://me:***@host/db",
    "postgresql://me:secret@[fe80::1]:5432/db": "postgresql://me:***@[fe80::1]:5432/db",
    "postgresql://host/db?a=on&sslpassword=secret": "postgresql://host/db?a=on&sslpassword=***",
    **dict.fromkeys(
        (
            "mssql+pyodbc:///?odbc_connect=DRIVER%3D%7Bx%7D%3BPWD%3Dsecret",
            "mssql+pyodbc:///?odbc_connect=DRIVER={x};UID=me;PWD={se;cret}",
            "mssql+pyodbc:///?odbc_connect=DRIVER={x};AccessToken=secret",
        ),
        "mssql+pyodbc:///?odbc_connect=***",
    ),
}
PLAIN = [
    "sqlite:///mlruns/mlflow.db", "sqlite:////home/me@work/x.db", "file:///home/me@work",
    "sqlite:////data/password=1/x.db", "sqlite:////data/a:b@c/x.db", "/data/token=5/x.npz",
    "http://host:5000/x", "postgresql://host/db?sslmode=require", "me@example.org",
    "postgresql://postgres@127.0.0.1/mlflow", "postgresql://me:@host/db", "http://[::1]:5000/a@b",
    "http://host:5000/a@b", "ssh://git@host:team/x", "mlflow-artifacts:/1/2", "s3://bucket/x@y",
    "databricks://profile", "mysql://host/db?ssl_key=/etc/key.pem", "http://***@host",
    "mssql+pyodbc:///?odbc_connect=DRIVER={x};Trusted_Connection=yes", "http://token:5000",
    "write to me@example.org about a/b", "dist=beta dist.a=2 seed=range(3)", "what? key=5",
    "http://host/#/experiments/1/runs?viewStateShareKey=sweeps&workflowType=machine_learning",
    "hydra.sweep.dir=a/b", "3 of 20 images wrong", "",
]  # fmt: skip
SECRETS = [
    {"optimizer": {"api_token": "hunter2"}},
    {"data": {"password": 12345678}},
    {"data": {"secrets": {"db": "hunter2"}}},
    {"data": {"tokens": ["${oc.env:A}", "hunter2"]}},
    {"data": [{"a": 1}, {"deep": [{"apiKey": "hunter2"}]}]},
    {"hydra": {"job": {"env_set": {"AWS_SECRET_ACCESS_KEY": "hunter2"}}}},
    {"hydra": {"sweeper": {"params": {"optimizer.token": "choice(hunter2,hunter3)"}}}},
    {"data": {"token": "${oc.env:A,hunter2}"}},
    {"data": {"path": "https://me:hunter2@${oc.env:HOST}/x"}},
    {"data": {"uri": "postgresql://${oc.env:ME}:hunter2@host/db"}},
]
NO_SECRETS = [
    {"api_token": "${oc.env:A}", "password": None, "token": "", "pwd": "???"},
    {"token": "Bearer ${oc.env:A}", "secret": "${oc.env:A,null}", "key": "hunter2"},
    {"max_tokens": 5, "n_tokens": 50000, "use_token": True, "tokenizer": "bpe", "secretary": "me"},
    {"token_file": "a/b", "password_length": 8, "forward_passes": 3, "author": "me"},
    {"uri": "postgresql://${oc.env:ME}:${oc.env:PW}@${oc.env:HOST}/db"},
    {"uri": "http://${oc.env:TOKEN}@host", "path": "sqlite:////data/password=1/x.db"},
]


def check_hidden(uri, shown):
    """A URI is shown so, completed where the environment has it, and refused on a command line."""
    assert masked(uri) == masked(shown) == shown
    with patch.dict(os.environ):
        os.environ.pop(URI, None)
        with pytest.raises(UserError, match="set MLFLOW_TRACKING_URI to the whole URI"):
            completed(shown)
        os.environ[URI] = uri
        assert masked(completed(shown)) == shown != completed(shown)
    for argument in (f"tracking.uri={uri}", f"+tracking.uri='{uri}'", f'--uri="{uri}"'):
        with pytest.raises(UserError, match=r"uri holds a secret.* set MLFLOW_TRACKING_URI") as no:
            check_arguments([argument])
        assert "cret@" not in str(no.value)
    with pytest.raises(UserError, match=r"^--uri holds a secret"):
        check_arguments(["--uri", uri])


@pytest.mark.parametrize("uri", SHOWN)
def test_a_uri_is_shown_without_its_secret(uri):
    check_hidden(uri, SHOWN[uri])


ANY_SIGNS = st.text("hunter/@?#%[: +é", min_size=5)


@given(ANY_SIGNS, st.sampled_from(["http://", "s3://", "postgresql+psycopg://", "mysql://"]))
def test_a_password_may_hold_any_signs(password, scheme):
    check_hidden(f"{scheme}me:{password}@host/x?a=b", f"{scheme}me:***@host/x?a=b")


@given(
    ANY_SIGNS,
    st.sampled_from(["postgresql://me:{}@h/d", "https://me:{}@h", "mysql://h/d?password={}"]),
)
@example("q\"u\\o'te", "postgresql://me:{}@h/d")
def test_known_secrets_are_found_in_all_forms(password, uri):
    whole = uri.format(quote(password, ""))
    with patch.dict(os.environ, {URI: whole}):
        for form in (password, quote(password), quote(password, ""), quote_plus(password)):
            assert redacted(f"port: 'x{form}y'") == "port: 'x***y'"
        assert redacted(json.dumps({"at": password})) == '{"at": "***"}'
        assert redacted(repr([password]))[2:-2] == "***"
        shown = make_url(whole).render_as_string(hide_password=False)
        assert redacted(f"no answer from {shown}!") == f"no answer from {uri.format('***')}!"


@pytest.mark.parametrize("text", PLAIN)
def test_what_holds_no_secret_stays(text, monkeypatch):
    monkeypatch.setenv(URI, text)
    assert masked(text) == redacted(text) == text
    check_arguments([f"data.path={text}", text])
    check({"data": {"path": text}})


@pytest.mark.parametrize(
    "argument",
    [
        "hydra.job.env_set.MLFLOW_TRACKING_PASSWORD=hunter2",
        "+hydra.launcher.ray.init.runtime_env.env_vars.MLFLOW_TRACKING_TOKEN=hunter2",
        "++hydra.job.env_set.AWS_SECRET_ACCESS_KEY=hunter2",
        "hydra.sweeper.storage=postgresql://me:hunter2@host/db",
        "data.path=http://a/b,https://me:hunter2@host/images",
        "tracking={uri:'http://me:hunter2@host'}",
        "+optimizer={lr:1,nested:{api_token:hunter2}}",
        "+optimizer.tokens=[hunter2]",
        "optimizer.token=${oc.env:A,hunter2}",
        "tracking.experiment=http://host?token=hunter2",
    ],
)
def test_any_other_secret_on_the_command_line_is_refused_unsaid(argument):
    with pytest.raises(UserError) as raised:
        check_arguments(["-m", argument])
    key = argument.lstrip("+").partition("=")[0]
    assert f"write '{key}=${{oc.env:NAME}}'" in str(raised.value)
    assert "hunter" not in str(raised.value)


@pytest.mark.parametrize("config", SECRETS)
def test_a_secret_in_a_configuration_is_refused_unsaid(config):
    with pytest.raises(UserError, match="holds a secret") as raised:
        check(config)
    assert not any(secret in str(raised.value) for secret in ("hunter", "12345678"))


@pytest.mark.parametrize("config", NO_SECRETS)
def test_what_only_looks_like_a_secret_is_taken(config):
    check({"optimizer": config, "data": [config]})
    check_arguments([f"+optimizer.{k}={'null' if v is None else v}" for k, v in config.items()])


@pytest.mark.parametrize(
    "uri",
    ["http://me:pw@host", "http://me:a/b@host", "https://tok@host", "mysql://h/d?password=pw",
     "postgresql://postgres:postgres@postgres/postgres"],
)  # fmt: skip
def test_a_short_or_common_password_is_taken_out_of_its_uri_alone(uri, monkeypatch):
    monkeypatch.setenv(URI, uri)
    words = "open a pwd of postgresql"
    assert redacted(f"{words}: {uri}/api/2.0") == f"{words}: {masked(uri)}/api/2.0"


def test_all_that_the_environment_knows_is_redacted(monkeypatch):
    known = {
        "MLFLOW_TRACKING_TOKEN": "hunter1", "MLFLOW_TRACKING_PASSWORD": "hunter2",
        "MY_API_KEY": "hunter3", "DATABASE_URL": "postgresql://me:hunter4@host/db",
        URI: "mssql+pyodbc:///?odbc_connect=DRIVER%3Dx%3BPWD%3D%7Bhunter5%3B%7D",
        "CREDENTIAL": "hunter6", "AUTH_TOKEN": "false", "MAX_TOKENS": "40960",
    }  # fmt: skip
    for name, value in known.items():
        monkeypatch.setenv(name, value)
    said = "hunter1 hunter2 hunter3 hunter4 hunter5; hunter6 hunter7, false, 40960"
    assert redacted(said) == "*** *** *** *** *** *** hunter7, false, 40960"
    failure = (ValueError, ValueError("not hunter1"), None)
    record = logging.LogRecord("x", logging.INFO, "", 0, "failed", (), failure)
    assert "ValueError: not ***" in redaction.Formatter().format(record)
    for error in (UserError("no hunter1"), RuntimeError("no hunter1")):
        with pytest.raises(SystemExit) as raised, at_the_edge("x"):
            raise error
        assert str(raised.value.code).rstrip().endswith("no ***")


@pytest.mark.parametrize(
    ("kept", "whole"),
    [  # as versions before this one kept it, and with what is given now
        ("http://***@host:5000", "http://me:secret@host:5000"),
        ("http://***@host", "http://host"),
        ("postgresql://***@host/db?sslmode=on", "postgresql://me:p/secret@host/db?sslmode=on"),
        ("postgresql://me:***@host/db", "postgresql://another:secret@host/db"),
    ],
)
def test_a_user_and_password_may_be_others_by_now_but_not_the_store(monkeypatch, kept, whole):
    for other in ("http://me:secret@another", "postgresql://me:secret@host/other", "sqlite:///x"):
        monkeypatch.setenv(URI, other)
        with pytest.raises(UserError, match="set MLFLOW_TRACKING_URI to the whole URI"):
            completed(kept)
    monkeypatch.setenv("STORE", whole)
    assert completed(kept) == whole


def test_what_another_process_tells_is_known(monkeypatch):
    monkeypatch.delenv(URI, raising=False)
    completed("postgresql://me:hunter9@host/db")  # as a job of Ray is given it on another machine
    assert redacted("no hunter9") == "no ***"

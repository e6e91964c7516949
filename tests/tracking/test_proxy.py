"""Proxies of the environment: loopback is never asked through one, other hosts are."""

import importlib
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
import requests
from server import free_port

from noise_exp import tracking
from noise_exp.errors import UserError
from noise_exp.tracking.store import Store


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

    return begin


def is_direct(url):
    return requests.utils.should_bypass_proxies(url, no_proxy=None)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.0.1.1"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_loopback_is_asked_itself(proxied, scheme, host):
    proxied()
    assert is_direct(f"{scheme}://{host}:5000/health")
    assert not is_direct(f"{scheme}://mlflow.example/health")


@pytest.mark.parametrize("name", ["no_proxy", "NO_PROXY"])
def test_what_the_user_excepts_stays_so(proxied, name):
    proxied(**{name: ".example, 10.0.0.0/8"})
    for host in ("mlflow.example", "10.1.2.3", "127.0.0.1"):
        assert is_direct(f"http://{host}/")
    assert not is_direct("http://mlflow.test/")
    importlib.reload(tracking)  # as a worker does, which inherits it
    assert is_direct("http://mlflow.example/")


def test_no_proxy_at_all_stays_so(proxied):
    proxied(no_proxy="*")
    assert is_direct("http://mlflow.example/")


def test_a_server_on_loopback_answers_behind_a_proxy(proxied):
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:  # 501, but an answer
        Thread(target=server.handle_request, daemon=True).start()
        proxied()
        url = f"http://127.0.0.1:{server.server_port}"
        with pytest.raises(UserError, match="error code 501"):
            Store.open(url, "noise_training")


def test_a_dead_proxy_is_not_told_as_a_dead_server(proxied):
    proxied()
    with pytest.raises(UserError, match="proxy that http_proxy or https_proxy names") as error:
        Store.open("http://mlflow.example", "noise_training")
    assert "\n" not in str(error.value)

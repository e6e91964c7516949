"""MLflow's server, started once for all tests of tracking, and a proxy before it."""

import pytest
from server import Proxy, Server, answers


@pytest.fixture(scope="session")
def _server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("server"))
    yield server
    server.kill()


@pytest.fixture
def server(_server):
    """A server that a test may kill."""
    if not answers(_server.url):
        _server.start()
    return _server


@pytest.fixture
def proxy(server):
    proxy = Proxy(server)
    yield proxy
    proxy.close()

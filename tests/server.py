"""Servers on loopback: MLflow's, a proxy before it that can be told to fail, any program's."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests
from support import PATIENCE, wait_until


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def listens(port: int) -> bool:
    """Whether something accepts connections there."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def answers(url: str) -> bool:
    """Whether an MLflow server is ready there."""
    with contextlib.suppress(requests.RequestException):
        return requests.get(f"{url}/health", timeout=2).ok
    return False


@contextlib.contextmanager
def serving(
    *command: str | Path,
    ready: Callable[[], object],
    log: Path,
    cwd: Path,
    end: signal.Signals = signal.SIGTERM,
    **options: Any,
) -> Iterator[None]:
    """While a program serves, from when it is ready; what it says goes into a file.

    `end`: the signal that ends it; `options`: of `Popen`.
    """
    with log.open("a") as out:
        server = subprocess.Popen(
            command, cwd=cwd, stdout=out, stderr=out, start_new_session=True, **options
        )
    try:
        wait_until(ready, server, log)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, end)
        server.wait()


class Server:
    """An MLflow server with a store of its own; it can be killed and started again.

    `options` and `env`: further ones of its command and its environment.
    """

    def __init__(self, folder: Path, *options: str, **env: str) -> None:
        self.folder, self._options, self._env = folder, options, env
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._running = contextlib.ExitStack()
        self.kill = self._running.close

    def start(self) -> None:
        served = serving(
            sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1",
            "--port", str(self.port), "--workers", "1",
            "--backend-store-uri", f"sqlite:///{self.folder}/server.db",
            "--artifacts-destination", self.folder / "artifacts", *self._options,
            ready=lambda: answers(self.url), log=self.folder / "server.log", cwd=self.folder,
            end=signal.SIGKILL,
            # Jobs of MLflow's would be four more processes that import it.
            env=os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"} | self._env,
        )  # fmt: skip
        self._running.enter_context(served)


class Proxy:
    """Passes requests on to a server, counts them, and fails or delays them when told to.

    Attributes
    ----------
    failing
        Answer 500 instead.
    instead
        Answer this instead, as a gateway of its own would: status, content type, content.
    lossy
        Pass the request on, then answer 500 all the same: the server has done it.
    delay
        Seconds before every answer.
    hanging
        Accept calls whose method and path hold this, and never answer them.
    """

    def __init__(self, server: Server) -> None:
        self.failing = self.lossy = False
        self.hanging: str | None = None
        self.instead: tuple[int, str, bytes] | None = None
        self.delay = 0.0
        self.seen: list[str] = []
        self.closed = threading.Event()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                path = self.path.partition("?")[0]
                beat = " heartbeat" if b'"key": "heartbeat"' in body else ""
                proxy.seen.append(f"{self.command} {path}{beat}")
                time.sleep(proxy.delay)
                if proxy.hanging is not None and proxy.hanging in f"{self.command} {path}":
                    proxy.closed.wait()
                    return
                status, content, kind = 500, b'{"message": "down for a while"}', "application/json"
                if proxy.instead:
                    status, kind, content = proxy.instead
                elif not proxy.failing:
                    headers = {k: v for k, v in self.headers.items() if k.lower() != "host"}
                    answer = requests.request(
                        self.command, server.url + self.path, data=body, headers=headers,
                        timeout=PATIENCE,
                    )  # fmt: skip
                    if not proxy.lossy:
                        status, content = answer.status_code, answer.content
                        kind = answer.headers.get("Content-Type", kind)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.closed.set()
        self._http.shutdown()
        self._http.server_close()

"""PostgreSQL, MLflow's server with passwords and a Slurm of one node, on loopback, for a module.

They come from Debian's packages and `mlflow[auth]`; a test of what is missing is skipped.
"""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import requests
from server import Server, free_port, listens, serving
from support import PATIENCE

SECRET = "s3cret/of@all"


def _succeeds(*command: str | Path, **options) -> bool:
    return not subprocess.run(command, capture_output=True, check=False, **options).returncode


@pytest.fixture(scope="module")
def postgres() -> Iterator[dict[str, str]]:
    """The environment for a store in a database, where the password is part of the URI."""
    pytest.importorskip("psycopg", reason="pip install 'psycopg[binary]'")
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)
    if not programs:
        pytest.skip("apt-get install postgresql")
    # It refuses to run as root; Debian's package has made a user for it.
    account = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory() as folder:
        data, password, log = (Path(folder, name) for name in ("data", "password", "log"))
        password.write_text(SECRET)
        for path in (folder, password) if account else ():
            shutil.chown(path, **account)
        subprocess.run(
            [programs / "initdb", "--pgdata", data, "--username=mlflow", f"--pwfile={password}",
             "--auth=scram-sha-256", "--no-sync"],
            cwd=folder, check=True, stdout=subprocess.DEVNULL, **account,
        )  # fmt: skip
        where = ("-h", "127.0.0.1", "-p", str(free_port()))
        with serving(
            programs / "postgres", "-D", data, *where, "-F", "-k", "",
            ready=lambda: _succeeds(programs / "pg_isready", *where),
            log=log, cwd=Path(folder), end=signal.SIGQUIT, **account,
        ):  # fmt: skip
            user = f"mlflow:{quote(SECRET, safe='')}"
            yield {"MLFLOW_TRACKING_URI": f"postgresql://{user}@127.0.0.1:{where[-1]}/postgres"}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory) -> Iterator[dict[str, str]]:
    """The environment for admin at a server that asks for passwords.

    There is another user, `reader` with the same password, who may read all and change nothing.
    """
    pytest.importorskip("flask_wtf", reason="pip install 'mlflow[auth]'")
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "auth.ini").write_text(
        f"[mlflow]\ndefault_permission = READ\ndatabase_uri = sqlite:///{folder}/users.db\n"
        "admin_username = admin\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
    )
    server = Server(
        folder, "--app-name", "basic-auth", MLFLOW_AUTH_CONFIG_PATH=str(folder / "auth.ini"),
        MLFLOW_AUTH_ADMIN_PASSWORD=SECRET, MLFLOW_FLASK_SERVER_SECRET_KEY=SECRET,
    )  # fmt: skip
    try:
        server.start()
        requests.post(
            f"{server.url}/api/2.0/mlflow/users/create", auth=("admin", SECRET), timeout=PATIENCE,
            json={"username": "reader", "password": SECRET},
        ).raise_for_status()  # fmt: skip
        yield {"MLFLOW_TRACKING_URI": server.url, "MLFLOW_TRACKING_USERNAME": "admin",
               "MLFLOW_TRACKING_PASSWORD": SECRET}  # fmt: skip
    finally:
        server.kill()


_SLURM = """
ClusterName=one
SlurmctldHost={name}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
JobAcctGatherType=jobacct_gather/none
SlurmdParameters=config_overrides
NodeName={name} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES State=UP
"""


@pytest.fixture(scope="module")
def slurm(tmp_path_factory) -> Iterator[dict[str, str]]:
    """The environment in which Slurm's commands find a node of two cores."""
    if not all(map(shutil.which, ("munged", "slurmctld", "slurmd", "sbatch"))):
        pytest.skip("apt-get install slurm-wlm munge")
    folder, ports = tmp_path_factory.mktemp("slurm"), (free_port(), free_port())
    (folder / "slurm.conf").write_text(
        _SLURM.format(
            folder=folder,
            name=os.uname().nodename.partition(".")[0],
            ports=ports,
            user=pwd.getpwuid(os.geteuid()).pw_name,
        )
    )
    (folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")
    (folder / "munge.key").write_bytes(os.urandom(1024))
    (folder / "munge.key").chmod(0o400)
    for name in ("state", "spool"):
        (folder / name).mkdir()
    env = os.environ | {"SLURM_CONF": str(folder / "slurm.conf")}
    files = [f"--{name}-file={folder}/munge.{name}" for name in ("key", "log", "pid", "seed")]
    munged = ["munged", "--foreground", "--force", f"--socket={folder}/munge.socket", *files]

    def idle() -> bool:
        state = subprocess.run(
            ["sinfo", "-h", "-o", "%t"], env=env, capture_output=True, text=True, check=False
        )
        return state.stdout.strip() == "idle"

    with contextlib.ExitStack() as running:
        for command, ready in (
            (munged, (folder / "munge.socket").exists),
            # Before what looks for it, and might take its port for that.
            (["slurmd", "-D"], lambda: listens(ports[1])),
            (["slurmctld", "-D"], idle),
        ):
            log = folder / f"{command[0]}.out"
            running.enter_context(serving(*command, ready=ready, log=log, cwd=folder, env=env))
        yield {"SLURM_CONF": env["SLURM_CONF"]}

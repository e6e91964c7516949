"""What the environment holds keeps its name in all that is kept; code of the user's may end us."""

import pytest
from support import Cli, holding

SECRET = "hunter7SECRET"
OWN = """
api_token: str = ""
def step(self, parameters, direction, moment):
    parameters += 0.01 * direction
    {then}
"""


def own(cli: Cli, then: str = "", before: str = "") -> None:
    settings = "api_token: ${oc.env:MY_TOKEN}\n"
    cli.own_part("optimizer", "own", OWN.format(then=then), settings, before)


@pytest.mark.parametrize("sweep", [(), ("-m",)])
@pytest.mark.parametrize("then", ["", "raise RuntimeError('refused ' + self.api_token)"])
def test_a_secret_of_the_environment_is_kept_nowhere(cli, then, sweep):
    own(cli, then)
    options = ["optimizer.api_token=${oc.env:MY_TOKEN}", "network=small", "epochs=2"]
    done = cli("--config-dir=my", *sweep, "optimizer=own", *options,
               env={"MY_TOKEN": SECRET})  # fmt: skip
    assert done.returncode == bool(then), done.stderr
    assert SECRET not in done.stdout
    assert SECRET not in done.stderr
    assert holding(cli.folder, SECRET) == []
    (run,) = cli.runs("run")
    assert run.data.params["optimizer.api_token"] == "${oc.env:MY_TOKEN}"
    assert run.data.params["seed"] == "452"


@pytest.mark.parametrize("before", ["import sys; sys.exit(0)\n", "raise SystemExit\n"])
def test_code_of_the_users_that_exits_is_a_mistake_and_no_success(cli, before):
    own(cli, before=before)
    done = cli("--config-dir=my", "optimizer=own", "network=small", "epochs=2",
               "tracking.enabled=false", env={"MY_TOKEN": SECRET})  # fmt: skip
    assert done.returncode == 1
    assert "optimizer: own.Own ended the program" in done.stderr

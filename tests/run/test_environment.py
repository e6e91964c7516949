"""What the environment holds keeps its name in all that is kept; code of the user's may end us."""

import pytest
from support import Cli, holding

from noise_exp.records.journal import RECORDS
from noise_exp.redaction import redacted

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


@pytest.mark.parametrize("sweep", [False, True])
@pytest.mark.parametrize("then", ["", "raise RuntimeError('refused ' + self.api_token)"])
def test_a_secret_of_the_environment_is_kept_nowhere(cli, then, sweep):
    own(cli, then)
    options = ["optimizer.api_token=${oc.env:MY_TOKEN}", "network=small", "epochs=2"]
    done = cli("--config-dir=my", *(["-m"] if sweep else []), "optimizer=own", *options,
               env={"MY_TOKEN": SECRET})  # fmt: skip
    assert done.returncode == bool(then), done.stderr
    assert SECRET not in done.stdout
    assert SECRET not in done.stderr
    assert holding(cli.folder, SECRET) == []
    (run,) = cli.runs("run")
    assert run.data.params["optimizer.api_token"] == "${oc.env:MY_TOKEN}"
    assert run.data.params["seed"] == "452"


def test_an_error_that_tells_a_secret_of_the_environment_is_scrubbed(monkeypatch):
    monkeypatch.setenv("MY_API_KEY", SECRET)
    assert redacted(f"key {SECRET} was refused") == "key *** was refused"


@pytest.mark.parametrize("before", ["import sys; sys.exit(0)\n", "raise SystemExit\n"])
def test_code_of_the_users_that_exits_is_a_mistake_and_no_success(cli, before):
    own(cli, before=before)
    done = cli("--config-dir=my", "optimizer=own", "network=small", "epochs=2",
               "tracking.enabled=false", env={"MY_TOKEN": SECRET})  # fmt: skip
    assert done.returncode == 1
    assert "optimizer: own.Own ended the program" in done.stderr


def test_a_run_does_not_take_a_folder_within_a_living_sweep(cli):
    cli.start("-m", "network=small", "epochs=1000000", "dist=beta,gumbel", "hydra.sweep.dir=sw",
              "tracking.enabled=false")  # fmt: skip
    cli.wait_until((cli.folder / "sw" / RECORDS / "run.json").exists)
    done = cli("network=small", "epochs=2", "hydra.run.dir=sw/7", "tracking.enabled=false")
    assert done.returncode == 1
    assert "which a run that is still alive uses; choose another hydra.run.dir" in done.stderr
    assert not (cli.folder / "sw" / "7").exists()


def test_a_sweep_without_end_is_refused_at_once(cli):
    done = cli("-m", "seed=range(100000000)", "network=small", "dry_run=true")
    assert done.returncode == 1
    assert "a sweep takes at most 100,000 jobs" in done.stdout + done.stderr

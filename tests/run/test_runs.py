"""What single runs leave behind."""

import os
import pty
import subprocess
import sys

import numpy as np
import pytest
from mlflow import MlflowClient
from support import PATIENCE, SMALL, artifacts, costs_in


def costs_of(cli, *arguments):
    done = cli(*SMALL, "tracking.enabled=false", "hydra.run.dir=out", *arguments)
    assert done.returncode == 0, done.stderr
    return costs_in(cli.folder / "out")


def test_the_same_configuration_gives_the_same_bits(cli):
    assert costs_of(cli, "dist=zipf", "seed=7") == costs_of(cli, "dist=zipf", "seed=7")


def test_every_method_starts_from_the_same_weights_and_split(cli):
    assert costs_of(cli, "dist=beta")[0] == costs_of(cli, "dist=backprop")[0]


@pytest.mark.parametrize("drives", ["init", "data", "noise"])
def test_a_seed_drives_what_its_group_says(cli, drives):
    first, second = (costs_of(cli, f"seeds={drives}", f"seed={s}") for s in (1, 2))
    # Initial weights and the split show in the first cost, the noise from the second on.
    assert (first[0] == second[0]) == (drives == "noise")
    assert first[1:] != second[1:]
    explicit = costs_of(cli, "seeds=all", "seed=452", f"seeds.{drives}=1")
    assert explicit == first


def test_float64_agrees_with_float32(cli):
    for stream in ("stream=independent", "stream=article"):
        # The article's stream draws the same numbers in both.
        single, double = (costs_of(cli, f"dtype={d}", stream) for d in ("float32", "float64"))
        if stream == "stream=article":
            np.testing.assert_allclose(single, double, rtol=1e-3)
        assert single != double


def test_a_run_keeps_the_files_that_it_is_asked_to_keep(cli):
    done = cli(*SMALL, "tracking.model=false")
    assert done.returncode == 0, done.stderr
    (run,) = cli.runs("run")
    assert {f.name for f in artifacts(run).iterdir()} == {"config.yaml", "predictions.csv"}


def test_xor_is_learned_by_backprop(cli):
    done = cli(
        "data=xor", "network=small", "dist=backprop", "epochs=2000", "optimizer.lr=0.5",
        "optimizer.drop_epoch=null", "network.init_scale=1", "tracking.enabled=false",
    )  # fmt: skip
    assert "0 of 4 test images wrong" in done.stdout


def test_tracking_disabled_leaves_no_store_and_imports_no_mlflow(newcomer):
    costs_of(newcomer)
    assert not (newcomer.folder / "mlruns").exists()
    code = (
        "import runpy, sys; sys.argv = ['noise_exp', '--help']\n"
        "try: runpy.run_module('noise_exp', run_name='__main__')\n"
        "finally: assert not {'mlflow', 'matplotlib', 'pandas'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=newcomer.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "dist: backprop, beta" in done.stdout


@pytest.mark.parametrize("flags", [["--cfg", "job", "--resolve"], ["--info", "defaults"]])
def test_configuration_can_be_inspected(cli, flags):
    done = cli(*flags, "experiment=article", "dist=beta")
    assert done.returncode == 0
    assert ("float64" in done.stdout) == (flags[0] == "--cfg")
    assert "beta" in done.stdout or "dist/beta" in done.stdout


def test_tab_completion_offers_the_options(cli):
    done = cli("-sc", "install=bash", env={"SHELL": "/bin/bash"})
    assert "complete" in done.stdout
    line = "noise-exp dist=g"
    done = cli("-sc", "query=bash", env={"COMP_LINE": line, "COMP_POINT": str(len(line))})
    assert set(done.stdout.split()) == {"dist=gaussian", "dist=gumbel"}


def test_the_store_of_the_environment_is_respected(newcomer):
    uri = f"sqlite:///{newcomer.folder}/elsewhere/runs.db"
    done = newcomer(*SMALL, env={"MLFLOW_TRACKING_URI": uri})
    assert done.returncode == 0, done.stderr
    assert f"mlflow ui --workers 1 --backend-store-uri {uri}" in done.stdout
    assert not (newcomer.folder / "mlruns").exists()
    experiment = MlflowClient(uri).get_experiment_by_name("noise_training")
    assert experiment.artifact_location.startswith(f"file://{newcomer.folder}/elsewhere")


def test_an_overflowing_law_finishes_with_what_is_finite(cli):
    done = cli(*SMALL, "dist=pareto", "dist.a=0.01", "tracking.experiment=wild")
    assert done.returncode == 0, done.stderr
    assert "diverged" in done.stdout
    assert "RuntimeWarning" not in done.stderr
    client = MlflowClient(cli.uri)
    (run,) = client.search_runs([client.get_experiment_by_name("wild").experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.tags["diverged"] == "true"
    history = client.get_metric_history(run.info.run_id, "cost")
    assert 0 < len(history) < 6
    assert all(np.isfinite(m.value) for m in history)


def test_a_terminal_shows_a_bar_and_a_pipe_plain_lines(cli):
    arguments = [sys.executable, "-m", "noise_exp", *SMALL, "tracking.enabled=false"]
    ours, theirs = pty.openpty()
    subprocess.run(
        arguments, cwd=cli.folder, env=cli.env | {"TERM": "xterm"}, stderr=theirs, check=True
    )
    shown = os.read(ours, 100_000).decode()
    assert "━" in shown
    assert "cost 0." in shown
    plain = cli(*arguments[3:])
    assert "gumbel seed=452: epoch 2, 33%, cost 0." in plain.stderr
    assert "s left" in plain.stderr
    assert "━" not in plain.stderr


def test_an_interrupted_run_is_killed_and_keeps_its_metrics(cli):
    running = cli.start(*cli.hold(20), "network=small", "epochs=40", "hydra.run.dir=out")
    cli.wait_for_epochs(20)
    running.send_signal(2)
    assert running.wait(timeout=PATIENCE) == 1
    assert (cli.folder / "stderr").read_text().splitlines()[-1] == "noise_exp: interrupted"
    client = MlflowClient(cli.uri)
    (run,) = client.search_runs([client.get_experiment_by_name("noise_training").experiment_id])
    assert run.info.status == "KILLED"
    assert run.data.metrics["cost"] > 0

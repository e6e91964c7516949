"""What single runs are and leave behind."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support import SMALL, artifacts, trial


def costs_of(*overrides):
    return [epoch.cost for epoch in trial(*SMALL, *overrides).train()]


def test_every_method_starts_from_the_same_weights_and_split():
    assert costs_of("dist=beta")[0] == costs_of("dist=backprop")[0]


@pytest.mark.parametrize("drives", ["init", "data", "noise"])
def test_a_seed_drives_what_its_group_says(drives):
    first, second = (costs_of(f"seeds={drives}", f"seed={s}") for s in (1, 2))
    # Initial weights and the split show in the first cost, the noise from the second on.
    assert (first[0] == second[0]) == (drives == "noise")
    assert first[1:] != second[1:]
    assert costs_of("seeds=all", "seed=452", f"seeds.{drives}=1") == first


@pytest.mark.parametrize("stream", ["independent", "article"])
def test_float64_agrees_with_float32(stream):
    single, double = (costs_of(f"dtype={d}", f"stream={stream}") for d in ("float32", "float64"))
    assert single != double
    if stream == "article":  # it draws the same numbers in both
        np.testing.assert_allclose(single, double, rtol=1e-3)


def test_xor_is_learned_by_backprop():
    learned = trial(
        "data=xor", "network=small", "dist=backprop", "epochs=2000", "optimizer.lr=0.5",
        "optimizer.drop_epoch=null", "network.init_scale=1",
    )  # fmt: skip
    for _ in learned.train():
        pass
    assert learned.test().errors == 0


def test_a_run_keeps_the_files_that_it_is_asked_to_keep_and_ends_with_the_next_command(cli):
    done = cli.ok(*SMALL, "tracking.model=false", f"tracking.uri={cli.uri}")
    (run,) = cli.runs("run")
    assert {f.name for f in artifacts(run).iterdir()} == {"config.yaml", "predictions.csv"}
    program, *report = next(line for line in done.stdout.splitlines() if "report" in line).split()
    assert Path(program).name == "python"
    assert report == ["-m", "noise_exp.report", run.info.run_id, "--uri", cli.uri]
    done = cli.ok(*report[2:], module="noise_exp.report")


def test_tracking_disabled_leaves_no_store_and_help_imports_no_mlflow(newcomer):
    plain = newcomer.ok(*SMALL, "tracking.enabled=false")
    assert "gumbel seed=452: epoch 2, 33%, cost 0." in plain.stderr
    assert "s left" in plain.stderr
    assert "━" not in plain.stderr
    assert not (newcomer.folder / "mlruns").exists()
    code = (
        "import runpy, sys; sys.argv = ['noise_exp', '--help']\n"
        "try: runpy.run_module('noise_exp', run_name='__main__')\n"
        "finally: assert not {'mlflow', 'matplotlib', 'pandas'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=newcomer.folder, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert b"dist: backprop, beta" in done.stdout


def test_a_terminal_shows_a_bar(cli):
    ours, theirs = pty.openpty()
    subprocess.run(
        [sys.executable, "-m", "noise_exp", *SMALL, "tracking.enabled=false"],
        cwd=cli.folder, env=cli.env | {"TERM": "xterm"}, stderr=theirs, check=True,
    )  # fmt: skip
    shown = os.read(ours, 100_000).decode()
    assert "━" in shown
    assert "cost 0." in shown


def test_a_configuration_can_be_inspected(cli):
    done = cli.ok("--cfg", "job", "--resolve", "experiment=article", "dist=beta")
    assert "dtype: float64" in done.stdout
    assert "sampler: beta" in done.stdout


def test_tab_completion_offers_the_options(cli):
    done = cli("-sc", "install=bash", env={"SHELL": "/bin/bash"})
    assert "complete" in done.stdout
    line = "noise-exp dist=g"
    done = cli("-sc", "query=bash", env={"COMP_LINE": line, "COMP_POINT": str(len(line))})
    assert set(done.stdout.split()) == {"dist=gaussian", "dist=gumbel"}


def test_an_overflowing_distribution_finishes_with_what_is_finite(cli):
    done = cli.ok(*SMALL, "dist=pareto", "dist.a=0.01")
    assert "diverged" in done.stdout
    assert "RuntimeWarning" not in done.stderr
    (run,) = cli.runs()
    assert run.info.status == "FINISHED"
    assert run.data.tags["diverged"] == "true"
    history = cli.history(run)
    assert 0 < len(history) < 6
    assert np.isfinite(history).all()

"""A sweep of all fourteen methods, as the MLflow UI will show it."""

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from support import LETTERS, PATIENCE, SMALL, Cli, artifacts, jobs_in


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """The main command on a small network, in a fresh folder: output, parent and children."""
    folder = tmp_path_factory.mktemp("sweep")
    cli = Cli(folder)
    done = cli("-m", "dist=glob(*)", *SMALL)
    assert done.returncode == 0, done.stderr
    client = MlflowClient(cli.uri)
    runs = client.search_runs([client.get_experiment_by_name("noise_training").experiment_id])
    parents = [r for r in runs if r.data.tags["kind"] == "sweep"]
    children = {r.data.params["dist"]: r for r in runs if r.data.tags["kind"] == "run"}
    assert len(parents) == 1
    assert len(runs) == 15
    return done, client, parents[0], children


def test_all_fourteen_are_nested_under_one_parent(sweep):
    _, _, parent, children = sweep
    assert set(children) == set(LETTERS)
    for option, run in children.items():
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert run.data.tags["sweep"] == parent.data.tags["sweep"]
        assert run.data.tags["article_letter"] == LETTERS[option]
        assert run.data.tags["diverged"] == "false"
        assert run.info.status == parent.info.status == "FINISHED"
    assert len({run.data.tags["fingerprint"] for run in children.values()}) == 14


def test_params_are_short_and_hold_option_names(sweep):
    _, _, _, children = sweep
    expected = {"optimizer": "vanilla", "estimator": "cost_scaled", "seed": "452", "epochs": "6"}
    for run in children.values():
        law = expected if run.data.params["dist"] != "backprop" else {
            **expected, "estimator": "exact_gradient",
        }  # fmt: skip
        assert law.items() <= run.data.params.items()
    assert children["gumbel"].data.params["dist.scale"] == "1.0"
    assert children["zipf"].data.params["optimizer.lr"] == "0.03"


def test_metrics_of_every_epoch(sweep):
    _, client, _, children = sweep
    for option, run in children.items():
        for key in ("cost", "train_error_rate"):
            history = client.get_metric_history(run.info.run_id, key)
            assert [m.step for m in history] == list(range(6))
        metrics = run.data.metrics
        assert metrics["test_error_rate"] == metrics["test_errors"] / 20
        assert metrics["train_seconds"] > 0
        assert metrics["forward_passes"] == (18 if option == "backprop" else 6)


def test_artifacts_and_data(sweep):
    _, _, _, children = sweep
    run = children["beta"]
    folder = artifacts(run)
    predictions = pd.read_csv(folder / "predictions.csv")
    assert predictions.wrong.sum() == run.data.metrics["test_errors"]
    assert ((predictions.output > 0.5) != predictions.label).equals(predictions.wrong)
    assert "law: beta" in (folder / "config.yaml").read_text()
    digests = {child.inputs.dataset_inputs[0].dataset.digest for child in children.values()}
    assert len(digests) == 1
    assert run.inputs.dataset_inputs[0].dataset.name == "article"


def test_the_parent_holds_the_comparison(sweep):
    done, _, parent, children = sweep
    folder = artifacts(parent)
    table = pd.read_csv(folder / "comparison.csv")
    assert "".join(table.letter) == "abcdefghijklmn"
    for row in table.itertuples():
        metrics = children[row.method].data.metrics
        assert row.test_errors == metrics["test_errors"]
        assert row.final_cost == pytest.approx(metrics["cost"])
        assert row.train_seconds == pytest.approx(metrics["train_seconds"])
        ratio = metrics["cost"] / children["backprop"].data.metrics["cost"]
        assert row.cost_vs_backprop == pytest.approx(ratio)
        assert row.method in done.stdout
        assert row.method in (folder / "comparison.md").read_text()
        assert row.method in parent.data.tags["mlflow.note.content"]
    for name in ("cost_per_training", "training_time", "misclassification"):
        assert (folder / f"{name}.png").stat().st_size > 10_000
    assert "mlflow ui --workers 1 --backend-store-uri sqlite:///mlruns/mlflow.db" in done.stdout


def test_a_new_law_is_one_yaml_file(cli):
    cli.own_option("dist", "laplace", "law: laplace\nloc: 0\nscale: 1\n")
    done = cli("--config-dir=my", "-m", "dist=laplace", "seed=1,2,3", "dist.scale=1,2", *SMALL,
               "tracking.enabled=false", "hydra.sweep.dir=out")  # fmt: skip
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(cli.folder / "out" / "comparison.csv")
    assert table.method.tolist() == ["laplace dist.scale=1", "laplace dist.scale=2"]
    assert table.runs.tolist() == [3, 3]
    jobs = jobs_in(cli.folder / "out")
    finals = [costs[-1] for r, costs in jobs if "dist.scale=1" in r["overrides"]]
    assert table.final_cost[0] == pytest.approx(np.median(finals))


def test_a_job_that_fails_is_named_and_the_others_go_on(cli):
    done = cli("-m", "dist=gumbel,beta", "dist.a=0.5,-1", "epochs=2", "network=small")
    assert done.returncode == 1
    assert "Could not override 'dist.a'" in done.stderr  # gumbel has no a: Hydra stops at once
    done = cli("-m", "dist=beta", "dist.a=0.5,-1", *SMALL)
    assert done.returncode == 1
    assert "1 of 2 jobs failed" in done.stdout + done.stderr
    assert "a <= 0" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    client = MlflowClient(cli.uri)
    runs = client.search_runs([client.get_experiment_by_name("noise_training").experiment_id])
    assert sorted(r.info.status for r in runs) == ["FAILED", "FAILED", "FINISHED"]
    (failed,) = [r for r in runs if r.data.tags["kind"] == "run" and r.info.status == "FAILED"]
    assert "a <= 0" in failed.data.tags["error"]


def test_a_sweep_whose_first_job_cannot_run_leaves_nothing(newcomer):
    done = newcomer("-m", "dist=beta", "epochs=0", "seed=1,2")
    assert done.returncode == 1
    assert len((done.stdout + done.stderr).splitlines()) == 1
    assert not (newcomer.folder / "mlruns").exists()
    assert not (newcomer.folder / "multirun").exists()


def test_a_job_that_raises_leaves_its_traceback(cli):
    # An optimizer of the user's own, named by a YAML file, that breaks in the third epoch.
    body = (
        "def step(self, parameters, direction, moment):\n"
        "    if moment.epoch == 2: raise RuntimeError('out of luck')"
    )
    cli.own_part("optimizer", "broken", body)
    done = cli("--config-dir=my", "-m", "optimizer=broken,vanilla", *SMALL)
    assert done.returncode == 1
    assert "1 of 2 jobs failed" in done.stdout
    assert "RuntimeError: out of luck" in done.stdout
    client = MlflowClient(cli.uri)
    runs = client.search_runs([client.get_experiment_by_name("noise_training").experiment_id])
    ends = {r.data.params.get("optimizer", "parent"): r for r in runs}
    assert {k: r.info.status for k, r in ends.items()} == {
        "parent": "FAILED", "broken": "FAILED", "vanilla": "FINISHED",
    }  # fmt: skip
    assert ends["broken"].data.tags["error"] == "RuntimeError: out of luck"
    assert "in step" in (artifacts(ends["broken"]) / "traceback.txt").read_text()
    assert len(client.get_metric_history(ends["broken"].info.run_id, "cost")) == 2


@pytest.mark.parametrize("signal", [1, 2, 15])
def test_an_interrupted_sweep_is_killed_whole(cli, signal):
    running = cli.start("-m", *cli.hold(20), "dist=gumbel,beta", "network=small", "epochs=40",
                        "hydra.sweep.dir=out")  # fmt: skip
    cli.wait_for_epochs(20, "0")
    running.send_signal(signal)
    assert running.wait(timeout=PATIENCE) == 1
    assert (cli.folder / "stderr").read_text().splitlines()[-1] == "noise_exp: interrupted"
    client = MlflowClient(cli.uri)
    runs = client.search_runs([client.get_experiment_by_name("noise_training").experiment_id])
    assert [r.info.status for r in runs] == ["KILLED", "KILLED"]


def test_a_picture_that_cannot_be_made_fails_nothing(cli):
    law = "law: gumbel\nloc: 0\nscale: 1\n"
    cli.own_option("dist", "a$_$", law)  # no formula for matplotlib
    done = cli("--config-dir=my", "-m", "dist='a$_$',beta", *SMALL, "hydra.sweep.dir=out")
    assert done.returncode == 0, done.stderr
    assert "The cost_per_training.png could not be made" in done.stdout
    assert {"comparison.csv", "runs.csv"} <= {p.name for p in (cli.folder / "out").iterdir()}
    assert [run.info.status for run in cli.runs()] == ["FINISHED"] * 3


def test_a_job_that_breaks_while_it_is_built_has_a_row(cli):
    body = "def __post_init__(self): raise RuntimeError('out of luck')"
    cli.own_part("estimator", "broken", body)
    done = cli("--config-dir=my", "-m", "estimator=cost_scaled,broken", *SMALL)
    assert done.returncode == 1
    done = cli("--config-dir=my", "estimator=broken", *SMALL)
    assert done.returncode == 1
    rows = {(run.info.status, run.data.tags.get("error")) for run in cli.runs("run")}
    assert rows == {("FINISHED", None), ("FAILED", "RuntimeError: out of luck")}
    assert len(cli.runs("run")) == 3


def test_a_search_whose_trial_cannot_be_composed_is_failed(cli):
    done = cli("-m", "hydra/sweeper=optuna", "dist=choice(gumbel,beta)", "dist.scale=2", *SMALL,
               "hydra.sweeper.n_trials=20", "hydra.sweeper.n_jobs=1")  # fmt: skip
    assert done.returncode == 1
    assert "Could not override 'dist.scale'" in done.stderr
    assert "resume=true" not in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    (parent,) = cli.runs("sweep")
    assert parent.info.status == "FAILED"
    assert "dist.scale" in parent.data.tags["error"]


def test_a_run_is_named_by_what_was_swept(cli):
    done = cli("-m", "dist=gumbel,beta", "optimizer.lr=0.1,0.01", "seed=1,2", *SMALL)
    assert done.returncode == 0, done.stderr
    names = {run.info.run_name for run in cli.runs("run")}
    assert names == {
        f"{dist} optimizer.lr={lr} seed={seed}"
        for dist in ("gumbel", "beta") for lr in ("0.1", "0.01") for seed in (1, 2)
    }  # fmt: skip

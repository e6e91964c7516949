"""A search with Optuna: its trials, what its parent run keeps of them, and what it never sees."""

import math

import pandas as pd
import pytest
from made_up import recorded
from mlflow import MlflowClient
from support import SMALL, Cli, artifacts

from noise_exp.sweep.summary import of_trials

TUNE = ("-m", "experiment=tune", "network=small", "forward_passes=6", "data.validation_size=500",
        "hydra.sweep.dir=out")  # fmt: skip
SEARCHED = {
    "optimizer.lr", "network.init_scale", "batch_size", "estimator.scale", "estimator.rate",
}  # fmt: skip


@pytest.fixture(scope="module")
def search(tmp_path_factory):
    """A search of six trials, on a small network: the command's end, its folder, its runs."""
    cli = Cli(tmp_path_factory.mktemp("study"))
    done = cli.ok(*TUNE, "dist=gaussian", "hydra.sweeper.n_trials=6")
    (parent,) = cli.runs("sweep")
    return done, cli, parent, sorted(cli.runs("run"), key=lambda run: int(run.data.tags["job"]))


def test_every_trial_is_a_run_below_the_study(search):
    _, cli, parent, trials = search
    assert [run.data.tags["job"] for run in trials] == list("012345")
    assert {run.info.status for run in (parent, *trials)} == {"FINISHED"}
    for key in SEARCHED - {"batch_size"}:
        assert len({run.data.params[key] for run in trials}) == 6
    for run in trials:
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
        # The images for test, 2,000 of 10,000, are never used.
        assert not [key for key in run.data.metrics if key.startswith("test")]
        sizes = {"validation_images": "500", "training_images": "7500"}
        assert sizes.items() <= run.data.params.items()
    assert cli(*TUNE, "dist=gaussian", "dry_run=true").stdout.startswith("24 trials")
    assert len(cli.runs("run")) == len(trials)


def test_the_best_trial_has_the_lowest_validation_cost(search):
    done, _, parent, trials = search
    best = min(trials, key=lambda run: run.data.metrics["validation_cost"])
    tags = parent.data.tags
    assert (tags["best_trial"], tags["best_run_id"]) == (best.data.tags["job"], best.info.run_id)
    assert [r.info.run_id for r in trials if r.data.tags.get("best")] == [best.info.run_id]
    settings = {k[5:]: float(value) for k, value in tags.items() if k.startswith("best.")}
    assert settings == {key: float(best.data.params[key]) for key in SEARCHED}
    assert parent.data.metrics["best_score"] == best.data.metrics["validation_cost"]
    wrong = f"{best.data.metrics['validation_errors']:g} of 500 validation images wrong"
    assert wrong in tags["mlflow.note.content"]
    for shown in (done.stdout, tags["mlflow.note.content"]):
        assert f"optimizer.lr={tags['best.optimizer.lr']}" in shown


def test_the_parent_keeps_the_study(search):
    _, cli, parent, trials = search
    costs = [run.data.metrics["validation_cost"] for run in trials]
    assert cli.history(parent, "score") == costs
    table = pd.read_csv(artifacts(parent) / "trials.csv")
    assert table.score.tolist() == sorted(costs)
    for row in table.itertuples():
        assert row.run_id == trials[row.trial].info.run_id
        assert row.score == costs[row.trial]
        assert row.errors == trials[row.trial].data.metrics["validation_errors"]
    for name in ("history", "settings"):
        assert (artifacts(parent) / f"{name}.png").stat().st_size > 10_000
    assert max(map(len, (artifacts(parent) / "trials.md").read_text().splitlines())) < 130


def test_the_best_settings_train_on_all_but_the_test_images(search):
    done, cli, _, _ = search
    (command,) = [line for line in done.stdout.splitlines() if "data.validation_size=0" in line]
    again = cli.ok(*command.split()[3:])
    assert "of 2000 test images wrong" in again.stdout


def test_resume_goes_on_with_a_study(search):
    _, cli, _, trials = search
    cli.ok(*TUNE, "dist=gaussian", "hydra.sweeper.n_trials=8", "resume=true")
    parent = cli.runs("sweep")[0]
    assert parent.data.metrics["runs"] == 8
    assert parent.data.metrics["reused"] == 6
    assert cli.history(parent, "score")[:6] == [r.data.metrics["validation_cost"] for r in trials]


def test_two_trials_at_a_time_for_the_fewest_wrong_images_with_a_key_that_is_set(cli):
    cli.ok(*TUNE, "dist=gaussian", "score=error_rate", "++optimizer.lr=0.01",
               "hydra.sweeper.n_trials=4", "hydra.sweeper.n_jobs=2", "hydra/launcher=joblib",
               "hydra.launcher.n_jobs=2")  # fmt: skip
    (parent,), trials = cli.runs("sweep"), cli.runs("run")
    rates = {run.data.tags["job"]: run.data.metrics["validation_error_rate"] for run in trials}
    assert len(set(rates.values())) > 1
    assert cli.history(parent, "score") == [rates[job] for job in "0123"]
    best = parent.data.metrics["best_score"]
    assert min(rates.values()) == best == rates[parent.data.tags["best_trial"]]
    assert "with validation error rate" in parent.data.tags["mlflow.note.content"]
    assert {run.data.params["optimizer.lr"] for run in trials} == {"0.01"}
    assert "best.optimizer.lr" not in parent.data.tags


def test_trials_that_fail_or_diverge_are_bad_and_the_search_goes_on(cli):
    space = "data.validation_size=choice(500,9000)"  # which leaves nothing to train on
    done = cli(*TUNE[:4], TUNE[-1], space, "optimizer.lr=choice(0.01,1e38)",
               "hydra.sweeper.n_trials=8", "hydra.sweeper.sampler.seed=2")  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    table = pd.read_csv(cli.folder / "out" / "trials.csv").set_index("trial")
    assert len(table) == 8
    failed = table.error.notna()
    assert 0 < failed.sum() < 8
    assert table.diverged.any()
    assert (table.score[failed | table.diverged] == math.inf).all()
    (parent,) = cli.runs("sweep")
    assert parent.info.status == "FAILED"
    assert int(parent.data.tags["best_trial"]) == table.score.idxmin()
    steps = MlflowClient(cli.uri).get_metric_history(parent.info.run_id, "score")
    assert {m.step for m in steps} == set(table.index[table.score < math.inf])


def test_without_a_score_there_is_no_best():
    failed = recorded({"dist": "gumbel"}, error="out of luck", overrides=["optimizer.lr=0.1"])
    found = of_trials([failed], ["optimizer.lr"])
    assert found.headline == "none of which has a score"
    assert not found.tags
    assert "out of luck" in found.files["trials.csv"]()


def test_no_trial_is_best_of_different_images():
    trials = [
        recorded(
            {"dist": "gumbel", "data": "idx", "test_images": "20", "data.path": path},
            {"test_errors": 3.0}, {"cost": [cost]}, data_digest=path * 8, job=job,
            overrides=[f"data.path={path}"],
        )
        for job, (path, cost) in enumerate([("d1", 0.5), ("d2", 0.1)])
    ]  # fmt: skip
    found = of_trials(trials, ["data.path"])
    assert "idx (20 test images, path=d1) and idx (20 test images, path=d2)" in found.headline
    assert not found.advice
    assert not found.tags
    assert of_trials(trials[:1], ["data.path"]).tags["best_trial"] == "0"


def test_a_search_whose_trial_cannot_be_composed_is_failed(cli):
    done = cli("-m", "hydra/sweeper=optuna", "dist=choice(gumbel,beta)", "dist.scale=2", *SMALL,
               "hydra.sweeper.n_trials=20", "hydra.sweeper.n_jobs=1")  # fmt: skip
    assert done.returncode == 1
    assert "Could not override 'dist.scale'" in done.stderr
    for word in ("resume=true", "Traceback"):
        assert word not in done.stdout + done.stderr
    (parent,) = cli.runs("sweep")
    assert parent.info.status == "FAILED"
    assert "dist.scale" in parent.data.tags["error"]

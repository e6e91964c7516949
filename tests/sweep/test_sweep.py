"""A sweep of all fourteen methods, as the MLflow UI will show it, and one whose jobs fail."""

import itertools

import pandas as pd
import pytest
from mlflow import MlflowClient
from support import LETTERS, SMALL, Cli, artifacts

from noise_exp.report.__main__ import main


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """The main command on a small network: its end, its folder, its runs."""
    cli = Cli(tmp_path_factory.mktemp("sweep"))
    done = cli.ok("-m", "dist=glob(*)", *SMALL)
    (parent,) = cli.runs("sweep")
    children = {run.data.params["dist"]: run for run in cli.runs("run")}
    assert len(cli.runs()) == 15
    return done, cli, parent, children


def test_all_fourteen_are_nested_under_one_parent(sweep):
    _, _, parent, children = sweep
    assert {option: run.data.tags["article_letter"] for option, run in children.items()} == LETTERS
    for option, run in children.items():
        assert run.info.run_name == f"{option} seed=452"
        tags = {"mlflow.parentRunId": parent.info.run_id, "diverged": "false"}
        assert {**tags, "sweep": parent.data.tags["sweep"]}.items() <= run.data.tags.items()
        assert run.info.status == parent.info.status == "FINISHED"
    assert len({run.data.tags["fingerprint"] for run in children.values()}) == 14


def test_params_metrics_and_data_of_every_run(sweep):
    _, cli, _, children = sweep
    for option, run in children.items():
        exact = option == "backprop"
        assert {
            "optimizer": "vanilla", "estimator": "exact_gradient" if exact else "cost_scaled",
            "seed": "452", "epochs": "6",
        }.items() <= run.data.params.items()  # fmt: skip
        for key in ("cost", "train_error_rate"):
            assert len(cli.history(run, key)) == 6
        metrics = run.data.metrics
        assert metrics["test_error_rate"] == metrics["test_errors"] / 20
        assert metrics["train_seconds"] > 0
        assert 12 < metrics["forward_passes"] < 18 if exact else metrics["forward_passes"] == 6
        (given,) = run.inputs.dataset_inputs
        assert given.dataset.name == "article"
        assert given.dataset.digest == children["gumbel"].inputs.dataset_inputs[0].dataset.digest
    assert children["gumbel"].data.params["dist.scale"] == "1.0"
    assert children["zipf"].data.params["optimizer.lr"] == "0.03"


def test_predictions_and_configuration_are_kept(sweep):
    run = sweep[-1]["beta"]
    predictions = pd.read_csv(artifacts(run) / "predictions.csv")
    assert predictions.wrong.sum() == run.data.metrics["test_errors"]
    assert ((predictions.output > 0.5) != predictions.label).equals(predictions.wrong)
    assert "sampler: beta" in (artifacts(run) / "config.yaml").read_text()


def test_the_parent_holds_the_comparison(sweep):
    done, _, parent, children = sweep
    folder, note = artifacts(parent), parent.data.tags["mlflow.note.content"]
    table = pd.read_csv(folder / "comparison.csv")
    assert sorted(table.letter) == list("abcdefghijklmn")
    assert table["mean"].is_monotonic_increasing
    for row in table.itertuples():
        metrics = children[row.method].data.metrics
        assert row.test_errors == metrics["test_errors"]
        assert row.final_cost == pytest.approx(metrics["cost"])
        assert row.train_seconds == pytest.approx(metrics["train_seconds"])
        ratio = metrics["cost"] / children["backprop"].data.metrics["cost"]
        assert row.cost_vs_backprop == pytest.approx(ratio)
        for shown in (done.stdout, (folder / "comparison.md").read_text(), note):
            assert row.method in shown
    for name in ("cost_per_training", "training_time", "misclassification"):
        assert (folder / f"{name}.png").stat().st_size > 10_000
    assert "mlflow ui --workers 1 --backend-store-uri sqlite:///mlruns/mlflow.db" in done.stdout


ERRORS = {
    "fragile": "RuntimeError: out of luck", "unbuilt": "RuntimeError: no part", "vanilla": "",
}  # fmt: skip
GOOD = ("vanilla", "1")


@pytest.fixture(scope="module")
def failing(tmp_path_factory):
    """A sweep of which some jobs fail, and the same again when some are mended: ends and runs."""
    cli = Cli(tmp_path_factory.mktemp("failing"))
    step = (
        "def step(self, parameters, direction, moment):\n"
        "    if moment.epoch == 2 and not pathlib.Path('mended').exists():\n"
        "        raise RuntimeError('out of luck')"
    )
    cli.own_part("optimizer", "fragile", step, before="import pathlib\n")
    cli.own_part("optimizer", "unbuilt", "def __post_init__(self): raise RuntimeError('no part')")
    sweep = ("--config-dir=my", "-m", "optimizer=fragile,unbuilt,vanilla", "dist=beta", *SMALL,
             "dist.a=1,-1", "seed=0,1")  # fmt: skip
    done = cli(*sweep, "hydra.sweep.dir=out")
    runs = cli.runs()
    (cli.folder / "mended").touch()
    return cli, done, runs, cli(*sweep, "resume=true", "hydra.sweep.dir=again")


def test_jobs_that_fail_are_named_and_the_others_go_on(failing):
    cli, done, runs, _ = failing
    assert done.returncode == 1
    assert "10 of 12 jobs failed" in done.stdout
    named = {run.info.run_name: run for run in runs}
    for a, optimizer, seed in itertools.product(("1", "-1"), ERRORS, (0, 1)):
        run = named[f"beta optimizer={optimizer} dist.a={a} seed={seed}"]
        error = "a <= 0" if a == "-1" else ERRORS[optimizer]
        assert error in run.data.tags.get("error", "")
        assert run.info.status == ("FAILED" if error else "FINISHED")
    fragile = named["beta optimizer=fragile dist.a=1 seed=0"]
    assert "in step" in (artifacts(fragile) / "traceback.txt").read_text()
    assert len(MlflowClient(cli.uri).get_metric_history(fragile.info.run_id, "cost")) == 2


def test_just_those_that_failed_run_again(failing):
    cli, done, _, again = failing
    command = "python -m noise_exp --config-dir=my -m optimizer=fragile,unbuilt,vanilla dist=beta"
    assert command in done.stdout
    assert "hydra.sweep.dir=out resume=true" in done.stdout
    assert again.stdout.count("finished already") == 2
    assert "8 of 12 jobs failed" in again.stdout
    assert len([run for run in cli.runs("run") if run.info.status == "FINISHED"]) == 4


def test_settings_that_fail_are_a_method_of_their_own_from_the_store_too(failing, monkeypatch):
    cli, _, runs, _ = failing
    (parent,) = [run.info.run_id for run in runs if run.data.tags["kind"] == "sweep"]
    monkeypatch.chdir(cli.folder)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr("sys.argv", ["noise_exp.report", parent, "--output=report", "--no-log"])
    main()
    expected = {
        f"beta dist.a={a} optimizer={optimizer}": [0, 0, 2] if (optimizer, a) == GOOD else [2, 2, 0]
        for optimizer in ("fragile", "unbuilt", "vanilla") for a in ("1", "-1")
    }  # fmt: skip
    for folder in ("out", "report"):
        table = pd.read_csv(cli.folder / folder / "comparison.csv").set_index("method")
        counts = table[["failed", "missing", "seeds"]]
        assert {method: list(row) for method, row in counts.T.items()} == expected


@pytest.fixture(scope="module")
def nested(tmp_path_factory):
    """Two methods that tie, in the run of the environment, one named as no picture can say it."""
    cli = Cli(tmp_path_factory.mktemp("nested"))
    # No formula for matplotlib.
    cli.own_option("dist", "a$_$", "sampler: gumbel\nloc: 0\nscale: 1\n")
    cli.env |= {"MLFLOW_EXPERIMENT_NAME": "noise_training"}
    cli.ok(*SMALL, "tracking.experiment=noise_training")
    (outer,) = cli.runs()
    cli.env |= {"MLFLOW_RUN_ID": outer.info.run_id}
    cli.ok(*SMALL, "seed=3")
    done = cli.ok("--config-dir=my", "-m", "dist='a$_$',beta", "++seed=2", *SMALL,
               "hydra.sweep.dir=out")  # fmt: skip
    return cli, done, outer


def test_runs_and_sweeps_are_nested_in_the_run_of_the_environment(nested):
    cli, _, outer = nested
    (sweep,) = cli.runs("sweep")
    parents = [run.data.tags.get("mlflow.parentRunId", "") for run in cli.runs()]
    ids = ["", outer.info.run_id, outer.info.run_id, sweep.info.run_id, sweep.info.run_id]
    assert sorted(parents) == sorted(ids)


def test_a_picture_that_cannot_be_made_fails_nothing(nested):
    cli, done, _ = nested
    assert "The cost_per_training.png could not be made" in done.stdout
    assert {"comparison.csv", "runs.csv"} <= {p.name for p in (cli.folder / "out").iterdir()}
    assert {run.info.status for run in cli.runs()} == {"FINISHED"}


def test_of_methods_that_tie_the_one_with_the_lower_cost_is_best_everywhere(nested):
    cli, done, _ = nested
    table = pd.read_csv(cli.folder / "out" / "comparison.csv").set_index("method")
    assert table.test_errors.nunique() == 1
    best = table.final_cost.idxmin()
    (parent,) = cli.runs("sweep")
    (tagged,) = [run for run in cli.runs("run") if run.data.tags.get("best")]
    assert parent.data.tags["best"] == tagged.data.params["dist"] == best
    assert parent.data.tags["best_run_id"] == tagged.info.run_id
    (model,) = tagged.outputs.model_outputs
    assert MlflowClient(cli.uri).get_logged_model(model.model_id).tags["best"] == "true"
    assert f"best: {best} with" in parent.data.tags["mlflow.note.content"]
    (other,) = set(table.index) - {best}
    assert f"Lowest test_error_rate: {best} (as low: {other})" in done.stdout

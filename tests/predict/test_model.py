"""A run's network is used again: as an MLflow model, over HTTP, and by the command."""

import gzip
import json
import os
import shutil
import subprocess
import sys

import mlflow
import numpy as np
import pandas as pd
import pytest
import requests
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.exceptions import MlflowException
from PIL import Image
from server import free_port, listens, serving
from support import PATIENCE, SMALL, Cli, artifacts, idx_bytes, trial

from noise_exp import predict
from noise_exp.tracking.model import WEIGHTS, description
from noise_exp.training.data import EMBEDDED
from noise_exp.training.trained import Trained

LOAD = """
import mlflow, numpy as np, sys
images = np.load("images.npy").reshape(-1, 784)
mlflow.pyfunc.load_model(f"runs:/{sys.argv[1]}/model").predict(images).to_csv(sys.argv[2])
"""
TEN = ("data=mnist10", "network=small", "dist=backprop", "cost=cross_entropy", "optimizer=adam")


@pytest.fixture(scope="module")
def cli(tmp_path_factory):
    """A run on zeros and ones, one on ten digits, and the images that both are of."""
    cli = Cli(tmp_path_factory.mktemp("model"))
    cli.ok("-m", "dist=beta", *SMALL)
    cli.ok(*TEN, "epochs=15")
    with np.load(EMBEDDED) as kept:
        np.save(cli.folder / "images.npy", kept["images"])
        np.save(cli.folder / "labels.npy", kept["labels"])
    return cli


@pytest.fixture(scope="module", params=["article", "mnist10"])
def run(request, cli):
    return next(r for r in cli.runs("run") if r.data.params["data"] == request.param)


def results(cli, run):
    """The test images, what they were taken for, the shown output, and their places among all."""
    table = pd.read_csv(artifacts(run) / "predictions.csv")
    digits = np.arange(2 if run.data.params["data"] == "article" else 10)
    labels = np.load(cli.folder / "labels.npy")
    places = np.concatenate([np.flatnonzero(labels == digit) for digit in digits])[table.image]
    images = np.load(cli.folder / "images.npy")[places]
    return images, digits[table.predicted].tolist(), table.output, places


def folder_of(cli, run):
    (model,) = MlflowClient(cli.uri).search_logged_models(
        [run.info.experiment_id], f"source_run_id = '{run.info.run_id}'"
    )
    return model, download_artifacts(artifact_uri=model.artifact_location, tracking_uri=cli.uri)


def test_a_fresh_process_that_knows_the_run_alone_predicts_what_the_run_did(cli, run):
    subprocess.run(
        [sys.executable, "-c", LOAD, run.info.run_id, "seen.csv"],
        cwd=cli.folder, env=cli.env | {"MLFLOW_TRACKING_URI": cli.uri}, check=True,
    )  # fmt: skip
    table = pd.read_csv(cli.folder / "seen.csv", index_col=0)
    _, labels, outputs, places = results(cli, run)
    assert table.label[places].tolist() == labels
    probabilities = table.drop(columns="label")
    assert probabilities.sum(axis=1).to_numpy() == pytest.approx(1, abs=1e-5)
    assert probabilities.idxmax(axis=1).astype(int).equals(table.label)
    # A single output is the probability of the second class, whatever the image was taken for.
    shown = probabilities["1"] if probabilities.shape[1] == 2 else probabilities.max(axis=1)
    assert shown[places].to_numpy() == pytest.approx(outputs.to_numpy(), abs=1e-5)


def test_the_weights_alone_give_the_same_in_ten_lines_of_numpy(cli, run):
    _, folder = folder_of(cli, run)
    images, labels, *_ = results(cli, run)
    with np.load(f"{folder}/weights.npz", allow_pickle=False) as kept:
        x = images.reshape(-1, 784) / kept["pixel_divisor"]
        for i in (1, 2):
            x = np.arctan(x @ kept[f"W{i}"] + kept[f"b{i}"])
        x = x @ kept["W3"] + kept["b3"]
        found = (x[:, 0] > 0).astype(int) if x.shape[1] == 1 else x.argmax(axis=1)
        found = kept["classes"][found]
    assert np.mean(found == labels) > 0.99  # this is in double precision


def test_the_model_is_beside_its_run_with_its_settings_and_results(cli, run):
    model, folder = folder_of(cli, run)
    assert (str(model.status), model.name) == ("READY", "model")
    assert model.params["dist"] == run.data.params["dist"]
    logged = {metric.key: metric.value for metric in model.metrics}
    assert logged["test_errors"] == run.data.metrics["test_errors"]
    assert [o.model_id for o in run.outputs.model_outputs] == [model.model_id]
    assert sorted(os.listdir(folder)) == ["MLmodel", "requirements.txt", "weights.npz"]  # no pickle


def test_mlflow_serves_it_on_loopback(cli, run):
    path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"  # as in an activated one
    port, env = free_port(), cli.env | {"MLFLOW_TRACKING_URI": cli.uri, "PATH": path}
    with serving(
        sys.executable, "-m", "mlflow", "models", "serve", "-m", f"runs:/{run.info.run_id}/model",
        "--env-manager", "local", "--host", "127.0.0.1", "--port", str(port),
        ready=lambda: listens(port), log=cli.folder / "serve.log", cwd=cli.folder, env=env,
    ):  # fmt: skip
        images, labels, *_ = results(cli, run)
        images = images[:5].reshape(5, -1)

        def ask(given):
            url = f"http://127.0.0.1:{port}/invocations"
            return requests.post(url, json=given, timeout=PATIENCE)

        for given in (
            {"inputs": images.tolist()},
            {"inputs": images.astype(float).reshape(5, 28, 28).tolist()},
            {"instances": images.tolist()},
            {"dataframe_split": pd.DataFrame(images).to_dict("split")},
        ):
            answer = ask(given)
            assert answer.ok, answer.text
            assert [row["label"] for row in answer.json()["predictions"]] == labels[:5]
        refused = ask({"inputs": (images / 255).tolist()})
        assert refused.status_code == 400
        assert "pixels of 0 to 1, but the network was trained" in refused.json()["message"]
        assert "Traceback" not in refused.text


@pytest.fixture
def ask(cli, monkeypatch):
    """The command in this process, which has MLflow loaded."""
    monkeypatch.chdir(cli.folder)

    def ask(*arguments):
        monkeypatch.setattr("sys.argv", ["noise_exp.predict", *map(str, arguments)])
        predict.main()

    return ask


def test_the_command_takes_each_kind_of_file(cli, run, ask, capsys):
    images, labels, *_ = results(cli, run)
    packed = idx_bytes(images[:3])
    (cli.folder / "i-idx3-ubyte").write_bytes(packed)
    (cli.folder / "i-idx3-ubyte.gz").write_bytes(gzip.compress(packed))
    np.save(cli.folder / "one.npy", images[0])
    Image.fromarray(images[1]).save(cli.folder / "grey.png")
    names = ["i-idx3-ubyte", "i-idx3-ubyte.gz", "one.npy", "grey.png"]
    folder = cli.folder / "new" / run.info.run_id
    made = ("--csv", folder / "table.csv", "--figure", folder / "seen.PNG")
    ask(run.info.run_id, *names, *made)
    table = pd.read_csv(folder / "table.csv")
    assert table.label.tolist() == [*labels[:3] * 2, *labels[:2]]
    assert table.file.unique().tolist() == names
    shown = capsys.readouterr().out
    assert all(name in shown for name in names)
    assert Image.open(folder / "seen.PNG").size[0] > 500
    with pytest.raises(SystemExit, match=r"table\.csv is there already; delete it, or give"):
        ask(run.info.run_id, "one.npy", *made)


@pytest.mark.parametrize(
    ("arguments", "words"),
    {
        "RUN wide.png": "20 x 28; the network takes images of 784 pixels, 28 x 28",
        "RUN words.txt": "words.txt is no picture in PNG, JPEG, BMP",
        "RUN missing.png": "No such file or directory: 'missing.png'",
        f"{'0' * 32} images.npy": f"{'0' * 32} not found; set MLFLOW_TRACKING_URI or --uri",
        "SWEEP images.npy": "keeps no model; a run does that was made with tracking.model=true",
        "RUN images.npy --uri sqlite:///no.db": "there is no store sqlite:///no.db",
        # Matplotlib would add an ending, and write over a file of that name.
        "RUN images.npy --figure wide": "wide is no name of a picture; give it the",
        "RUN images.npy --figure seen.txt": "as in seen.png (",
        "RUN images.npy --csv words.txt/t.csv": "words.txt cannot be written (File exists)",
    }.items(),
)
def test_mistakes_are_one_line(cli, ask, arguments, words):
    Image.new("L", (28, 20)).save(cli.folder / "wide.png")
    (cli.folder / "words.txt").write_text("seven")
    ids = {kind.upper(): cli.runs(kind)[0].info.run_id for kind in ("run", "sweep")}
    with pytest.raises(SystemExit) as ended:
        ask(*(ids.get(word, word) for word in arguments.split()))
    (line,) = ended.value.code.splitlines()
    assert line.startswith("noise_exp.predict: ")
    assert words in line


def test_the_model_checks_what_mlflow_gives_it(cli, run):
    mlflow.set_tracking_uri(cli.uri)
    model = mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/model")
    assert model.metadata.signature.inputs is None
    images, labels, *_ = results(cli, run)
    images = images[:3]
    for given in (images, images * 1.0, images.tolist(), pd.DataFrame(images.reshape(3, 784))):
        assert model.predict(given).label.tolist() == labels[:3]
    with pytest.raises(MlflowException, match="was trained on 0 to 255; pass pixels in that"):
        model.predict(images / 255)


def test_what_is_delivered_twice_is_there_once(cli):
    """As after a kill between the last call and the word that all is delivered."""
    cli.ok(*SMALL, "hydra.run.dir=twice")
    record = cli.folder / "twice" / ".noise_exp"
    facts = json.loads((record / "run.json").read_text())
    model, folder = folder_of(cli, MlflowClient(cli.uri).get_run(facts["run_id"]))
    shutil.copytree(folder, kept := record / "artifacts" / "model")
    (record / "run.json").write_text(json.dumps(facts | {"delivered": False}))
    assert "delivered" in cli.ok("sync", "twice", module="noise_exp.tracking").stdout
    after = MlflowClient(cli.uri).get_run(facts["run_id"])
    assert [o.model_id for o in after.outputs.model_outputs] == [model.model_id]
    assert folder_of(cli, after)[0].model_id == model.model_id
    assert not kept.exists()


def test_classes_that_have_names_are_given_by_them(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (12, 5, 4), np.uint8)
    for i, image in enumerate(images):
        folder = tmp_path / "pictures" / ("cat", "dog", "emu")[i % 3]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{i}.png")
    run = trial("data=folder", f"data.path={tmp_path / 'pictures'}", "data.digits=[2,0]",
                "network=small")  # fmt: skip
    trained = Trained.of(run)
    trained.save(tmp_path / WEIGHTS)
    for name, content in description(trained).items():
        (tmp_path / name).write_bytes(content)
    table = mlflow.pyfunc.load_model(str(tmp_path)).predict(images)
    assert list(table.columns) == ["label", "emu", "cat"]
    assert table.label.equals(table[["emu", "cat"]].idxmax(axis=1))

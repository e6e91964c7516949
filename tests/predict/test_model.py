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
    """A sweep on zeros and ones, a run on ten digits, and the images that both are of."""
    cli = Cli(tmp_path_factory.mktemp("model"))
    assert cli("-m", "dist=beta,backprop", *SMALL).returncode == 0
    assert cli(*TEN, "epochs=15").returncode == 0
    with np.load(EMBEDDED) as kept:
        np.save(cli.folder / "images.npy", kept["images"])
        np.save(cli.folder / "labels.npy", kept["labels"])
    return cli


@pytest.fixture(scope="module", params=["beta", "ten digits"])
def run(request, cli):
    ten = request.param == "ten digits"
    return next(r for r in cli.runs("run") if (
        r.data.params["data"] == "mnist10" if ten else r.data.params["dist"] == "beta"
    ))  # fmt: skip


def results(cli, run):
    """Places of the test images among all, what they were taken for, and the shown output."""
    table = pd.read_csv(artifacts(run) / "predictions.csv")
    digits = [0, 1] if run.data.params["data"] == "article" else list(range(10))
    labels = np.load(cli.folder / "labels.npy")
    places = np.concatenate([np.flatnonzero(labels == digit) for digit in digits])
    return places[table.image], np.array(digits)[table.predicted], table.output


def folder_of(cli, run):
    (model,) = MlflowClient(cli.uri).search_logged_models(
        [run.info.experiment_id], f"source_run_id = '{run.info.run_id}'"
    )
    return model, download_artifacts(artifact_uri=model.artifact_location, tracking_uri=cli.uri)


def test_a_fresh_process_that_knows_the_run_alone_predicts_what_the_run_did(cli, run):
    env = cli.env | {"MLFLOW_TRACKING_URI": cli.uri}
    done = subprocess.run(
        [sys.executable, "-c", LOAD, run.info.run_id, "told.csv"],
        cwd=cli.folder, env=env, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = pd.read_csv(cli.folder / "told.csv", index_col=0)
    places, labels, outputs = results(cli, run)
    assert told.label[places].tolist() == labels.tolist()
    probabilities = told.drop(columns="label")
    assert probabilities.sum(axis=1).to_numpy() == pytest.approx(1, abs=1e-5)
    likeliest = probabilities.columns[probabilities.to_numpy().argmax(axis=1)].astype(int)
    assert likeliest.tolist() == told.label.tolist()
    # A single output is the probability of the second class, whatever the image was taken for.
    shown = probabilities["1"] if probabilities.shape[1] == 2 else probabilities.max(axis=1)
    assert shown[places].to_numpy() == pytest.approx(outputs.to_numpy(), abs=1e-5)


def test_the_weights_alone_give_the_same_in_ten_lines_of_numpy(cli, run):
    _, folder = folder_of(cli, run)
    with np.load(f"{folder}/weights.npz", allow_pickle=False) as kept:
        x = np.load(cli.folder / "images.npy").reshape(-1, 784) / kept["pixel_divisor"]
        for i in (1, 2):
            x = np.arctan(x @ kept[f"W{i}"] + kept[f"b{i}"])
        x = x @ kept["W3"] + kept["b3"]
        found = (x[:, 0] > 0).astype(int) if x.shape[1] == 1 else x.argmax(axis=1)
        found = kept["classes"][found]
    places, labels, _ = results(cli, run)
    assert np.mean(found[places] == labels) > 0.99  # this is in double precision


def test_the_model_is_beside_its_run_with_its_settings_and_results(cli, run):
    model, folder = folder_of(cli, run)
    assert str(model.status) == "READY"
    assert model.name == "model"
    assert model.params["dist"] == run.data.params["dist"]
    logged = {metric.key: metric.value for metric in model.metrics}
    assert logged["test_errors"] == run.data.metrics["test_errors"]
    assert [o.model_id for o in run.outputs.model_outputs] == [model.model_id]
    assert sorted(os.listdir(folder)) == ["MLmodel", "requirements.txt", "weights.npz"]  # no pickle


def test_the_sweeps_best_is_tagged(cli):
    (parent,) = cli.runs("sweep")
    children = [r for r in cli.runs("run") if r.data.tags.get("mlflow.parentRunId")]
    best = min(children, key=lambda r: (r.data.metrics["test_errors"], r.data.metrics["cost"]))
    tagged = [r.info.run_id for r in cli.runs("run") if r.data.tags.get("best") == "true"]
    assert tagged == [best.info.run_id] == [parent.data.tags["best_run_id"]]
    assert folder_of(cli, best)[0].tags["best"] == "true"


def test_mlflow_serves_it_on_loopback(cli, run):
    path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"  # as in an activated one
    port, env = free_port(), cli.env | {"MLFLOW_TRACKING_URI": cli.uri, "PATH": path}
    with serving(
        sys.executable, "-m", "mlflow", "models", "serve", "-m", f"runs:/{run.info.run_id}/model",
        "--env-manager", "local", "--host", "127.0.0.1", "--port", str(port),
        ready=lambda: listens(port), log=cli.folder / "serve.log", cwd=cli.folder, env=env,
    ):  # fmt: skip
        places, labels, _ = results(cli, run)
        images = np.load(cli.folder / "images.npy")[places[:5]].reshape(5, -1)
        url = f"http://127.0.0.1:{port}/invocations"
        table = pd.DataFrame(images)
        for given in (
            {"inputs": images.tolist()},
            {"inputs": images.astype(float).reshape(5, 28, 28).tolist()},
            {"instances": images.tolist()},
            {"dataframe_split": table.to_dict("split")},
        ):
            answer = requests.post(url, json=given, timeout=PATIENCE)
            assert answer.ok, answer.text
            assert [row["label"] for row in answer.json()["predictions"]] == labels[:5].tolist()
        for wrong, told in (
            (images / 255, "pixels of 0 to 1, but the network was trained on 0 to 255; pass"),
            (images > 127, "pixels of 0 to 1, but"),
            (images / 127.5 - 1, "pixels of -1 to 1, but"),
            (images[:, :100], "5 x 100; the network takes images of 784 pixels"),
        ):
            refused = requests.post(url, json={"inputs": wrong.tolist()}, timeout=PATIENCE)
            assert refused.status_code == 400
            assert told in refused.json()["message"]
            assert "Traceback" not in refused.text


def predict(cli, *arguments):
    return cli(*map(str, arguments), module="noise_exp.predict")


def test_the_command_takes_each_kind_of_file(cli, run):
    places, labels, _ = results(cli, run)
    images = np.load(cli.folder / "images.npy")[places[:3]]
    files = {"i-idx3-ubyte": idx_bytes(images), "i-idx3-ubyte.gz": gzip.compress(idx_bytes(images))}
    for name, content in files.items():
        (cli.folder / name).write_bytes(content)
    np.save(cli.folder / "three.npy", images.reshape(3, -1))
    np.save(cli.folder / "one.npy", images[0])
    Image.fromarray(images[1]).save(cli.folder / "grey.png")
    Image.fromarray(images[1]).convert("RGB").save(cli.folder / "colour.png")
    Image.fromarray(images[1].astype(np.uint16) * 257).save(cli.folder / "deep.png")
    np.save(cli.folder / "floats.npy", images[1].astype(float))
    grey = ["grey.png", "colour.png", "deep.png", "floats.npy"]
    names = [*files, "three.npy", "one.npy", *grey]
    table, picture = (cli.folder / "new" / "folder" / name for name in ("table.csv", "seen.PNG"))
    done = predict(cli, run.info.run_id, *names, "--csv", table, "--figure", picture)
    assert done.returncode == 0, done.stderr
    told = pd.read_csv(table)
    assert told.label.tolist() == [*labels[:3]] * 3 + [labels[0]] + [labels[1]] * len(grey)
    assert told.file.unique().tolist() == names
    for name in names:
        assert name in done.stdout
    assert Image.open(picture).size[0] > 500
    again = predict(cli, run.info.run_id, "one.npy", "--csv", table)
    assert again.stderr == (
        f"noise_exp.predict: {table} is there already; delete it, or give another name\n"
    )
    for path in (table, picture):
        path.unlink()


def test_mistakes_are_one_line(cli):
    Image.fromarray(np.zeros((20, 28), np.uint8)).save(cli.folder / "wide.png")
    (cli.folder / "words.txt").write_text("seven")
    (cli.folder / "torn-idx3-ubyte").write_bytes(idx_bytes(np.zeros((3, 28, 28), np.uint8))[:-5])
    np.save(cli.folder / "objects.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    np.save(cli.folder / "text.npy", np.array(["a"]))
    np.save(cli.folder / "scaled.npy", np.load(cli.folder / "images.npy")[:3] / 255)
    white = np.full((28, 28, 4), 255, np.uint8)
    white[..., 3] = np.load(cli.folder / "images.npy")[0]
    Image.fromarray(white).save(cli.folder / "clear.png")
    Image.fromarray(white[..., [3, 3, 0]]).save(cli.folder / "blue.png")
    (parent,) = cli.runs("sweep")
    run_id = cli.runs("run")[0].info.run_id
    for arguments, told in {
        (run_id, "wide.png"): "20 x 28; the network takes images of 784 pixels, 28 x 28",
        (run_id, "words.txt"): "words.txt is no picture in PNG, JPEG, BMP",
        (run_id, "images.npy", "scaled.npy"): "scaled.npy have pixels of 0 to 1, but the network",
        (run_id, "clear.png"): "clear.png is transparent in places; lay it on",
        (run_id, "blue.png"): "blue.png is coloured",
        (run_id, "torn-idx3-ubyte"): "truncated or damaged",
        (run_id, "objects.npy"): "objects.npy is no .npy file to be read",
        (run_id, "text.npy"): "text.npy must be numbers, got <U1",
        (run_id, "missing.png"): "missing.png cannot be read: No such file",
        ("0" * 32, "images.npy"): f"has no run {'0' * 32}; the UI shows a run's id",
        (parent.info.run_id, "images.npy"): "keeps no model",
        (run_id, "images.npy", "--uri", "sqlite:///no.db"): "there is no store sqlite:///no.db",
        # Matplotlib would add an ending, and write over a file of that name.
        (run_id, "images.npy", "--figure", "wide"): "wide is no name of a picture; give it the",
        (run_id, "images.npy", "--figure", "seen.txt"): "as in seen.png (",
        (run_id, "images.npy", "--csv", "words.txt/t.csv"): "words.txt cannot be written (File e",
    }.items():
        done = predict(cli, *arguments)
        assert done.returncode == 1
        (line,) = done.stderr.splitlines()
        assert line.startswith("noise_exp.predict: ")
        assert told in line


def test_the_model_checks_what_mlflow_gives_it(cli, run):
    mlflow.set_tracking_uri(cli.uri)
    model = mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/model")
    assert model.metadata.signature.inputs is None
    places, labels, _ = results(cli, run)
    images = np.load(cli.folder / "images.npy")[places[:3]]
    for given in (
        images, images.reshape(3, 784), images.astype(np.int64), images.astype(np.float32),
        images.astype(float), images.tolist(), pd.DataFrame(images.reshape(3, 784)),
    ):  # fmt: skip
        assert model.predict(given).label.tolist() == labels[:3].tolist()
    assert model.predict(images[0]).label.tolist() == labels[:1].tolist()
    for wrong in (images / 255, images > 0, images - 1.0, images * 2.0):
        with pytest.raises(MlflowException, match="was trained on 0 to 255; pass pixels in that"):
            model.predict(wrong)


def test_what_is_delivered_twice_is_there_once(cli):
    """As after a kill between the last call and the word that all is delivered."""
    assert cli(*SMALL, "hydra.run.dir=twice").returncode == 0
    record = cli.folder / "twice" / ".noise_exp"
    facts = json.loads((record / "run.json").read_text())
    before = next(r for r in cli.runs("run") if r.info.run_id == facts["run_id"])
    model, folder = folder_of(cli, before)
    kept = record / "artifacts" / "model"
    kept.mkdir(parents=True)
    for name in os.listdir(folder):
        shutil.copy(f"{folder}/{name}", kept)
    facts |= {"delivered": False}
    (record / "run.json").write_text(json.dumps(facts))
    done = cli("sync", "twice", module="noise_exp.tracking")
    assert "delivered" in done.stdout, done.stdout + done.stderr
    after = next(r for r in cli.runs("run") if r.info.run_id == facts["run_id"])
    assert [o.model_id for o in after.outputs.model_outputs] == [model.model_id]
    assert folder_of(cli, after)[0].model_id == model.model_id
    assert not kept.exists()


def test_a_run_that_keeps_no_model(cli):
    assert cli(*SMALL, "tracking.model=false", "seed=9").returncode == 0
    (run,) = [r for r in cli.runs("run") if r.data.params["seed"] == "9"]
    assert not run.outputs or not run.outputs.model_outputs
    done = predict(cli, run.info.run_id, "images.npy")
    assert "keeps no model; a run does that was made with tracking.model=true" in done.stderr


def test_classes_that_have_names_are_told_by_them(tmp_path):
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
    told = mlflow.pyfunc.load_model(str(tmp_path)).predict(images)
    assert list(told.columns) == ["label", "emu", "cat"]
    assert told.label.tolist() == told[["emu", "cat"]].idxmax(axis=1).tolist()

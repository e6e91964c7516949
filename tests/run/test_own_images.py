"""A run on images of one's own says what they are, and stands for no other images."""

import numpy as np
import pytest
from mlflow import MlflowClient

RNG = np.random.default_rng(0)
IMAGES, LABELS = RNG.integers(0, 256, (600, 9), np.uint8), np.arange(600) % 3
RUN = ("network.hidden=[4,3]", "epochs=2", "threads=1")


@pytest.fixture
def sets(cli):
    """The same images with labels, with others, and scaled."""
    np.savez(cli.folder / "a.npz", x_train=IMAGES, y_train=LABELS)
    np.savez(cli.folder / "b.npz", x_train=IMAGES.astype(int), y_train=LABELS + 5)
    np.savez(cli.folder / "scaled.npz", x_train=IMAGES / 255, y_train=LABELS,
             x_test=IMAGES[:4] / 255, y_test=[0, 1, 2, 9])  # fmt: skip
    return cli


def test_other_labels_are_another_run(sets):
    for name, told in (("a", ""), ("b", ""), ("a", "Finished already"), ("b", "Finished already")):
        done = sets("data=npz", f"data.path={name}.npz", "resume=true", *RUN)
        assert done.returncode == 0, done.stderr
        assert ("Finished already" in done.stdout) == bool(told)
        assert "older version" not in done.stdout
    assert len(sets.runs("run")) == 2


def test_sizes_are_said_at_the_start(sets):
    done = sets("data=npz", "data.path=a.npz", *RUN, "tracking.enabled=false")
    line = "a.npz: 480 images for training, 120 for test; 3 classes (0, 1, 2); pixels 0 to 255"
    assert done.stdout.splitlines()[0] == line
    done = sets("data=npz", "data.path=scaled.npz", *RUN, "tracking.enabled=false")
    assert "600 images for training, 4 for test, 1 of them of classes that training" in done.stdout
    assert "too faint" not in done.stdout
    assert "images for training" not in sets(*RUN, "tracking.enabled=false").stdout


def test_pixels_that_were_scaled_already_are_said(sets):
    divided = ("data.pixel_divisor=255", *RUN, "tracking.enabled=false")
    done = sets("data=npz", "data.path=scaled.npz", *divided)
    assert (
        "data.pixel_divisor=255 makes pixels of 0 to 1 too faint: the network sees 0.0039 at most; "
        "write data.pixel_divisor=1\n"
    ) in done.stdout
    for fine in (("data=npz", "data.path=a.npz"), ("data=mnist01",)):
        assert "too faint" not in sets(*fine, *divided).stdout


def test_resume_says_how_many_runs_of_an_older_version_it_leaves(sets):
    assert sets("-m", "seed=1,2", *RUN).returncode == 0
    client = MlflowClient(sets.uri)
    for run in sets.runs("run"):  # as an earlier version has left them
        client.set_tag(run.info.run_id, "fingerprint", run.data.tags["fingerprint"][-16:])
    told = "2 finished runs of an older version are left"
    for command in (("seed=1",), ("-m", "seed=1,2")):
        done = sets(*command, "resume=true", *RUN)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count(told) == 1
        assert "Finished already" not in done.stdout
    assert "older version" not in sets("seed=3", *RUN).stdout

"""A run on images of one's own says what they are, and stands for no other images."""

import numpy as np
import pytest

RUN = ("network.hidden=[4,3]", "epochs=2", "threads=1")
FAINT = "makes pixels of 0 to 1 too faint: the network sees 0.0039 at most; write"
SAID = {
    "data=npz data.path=a.npz data.pixel_divisor=255": "a.npz: 480 images for training, 120 for "
    "test; 3 classes (0, 1, 2); pixels 0 to 255",
    "data=npz data.path=scaled.npz": "600 images for training, 4 for test, 1 of them of classes",
    "data=npz data.path=scaled.npz data.pixel_divisor=255": FAINT,
    "data=mnist01 data.pixel_divisor=255": "",
}


@pytest.mark.parametrize("data", SAID)
def test_what_images_of_ones_own_are_is_said_at_the_start(cli, data):
    images, labels = np.random.default_rng(0).integers(0, 256, (600, 9)), np.arange(600) % 3
    images[0, :2] = 0, 255
    np.savez(cli.folder / "a.npz", x_train=images, y_train=labels)
    scaled = {"x_train": images / 255, "x_test": images[:4] / 255, "y_test": [0, 1, 2, 9]}
    np.savez(cli.folder / "scaled.npz", y_train=labels, **scaled)
    done = cli.ok(*data.split(), *RUN, "tracking.enabled=false")
    assert SAID[data] in done.stdout
    assert ("images for training" in done.stdout) == ("npz" in data)
    assert ("too faint" in done.stdout) == (SAID[data] == FAINT)

"""Data sets: their images are the published ones, split as said; what is damaged is refused."""

import hashlib

import numpy as np
import pytest
from support import idx_bytes, split

from noise_exp.training import CrossEntropy, IndependentStreams, SquaredError, Trial, baselines
from noise_exp.training.data import EMBEDDED, Digits, Embedded, Xor


def test_embedded_images_are_the_published_files():
    with np.load(EMBEDDED, allow_pickle=False) as arrays:
        images, labels = arrays["images"], arrays["labels"]
    assert hashlib.md5(idx_bytes(images)).hexdigest() == "2646ac647ad5339dbf082846283269ea"
    assert hashlib.md5(idx_bytes(labels)).hexdigest() == "27ae3e4e09519cfbb04c329615203637"


def test_split_keeps_images_with_their_labels(zeros_and_ones):
    images, labels = zeros_and_ones
    result = split(Embedded([0, 1], 500, 1.0), dtype=np.float32)
    order = np.random.default_rng(0).permutation(2115)
    for shuffled, given in (
        ([*result.test_images, *result.train_images], images[order]),  # raw pixels
        ([*result.test_labels, *result.train_labels], labels[order]),
        (result.test_indices, order[:500]),
    ):
        np.testing.assert_array_equal(shuffled, given)
    assert (result.train_images.dtype, result.train_labels.dtype) == (np.float32, np.int64)
    scaled = split(Embedded([0, 1], 500, 255.0), dtype=np.float32)
    np.testing.assert_allclose(scaled.train_images, result.train_images / 255)


def test_xor_trains_and_tests_on_its_four_points():
    result = split(Xor())
    points = sorted(map(tuple, np.column_stack([result.train_images, result.train_labels])))
    assert points == [(0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0)]
    np.testing.assert_array_equal(result.train_images, result.test_images)


GIVEN, LABELS = np.arange(48, dtype=np.uint8).reshape(8, 2, 3), np.arange(8) % 2


class Given(Digits):
    """Images and labels that were given, and those for test."""

    def __init__(self, images=GIVEN, labels=LABELS, tests=None, **options):
        super().__init__("all", 2, **options)
        self.load = lambda: (images, labels, "given")
        self.load_test = lambda: tests


def test_what_was_given_is_what_a_set_is_and_anything_else_another():
    same = [
        Given(),
        Given(pixel_divisor=255.0),
        Given(GIVEN.astype(np.int64)),
        Given(GIVEN.astype(">f4"), LABELS.astype(float)),
        Given(GIVEN.tolist(), LABELS.astype(str)),
        Given(validation_size=1),  # the fingerprint has it
    ]
    others = [
        Given(GIVEN + 1),
        Given(GIVEN / 255),
        Given(GIVEN + 1e-7),
        Given(GIVEN.reshape(8, 3, 2)),
        Given(GIVEN[::-1]),
        Given(labels=1 - LABELS),
        Given(labels=LABELS + 7),  # the same classes, and other answers
        Given(labels=LABELS * 256),
        Given(tests=(GIVEN, LABELS)),
        Given(tests=(GIVEN, 1 - LABELS)),
    ]
    one, several = ({split(source).digest for source in sources} for sources in (same, others))
    assert len(one) == 1
    assert len(several | one) == len(others) + 1


@pytest.mark.parametrize("classes", [2, 3])
def test_images_of_a_class_that_training_lacks_are_wrong(classes):
    labels = np.arange(8) % classes
    images = np.zeros((8, 2, 3)) + 100 * labels[:, None, None] + 1
    tests = np.concatenate([images, images[:4]]), np.concatenate([labels, [9, 9, 7, -1]])
    result = split(Given(images, labels, tests))
    assert result.test_labels.tolist() == sorted(labels.tolist()) + [classes] * 4
    for cost in (SquaredError(), CrossEntropy()):
        ours, without = (
            Trial(some, None, IndependentStreams(1, 1, 1), hidden=(4,), cost=cost).test()
            for some in (result, split(Given(images, labels, (images, labels))))
        )
        assert ours.errors == without.errors + 4
        assert ours.cost == without.cost
    assert baselines.constant_errors(result) == 12 - np.bincount(labels).max()
    if classes == 2:
        assert baselines.pixel_sum_errors(result) == 4
    # What was asked for by its label is all that counts.
    chosen = Given(images, labels, tests)
    chosen.digits = list(range(classes))
    assert len(split(chosen).test_labels) == 8

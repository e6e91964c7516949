"""Data sets: their images are the published ones, split as said; what is damaged is refused."""

import gzip
import hashlib
from urllib.error import URLError

import numpy as np
import pytest
from support import idx_bytes

from noise_exp.training import CrossEntropy, IndependentStreams, SquaredError, Trial, baselines
from noise_exp.training.data import EMBEDDED, Digits, Embedded, Xor
from noise_exp.training.files import read_idx
from noise_exp.training.own_images import Idx, OpenML


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (12, 2, 3))
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx_bytes(images))
    labels = np.array([3, 8, 5] * 4)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx_bytes(labels))
    return tmp_path


def split(source, seed=0, dtype=np.float64):
    return source.split(np.random.default_rng(seed).permutation, dtype)


def test_embedded_images_are_the_published_files():
    with np.load(EMBEDDED, allow_pickle=False) as arrays:
        images, labels = arrays["images"], arrays["labels"]
    assert hashlib.md5(idx_bytes(images)).hexdigest() == "2646ac647ad5339dbf082846283269ea"
    assert hashlib.md5(idx_bytes(labels)).hexdigest() == "27ae3e4e09519cfbb04c329615203637"


def test_split_keeps_images_with_their_labels(zeros_and_ones):
    images, labels = zeros_and_ones
    result = split(Embedded([0, 1], 500, 1.0), dtype=np.float32)
    order = np.random.default_rng(0).permutation(2115)
    np.testing.assert_array_equal(result.test_images, images[order[:500]])
    np.testing.assert_array_equal(result.train_images, images[order[500:]])
    np.testing.assert_array_equal(result.test_labels, labels[order[:500]])
    np.testing.assert_array_equal(result.train_labels, labels[order[500:]])
    np.testing.assert_array_equal(result.test_indices, order[:500])
    assert result.train_images.dtype == np.float32
    assert result.train_labels.dtype == np.int64


def test_pixels_are_raw_unless_divided():
    raw, scaled = split(Embedded([0, 1], 20, 1.0)), split(Embedded([0, 1], 20, 255.0))
    assert raw.train_images.max() == 255
    np.testing.assert_allclose(scaled.train_images, raw.train_images / 255)
    assert raw.digest == scaled.digest


def test_xor_trains_and_tests_on_its_four_points():
    result = split(Xor())
    points = sorted(map(tuple, np.column_stack([result.train_images, result.train_labels])))
    assert points == [(0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0)]
    np.testing.assert_array_equal(result.train_images, result.test_images)


@pytest.mark.parametrize("given", ["folder", "file", "gzipped"])
def test_idx_files_of_any_two_digits(folder, given):
    plain = folder / "train-images-idx3-ubyte"
    expected = np.frombuffer(plain.read_bytes(), np.uint8, offset=16).reshape(12, 6)
    path = folder if given == "folder" else plain
    if given == "gzipped":
        for name in ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"):
            content = (folder / name).read_bytes()
            (folder / name).unlink()
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        path = folder / "train-images-idx3-ubyte.gz"
    result = split(Idx([8, 3], 2, 1.0, path=str(path)))
    everything = np.vstack([result.test_images, result.train_images])
    labels = np.concatenate([result.test_labels, result.train_labels])
    for label, rows in ((0, [1, 4, 7, 10]), (1, [0, 3, 6, 9])):
        ours = sorted(everything[labels == label].tolist())
        assert ours == sorted(expected[rows].astype(float).tolist())


def test_damaged_idx_files_are_refused(folder):
    images, labels = folder / "train-images-idx3-ubyte", folder / "train-labels-idx1-ubyte"
    whole = images.read_bytes()
    for content, words in [
        (whole[:-1], "truncated"),
        (whole[:9], "truncated"),
        (whole + b"x", "damaged"),
        (b"\0\0\x09\x03" + whole[4:], "00000903.*00000803"),
        (b"", "magic"),
        (gzip.compress(whole)[:-9], "gzip"),
    ]:
        images.write_bytes(content)
        with pytest.raises(ValueError, match=words):
            split(Idx([3, 8], 2, 1.0, path=str(folder)))
    images.write_bytes(whole)
    labels.write_bytes(idx_bytes(np.zeros(11)))
    with pytest.raises(ValueError, match=r"12 images but there are 11 labels"):
        split(Idx([3, 8], 2, 1.0, path=str(folder)))
    labels.unlink()
    with pytest.raises(
        ValueError, match=r"needs its labels beside it, in a file train-labels-idx1-ubyte"
    ):
        split(Idx([3, 8], 2, 1.0, path=str(folder)))
    (folder / "t10k-images-idx3-ubyte").write_bytes(whole)
    with pytest.raises(ValueError, match=r"one file.*t10k-images.*train-images"):
        split(Idx([3, 8], 2, 1.0, path=str(folder)))


def test_read_idx_returns_the_bytes(tmp_path):
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    (tmp_path / "file").write_bytes(idx_bytes(array))
    np.testing.assert_array_equal(read_idx(tmp_path / "file", 3), array)


def test_openml_images_are_mapped_and_its_absence_is_explained(monkeypatch, tmp_path):
    import sklearn.datasets
    from sklearn.datasets import _openml

    real = sklearn.datasets.fetch_openml

    def fetch(name, version, **_):
        assert (name, version) == ("mnist_784", 1)
        return np.arange(20.0).reshape(5, 4), np.array(["0", "1", "7", "0", "1"])

    monkeypatch.setattr(sklearn.datasets, "fetch_openml", fetch)
    result = split(OpenML([0, 1], 1, 1.0))
    assert {*result.train_images[:, 0], *result.test_images[:, 0]} == {0, 4, 12, 16}

    def no_network(*_, **__):
        raise URLError("no route")

    # scikit-learn's own function, which checks what it is asked for before it connects.
    monkeypatch.setattr(sklearn.datasets, "fetch_openml", real)
    monkeypatch.setattr(_openml, "urlopen", no_network)
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    monkeypatch.setattr("time.sleep", lambda _: None)
    with pytest.raises(OSError, match=r"could not be fetched.*data=mnist01"):
        split(OpenML([0, 1], 1, 1.0))


def test_what_is_no_images_file_is_no_ambiguity(folder):
    images = folder / "train-images-idx3-ubyte"
    expected = split(Idx([3, 8], 2, 1.0, path=str(folder))).digest
    (folder / f"{images.name}.gz").write_bytes(gzip.compress(images.read_bytes()))
    (folder / f"._{images.name}").write_bytes(b"macOS")
    (folder / ".images-idx3.swp").write_bytes(b"an editor's")
    (folder / "images-idx3-unpacked").mkdir()
    (folder / "images-idx3-gone").symlink_to("nowhere")
    result = split(Idx([3, 8], 2, 1.0, path=str(folder)))
    assert (result.digest, result.source) == (expected, str(images))


def test_an_idx_file_that_is_not_accepted_is_named_as_what_it_is(tmp_path):
    path = tmp_path / "file"
    for begin, words in [
        (b"\0\0\x0d\x03", r"32-bit floats in 3 dimensions.*unsigned bytes in 3 dimensions"),
        (b"\0\0\x08\x04", r"unsigned bytes in 4 dimensions.*unsigned bytes in 3 dimensions"),
        (b"\0\0\x08\x01", r"unsigned bytes in 1 dimension:"),
        (b"\x89PNG", "is not an IDX file"),
        (b"\0\0\x07\x03", "is not an IDX file"),
    ]:
        path.write_bytes(begin + bytes(12))
        with pytest.raises(ValueError, match=words):
            read_idx(path, 3)


def test_a_gzip_damaged_anywhere_is_told(tmp_path):
    whole = gzip.compress(idx_bytes(np.arange(4096).reshape(4, 32, 32) % 251))
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        (tmp_path / "file").write_bytes(damaged)
        try:
            read_idx(tmp_path / "file", 3)
        except ValueError as error:
            assert str(tmp_path) in str(error)  # noqa: PT017 (some bytes are of no weight)


GIVEN, LABELS = np.arange(48, dtype=np.uint8).reshape(8, 2, 3), np.arange(8) % 2


class Given(Digits):
    """Images and labels that were given, and those for test."""

    def __init__(self, images=GIVEN, labels=LABELS, tests=None, **options):
        super().__init__("all", 2, **options)
        self.load = lambda: (images, labels, "given")
        self.load_test = lambda: tests


@pytest.mark.parametrize(
    "same",
    [
        Given(pixel_divisor=255.0),
        Given(GIVEN.astype(np.int64)),
        Given(GIVEN.astype(">f4"), LABELS.astype(float)),
        Given(GIVEN.tolist(), LABELS.astype(str)),
        Given(validation_size=1),  # the fingerprint has it
    ],
    ids=["scale", "type", "fractions", "text", "validation"],
)
def test_what_was_given_is_what_a_set_is(same):
    assert split(same).digest == split(Given()).digest


@pytest.mark.parametrize(
    "other",
    [
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
    ],
    ids=["pixels", "range", "a little", "shape", "order", "swapped", "labels", "above a byte",
         "test", "labels for test"],
)  # fmt: skip
def test_anything_else_is_another_set(other):
    assert split(other).digest != split(Given()).digest


def test_other_labels_for_test_are_another_set():
    digests = {split(Given(tests=(GIVEN, labels))).digest for labels in (LABELS, 1 - LABELS)}
    assert len(digests) == 2


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
        assert baselines.ink_errors(result) == 4
    # What was asked for by its label is all that counts.
    chosen = Given(images, labels, tests)
    chosen.digits = list(range(classes))
    assert len(split(chosen).test_labels) == 8

"""Images as people have them: the published sets' names, types and test files; .npz; OpenML."""

import gzip
import struct

import numpy as np
import pytest
from support import idx_bytes, most_mebibytes, trial

from noise_exp.errors import UserError
from noise_exp.training import objective
from noise_exp.training.own_images import ForTest, Idx, Npz, OpenML
from noise_exp.training.trained import Trained
from studies.benchmarks.turns import own_process

RNG = np.random.default_rng(0)
CODES = {"u1": 8, "i1": 9, "i2": 11, "i4": 12}


def split(source, seed=0):
    return source.split(np.random.default_rng(seed).permutation, np.float64)


def integers(array, kind):
    """A file of integers in IDX format, after its description alone."""
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, CODES[kind], array.ndim, *array.shape)
    return header + array.astype(f">{kind}").tobytes()


def write(path, content, packed):
    if packed:
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(content))
    else:
        path.write_bytes(content)


# As published: images, labels, images for test, their labels; the type of the labels.
PUBLISHED = {
    "MNIST": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte",
              "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", "u1"),
    "MNIST with dots": ("train-images.idx3-ubyte", "train-labels.idx1-ubyte",
                        "t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte", "u1"),
    "EMNIST": ("emnist-letters-train-images-idx3-ubyte", "emnist-letters-train-labels-idx1-ubyte",
               "emnist-letters-test-images-idx3-ubyte", "emnist-letters-test-labels-idx1-ubyte",
               "u1"),
    "QMNIST": ("qmnist-train-images-idx3-ubyte", "qmnist-train-labels-idx2-int",
               "qmnist-test-images-idx3-ubyte", "qmnist-test-labels-idx2-int", "i4"),
}  # fmt: skip


@pytest.fixture(params=[False, True], ids=["plain", "packed"])
def packed(request):
    return request.param


def publish(folder, names, packed, n=(30, 12), first=1, classes=5):
    """Write a set under its published names; return images and labels, of training and of test."""
    *files, kind = names
    written = []
    for (images_name, labels_name), size in zip((files[:2], files[2:]), n, strict=True):
        images = RNG.integers(0, 256, (size, 3, 2))
        labels = first + np.arange(size) % classes
        stored = labels if "idx1" in labels_name else np.column_stack([labels, *[labels * 7] * 7])
        write(folder / images_name, idx_bytes(images), packed)
        write(folder / labels_name, integers(stored, kind), packed)
        written += [images.reshape(size, 6), labels]
    return written


def pairs(images, labels):
    return sorted(zip(images.astype(int).tolist(), labels.tolist(), strict=True))


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("given", ["folder", "file"])
def test_a_published_set_with_its_own_test_images(tmp_path, name, given, packed):
    images, labels, test_images, test_labels = publish(tmp_path, PUBLISHED[name], packed)
    file = PUBLISHED[name][0] + (".gz" if packed else "")
    path = tmp_path if given == "folder" else tmp_path / file
    result = split(Idx("all", path=str(path), test=ForTest.standard))
    assert result.digits == (1, 2, 3, 4, 5)
    assert result.classes == 5
    assert result.source == str(tmp_path / file)
    assert pairs(result.train_images, result.train_labels + 1) == pairs(images, labels)
    assert pairs(result.test_images, result.test_labels + 1) == pairs(test_images, test_labels)
    np.testing.assert_array_equal(result.test_images, test_images[result.test_indices])


def test_some_of_the_labels_of_a_set_and_its_validation_images(tmp_path):
    publish(tmp_path, PUBLISHED["MNIST"], False)
    options = {"path": str(tmp_path), "test": ForTest.standard}
    assert len(split(Idx([4, 2], **options)).test_labels) == 5
    held = split(Idx("all", validation_size=7, **options))
    assert (len(held.train_labels), len(held.test_labels), held.validation) == (23, 7, True)
    whole = split(Idx("all", **options))
    np.testing.assert_array_equal(np.vstack([held.train_images, held.test_images]),
                                  whole.train_images)  # fmt: skip


def test_other_test_images_are_another_set(tmp_path):
    publish(tmp_path, PUBLISHED["MNIST"], False)
    source = Idx("all", path=str(tmp_path), test=ForTest.standard)
    before = split(source).digest
    path = tmp_path / "t10k-images-idx3-ubyte"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert split(source).digest != before


def test_a_folder_of_both_says_how_to_use_them(tmp_path):
    publish(tmp_path, PUBLISHED["MNIST"], False)
    with pytest.raises(ValueError, match=r"one file.* or data.test=standard for both"):
        split(Idx("all", path=str(tmp_path)))


def test_mistakes_with_sets_are_told(tmp_path):
    publish(tmp_path, PUBLISHED["EMNIST"], False)
    for name in PUBLISHED["EMNIST"][2:4]:
        (tmp_path / name).rename(tmp_path / f"away {name}".replace("-", " "))
    with pytest.raises(ValueError, match=r"^test: .*no test file beside it.*data.test=split"):
        split(Idx("all", path=str(tmp_path), test=ForTest.standard))
    publish(tmp_path, PUBLISHED["EMNIST"], False, n=(30, 4))
    with pytest.raises(ValueError, match=r"digits: the test set of .* holds no 5; it holds 1, 2"):
        split(Idx("all", path=str(tmp_path), test=ForTest.standard))
    publish(tmp_path, PUBLISHED["EMNIST"], False, classes=1)
    with pytest.raises(ValueError, match=r"digits: .* holds \[1\] alone"):
        split(Idx("all", path=str(tmp_path), test=ForTest.standard))
    for wrong in ("some", 3, [1], [1, 1], [1, True], [0.5, 1], []):
        with pytest.raises(ValueError, match="digits must be all, or two or more different"):
            Idx(wrong, path=str(tmp_path))


@pytest.mark.parametrize("kind", CODES)
def test_labels_of_every_type_of_integer(tmp_path, kind):
    images = RNG.integers(0, 256, (6, 2, 2))
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx_bytes(images))
    labels = np.array([100, 3, 100, 3, 3, 100])
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(integers(labels, kind))
    result = split(Idx("all", test_size=1, path=str(tmp_path)))
    assert result.digits == (3, 100)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(integers(labels, kind)[:-1])
    with pytest.raises(ValueError, match="truncated"):
        split(Idx("all", test_size=1, path=str(tmp_path)))


def npz(path, **arrays):
    np.savez(path, **arrays)
    return str(path)


def test_npz_of_floats_with_channels_and_its_own_test_images(tmp_path):
    images, labels = RNG.normal(size=(20, 4, 4, 3)), np.arange(20) % 2 + 7
    tests = {"test_images": images[:6] + 1, "test_labels": labels[:6]}
    whole = npz(tmp_path / "own.npz", images=images, labels=labels, other=labels, **tests)
    result = split(Npz("all", path=whole))
    assert result.train_images.shape == (20, 48)
    assert result.digits == (7, 8)
    assert result.pixel_dtype == "float64"
    order = np.argsort(result.test_indices)
    np.testing.assert_array_equal(result.test_images[order], tests["test_images"].reshape(6, 48))
    without = npz(tmp_path / "without.npz", images=images, labels=labels)
    assert len(split(Npz("all", 5, path=without)).test_labels) == 5


def test_mistakes_in_npz_are_told(tmp_path):
    images, labels = np.zeros((4, 3)), np.array([0, 1, 0, 1])
    holed = np.where(np.eye(4, 3), np.nan, 0)
    for arrays, words in [
        ({"images": images}, "must hold arrays images and labels; it holds images"),
        ({"x": images}, "it holds neither"),
        ({"images": images, "labels": labels[:3]}, "holds 4 images but labels holds 3"),
        ({"images": images[:, 0], "labels": labels}, r"numbers \(n, ...\), got float64 of shape"),
        ({"images": images.astype(str), "labels": labels}, r"must be numbers"),
        ({"images": images, "labels": labels / 2}, r"whole numbers \(n,\), got float64"),
        ({"images": holed, "labels": labels}, "must be finite"),
        ({"images": images, "labels": labels, "test_images": images}, "test_images and test_la"),
        ({"images": images.astype(object), "labels": labels}, "no .npz file to be read"),
    ]:
        with pytest.raises(ValueError, match=words) as told:
            split(Npz("all", 1, path=npz(tmp_path / "own.npz", **arrays)))
        assert str(tmp_path) in str(told.value)
    np.save(tmp_path / "array.npy", images)
    (tmp_path / "text.npz").write_text("no archive")
    packed = bytearray((tmp_path / "own.npz").read_bytes())
    packed[len(packed) // 2 :] = b""
    (tmp_path / "cut.npz").write_bytes(packed)
    for name in ("array.npy", "text.npz", "cut.npz", "absent.npz", ""):
        with pytest.raises(ValueError, match=r"^path: .* is no .npz file to be read"):
            split(Npz("all", path=str(tmp_path / name)))


def test_another_set_from_openml(monkeypatch):
    import sklearn.datasets

    def fetch(name, **_):
        if name != "Fashion-MNIST":
            raise ValueError("No known dataset")
        return np.arange(24.0).reshape(6, 4), np.array(["1", "2", "9", "1", "2", "9"])

    monkeypatch.setattr(sklearn.datasets, "fetch_openml", fetch)
    result = split(OpenML("all", 1, name="Fashion-MNIST"))
    assert result.digits == (1, 2, 9)
    assert result.source == "OpenML Fashion-MNIST, version 1"
    with pytest.raises(ValueError, match=r"^name: OpenML has no Fashion, version 1"):
        split(OpenML("all", 1, name="Fashion"))


def test_a_command_line_trains_on_a_set_whose_labels_start_at_1(tmp_path):
    publish(tmp_path, PUBLISHED["EMNIST"], True)
    options = ("data=idx", f"data.path={tmp_path}", "network.hidden=[8]", "dist=backprop",
               "epochs=2", "cost=cross_entropy")  # fmt: skip
    run = trial(*options, "data.digits=all", "data.test=standard")
    assert run.network.sizes == (6, 8, 5)
    list(run.train())
    labels, _ = Trained.of(run).predict(run.split.test_images)
    assert set(labels) <= {1, 2, 3, 4, 5}
    for wrong, told in [("data.test=mine", "data.test"), ("data.digits=none", "data.digits must")]:
        with pytest.raises(UserError, match=told):
            trial(*options, wrong)


@pytest.mark.parametrize("experiment", ["full", "full_backprop"])
def test_a_standard_set_whole_is_tested_on_its_own_test_images(tmp_path, experiment):
    publish(tmp_path, PUBLISHED["MNIST"], True, n=(60, 24), first=0)
    run = trial(f"experiment={experiment}", f"data.path={tmp_path}", "network.hidden=[8]")
    (*_, last) = run.train()
    assert 55 < last.forward_passes <= 60
    assert run.network.sizes[-1] == 5
    assert run.test().wrong.shape == (24,)


def train_and_tell_memory(folder, batch_size):
    """One epoch on a set in a folder: how many images and classes, the most memory held."""
    run = trial("data=idx", f"data.path={folder}", "data.digits=all", "data.test=standard",
                "data.pixel_divisor=255", "network.hidden=[4]", "dist=backprop", "epochs=1",
                "cost=cross_entropy", f"batch_size={batch_size}")  # fmt: skip
    (epoch,) = run.train()
    assert np.isfinite(epoch.cost)
    assert len(run.test().wrong) == len(run.split.test_labels)
    return len(run.objective), run.split.classes, most_mebibytes()


@pytest.mark.slow
def test_emnists_697_932_images_of_62_classes_fit_in_four_gigabytes(tmp_path):
    """Of its size and under its names, the pixels made up."""
    some = RNG.integers(0, 256, (1000, 28, 28), np.uint8)
    for part, n in (("train", 697_932), ("test", 116_323)):
        images = np.resize(some, (n, 28, 28))
        labels = np.arange(n, dtype=np.uint8) % 62
        for kind, content in (("images-idx3", images), ("labels-idx1", labels)):
            (tmp_path / f"emnist-byclass-{part}-{kind}-ubyte").write_bytes(idx_bytes(content))
    with own_process(2) as process:
        held = process.submit(train_and_tell_memory, tmp_path, 4096).result()
    assert held[:2] == (697_932, 62)
    assert held[2] < 4e9 / 2**20


def test_a_batch_has_the_same_bits_whether_the_whole_set_is_held_or_not(monkeypatch):
    options = ("data=mnist10", "network.hidden=[8]", "dist=backprop", "epochs=1",
               "cost=cross_entropy", "batch_size=1000")  # fmt: skip
    held = trial(*options)
    monkeypatch.setattr(objective, "_HELD", 0)
    streamed = trial(*options)
    for run in (held, streamed):
        list(run.train())
    assert held.parameters.tobytes() == streamed.parameters.tobytes()
    full = [trial(*options[:-1], "batch_size=null") for _ in range(2)]
    monkeypatch.undo()
    full.append(trial(*options[:-1], "batch_size=null"))
    assert len({tuple(e.cost for e in run.train()) for run in full}) == 1

"""Images as people have them: published sets, arrays, tables, pictures in folders, OpenML."""

import gzip
import io
import tempfile
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from support import idx_bytes, most_mebibytes, split, trial

from noise_exp.training import Csv, Folder, Idx, Npz, OpenML, Trained, objective
from noise_exp.training.files import read_idx
from studies.benchmarks.turns import own_process

RNG = np.random.default_rng(0)
OPTIONS = {"idx": Idx, "csv": Csv, "npz": Npz, "folder": Folder}
IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


def lay(folder, files):
    """Write files: bytes or text, arrays, archives of arrays, pictures."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, dict):
            np.savez(path, **content)
        elif isinstance(content, np.ndarray):
            np.save(path, content)
        elif isinstance(content, Image.Image):
            content.save(path)
        else:
            content = content.encode() if isinstance(content, str) else content
            path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return folder


def pairs(images, labels):
    flat = np.reshape(images, (len(labels), -1)).astype(int).tolist()
    return sorted(zip(flat, np.asarray(labels).tolist(), strict=True))


def everything(result):
    """All images of a split, each with the label that it was given."""
    images = np.vstack([result.train_images, result.test_images])
    labels = np.concatenate([result.train_labels, result.test_labels])
    return pairs(images, np.array(result.digits)[labels])


def csv_of(images, labels, sep, last):
    table = pd.DataFrame(images.reshape(len(labels), -1)).add_prefix("pixel")
    table.insert(table.shape[1] if last else 0, "Class" if last else "label", labels)
    return table.to_csv(sep=sep, index=False)


@given(st.data())
def test_what_others_wrote_is_read_back(data):
    """Images and labels, written by NumPy, pandas and Pillow, or by hand after the format."""
    n, *shape = (data.draw(st.integers(*ends)) for ends in ((4, 8), (1, 4), (1, 4)))
    images = data.draw(arrays(np.uint8, (n, *shape)))
    labels = np.array(data.draw(st.lists(st.integers(0, 100), min_size=n, max_size=n)))
    labels[:2] = 3, 100
    kind, sep, packed, ending = (
        data.draw(st.sampled_from(choices))
        for choices in (["u1", "i1", "i2", "i4"], ",;\t", ["", ".gz"], ["png", "bmp"])
    )
    table = csv_of(images, labels, sep, data.draw(st.booleans()))
    bare = "\n".join(",".join(map(str, row)) for row in np.c_[labels, images.reshape(n, -1)])
    pictures = {
        f"{label}/{i}.{ending}": Image.fromarray(image)
        for i, (label, image) in enumerate(zip(labels, images, strict=True))
    }
    for option, files, path in [
        ("idx", {IMAGES + packed: idx_bytes(images), LABELS + packed: idx_bytes(labels, kind)}, ""),
        ("idx", {IMAGES: idx_bytes(images), LABELS + ".gz": idx_bytes(labels, kind)}, IMAGES),
        ("npz", {"own.npz": {"X": images.astype(float), "y": labels[:, None]}}, "own.npz"),
        ("npz", {"data.npy": images, "target.npy": labels.astype(str)}, ""),
        ("csv", {"own.csv" + packed: table}, "own.csv" + packed),
        ("csv", {"own.csv": "\ufeff" + table.replace("\n", "\r\n")}, "own.csv"),  # Excel
        ("csv", {"own.csv": bare.replace(",", ".0,") + "\n\n"}, "own.csv"),
        ("folder", pictures, ""),
    ]:
        with tempfile.TemporaryDirectory() as folder:
            root = lay(Path(folder), files)
            result = split(OPTIONS[option]("all", 2, path=str(root / path)))
        assert everything(result) == pairs(images, labels), (option, files)
        assert len(result.test_labels) == 2


# As published: images, labels, images for test, their labels; the type of the labels.
PUBLISHED = {
    "MNIST": (IMAGES, LABELS, "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", "u1"),
    "MNIST with dots": ("train-images.idx3-ubyte", "train-labels.idx1-ubyte",
                        "t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte", "u1"),
    "EMNIST": ("emnist-letters-train-images-idx3-ubyte", "emnist-letters-train-labels-idx1-ubyte",
               "emnist-letters-test-images-idx3-ubyte", "emnist-letters-test-labels-idx1-ubyte",
               "u1"),
    "QMNIST": ("qmnist-train-images-idx3-ubyte", "qmnist-train-labels-idx2-int",
               "qmnist-test-images-idx3-ubyte", "qmnist-test-labels-idx2-int", "i4"),
}  # fmt: skip


def publish(folder, name="MNIST", packed="", n=(30, 12), classes=5):
    """Write a set under its published names; return images and labels, of training and of test."""
    *files, kind = PUBLISHED[name]
    written = []
    for (images_name, labels_name), size in zip((files[:2], files[2:]), n, strict=True):
        images = RNG.integers(0, 256, (size, 3, 2))
        labels = 1 + np.arange(size) % classes
        stored = labels if "idx1" in labels_name else np.column_stack([labels, *[labels * 7] * 7])
        lay(folder, {images_name + packed: idx_bytes(images),
                     labels_name + packed: idx_bytes(stored, kind)})  # fmt: skip
        written += [images, labels]
    return written


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("packed", ["", ".gz"])
def test_a_published_set_with_its_own_test_images(tmp_path, name, packed):
    images, labels, test_images, test_labels = publish(tmp_path, name, packed)
    file = tmp_path / (PUBLISHED[name][0] + packed)
    for path in (tmp_path, file):
        result = split(Idx("all", path=str(path), test="standard"))
        assert (result.digits, result.source) == ((1, 2, 3, 4, 5), str(file))
        assert pairs(result.train_images, result.train_labels + 1) == pairs(images, labels)
        assert pairs(result.test_images, result.test_labels + 1) == pairs(test_images, test_labels)
        in_file = test_images.reshape(12, 6)[result.test_indices]
        np.testing.assert_array_equal(result.test_images, in_file)


def test_some_labels_of_a_set_its_validation_images_and_its_digest(tmp_path):
    publish(tmp_path)
    options = {"path": str(tmp_path), "test": "standard"}
    assert len(split(Idx([4, 2], **options)).test_labels) == 5
    held, whole = (split(Idx("all", validation_size=v, **options)) for v in (7, 0))
    assert (len(held.train_labels), len(held.test_labels), held.validation) == (23, 7, True)
    both = np.vstack([held.train_images, held.test_images])
    np.testing.assert_array_equal(both, whole.train_images)
    path = tmp_path / "t10k-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    assert split(Idx("all", **options)).digest != whole.digest


@pytest.mark.parametrize(
    "names",
    [
        "images labels test_images test_labels",
        "x_train y_train x_test y_test",  # Keras
        "train_images train_labels test_images test_labels",  # MedMNIST
        "X y X_test y_test",
        "data target data_test target_test",  # scikit-learn
        "train-images train-labels t10k-images t10k-labels",
        "train_X train_y test_X test_y",
        "images labels x_test y_test",
        "train_data train_targets test_data test_targets",  # torchvision
        "Image Label Image_test Label_test",
    ],
)
def test_arrays_go_by_the_names_that_people_use(tmp_path, names):
    images, labels = RNG.normal(size=(20, 2, 3, 3)).round(1) * 10, np.arange(20) % 3
    given = (images, labels[:, None], images[:6], labels[:6])
    arrays = dict(zip(names.split(), given, strict=True))
    arrays |= {"val_images": images, "notes": np.array(["text"])}
    lay(tmp_path, {"own.npz": arrays} | {f"{n}.npy": array for n, array in arrays.items()})
    for path in ("own.npz", f"{names.split()[0]}.npy", ""):
        result = split(Npz("all", path=str(tmp_path / path)))
        assert pairs(result.train_images, result.train_labels) == pairs(images, labels)
        assert pairs(result.test_images, result.test_labels) == pairs(images[:6], labels[:6])


FOUR, TWO = np.zeros((4, 3)), np.array([0, 1, 0, 1])
GOOD = {"images": FOUR, "labels": TWO}
SET = {IMAGES: idx_bytes(np.arange(24).reshape(4, 3, 2)), LABELS: idx_bytes(TWO)}
GREY = Image.fromarray(np.zeros((3, 2), np.uint8))
ARCHIVE = io.BytesIO()
np.savez(ARCHIVE, **GOOD)
WHOLE = ARCHIVE.getvalue()
TREE = {f"{c}/{i}.png": GREY for c in "ab" for i in range(3)}


MISTAKES = {
    (Npz, "own.npz"): [
        ({"images": FOUR}, "must hold arrays images and labels; it holds images"),
        ({"trainX": FOUR, "trainY": TWO}, "it holds trainX, trainY .*x_train and y_train"),
        ({}, "it holds none"),
        ({**GOOD, "labels": TWO[:3]}, "holds 4 images but there are 3 labels"),
        ({**GOOD, "images": FOUR[:, 0]}, r"numbers \(n, ...\), got them of shape \(4,\)"),
        ({**GOOD, "labels": TWO / 2}, r"whole numbers \(n,\), got float64"),
        ({**GOOD, "images": FOUR + np.nan}, "must be finite"),
        ({**GOOD, "test_images": FOUR}, "test_images and test_la"),
        ({**GOOD, "images": FOUR.astype(object)}, "no .npz file to be read"),
        ({**GOOD, "x_test": FOUR[:, :2], "y_test": TWO}, "has images of 2 pixels, that for trai"),
        ({**GOOD, "images": FOUR + TWO[:, None], "x_test": np.arange(12).reshape(4, 3) * 255,
          "y_test": TWO}, "has pixels of 0 to 2805, that for training of 0 to 1"),
        (b"text", "own.npz is no .npz file to be read"),
        (WHOLE[: len(WHOLE) // 2], "own.npz is no .npz file to be read"),
    ],
    (Csv, "own.csv"): [
        ("", "there is no row"),
        ("label,p1\n", "there is no row"),
        ("label,p1\n1,2\n3\n", "own.csv: the number of columns changed from 2 to 1 at row 2"),
        ("label,p1,p2\n1,2\n", "a row holds 2 numbers, the first 3"),
        ("1\n2\n", "a row holds 1 numbers"),
        ("label,p1\n0,1\nlabel,p1\n0,1\n", "could not convert string 'label' .* at row 1"),
        ("label,class,p1\n0,1,2\n", "named label, class, .* are label, class, p1"),
        ("label,p1,p2,\n0,1,2,\n", "column without a name is not named like"),  # Excel's
        ("id,label,p1,p2\n0,0,1,2\n", "column id is not named like the pixels"),
        ("label\tp1\n0\t1\n".encode("utf-16"), "no text in UTF-8; save it as CSV in UTF-8"),
        (gzip.compress(b"0,1\n1,2\n" * 99, mtime=0)[:-12], "damaged gzip"),
    ],
    (Idx, ""): [
        ({**SET, IMAGES: SET[IMAGES][:-1]}, "truncated"),
        ({**SET, IMAGES: SET[IMAGES][:9]}, "truncated"),
        ({**SET, IMAGES: SET[IMAGES] + b"x"}, "damaged"),
        ({**SET, IMAGES: b"\0\0\x0d\x03"}, "not an IDX file .* in 3 dimensions.* 00 00 0d 03"),
        ({**SET, IMAGES: b"\0\0\x08\x01"}, "in 3 dimensions.* 00 00 08 01"),
        ({**SET, IMAGES: b""}, "IDX"),
        ({IMAGES: SET[IMAGES]}, f"needs its labels beside it, in a file {LABELS}"),
        ({"raw/notes": ""}, "must hold one file named like .*, found none"),
        ({**SET, "t10k-images-idx3-ubyte": b""}, "one file.*t10k.* or data.test=standard"),
    ],
    (Folder, ""): [
        ({**TREE, "b/bad.png": b"text"}, "bad.png is no picture"),
        ({**TREE, "b/phone.HEIC": b"\0\0\0\x18ftypheic"}, "HEIC is no picture in PNG, JPEG"),
        ({**TREE, "b/bad.png": GREY.resize((4, 4))}, "bad.png is 4 x 4 and .*0.png 3 x 2"),
        ({**TREE, "c/notes.txt": ""}, "c holds no picture"),
        ({"0.txt": ""}, "must hold a folder of pictures for each class"),
    ],
    (Idx, LABELS): [(SET, "labels-idx1-ubyte must be a file of images, as train-im")],
    (Idx, "away"): [(SET, "^path: there is no file or folder")],
    (Npz, "X.npy"): [({"X.npy": FOUR, "z.npy": TWO}, "labels; it holds X.npy, z.npy .* y.npy")],
}  # fmt: skip


@pytest.mark.parametrize(
    ("option", "path", "content", "words"),
    [(*place, *row) for place, rows in MISTAKES.items() for row in rows],
)
def test_what_is_no_set_is_one_line_that_names_it(tmp_path, option, path, content, words):
    lay(tmp_path, {path: content} if path.startswith("own") else content)
    with pytest.raises(ValueError, match=words) as message:
        split(option("all", 1, path=str(tmp_path / path)))
    assert str(tmp_path) in str(message.value)
    assert "\n" not in str(message.value)
    assert "pickle" not in str(message.value)


def test_mistakes_with_the_images_for_test_and_with_digits(tmp_path):
    publish(tmp_path, "EMNIST")
    standard = {"path": str(tmp_path), "test": "standard"}
    publish(tmp_path, "EMNIST", n=(30, 4))
    with pytest.raises(ValueError, match=r"digits: the test set of .* holds no 5; it holds 1, 2"):
        split(Idx("all", **standard))
    (tmp_path / PUBLISHED["EMNIST"][2]).unlink()
    with pytest.raises(ValueError, match=r"^test: .*no test file beside it.*data.test=split"):
        split(Idx("all", **standard))
    publish(tmp_path, "EMNIST", classes=1)
    with pytest.raises(ValueError, match=r"digits: .* holds \[1\] alone"):
        split(Idx("all", **standard))
    for wrong in ("some", 3, [1], [1, 1], [1, True], [0.5, 1], []):
        with pytest.raises(ValueError, match="digits must be all, or two or more different"):
            Idx(wrong, path="")


def test_what_lies_beside_a_set_is_none_of_it(tmp_path):
    publish(tmp_path, n=(30, 0))
    (tmp_path / "t10k-images-idx3-ubyte").unlink()
    expected = split(Idx("all", path=str(tmp_path))).digest
    lay(tmp_path, {f"{IMAGES}.gz": (tmp_path / IMAGES).read_bytes(), f"._{IMAGES}": "macOS",
                   ".images-idx3.swp": "editor's", "images-idx3-unpacked/notes": ""})  # fmt: skip
    (tmp_path / "images-idx3-gone").symlink_to("nowhere")
    result = split(Idx("all", path=str(tmp_path)))
    assert (result.digest, result.source) == (expected, str(tmp_path / IMAGES))


def test_a_gzip_damaged_anywhere_is_refused(tmp_path):
    whole = gzip.compress(idx_bytes(np.arange(1024).reshape(4, 16, 16) % 251))
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        (tmp_path / "file").write_bytes(damaged)
        try:
            read_idx(tmp_path / "file", 3)
        except ValueError as error:
            assert str(tmp_path) in str(error)  # noqa: PT017 (some bytes are of no weight)


def test_files_are_read_once_as_long_as_they_are_the_same(tmp_path):
    def save(value):
        grey = {f"own/{c}/{i}.png": Image.fromarray(np.array([[value, i]], np.uint8))
                for c in "01" for i in range(2)}  # fmt: skip
        lay(tmp_path, {"own.csv": "label,a,b\n" + f"0,1,{value}\n1,2,3\n" * 2, **grey})
        return [c(path=str(tmp_path / at)) for c, at in ((Csv, "own.csv"), (Folder, "own"))]

    for own in save(7):
        assert own.load()[0] is own.load()[0]
    for own in save(9):
        assert 9 in own.load()[0]


def test_a_table_with_counted_columns_and_one_for_test(tmp_path):
    table = pd.DataFrame(np.c_[np.arange(9) % 2, RNG.integers(0, 256, (9, 80))])
    table.to_csv(tmp_path / "mnist_train.csv", index=False)  # its first line is 0,1,2,...,80
    table[:4].to_csv(tmp_path / "mnist_test.csv", index=False, header=False)
    result = split(Csv("all", path=str(tmp_path / "mnist_train.csv"), test="standard"))
    assert (len(result.train_labels), len(result.test_labels)) == (9, 4)


def tree(root, names, n):
    """As many grey pictures in a folder for each class."""
    shown = RNG.integers(0, 256, (len(names), n, 3, 2), np.uint8)
    lay(root, {f"{name}/{i}.png": Image.fromarray(image)
               for name, images in zip(names, shown, strict=True)
               for i, image in enumerate(images)})  # fmt: skip
    return shown


@pytest.mark.parametrize("names", [("cat", "dog", "train"), ("2", "7", "10")])
def test_a_folder_of_pictures_for_each_class(tmp_path, names):
    shown = tree(tmp_path, names, 4)
    one = tmp_path / names[0]
    lay(tmp_path, dict.fromkeys((".DS_Store", "notes.txt", "__MACOSX/cat/._0.png"), "junk"))
    lay(one, {"Thumbs.db": "junk", ".ipynb_checkpoints/0.png": GREY, "x.png/notes": ""})
    (one / "up").symlink_to("..")
    (one / "more").mkdir()
    (one / "0.png").rename(one / "more" / "0.png")
    result = split(Folder("all", 3, path=str(tmp_path)))
    digits, words = ((0, 1, 2), names) if names[0] == "cat" else ((2, 7, 10), ())
    assert (result.digits, result.names) == (digits, words)
    assert everything(result) == pairs(shown, np.repeat(digits, 4))


@pytest.mark.parametrize("names", [("train", "test"), ("Training", "val"),
                                   ("seg_train", "seg_test"),
                                   ("training_set", "test_set")])  # fmt: skip
def test_folders_for_training_and_test_are_no_classes(tmp_path, names):
    for name, n, classes in zip((*names, "seg_pred"), (4, 2, 1), ("ab", "abc", "a"), strict=True):
        tree(tmp_path / name, classes, n)
    result = split(Folder("all", path=str(tmp_path)))
    assert (result.names, len(result.train_labels)) == (("a", "b"), 8)
    assert sorted(result.test_labels) == [0, 0, 1, 1, 2, 2]  # 2: training has no c


def test_by_default_most_images_are_for_training(tmp_path):
    for n, tests in ((600, 120), (2_499, 499), (10_000, 500), (4, 1)):
        lay(tmp_path, {"own.npz": {"X": np.arange(2 * n).reshape(n, 2), "y": np.arange(n) % 2}})
        options = ("data=npz", f"data.path={tmp_path}/own.npz", "network=small")
        result = trial(*options).split
        assert (len(result.train_labels), len(result.test_labels)) == (n - tests, tests)
    assert len(trial(*options, "data.test_size=3").split.test_labels) == 3


def test_a_set_from_openml_is_kept_as_it_is_and_its_absence_explained(monkeypatch, tmp_path):
    import sklearn.datasets
    from sklearn.datasets import _openml

    real, pixels = sklearn.datasets.fetch_openml, np.arange(24.0).reshape(6, 4) / 12 - 1
    labels = np.array([*"129129"], object)

    def fetch(name, version, **_):
        assert (name, version) == ("Fashion-MNIST", 1)
        return pixels, labels

    monkeypatch.setattr(sklearn.datasets, "fetch_openml", fetch)
    result = split(OpenML("all", 1, name="Fashion-MNIST"))
    assert result.source == "OpenML Fashion-MNIST, version 1"
    assert everything(result) == pairs(pixels, labels.astype(int))

    def no_network(*_, **__):
        raise URLError("no route")

    # scikit-learn's own function, which checks what it is asked for before it connects.
    monkeypatch.setattr(sklearn.datasets, "fetch_openml", real)
    monkeypatch.setattr(_openml, "urlopen", no_network)
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    monkeypatch.setattr("time.sleep", lambda _: None)
    with pytest.raises(OSError, match=r"could not be fetched.*data=mnist01"):
        split(OpenML([0, 1], 1))


@pytest.mark.parametrize("experiment", ["full", "full_backprop"])
def test_a_command_line_trains_on_a_standard_set_whose_labels_start_at_1(tmp_path, experiment):
    publish(tmp_path, packed=".gz", n=(60, 24))
    run = trial(f"experiment={experiment}", f"data.path={tmp_path}", "network.hidden=[8]")
    (*_, last) = run.train()
    assert 57 < last.forward_passes <= 60
    assert run.network.sizes == (6, 8, 5)
    assert run.test().wrong.shape == (24,)
    assert {*Trained.of(run).predict(run.split.test_images * 255)[0]} <= {1, 2, 3, 4, 5}


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
               "cost=cross_entropy")  # fmt: skip
    results = []
    for held in (2**30, 0):
        monkeypatch.setattr(objective, "_HELD", held)
        for size in ("1000", "null"):
            run = trial(*options, f"batch_size={size}")
            results.append(([e.cost for e in run.train()], run.parameters.tobytes()))
    assert results[:2] == results[2:]

"""Images as people have them: published sets, arrays, tables, pictures in folders, OpenML."""

import gzip
import struct

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from support import idx_bytes, most_mebibytes, trial

from noise_exp.errors import UserError
from noise_exp.training import objective
from noise_exp.training.own_images import Csv, Folder, ForTest, Idx, Npz, OpenML
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


def test_the_labels_alone_are_no_images(tmp_path):
    publish(tmp_path, PUBLISHED["MNIST"], False)
    with pytest.raises(ValueError, match="labels-idx1-ubyte must be a file of images, as train-im"):
        split(Idx("all", path=str(tmp_path / "train-labels-idx1-ubyte")))
    for away in (tmp_path / "MNIST" / "raw", tmp_path / "train-images-idx3-ubyte.d"):
        away.mkdir(parents=True)
        with pytest.raises(ValueError, match=r"must hold one file named like .*, found none"):
            split(Idx("all", path=str(away)))


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
    order = np.argsort(result.test_indices)
    np.testing.assert_array_equal(result.test_images[order], tests["test_images"].reshape(6, 48))
    without = npz(tmp_path / "without.npz", images=images, labels=labels)
    assert len(split(Npz("all", 5, path=without)).test_labels) == 5


def test_mistakes_in_npz_are_told(tmp_path):
    images, labels = np.zeros((4, 3)), np.array([0, 1, 0, 1])
    holed = np.where(np.eye(4, 3), np.nan, 0)
    for arrays, words in [
        ({"images": images}, "must hold arrays images and labels; it holds images"),
        ({"pictures": images}, "it holds pictures"),
        ({"x_train": images, "y_test": labels}, "it holds x_train, y_test"),
        ({"trainX": images, "trainY": labels}, "it holds trainX, trainY .*x_train and y_train"),
        ({"arr_0": images, "arr_1": labels}, "it holds arr_0, arr_1"),
        ({"images": images, "labels": np.array([*"abab"])}, "whole numbers, got text such as a"),
        ({}, "it holds none"),
        ({"images": images, "labels": labels[:3]}, "holds 4 images but there are 3 labels"),
        (
            {"images": images[:, 0], "labels": labels},
            r"numbers \(n, ...\), got them of shape \(4,\)",
        ),
        ({"images": images.astype(str), "labels": labels}, r"must be numbers"),
        ({"images": images, "labels": labels / 2}, r"whole numbers \(n,\), got float64"),
        ({"images": holed, "labels": labels}, "must be finite"),
        ({"images": images, "labels": labels, "test_images": images}, "test_images and test_la"),
        ({"images": images.astype(object), "labels": labels}, "no .npz file to be read"),
        ({"images": images, "labels": np.eye(4)}, r"whole numbers \(n,\), got float64 of shape"),
        (
            {"images": images, "labels": labels, "x_test": images[:, :2], "y_test": labels},
            "has images of 2 pixels, that for training 3",
        ),
        (
            {
                "images": images + np.arange(4)[:, None],
                "labels": labels,
                "x_test": np.arange(12).reshape(4, 3) * 255,
                "y_test": labels,
            },
            "has pixels of 0 to 2805, that for training of 0 to 3",
        ),
    ]:
        with pytest.raises(ValueError, match=words) as told:
            split(Npz("all", 1, path=npz(tmp_path / "own.npz", **arrays)))
        assert str(tmp_path) in str(told.value)
    (tmp_path / "text.npz").write_text("no archive")
    packed = bytearray((tmp_path / "own.npz").read_bytes())
    packed[len(packed) // 2 :] = b""
    (tmp_path / "cut.npz").write_bytes(packed)
    for name in ("text.npz", "cut.npz"):
        with pytest.raises(ValueError, match=rf"{name} is no .npz file to be read") as told:
            split(Npz("all", path=str(tmp_path / name)))
        assert "allow_pickle" not in str(told.value)
    for name in ("absent.npz", "absent.csv", "absent"):
        for source in (Npz, Idx, Csv, Folder):
            with pytest.raises(ValueError, match=r"^path: there is no file or folder"):
                split(source("all", path=str(tmp_path / name)))


@pytest.mark.parametrize(
    ("names", "tests"),
    [
        (("images", "labels"), ("test_images", "test_labels")),
        (("x_train", "y_train"), ("x_test", "y_test")),  # Keras
        (("train_images", "train_labels"), ("test_images", "test_labels")),  # MedMNIST
        (("X", "y"), ("X_test", "y_test")),
        (("data", "target"), ("data_test", "target_test")),  # scikit-learn
        (("train-images", "train-labels"), ("t10k-images", "t10k-labels")),
        (("train_X", "train_y"), ("test_X", "test_y")),
        (("images", "labels"), ("x_test", "y_test")),
        (("train_data", "train_targets"), ("test_data", "test_targets")),  # torchvision
        (("Image", "Label"), ("Image_test", "Label_test")),
    ],
)
@pytest.mark.parametrize("kind", ["npz", "npy", "folder"])
def test_arrays_go_by_the_names_that_people_use(tmp_path, names, tests, kind):
    images, labels = RNG.integers(0, 256, (20, 2, 3), np.uint8), np.arange(20) % 3
    arrays = dict(
        zip((*names, *tests), (images, labels[:, None], images[:6], labels[:6]), strict=True)
    )
    arrays |= {"val_images": images, "notes": np.array(["text"])}
    if kind == "npz":
        path = npz(tmp_path / "own.npz", **arrays)
    else:
        for name, array in arrays.items():
            np.save(tmp_path / f"{name}.npy", array)
        path = str(tmp_path / f"{names[0]}.npy" if kind == "npy" else tmp_path)
    result = split(Npz("all", path=path))
    assert pairs(result.train_images, result.train_labels) == pairs(images.reshape(20, 6), labels)
    assert pairs(result.test_images, result.test_labels) == pairs(
        images[:6].reshape(6, 6), labels[:6]
    )


def test_an_array_without_its_labels_says_what_is_there(tmp_path):
    np.save(tmp_path / "X.npy", np.zeros((4, 3)))
    np.save(tmp_path / "other.npy", np.zeros((4, 3)))
    with pytest.raises(
        ValueError, match=r"X.npy must hold .* labels; it holds X.npy, other.npy .* y.npy"
    ):
        split(Npz("all", path=str(tmp_path / "X.npy")))
    np.savez(tmp_path / "y.npz", np.arange(4))
    (tmp_path / "y.npz").rename(tmp_path / "y.npy")
    with pytest.raises(ValueError, match=r"y.npy is no .npy file to be read"):
        split(Npz("all", path=str(tmp_path / "X.npy")))


IMAGES, LABELS = RNG.integers(0, 256, (10, 4), np.uint8), np.arange(10) % 3


def rows(last=False, between=",", end="\n"):
    lines = [[label, *image] for label, image in zip(LABELS, IMAGES, strict=True)]
    lines = [[*line[1:], line[0]] for line in lines] if last else lines
    return [between.join(map(str, line)) + end for line in lines]


@pytest.mark.parametrize(
    "content",
    [
        "".join(["label,pixel0,pixel1,pixel2,pixel3\n", *rows()]),  # Kaggle
        "".join(rows()),
        "\n".join(["label,1x1,1x2,2x1,2x2", "", *rows()]),
        "\ufeff" + "".join(["label;a;b;c;d\r\n", *rows(between=";", end="\r\n")]),  # Excel
        "".join(["p1\tp2\tp3\tp4\tClass\n", *rows(last=True, between="\t")]),
        "".join(['"y","p1","p2","p3","p4"\n', *rows(between='","')]).replace("\n", '"\n"')[:-1]
        .replace('""', '"'),
        "".join(rows(end=".0\n")),
    ],
    ids=["kaggle", "no names", "blank line", "excel", "last", "quoted", "fractions"],
)  # fmt: skip
@pytest.mark.parametrize("packed", [False, True])
def test_a_table_of_a_label_and_pixels_a_row(tmp_path, content, packed):
    path = tmp_path / ("own.csv.gz" if packed else "own.csv")
    path.write_bytes(gzip.compress(content.encode()) if packed else content.encode())
    result = split(Csv("all", 2, path=str(path)))
    everything = np.vstack([result.test_images, result.train_images])
    labels = np.concatenate([result.test_labels, result.train_labels])
    assert pairs(everything, labels) == pairs(IMAGES, LABELS)


def test_files_are_read_once_as_long_as_they_are_the_same(tmp_path):
    def save(value):
        (tmp_path / "own.csv").write_text("label,a,b\n" + f"0,1,{value}\n1,2,3\n" * 2)
        for name in "01":
            (tmp_path / "own" / name).mkdir(parents=True, exist_ok=True)
            for i in range(2):
                picture = Image.fromarray(np.array([[value, i]], np.uint8))
                picture.save(tmp_path / "own" / name / f"{i}.png")
        return [c(path=str(tmp_path / at)) for c, at in ((Csv, "own.csv"), (Folder, "own"))]

    for own in save(7):
        assert own.load()[0] is own.load()[0]
    for own in save(9):
        assert 9 in own.load()[0]


def test_a_table_with_counted_columns_and_one_for_test(tmp_path):
    images = RNG.integers(0, 256, (9, 80), np.uint8)
    table = pd.DataFrame(np.column_stack([np.arange(9) % 2, images]))
    table.to_csv(tmp_path / "mnist_train.csv", index=False)  # its first line is 0,1,2,...,80
    table[:4].to_csv(tmp_path / "mnist_test.csv", index=False, header=False)
    path = str(tmp_path / "mnist_train.csv")
    result = split(Csv("all", path=path, test=ForTest.standard))
    assert (len(result.train_labels), len(result.test_labels)) == (9, 4)
    (tmp_path / "mnist_test.csv").unlink()
    with pytest.raises(ValueError, match=r"^test: .* has no test file beside it"):
        split(Csv("all", path=path, test=ForTest.standard))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "line 0: there is no row"),
        ("label,p1\n", "line 1: there is no row"),
        ("label,p1\n1,2\n3\n", "line 3: the number of columns changed from 2 to 1"),
        ("label,p1,p2\n1,2\n", "a row holds 2 numbers, the first 3"),
        ("label,p1\n1,\n", "line 2: could not convert string ''"),
        ("1,2\n1,x\n", "line 2: could not convert string 'x'"),
        ("label,p1\ncat,2\n", "line 2: could not convert string 'cat'"),
        ("label,p1\n0,nan\n1,1\n", "finite"),
        ("label,p1\n0.5,1\n1,1\n", "whole numbers .*0.5"),
        ("pixel0,pixel1\n1,2\n", "one column must be named label, .* are pixel0, pixel1"),
        ("label,class,p1\n0,1,2\n", "one column must be named label"),
        (",label,p1,p2\n0,0,1,2\n", "column without a name is not named like the pixels"),
        ("id,label,p1,p2\n0,0,1,2\n", "column id is not named like the pixels"),
        ("Unnamed: 0,p1,p2,label\n0,1,2,0\n", "column unnamed: 0 is not named like the pixels"),
        ("label,p1,p2,\n0,1,2,\n", "column without a name is not named like"),  # Excel's
        ("label,p1\n0,1\n,\n", "line 3: could not convert string ''"),
        ("sep=;\nlabel;p1\n0;1\n", "one column must be named label, .* are sep="),
        ("label p1 p2\n0 1 2\n", "one column must be named label"),
        ("# mine\nlabel,p1\n0,1\n", "line 1: one column must be named label"),
        ("label,p1\n0,1\nlabel,p1\n0,1\n", "line 3: could not convert string 'label'"),
        ("label,p1\n0,0x1f\n", "line 2: could not convert string '0x1f'"),
        ("label;p1\n0;1,5\n", "line 2: could not convert string '1,5'"),
        ("label\tp1\n0\t1\n".encode("utf-16"), "no text in UTF-8; save it as CSV in UTF-8"),
        (b"PK\3\4\x14\x08\xe9", "no text in UTF-8"),  # a zip or an .xlsx
        ("1\n2\n", "a row holds 1 numbers"),
        (b"label,p\xfc\n0,1\n", "no text in UTF-8"),
        (gzip.compress(b"0,1\n1,2\n" * 99)[:-12], "damaged gzip"),
    ],
)  # fmt: skip
def test_a_table_that_is_none_is_one_line(tmp_path, content, told):
    path = tmp_path / "own.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=told) as error:
        split(Csv("all", 1, path=str(path)))
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def folders(root, names, n=4):
    """Pictures in a folder for each class; what they show, by class."""
    shown = {}
    for name in names:
        (root / name).mkdir(parents=True)
        shown[name] = RNG.integers(0, 256, (n, 3, 2), np.uint8)
        for i, image in enumerate(shown[name]):
            Image.fromarray(image).save(root / name / f"{i}.png")
    return shown


@pytest.mark.parametrize("names", [("cat", "dog", "emu"), ("2", "7", "10")])
def test_a_folder_of_pictures_for_each_class(tmp_path, names):
    shown = folders(tmp_path, names)
    for junk in (".DS_Store", "cat/.DS_Store", "notes.txt", "2/Thumbs.db", "__MACOSX/cat/._0.png"):
        if (tmp_path / junk).parent.is_dir() or "MACOSX" in junk:
            (tmp_path / junk).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / junk).write_bytes(b"junk")
    result = split(Folder("all", 3, path=str(tmp_path)))
    everything = np.vstack([result.test_images, result.train_images])
    labels = np.concatenate([result.test_labels, result.train_labels])
    images = np.concatenate(list(shown.values())).reshape(12, 6)
    assert pairs(everything, labels) == pairs(images, np.repeat([0, 1, 2], 4))
    assert result.names == (names if names[0] == "cat" else ())
    assert result.digits == ((0, 1, 2) if names[0] == "cat" else (2, 7, 10))


def test_a_folder_with_train_and_test_and_pictures_further_down(tmp_path):
    folders(tmp_path / "train", ("a", "b"))
    (tmp_path / "train" / "a" / "more").mkdir()
    (tmp_path / "train" / "a" / "0.png").rename(tmp_path / "train" / "a" / "more" / "0.png")
    folders(tmp_path / "test", ("a", "b", "c"), n=2)
    result = split(Folder("all", path=str(tmp_path)))
    assert result.names == ("a", "b")
    assert len(result.train_labels) == 8
    assert sorted(result.test_labels) == [0, 0, 1, 1, 2, 2]  # 2: training has no c


def test_mistakes_with_folders_name_the_file(tmp_path):
    folders(tmp_path, ("a", "b"))
    bad = tmp_path / "b" / "bad.png"
    grey = Image.fromarray(np.zeros((3, 2), np.uint8))
    for write, told in [
        (lambda: bad.write_bytes(b""), "is empty"),
        (lambda: bad.write_bytes(b"text"), "is no picture"),
        (lambda: grey.resize((4, 4)).save(bad), r"is 4 x 4 and .*0.png 3 x 2"),
        (lambda: Image.new("RGB", (2, 3), "red").save(bad), "is coloured"),
        (lambda: Image.new("RGBA", (2, 3)).save(bad), "is transparent"),
    ]:
        write()
        with pytest.raises(ValueError, match=told) as error:
            split(Folder("all", 1, path=str(tmp_path)))
        assert str(bad) in str(error.value)
    bad.unlink()
    (tmp_path / "c").mkdir()
    with pytest.raises(ValueError, match=r"c holds no picture"):
        split(Folder("all", 1, path=str(tmp_path)))
    with pytest.raises(ValueError, match="must hold a folder of pictures for each class"):
        split(Folder("all", 1, path=str(tmp_path / "c")))


@pytest.mark.parametrize("names", [("train", "test"), ("Training", "val"),
                                   ("seg_train", "seg_test"),
                                   ("training_set", "test_set")])  # fmt: skip
def test_folders_for_training_and_test_are_no_classes(tmp_path, names):
    for name, n in zip((*names, "seg_pred"), (4, 2, 1), strict=True):
        folders(tmp_path / name, ("a", "b"), n)
    result = split(Folder("all", path=str(tmp_path)))
    assert result.names == ("a", "b")
    assert (len(result.train_labels), len(result.test_labels)) == (8, 4)


def test_what_lies_about_in_a_class_counts_once_or_is_named(tmp_path):
    folders(tmp_path, ("train", "plane"), 5)  # a class may well be called train
    one = tmp_path / "plane"
    (one / ".ipynb_checkpoints").mkdir()
    (one / ".ipynb_checkpoints" / "0-checkpoint.png").write_bytes((one / "0.png").read_bytes())
    (one / "up").symlink_to("..")
    (one / "x.png").mkdir()
    result = split(Folder("all", 2, path=str(tmp_path)))
    assert len(result.train_labels) + len(result.test_labels) == 10
    (one / "phone.HEIC").write_bytes(b"\0\0\0\x18ftypheic")
    with pytest.raises(ValueError, match=r"phone.HEIC is no picture in PNG, JPEG"):
        split(Folder("all", 2, path=str(tmp_path)))


def test_what_another_option_reads_is_said(tmp_path):
    folders(tmp_path / "pictures", ("a", "b"))
    paths = {"folder": tmp_path / "pictures"}
    for name in ("own.csv", "own.npz", "X.npy", "train-images-idx3-ubyte.gz"):
        (tmp_path / name).write_bytes(b"")
    paths |= {"csv": tmp_path / "own.csv", "npz": tmp_path / "own.npz",
              "idx": tmp_path / "train-images-idx3-ubyte.gz"}  # fmt: skip
    options = {"folder": Folder, "csv": Csv, "npz": Npz, "idx": Idx}
    for asked, path in paths.items():
        for given in options.keys() - {asked}:
            with pytest.raises(ValueError, match=f"^path: .* write data={asked}$"):
                split(options[given]("all", path=str(path)))


def test_by_default_most_images_are_for_training(tmp_path):
    for n, tests in ((600, 120), (2_499, 499), (10_000, 500), (4, 1)):
        path = npz(tmp_path / "own.npz", X=np.arange(2 * n).reshape(n, 2), y=np.arange(n) % 2)
        result = trial("data=npz", f"data.path={path}", "network=small").split
        assert (len(result.train_labels), len(result.test_labels)) == (n - tests, tests)
    asked = trial("data=npz", f"data.path={path}", "network=small", "data.test_size=3")
    assert len(asked.split.test_labels) == 3


def test_labels_above_a_byte_are_classes_of_their_own(tmp_path):
    images, labels = RNG.integers(0, 256, (300, 3)), np.arange(300)
    result = split(Npz("all", path=npz(tmp_path / "own.npz", x_train=images, y_train=labels,
                                       x_test=images, y_test=labels)))  # fmt: skip
    assert result.classes == 300
    other = split(Npz("all", path=npz(tmp_path / "own.npz", x_train=images, y_train=labels % 256,
                                      x_test=images, y_test=labels)))  # fmt: skip
    assert other.digest != result.digest


def test_another_set_from_openml_is_kept_as_it_is(monkeypatch):
    import sklearn.datasets

    pixels, labels = np.arange(24.0).reshape(6, 4) / 12 - 1, np.array([*"129129"], object)

    def fetch(name, **_):
        if name != "Fashion-MNIST":
            raise ValueError("No known dataset")
        return pixels, labels

    monkeypatch.setattr(sklearn.datasets, "fetch_openml", fetch)
    result = split(OpenML("all", 1, name="Fashion-MNIST"))
    assert result.digits == (1, 2, 9)
    assert result.source == "OpenML Fashion-MNIST, version 1"
    everything = np.vstack([result.train_images, result.test_images])
    np.testing.assert_array_equal(np.sort(everything.ravel()), np.sort(pixels.ravel()))
    labels[0] = "0.5"
    with pytest.raises(ValueError, match=r"labels of OpenML .* whole numbers .* 0.5"):
        split(OpenML("all", 1, name="Fashion-MNIST"))
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

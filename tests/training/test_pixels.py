"""Pixels that are read are kept or refused, never altered: numbers, ranges and pictures."""

import struct
import zlib

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from noise_exp.training import Distribution, IndependentStreams, Split, Trial
from noise_exp.training.pictures import read_picture
from noise_exp.training.pixels import as_labels, as_pixels
from noise_exp.training.trained import Trained

RNG = np.random.default_rng(0)
BYTES = RNG.integers(0, 256, (5, 28, 28), np.uint8)
FLAT = BYTES.reshape(5, 784)


@pytest.mark.parametrize(
    "given",
    [
        BYTES.astype(np.int64), BYTES.astype(np.float32), BYTES.astype(">i2"), BYTES.tolist(),
        pd.DataFrame(FLAT).assign(flag=FLAT[:, 0] > 9).astype(object), BYTES / 255, BYTES - 0.5,
        BYTES.astype(np.int64) - 128, BYTES.astype(np.uint16) * 257, BYTES > 127,
    ],
)  # fmt: skip
def test_numbers_of_every_kind_are_kept(given):
    np.testing.assert_array_equal(as_pixels(given), np.array(given).astype(float))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.array([[1.0, np.nan]]), "finite"),
        (np.array([[1.0, 1e39]]), "finite"),  # infinite in single precision
        (np.array([[1j]]), "numbers, got complex128"),
        (np.array([["1"]]), "numbers, got <U1"),
        ([[1, None]], "numbers, got object"),
        ([[1, 2], [3]], "numbers, as many in each image"),
        (np.empty((0, 784)), r"none: their shape is \(0, 784\)"),
    ],
)
def test_what_is_no_pixels_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        as_pixels(given)


@pytest.mark.parametrize(
    "given",
    [
        [3.0, 300.0], np.array(["3", "300"]), np.array(["3", "300.0"], object),
        np.array([[3], [300]], np.uint16),  # as MedMNIST has them
    ],
)  # fmt: skip
def test_labels_are_whole_numbers_of_any_type(given):
    labels = as_labels(given)
    assert (labels.dtype, labels.tolist()) == (np.int64, [3, 300])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([0.5, 1], "0.5"), ([np.nan, 1], "nan"), (["cat", "dog"], "cat"), (np.eye(3), "3, 3"),
        ([1e300, 0], "1e"), (np.array([2**63], np.uint64), "9223372036854775808"), (5, r"\(\)"),
    ],
)  # fmt: skip
def test_labels_that_are_none_are_refused(given, message):
    with pytest.raises(ValueError, match=rf"labels must be whole numbers.*{message}"):
        as_labels(given)


def trained_on(images, divisor=1.0):
    """A network that was made for these images (n, pixels), as they were before the divisor."""
    images = np.asarray(images, np.float32) / divisor
    labels = np.arange(len(images)) % 2
    split = Split(images, labels, images, labels, labels, "", "", pixel_divisor=divisor)
    streams = IndependentStreams(1, 1, 1)
    return Trained.of(Trial(split, Distribution("normal"), streams, hidden=(4, 3), init_scale=0.1))


@pytest.fixture(scope="module")
def bytes_model():
    return trained_on(FLAT, 255.0)


@pytest.mark.parametrize(
    "given", [FLAT, FLAT.tolist(), pd.DataFrame(FLAT), BYTES[..., None], BYTES / 257 * 257]
)
def test_a_network_takes_its_pixels_in_every_type_and_shape(bytes_model, given):
    expected = bytes_model.predict(BYTES)[1]
    np.testing.assert_allclose(bytes_model.predict(given)[1], expected, atol=1e-6)
    np.testing.assert_allclose(bytes_model.predict(BYTES[0])[1], expected[:1], atol=1e-6)


RANGES = {  # of training: what fits, and what is in another range
    "0..255": (lambda x: x, [lambda x: x * 0], [  # all black has no scale
        lambda x: x / 255, lambda x: x > 127, lambda x: x / 127.5 - 1, lambda x: x - 1,
        lambda x: x * 257, lambda x: x / 65535, lambda x: np.vstack([x, x / 255])]),
    "0..1": (lambda x: x / 255, [lambda x: x / 300],
             [lambda x: x, lambda x: x / 127.5 - 1, lambda x: x / 65025]),
    "-1..1": (lambda x: x / 127.5 - 1, [lambda x: x / 150 - 0.9],
              [lambda x: x / 255, lambda x: x]),
    "0..15": (lambda x: x // 16, [lambda x: x // 17], [lambda x: x, lambda x: x / 255]),
    "16 bits": (lambda x: x * 257, [lambda x: x * 200], [lambda x: x, lambda x: x / 255]),
    "standardized": (lambda x: (x - 33.3) / 78.6, [lambda x: (x * 1.5 - 33.3) / 78.6],
                     [lambda x: x]),
    "bool": (lambda x: x > 127, [lambda x: x / 255], [lambda x: x]),
}  # fmt: skip


@pytest.mark.parametrize(("of_training", "fits", "others"), RANGES.values(), ids=RANGES)
def test_pixels_are_in_the_range_that_the_network_was_trained_on(of_training, fits, others):
    model, pixels = trained_on(of_training(FLAT.astype(float))), FLAT.astype(float)
    for kept in fits:
        model.predict(kept(pixels))
    for other in others:
        with pytest.raises(ValueError, match=r"but the network was trained on .*; pass pixels"):
            model.predict(other(pixels))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (BYTES[0][:20], "20 x 28; the network takes images of 784 pixels, 28 x"),
        # A client's sorted JSON, and a file whose first row of pixels became the names.
        (pd.DataFrame(FLAT).add_prefix("pixel").sort_index(axis=1), "order of their numbers"),
        (pd.DataFrame(FLAT[1:], columns=FLAT[0]), "not in the order of their numbers"),
    ],
)
def test_images_of_another_size_or_order_are_refused(bytes_model, given, message):
    with pytest.raises(ValueError, match=message):
        bytes_model.predict(given)


def test_weights_of_an_earlier_version_are_used_without_a_range(bytes_model, tmp_path):
    bytes_model.save(tmp_path / "weights.npz")
    assert Trained.load(tmp_path / "weights.npz").pixel_range == (0, 255)
    with np.load(tmp_path / "weights.npz") as kept:
        np.savez(tmp_path / "old.npz", **{k: v for k, v in kept.items() if k != "pixel_range"})
    old = Trained.load(tmp_path / "old.npz")
    np.testing.assert_array_equal(old.predict(FLAT)[1], bytes_model.predict(FLAT)[1])
    old.predict(FLAT / 255)


@pytest.fixture
def picture(tmp_path):
    """Write a picture and return its path."""

    def write(image, name="p.png", **options):
        image = Image.fromarray(image) if isinstance(image, np.ndarray) else image
        image.save(tmp_path / name, **options)
        return tmp_path / name

    return write


GREY = Image.fromarray(BYTES[0])


@pytest.mark.parametrize(
    ("mode", "endings"),
    [("L", "png bmp tif gif pgm"), ("1", "png bmp tif"), ("RGB", "png bmp"), ("RGBA", "png"),
     ("LA", "png"), ("P", "png")],
)  # fmt: skip
def test_a_grey_picture_is_kept_in_every_format(picture, mode, endings):
    for ending in endings.split():
        kept = read_picture(picture(GREY.convert(mode), f"p.{ending}"))
        np.testing.assert_array_equal(kept, GREY.convert(mode).convert("L"))


def test_sixteen_bits_are_what_the_header_says(picture):
    deep = BYTES[0].astype(np.uint16) * 257
    deep[0, :2] = 1, 300
    faint = np.full((4, 4), 200, np.uint16)  # of 65,535, whatever its values look like
    for levels, name in ((deep, "p.png"), (deep, "p.pgm"), (faint, "p.png")):
        np.testing.assert_allclose(read_picture(picture(levels, name)), levels / 257)


def png(depth, colour, rows):
    """A PNG, after its description alone."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", 2, 2, depth, colour, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


@pytest.mark.parametrize(
    ("depth", "rows", "expected"),
    [(2, [b"\x10", b"\xe0"], [[0, 85], [255, 170]]), (4, [b"\x0f", b"\x80"], [[0, 255], [136, 0]])],
)
def test_fewer_bits_reach_from_black_to_white(tmp_path, depth, rows, expected):
    (tmp_path / "p.png").write_bytes(png(depth, 0, rows))
    assert read_picture(tmp_path / "p.png").tolist() == expected


RGB = np.stack([BYTES[0], BYTES[0], 255 - BYTES[0]], axis=2)
REFUSED = [
    ("coloured", RGB, {}),
    ("coloured", Image.fromarray(RGB).convert("P"), {}),
    ("transparent", np.dstack([np.full_like(RGB, 255), BYTES[0]]), {}),  # a white digit on nothing
    ("transparent", GREY, {"transparency": int(BYTES[0, 0, 0])}),  # one level of grey
    ("mode CMYK", GREY.convert("CMYK"), {"name": "p.jpg"}),
    ("mode F", GREY.convert("F"), {"name": "p.tif"}),
    ("mode I", BYTES[0].astype(np.int32), {"name": "p.tif"}),
    ("mode I;16", BYTES[0].astype(np.uint16), {"name": "p.tif"}),  # 12 bits or 16?
    ("mode I;16", BYTES[0].astype(np.uint16), {"transparency": 7}),
    ("holds 2 pictures", GREY, {"name": "p.gif", "save_all": True,
                                "append_images": [Image.fromarray(BYTES[1])]}),
]  # fmt: skip


@pytest.mark.parametrize(("message", "image", "options"), REFUSED)
def test_a_picture_that_would_be_altered_is_refused_by_its_name(picture, message, image, options):
    path = picture(image, **options)
    with pytest.raises(ValueError, match=f"{path} .*{message}"):
        read_picture(path)


def test_colours_of_sixteen_bits_are_refused(tmp_path):
    for colour, samples in ((2, 3), (4, 2), (6, 4)):
        row = struct.pack(f">{2 * samples}H", *[300] * 2 * samples)
        (tmp_path / "p.png").write_bytes(png(16, colour, [row, row]))
        with pytest.raises(ValueError, match=r"p\.png is a PNG of mode"):
            read_picture(tmp_path / "p.png")


def test_a_picture_stands_as_its_camera_says(picture):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    kept = read_picture(picture(BYTES[0], exif=exif))
    np.testing.assert_array_equal(kept, np.rot90(BYTES[0], -1))


def test_damaged_pictures_are_named(picture):
    for name in ("p.png", "p.jpg", "p.gif", "p.bmp"):
        whole = (path := picture(GREY, name)).read_bytes()
        for content in (b"", b"text", whole[: len(whole) // 2]):
            path.write_bytes(content)
            with pytest.raises(ValueError, match=rf"{name} is (empty|no picture|a damaged)"):
                read_picture(path)
    path = picture(GREY)
    broken = bytearray(path.read_bytes())
    broken[80] ^= 0xFF
    path.write_bytes(broken)
    with pytest.raises(ValueError, match="damaged"):
        read_picture(path)

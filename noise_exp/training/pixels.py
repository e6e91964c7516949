"""The one reader of pixels and labels: any kind of number is kept as it is, or refused."""

import math
import re
from typing import Any

import numpy as np


def as_pixels(given: Any, what: str = "the images") -> np.ndarray:
    """Return pixels as bytes where these hold every value, else in a type that does.

    So the same values are the same pixels, whatever type they came in.

    Parameters
    ----------
    given
        Whatever NumPy makes an array of numbers of, of any shape: arrays, lists, tables.
    what
        Begins what is said of them.

    Raises
    ------
    ValueError
        If there are none, they are no numbers, or one is not finite in single precision.
    """
    array = _array(given, what)
    if array.dtype.kind not in "buif":
        raise ValueError(f"{what} must be numbers, got {_kind(array)}")
    if not array.size:
        raise ValueError(f"{what} are none: their shape is {array.shape}")
    low, high = array.min(), array.max()
    with np.errstate(over="ignore"):
        if not np.isfinite(np.array([low, high], np.float32)).all():
            raise ValueError(f"{what} must be finite numbers below 3.4e38; some are not")
    if low >= 0 and high <= 255 and array.dtype != np.uint8:
        whole = array.astype(np.uint8)
        if np.array_equal(whole, array):
            return whole
    return array


def as_labels(given: Any, what: str = "the labels") -> np.ndarray:
    """Return labels, shape (n,), int64: whole numbers of any type, as text too.

    A single column (n, 1) is taken as well.

    Raises
    ------
    ValueError
        If they have another shape, or one is no whole number.
    """
    array = _array(given, what)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or array.dtype.kind not in "buifUS":
        raise ValueError(f"{what} must be whole numbers (n,), got {_kind(array)}")
    try:
        numbers = array.astype(float) if array.dtype.kind in "US" else array
    except ValueError:
        raise ValueError(f"{what} must be whole numbers, got text such as {array[0]}") from None
    with np.errstate(invalid="ignore"):
        whole = numbers.astype(np.int64)
    if len(wrong := array[whole != numbers]):
        raise ValueError(f"{what} must be whole numbers (n,), got {array.dtype} with {wrong[0]}")
    return whole


def as_images(given: Any, pixels: int, what: str = "the images") -> np.ndarray:
    """Return images of so many pixels, shape (images, pixels): one image, or several in a row.

    A table's numbered columns are pixels in the order of their numbers.

    Raises ValueError like `as_pixels`, for images of another size and for another order.
    """
    array = as_pixels(given, what)
    if array.size == pixels:
        array = array.reshape(1, pixels)
    elif array.ndim < 2 or array[0].size != pixels:
        side = math.isqrt(pixels)
        square = f", {side} x {side}" if side * side == pixels else ""
        shape = " x ".join(map(str, array.shape))
        raise ValueError(f"{what} are {shape}; the network takes images of {pixels} pixels{square}")
    names = [str(name) for name in getattr(given, "columns", ())]
    order = [[int(number) for number in re.findall(r"\d+", name)] for name in names]
    if order != sorted(order):
        raise ValueError(
            f"{what} have columns {', '.join(names[:5])}, ..., not in the order of their numbers; "
            "a client may have sorted them, or the first row may be no names"
        )
    return array.reshape(len(array), pixels)


def check_range(images: np.ndarray, low: float, high: float, what: str = "the images") -> None:
    """See that images (images, pixels) are in the range of those that a network was trained on.

    `low` to `high` is that range. A picture may well be darker than all of training, or up to twice
    as bright, but 0..1, -1..1, 0..255 and 0..65535 are told apart. All black has no scale.

    Raises
    ------
    ValueError
        If they are in another.
    """
    top, least = max(-low, high), float(images.min())
    reach = np.maximum(images.max(axis=1), -images.min(axis=1).astype(float))  # of each image
    # What training nearly reached is the end of its convention.
    end = next((c for c in (1.0, 255.0, 65535.0) if top / 1.001 <= c <= 2 * top), 2 * top)
    faint = (reach > 0) & (reach <= max(top / 128, top >= 8))
    below = -top / 1000
    if faint.any() or reach.max() > end * 1.001 or (least < below) != (low < below):
        raise ValueError(
            f"{what} have pixels of {least:g} to {float(images.max()):g}, but the network was "
            f"trained on {low:g} to {high:g}; pass pixels in that range, as they were before "
            "training scaled them"
        )


def _array(given: Any, what: str) -> np.ndarray:
    try:
        array = np.asarray(given)
        # Of a column of objects, or of a table with several types, the values tell the type.
        return np.array(array.tolist()) if array.dtype == object else array
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{what} must be numbers, as many in each image") from None


def _kind(array: np.ndarray) -> str:
    return f"{array.dtype} of shape {array.shape}"

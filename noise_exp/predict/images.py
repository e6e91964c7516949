"""Images from the files that people have them in."""

import math
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from noise_exp.errors import UserError
from noise_exp.training.idx import read_idx

_KINDS = "an IDX file (gzipped or not), a picture as PNG, or an array as .npy"


def read(path: Path, pixels: int) -> np.ndarray:
    """Return the images of a file, shape (images, pixels): bytes, or what a .npy file holds.

    A picture is one image, made grey. An array is one image, (rows, columns) or (pixels,), or
    several, (images, rows, columns) or (images, pixels).

    Parameters
    ----------
    path
        The file.
    pixels
        That an image must have.

    Raises
    ------
    UserError
        If the file cannot be read, or its images have another size.
    """
    try:
        start = path.read_bytes()[:8]
        if start.startswith(b"\x93NUMPY"):
            images = np.load(path, allow_pickle=False)
        elif start.startswith((b"\0\0", b"\x1f\x8b")):
            images = read_idx(path, 3)
        else:
            with Image.open(path) as picture:
                images = np.array(picture.convert("L"))[None]
    except UnidentifiedImageError:
        raise UserError(f"{path} is no file of images; give {_KINDS}") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        raise UserError(f"{path} cannot be read ({error}); give {_KINDS}") from None
    if not np.issubdtype(images.dtype, np.number) or np.iscomplexobj(images):
        raise UserError(f"{path} holds {images.dtype}, no numbers; give pixels")
    if images.size == pixels:
        return images.reshape(1, pixels)
    if images.ndim < 2 or not len(images) or images[0].size != pixels:
        shape = " x ".join(map(str, images.shape[images.ndim == 3 and len(images) == 1 :]))
        side = math.isqrt(pixels)
        square = f", {side} x {side}" if side * side == pixels else ""
        raise UserError(f"{path} is {shape}; the network takes images of {pixels} pixels{square}")
    return images.reshape(len(images), pixels)

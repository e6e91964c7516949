"""Images from the files that people have them in."""

from pathlib import Path

import numpy as np

from noise_exp.errors import UserError
from noise_exp.training.files import read_array, read_idx
from noise_exp.training.pictures import read_picture
from noise_exp.training.trained import Trained


def read(path: Path, trained: Trained) -> np.ndarray:
    """Return the images of a file as a network takes them, shape (images, pixels).

    A picture is one image. An array is one image, (rows, columns) or (pixels,), or several,
    (images, rows, columns) or (images, pixels).

    Raises
    ------
    UserError
        If the file cannot be read, or its images are not like those of training.
    """
    try:
        images = _content(path)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        raise UserError(f"{error}; give an IDX file, a grey picture or an array as .npy") from None
    try:
        return trained.images(images, f"the images of {path}")
    except ValueError as error:
        raise UserError(str(error)) from None


def _content(path: Path) -> np.ndarray:
    with path.open("rb") as file:
        start = file.read(6)
    if start == b"\x93NUMPY":
        return read_array(path)
    return read_idx(path, 3) if start[:2] in (b"\0\0", b"\x1f\x8b") else read_picture(path)

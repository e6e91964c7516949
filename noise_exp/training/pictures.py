"""Grey pictures from files; what would have to be bent is refused."""

import io
import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "PPM", "TIFF")
_EIGHT_BITS = ("PNG", "JPEG", "MPO", "BMP", "GIF", "WEBP")  # colours of more are cut by Pillow
_SIXTEEN_BITS = ("PNG", "PPM")  # scaled to 0..65535; TIFF's may be 12 bits, or signed
_ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")


def read_picture(path: Path) -> np.ndarray:
    """Return a picture's pixels, shape (rows, columns), 0 to 255; of 16 bits as fractions.

    It is turned as its EXIF data say. Colours that are all greys are grey.

    Raises
    ------
    ValueError
        If it is damaged, several, coloured or transparent, or of a kind whose scale is not known.
    OSError
        If the file cannot be read.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    content = path.read_bytes()
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as picture:
            kind, mode = picture.format, picture.mode
            frames = getattr(picture, "n_frames", 1)
            keyed = "transparency" in picture.info
            pixels = ImageOps.exif_transpose(picture)
            if mode == "I" or mode.startswith("I;16"):
                known = kind in _SIXTEEN_BITS and not keyed
                levels = np.asarray(pixels, np.float64) / 257 if known else None
            elif mode in ("1", "L") and not keyed:
                levels = np.asarray(pixels.convert("L"))
            else:
                cut = kind not in _EIGHT_BITS or (kind == "PNG" and content[24] > 8)
                known = mode in ("1", "L", "LA", "P", "PA", "RGB", "RGBA") and not cut
                levels = np.asarray(pixels.convert("RGBA")) if known else None
    except UnidentifiedImageError:
        raise ValueError(f"{path} is {'no picture' if content else 'empty'}") from None
    except Exception as error:  # a decoder raises anything
        raise ValueError(f"{path} is a damaged picture ({error})") from None
    if frames > 1:
        raise ValueError(f"{path} holds {frames} pictures; give each a file of its own")
    if levels is None:
        raise ValueError(
            f"{path} is a {kind} of mode {mode}, whose scale would be lost; save it as a grey PNG "
            "of 8 or 16 bits"
        )
    if levels.ndim == 2:
        return levels
    if levels[..., 3].min() < 255:
        raise ValueError(
            f"{path} is transparent in places; lay it on the ground that the images of training "
            "have, black for MNIST's, and save it without transparency"
        )
    if np.ptp(levels[..., :3], axis=2).any():
        raise ValueError(f"{path} is coloured; save it as a grey picture")
    return levels[..., 0]


def read_pictures(root: Path, labels: Mapping[str, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return the pictures (n, rows, columns) in the folders in `root` that have a label, and these.

    A picture is a file with the ending of one, in the folder or below; hidden ones do not count.

    Raises
    ------
    ValueError
        If a picture is like `read_picture` says, or not as large as the first; if a folder holds
        none.
    OSError
        If a file cannot be read.
    """
    found = {name: _files_in(root / name) for name in labels if (root / name).is_dir()}
    if not found:
        raise ValueError(f"{root} must hold a folder of pictures for each class")
    files = [(path, path.stat().st_mtime_ns) for some in found.values() for path in some]
    images = _read_all(tuple(files))
    return images, np.repeat([labels[name] for name in found], [len(f) for f in found.values()])


@lru_cache(maxsize=2)  # the jobs of a sweep that share a process read them once
def _read_all(files: tuple[tuple[Path, int], ...]) -> np.ndarray:
    first = read_picture(files[0][0])
    pictures = []
    for path, _ in files:
        picture = read_picture(path)
        if picture.shape != first.shape:
            sizes = [" x ".join(map(str, shape)) for shape in (picture.shape, first.shape)]
            raise ValueError(f"{path} is {sizes[0]} and {files[0][0]} {sizes[1]}; make them alike")
        pictures.append(picture)
    images = np.stack(pictures)
    images.setflags(write=False)
    return images


def _files_in(folder: Path) -> list[Path]:
    found = [
        Path(place, name)
        for place, _, names in os.walk(folder, followlinks=True)
        for name in names
        if name.lower().endswith(_ENDINGS) and name[0] != "."
    ]
    if not found:
        raise ValueError(f"{folder} holds no picture ({', '.join(_ENDINGS)})")
    return sorted(found)


def folders_in(folder: Path) -> list[str]:
    """Return the names of the folders in a folder, in order, by their numbers if they are some."""
    names = sorted(
        p.name for p in folder.iterdir() if p.is_dir() and p.name[0] != "." and p.name != "__MACOSX"
    )
    return sorted(names, key=int) if are_numbers(names) else names


def are_numbers(names: Sequence[str]) -> bool:
    """Whether names are different whole numbers."""
    return len({int(name) for name in names if name.isdecimal()}) == len(names)

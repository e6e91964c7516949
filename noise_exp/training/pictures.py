"""Grey pictures from files; what would lose something is refused."""

import io
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "PPM", "TIFF")
_ENDINGS = {  # of pictures, also of those that are refused
    ".avif", ".bmp", ".gif", ".heic", ".heif", ".jfif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm",
    ".tif", ".tiff", ".webp",
}  # fmt: skip


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
            kind, mode, frames = picture.format, picture.mode, getattr(picture, "n_frames", 1)
            keyed = "transparency" in picture.info
            # Pillow cuts colours of 16 bits to 8, and scales greys of 16 in none but these formats.
            bits = content[24] if kind == "PNG" else 16 if kind in ("PPM", "TIFF") else 8
            deep = mode.startswith("I") and kind in ("PNG", "PPM") and not keyed
            known = mode in ("1", "L") or (mode in ("LA", "P", "PA", "RGB", "RGBA") and bits <= 8)
            turned = ImageOps.exif_transpose(picture)
            levels = np.asarray(turned.convert("RGBA") if known else turned)
    except UnidentifiedImageError:
        what = f"no picture in {', '.join(_FORMATS)}" if content else "empty"
        raise ValueError(f"{path} is {what}") from None
    except Exception as error:  # a decoder raises anything
        raise ValueError(f"{path} is a damaged picture ({error})") from None
    if frames > 1:
        raise ValueError(f"{path} holds {frames} pictures; give each a file of its own")
    if deep:
        return levels / 257
    if not known:
        raise ValueError(
            f"{path} is a {kind} of mode {mode}, whose scale would be lost; save it as a grey PNG "
            "of 8 or 16 bits"
        )
    if levels[..., 3].min() < 255:
        raise ValueError(
            f"{path} is transparent in places; lay it on the ground that the images of training "
            "have, black for MNIST's, and save it without transparency"
        )
    if np.ptp(levels[..., :3], axis=2).any():
        raise ValueError(f"{path} is coloured; save it as a grey picture")
    return levels[..., 0]


def read_pictures(root: Path) -> tuple[np.ndarray, list[str]]:
    """Return the pictures (n, rows, columns) in the folders of a folder, and each one's folder.

    A picture is a file with the ending of one, in the folder or below; hidden ones do not count.

    Raises
    ------
    ValueError
        If a picture is like `read_picture` says, or not as large as the first; if a folder holds
        none.
    OSError
        If a file cannot be read.
    """
    files = [(path, name) for name in folders_in(root) for path in _files_in(root / name)]
    if not files:
        raise ValueError(f"{root} must hold a folder of pictures for each class")
    images = _stacked(tuple((path, path.stat().st_mtime_ns) for path, _ in files))
    return images, [name for _, name in files]


@lru_cache(2)  # jobs of a sweep that share a process read them once
def _stacked(files: tuple[tuple[Path, int], ...]) -> np.ndarray:
    pictures: list[np.ndarray] = []
    for path, _ in files:
        pictures.append(read_picture(path))
        sizes = [" x ".join(map(str, p.shape)) for p in (pictures[-1], pictures[0])]
        if sizes[0] != sizes[1]:
            raise ValueError(f"{path} is {sizes[0]} and {files[0][0]} {sizes[1]}; make them alike")
    return np.stack(pictures)


def _files_in(folder: Path) -> list[Path]:
    found = [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in _ENDINGS
        and not path.is_dir()
        and not any(part[0] == "." for part in path.relative_to(folder).parts)
    ]
    if not found:
        raise ValueError(f"{folder} holds no picture ({', '.join(sorted(_ENDINGS))})")
    return found


def folders_in(folder: Path) -> list[str]:
    """Return the names of the folders in a folder, in order, by their numbers if they are some."""
    names = sorted(
        p.name for p in folder.iterdir() if p.is_dir() and p.name[0] != "." and p.name != "__MACOSX"
    )
    return sorted(names, key=int) if are_numbers(names) else names


def are_numbers(names: Sequence[str]) -> bool:
    """Whether names are different whole numbers."""
    return len({int(name) for name in names if name.isdecimal()}) == len(names)

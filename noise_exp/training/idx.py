"""Files in MNIST's IDX format, gzipped or not."""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

_TYPES = {  # of IDX files, by the third byte
    0x08: "unsigned bytes", 0x09: "signed bytes", 0x0B: "16-bit integers",
    0x0C: "32-bit integers", 0x0D: "32-bit floats", 0x0E: "64-bit floats",
}  # fmt: skip
_INTEGERS = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4"}


def read_labels(path: Path) -> np.ndarray:
    """Read labels (n,): whole numbers of any type or, as in QMNIST, the first of several columns.

    Raises ValueError like `read_idx`.
    """
    begin = unpacked(path)[:4]
    dimensions = 2 if begin[3:] == b"\2" else 1
    labels = read_idx(path, dimensions, integers=True)
    return labels if dimensions == 1 else labels[:, 0]


def read_idx(path: Path, dimensions: int, integers: bool = False) -> np.ndarray:
    """Read a file of unsigned bytes, or of integers of any size, in IDX format, gzipped or not.

    Raises
    ------
    ValueError
        If the file is not such a file, or its size is not what its header says.
    """
    content = unpacked(path)
    header = 4 + 4 * dimensions
    magic = bytes([0, 0, 8, dimensions])
    if integers and content[:2] == b"\0\0" and content[2:3] and content[2] in _INTEGERS:
        magic = bytes([0, 0, content[2], dimensions])
    if content[:4] != magic:
        raise ValueError(
            f"{path} {_named(content[:4])}: it starts with the bytes {content[:4].hex()}, not with "
            f"the magic number {magic.hex()} of unsigned bytes in {_counted(dimensions)}, which "
            "alone is accepted"
        )
    shape = tuple(int(n) for n in np.frombuffer(content[4:header].ljust(4 * dimensions), ">u4"))
    kind = np.dtype(_INTEGERS[magic[2]])
    announced = math.prod(shape) * kind.itemsize
    if len(content) != header + announced:
        raise ValueError(
            f"{path} is truncated or damaged: its header announces {announced} bytes, "
            f"{max(len(content) - header, 0)} follow"
        )
    return np.frombuffer(content, kind, offset=header).reshape(shape)


def unpacked(path: Path) -> bytes:
    """Return what a file holds, gzipped or not.

    Raises
    ------
    ValueError
        If it is a damaged gzip.
    OSError
        If it cannot be read.
    """
    content = path.read_bytes()
    if content[:2] != b"\x1f\x8b":
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error):
        raise ValueError(f"{path} is a damaged gzip file") from None


def _named(magic: bytes) -> str:
    """Say what the file is that begins with these four bytes."""
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _TYPES:
        return "is not an IDX file"
    return f"is an IDX file of {_TYPES[magic[2]]} in {_counted(magic[3])}"


def _counted(dimensions: int) -> str:
    return f"{dimensions} dimension{'' if dimensions == 1 else 's'}"

"""Files in MNIST's IDX format."""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

_TYPES = {  # of IDX files, by the third byte
    0x08: "unsigned bytes", 0x09: "signed bytes", 0x0B: "16-bit integers",
    0x0C: "32-bit integers", 0x0D: "32-bit floats", 0x0E: "64-bit floats",
}  # fmt: skip


def read_idx(path: Path, dimensions: int) -> np.ndarray:
    """Read a file of unsigned bytes in IDX format, gzipped or not.

    Raises
    ------
    ValueError
        If the file is not such a file, or its size is not what its header says.
    """
    content = path.read_bytes()
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error):
            raise ValueError(f"{path} is a damaged or truncated gzip file") from None
    header = 4 + 4 * dimensions
    magic = bytes([0, 0, 8, dimensions])
    if content[:4] != magic:
        raise ValueError(
            f"{path} {_named(content[:4])}: it starts with the bytes {content[:4].hex()}, not with "
            f"the magic number {magic.hex()} of unsigned bytes in {_counted(dimensions)}, which "
            "alone is accepted"
        )
    shape = tuple(int(n) for n in np.frombuffer(content[4:header].ljust(4 * dimensions), ">u4"))
    if len(content) != header + math.prod(shape):
        raise ValueError(
            f"{path} is truncated or damaged: its header announces {math.prod(shape)} bytes, "
            f"{max(len(content) - header, 0)} follow"
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def _named(magic: bytes) -> str:
    """Say what the file is that begins with these four bytes."""
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _TYPES:
        return "is not an IDX file"
    return f"is an IDX file of {_TYPES[magic[2]]} in {_counted(magic[3])}"


def _counted(dimensions: int) -> str:
    return f"{dimensions} dimension{'' if dimensions == 1 else 's'}"

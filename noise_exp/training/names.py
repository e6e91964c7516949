"""What the names of files and arrays say of a set of images."""

import re
from collections.abc import Iterable
from pathlib import Path

# Words in names, as the published sets, Keras, MedMNIST and scikit-learn use them.
_MEANINGS = {
    **dict.fromkeys(("image", "imgs", "x", "data"), "images"),
    **dict.fromkeys(("label", "y", "target", "targets"), "labels"),
}
_NO_WORDS = {"", "train", "training", "idx1", "idx2", "idx3", "ubyte", "int", "gz"}
IMAGES, TEST = frozenset({"images"}), frozenset({"test"})


def words_of(name: str) -> frozenset[str]:
    """Return what tells a part of a set from the others: its name in words, their spelling aside.

    The words images and labels say what it is, test that it is for test.
    """
    words = set(re.split(r"[-._\s]+", name.lower())) - _NO_WORDS
    if not words & {"images", "labels"}:
        words = {_MEANINGS.get(word, word) for word in words}
    return frozenset("test" if word == "t10k" else word for word in words)


def labels_of(images: frozenset[str]) -> frozenset[str]:
    """Return the words of the labels' name that belongs to that of images."""
    return images - IMAGES | {"labels"}


def named(words: frozenset[str], names: Iterable[str]) -> str | None:
    """Return the name of these words; of several the plainest, as a file beside its gzip."""
    found = [name for name in names if words_of(name) == words]
    plain = ("images", "labels")
    return min(found, key=lambda n: (not any(p in n for p in plain), len(n)), default=None)


def names_in(folder: Path) -> list[str]:
    """Return the names of the files in a folder, but hidden ones, as macOS leaves beside each."""
    return sorted(p.name for p in folder.iterdir() if p.is_file() and p.name[0] != ".")

"""What a run's record is on disk: its names, and what a power cut leaves of it."""

import contextlib
import json
import os
from pathlib import Path
from typing import Any

RECORDS = ".noise_exp"  # in an output folder: what the program keeps there for itself
FACTS = "run.json"
EPOCHS = "epochs.jsonl"
ARTIFACTS = "artifacts"


def synced(*paths: Path) -> None:
    """Let the system write files and folders to disk, those that are there."""
    for path in paths:
        with contextlib.suppress(OSError):  # some systems sync no folder
            number = os.open(path, os.O_RDONLY)
            try:
                os.fsync(number)
            finally:
                os.close(number)


def epoch_in(line: bytes) -> dict[str, Any] | None:
    """Return what a line says of an epoch; None if it is damaged."""
    try:
        said = json.loads(line)
    except ValueError:
        return None
    if not isinstance(said, dict) or {type(said.get(k)) for k in ("epoch", "time")} != {int}:
        return None
    return said if all(isinstance(v, int | float | None) for v in said.values()) else None

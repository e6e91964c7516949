"""Where output goes, checked before the start: nobody else's."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

from noise_exp.errors import UserError
from noise_exp.runs import output
from noise_exp.runs.journal import RECORDS, Journal
from noise_exp.tracking.places import refuse_store

_SPACE = 1 << 16  # bytes that must fit: Hydra's own files and a record


def check_folder(
    folder: Path, key: str, uri: str | None, of_hydra: Sequence[str], names: Sequence[str] = ()
) -> None:
    """Make a folder for output, and see that it is free for it and that there is space.

    Parameters
    ----------
    folder, key
        The folder, and what sets it: hydra.run.dir or hydra.sweep.dir.
    uri
        The configuration's store.
    of_hydra
        What Hydra writes there, in the place of whatever is there.
    names
        Of the files that will be written there for people.

    Raises
    ------
    UserError
        If it cannot be written, is a store's or within a living sweep's, or holds one of the names
        or of Hydra's.
    """
    refuse_store(folder, uri, key)
    _refuse_living(folder, key)
    output.refuse_foreign(folder, names, key)
    if not (folder / RECORDS).is_dir():  # else an earlier run of ours left them
        output.refuse_foreign(folder, of_hydra, key)
    try:
        (folder / RECORDS).mkdir(parents=True, exist_ok=True)
        probe = folder / RECORDS / "writable"
        try:
            probe.write_bytes(bytes(_SPACE))
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(
            f"the output folder {folder} cannot be written "
            f"({error.strerror}); set {key} to another folder"
        ) from None


def _refuse_living(folder: Path, key: str) -> None:
    """Refuse a folder within that of a sweep that is at work: its jobs' results lie there."""
    for around in folder.absolute().parents:
        if (around / RECORDS).is_dir():
            with contextlib.suppress(OSError, ValueError), Journal.claim(around) as journal:
                if journal is None:
                    raise UserError(
                        f"the output folder {folder} lies in {around}, which a run that is still "
                        f"alive uses; choose another {key}"
                    )

"""Results as data: a csv file per study, a row per run, from which tables and figures are made.

Columns: cell (of which comparison), seed, what was set for the run by key, work (forward passes
done), seconds (of training), errors, images (of the test, or of the validation in a search), score
(what a search makes small), environment (kernel of the matrix products) and version (of the
program).
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
from filelock import FileLock

from noise_exp.errors import UserError
from noise_exp.job import launchers
from noise_exp.runs.record import Record
from studies.protocol import Ended, settings_of

FOLDER = Path(__file__).parent / "results"
_MEASURED = ["work", "seconds", "errors", "images", "score"]
_ORIGIN = ["environment", "version"]
_NO_SETTINGS = {"cell", "seed", *_MEASURED, *_ORIGIN}


def rows(cell: str, records: Sequence[Record]) -> pd.DataFrame:
    """Return the results of a cell's runs, one row each."""
    return pd.DataFrame(
        {"cell": cell, "seed": r.params["seed"]}
        | settings_of(r)
        | {
            "work": round(r.final("forward_passes"), 3),
            "seconds": round(r.seconds, 2),
            "errors": int(r.errors),
            "images": int(r.images),
            "score": float(f"{r.score:.5g}"),
            "environment": r.kernel or "",
            "version": r.tags.get("code_version", ""),
        }
        for r in records
    )


def read(path: Path) -> pd.DataFrame:
    """Read a study's results: numbers where they were measured, else text, empty if not set.

    Raises
    ------
    UserError
        If there is no such file.
    """
    if not path.is_file():
        raise UserError(f"there are no results in {path}; the study's command writes them")
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    return frame.assign(**{key: pd.to_numeric(frame[key]) for key in _MEASURED})


def found(path: Path, read: Callable[[Path], pd.DataFrame] = read) -> pd.DataFrame | None:
    """Read a study's results; say so if there are none, and that its tables stay as they are.

    Rows of several versions of the program are reported as well: sweeps that go on make them.
    """
    if path.is_file():
        rows = read(path)
        versions = sorted(set(rows["version"])) if "version" in rows else []
        if len(versions) > 1:
            print(f"{path} has rows of several versions: {', '.join(versions)}")
        return rows
    print(f"there are no results in {path}: what is made of them is left as it is")
    return None


def join(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return results as they are kept: sorted by cell, columns in order, empty where not set."""
    rows = pd.concat(frames)
    text = sorted({str(key) for key in rows} - _NO_SETTINGS)
    rows = rows.reindex(columns=["cell", "seed", *text, *_MEASURED, *_ORIGIN])
    rows = rows.sort_values("cell", kind="stable", ignore_index=True)
    words = rows[[*text, *_ORIGIN]].astype(object)
    return rows.assign(**words.where(words.notna(), ""))


def merge(path: Path, new: pd.DataFrame) -> None:
    """Write results in place of those of the same cells; others may do so at the same time."""
    with locked(path):
        frames = [new]
        if path.is_file():
            old = read(path)
            frames = [old[~old.cell.isin(new.cell)], new]
        whole = {"errors": "Int64", "images": "Int64"}  # with a value where there is none
        write(path, join(frames).astype(whole))


def locked(path: Path) -> FileLock:
    """Return a lock on a table, for the time between reading and writing it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(path.with_suffix(".lock"))


def write(path: Path, table: pd.DataFrame) -> None:
    """Write a table in place of another, the whole or nothing of it."""
    part = path.with_suffix(".part")
    table.to_csv(part, index=False)
    part.replace(path)


def keep(path: Path) -> Ended:
    """Return what takes a sweep's runs over into a study's results."""
    return lambda sweep, records: merge(path, rows(sweep.cell, records))


def settings(row: pd.Series) -> dict[str, str]:
    """Return what was set for a run, by key."""
    return {str(k): v for k, v in row.items() if k not in _NO_SETTINGS and v != ""}


def best(trials: pd.DataFrame, cell: str) -> dict[str, str]:
    """Return what was set for the best trial of a cell's search, by key.

    Raises
    ------
    UserError
        If there is none.
    """
    own = trials[trials.cell == cell]
    if own.empty:
        raise UserError(f"{cell} was not searched; run its search first")
    return settings(own.sort_values("score", kind="stable").iloc[0])


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give a command that runs cells and keeps their results its options."""
    parser.add_argument(
        "--jobs", type=int, default=launchers.available(), help="sweeps at a time; default: cores"
    )
    parser.add_argument(
        "--results", type=Path, default=FOLDER, metavar="FOLDER", help="of the csv files"
    )

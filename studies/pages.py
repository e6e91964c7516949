"""A page of the docs, and the options of the command that fills it."""

import argparse
from pathlib import Path

from noise_exp.errors import UserError
from noise_exp.writing import fill, place


class Page:
    """A page with places for tables, `<!-- name -->` ... `<!-- end -->`, and a folder beside it.

    Parameters
    ----------
    folder
        For figures and csv files; it is made if it is missing.
    path
        The page; None to print the tables alone.
    """

    def __init__(self, folder: Path, path: Path | None) -> None:
        self.folder = folder
        self._path = path
        folder.mkdir(parents=True, exist_ok=True)

    def require(self, name: str) -> None:
        """Raise UserError if the page has no place for a table; to be asked before the work."""
        if self._path and not place(name).search(self._path.read_text("utf-8")):
            raise UserError(
                f"{self._path} has no place for the table: <!-- {name} --> <!-- end -->"
            )

    def table(self, name: str, text: str) -> None:
        """Print a table, and write it into the page, which must have its place."""
        print(f"\n{text}", flush=True)
        self.require(name)
        if self._path:
            fill(self._path, name, text)


def add_page(parser: argparse.ArgumentParser, folder: str) -> None:
    """Give a command the options of a page: --output FOLDER and --page FILE."""
    parser.add_argument(
        "--output", type=Path, default=Path(folder), metavar="FOLDER",
        help="for figures and csv files; default: %(default)s",
    )  # fmt: skip
    parser.add_argument("--page", type=_file, metavar="FILE", help="Markdown page for the tables")


def _file(text: str) -> Path:
    if not Path(text).is_file():
        raise argparse.ArgumentTypeError(f"there is no file {text}")
    return Path(text)

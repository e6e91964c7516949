"""Tables and figures of the docs: a folder for each study, docs/results/STUDY."""

import argparse
from pathlib import Path

DOCS = Path("docs/results")


def add_output(parser: argparse.ArgumentParser, folder: Path) -> None:
    """Give a command that writes tables and figures its option --output FOLDER."""
    parser.add_argument(
        "--output", type=Path, default=folder, metavar="FOLDER",
        help="for tables, figures and csv files; default: %(default)s",
    )  # fmt: skip


def write_table(folder: Path, name: str, text: str) -> None:
    """Print a table in Markdown, and write it to a file, FOLDER/NAME.md."""
    print(f"\n{name}:\n{text}", flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.md").write_text(text.strip() + "\n", "utf-8")

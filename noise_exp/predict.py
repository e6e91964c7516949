"""`python -m noise_exp.predict RUN_ID FILE...`: what a run's network takes images for.

A FILE is an IDX file (gzipped or not), a grey picture, or an array as .npy, with pixels as in the
run's data: MNIST's are 0 to 255, light on a dark ground.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from noise_exp.errors import UserError, at_the_edge
from noise_exp.runs.secrets import check_arguments
from noise_exp.training.files import read_array, read_idx
from noise_exp.training.pictures import read_picture
from noise_exp.training.trained import Trained
from noise_exp.writing import print_table

if TYPE_CHECKING:  # what is heavy waits until the arguments are understood
    from noise_exp.tracking.store import Store

_SHOWN = 40  # images, in the terminal and in the figure


def main() -> None:
    """Print a table of images; exit with one line if they cannot be predicted."""
    options = parser().parse_args()
    with at_the_edge("noise_exp.predict"):
        check_arguments(sys.argv[1:])
        from noise_exp.tracking.store import opened

        with opened(options.uri, None) as store:
            _predict(options, store)


def parser() -> argparse.ArgumentParser:
    """Return what reads the command's arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m noise_exp.predict",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", metavar="RUN_ID", help="a finished run, as the UI shows its id")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="images")
    parser.add_argument("--uri", help="the store; by default MLFLOW_TRACKING_URI or ours")
    parser.add_argument("--csv", type=Path, help="write the whole table to this file")
    parser.add_argument("--figure", type=Path, help="draw the first images to this file")
    return parser


def _predict(options: argparse.Namespace, store: "Store") -> None:
    import pandas as pd

    from noise_exp.figures import predictions
    from noise_exp.tracking.model import fetch

    for path in (options.csv, options.figure):
        if path is not None and path.exists():
            raise UserError(f"{path} is there already; delete it, or give another name")
    if (path := options.figure) and path.suffix.lower()[1:] not in predictions.FORMATS:
        raise UserError(
            f"{path} is no name of a picture; give it the ending of one, as in "
            f"{path.stem}.png ({', '.join(sorted(predictions.FORMATS))})"
        )
    trained = fetch(store, options.run)
    found = {path: read(path, trained) for path in options.files}
    images = np.concatenate(list(found.values()))
    labels, probabilities = trained.predict(images)
    table = pd.DataFrame(
        {
            "file": np.repeat([str(path) for path in found], [len(i) for i in found.values()]),
            "image": np.concatenate([np.arange(len(i)) for i in found.values()]),
            "label": trained.called(labels),
            "probability": probabilities.max(axis=1),
        }
    )
    shown = table.head(_SHOWN)
    title = ", ".join(f"{n:,} for {label}" for label, n in table.label.value_counts().items())
    more = f"; the first {_SHOWN} of them (--csv writes all)" if len(table) > _SHOWN else ""
    print_table(
        shown.assign(probability=shown.probability.map("{:.4f}".format)),
        f"Images taken {title}{more}",
    )
    if options.csv:
        options.csv.parent.mkdir(parents=True, exist_ok=True)
        names = "probability_" + trained.called(trained.classes).astype(str).astype(object)
        table.join(pd.DataFrame(probabilities, columns=names)).to_csv(options.csv, index=False)
    if options.figure:
        picture = predictions.draw(images[:_SHOWN], list(shown.label), list(shown.probability))
        options.figure.parent.mkdir(parents=True, exist_ok=True)
        picture.savefig(options.figure, dpi=150)


def read(path: Path, trained: Trained) -> np.ndarray:
    """Return the images of a file as a network takes them, shape (images, pixels).

    A picture is one image. An array is one image, (rows, columns) or (pixels,), or several,
    (images, rows, columns) or (images, pixels).

    Raises
    ------
    UserError
        If the file cannot be read, or its images are not like those of training.
    """
    try:
        with path.open("rb") as file:
            start = file.read(6)
        if start == b"\x93NUMPY":
            images = read_array(path)
        elif start[:2] in (b"\0\0", b"\x1f\x8b"):
            images = read_idx(path, 3)
        else:
            images = read_picture(path)
        return trained.images(images, f"the images of {path}")
    except (OSError, ValueError) as error:
        raise UserError(str(error)) from None


if __name__ == "__main__":
    main()

"""`python -m noise_exp.predict RUN_ID FILE...`: what a run's network takes images for.

A FILE is an IDX file (gzipped or not), a grey picture, or an array as .npy, with pixels as in the
run's data: MNIST's are 0 to 255, light on a dark ground.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from noise_exp.errors import UserError, at_the_edge
from noise_exp.records.secrets import check_arguments
from noise_exp.writing.console import print_table

if TYPE_CHECKING:  # what is heavy waits until the arguments are understood
    import pandas as pd

    from noise_exp.tracking.store import Store

_SHOWN = 40  # images, in the terminal and in the figure


def main() -> None:
    """Print a table of images; exit with one line if they cannot be predicted."""
    options = _options()
    with at_the_edge("noise_exp.predict"):
        check_arguments(sys.argv[1:])
        from noise_exp.tracking.store import opened

        with opened(options.uri, None) as store:
            _predict(options, store)


def _options() -> argparse.Namespace:
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
    return parser.parse_args()


def _predict(options: argparse.Namespace, store: "Store") -> None:
    import numpy as np
    import pandas as pd

    from noise_exp.predict.images import read
    from noise_exp.tracking.model import fetch

    for path in (options.csv, options.figure):
        if path is not None and path.exists():
            raise UserError(f"{path} is there already; delete it, or give another name")
    if options.figure:
        _check_format(options.figure)
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
    print_table(_readable(table), _title(table))
    if options.csv:
        options.csv.parent.mkdir(parents=True, exist_ok=True)
        of_classes = pd.DataFrame(
            probabilities, columns=trained.called(trained.classes).astype(str)
        )
        table.join(of_classes.add_prefix("probability_")).to_csv(options.csv, index=False)
    if options.figure:
        from noise_exp.figures.predictions import draw

        shown = table.head(_SHOWN)
        picture = draw(images[: len(shown)], list(shown.label), list(shown.probability))
        options.figure.parent.mkdir(parents=True, exist_ok=True)
        picture.savefig(options.figure, dpi=150)


def _check_format(path: Path) -> None:
    from noise_exp.figures.predictions import FORMATS

    if path.suffix.lower().removeprefix(".") not in FORMATS:
        raise UserError(
            f"{path} is no name of a picture; give it the ending of one, as in "
            f"{path.stem}.png ({', '.join(sorted(FORMATS))})"
        )


def _readable(table: "pd.DataFrame") -> "pd.DataFrame":
    shown = table.head(_SHOWN)
    return shown.assign(probability=shown.probability.map("{:.4f}".format))


def _title(table: "pd.DataFrame") -> str:
    taken = ", ".join(f"{n:,} for {label}" for label, n in table.label.value_counts().items())
    first = f"; the first {_SHOWN} of them (--csv writes all)" if len(table) > _SHOWN else ""
    return f"Images taken {taken}{first}"


main()

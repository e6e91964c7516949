"""`python -m noise_exp.report WHAT...`: how much of a difference is the method, how much luck.

WHAT is the id of a sweep's run in MLflow (or of any run), an experiment's name, or a filter in
MLflow's search language, as in "params.optimizer = 'vanilla'"; several are put together. The page
and its tables are written to a folder, and logged on the sweep's run, or, if they are not of one
sweep, on a run of their own.
"""

import argparse
import logging
import math
import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from noise_exp.console import duration
from noise_exp.errors import UserError

if TYPE_CHECKING:  # what is heavy waits until the arguments are understood
    from noise_exp.report.build import Report


def main() -> None:
    """Make the report; exit with one line if there is nothing to report on."""
    choices = _options()
    try:
        _report(choices)
    except (UserError, OSError) as error:
        sys.exit(f"noise_exp.report: {error}")


def _report(options: argparse.Namespace) -> None:
    from noise_exp.report.build import Choices, build
    from noise_exp.report.targets import Target
    from noise_exp.report.words import design, findings
    from noise_exp.report.write import PAGE, write
    from noise_exp.tracking import records

    client = records.connect(options.uri)
    found = records.find(client, options.what, options.experiment)
    metric, _, level = options.target.partition("<=")
    report = build(
        records.read(client, found.runs),
        Choices(
            options.outcome, options.margin, Target(metric.strip(), float(level)), options.at_most
        ),
    )
    command = shlex.join(["python", "-m", "noise_exp.report", *sys.argv[1:]])
    title = found.parents[0].info.run_name if len(found.parents) == 1 else " ".join(options.what)
    files = write(report, options.output, title or "report", command)
    print(*(f"- {said}" for said in (*findings(report), *report.unsaid)), sep="\n")
    print(f"Report: {options.output / PAGE}")
    if options.page:
        ran = [
            f"`{p.data.tags['mlflow.source.name']}`: {duration(p.data.metrics['sweep_seconds'])}."
            for p in found.parents
            if "sweep_seconds" in p.data.metrics
        ]
        _fill(options.page, report, " ".join([design(report), *ran]))
    if not options.no_log:
        run_id = records.keep(client, found, options.output, files, command)
        print(f"Logged on run {run_id}")


def _fill(page: str, report: "Report", where: str) -> None:
    """Put the findings, tables and dots where a Markdown page has places for them."""
    from noise_exp.report.page import picture_of_dots
    from noise_exp.report.words import markdown

    name, _, prefix = page.partition("#")
    path = Path(name)
    text = path.read_text()
    for part, content in {"where": where, **markdown(report)}.items():
        marker = f"<!-- {prefix} {part} -->" if prefix else f"<!-- {part} -->"
        place = re.compile(rf"(?<={re.escape(marker)}\n).*?(?=<!-- end -->)", re.DOTALL)
        if found := place.search(text):
            text = f"{text[: found.start()]}\n{content}\n\n{text[found.end() :]}"
    path.write_text(text)
    picture = path.parent / "figures" / f"{'_'.join(filter(None, (path.stem, prefix)))}_dots.png"
    if f"figures/{picture.name}" in text:
        picture_of_dots(report).savefig(picture, dpi=110)


def _options() -> argparse.Namespace:
    logging.basicConfig(format="%(message)s")
    parser = argparse.ArgumentParser(
        "python -m noise_exp.report",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", nargs="+", metavar="WHAT", help="run id, experiment or filter")
    parser.add_argument("--uri", help="the store; default: $MLFLOW_TRACKING_URI, else mlruns/")
    parser.add_argument(
        "--experiment", default="noise_training", help="that a filter searches; %(default)s"
    )
    parser.add_argument(
        "--outcome", metavar="METRIC",
        help="that is compared, the lower the better: cost, ...; default: the error rate",
    )  # fmt: skip
    parser.add_argument(
        "--margin", type=float, default=0.01,
        help="a smaller difference of the outcome counts as none; %(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--target", default="train_error_rate<=0.1", metavar="METRIC<=LEVEL",
        help="whose time and forward passes are counted; %(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--at-most", type=int, metavar="N", help="count the seeds with at most N errors"
    )
    parser.add_argument("--output", type=Path, default=Path("report"), metavar="FOLDER")
    parser.add_argument(
        "--page", metavar="FILE[#PLACE]",
        help="Markdown page to fill between <!-- [PLACE] name --> and <!-- end -->",
    )  # fmt: skip
    parser.add_argument("--no-log", action="store_true", help="write the folder, not the store")
    options = parser.parse_args()
    if not (math.isfinite(options.margin) and options.margin > 0):
        parser.error(f"--margin must be a number above 0, got {options.margin}")
    if not re.fullmatch(r"(cost|train_error_rate)\s*<=\s*[0-9.eE+-]+", options.target):
        parser.error(
            f"--target must be cost<=LEVEL or train_error_rate<=LEVEL, got {options.target}"
        )
    if options.page and not Path(options.page.partition("#")[0]).is_file():
        parser.error(f"--page: there is no file {options.page}")
    return options


if __name__ == "__main__":
    main()

"""`python -m noise_exp.report WHAT...`: how much of a difference is the method, how much luck.

WHAT is the id of a sweep's run in MLflow (or of any run), an experiment's name, or a filter in
MLflow's search language, as in "params.optimizer = 'vanilla'"; several are put together. The page
and its tables are written to a folder, and logged on the sweep's run, or, if they are not all of
one sweep or the report is not the one that every sweep ends with, on a run of their own.
"""

import argparse
import logging
import math
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from noise_exp.errors import UserError, at_the_edge
from noise_exp.redaction import redacted
from noise_exp.runs.secrets import check_arguments

if TYPE_CHECKING:  # what is heavy waits until the arguments are understood
    from noise_exp.report.targets import Target
    from noise_exp.tracking.store import Store

_MARGIN = 0.01


def main() -> None:
    """Make the report; exit with one line if there is nothing to report on."""
    logging.basicConfig(format="%(message)s")
    reads = parser()
    options = reads.parse_args()
    _check(reads, options)
    with at_the_edge("noise_exp.report"):
        check_arguments(sys.argv[1:])
        from noise_exp.tracking.store import opened

        with opened(options.uri, options.experiment) as store:
            _report(options, store)


def _report(options: argparse.Namespace, store: "Store") -> None:
    from noise_exp.report.build import Choices, build
    from noise_exp.report.page import PAGE, RUNS, files, write
    from noise_exp.report.words import findings, headlines
    from noise_exp.runs import output
    from noise_exp.tracking import places, reading

    places.refuse_store(options.output, options.uri, "--output")
    output.refuse_foreign(options.output, output.REPORT, "--output")
    asked = reading.ask(store, options.what)
    records = reading.read(store, asked.runs)
    if not records:
        raise UserError(f"no run of {', '.join(map(repr, options.what))} makes sense any more")
    if asked.sweep:  # what it did not start itself, it reused
        own = asked.sweep.info.run_id
        records = [replace(record, reused=record.parent_id != own) for record in records]
    known = {key for record in records for key in (*record.metrics, *record.curves)}
    if options.outcome and known and options.outcome not in known:
        raise UserError(
            f"no run has the metric {options.outcome!r}; they have {', '.join(sorted(known))}"
        )
    margin = options.margin or _margin(options.outcome)
    choices = Choices(options.outcome, margin, options.target, options.at_most)
    report = build(records, choices)
    command = redacted(shlex.join(["python", "-m", "noise_exp.report", *sys.argv[1:]]))
    title = asked.sweep.info.run_name if asked.sweep else " ".join(options.what)
    sweep = asked.sweep.info.run_id if asked.sweep else None
    made = files(report, title or "report", command, sweep)
    written = write(options.output, made, output.REPORT)
    said = (*headlines(report), *findings(report), *report.unsaid)
    print(*(f"- {sentence}" for sentence in said), sep="\n")
    print(f"Report: {options.output / PAGE}")
    if not options.no_log:
        on = asked.sweep if choices == Choices() else None  # it keeps the report it ended with
        if on:  # and its own list of jobs, which says what it reused
            written.remove(RUNS)
        run_id = reading.keep(store, asked, on, options.output, written, command)
        print(f"Logged on run {run_id}")


def _margin(outcome: str | None) -> float:
    if outcome and not outcome.endswith(("error_rate", "cost")):
        raise UserError(f"--outcome {outcome} needs --margin: the difference that counts as none")
    return _MARGIN


def _target(text: str) -> "Target":
    from noise_exp.report.targets import Target

    metric, _, level = (part.strip() for part in text.partition("<="))
    try:
        target = Target(metric, float(level))
    except ValueError:
        target = Target(metric, math.nan)
    if metric not in ("cost", "train_error_rate") or not math.isfinite(target.level):
        raise argparse.ArgumentTypeError(
            f"must be cost<=LEVEL or train_error_rate<=LEVEL, LEVEL a number, got {text!r}"
        )
    return target


def parser() -> argparse.ArgumentParser:
    """Return what reads the command's arguments."""
    parser = argparse.ArgumentParser(
        "python -m noise_exp.report",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", nargs="+", metavar="WHAT", help="run id, experiment or filter")
    parser.add_argument("--uri", help="the store; default: $MLFLOW_TRACKING_URI, else mlruns/")
    parser.add_argument(
        "--experiment",
        help="that a filter searches; default: $MLFLOW_EXPERIMENT_NAME, else noise_training",
    )
    parser.add_argument(
        "--outcome", metavar="METRIC",
        help="that is compared, the lower the better: cost, ...; default: the error rate",
    )  # fmt: skip
    parser.add_argument(
        "--margin", type=float,
        help=f"a smaller difference of the outcome counts as none; {_MARGIN} for an error rate "
        "or a cost",
    )  # fmt: skip
    parser.add_argument(
        "--target", default="train_error_rate<=0.1", type=_target, metavar="METRIC<=LEVEL",
        help="whose time and forward passes are counted; %(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--at-most", type=int, metavar="N", help="count the seeds with at most N errors"
    )
    parser.add_argument("--output", type=Path, default=Path("report"), metavar="FOLDER")
    parser.add_argument("--no-log", action="store_true", help="write the folder, not the store")
    return parser


def _check(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    if options.at_most is not None and options.at_most < 0:
        parser.error(f"--at-most must be at least 0, got {options.at_most}")
    if options.margin is not None and not (math.isfinite(options.margin) and options.margin > 0):
        parser.error(f"--margin must be a number above 0, got {options.margin}")


if __name__ == "__main__":
    main()

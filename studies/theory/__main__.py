"""`python -m studies.theory`: hold the theory of docs/theory.md against the running program.

Prints claim, formula, predicted, measured, interval and verdict; exits with 1 unless every claim
holds. Writes a table, a csv file and a figure for each claim to a folder, and logs them to MLflow
as one run.
"""

import argparse
import io
import logging
import sys
import time
from pathlib import Path

from noise_exp import __version__
from noise_exp.errors import ReportedError, at_the_edge
from noise_exp.runs.record import Owed, Record
from noise_exp.runs.secrets import check_arguments
from studies.pages import add_output, write_table
from studies.theory import tables
from studies.theory.claims import Claim, Effort, Outcome
from studies.theory.figures import draw
from studies.theory.registry import CLAIMS

_RECORD = Path("outputs/theory/record")  # what MLflow is still owed, while it is away
_PATIENCE = 30.0  # seconds for a store that is away
_DOTS = 72  # per inch of 5.2: figures of about 20 kB


def main() -> None:
    """Test the claims asked for, and say what became of them."""
    options = _options()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with at_the_edge("studies.theory"):
        check_arguments(sys.argv[1:])
        if bad := _test(options):
            print(f"not these: {', '.join(bad)}", file=sys.stderr)
            raise ReportedError


def _test(options: argparse.Namespace) -> list[str]:
    """Test the claims, write what they came to; return the names of those that do not hold."""
    start = time.time()
    effort = Effort(options.quick, options.seed)
    options.output.mkdir(parents=True, exist_ok=True)
    results: list[tuple[Claim, Outcome]] = []
    pictures: dict[str, bytes] = {}
    for name in options.claims or CLAIMS:
        claim, begun = CLAIMS[name], time.time()
        outcome = claim.test(effort)
        results.append((claim, outcome))
        content = io.BytesIO()
        draw(outcome.picture).savefig(content, format="png", dpi=_DOTS * 1.4)
        pictures[f"{name}.png"] = content.getvalue()
        (options.output / f"{name}.png").write_bytes(content.getvalue())
        _say(claim, outcome, time.time() - begun)
    table = tables.markdown(results)
    write_table(options.output, "claims", table)
    (options.output / "theory_claims.csv").write_text(tables.as_csv(results), "utf-8")
    if options.tracking:
        _track(results, pictures, table, options, start)
    bad = [claim.name for claim, outcome in results if outcome.verdict != "holds"]
    print(
        f"\n{len(results) - len(bad)} of {len(results)} claims hold, in {time.time() - start:.0f} s"
    )
    return bad


def _say(claim: Claim, outcome: Outcome, seconds: float) -> None:
    print(f"\n{claim.name}: {claim.statement} ({outcome.verdict}, {seconds:.0f} s)")
    print(f"    {claim.formula}")
    for check in outcome.checks:
        _, what, predicted, measured, interval, verdict = tables.row(claim, check)
        print(f"    {verdict:9} {what}: {measured} ({interval}), predicted {predicted}", flush=True)


def _track(
    results: list[tuple[Claim, Outcome]],
    pictures: dict[str, bytes],
    table: str,
    options: argparse.Namespace,
    start: float,
) -> None:
    from noise_exp.tracking.recording import Recording
    from noise_exp.tracking.store import Store

    store = Store.open(options.uri, options.experiment)
    holding = [outcome.verdict for _, outcome in results].count("holds")
    record = Record(
        "theory",
        {"kind": "theory", "code_version": __version__},
        {"quick": str(options.quick), "seed": str(options.seed)},
        note=f"{holding} of {len(results)} claims hold.\n\n{table}",
        start_time=int(1000 * start),
    )
    files = {
        **pictures,
        "theory_claims.md": table.encode(),
        "theory_claims.csv": tables.as_csv(results).encode(),
    }
    with Recording(_RECORD, record, Owed(store.uri, store.experiment_id), _PATIENCE) as journal:
        journal.log_artifacts(files)
        for claim, outcome in results:
            first = outcome.checks[0]
            values = {
                "holds": float(outcome.verdict == "holds"),
                "measured": first.measured.value,
                "predicted": first.predicted,
            }
            journal.update(metrics={f"{claim.name}.{key}": value for key, value in values.items()})
    print(f"\nBrowse the run:\n    {store.browse}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m studies.theory", description=__doc__)
    parser.add_argument(
        "--claims", nargs="+", choices=list(CLAIMS), metavar="CLAIM",
        help=f"some of: {', '.join(CLAIMS)}; default: all",
    )  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="smaller samples, wider intervals")
    parser.add_argument("--seed", type=int, default=0, help="of everything random; default: 0")
    add_output(parser, Path("outputs/theory"))
    parser.add_argument(
        "--uri", help="the MLflow store; default: MLFLOW_TRACKING_URI, else mlruns/mlflow.db"
    )
    parser.add_argument(
        "--experiment", help="default: $MLFLOW_EXPERIMENT_NAME, else noise_training"
    )
    parser.add_argument(
        "--no-tracking", dest="tracking", action="store_false", help="do not log to MLflow"
    )
    options = parser.parse_args()
    if options.seed < 0:
        parser.error(f"--seed must be at least 0, got {options.seed}")
    return options


if __name__ == "__main__":
    main()

"""`python -m studies.seeds run|pages`: the method or the luck of a seed, for docs/seeds.md.

    run    the fourteen methods on 30 seeds; Gumbel noise on 100, as in the article; and initial
           weights, split and noise crossed
    pages  tables and figures of these runs' reports, without training

Results are rows of studies/results/seeds.csv. What the store holds is not done again.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from noise_exp.errors import at_the_edge
from noise_exp.report.build import Choices, Report, build
from noise_exp.report.methods import FOLDED, SEVERAL, methods_table
from noise_exp.report.page import DRAW
from noise_exp.report.runs import rows_of
from noise_exp.report.tables import pairs_table
from noise_exp.report.words import design, findings, headlines
from noise_exp.runs.record import Record
from noise_exp.writing import UNKNOWN, markdown_of, spread
from studies import protocol, results
from studies.pages import DOCS, add_output, write_table
from studies.protocol import Sweep

_RESULTS = "seeds.csv"
_SWEEPS = {
    "fourteen": ("experiment=seed_sensitivity",),
    "gumbel": ("dist=gumbel", "seed=range(100)"),
    "crossed": ("experiment=variance",),
}
_METRICS = ("cost", "constant_errors", "pixel_sum_errors")

_TABLES: dict[str, Callable[[Report], str]] = {
    "findings": lambda report: "\n".join(f"- {said}" for said in _said(report)),
    "methods": lambda report: markdown_of(methods_table(report, SEVERAL)),
    "seeds": lambda report: markdown_of(methods_table(report, FOLDED)),
    "to_other": lambda report: markdown_of(pairs_table(report.against[-1])),
    "sources": lambda report: markdown_of(sources_table(report)),
}
_SHOWN = {
    "fourteen": ("findings", "methods", "seeds", "to_other", "dots", "ranks"),
    "gumbel": ("seeds",),
    "crossed": ("sources", "shares"),
}


def main() -> None:
    """Do what is asked for."""
    parser = argparse.ArgumentParser(
        "python -m studies.seeds",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=("run", "pages"))
    results.add_options(parser)
    add_output(parser, DOCS / "seeds")
    options = parser.parse_args()
    with at_the_edge("studies.seeds"):
        (_run if options.command == "run" else _pages)(options)


def _run(options: argparse.Namespace) -> None:
    sweeps = [
        Sweep(cell, Path("multirun/seeds") / cell, overrides) for cell, overrides in _SWEEPS.items()
    ]
    protocol.run(
        sweeps, options.jobs,
        lambda sweep, records: results.merge(
            options.results / _RESULTS, rows(sweep.cell, records)
        ),
    )  # fmt: skip


def _pages(options: argparse.Namespace) -> None:
    runs = results.found(options.results / _RESULTS)
    if runs is None:
        return
    for cell, own in runs.groupby("cell"):
        report = build([record_of(row) for _, row in own.iterrows()], Choices(at_most=2))
        for part in _SHOWN[str(cell)]:
            name = f"{cell}_{part}"
            if part in _TABLES:
                write_table(options.output, name, _TABLES[part](report))
            elif figure := DRAW[part](report):
                figure.savefig(options.output / f"{name}.png", dpi=110)


def rows(cell: str, records: Sequence[Record]) -> pd.DataFrame:
    """Return the results of a cell's runs, with what a report asks beside a study's columns."""
    more = {metric: [f"{r.final(metric):.6g}" for r in records] for metric in _METRICS}
    more |= {key: [r.params[key] for r in records] for key in ("data", "training_images")}
    return results.rows(cell, records).assign(letter=[r.letter or "" for r in records], **more)


def record_of(row: pd.Series) -> Record:
    """Return the run of a row of the results, as far as a report asks for it."""
    known = results.settings(row)
    metrics = {name: float(known.pop(name)) for name in _METRICS}
    metrics |= {
        "test_errors": row.errors,
        "test_error_rate": row.errors / row.images,
        "train_seconds": row.seconds,
        "forward_passes": row.work,
    }
    tags = {
        "article_letter": known.pop("letter"),
        "kernel": row.environment,
        "source_digest": row.version,
    }
    params = {"seed": row.seed, "test_images": f"{row.images:g}", **known}
    return Record("", tags, params, metrics, status="FINISHED")


def sources_table(report: Report) -> pd.DataFrame:
    """Return shares of variance of init, data and noise for people, a column per method."""
    columns = {}
    for method, table in report.sources.items():
        shares = [f"{r.share:.0%} ({spread(r.low, r.high, form='{:.0%}')})" for r in rows_of(table)]
        columns[method] = pd.Series(shares, index=table.effect)
    return pd.DataFrame(columns).rename_axis("source").fillna(UNKNOWN).reset_index()


def _said(report: Report) -> list[str]:
    return [design(report), *headlines(report), *findings(report), *report.unsaid]


if __name__ == "__main__":
    main()

"""What the claims came to, as Markdown and csv."""

import csv
import io
from collections.abc import Iterable

from noise_exp.writing import markdown as as_markdown
from studies.theory.claims import Check, Claim, Outcome

_SENSES = {"=": "", ">": "above ", "<": "below "}
_COLUMNS = ("claim", "quantity", "predicted", "measured", "interval", "verdict")


def number(value: float) -> str:
    """Write a number with about four digits."""
    if abs(value) < 1e-12:
        return "0"
    if abs(value) >= 1e5 or abs(value) < 1e-4:
        return f"{value:.2g}"
    return f"{value:.4g}"


def row(claim: Claim, check: Check) -> tuple[str, ...]:
    """Return the cells of one check."""
    measured = check.measured
    return (
        claim.name,
        check.what,
        _SENSES[check.sense] + number(check.predicted),
        number(measured.value),
        measured.note or f"{number(measured.low)} to {number(measured.high)}",
        check.verdict,
    )


def markdown(results: Iterable[tuple[Claim, Outcome]]) -> str:
    """Return a table with a row for each check; formulas stand in the page's text."""
    rows, last = [], None
    for claim, outcome in results:
        for check in outcome.checks:
            cells = list(row(claim, check))
            cells[0] = "" if claim.name == last else f"[{claim.name}](#{claim.name})"
            last = claim.name
            rows.append(cells)
    return as_markdown(_COLUMNS, rows)


def as_csv(results: Iterable[tuple[Claim, Outcome]]) -> str:
    """Return all numbers in full."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["claim", "formula", "quantity", "sense", "predicted", "measured", "low",
                     "high", "rival", "verdict"])  # fmt: skip
    for claim, outcome in results:
        for c in outcome.checks:
            m = c.measured
            writer.writerow([claim.name, claim.formula, c.what, c.sense, c.predicted, m.value,
                             m.low, m.high, c.rival, c.verdict])  # fmt: skip
    return text.getvalue()

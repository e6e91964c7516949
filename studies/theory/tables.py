"""What the claims came to, as Markdown and csv."""

from collections.abc import Iterable

import pandas as pd

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
    rows = [
        {
            "claim": claim.name,
            "formula": claim.formula,
            "quantity": c.what,
            "sense": c.sense,
            "predicted": c.predicted,
            "measured": c.measured.value,
            "low": c.measured.low,
            "high": c.measured.high,
            "rival": c.rival,
            "verdict": c.verdict,
        }
        for claim, outcome in results
        for c in outcome.checks
    ]
    return pd.DataFrame(rows).to_csv(index=False)

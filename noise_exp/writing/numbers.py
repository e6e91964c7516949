"""Numbers as people read them; what is not known is a dash."""

import math

UNKNOWN = "–"


def number(value: float, form: str = "{:.4g}") -> str:
    """Write a number."""
    return form.format(value) if math.isfinite(value) else UNKNOWN


def spread(low: float, high: float, note: str = "", form: str = "{:.4g}") -> str:
    """Write an interval, or why there is none."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return note or UNKNOWN
    text = f"{number(low, form)} to {number(high, form)}"
    return f"{text} ({note})" if note else text


def probability(p: float) -> str:
    """Write a p-value."""
    return "< 0.001" if p < 0.001 else number(p, "{:.3f}")


def count(low: float, high: float, k: int, n: int) -> str:
    """Write k of n with the interval of its share."""
    if not n:
        return UNKNOWN
    return f"{k} of {n} ({low:.0%} to {high:.0%})" if math.isfinite(low) else f"{k} of {n}"

"""What a claim is, and when it holds."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from noise_exp.report.intervals import Interval
from studies.theory.figures import Picture


@dataclass(frozen=True)
class Check:
    """A predicted number beside the measured one.

    Attributes
    ----------
    what
        The quantity, in words.
    predicted
        By the claim's formula.
    measured
        By the program, with its interval.
    sense
        ``=``: the prediction lies in the interval; ``>`` or ``<``: the whole interval lies above
        or below it.
    rival
        What would be measured if the claim were wrong. An interval that holds both decides
        nothing.
    """

    what: str
    predicted: float
    measured: Interval
    sense: str = "="
    rival: float | None = None

    @property
    def verdict(self) -> str:
        """Return holds, fails or undecided."""
        low, high, predicted = self.measured.low, self.measured.high, self.predicted
        if not (math.isfinite(low) and math.isfinite(high)):
            return "undecided"
        if self.sense == "=":
            if not low <= predicted <= high:
                return "fails"
            told_apart = self.rival is None or not low <= self.rival <= high
            return "holds" if told_apart else "undecided"
        above = self.sense == ">"
        if low > predicted if above else high < predicted:
            return "holds"
        return "fails" if (high < predicted if above else low > predicted) else "undecided"


@dataclass(frozen=True)
class Effort:
    """How much is spent on a claim.

    Attributes
    ----------
    quick
        Whether smaller samples will do.
    seed
        Of everything random.
    """

    quick: bool
    seed: int

    def size(self, full: int, quick: int) -> int:
        """Return the sample size to use."""
        return quick if self.quick else full


@dataclass(frozen=True)
class Outcome:
    """What the experiment of a claim found."""

    checks: Sequence[Check]
    picture: Picture

    @property
    def verdict(self) -> str:
        """Return the worst of the checks' verdicts."""
        verdicts = [check.verdict for check in self.checks]
        return next((v for v in ("fails", "undecided") if v in verdicts), "holds")


@dataclass(frozen=True)
class Claim:
    """A statement of docs/theory.md with the experiment that tests it.

    Attributes
    ----------
    name
        One word, for the command line and the page.
    statement, formula
        In words, and in plain letters.
    test
        Runs the experiment.
    """

    name: str
    statement: str
    formula: str
    test: Callable[[Effort], Outcome]

"""From records of runs to the finished report: its findings, tables and page."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from noise_exp.report import pairs, targets, variance
from noise_exp.report.caveats import caveats, of_ranks
from noise_exp.report.methods import summarise
from noise_exp.report.runs import Runs, collect
from noise_exp.report.targets import Target
from noise_exp.runs.record import Record

_TWO_NAMES = ("gaussian", "standard_normal")
# What the table of methods shows of a comparison, and under which name.
_COMPARED = {
    **{name: name for name in ("method", "difference", "moved_by", "moved", "verdict")},
    "low": "difference_low",
    "high": "difference_high",
    "median_difference": "difference_median",
}


@dataclass(frozen=True)
class Choices:
    """What a reader may choose.

    Attributes
    ----------
    outcome
        The metric that is compared, the lower the better; None for the error rate.
    margin
        A difference of the outcome smaller than this counts as none.
    target
        For the time and the forward passes to reach it.
    at_most
        Count the seeds with at most so many errors; None: do not.
    """

    outcome: str | None = None
    margin: float = 0.01
    target: Target = field(default_factory=Target)
    at_most: int | None = None


@dataclass(frozen=True)
class Report:
    """All that runs can answer; each answer is found when it is first asked for."""

    runs: Runs
    choices: Choices

    @property
    def one_seed(self) -> bool:
        """Whether no method has more than one run with a result."""
        return bool(self.runs.wide.notna().sum().max() <= 1)

    @cached_property
    def summary(self) -> pd.DataFrame:
        """The table of methods and baselines, the methods beside the reference."""
        table = summarise(self.runs, self.choices.at_most)
        if self.to_reference is None:
            return table
        compared = self.to_reference[[*_COMPARED]].rename(columns=_COMPARED)
        table = table.merge(compared, "left", "method").fillna({"moved_by": "", "verdict": ""})
        table.loc[table.method == self.reference, "verdict"] = "reference"
        return table

    @property
    def methods(self) -> pd.DataFrame:
        """The same without what needs no training."""
        return self.summary[~self.summary.baseline]

    @cached_property
    def best(self) -> str | None:
        """The best method; None if none has a result on every seed, or with several data sets."""
        return self._lowest(self.runs.wide) if len(self.runs.data_sets) <= 1 else None

    @property
    def best_run(self) -> Record | None:
        """The best method's run on its median seed (of two in the middle the better one)."""
        rows = self.runs.table[self.runs.table.method == self.best].dropna(subset=["outcome"])
        if not len(rows):
            return None
        ordered = rows.sort_values(["outcome", "final_cost"], kind="stable")
        return ordered.record.iloc[(len(ordered) - 1) // 2]

    def _lowest(self, wide: pd.DataFrame) -> str | None:
        """Return the eligible method with the lowest mean outcome, then with the lowest cost."""
        costs = self.runs.table.groupby("method").final_cost.mean().fillna(math.inf)
        return min(pairs.eligible(wide), key=lambda m: (wide[m].mean(), costs[m]), default=None)

    @cached_property
    def compared(self) -> pd.DataFrame:
        """The outcome by block and method; no blocks where methods do not compare."""
        return self.runs.wide if self.runs.comparable else self.runs.wide.head(0)

    @property
    def distributions(self) -> list[str]:
        """The methods but back propagation."""
        return [m for m in self.runs.methods if not _is_backprop(m)]

    @cached_property
    def _backprop(self) -> str | None:
        return next((m for m in self.runs.methods if _is_backprop(m)), None)

    @property
    def reference(self) -> str | None:
        """What methods are compared with: back propagation, where it is among them, or the best."""
        return self._backprop or self.best

    @cached_property
    def to_reference(self) -> pd.DataFrame | None:
        """Every method against the reference."""
        return self._against(self.reference)

    @cached_property
    def to_other(self) -> pd.DataFrame | None:
        """Every method against the best; where that is the reference, the best of the others."""
        if len(self.compared.columns) == 2:
            return None  # the same pair again
        if self.best != self.reference:
            return self.to_best
        others = self.compared.drop(columns=[self.reference] if self.reference else [])
        return self._against(self._lowest(others)) if self._backprop else None

    @cached_property
    def to_best(self) -> pd.DataFrame | None:
        """Every method against the best."""
        return self.to_reference if self.best == self.reference else self._against(self.best)

    def _against(self, reference: str | None) -> pd.DataFrame | None:
        wide = self.compared
        if not reference or len(wide.columns) < 2 or not len(wide):
            return None
        chosen = reference != self._backprop
        return pairs.against(wide, reference, self.choices.margin, self.runs.new_images, chosen)

    @property
    def against(self) -> list[pd.DataFrame]:
        """The tables of methods against a reference that there are."""
        return [t for t in (self.to_reference, self.to_other) if t is not None and len(t)]

    @cached_property
    def ranking(self) -> pairs.Ranking:
        """All methods at once."""
        return pairs.rank(self.compared)

    @cached_property
    def ranking_of_distributions(self) -> pairs.Ranking | None:
        """The same without back propagation; None where it is not among the runs."""
        return pairs.rank(self.compared.filter(self.distributions)) if self._backprop else None

    @cached_property
    def luck(self) -> dict[str, pd.DataFrame]:
        """Shares of variance of method, seed and their interaction, by the set of methods."""
        usable = self.compared[pairs.eligible(self.compared)]
        sets = {"all methods": usable}
        if (alone := usable.filter(self.distributions)).shape < usable.shape:
            sets["noise distributions alone"] = alone
        found = {name: variance.of_methods(chosen) for name, chosen in sets.items()}
        return {name: shares for name, shares in found.items() if shares is not None}

    @property
    def sources(self) -> dict[str, pd.DataFrame]:
        """Shares of variance of init, data, noise, by method."""
        return self._sources[0]

    @cached_property
    def _sources(self) -> tuple[dict[str, pd.DataFrame], list[str]]:
        return variance.of_sources(self.runs)

    @cached_property
    def noise_floor(self) -> pd.DataFrame:
        """Difference of two names of one distribution: mean, interval, deviation, largest."""
        return _noise_floor(self.runs, self.compared, self.choices.margin)

    @cached_property
    def targets(self) -> pd.DataFrame:
        """Time and forward passes to the target."""
        return targets.to_target(self.runs, self.choices.target)

    @cached_property
    def unsaid(self) -> list[str]:
        """What these runs cannot tell, in words."""
        said = caveats(self.runs)
        if self.runs.blocks > 1:  # of a single seed that is all there is
            said += [*of_ranks(self.ranking), *self._sources[1]]
        return said


def build(records: Sequence[Record], choices: Choices | None = None) -> Report:
    """Return what may be asked of runs.

    Raises
    ------
    ValueError
        If there are none.
    """
    choices = choices or Choices()
    if not records:
        raise ValueError("there are no runs to report on")
    return Report(collect(records, choices.outcome), choices)


def _is_backprop(method: str) -> bool:
    return method.partition(" ")[0] == "backprop"


def _noise_floor(runs: Runs, wide: pd.DataFrame, margin: float) -> pd.DataFrame:
    """Compare the two names of the standard normal distribution: what they differ by is luck."""
    rows = []
    for method in map(str, wide):
        other = _TWO_NAMES[1] + method.removeprefix(_TWO_NAMES[0])
        if method.startswith(_TWO_NAMES[0]) and other in wide and _is_standard(runs, method):
            difference = pairs.differences(wide, method, other)
            names = {"method": method, "reference": other}
            spread = {"deviation": difference.std(), "largest": difference.abs().max()}
            rows.append(names | pairs.compare(difference, 1, margin) | spread)
    return pd.DataFrame([row for row in rows if row["pairs"]])


def _is_standard(runs: Runs, method: str) -> bool:
    params = runs.table.record[runs.table.method == method].iloc[0].params
    loc, scale = params.get("dist.loc", "0"), params.get("dist.scale", "1")
    return float(loc) == 0 and float(scale) == 1

"""From records of runs to the finished report: its findings, tables and page."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from noise_exp.records.naming import SOURCES
from noise_exp.records.record import Record
from noise_exp.report import pairs, targets, variance
from noise_exp.report.caveats import caveats
from noise_exp.report.intervals import FEW, bootstrap
from noise_exp.report.runs import Runs, collect, rows_of
from noise_exp.report.summary import summarise
from noise_exp.report.targets import Target

_SAME_LAW = ("gaussian", "standard_normal")


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
    """Everything that the page shows; `tables` gives it as csv.

    Attributes
    ----------
    to_best
        Against the best method; where that is back propagation, the best of the others.
    ranking_of_laws
        Without back propagation; None where it is not among the runs.
    luck
        Shares of variance of method, seed and their interaction, by the set of methods.
    sources
        Shares of variance of init, data, noise, by method.
    floor
        Paired difference of two names of one law: mean, its interval, standard deviation and
        largest absolute value; empty where the runs lack one of them.
    unsaid
        What these runs cannot tell, in words.
    """

    runs: Runs
    choices: Choices
    summary: pd.DataFrame
    best: str | None
    to_backprop: pd.DataFrame | None
    to_best: pd.DataFrame | None
    ranking: pairs.Ranking
    ranking_of_laws: pairs.Ranking | None
    luck: dict[str, pd.DataFrame]
    sources: dict[str, pd.DataFrame]
    floor: pd.DataFrame
    targets: pd.DataFrame
    unsaid: list[str]

    @property
    def one_seed(self) -> bool:
        """Whether no method has more than one run with a result."""
        return bool(self.runs.wide.notna().sum().max() <= 1)

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return what is written as csv, by file name."""
        compared = [t for t in (self.to_backprop, self.to_best) if t is not None]
        tables = {
            "report_methods.csv": self.summary,
            "report_runs.csv": self.runs.table.rename(columns={"outcome": self.runs.outcome}),
            "report_targets.csv": self.targets,
        }
        if compared:
            tables["report_pairs.csv"] = pd.concat(compared, ignore_index=True)
        found = {**self.luck, **self.sources}
        if found:
            tables["report_variance.csv"] = pd.concat(
                [table.assign(methods=name) for name, table in found.items()], ignore_index=True
            )
        return tables


def build(records: Sequence[Record], choices: Choices | None = None) -> Report:
    """Ask everything of the runs that they can answer.

    Raises
    ------
    ValueError
        If there are no runs.
    """
    choices = choices or Choices()
    if not records:
        raise ValueError("there are no runs to report on")
    runs = collect(records, choices.outcome)
    unsaid = caveats(runs)
    # What methods are compared by: nothing where they do not compare.
    wide = runs.wide if runs.comparable else runs.wide.head(0)
    best = pairs.best(runs.wide) if len(runs.data_sets) <= 1 else None
    reference = next((m for m in runs.methods if _is_backprop(m)), None)
    to_backprop, to_best = _against(wide, reference, best, choices.margin)
    ranking = pairs.rank(wide) if len(wide) else pairs.Ranking(0, 0, [], pd.Series(dtype=float))
    sources, no_sources = _sources(runs)
    if runs.blocks > 1:  # of a single seed the caveats have said all there is
        unsaid += [*_of_ranks(ranking), *no_sources]
    return Report(
        runs,
        choices,
        summarise(runs, choices.at_most),
        best,
        to_backprop,
        to_best,
        ranking,
        pairs.rank(_laws(wide)) if reference and len(wide) else None,
        _luck(wide),
        sources,
        _floor(runs, wide),
        targets.to_target(runs, choices.target),
        unsaid,
    )


def _against(
    wide: pd.DataFrame, reference: str | None, best: str | None, margin: float
) -> tuple[pd.DataFrame | None, pd.DataFrame | None]:
    """Compare with back propagation, and with the best or else the best of the others."""
    to_backprop = to_best = None
    rival = pairs.best(_laws(wide)) if best == reference else best
    if len(wide.columns) > 1 and len(wide):
        to_backprop = pairs.against(wide, reference, margin) if reference else None
        if rival and not (reference and len(wide.columns) == 2):  # else the same pair again
            to_best = pairs.against(wide, rival, margin)
    return to_backprop, to_best


def _of_ranks(ranking: pairs.Ranking) -> list[str]:
    if ranking.note:
        return [f"Which of the methods differ, by ranks: {ranking.note}."]
    if ranking.dropped:
        return [
            f"Ranks use {ranking.blocks} seeds; {ranking.dropped} are left out, in which a method "
            "has no result."
        ]
    return []


def _is_backprop(method: str) -> bool:
    return method.partition(" ")[0] == "backprop"


def _laws(wide: pd.DataFrame) -> pd.DataFrame:
    return wide[[m for m in wide if not _is_backprop(str(m))]]


def _luck(wide: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Share out the variance between methods and seeds, with and without back propagation."""
    found = {}
    usable = wide[pairs.eligible(wide)]
    sets = {"all methods": usable}
    if len(laws := _laws(usable)) and len(laws.columns) < len(usable.columns):
        sets["noise laws alone"] = laws
    for name, chosen in sets.items():
        complete = chosen.dropna()
        if len(complete) < FEW or len(complete.columns) < 2:
            continue
        long = complete.rename_axis(index="seed").melt(
            var_name="method", value_name="outcome", ignore_index=False
        )
        try:
            found[name] = variance.shares(long.reset_index(), ("method", "seed"))
        except ValueError:  # all alike: the pairs say so
            continue
    return found


def _sources(runs: Runs) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """Share out each method's variance among init, data and noise; or say why that cannot be."""
    found: dict[str, pd.DataFrame] = {}
    why: dict[str, list[str]] = {}
    for method in runs.methods:
        rows = runs.table[(runs.table.method == method) & (runs.table.init >= 0)]
        varied = [s for s in SOURCES if rows[s].nunique() > 1]
        try:
            if len(varied) > 1 and (rows[varied].nunique(axis="columns") == 1).all():
                raise ValueError(
                    f"one seed drives {' and '.join(varied)} together; experiment=variance "
                    "crosses them"
                )
            if len(varied) == 1:
                raise ValueError(f"the seed drives {varied[0]} alone")
            found[method] = variance.shares(rows.dropna(subset=["outcome"]), varied)
        except ValueError as error:
            why.setdefault(str(error), []).append(method)
    return found, [
        f"What init, data and noise contribute to {_listed(methods, runs)}: {reason}."
        for reason, methods in why.items()
    ]


def _listed(methods: list[str], runs: Runs) -> str:
    return "any method" if len(methods) == len(runs.methods) else ", ".join(methods)


def _floor(runs: Runs, wide: pd.DataFrame) -> pd.DataFrame:
    """Compare the two names of the standard normal law: their difference is luck and no more."""
    rows = []
    for method in map(str, wide):
        other = _SAME_LAW[1] + method.removeprefix(_SAME_LAW[0])
        if (
            not method.startswith(_SAME_LAW[0])
            or other not in wide
            or not _is_standard(runs, method)
        ):
            continue
        difference = pairs.differences(wide, method, other)
        interval = bootstrap(difference)
        if len(difference):
            rows.append(
                {
                    "method": method,
                    "reference": other,
                    "pairs": len(difference),
                    "ties": int((difference == 0).sum()),
                    "difference": difference.mean(),
                    "low": interval.low,
                    "high": interval.high,
                    "note": interval.note,
                    "deviation": difference.std(ddof=1) if len(difference) > 1 else math.nan,
                    "largest": abs(difference).max(),
                }
            )
    return pd.DataFrame(rows)


def _is_standard(runs: Runs, method: str) -> bool:
    params = next(
        r.params for r, m in zip(runs.records, runs.table.method, strict=True) if m == method
    )
    loc, scale = params.get("dist.loc", "0"), params.get("dist.scale", "1")
    return float(loc) == 0 and float(scale) == 1


def baseline_levels(report: Report) -> dict[str, float]:
    """Return the medians of what needs no training, for lines in a figure."""
    rows = report.summary[report.summary.baseline]
    return {row.method: row.median for row in rows_of(rows)}

"""The report's findings in sentences."""

import math
import shlex
from collections.abc import Hashable, Iterator, Sequence

import pandas as pd

from noise_exp.report.build import Report
from noise_exp.report.pairs import ALPHA
from noise_exp.report.runs import rows_of
from noise_exp.runs.naming import SOURCES
from noise_exp.writing import number, probability, spread

_CONFIDENCE = "95% interval"
_LISTED = 15


def listed(names: Sequence[Hashable]) -> str:
    """Name them, or say how many they are where that is too long to read."""
    return ", ".join(map(str, names)) if len(names) <= _LISTED else f"{len(names):,} methods"


def design(report: Report) -> str:
    """Say what the runs are."""
    table = report.runs.table
    methods, blocks = len(report.runs.methods), report.runs.blocks
    data = sorted({r.params["data"] for r in report.runs.records if "data" in r.params})
    sizes = sorted({f"{size:g}" for size in table.images.dropna()})
    on = f"{blocks} combinations of seeds" if report.runs.crossed else _many(blocks, "seed")
    text = f"{_many(methods, 'method')} on {on}: {_many(len(table), 'run')}"
    if len(report.runs.data_sets) > 1:
        text += f" on {' and '.join(report.runs.data_sets)}"
    elif data:
        text += f" on {', '.join(data)} ({' or '.join(sizes)} {report.runs.part} images)"
    failed, diverged = int(table.error.notna().sum()), int(table.diverged.sum())
    text += f", {failed} failed, {diverged} diverged."
    driven = [s for s in SOURCES if table[s].nunique() > 1]
    if driven and len(driven) < len(SOURCES):
        text += f" The seeds differ in {' and '.join(driven)} alone."
    complete = len(table) == methods * blocks and not failed
    if methods > 1 and report.runs.comparable:
        every, those = (
            ("Every", "within seeds") if complete else ("Not every", "of those that have")
        )
        text += f" {every} method has a run on every seed: comparisons are {those}."
    return text


def findings(report: Report) -> list[str]:
    """Say what the runs show, most important first."""
    return [
        *_of_the_best(report),
        *(_of_luck(name, table, report.runs.outcome) for name, table in report.luck.items()),
        *(_of_sources(name, table, report.runs.outcome) for name, table in report.sources.items()),
        *_of_pairs(report),
        *_of_the_floor(report),
        *_of_ranks(report),
    ]


def _of_the_best(report: Report) -> Iterator[str]:
    if not report.best:
        return
    (row,) = rows_of(report.summary[report.summary.method == report.best])
    text = f"Lowest {report.runs.outcome}: {report.best}{_alike(report)}, "
    if report.one_seed:
        yield f"{text}{number(row.median)}."
        return
    interval = _interval(row.iqm_low, row.iqm_high, row.note)
    yield (
        f"{text}median {number(row.median)}, interquartile mean {number(row.iqm)} ({interval}), "
        f"worst seed {number(row.worst)}."
    )


def _of_luck(name: str, table: pd.DataFrame, outcome: str) -> str:
    share = table.set_index("effect")
    parts = {"method": "the method", "seed": "the seed, alike for all methods",
             "method x seed": "the luck of one method with one seed"}  # fmt: skip
    text = ", ".join(
        f"{share.share[effect]:.0%} is {words} "
        f"({spread(share.low[effect], share.high[effect], form='{:.0%}')})"
        for effect, words in parts.items()
    )
    return f"Method or luck ({name})? Of the variance of {outcome}, {text}."


def _of_sources(method: str, table: pd.DataFrame, outcome: str) -> str:
    largest = max(rows_of(table), key=lambda r: r.share)
    text = (
        f"Which luck ({method})? Of the variance of {outcome}, {largest.share:.0%} is "
        f"{largest.effect} ({spread(largest.low, largest.high, form='{:.0%}')})"
    )
    noise = table[table.effect.str.contains("noise")]
    if len(noise):
        text += f"; {noise.share.sum():.0%} has to do with the noise, alone or with others"
    return f"{text}."


def _of_pairs(report: Report) -> Iterator[str]:
    for compared in report.against:
        if compared.pairs.max() > 1:
            kinds = compared.groupby("verdict", sort=False).method.apply(list)
            text = "; ".join(f"{verdict}: {listed(who)}" for verdict, who in kinds.items())
            yield f"Against {compared.reference.iloc[0]}, seed by seed: {text}."


def _of_the_floor(report: Report) -> Iterator[str]:
    for row in rows_of(report.floor):
        one_distribution = f"{row.method} and {row.reference} are one distribution"
        if row.ties == row.pairs == 1:  # with few images, as good as nothing
            continue
        if row.ties == row.pairs:
            yield f"{one_distribution}, and tie in all {row.pairs} pairs: they say nothing of luck."
        elif row.pairs == 1:
            yield (
                f"Noise floor: {one_distribution}. On this seed they differ by "
                f"{number(row.largest)}: that is luck."
            )
        else:
            yield (
                f"Noise floor: {one_distribution}. On one seed they differ by up to "
                f"{number(row.largest)} (standard deviation {number(row.deviation)}), on average "
                f"by {number(row.difference)} ({_interval(row.low, row.high, row.note)}): that "
                "much of a difference on one seed is luck."
            )


def _of_ranks(report: Report) -> Iterator[str]:
    for ranking, who in (
        (report.ranking, "methods"),
        (report.ranking_of_distributions, "noise distributions alone"),
    ):
        if ranking and math.isfinite(ranking.p_friedman):
            verdict = "differ" if ranking.p_friedman < ALPHA else "are not shown to differ"
            yield (
                f"Friedman's test over {ranking.blocks} seeds: the {who} {verdict} "
                f"(p {_equals(ranking.p_friedman)})."
            )


def _alike(report: Report) -> str:
    wide = report.runs.wide
    level = wide.agg(["median", "mean"])
    others = [m for m in wide if m != report.best and (level[m] == level[report.best]).all()]
    return f" (as low: {listed(others)})" if others else ""


def _interval(low: float, high: float, note: str) -> str:
    if math.isfinite(low) and math.isfinite(high):
        return f"{_CONFIDENCE} {spread(low, high, note)}"
    return f"no interval: {note}"


def _equals(p: float) -> str:
    text = probability(p)
    return text if text.startswith("<") else f"= {text}"


def _many(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def with_seeds(command: str) -> str:
    """Return a command that runs on thirty seeds what another ran on one."""
    words = shlex.split(command)
    if "noise_exp" not in words:  # a report's own command: what it reported on is not known
        return "python -m noise_exp -m experiment=seed_sensitivity"
    kept = [word for word in words if not word.startswith(("seed=", "resume="))]
    if "-m" not in kept[3:] and "--multirun" not in kept:
        kept.append("-m")
    return shlex.join([*kept, "seed=range(1,31)"])

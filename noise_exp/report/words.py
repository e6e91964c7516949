"""The report's findings in sentences."""

import math
import shlex
from collections.abc import Hashable, Iterator, Sequence

import pandas as pd

from noise_exp.report import pairs
from noise_exp.report.build import Report
from noise_exp.report.intervals import FEW
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
    if driven and len(driven) < sum((table[s] >= 0).any() for s in SOURCES):
        text += f" The seeds differ in {' and '.join(driven)} alone."
    complete = len(table) == methods * blocks and not failed
    if methods > 1 and report.runs.comparable:
        every, those = (
            ("Every", "within seeds") if complete else ("Not every", "of those that have")
        )
        text += f" {every} method has a run on every seed: comparisons are {those}."
    return text


def headlines(report: Report) -> list[str]:
    """Say what comes first: which is best, what is not told apart from it, method or seed."""
    return [
        *_of_the_best(report),
        *_of_those_like_it(report),
        *_of_a_seed_that_carries(report),
        *_of_baselines(report),
        *(_of_luck(name, table, report) for name, table in list(report.luck.items())[:1]),
    ]


def findings(report: Report) -> list[str]:
    """Say what else the runs show."""
    return [
        *(_of_luck(name, table, report) for name, table in list(report.luck.items())[1:]),
        *(_of_sources(name, table, report.runs.outcome) for name, table in report.sources.items()),
        *_of_pairs(report),
        *_of_the_noise_floor(report),
        *_of_ranks(report),
    ]


def best_of(report: Report) -> str:
    """Say in a few words which method came out best."""
    if len(report.runs.data_sets) > 1:
        return none_best(report.runs.data_sets, "errors")
    if not report.best:
        return "none of which is best: none has a result on every seed"
    (best,) = rows_of(report.methods[report.methods.method == report.best])
    of = "" if report.one_seed else "mean "
    text = f"best: {best.method} with {of}{report.runs.outcome} {number(best.mean)}"
    return text + (f" (as low: {listed(tied)})" if (tied := _tied(report)) else "")


def none_best(data_sets: Sequence[str], what: str) -> str:
    """Say that there is no best, where runs are on more than one data set."""
    return f"on {' and '.join(data_sets)}, between which {what} do not compare: none is best"


def _tied(report: Report) -> list[str]:
    means = report.runs.wide[pairs.eligible(report.runs.wide)].mean()
    return [str(m) for m in means.index[means == means.min()] if m != report.best]


def _of_the_best(report: Report) -> Iterator[str]:
    if not report.best:
        if len(report.runs.data_sets) <= 1 and report.runs.table.outcome.notna().any():
            yield "No method is best: none has a result on every seed."
        return
    (row,) = rows_of(report.methods[report.methods.method == report.best])
    tied, outcome = _tied(report), report.runs.outcome
    alike = f" (as low: {listed(tied)})" if tied else ""
    if report.one_seed:
        yield f"Lowest {outcome}: {report.best}{alike}, {number(row.mean)}."
        return
    what = "run" if report.runs.crossed else "seed"
    text = f"Lowest mean {outcome} over {_many(row.seeds, what)}: {report.best}{alike}, "
    text += f"{number(row.mean)} ({_interval(row.low, row.high, row.note)})"
    others = [m for m in pairs.eligible(report.compared) if m not in (report.best, *tied)]
    if report.to_best is not None and others:
        second = min(others, key=report.runs.wide.mean().__getitem__)
        (pair,) = rows_of(report.to_best[report.to_best.method == second])
        text += f"; next {second}, {number(pair.difference, '{:+.4g}')}"
        if math.isfinite(pair.low):
            text += f" ({spread(pair.low, pair.high)})"
    yield f"{text}."


def _of_those_like_it(report: Report) -> Iterator[str]:
    if report.to_best is None or report.one_seed:
        return
    if report.to_best.pairs.max() < FEW:
        yield (
            f"Nothing is told apart: a comparison needs {FEW} seeds, and there are "
            f"{report.to_best.pairs.max()}."
        )
        return
    apart = ("lower", "higher")
    alike = report.to_best[~report.to_best.verdict.isin(apart)]
    kinds = alike.groupby("verdict", sort=False).method.apply(list)
    text = "; ".join(f"{listed(who)} ({verdict})" for verdict, who in kinds.items())
    yield f"Not told apart from {report.best}: {text or 'none'}."


def _of_baselines(report: Report) -> Iterator[str]:
    """Say which methods do better than what needs no training, on average; where noise learns."""
    means = report.runs.wide[pairs.eligible(report.runs.wide)].mean()
    if len(report.runs.data_sets) > 1 or not len(means):
        return
    learns = False
    for row in rows_of(report.summary[report.summary.baseline]):
        better = [str(m) for m in means.index[means < row.mean]]
        who = "every method" if len(better) == len(means) else listed(better) or "no method"
        mean = "Lower" if report.one_seed else "Lower mean"
        yield f"{mean} than the {row.method.strip('()')}'s {number(row.mean)}: {who}."
        learns = learns or ("constant" in row.method and bool({*better} & {*report.distributions}))
    if {*means.index} & {*report.distributions} and not learns and report.summary.baseline.any():
        yield "Where noise learns: python -m noise_exp -m experiment=learn 'dist=glob(*)'"


def _of_luck(name: str, table: pd.DataFrame, report: Report) -> str:
    share = table.set_index("effect")
    parts = {"method": "the method", "seed": "the seed, alike for all methods",
             "method x seed": "the interaction of method and seed"}  # fmt: skip
    text = ", ".join(
        f"{share.share[effect]:.0%} is {words} "
        f"({spread(share.low[effect], share.high[effect], form='{:.0%}')})"
        for effect, words in parts.items()
    )
    return f"Method or luck ({name})? Of the variance of {report.runs.outcome}, {text}."


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
        if compared.pairs.max() >= FEW:
            kinds = compared.groupby("verdict", sort=False).method.apply(list)
            text = "; ".join(f"{verdict}: {listed(who)}" for verdict, who in kinds.items())
            yield f"Against {compared.reference.iloc[0]}, seed by seed: {text}."


def _of_a_seed_that_carries(report: Report) -> Iterator[str]:
    """Name a seed that does much to most of the mean differences: there the reference is odd."""
    table = report.to_reference
    if table is None or report.one_seed:
        return
    for seed, rows in table[table.moved_by != ""].groupby("moved_by"):
        if len(rows) > len(table) / 2:
            far = number(max(rows.moved, key=abs), "{:+.3g}")
            yield (
                f"One seed: {seed} moves most mean differences to {report.reference} by more than "
                f"{report.choices.margin:g}, by up to {far}."
            )


def _of_the_noise_floor(report: Report) -> Iterator[str]:
    for row in rows_of(report.noise_floor):
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
            verdict = "differ" if ranking.p_friedman < pairs.ALPHA else "are not shown to differ"
            yield (
                f"Friedman's test over {ranking.blocks} seeds: the {who} {verdict} "
                f"(p {_equals(ranking.p_friedman)})."
            )


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

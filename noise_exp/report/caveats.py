"""What the runs of a report cannot tell, in words."""

from collections.abc import Iterator

from noise_exp.report import pairs
from noise_exp.report.intervals import FEW
from noise_exp.report.runs import Runs
from noise_exp.runs.naming import SOURCES

NAMES = {"init": "initial weights", "data": "the split", "noise": "noise", "batches": "batches"}


def caveats(runs: Runs) -> list[str]:
    """Say what these runs cannot tell."""
    return [
        *_of_design(runs),
        *_of_seeds(runs),
        *_of_blocks(runs),
        *_of_results(runs),
        *_of_settings(runs),
    ]


def of_ranks(ranking: pairs.Ranking) -> Iterator[str]:
    """Say what keeps the methods from being told apart by their ranks."""
    if not len(ranking.ranks):  # nothing compares, and the caveats say why
        return
    if ranking.note:
        yield f"Which of the methods differ, by ranks: {ranking.note}."


def _of_seeds(runs: Runs) -> Iterator[str]:
    counts = {method: int(runs.wide[method].notna().sum()) for method in runs.methods}
    seeds = max(counts.values())
    if runs.table.outcome.isna().all():
        yield f"No run has a finite {runs.outcome}."
    elif seeds == 1:
        yield "One seed per method: nothing here tells a better method from a luckier one."
    elif seeds < FEW:
        yield (
            f"{seeds} seeds are too few for intervals ({FEW} are the least): an order of the "
            "methods is hardly more than their luck."
        )
    elif not runs.crossed:
        yield from _of_intervals(runs)
    if seeds >= FEW and (fewer := [f"{m} ({n})" for m, n in counts.items() if 0 < n < FEW]):
        yield f"Too few seeds for an interval: {', '.join(fewer)}."


def _of_intervals(runs: Runs) -> Iterator[str]:
    """Say what the intervals are about."""
    drawn = [NAMES[s] for s in SOURCES if runs.table[s].nunique() > 1]
    if not drawn:
        return
    text = f"Intervals are about other seeds of {', '.join(drawn)}, and take means for normal"
    if runs.table.data.nunique() == 1:
        text += "; all seeds share the images, and what others would show is not known"
    elif runs.new_images:
        text += (
            "; where the seeds split one pool of images, those for new images are wider "
            "(report_pairs.csv: new_low, new_high)"
        )
    yield f"{text}."


def _of_blocks(runs: Runs) -> Iterator[str]:
    if not runs.comparable:
        return
    wide = runs.wide
    if missing := [m for m in wide if wide[m].isna().any() and not wide[m].isna().all()]:
        cells = ", ".join(f"{m} ({int(wide[m].isna().sum())})" for m in missing)
        yield (
            f"Seeds without a result (not run, failed or not finite): {cells}. Pairs are formed "
            "of the others."
        )
    able = pairs.eligible(wide)
    if sparse := [m for m in runs.methods if wide[m].notna().any() and m not in able]:
        yield (
            f"Whether {', '.join(sparse)} would be best, and its rank: it has no result on some "
            "seeds."
        )
    ties = ((wide.nunique(axis="columns") == 1) & (wide.notna().sum(axis="columns") > 1)).sum()
    if len(wide.columns) > 1 and ties:
        yield f"All methods tie in {ties} of {len(wide)} seeds."


def _of_results(runs: Runs) -> Iterator[str]:
    wide = runs.wide
    for method in wide:
        if wide[method].isna().all() and not wide.isna().all(axis=None):
            yield f"{method} has no finite {runs.outcome}: it is in no comparison."
    size = runs.table.images.dropna()
    if runs.outcome == f"{runs.part}_error_rate" and len(size) and size.min() < 100:
        more = "; data=mnist01 has 500" if runs.part == "test" else ""
        yield (
            f"{size.min():g} {runs.part} images: one image is {1 / size.min():.0%}, so ties "
            f"are common and an error rate is coarse{more}."
        )
    if runs.part == "validation":
        yield "How the methods do on the test images: validation images stood in for them."
    elif runs.table.constant_errors.isna().all() and runs.table.error.isna().any():
        yield "Whether a run beats a constant answer: these runs did not record it."


def _of_settings(runs: Runs) -> Iterator[str]:
    if runs.duplicates:
        yield f"{runs.duplicates} older runs of the same method and seeds are left out."
    if runs.differing:
        yield (
            f"Methods differ in more than their names: {'; '.join(runs.differing)}. A difference "
            "between them may be a difference of these settings."
        )
    if len(digests := {r.source_digest for r in runs.records if r.source_digest}) > 1:
        yield (
            f"{len(digests)} versions of the program ran these (source_digest "
            f"{', '.join(sorted(digests))}): a difference between runs may be theirs."
        )
    units = {r.tags.get("work_unit") for r in runs.records if r.curves.get("forward_passes")}
    if None in units or len(units) > 1:
        which = "some of these runs" if len(units) > 1 else "these runs"
        yield (
            f"What forward passes buy: {which}, of an earlier version, count what their estimator "
            "states, not the products that were done."
        )
    if len(kernels := {r.kernel for r in runs.records if r.kernel}) > 1:
        yield (
            f"{len(kernels)} kernels computed these ({'; '.join(sorted(kernels))}): they round "
            "differently, so the last digits of a difference, and now and then more, may be theirs."
        )


def _of_design(runs: Runs) -> Iterator[str]:
    if runs.crossed:
        yield (
            "Whether methods differ: cells of a crossed design share their seeds and are not "
            "independent, so there are no tests and no intervals over seeds."
        )
    if len(runs.data_sets) > 1:
        yield (
            f"Which method is better: the runs are on {' and '.join(runs.data_sets)}, and errors "
            "on different images do not compare; report on one data set at a time, as in "
            f'"{_filter(runs)}".'
        )


def _filter(runs: Runs) -> str:
    """Return a filter that finds the runs on the first of the data sets."""
    first, *rest = (runs.table[runs.table.data_set == name].record for name in runs.data_sets)
    record = first.iloc[0]
    option = record.params.get("data", "?")
    conditions = [f"params.data = '{option}'"]
    others = [r for records in rest for r in records]
    if alike := [r for r in others if r.params.get("data") == option]:
        conditions.append(f"params.{runs.part}_images = '{record.images:.0f}'")
        if record.data_digest and any(r.images == record.images for r in alike):
            conditions.append(f"dataset.digest = '{record.data_digest}'")
    return " and ".join(conditions)

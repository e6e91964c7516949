"""What the runs of a report cannot tell, in words."""

from noise_exp.report import pairs
from noise_exp.report.intervals import FEW
from noise_exp.report.runs import Runs


def caveats(runs: Runs) -> list[str]:
    """Say what these runs cannot tell."""
    return [
        *_of_design(runs),
        *_of_seeds(runs),
        *_of_blocks(runs),
        *_of_results(runs),
        *_of_settings(runs),
    ]


def _of_seeds(runs: Runs) -> list[str]:
    said = []
    counts = {method: int(runs.wide[method].notna().sum()) for method in runs.methods}
    seeds = max(counts.values())
    if runs.table.outcome.isna().all():
        said.append(f"No run has a finite {runs.outcome}.")
    elif seeds == 1:
        said.append("One seed per method: nothing here tells a better method from a luckier one.")
    elif seeds < FEW:
        said.append(
            f"{seeds} seeds are too few for intervals and tests: an order of the methods is "
            "hardly more than their luck."
        )
    elif seeds < 2 * FEW and not runs.crossed:
        said.append(f"{seeds} seeds: bootstrap intervals from so few are too narrow as a rule.")
    if seeds >= FEW and (fewer := [f"{m} ({n})" for m, n in counts.items() if 0 < n < FEW]):
        said.append(f"Too few seeds for an interval: {', '.join(fewer)}.")
    return said


def _of_blocks(runs: Runs) -> list[str]:
    if not runs.comparable:
        return []
    wide, said = runs.wide, []
    if missing := [m for m in wide if wide[m].isna().any() and not wide[m].isna().all()]:
        cells = ", ".join(f"{m} ({int(wide[m].isna().sum())})" for m in missing)
        said.append(
            f"Seeds without a result (not run, failed or not finite): {cells}. Pairs are formed "
            "of the others."
        )
    able = pairs.eligible(wide)
    if sparse := [m for m in runs.methods if wide[m].notna().any() and m not in able]:
        said.append(
            f"Whether {', '.join(sparse)} would be best, and its rank: it has results on too few "
            "of the seeds."
        )
    ties = ((wide.nunique(axis="columns") == 1) & (wide.notna().sum(axis="columns") > 1)).sum()
    if len(wide.columns) > 1 and ties:
        said.append(f"All methods tie in {ties} of {len(wide)} seeds.")
    return said


def _of_results(runs: Runs) -> list[str]:
    wide = runs.wide
    said = [
        f"{method} has no finite {runs.outcome}: it is in no comparison."
        for method in wide
        if wide[method].isna().all() and not wide.isna().all(axis=None)
    ]
    size = runs.table.images.dropna()
    if runs.outcome == f"{runs.part}_error_rate" and len(size) and size.min() < 100:
        more = "; data=mnist01 has 500" if runs.part == "test" else ""
        said.append(
            f"{size.min():g} {runs.part} images: one image is {1 / size.min():.0%}, so ties "
            f"are common and an error rate is coarse{more}."
        )
    if runs.part == "validation":
        said.append("How the methods do on the test images: validation images stood in for them.")
    elif runs.table.constant_errors.isna().all() and runs.table.error.isna().any():
        said.append("Whether a run beats a constant answer: these runs did not record it.")
    return said


def _of_settings(runs: Runs) -> list[str]:
    said = []
    if runs.duplicates:
        said.append(f"{runs.duplicates} older runs of the same method and seeds are left out.")
    if runs.differing:
        said.append(
            f"Methods differ in more than their names: {'; '.join(runs.differing)}. A difference "
            "between them may be a difference of these settings."
        )
    if len(digests := {r.source_digest for r in runs.records if r.source_digest}) > 1:
        said.append(
            f"{len(digests)} versions of the program ran these (source_digest "
            f"{', '.join(sorted(digests))}): a difference between runs may be theirs."
        )
    if len(kernels := {r.kernel for r in runs.records if r.kernel}) > 1:
        said.append(
            f"{len(kernels)} kernels computed these ({'; '.join(sorted(kernels))}): they round "
            "differently, so the last digits of a difference, and now and then more, may be theirs."
        )
    return said


def _of_design(runs: Runs) -> list[str]:
    said = []
    if runs.crossed:
        said.append(
            "Whether methods differ: cells of a crossed design share their seeds and are not "
            "independent, so there are no tests and no intervals over seeds."
        )
    if len(runs.data_sets) > 1:
        said.append(
            f"Which method is better: the runs are on {' and '.join(runs.data_sets)}, and errors "
            "on different images do not compare; report on one data set at a time, as in "
            f'"{_filter(runs)}".'
        )
    return said


def _filter(runs: Runs) -> str:
    """Return a filter that finds the runs on the first of the data sets."""
    named = list(zip(runs.table.data_set, runs.records, strict=True))
    record = next(r for name, r in named if name == runs.data_sets[0])
    option = record.params.get("data", "?")
    conditions = [f"params.data = '{option}'"]
    others = [r for name, r in named if name and name != runs.data_sets[0]]
    if alike := [r for r in others if r.params.get("data") == option]:
        conditions.append(f"params.{runs.part}_images = '{record.images:.0f}'")
        if record.data_digest and any(r.images == record.images for r in alike):
            conditions.append(f"dataset.digest = '{record.data_digest}'")
    return " and ".join(conditions)

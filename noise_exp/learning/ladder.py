"""`python -m noise_exp.learning.ladder FOLDER`: how much noise must be told, as tables and figures.

FOLDER holds sweeps by the names below; those that are missing are left out. `make ladder-search`
and `make ladder` run them. The tables replace what stands between `<!-- name -->` and
`<!-- end -->` in the page given by `--page`.

    search     experiment=ladder_search, a folder for each rung
    passes     experiment=ladder: every rung at several budgets of forward passes
    seconds    the same at one budget of seconds
    laws       the same with dist swept, at one budget
    feedback   learned_feedback and the two fixed ones, on more seeds
    depth      with network.hidden swept
"""

import argparse
import math
import tracemalloc
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from noise_exp.errors import UserError, at_the_edge
from noise_exp.figures import ladder as figures
from noise_exp.learning.sweeps import error_rate, load
from noise_exp.records.record import Record
from noise_exp.run import launchers
from noise_exp.run.build import trial_of
from noise_exp.training import article
from noise_exp.writing.pages import Page, add_page
from noise_exp.writing.tables import markdown_of

TOLD = {
    "cost_scaled": "nothing",
    "hill_climb": "one number per step",
    "annealing": "one number per step",
    "spsa": "one number per step",
    "es": "one number per step",
    "low_rank_es": "one number per step",
    "node_perturbation_blind": "one number per image",
    "node_perturbation": "the outputs' errors",
    "direct_feedback_alignment": "the outputs' errors",
    "feedback_alignment": "the outputs' errors",
    "learned_feedback": "the outputs' errors",
    "forward_gradient": "a derivative along the noise",
    "unit_forward_gradient": "a derivative along the noise",
    "backprop": "everything",
}
"""The options of `rung=`, from the least to the most told, with what each is told."""
_LEARNED, _FIXED = "learned_feedback", ("feedback_alignment", "direct_feedback_alignment")
_COMMON = ("network.hidden", "network.init_scale", "batch_size", "optimizer.lr")
_PARTS = ("estimator.", "optimizer.")
_DEEP = 4  # hidden layers
_TIMED, _REPEATS = 12, 3  # forward passes

Rungs = Mapping[str, Sequence[Record]]


def main() -> None:
    """Write what the folder's sweeps have to tell."""
    parser = argparse.ArgumentParser("python -m noise_exp.learning.ladder", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="holds search, passes, ...")
    add_page(parser, "learning")
    parser.add_argument(
        "--costs", action="store_true", help="measure what a pass of each rung costs too (a minute)"
    )
    parser.add_argument("--threads", type=int, default=launchers.available())
    options = parser.parse_args()
    with at_the_edge("noise_exp.learning.ladder"):
        page = Page(options.output, options.page, "ladder")
        folders = {name: options.folder / name for name in _TABLES}
        sweeps = {name: load(folder) for name, folder in folders.items() if folder.is_dir()}
        if not sweeps:
            raise UserError(f"{options.folder} holds none of the sweeps; make ladder runs them")
        for name, records in sweeps.items():
            page.table(name, markdown_of(_TABLES[name](by_rung(records))))
        page.table("targets", markdown_of(targets({n: by_rung(r) for n, r in sweeps.items()})))
        if options.costs:
            page.table("costs", markdown_of(costs(options.threads)))
        _pictures({n: by_rung(r) for n, r in sweeps.items()}, page.folder)


def by_rung(records: Sequence[Record]) -> dict[str, list[Record]]:
    """Group runs by rung, from the least to the most told.

    Raises
    ------
    UserError
        If a run was on no rung.
    """
    if lost := {r.settings.get("rung", "none") for r in records} - set(TOLD):
        raise UserError(f"rung={', '.join(lost)} is no rung of the ladder: {', '.join(TOLD)}")
    groups = {rung: [r for r in records if r.settings["rung"] == rung] for rung in TOLD}
    return {rung: group for rung, group in groups.items() if group}


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Mean, and how far its 95% interval reaches (Student's t); not a number for one value."""
    if len(values) < 2:
        return float(np.mean(values)), math.nan
    from scipy import stats

    reach = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    return float(np.mean(values)), float(reach)


def searched(rungs: Rungs) -> pd.DataFrame:
    """One row per rung: its trials, the best one's settings and what it reached."""
    rows = []
    for rung, trials in rungs.items():
        best = min(trials, key=lambda trial: trial.score)
        settings = best.settings
        own = [k for k in settings if k.startswith(_PARTS) and k not in _COMMON]
        rows.append(
            {"rung": rung, "trials": str(len(trials))}
            | {key.rpartition(".")[2]: _short(settings.get(key, "-")) for key in _COMMON}
            | {
                "its own": " ".join(f"{k.rpartition('.')[2]}={_short(settings[k])}" for k in own),
                "validation images wrong, %": f"{100 * best.errors / best.images:.1f}",
            }
        )
    return pd.DataFrame(rows)


def by_passes(rungs: Rungs) -> pd.DataFrame:
    """One row per rung: test errors in percent at each budget of passes, seconds of training."""
    budgets = sorted({_budget(record) for group in rungs.values() for record in group})
    rows = []
    for rung, group in rungs.items():
        row = {"told": TOLD[rung], "rung": rung}
        for budget in budgets:
            row[f"{budget:,g} passes, %"] = _percent(r for r in group if _budget(r) == budget)
        last = [r.seconds for r in group if _budget(r) == budgets[-1]]
        row[f"seconds of {budgets[-1]:,g}"] = f"{np.median(last):.0f}" if last else "-"
        rows.append(row)
    return pd.DataFrame(rows)


def by_seconds(rungs: Rungs) -> pd.DataFrame:
    """One row per rung: test errors in percent after equal seconds, and the passes they bought."""
    return pd.DataFrame(
        {
            "told": TOLD[rung],
            "rung": rung,
            "test error, %": _percent(group),
            "forward passes": f"{np.median([r.final('forward_passes') for r in group]):,.0f}",
        }
        for rung, group in rungs.items()
    )


def by_law(rungs: Rungs) -> pd.DataFrame:
    """One row per law, one column per rung: test errors in percent."""
    laws = {r.dist: r.letter or "~" for group in rungs.values() for r in group}
    return pd.DataFrame(
        {"law": law} | {f"{rung}, %": _percent(r for r in group if r.dist == law)
                        for rung, group in rungs.items()}
        for law in sorted(laws, key=laws.__getitem__)
    )  # fmt: skip


def against_fixed(rungs: Rungs) -> pd.DataFrame:
    """Each fixed feedback's test error beside the learned one's, paired by seed and network."""
    learned = {_pair(r): error_rate(r) for r in rungs.get(_LEARNED, [])}
    rows = []
    for network in sorted({_network(r) for group in rungs.values() for r in group}, key=_size):
        for rung in _FIXED:
            fixed = {_pair(r): error_rate(r) for r in rungs.get(rung, []) if _network(r) == network}
            pairs = sorted(set(fixed) & set(learned))
            if not pairs:
                continue
            more = [100 * (fixed[pair] - learned[pair]) for pair in pairs]
            mean, reach = interval(more)
            rows.append(
                {
                    "hidden layers": network,
                    "fixed feedback": rung,
                    "seeds": str(len(pairs)),
                    "fixed, %": _cell([100 * fixed[pair] for pair in pairs]),
                    "learned, %": _cell([100 * learned[pair] for pair in pairs]),
                    "fixed minus learned, points": _cell(more, signed=True),
                    "which is better": "level" if not abs(mean) > reach
                    else "learned" if mean > 0 else "fixed",
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def by_depth(rungs: Rungs) -> pd.DataFrame:
    """One row per rung, one column per number of hidden layers: test errors in percent."""
    depths = sorted({depth(r) for group in rungs.values() for r in group})
    return pd.DataFrame(
        {"rung": rung} | {f"{n} hidden, %": _percent(r for r in group if depth(r) == n)
                          for n in depths}
        for rung, group in rungs.items()
    )  # fmt: skip


def costs(threads: int) -> pd.DataFrame:
    """One row per rung: milliseconds of a pass on the article's network, and memory.

    Memory is what training holds at most beyond the trial: images, network and initial weights.
    """
    rows = []
    for rung in TOLD:
        asked = ["experiment=ladder", f"rung={rung}", f"forward_passes={_TIMED}"]
        asked.append(f"network.hidden={list(article.HIDDEN)}".replace(" ", ""))
        seconds = []
        for _ in range(_REPEATS):
            *_, last = trial_of(asked, threads).train()
            seconds.append(last.train_seconds / last.forward_passes)
        trial = trial_of(asked, threads)
        tracemalloc.start()
        deque(trial.train(), maxlen=0)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        rows.append({"rung": rung, "ms per pass": f"{1e3 * np.median(seconds):.0f}",
                     "MB": f"{most / 1e6:.0f}"})  # fmt: skip
    return pd.DataFrame(rows)


def targets(sweeps: Mapping[str, Rungs]) -> pd.DataFrame:
    """What was to be reached, and what was."""
    rows = []

    def row(what: str, target: str, reached: float, met: bool) -> None:
        if math.isfinite(reached):
            rows.append({"what": what, "target": target, "reached": f"{reached:.2f}",
                         "met": "yes" if met else "no"})  # fmt: skip

    blind = _best(
        [sweeps.get("passes", {}), sweeps.get("laws", {})], 300, lambda rung: "image" in TOLD[rung]
    )
    row("one number per image, best law, 300 passes: test error, %", "at most 7", blind, blind <= 7)
    step = _best([sweeps.get("passes", {})], 3000, lambda rung: "step" in TOLD[rung])
    row("one number per step, best method, 3,000 passes: test error, %", "at most 12", step,
        step <= 12)  # fmt: skip
    deep = {
        rung: np.mean([100 * error_rate(r) for r in runs])
        for rung, group in sweeps.get("depth", {}).items()
        if (runs := [r for r in group if depth(r) == _DEEP])
    }
    exact = float(deep.pop("backprop", math.nan))
    gap = float(min(deep.values(), default=math.nan)) - exact
    row(f"{_DEEP} hidden layers, best noise, behind backprop: points", "at most 1", gap, gap <= 1)
    return pd.DataFrame(rows)


def _best(sweeps: Iterable[Rungs], passes: float, wanted: Callable[[str], bool]) -> float:
    """Return the lowest mean test error in percent at a budget, over rungs and laws."""
    cells: dict[tuple[str, str], list[float]] = {}
    for rungs in sweeps:
        for rung in filter(wanted, rungs):
            for r in rungs[rung]:
                if _budget(r) == passes:
                    cells.setdefault((rung, r.dist), []).append(100 * error_rate(r))
    return min((float(np.mean(cell)) for cell in cells.values()), default=math.nan)


def _pictures(sweeps: Mapping[str, Rungs], folder: Path) -> None:
    def curves(rungs: Rungs, x: Callable[[Record], float]) -> list[figures.Band]:
        bands = []
        for rung, group in rungs.items():
            at = sorted({x(r) for r in group})
            rates = [[100 * error_rate(r) for r in group if x(r) == value] for value in at]
            bands.append(figures.Band(rung, TOLD[rung], at, rates))
        return bands

    if "passes" in sweeps:
        picture = figures.bands(
            curves(sweeps["passes"], _budget), "Ten digits: how much must noise be told?",
            "forward passes over the training images",
        )  # fmt: skip
        picture.savefig(folder / "ladder.png", dpi=110)
    if "depth" in sweeps:
        picture = figures.bands(
            curves(sweeps["depth"], depth), "Ten digits: where does each stop learning?",
            "hidden layers", log_x=False,
        )  # fmt: skip
        picture.savefig(folder / "ladder_depth.png", dpi=110)


def depth(record: Record) -> int:
    """How many hidden layers the network had."""
    return len(_network(record).strip("[]").split(","))


def _network(record: Record) -> str:
    return record.params["network.hidden"].replace(" ", "")


def _size(network: str) -> tuple[int, str]:
    return network.count(","), network


def _pair(record: Record) -> tuple[str, str]:
    return _network(record), record.params["seed"]


def _budget(record: Record) -> float:
    return float(record.params["forward_passes"])


def _percent(records: Iterable[Record]) -> str:
    return _cell([100 * error_rate(record) for record in records])


def _cell(values: Sequence[float], signed: bool = False) -> str:
    if not values:
        return "-"
    mean, reach = interval(values)
    if signed:
        return f"{mean:+.2f}" if math.isnan(reach) else f"{mean:+.2f} ± {reach:.2f}"
    return f"{mean:.1f}" if math.isnan(reach) else f"{mean:.1f} ± {reach:.1f}"


def _short(value: str) -> str:
    try:
        return f"{float(value):.2g}"
    except ValueError:
        return value


_TABLES: dict[str, Callable[[Rungs], pd.DataFrame]] = {
    "search": searched,
    "passes": by_passes,
    "seconds": by_seconds,
    "laws": by_law,
    "feedback": against_fixed,
    "depth": by_depth,
}

if __name__ == "__main__":
    main()

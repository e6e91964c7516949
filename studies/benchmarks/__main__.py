"""`python -m studies.benchmarks`: measure, and write csv files, figures and Markdown tables.

The tables replace what stands between `<!-- name -->` and `<!-- end -->` in the page given by
`--page`; without it they are only printed and written beside the csv files.
"""

import argparse
import platform
import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from statistics import median

from noise_exp.errors import at_the_edge
from noise_exp.run import launchers
from noise_exp.run.fingerprint import kernel
from studies.benchmarks import compare, feedback, figures, growth, isa, overhead, race
from studies.benchmarks.problem import METHODS
from studies.benchmarks.turns import own_process
from studies.pages import Page, add_page

_PARTS = ("methods", "feedback", "growth", "learn", "overhead")


@at_the_edge("studies.benchmarks")
def main() -> None:
    """Run the parts asked for, each followed by what it writes."""
    options = _options()
    report = Page(options.output, options.page, "performance")
    measured: set[str] = set()
    for choice in options.isa:
        with isa.switched(choice):
            with own_process(options.threads) as process:
                used = process.submit(isa.in_use).result()
                rounding = process.submit(kernel).result()
            where = f"{date.today()}: {_processor()}, threads={options.threads}, {rounding}"
            if used in measured:
                print(f"--isa {choice} is {used} here, which is measured already")
                continue
            if "methods" in options.parts:
                _methods(options, report, used, where)
            if "feedback" in options.parts:
                _feedback(options, report, used, where)
            if not measured:
                _others(options, report, where)
        measured.add(used)


def _others(options: argparse.Namespace, report: Page, where: str) -> None:
    """Measure what is measured with one kind of vector instructions alone."""
    if {"growth", "learn", "overhead"} & {*options.parts}:
        report.table("where", f"{where}.\n")
    if "growth" in options.parts:
        _growth(options, report)
    if "learn" in options.parts:
        _learn(options, report)
    if "overhead" in options.parts:
        report.table("overhead", overhead.table(overhead.overhead()))


def _methods(options: argparse.Namespace, report: Page, used: str, where: str) -> None:
    methods = METHODS if not options.quick else ("gumbel", "zipf", "backprop")
    epochs, rounds = (3, 2) if options.quick else (8, options.rounds)
    timings = compare.compare(options.threads, epochs, rounds, methods)
    report.table(f"where_{used}", f"{where}; {rounds} rounds of {epochs} epochs.\n")
    report.table(f"methods_{used}", compare.table(timings))
    report.table(f"targets_{used}", compare.verdict(timings, used))
    compare.write_csv(timings, report.folder / f"performance_methods_{used}.csv")
    rounds_of: dict[str, list] = {}
    for timing in timings:
        rounds_of.setdefault(timing.contender, []).append(timing.rounds)
    floor = [median(r) for r in rounds_of.pop(compare.ROOFLINE)]
    named = list(dict.fromkeys(timing.method for timing in timings))
    figure = figures.time_per_epoch(named, rounds_of, floor)
    figure.savefig(report.folder / f"performance_methods_{used}.png", dpi=120)


def _feedback(options: argparse.Namespace, report: Page, used: str, where: str) -> None:
    seconds = feedback.feedback(options.threads, 2 if options.quick else options.rounds)
    report.table(f"feedback_{used}", f"{where}.\n\n{feedback.table(seconds)}")
    report.table(f"feedback_target_{used}", feedback.verdict(seconds))


def _learn(options: argparse.Namespace, report: Page) -> None:
    seeds, repeats, cap = (1, 1, 5.0) if options.quick else (options.rounds, 2, race.CAP)
    arrivals = race.race(options.threads, range(seeds), repeats, cap)
    report.table("learn", race.table(arrivals, cap))
    report.table("learn_target", race.verdict(arrivals, cap))
    race.write_csv(arrivals, report.folder / "performance_learn.csv")


def _growth(options: argparse.Namespace, report: Page) -> None:
    most = 2 if options.quick else None
    images, widths = growth.IMAGES[:most], growth.WIDTHS[:most]
    threads = sorted({1, options.threads})
    sizes = growth.growth(images, widths, threads)
    report.table("growth", growth.table(sizes))
    growth.write_csv(sizes, report.folder / "performance_growth.csv")
    panels = []
    for quantity, name in (
        ("milliseconds", "milliseconds per epoch"),
        ("mebibytes", "most memory of the process (MiB)"),
    ):
        for axis, x_name in (("images", "training images"), ("width", "units per hidden layer")):
            shown = [(method, k) for method in growth.METHODS for k in threads]
            lines = [_line(sizes, axis, method, k, quantity) for method, k in shown]
            panels.append((x_name, name, lines))
    figure = figures.growth(panels)
    figure.savefig(report.folder / "performance_growth.png", dpi=120)


def _line(
    sizes: Sequence[growth.Size], axis: str, method: str, threads: int, quantity: str
) -> figures.Line:
    chosen = [s for s in sizes if (s.axis, s.method, s.threads) == (axis, method, threads)]
    return figures.Line(
        f"{method}, threads={threads}",
        [getattr(s, axis) for s in chosen],
        [getattr(s, quantity) for s in chosen],
    )


def _processor() -> str:
    try:
        model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    except OSError:
        model = None
    return model[1] if model else platform.processor() or platform.machine()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m studies.benchmarks", description=__doc__)
    parser.add_argument(
        "--parts", nargs="+", default=_PARTS, metavar="PART", choices=_PARTS,
        help=f"{', '.join(_PARTS)}; default: all",
    )  # fmt: skip
    parser.add_argument(
        "--isa", nargs="+", default=[isa.NATIVE], metavar="ISA", choices=isa.CHOICES,
        help="vector instructions: native, the processor's, or avx2, no more than those of "
        "processors without AVX-512; of both, growth, learn and overhead are measured with the "
        "first; default: native",
    )  # fmt: skip
    parser.add_argument("--threads", type=int, default=min(2, launchers.available()))
    parser.add_argument(
        "--rounds", type=int, default=5, help="of the methods, and seeds of learn; default: 5"
    )
    parser.add_argument("--quick", action="store_true", help="fewer methods, sizes and rounds")
    add_page(parser, "benchmark")
    options = parser.parse_args()
    if options.threads < 1:
        parser.error(f"--threads must be at least 1, got {options.threads}")
    if options.rounds < 1:
        parser.error(f"--rounds must be at least 1, got {options.rounds}")
    return options


if __name__ == "__main__":
    main()

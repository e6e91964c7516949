"""`python -m studies.benchmarks`: measure, and write tables, figures and csv files."""

import argparse
import platform
import re
from datetime import date
from pathlib import Path
from statistics import median

from noise_exp.errors import at_the_edge
from noise_exp.job import launchers
from noise_exp.job.fingerprint import kernel
from studies.benchmarks import compare, feedback, figures, isa, overhead
from studies.benchmarks.problem import METHODS
from studies.benchmarks.turns import own_process
from studies.pages import add_output, write_table

_PARTS = ("methods", "feedback", "overhead")


@at_the_edge("studies.benchmarks")
def main() -> None:
    """Run the parts asked for, each followed by what it writes."""
    options = _options()
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
                _methods(options, used, where)
            if "feedback" in options.parts:
                _feedback(options, used, where)
            if "overhead" in options.parts and not measured:
                table = overhead.table(overhead.overhead())
                write_table(options.output, "overhead", f"{where}.\n\n{table}")
        measured.add(used)


def _methods(options: argparse.Namespace, used: str, where: str) -> None:
    methods = METHODS if not options.quick else ("gumbel", "zipf", "backprop")
    epochs, rounds = (3, 2) if options.quick else (8, options.rounds)
    timings = compare.compare(options.threads, epochs, rounds, methods)
    where = f"{where}; {rounds} rounds of {epochs} epochs."
    write_table(options.output, f"methods_{used}", f"{where}\n\n{compare.table(timings)}")
    compare.write_csv(timings, options.output / f"methods_{used}.csv")
    rounds_of: dict[str, list] = {}
    for timing in timings:
        rounds_of.setdefault(timing.contender, []).append(timing.rounds)
    products = [median(r) for r in rounds_of.pop(compare.ROOFLINE)]
    named = list(dict.fromkeys(timing.method for timing in timings))
    figure = figures.time_per_epoch(named, rounds_of, products)
    figure.savefig(options.output / f"methods_{used}.png", dpi=120)


def _feedback(options: argparse.Namespace, used: str, where: str) -> None:
    seconds = feedback.feedback(options.threads, 2 if options.quick else options.rounds)
    table = feedback.table(seconds)
    write_table(options.output, f"feedback_{used}", f"{where}.\n\n{table}")


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
        "processors without AVX-512; of both, overhead is measured with the first; default: native",
    )  # fmt: skip
    parser.add_argument("--threads", type=int, default=min(2, launchers.available()))
    parser.add_argument(
        "--rounds", type=int, default=5, help="of the methods and the feedback; default: 5"
    )
    parser.add_argument("--quick", action="store_true", help="fewer methods and rounds")
    add_output(parser, Path("outputs/performance"))
    options = parser.parse_args()
    if options.threads < 1:
        parser.error(f"--threads must be at least 1, got {options.threads}")
    if options.rounds < 1:
        parser.error(f"--rounds must be at least 1, got {options.rounds}")
    return options


if __name__ == "__main__":
    main()

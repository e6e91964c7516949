"""`python -m studies.compare module.Class ['estimator.KEY=SPACE' ...]`: an estimator of one's own.

It goes through the protocol of every preset on two sets of ten digits, 24 trials on validation
images and ten seeds with the best settings, and stands in a table beside four presets:

    python -m studies.compare my_module.MyEstimator 'estimator.scale=tag(log, interval(1e-3, 1))'

A KEY of its own is searched in a SPACE, as Hydra's Optuna sweeper writes it: choice(1, 4),
interval(0.1, 1), tag(log, interval(1e-3, 1)). Other keys, as noise_transform=sign, are set as they
are given. preset=NAME instead of a class is one of the presets. What the store holds is not done
again.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep
from hydra.errors import HydraException

from noise_exp.errors import UserError, at_the_edge, in_words
from noise_exp.job.describe import trial_of
from noise_exp.job.values import class_of
from noise_exp.writing import markdown_of
from studies import protocol, results
from studies.comparison import table
from studies.protocol import CONF, Cell

BESIDE = ("shallow", "feedback_alignment", "learned_feedback", "backprop")
_RUNS = Path("multirun/compare")
_SEARCH, _RESULTS = "compare_search.csv", "compare.csv"
_DATA = {"mnist10": [], "digits8": ["data=digits8"]}
_VALIDATION = {"mnist10": [], "digits8": ["data.validation_size=300"]}


class OwnCell(Cell):
    """A cell of a class of one's own, whose keys its option does not know."""

    def settings(self, trial: Mapping[str, str]) -> dict[str, str]:
        """Return what a trial's sweeper chose, as keys that are added."""
        return {_added(key): value for key, value in super().settings(trial).items()}


def main() -> None:
    """Compare."""
    options = _options()
    with at_the_edge("studies.compare"):
        name = options.method.removeprefix("preset=")
        if options.method.startswith("preset="):
            cells = [_preset(data, name, options) for data in _DATA]
        else:
            _try(options.method, options.space)
            cells = [_own(data, name, options) for data in _DATA]
        searches = [cell.search(_RUNS) for cell in cells]
        protocol.run(searches, options.jobs, results.keep(options.results / _SEARCH))
        trials = results.read(options.results / _SEARCH)
        seeds = [cell.run(_RUNS, cell.settings(results.best(trials, cell.name))) for cell in cells]
        protocol.run(seeds, options.jobs, results.keep(options.results / _RESULTS))
        runs = results.read(options.results / _RESULTS)
        for data in _DATA:
            alike = f"{data}/{options.passes}/"
            own = runs[runs.cell.isin([f"{alike}{shown}" for shown in (*BESIDE, name)])]
            own = own.assign(method=own.cell.str.removeprefix(alike))
            known = [shown for shown in BESIDE if (own.method == shown).any()]
            if lost := [shown for shown in BESIDE if shown not in known]:
                where = f"{data} at forward_passes={options.passes}"
                print(
                    f"\nno results of {', '.join(lost)} on {where}; "
                    f"python -m studies.compare preset={lost[0]} makes them"
                )
            print(f"\n{data}\n\n{markdown_of(table(own, 'method', known, known, '.1f'))}")


def _preset(data: str, name: str, options: argparse.Namespace) -> Cell:
    fixed = (*_DATA[data], f"forward_passes={options.passes}")
    searched = (f"experiment=feedback_search/{name}", *fixed, *_VALIDATION[data])
    trained = ("experiment=feedback", f"preset={name}", *fixed)
    space = (f"hydra.sweeper.n_trials={options.trials}", *options.space)
    return Cell(f"{data}/{options.passes}/{name}", searched, trained, options.seeds, space)


def _own(data: str, name: str, options: argparse.Namespace) -> Cell:
    fixed = (*_class(options.method), *_DATA[data], f"forward_passes={options.passes}")
    searched = ("experiment=feedback_search", *fixed, *_VALIDATION[data])
    trained = ("experiment=feedback", "~hydra.sweeper.params.preset", *fixed)
    rate = "optimizer.lr=tag(log, interval(1e-4, 1e-1))"
    space = (f"hydra.sweeper.n_trials={options.trials}", rate, *map(_added, options.space))
    name = f"{data}/{options.passes}/{name}"
    return OwnCell(name, searched, trained, options.seeds, space)


def _class(target: str) -> tuple[str, ...]:
    return "estimator=own", f"estimator._target_={target}", "optimizer=adam"


def _added(override: str) -> str:
    return f"+{override}" if override.startswith("estimator.") else override


def _try(target: str, space: Sequence[str]) -> None:
    """Take a step with the class, so that its errors are reported before a search is begun.

    Raises
    ------
    UserError
        If it cannot be imported or made, or fails.
    """
    try:
        class_of(target)
        parsed = OverridesParser.create().parse_overrides([_added(override) for override in space])
    except (ValueError, HydraException) as error:
        raise UserError(str(error).partition("\n")[0]) from None
    first = [f"{o.get_key_element()}={_first(o.value())}" for o in parsed]
    asked = [f"hydra.searchpath=[file://{CONF}]", "experiment=feedback", *_class(target), *first]
    trial = trial_of([*asked, "network.hidden=[128]", "batch_size=128"])
    try:
        next(trial.train())
    except Exception as error:
        raise UserError(f"{target} fails: {in_words(error)}") from None


def _first(value: Any) -> Any:
    if isinstance(value, IntervalSweep):
        return value.start
    return value.list[0] if isinstance(value, ChoiceSweep) else value


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m studies.compare",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("method", metavar="module.Class|preset=NAME")
    parser.add_argument("space", nargs="*", metavar="KEY=SPACE")
    for name, default, words in (
        ("passes", 300, "forward passes of each run"),
        ("trials", 24, "of a search"),
        ("seeds", 10, "how many"),
    ):
        parser.add_argument(f"--{name}", type=int, default=default, help=f"{words}; {default}")
    results.add_options(parser)
    return parser.parse_args()


if __name__ == "__main__":
    main()

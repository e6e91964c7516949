"""`python -m studies.benchmarks.race`: evosax's evolution strategies, as the presets are measured.

Ten digits, one scalar per member of a population, equal seconds of training on one core. Each
algorithm gets as many trials on validation images as a preset, by the same sampler, and as many
seeds; what is done is not done again. Their results are rows of race_search.csv and race.csv, in
cells such as 10s/Open_ES; `python -m studies.feedback search '10s/*'` and `run '10s/*'` make the
presets'.
"""

import argparse
from ast import literal_eval
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from noise_exp import __version__
from noise_exp.errors import at_the_edge
from noise_exp.job.describe import trial_of
from noise_exp.job.fingerprint import kernel
from studies import results
from studies.benchmarks.turns import own_process, require

ALGORITHMS = ("Open_ES", "SNES", "SimpleES")
_STARTUP, _SAMPLER_SEED = 8, 452  # as in experiment=feedback_search


def suggested(trial: Any, algorithm: str) -> dict[str, Any]:
    """Return settings of an algorithm that a trial of Optuna's asks for."""
    settings = {
        "hidden": trial.suggest_categorical("hidden", ["[128]", "[128,128]"]),
        "init_scale": trial.suggest_float("init_scale", 0.01, 0.3, log=True),
        "batch": trial.suggest_categorical("batch", [128, 256, 512]),
        "population": trial.suggest_categorical("population", [8, 32, 128]),
        "std": trial.suggest_float("std", 1e-3, 1e-1, log=True),
    }
    if algorithm == "Open_ES":
        settings["lr"] = trial.suggest_float("lr", 1e-4, 1e-1, log=True)
        settings["lr_falls"] = trial.suggest_categorical("lr_falls", [True, False])
        settings["std_falls"] = trial.suggest_categorical("std_falls", [True, False])
    return settings


def measured(
    algorithm: str, settings: Mapping[str, Any], seed: int, seconds: float, validation: bool
) -> dict[str, Any]:
    """Train with evosax; return a row of results."""
    from studies.benchmarks.evosax_peer import train

    asked = ["experiment=feedback", "dist=backprop", f"seed={seed}", "forward_passes=1",
             f"network.hidden={settings['hidden']}",
             f"network.init_scale={settings['init_scale']}"]  # fmt: skip
    trial = trial_of([*asked, f"data.validation_size={2000 if validation else 0}"])
    errors, generations = train(trial, algorithm, settings, seed, seconds)
    images = len(trial.split.test_labels)
    members = generations * settings["population"]
    return {
        "cell": f"{seconds:g}s/{algorithm}",
        "seed": str(seed),
        **{key: str(value) for key, value in settings.items()},
        "work": round(members * settings["batch"] / len(trial.split.train_labels), 3),
        "seconds": seconds,
        "errors": errors,
        "images": images,
        "score": errors / images,
        "environment": kernel(),
        "version": __version__,
    }


def search(algorithm: str, seconds: float, trials: int) -> pd.DataFrame:
    """Return the trials of a search on validation images, one row each."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(n_startup_trials=_STARTUP, seed=_SAMPLER_SEED)
    study, rows = optuna.create_study(sampler=sampler), []
    for _ in range(trials):
        trial = study.ask()
        settings = suggested(trial, algorithm)
        rows.append(_alone(algorithm, settings, _SAMPLER_SEED, seconds, True))
        study.tell(trial, rows[-1]["score"])
    return pd.DataFrame(rows)


def _alone(*arguments: Any) -> dict[str, Any]:
    with own_process(1) as process:
        return process.submit(measured, *arguments).result()


def race(algorithm: str, seconds: float, trials: int, seeds: int, folder: Path) -> None:
    """Search an algorithm's settings and train with the best on every seed, unless it is done."""
    cell = f"{seconds:g}s/{algorithm}"
    found, reached = folder / "race_search.csv", folder / "race.csv"
    if not _has(found, cell):
        results.merge(found, search(algorithm, seconds, trials))
    if not _has(reached, cell):
        chosen = results.best(results.read(found), cell)
        best = {key: literal_eval(text) for key, text in chosen.items()}
        rows = [_alone(algorithm, best, seed, seconds, False) for seed in range(1, seeds + 1)]
        results.merge(reached, pd.DataFrame(rows))


def _has(path: Path, cell: str) -> bool:
    return path.is_file() and bool(np.any(results.read(path).cell == cell))


@at_the_edge("studies.benchmarks.race")
def main() -> None:
    """Race."""
    parser = argparse.ArgumentParser(
        "python -m studies.benchmarks.race",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seconds", type=float, default=10.0, help="of each run; default: 10")
    parser.add_argument("--trials", type=int, default=24, help="of a search; default: 24")
    parser.add_argument("--seeds", type=int, default=10, help="how many; default: 10")
    parser.add_argument("--results", type=Path, default=results.FOLDER, help="for csv files")
    options = parser.parse_args()
    require(["evosax", "optuna"])
    for algorithm in ALGORITHMS:
        race(algorithm, options.seconds, options.trials, options.seeds, options.results)


if __name__ == "__main__":
    main()

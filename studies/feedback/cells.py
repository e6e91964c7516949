"""The comparisons of docs/feedback.md, as cells of the protocol."""

from collections.abc import Mapping
from pathlib import Path

from studies.protocol import Cell, Sweep, rounded

FEEDBACK = {
    "cost_scaled": "none",
    "shallow": "none, for hidden units",
    "hill_climb": "one scalar per step",
    "annealing": "one scalar per step",
    "spsa": "one scalar per step",
    "es": "one scalar per step",
    "low_rank_es": "one scalar per step",
    "node_perturbation_blind": "one scalar per example",
    "node_perturbation": "output errors",
    "direct_feedback_alignment": "output errors",
    "feedback_alignment": "output errors",
    "sign_symmetry": "output errors",
    "sign_symmetry_random": "output errors",
    "direct_kolen_pollack": "output errors",
    "kolen_pollack": "output errors",
    "weight_mirror": "output errors",
    "learned_feedback": "output errors",
    "forward_gradient": "directional derivative",
    "unit_forward_gradient": "directional derivative",
    "backprop": "gradient",
}
"""The options of `preset=`, from the least to the most feedback, with the feedback of each."""
BASELINES = ("logistic_regression", "nearest_neighbours")

BUDGETS = (30, 300)  # forward passes
LONG = (3_000, 10_000)
NETWORKS = ("[32,32]", "[128]", "[128,128]", "[128,128,128,128]")
_ON_NETWORKS = ("direct_feedback_alignment", "feedback_alignment", "sign_symmetry",
                "direct_kolen_pollack", "kolen_pollack", "weight_mirror", "learned_feedback",
                "backprop")  # fmt: skip
SAMPLERS = Sweep("samplers", Path("multirun/samplers"), ("experiment=every_sampler",))
ANGLES = Sweep("angles", Path("multirun/angles"), ("experiment=angles",))
_VALIDATION = ("data.validation_size=2000", "score=error_rate")


def short() -> dict[str, Cell]:
    """Return the cells of up to 300 passes by name.

    They are PASSES/PRESET, networks/UNITS/PRESET and, as studies.benchmarks.race measures evosax,
    10s/PRESET.
    """
    main = [
        _searched(f"{budget}/{preset}", preset, f"forward_passes={budget}")
        for budget in BUDGETS
        for preset in FEEDBACK
    ]
    networks = [
        _searched(f"networks/{name_of(hidden)}/{preset}", preset,
                  f"network.hidden={hidden}", "forward_passes=100")
        for hidden in NETWORKS
        for preset in _ON_NETWORKS
    ]  # fmt: skip
    seconds = [
        _searched(f"10s/{preset}", preset, "forward_passes=null", "train_seconds=10")
        for preset, feedback in FEEDBACK.items()
        if feedback == "one scalar per step"
    ]
    return {cell.name: cell for cell in (*main, *networks, *seconds)}


def long(passes: int, preset: str, settings: Mapping[str, str]) -> Cell:
    """Return the cell of more passes: with the settings of 300, but a rate as large or smaller.

    Where a method has no learning rate, the scale of its noise is chosen so.
    """
    key = "optimizer.lr" if "optimizer.lr" in settings else "optimizer.scale"
    rates = ",".join(rounded(str(float(settings[key]) / part)) for part in (1, 2, 4, 8))
    kept = (f"{name}={value}" for name, value in settings.items() if name != key)
    trained = ("experiment=feedback", f"preset={preset}", f"forward_passes={passes}", *kept)
    return Cell(f"{passes}/{preset}", (*trained, *_VALIDATION), trained, 5, (f"{key}={rates}",))


def name_of(hidden: str) -> str:
    """Return what a network is called in the names of its cells."""
    return hidden.strip("[]").replace(",", "-")


def _searched(name: str, preset: str, *fixed: str) -> Cell:
    searched = (f"experiment=feedback_search/{preset}", *fixed)
    return Cell(name, searched, ("experiment=feedback", f"preset={preset}", *fixed), seeds=10)

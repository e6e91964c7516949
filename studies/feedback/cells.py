"""The comparisons of docs/feedback.md, as cells of the protocol."""

from collections.abc import Mapping
from dataclasses import replace

from noise_exp.training import article
from studies.protocol import Cell, rounded

FEEDBACK = {
    "cost_scaled": "none",
    "shallow": "none, for hidden units",
    "hill_climb": "one scalar per step",
    "annealing": "one scalar per step",
    "spsa": "one scalar per step",
    "es": "one scalar per member",
    "low_rank_es": "one scalar per member",
    "node_perturbation_blind": "one scalar per example",
    "node_perturbation": "one scalar per example, and output errors",
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
BASELINES = ("constant_answer", "logistic_regression", "nearest_neighbours")

BUDGETS = (30, 300)  # forward passes
LONG = (3_000, 10_000)
NETWORKS = ("[128]", "[128,128]", "[128,128,128,128]")
LEARNED_OR_FIXED = (
    "direct_feedback_alignment", "feedback_alignment", "sign_symmetry", "sign_symmetry_random",
    "direct_kolen_pollack", "kolen_pollack", "weight_mirror", "learned_feedback",
)  # fmt: skip
_SAMPLED = ("learned_feedback", "spsa")
TIMED = "10s/"
DIAGNOSED = "diagnostics=true"
_ON_NETWORKS = (
    "direct_feedback_alignment", "feedback_alignment", "kolen_pollack", "weight_mirror",
    "learned_feedback", "backprop",
)  # fmt: skip
_DIAGNOSED = {f"networks/128-128/{preset}" for preset in _ON_NETWORKS[:-1]}
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
    networks = [
        replace(cell, trained=(*cell.trained, DIAGNOSED)) if cell.name in _DIAGNOSED else cell
        for cell in networks
    ]
    seconds = [
        _searched(f"{TIMED}{preset}", preset, "forward_passes=null", "train_seconds=10")
        for preset, feedback in FEEDBACK.items()
        if feedback in ("one scalar per step", "one scalar per member")
    ]
    return {cell.name: cell for cell in (*main, *networks, *seconds)}


def samplers() -> dict[str, Cell]:
    """Return the cells of every sampler by name, with settings that were searched for one."""
    searched = short()
    return {
        f"samplers/{preset}": Cell(
            f"samplers/{preset}", (), ("experiment=every_sampler", f"preset={preset}"), 10,
            source=searched[f"{BUDGETS[0]}/{preset}"],
        )
        for preset in _SAMPLED
    }  # fmt: skip


def long(passes: int, preset: str, settings: Mapping[str, str]) -> Cell:
    """Return the cell of more passes: with the settings of 300, but a rate as large or smaller.

    Where a method has no learning rate, the scale of its noise is chosen so. What decays by a share
    in every step decays by as much in all.
    """
    key = "optimizer.lr" if "optimizer.lr" in settings else "optimizer.scale"
    rates = ",".join(rounded(str(float(settings[key]) / part)) for part in (1, 2, 4, 8))
    share = BUDGETS[-1] / passes
    kept = (
        f"{name}={rounded(str(float(value) * share)) if name.endswith('decay') else value}"
        for name, value in settings.items()
        if name != key
    )
    trained = ("experiment=feedback", f"preset={preset}", f"forward_passes={passes}", *kept)
    searched = (*trained, *_VALIDATION, f"seed={article.SEED}")
    return Cell(f"{passes}/{preset}", searched, trained, 5, (f"{key}={rates}",))


def name_of(hidden: str) -> str:
    """Return what a network is called in the names of its cells."""
    return hidden.strip("[]").replace(",", "-")


def _searched(name: str, preset: str, *fixed: str) -> Cell:
    searched = (f"experiment=feedback_search/{preset}", *fixed)
    return Cell(name, searched, ("experiment=feedback", f"preset={preset}", *fixed), seeds=10)

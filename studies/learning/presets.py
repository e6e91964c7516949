"""The presets, and what a run with one of them says of itself."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence

from noise_exp.errors import UserError
from noise_exp.runs.record import Record
from studies.learning.sweeps import error_rate, interval

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

Presets = Mapping[str, Sequence[Record]]


def by_preset(records: Sequence[Record]) -> dict[str, list[Record]]:
    """Group runs by preset, from the least to the most feedback.

    Raises
    ------
    UserError
        If a run had no preset.
    """

    def preset_of(record: Record) -> str:
        return record.settings.get("preset") or record.settings.get("long", "none")

    if lost := {preset_of(r) for r in records} - set(FEEDBACK):
        raise UserError(f"preset={', '.join(lost)} is none of {', '.join(FEEDBACK)}")
    groups = {preset: [r for r in records if preset_of(r) == preset] for preset in FEEDBACK}
    return {preset: group for preset, group in groups.items() if group}


def depth(record: Record) -> int:
    """How many hidden layers the network had."""
    return len(units(network(record)))


def network(record: Record) -> str:
    """Units of the hidden layers, as on the command line."""
    return record.params["network.hidden"].replace(" ", "")


def units(hidden: str) -> list[int]:
    """Units of the hidden layers, as numbers."""
    numbers: list[int] = json.loads(hidden)
    return numbers


def pair(record: Record) -> tuple[str, str]:
    """Return what runs of two presets must have in common to be compared one by one."""
    return network(record), record.params["seed"]


def budget(record: Record) -> float:
    """Forward passes at most."""
    return float(record.params["forward_passes"])


def percent(records: Iterable[Record]) -> str:
    """Return the runs' test errors in percent: the mean and its interval."""
    return cell([100 * error_rate(record) for record in records])


def cell(values: Sequence[float], signed: bool = False, comparisons: int = 1) -> str:
    """Return values' mean and how far its interval reaches; a dash where there are none."""
    if not values:
        return "-"
    mean, reach = interval(values, comparisons)
    form = "+.2f" if signed else ".1f"
    return f"{mean:{form}}" if math.isnan(reach) else f"{mean:{form}} ± {reach:{form.lstrip('+')}}"

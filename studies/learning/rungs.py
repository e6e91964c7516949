"""The rungs of the ladder, and what a run on one of them says of itself."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from noise_exp.errors import UserError
from noise_exp.records.record import Record
from noise_exp.report.intervals import student
from studies.learning.sweeps import error_rate

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

Rungs = Mapping[str, Sequence[Record]]


def by_rung(records: Sequence[Record]) -> dict[str, list[Record]]:
    """Group runs by rung, from the least to the most told.

    Raises
    ------
    UserError
        If a run was on no rung.
    """

    def rung_of(record: Record) -> str:
        return record.settings.get("rung") or record.settings.get("long", "none")

    if lost := {rung_of(r) for r in records} - set(TOLD):
        raise UserError(f"rung={', '.join(lost)} is no rung of the ladder: {', '.join(TOLD)}")
    groups = {rung: [r for r in records if rung_of(r) == rung] for rung in TOLD}
    return {rung: group for rung, group in groups.items() if group}


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Mean, and how far its 95% interval reaches (Student's t); not a number for one value."""
    if len(values) < 2:
        return float(np.mean(values)), math.nan
    ends = student(np.asarray(values))
    return ends.value, ends.high - ends.value


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
    """Return what runs of two rungs must have in common to be compared one by one."""
    return network(record), record.params["seed"]


def budget(record: Record) -> float:
    """Forward passes at most."""
    return float(record.params["forward_passes"])


def percent(records: Iterable[Record]) -> str:
    """Return the runs' test errors in percent: the mean and its interval."""
    return cell([100 * error_rate(record) for record in records])


def cell(values: Sequence[float], signed: bool = False) -> str:
    """Return values' mean and how far its interval reaches; a dash where there are none."""
    if not values:
        return "-"
    mean, reach = interval(values)
    if signed:
        return f"{mean:+.2f}" if math.isnan(reach) else f"{mean:+.2f} ± {reach:.2f}"
    return f"{mean:.1f}" if math.isnan(reach) else f"{mean:.1f} ± {reach:.1f}"

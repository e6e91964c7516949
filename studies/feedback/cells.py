"""The comparisons of docs/feedback.md, as cells of the protocol."""

from collections.abc import Mapping

from studies.learning.presets import FEEDBACK
from studies.protocol import Cell, rounded

BUDGETS = (30, 300)  # forward passes
LONG = (3_000, 10_000)
NETWORKS = ("[32]", "[32,32]", "[128]", "[128,128]", "[128,128,128,128]",
            "[128,128,128,128,128,128]")  # fmt: skip
_ON_NETWORKS = (
    "node_perturbation_blind",
    *(preset for preset, feedback in FEEDBACK.items() if feedback == "output errors"),
    "unit_forward_gradient",
    "backprop",
)
_VALIDATION = ("data.validation_size=2000", "score=error_rate")


def short() -> dict[str, Cell]:
    """Return the cells of up to 300 passes by name: PASSES/PRESET and networks/UNITS/PRESET."""
    main = [
        _searched(f"{budget}/{preset}", preset, f"forward_passes={budget}")
        for budget in BUDGETS
        for preset in FEEDBACK
    ]
    networks = [
        _searched(f"networks/{hidden.strip('[]').replace(',', '-')}/{preset}", preset,
                  f"network.hidden={hidden}", "forward_passes=100")
        for hidden in NETWORKS
        for preset in _ON_NETWORKS
    ]  # fmt: skip
    return {cell.name: cell for cell in (*main, *networks)}


def long(passes: int, preset: str, settings: Mapping[str, str]) -> Cell:
    """Return the cell of more passes: with the settings of 300, but a rate as large or smaller.

    Where a method has no learning rate, the scale of its noise is chosen so.
    """
    key = "optimizer.lr" if "optimizer.lr" in settings else "optimizer.scale"
    rates = ",".join(rounded(str(float(settings[key]) / part)) for part in (1, 2, 4, 8))
    kept = (f"{name}={value}" for name, value in settings.items() if name != key)
    trained = ("experiment=feedback", f"preset={preset}", f"forward_passes={passes}", *kept)
    return Cell(f"{passes}/{preset}", (*trained, *_VALIDATION), trained, 5, (f"{key}={rates}",))


def _searched(name: str, preset: str, *fixed: str) -> Cell:
    searched = (f"experiment=feedback_search/{preset}", *fixed)
    return Cell(name, searched, ("experiment=feedback", f"preset={preset}", *fixed), seeds=10)

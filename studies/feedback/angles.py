"""How near feedback weights come to back propagation: what diagnostics found, and its figure."""

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from noise_exp.figures import GREY, Figure, panels, style
from noise_exp.runs.record import Record
from noise_exp.training.diagnostics import NAMES
from studies.feedback.cells import FEEDBACK
from studies.results import locked, write


def rows(records: Sequence[Record]) -> pd.DataFrame:
    """Return what was found, a row per preset, seed, epoch (from 1) and hidden layer (from 1)."""
    found = []
    for run in records:
        for layer, _ in enumerate(json.loads(run.params["network.hidden"]), 1):
            table = pd.DataFrame({name: run.curves[f"{name}_{layer}"] for name in NAMES})
            found.append(
                table.map(lambda value: float(f"{value:.4g}")).assign(
                    preset=run.settings["preset"],
                    seed=run.params["seed"],
                    epoch=range(1, len(table) + 1),
                    layer=layer,
                )
            )
    return pd.concat(found)[["preset", "seed", "epoch", "layer", *NAMES]]


def keep(path: Path, records: Sequence[Record]) -> None:
    """Write what was found for presets in place of what there was of them."""
    new = rows(records)
    with locked(path):
        if path.is_file():
            old = pd.read_csv(path)
            new = pd.concat([old[~old.preset.isin(new.preset)], new])
        write(path, new.sort_values("preset", kind="stable"))


def by_epoch(table: pd.DataFrame) -> Figure:
    """Draw the angles of deltas by epoch, a panel for each hidden layer.

    A curve is the mean over seeds, as long as all of them have the epoch; its band is from the
    lowest to the highest.
    """
    layers = sorted(table.layer.unique())
    figure, axes = panels(len(layers), 2, 10.5, 4.2, sharey=True)
    presets = [preset for preset in FEEDBACK if preset in set(table.preset)]
    for panel, layer in zip(axes, layers, strict=True):
        for i, preset in enumerate(presets):
            own = table[(table.layer == layer) & (table.preset == preset)]
            angles = own.pivot_table("delta_angle", "epoch", "seed").dropna()
            panel.fill_between(angles.index, angles.min(axis=1), angles.max(axis=1),
                               color=style(i)["color"], alpha=0.15, linewidth=0)  # fmt: skip
            panel.plot(angles.index, angles.mean(axis=1), **style(i), label=preset)
        panel.axhline(90, color=GREY, linewidth=0.8)
        panel.set(title=f"hidden layer {layer}", xlabel="epoch", ylim=(0, None))
        panel.grid(alpha=0.3)
    axes[0].set_ylabel("angle to back propagation's deltas, degrees")
    axes[-1].legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    return figure

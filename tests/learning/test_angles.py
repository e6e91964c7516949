"""Angles to back propagation: the csv file is what runs found, the figure what the file holds."""

import json

import numpy as np
import pandas as pd
import pytest
from made_up import recorded

from studies.feedback.angles import by_epoch, keep, rows
from studies.protocol import load


def test_a_row_for_every_preset_seed_epoch_and_layer_and_a_figure_of_them(cli):
    done = cli(
        "-m", "experiment=feedback", "preset=learned_feedback,feedback_alignment", "seed=1,2",
        "forward_passes=9", "network.hidden=[4,3]", "batch_size=4000", "diagnostics=true",
        "tracking.enabled=false", "hydra.sweep.dir=out",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    records, path = load(cli.folder / "out"), cli.folder / "results" / "angles.csv"
    table, found = rows(records), {}
    for job, (preset, seed) in enumerate(
        (preset, seed) for preset in ("learned_feedback", "feedback_alignment") for seed in "12"
    ):
        lines = (cli.folder / "out" / str(job) / ".noise_exp" / "epochs.jsonl").read_text()
        for line in map(json.loads, lines.splitlines()):
            for layer in (1, 2):
                found[preset, seed, line["epoch"] + 1, layer] = line[f"delta_angle_{layer}"]
    keys = ["preset", "seed", "epoch", "layer"]
    assert table.set_index(keys).delta_angle.to_dict() == pytest.approx(found, rel=1e-3)
    path.parent.mkdir()
    keep(path, records)
    keep(path, [run for run in records if run.settings["preset"] == "learned_feedback"])
    kept = pd.read_csv(path, dtype={"seed": str}).set_index(keys).delta_angle
    assert len(kept) == len(table)
    assert kept.to_dict() == table.set_index(keys).delta_angle.to_dict()
    cli.ok("pages", "--results", "results", "--output", "figures", module="studies.feedback")
    assert [path.name for path in (cli.folder / "figures").iterdir()] == ["angles.png"]


def run(seed, layers, **curves):
    curves = {f"{key}_{layer}": values for key, values in curves.items() for layer in layers}
    params = {"seed": str(seed), "network.hidden": str([4] * len(layers))}
    return recorded(params, {}, curves, overrides=["preset=weight_mirror"])


def test_a_curve_is_the_mean_over_seeds_as_long_as_all_have_the_epoch():
    table = rows(
        [
            run(1, [1, 2], delta_angle=[60, 30, 5], feedback_angle=[1] * 3,
                feedback_norm_ratio=[1] * 3),
            run(2, [1, 2], delta_angle=[80, 20], feedback_angle=[1] * 2,
                feedback_norm_ratio=[1] * 2),
        ]
    )  # fmt: skip
    assert len(table) == 10
    axes = by_epoch(table).axes
    assert [panel.get_title() for panel in axes] == ["hidden layer 1", "hidden layer 2"]
    for panel in axes:
        np.testing.assert_array_equal(panel.lines[0].get_xydata(), [[1, 70], [2, 25]])

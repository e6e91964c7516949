"""The protocol of the studies: settings that a search chose, ten seeds with them, results kept."""

import math
import shlex

import pandas as pd
import pytest
from support import jobs_in

from noise_exp.errors import ReportedError, UserError
from noise_exp.runs.journal import Journal
from studies import protocol, results
from studies.feedback import cells
from studies.protocol import Cell, rounded

TINY = ("forward_passes=1", "network.hidden=[4]", "batch_size=500")


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path


def test_a_search_and_its_seeds_are_kept_and_are_not_done_twice(here, capsys):
    searched = ("experiment=feedback_search/backprop", *TINY)
    trained = ("experiment=feedback", "preset=backprop", *TINY)
    cell = Cell("tiny/backprop", searched, trained, 3, ("hydra.sweeper.n_trials=3",))
    path = here / "results" / "search.csv"

    keep = results.keep(path)
    protocol.run([cell.search(here / "all")], 2, keep)
    trials = [record for record, _ in jobs_in(here / "all/search/tiny/backprop")]
    shares = [trial["metrics"]["validation_error_rate"] for trial in trials]
    kept = results.read(path)
    assert list(kept.score) == pytest.approx(shares)
    best = trials[shares.index(min(shares))]["params"]
    settings = cell.settings(results.best(kept, cell.name))
    chosen = {"network.init_scale", "optimizer.lr", "optimizer.weight_decay"}
    assert set(settings) == chosen  # the others were given
    for key, value in settings.items():
        magnitude = 10 ** math.floor(math.log10(float(best[key])))
        assert abs(float(value) - float(best[key])) <= 0.05 * magnitude * 1.001

    before = path.read_text()
    protocol.run([cell.search(here / "all")], 2, keep)  # all trials stand in the store
    assert path.read_text() == before
    folders = (here / "all/search/tiny/backprop").glob("[0-9]")
    assert [Journal.load(folder).record.reused for folder in folders] == [True] * 3

    done = []
    protocol.run([cell.run(here / "all", settings)], 2, lambda _, records: done.extend(records))
    assert [record.params["seed"] for record in done] == ["1", "2", "3"]
    assert {record.params["optimizer.lr"] for record in done} == {settings["optimizer.lr"]}
    assert {record.part for record in done} == {"test"}
    said = [shlex.split(line) for line in capsys.readouterr().out.splitlines()]
    assert [line[:3] for line in said] == [["python", "-m", "noise_exp"]] * 3


def test_a_command_that_fails_ends_all_with_its_words(here, capsys):
    bad, more = (Cell(name, ("preset=nothing",), (), 1).search(here) for name in "ab")
    with pytest.raises(ReportedError):
        protocol.run([bad, more], 1, lambda *_: None)
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 1  # the second was not begun
    assert "nothing" in said.err
    assert "a: the command above has failed" in said.err


@pytest.mark.parametrize(
    ("value", "short"),
    [("0.0034999", "0.0035"), ("512", "512"), ("null", "null"), ("[128,128]", "[128,128]"),
     ("12.34", "12"), ("3.21e-05", "3.2e-05")],
)  # fmt: skip
def test_settings_have_two_significant_digits(value, short):
    assert rounded(value) == short


def test_results_of_a_cell_replace_its_own_alone(tmp_path):
    path = tmp_path / "results.csv"
    measured = {"work": 1.5, "seconds": 0.1, "errors": 3, "images": 10, "score": math.inf,
                "environment": "", "version": "1"}  # fmt: skip

    def cell(name, seeds, **settings):
        return pd.DataFrame({"cell": name, "seed": str(s), **settings, **measured} for s in seeds)

    results.merge(path, cell("b", [1, 2], preset="spsa"))
    results.merge(path, cell("a", [10, 9, 1], lr="null"))
    results.merge(path, cell("b", [3], preset="es"))
    kept = results.read(path)
    assert list(zip(kept.cell, kept.seed, strict=True)) == [
        ("a", "10"), ("a", "9"), ("a", "1"), ("b", "3"),
    ]  # fmt: skip
    assert [results.settings(row) for _, row in kept.iterrows()] == 3 * [{"lr": "null"}] + [
        {"preset": "es"}
    ]
    assert math.isinf(kept.score[0])
    with pytest.raises(UserError, match="c was not searched"):
        results.best(kept, "c")


def test_more_passes_search_the_rate_alone():
    settings = {"optimizer.lr": "0.03", "batch_size": "128"}
    cell = cells.long(3000, "spsa", settings)
    assert cell.space == ("optimizer.lr=0.03,0.015,0.0075,0.0037",)
    assert "seed=452" in cell.searched  # four trials, none of them on a seed that is tested
    assert "batch_size=128" in cell.trained
    assert cell.settings({"batch_size": "128", "optimizer.lr": "0.0075", "preset": "spsa"}) == {
        "optimizer.lr": "0.0075"
    }
    # Ten times the steps, a tenth of the decay in each.
    decaying = cells.long(3000, "kolen_pollack", settings | {"optimizer.weight_decay": "0.002"})
    assert "optimizer.weight_decay=0.0002" in decaying.trained
    climb = cells.long(3000, "hill_climb", {"optimizer.scale": "0.8", "optimizer.adaptation": "2"})
    assert climb.space == ("optimizer.scale=0.8,0.4,0.2,0.1",)

"""The notebook: as a script, and as an app in a browser, whose numbers are the program's own."""

import copy
import itertools
import re
import subprocess
import sys
import time

import nbformat
import numpy as np
import pytest
from browser import needs_chromium, opened
from playwright.sync_api import expect
from server import free_port, listens, serving
from support import ROOT, SMALL, Cli

from noise_exp.errors import UserError
from noise_exp.training import (
    CrossEntropy,
    Embedded,
    IndependentStreams,
    Law,
    Objective,
    Schedule,
    Trial,
)

pytestmark = pytest.mark.slow
NOTEBOOK = ROOT / "notebooks" / "noise_training.py"


def marimo(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "marimo", *map(str, arguments)], cwd=ROOT, check=True,
        capture_output=True, text=True, **options,
    )  # fmt: skip


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A store with a sweep: its environment, and the sweep's ID."""
    cli = Cli(tmp_path_factory.mktemp("swept"))
    assert cli("-m", "dist=gumbel,beta", *SMALL).returncode == 0
    (parent,) = cli.runs("sweep")
    return cli.env | {"MLFLOW_TRACKING_URI": cli.uri, "SWEEP": parent.info.run_id}


@pytest.fixture(scope="module")
def page(swept, tmp_path_factory):
    """The page as `make play` serves it, once each part has shown its last picture."""
    port = free_port()
    played = serving(
        sys.executable, "-m", "marimo", "run", NOTEBOOK, "--headless", "--no-token",
        "--host", "127.0.0.1", "--port", str(port),
        ready=lambda: listens(port), log=tmp_path_factory.mktemp("played") / "log", cwd=ROOT,
        env=swept,
    )  # fmt: skip
    with played, opened(f"http://127.0.0.1:{port}", 1400) as page:
        for done in ("Epoch 100: cost", "50 seeds", "Epoch 12: ", "Epoch 10: "):
            expect(page.get_by_text(done).first).to_be_visible()
        yield page


def costs(law, seed):
    """The article's rule after 100 epochs, by the program itself."""
    streams = IndependentStreams(init=seed, data=seed, noise=seed)
    split = Embedded(test_size=500).split(streams.permutation)
    trial = Trial(split, law, streams, schedule=Schedule(100))
    *_, last = trial.train()
    return f"Epoch 100: cost {last.cost:.4f}, {trial.test().errors} of 500 test images wrong"


def control(page, name, part=0):
    return page.get_by_label(name, exact=True).nth(part)


def sow(page, seed):
    field = control(page, "seed")
    field.fill(str(seed))
    field.press("Enter")


@needs_chromium
def test_a_moved_control_moves_the_picture_and_the_number(page):
    picture = page.get_by_alt_text("cost per epoch, and outputs by label")
    before = picture.get_attribute("src")
    control(page, "law").select_option("beta")
    sow(page, 7)
    told = costs(Law("beta", a=1.0, b=0.5), 7)
    expect(page.get_by_text(told)).to_be_visible()
    assert picture.get_attribute("src") != before


@needs_chromium
def test_a_run_ends_when_a_control_moves(page):
    """Else the picture of the first law would come over that of the last."""
    for law in ("zipf", "rayleigh", "normal"):
        control(page, "law").select_option(law)
        expect(page.get_by_text(re.compile("Epoch (2|5|10|20|40): cost"))).to_be_visible()
    sow(page, 3)
    told = costs(Law("normal", loc=0.0, scale=1.0), 3)
    expect(page.get_by_text(told)).to_be_visible()
    expect(page.get_by_text("Epoch 100: cost")).to_have_count(1)


@needs_chromium
@pytest.mark.parametrize(
    ("name", "wrong", "told"),
    [
        ("its parameters", "loc", "write parameters as name=number, name=number"),
        ("its parameters", "loc=one", "a parameter must be a number"),
        ("its parameters", "loc=0, scale=-1", "scale < 0"),
        ("its parameters", "lambda=2", "refuses its parameters"),
        ("signals, from the input on", "1, 2", "signal must hold one number for each"),
        ("seed", "-3", "a seed is a whole number of at least 0"),
        ("quantile function of u", "tan(u", "is no formula"),
        ("quantile function of u", "log(u - 1)", "is not a finite number at u ="),
    ],
)
def test_a_wrong_value_is_a_sentence_beside_it(page, name, wrong, told):
    field = control(page, name)
    right = field.input_value()
    field.fill(wrong)
    field.press("Enter")
    expect(page.get_by_text(told)).to_be_visible()
    field.fill(right)
    field.press("Enter")
    expect(page.get_by_text(told)).to_have_count(0)


@needs_chromium
def test_a_law_of_ones_own_is_trained(page):
    control(page, "quantile function of u").fill("-log(1 - u)")
    control(page, "quantile function of u").press("Enter")
    expect(page.get_by_text(re.compile(r"Epoch 10: \d+ of 500 test images wrong"))).to_be_visible()


@needs_chromium
def test_a_drawn_digit_is_read(page):
    pad = page.get_by_label("draw a digit")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    page.mouse.move(box["x"] + 112, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 112, box["y"] + 180, steps=8)
    page.mouse.up()
    expect(page.get_by_text("The network says 1")).to_be_visible()
    # Another law trains it anew, and it answers the same drawing by the new network.
    control(page, "law", 4).select_option("rayleigh")
    expect(page.get_by_text("The network is not trained yet")).to_be_visible()
    expect(page.get_by_text("The network says")).to_have_count(0)
    expect(page.get_by_text("The network says 1")).to_be_visible()
    expect(page.get_by_text("Epoch 12: ")).to_be_visible()
    page.get_by_role("button", name="clear").click()
    expect(page.get_by_text("Draw a digit in the black square")).to_be_visible()


PARTS = {
    "a": ("image", "an image and the units that it moves"),
    "b": ("rate", "cost per epoch, and outputs by label"),
    "d": ("epochs of training before", "changes of the cost by fresh noise"),
    "e": ("forward passes", "error against forward passes"),
}


@needs_chromium
def test_each_part_answers(page, capsys):
    """The times are printed (`-s`), not judged: machines differ."""
    for part, (name, picture) in PARTS.items():
        shown = page.get_by_alt_text(picture)
        seconds = []
        for key in ("ArrowRight", "ArrowLeft", "ArrowRight"):
            before = shown.get_attribute("src")
            slider = page.get_by_role("slider", name=name)
            slider.focus()
            start = time.perf_counter()
            slider.press(key)
            expect(shown).not_to_have_attribute("src", before)
            seconds.append(time.perf_counter() - start)
        with capsys.disabled():
            print(f"part {part}: {sorted(seconds)[1]:.2f} s from a moved control to its picture")


@needs_chromium
def test_a_sweeps_curves_are_the_last_picture(page):
    expect(page.get_by_alt_text("cost per epoch of a sweep")).to_be_visible()


def test_an_unknown_sweep_is_a_sentence(swept, monkeypatch):
    monkeypatch.syspath_prepend(NOTEBOOK.parent)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", swept["MLFLOW_TRACKING_URI"])
    from noise_training import sweep_curves

    with pytest.raises(UserError, match=f"has no run {'0' * 32}"):
        sweep_curves("0" * 32)


@pytest.fixture
def notebook(monkeypatch):
    monkeypatch.syspath_prepend(NOTEBOOK.parent)
    import noise_training

    return noise_training


def test_angles_are_those_of_what_training_has_learned_and_cost_it_nothing(notebook):
    def records(measure):
        (trial,) = (
            trial for way, trial in notebook.searches("normal", 30) if way == "learned_feedback"
        )
        noise, told, angles = trial.noise(), [], []
        for epoch in trial.train():
            told.append((epoch.cost, epoch.forward_passes))
            if measure:
                seen = trial.estimator.state.weights[0]
                kept = seen.copy()
                angles.append(notebook.angle(trial, noise))
                np.testing.assert_array_equal(seen, kept)
        return told, angles, trial

    told, angles, trial = records(measure=True)
    assert told == records(measure=False)[0]
    trial.estimator.init(trial.objective)
    unlearned = notebook.angle(trial, trial.noise())
    assert np.mean(angles) < unlearned - 15
    assert max(angles) < 60


@pytest.mark.parametrize("way", range(4))
def test_an_angle_is_what_arithmetic_says(notebook, way):
    *_, (_, trial) = itertools.islice(notebook.searches("gumbel", 10), way + 1)
    next(trial.train())
    found = notebook.angle(trial, trial.noise(), images=100)
    state, out = copy.deepcopy(trial.estimator.state), np.empty_like(trial.trained)
    kept, labels = trial.split.train_images[:100], trial.split.train_labels[:100]
    images = Objective(trial.network, kept, labels, cost=CrossEntropy())
    uphill = np.empty_like(trial.parameters)
    images.gradient(trial.parameters, uphill)
    trial.objective.choose(np.arange(100))
    state.estimate(trial.objective, trial.trained, trial.noise(), out)
    down = -uphill[trial.kept]
    cosine = out @ down / np.sqrt((out @ out) * (down @ down))
    assert found == pytest.approx(np.degrees(np.arccos(cosine)), abs=1)


IN_SHORT = """
import runpy, sys
from noise_exp import training

long = training.Schedule
training.Schedule = lambda epochs, *more, **named: long(epochs and 2, *more, **named)
sys.path.insert(0, "notebooks")
runpy.run_path("notebooks/noise_training.py", run_name="__main__")
"""


def test_the_script_runs_to_its_end():
    """With two epochs where there are a hundred: the page above has trained them all."""
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning", "-c", IN_SHORT], cwd=ROOT,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_jupyter_version_is_up_to_date_and_has_its_outputs(tmp_path):
    marimo("export", "ipynb", NOTEBOOK, "-o", tmp_path / "fresh.ipynb", "--no-include-outputs")
    kept = nbformat.read(NOTEBOOK.with_suffix(".ipynb"), 4)
    fresh = nbformat.read(tmp_path / "fresh.ipynb", 4)
    assert [c.source for c in kept.cells] == [c.source for c in fresh.cells], "run make play-page"
    outputs = str([cell.get("outputs") for cell in kept.cells])
    assert outputs.count("image/png") + outputs.count("data:image/png") >= 7
    assert NOTEBOOK.with_suffix(".ipynb").stat().st_size < 5e6
    assert str(ROOT) not in outputs

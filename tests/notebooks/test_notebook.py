"""The notebook: as a script, and as an app in a browser, whose numbers are the program's own."""

import itertools
import shutil
import sys

import noise_training
import numpy as np
import pytest
from browser import needs_chromium, opened
from playwright.sync_api import expect
from server import free_port, listens, serving
from support import ROOT, SMALL, Cli, distribution_of, python

from noise_exp.errors import UserError

pytestmark = pytest.mark.slow
FOLDER, NAME = ROOT / "notebooks", "noise_training"
# What trains for long is made shorter: the page is the same.
EPOCHS = 10
SHORTER = {"epochs=100": f"epochs={EPOCHS}", "range(1, 50)": "range(1, 4)", "draws=200": "draws=10"}


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    """The notebook, made shorter."""
    folder = shutil.copytree(FOLDER, tmp_path_factory.mktemp("short") / "notebooks")
    text = (folder / f"{NAME}.py").read_text()
    for long, less in SHORTER.items():
        assert long in text
        text = text.replace(long, less)
    (folder / f"{NAME}.py").write_text(text)
    return folder / f"{NAME}.py"


@pytest.fixture(scope="module")
def page(short):
    """The page as `make play SWEEP=` serves it, every part of it run once."""
    cli, port = Cli(short.parents[1]), free_port()
    cli.ok("-m", "dist=gumbel,beta", *SMALL)
    (parent,) = cli.runs("sweep")
    played = serving(
        sys.executable, "-m", "marimo", "run", short, "--headless", "--no-token",
        "--host", "127.0.0.1", "--port", str(port),
        ready=lambda: listens(port), log=cli.folder / "log", cwd=ROOT,
        env=cli.env | {"MLFLOW_TRACKING_URI": cli.uri, "SWEEP": parent.info.run_id},
    )  # fmt: skip
    with played, opened(f"http://127.0.0.1:{port}", 1400) as page:
        waiting = page.get_by_text("Say what you expect, then press Run.")
        expect(waiting).to_have_count(6)
        for button in page.get_by_role("button", name="Run").all():
            button.click()
        expect(waiting).to_have_count(0)
        expect(page.get_by_alt_text("cost per epoch of a sweep")).to_be_visible()
        yield page


def control(page, name, part=0):
    return page.get_by_label(name, exact=True).nth(part)


def write(page, name, text):
    """Write into a field; return what was there."""
    field = control(page, name)
    before = field.input_value()
    field.fill(text)
    field.press("Enter")
    return before


def run(page, part):
    page.get_by_role("button", name="Run").nth(part - 2).click()


@needs_chromium
def test_the_number_is_that_of_the_controls_when_run_was_pressed(page):
    picture = page.get_by_alt_text("cost per epoch, and outputs by label")
    before = picture.get_attribute("src")
    control(page, "distribution").select_option("beta")
    assert picture.get_attribute("src") == before
    run(page, 2)
    beta = distribution_of("beta")
    trial, _ = noise_training.the_article(beta, [1, 0.1, 0.01], 0.03, 4, 452, EPOCHS)
    *_, last = trial.train()
    result = f"cost {last.cost:.4f}, {trial.test().errors} of 500 test images wrong"
    expect(page.get_by_text(f"Epoch {EPOCHS}: cost")).to_contain_text(result)
    assert picture.get_attribute("src") != before


@needs_chromium
@pytest.mark.parametrize(
    ("part", "name", "wrong", "error"),
    [
        (2, "its parameters", "loc", "write parameters as name=number, name=number"),
        (2, "its parameters", "loc=one", "a parameter must be a number"),
        (2, "its parameters", "lambda=2", "refuses its parameters"),
        (2, "signals, from the input on", "1, 2", "signal must hold one number for each"),
        (7, "quantile function of u", "tan(u", "is no formula"),
        (7, "quantile function of u", "log(u - 1)", "is not a finite number at u ="),
    ],
)
def test_a_wrong_value_is_a_sentence_below_it(page, part, name, wrong, error):
    right = write(page, name, wrong)
    run(page, part)
    expect(page.get_by_text(error)).to_be_visible()
    write(page, name, right)
    run(page, part)
    expect(page.get_by_text(error)).to_have_count(0)


@needs_chromium
def test_a_distribution_of_ones_own_is_trained(page):
    write(page, "quantile function of u", "-log(1 - u)")
    run(page, 7)
    trial = noise_training.own("-log(1 - u)")
    for _ in trial.train():
        pass
    text = f"Epoch 10: {trial.test().errors} of 500 test images wrong"
    expect(page.get_by_text(text)).to_be_visible()


def draw(page, *corners):
    """Draw a line on the pad, in its pixels."""
    pad = page.get_by_label("draw a digit")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    for i, (x, y) in enumerate(corners):
        page.mouse.move(box["x"] + x, box["y"] + y, steps=8)
        if not i:
            page.mouse.down()
    page.mouse.up()


@needs_chromium
def test_a_drawn_digit_is_read(page):
    says = page.get_by_text("The network says")
    draw(page, (112, 40), (112, 180))
    expect(says).to_have_text("The network says 1")
    page.get_by_role("button", name="clear").click()
    expect(page.get_by_text("Draw a digit in the black square")).to_be_visible()
    turns = np.linspace(0, 2 * np.pi, 12)
    draw(page, *zip(112 + 45 * np.cos(turns), 112 + 65 * np.sin(turns), strict=True))
    expect(says).to_have_text("The network says 0")


@needs_chromium
@pytest.mark.parametrize(
    ("part", "slider", "picture"),
    [
        (1, "image", "an image and the units that it moves"),
        (4, "epochs of training before", "changes of the cost by fresh noise"),
        (5, "forward passes", "error against forward passes"),
    ],
)
def test_a_moved_slider_moves_its_picture(page, part, slider, picture):
    shown = page.get_by_alt_text(picture)
    before = shown.get_attribute("src")
    page.get_by_role("slider", name=slider).press("ArrowRight")
    if part > 1:
        run(page, part)
    expect(shown).not_to_have_attribute("src", before)


def test_an_unknown_sweep_is_a_sentence(cli, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", cli.uri)
    with pytest.raises(UserError, match=f"{'0' * 32} not found"):
        noise_training.sweep_curves("0" * 32)


def test_with_a_mean_small_steps_go_one_way_and_without_one_either_way():
    """What the answer of part 4 says; 200 draws, so a half lies within 0.5 +- 0.13 (p < 0.001)."""
    up = {}
    for name in ("normal", "gumbel"):
        changes = np.array(list(noise_training.changes(name, 4, (0.0001,))))
        up[name] = np.mean(changes > 0)
    assert abs(up["normal"] - 0.5) < 0.13
    assert max(up["gumbel"], 1 - up["gumbel"]) > 0.95


def test_learned_feedback_is_nearer_to_back_propagation_than_fixed_noise():
    angles = {}
    for way, trial in noise_training.searches("normal", 30):
        found = [epoch.diagnostics for epoch in itertools.islice(trial.train(), 4)]
        if found[0]:
            angles[way] = [epoch["delta_angle_1"] for epoch in found]
    fixed, learned = angles.pop("feedback_alignment"), angles.pop("learned_feedback")
    assert not angles
    assert learned[-1] < min(learned[0], fixed[-1] - 15)


def test_the_script_runs_to_its_end(short):
    python("-W", "error::DeprecationWarning", short, cwd=ROOT)

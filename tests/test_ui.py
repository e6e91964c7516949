"""The MLflow UI on a swept store, as a person sees it in a browser."""

import contextlib
import re
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest
from browser import needs_chromium, opened
from PIL import Image
from playwright.sync_api import expect
from server import free_port, serving
from support import SMALL, Cli

pytestmark = needs_chromium
MANY = 120  # more runs than MLflow's page loads at once


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A store with a sweep over the methods, and in an experiment of its own one over seeds."""
    cli = Cli(tmp_path_factory.mktemp("ui"))
    many = (f"seed=range(0,{MANY})", "optimizer.lr=0.1", "tracking.experiment=many")
    for command in (("dist=glob(*)", *SMALL), ("data=xor", "network=small", "epochs=1", *many)):
        done = cli("-m", *command)
        assert done.returncode == 0, done.stderr
    return cli, done.stdout


@contextlib.contextmanager
def served(cli):
    """The address that `make ui` prints when the UI answers."""
    log = cli.folder / "ui.log"
    with serving(
        sys.executable, "-m", "noise_exp.tracking", "ui", "--uri", cli.uri,
        "--port", str(free_port()),
        ready=lambda: "It answers" in log.read_text() and log.read_text().endswith("\n"),
        log=log, cwd=cli.folder,
    ):  # fmt: skip
        yield re.findall(r"http://127\.0\.0\.1:\S+/#/\S+", log.read_text())[0]


@pytest.fixture(scope="module")
def address(swept):
    cli, _ = swept
    with served(cli) as address:
        yield address


@pytest.fixture
def page(address):
    with opened(address, 2200) as page:
        yield page


def names(page):
    return page.locator(".ag-row [col-id='attributes.`Run Name`']")


def cell(page, run, column):
    return page.locator(f".ag-row[row-id='{run.info.run_id}'] [col-id='{column}']")


def test_the_newest_sweeps_runs_are_there_at_once_the_best_first(swept, page):
    cli, _ = swept
    expect(page.get_by_text("Noise Training (Jae Duk Seo, 2018)").first).to_be_visible()
    expect(names(page)).to_have_count(14)
    runs = cli.runs("run")
    for run in runs:
        params, metrics = run.data.params, run.data.metrics
        for column in ("dist", "optimizer", "seed"):
            expect(cell(page, run, f"params.`{column}`")).to_have_text(params[column])
        for column in ("test_errors", "train_seconds", "cost"):
            text = cell(page, run, f"metrics.`{column}`").inner_text()
            assert float(text) == pytest.approx(metrics[column], rel=1e-6)
    shown = page.locator(".ag-row").evaluate_all(
        "rows => rows.sort((a, b) => a.getAttribute('row-index') - b.getAttribute('row-index'))"
        ".map(row => row.getAttribute('row-id'))"
    )
    errors = {run.info.run_id: run.data.metrics["test_errors"] for run in runs}
    in_order = [errors[row] for row in dict.fromkeys(shown)]
    assert in_order == sorted(errors.values())


def test_all_sweeps_are_rows_with_values_that_open_into_their_runs(swept, address):
    cli, _ = swept
    (parent,), runs = cli.runs("sweep"), cli.runs("run")
    with opened(address.replace("newest_sweep", "sweeps"), 2200) as page:
        expect(names(page)).to_have_count(1)
        best = min(runs, key=lambda r: (r.data.metrics["test_errors"], r.data.metrics["cost"]))
        expect(cell(page, parent, "tags.`best`")).to_have_text(best.data.params["dist"])
        rates = sorted(run.data.metrics["test_errors"] / 20 for run in runs)
        told = {"best_test_error_rate": rates[0], "runs": 14, "failed_runs": 0,
                "median_test_error_rate": (rates[6] + rates[7]) / 2}  # fmt: skip
        for column, value in told.items():
            text = cell(page, parent, f"metrics.`{column}`").inner_text()
            assert float(text) == pytest.approx(value)
        names(page).first.get_by_role("button").first.click()
        expect(names(page)).to_have_count(15)


def test_more_runs_than_a_page_holds_all_hang_under_their_sweep(swept, address):
    _, said = swept
    newest, sweeps = re.findall(r"/#/experiments/\S+", said)
    with opened(address.partition("/#/")[0] + newest, 2200) as page:
        expect(names(page).first).to_contain_text("gumbel seed=")
        page.get_by_role("button", name="Load more").click()
        expect(page.get_by_text(f"{MANY} matching runs")).to_be_visible()
    with opened(address.partition("/#/")[0] + sweeps, 2200) as page:
        expect(names(page)).to_have_count(1)
        page.get_by_role("button", name="Load more").click()
        expect(page.get_by_text(f"{MANY + 1} matching runs")).to_be_visible()
        expect(names(page)).to_have_count(1)


def test_selected_runs_compare_as_overlaid_cost_curves(swept, page):
    cli, _ = swept
    chosen = [r for r in cli.runs("run") if r.data.params["dist"] in ("beta", "gumbel", "zipf")]
    for run in chosen:
        page.locator(f".ag-row[row-id='{run.info.run_id}'] .ag-checkbox-input").check()
    page.get_by_role("button", name="Compare").click()
    page.get_by_role("link", name="cost", exact=True).click()
    expect(page.locator(".scatterlayer .trace").first).to_be_visible()
    drawn = page.locator(".js-plotly-plot").evaluate(
        "plot => plot.data.map(d => [d.name, d.x, d.y])"
    )
    # MLflow lays a smoothed line over each curve; without smoothing it is the same once more.
    curves = {name: (x, y) for name, x, y in drawn}
    assert curves == {run.info.run_name: (list(range(6)), cli.history(run)) for run in chosen}


@pytest.fixture
def sweeps_page(swept, address):
    """The page of the sweep's own run."""
    cli, _ = swept
    (parent,) = cli.runs("sweep")
    runs = address.partition("?")[0]
    with opened(f"{runs}/{parent.info.run_id}?workflowType=machine_learning", 2200) as page:
        yield page


def test_the_sweeps_own_page_tells_and_shows(swept, sweeps_page):
    cli, _ = swept
    (parent,), page = cli.runs("sweep"), sweeps_page
    expect(page.get_by_text("Swept dist (14 values): 14 runs, best:")).to_be_visible()
    expect(page.get_by_text("python -m noise_exp -m 'dist=glob(*)'").first).to_be_visible()
    play = f"make play SWEEP={parent.info.run_id}"
    expect(page.get_by_text(play).first).to_be_visible()
    assert any(play in path.read_text() for path in cli.folder.rglob("report.html"))
    page.get_by_role("tab", name="Artifacts").click()
    for figure in ("cost_per_training", "training_time", "misclassification"):
        with page.expect_response(
            lambda r, f=figure: f"{f}.png" in unquote(r.url) and parent.info.run_id in r.url
        ):
            page.get_by_text(f"{figure}.png").first.click()
        shown = page.locator("img[src^='blob:'], img[src*='get-artifact'], .js-plotly-plot image")
        expect(shown.first).to_be_visible()


def test_the_report_opens_among_the_artifacts(sweeps_page):
    page = sweeps_page
    page.get_by_role("tab", name="Artifacts").click()
    page.get_by_text("report.html", exact=True).first.click()
    shown = page.frame_locator("iframe")
    expect(shown.get_by_text("14 methods on 1 seed: 14 runs")).to_be_visible()
    expect(shown.get_by_text("One seed per method")).to_be_visible()
    drawn = shown.locator("img").evaluate_all("images => images.map(i => i.naturalWidth)")
    assert drawn
    assert min(drawn) > 100


@pytest.fixture
def to_show(request, swept, tmp_path):
    """Where pictures go, and what is on them: by `make pictures` the article's network."""
    folder = request.config.getoption("--pictures")
    if not folder:
        return tmp_path, swept[0]
    cli = Cli(tmp_path)
    for what in ("estimator.signal=[1,0.1,0.01],[0.5,0.05,0.005]", "dist=glob(*)"):
        assert cli("-m", what, "data=mnist01").returncode == 0
    return Path(folder), cli


def test_pictures_for_the_readme(to_show):
    folder, cli = to_show
    reports = (cli.folder / "multirun").rglob("report.html")
    report = next(path for path in reports if "zipf" in path.read_text())
    with opened(report.as_uri(), 1000, 900) as page:
        expect(page.locator("svg.mpld3-figure")).to_be_visible()
        page.screenshot(path=folder / "report.png")
    with served(cli) as address, opened(address, 1400, 760) as page:
        expect(names(page)).to_have_count(14)
        for close in ("Close assistant", "Close"):
            for button in page.get_by_label(close, exact=True).all():
                button.click()
        page.screenshot(path=folder / "ui.png")
    for name, size in (("report.png", (1000, 900)), ("ui.png", (1400, 760))):
        picture = Image.open(folder / name)
        assert picture.size == size
        assert len(set(picture.convert("L").tobytes())) > 50  # no empty page

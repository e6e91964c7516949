"""The MLflow UI on a swept store, as a person sees it in a browser."""

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

pytestmark = [needs_chromium, pytest.mark.slow]
MANY = 101  # one more run than MLflow's page loads at once


@pytest.fixture(scope="module")
def swept(request, tmp_path_factory):
    """A store with a sweep over the methods, and in an experiment of its own one over seeds.

    By `make pictures` the methods train the article's network, and the tutorial's sweep is made.
    """
    pictures = request.config.getoption("--pictures")
    size = ("data=mnist01",) if pictures else SMALL
    cli = Cli(tmp_path_factory.mktemp("ui"))
    many = (f"seed=range(0,{MANY})", "optimizer.lr=0.1", "tracking.experiment=many")
    if pictures:
        five = ("seed=range(5)", "epochs=10", "tracking.experiment=five")
        cli.ok("-m", "dist=gumbel,beta,gaussian,backprop", *size, *five)
    for command in (("dist=glob(*)", *size), ("data=xor", "network=small", "epochs=1", *many)):
        done = cli.ok("-m", *command)
    return cli, done.stdout


@pytest.fixture(scope="module")
def address(swept):
    """The address that `make ui` prints when the UI answers."""
    cli, _ = swept
    log = cli.folder / "ui.log"
    with serving(
        sys.executable, "-m", "noise_exp.tracking", "ui", "--uri", cli.uri,
        "--port", str(free_port()),
        ready=lambda: "It answers" in log.read_text() and log.read_text().endswith("\n"),
        log=log, cwd=cli.folder,
    ):  # fmt: skip
        yield re.findall(r"http://127\.0\.0\.1:\S+/#/\S+", log.read_text())[0]


def names(page):
    return page.locator(".ag-row [col-id='attributes.`Run Name`']")


def cell(page, run, column):
    return page.locator(f".ag-row[row-id='{run.info.run_id}'] [col-id='{column}']")


def numbers(page, run, metrics):
    """Whether a run's row shows its metrics."""
    shown = {name: float(cell(page, run, f"metrics.`{name}`").inner_text()) for name in metrics}
    return shown == pytest.approx(metrics, rel=1e-6)


def test_the_newest_sweeps_runs_are_there_at_once_the_best_first_and_compare(swept, address):
    runs = swept[0].runs("run")
    with opened(address, 2200) as page:
        expect(page.get_by_text("Noise Training (Jae Duk Seo, 2018)").first).to_be_visible()
        expect(names(page)).to_have_count(14)
        for run in runs:
            for column in ("dist", "optimizer", "seed"):
                value = run.data.params[column]
                expect(cell(page, run, f"params.`{column}`")).to_have_text(value)
            columns = ("test_errors", "train_seconds", "cost")
            assert numbers(page, run, {column: run.data.metrics[column] for column in columns})
        shown = page.locator(".ag-row").evaluate_all(
            "rows => rows.sort((a, b) => a.getAttribute('row-index') - b.getAttribute('row-index'))"
            ".map(row => row.getAttribute('row-id'))"
        )
        errors = {run.info.run_id: run.data.metrics["test_errors"] for run in runs}
        assert [errors[row] for row in dict.fromkeys(shown)] == sorted(errors.values())

        chosen = [run for run in runs if run.data.params["dist"] in ("beta", "gumbel", "zipf")]
        for run in chosen:
            page.locator(f".ag-row[row-id='{run.info.run_id}'] .ag-checkbox-input").check()
        page.get_by_role("button", name="Compare").click()
        page.get_by_role("link", name="cost", exact=True).click()
        expect(page.locator(".scatterlayer .trace").first).to_be_visible()
        drawn = page.locator(".js-plotly-plot").evaluate(
            "plot => plot.data.map(d => [d.name, [d.x, d.y]])"
        )
    # MLflow lays a smoothed line over each curve; without smoothing it is the same once more.
    costs = {run.info.run_name: [[*range(6)], swept[0].history(run)] for run in chosen}
    assert dict(drawn) == costs


def test_all_sweeps_are_rows_with_values_that_open_into_their_runs(swept, address):
    (parent,), runs = swept[0].runs("sweep"), swept[0].runs("run")
    with opened(address.replace("newest_sweep", "sweeps"), 2200) as page:
        expect(names(page)).to_have_count(1)
        best = min(runs, key=lambda r: (r.data.metrics["test_errors"], r.data.metrics["cost"]))
        expect(cell(page, parent, "tags.`best`")).to_have_text(best.data.params["dist"])
        rates = sorted(run.data.metrics["test_errors"] / 20 for run in runs)
        assert numbers(page, parent, {
            "best_test_error_rate": rates[0], "runs": 14, "failed_runs": 0,
            "median_test_error_rate": (rates[6] + rates[7]) / 2,
        })  # fmt: skip
        names(page).first.get_by_role("button").first.click()
        expect(names(page)).to_have_count(15)


def test_more_runs_than_a_page_holds_all_hang_under_their_sweep(swept, address):
    newest, sweeps = re.findall(r"/#/experiments/\S+", swept[1])
    for place, first, matching in ((newest, "gumbel seed=", MANY), (sweeps, "", MANY + 1)):
        with opened(address.partition("/#/")[0] + place, 2200) as page:
            expect(names(page).first).to_contain_text(first)
            page.get_by_role("button", name="Load more").click()
            expect(page.get_by_text(f"{matching} matching runs")).to_be_visible()
            if place == sweeps:
                expect(names(page)).to_have_count(1)


def test_the_sweeps_own_page_tells_and_shows_and_opens_the_report(swept, address):
    (parent,) = swept[0].runs("sweep")
    own = f"{address.partition('?')[0]}/{parent.info.run_id}?workflowType=machine_learning"
    with opened(own, 2200) as page:
        play = f"make play SWEEP={parent.info.run_id}"
        for text in ("Swept dist (14 values): 14 runs, best:",
                     "python -m noise_exp -m 'dist=glob(*)'", play):  # fmt: skip
            expect(page.get_by_text(text).first).to_be_visible()
        assert any(play in path.read_text() for path in swept[0].folder.rglob("report.html"))
        page.get_by_role("tab", name="Artifacts").click()
        for figure in ("cost_per_training", "training_time", "misclassification"):
            with page.expect_response(
                lambda r, f=figure: f"{f}.png" in unquote(r.url) and parent.info.run_id in r.url
            ):
                page.get_by_text(f"{figure}.png").first.click()
            shown = "img[src^='blob:'], img[src*='get-artifact'], .js-plotly-plot image"
            expect(page.locator(shown).first).to_be_visible()
        page.get_by_text("report.html", exact=True).first.click()
        report = page.frame_locator("iframe")
        report.get_by_text("What these runs cannot tell").click()
        for text in ("14 methods on 1 seed: 14 runs", "One seed per method"):
            expect(report.get_by_text(text)).to_be_visible()
        drawn = report.locator("img").evaluate_all("images => images.map(i => i.naturalWidth)")
        assert min(drawn) > 100


def test_pictures_for_the_readme(request, swept, address, tmp_path):
    folder = Path(request.config.getoption("--pictures") or tmp_path)
    sizes = {"report.png": (1000, 900), "ui.png": (1400, 760)}
    for report in (swept[0].folder / "multirun").rglob("report.html"):
        if found := re.search(r"(14|4) methods on [15] seed", report.read_text()):
            name = {"14": "report.png", "4": "report_seeds.png"}[found[1]]
            sizes.setdefault(name, (1000, 1300))
            with opened(report.as_uri(), *sizes[name]) as page:
                expect(page.locator("svg.mpld3-figure")).to_be_visible()
                page.screenshot(path=folder / name)
    with opened(address, 1400, 760) as page:
        expect(names(page)).to_have_count(14)
        for close in ("Close assistant", "Close"):
            for button in page.get_by_label(close, exact=True).all():
                button.click()
        page.screenshot(path=folder / "ui.png")
    for name, size in sizes.items():
        picture = Image.open(folder / name)
        assert picture.size == size
        assert len(set(picture.convert("L").tobytes())) > 50  # no empty page

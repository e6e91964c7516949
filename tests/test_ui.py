"""The MLflow UI on a swept store, as a person sees it in a browser."""

import os
import re
import shutil
import signal
import subprocess
import sys
from urllib.parse import unquote

import pytest
from playwright.sync_api import expect, sync_playwright
from server import answers, free_port
from support import SMALL, Cli, wait_until

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip

pytestmark = pytest.mark.skipif(
    CHROMIUM is None and "CI" not in os.environ, reason="needs Chromium (apt-get install chromium)"
)


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ui")
    cli = Cli(folder)
    done = cli("-m", "dist=glob(*)", *SMALL)
    assert done.returncode == 0, done.stderr
    return cli, done.stdout


@pytest.fixture(scope="module")
def address(swept):
    """The address that the sweep printed, at the port of a server that runs here."""
    cli, said = swept
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", cli.uri,
         "--port", str(port), "--workers", "1"],
        cwd=cli.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    wait_until(lambda: answers(f"http://127.0.0.1:{port}"))
    (link,) = re.findall(r"http://127\.0\.0\.1:5000(\S+)", said)
    yield f"http://127.0.0.1:{port}{link}"
    os.killpg(server.pid, signal.SIGTERM)
    server.wait()


@pytest.fixture
def page(address):
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = browser.new_page(viewport={"width": 2200, "height": 1200})
        page.set_default_timeout(60_000)
        page.goto(address)
        yield page
        browser.close()


def open_sweep(page):
    """Open the sweep's row, which hides its runs at first."""
    rows = page.locator(".ag-row [col-id='attributes.`Run Name`']")
    expect(rows).to_have_count(1, timeout=60_000)
    rows.first.get_by_role("button").first.click()
    expect(rows).to_have_count(15)


def test_the_sweep_is_a_tree_whose_columns_hold_values(swept, page):
    cli, _ = swept
    expect(page.get_by_text("Noise Training (Jae Duk Seo, 2018)").first).to_be_visible()
    open_sweep(page)
    for run in cli.runs("run"):
        row = page.locator(f".ag-row[row-id='{run.info.run_id}']")
        params, metrics = run.data.params, run.data.metrics
        for column in ("dist", "optimizer", "seed"):
            expect(row.locator(f"[col-id='params.`{column}`']")).to_have_text(params[column])
        for column in ("test_errors", "train_seconds", "cost"):
            text = row.locator(f"[col-id='metrics.`{column}`']").inner_text()
            assert float(text) == pytest.approx(metrics[column], rel=1e-6)


def test_selected_runs_compare_as_overlaid_cost_curves(swept, page):
    cli, _ = swept
    open_sweep(page)
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


def test_the_sweeps_own_page_tells_and_shows(swept, page):
    cli, _ = swept
    (parent,) = cli.runs("sweep")
    page.get_by_role("link", name="sweep dist=glob").click()
    expect(page.get_by_text("Swept dist (14 values): 14 runs, best:")).to_be_visible()
    expect(page.get_by_text("python -m noise_exp -m 'dist=glob(*)'").first).to_be_visible()
    page.get_by_role("tab", name="Artifacts").click()
    for figure in ("cost_per_training", "training_time", "misclassification"):
        with page.expect_response(
            lambda r, f=figure: f"{f}.png" in unquote(r.url) and parent.info.run_id in r.url
        ):
            page.get_by_text(f"{figure}.png").first.click()
        shown = page.locator("img[src^='blob:'], img[src*='get-artifact'], .js-plotly-plot image")
        expect(shown.first).to_be_visible()


def test_the_report_opens_among_the_artifacts(page):
    page.get_by_role("link", name="sweep dist=glob").click()
    page.get_by_role("tab", name="Artifacts").click()
    page.get_by_text("report.html", exact=True).first.click()
    shown = page.frame_locator("iframe")
    expect(shown.get_by_text("14 methods on 1 seed: 14 runs")).to_be_visible()
    expect(shown.get_by_text("One seed per method")).to_be_visible()
    drawn = shown.locator("img").evaluate_all("images => images.map(i => i.naturalWidth)")
    assert drawn
    assert min(drawn) > 100

"""A sweep's curves in the notebook, as `make play SWEEP=ID` asks for them."""

from browser import needs_chromium, opened
from playwright.sync_api import expect
from server import played
from support import SMALL


@needs_chromium
def test_a_sweeps_curves_are_the_last_picture(cli):
    assert cli("-m", "dist=gumbel,beta", *SMALL).returncode == 0
    (parent,) = cli.runs("sweep")
    env = cli.env | {"MLFLOW_TRACKING_URI": cli.uri}
    for sweep, shown in (
        (parent.info.run_id, lambda page: page.get_by_alt_text("cost per epoch of a sweep")),
        ("0" * 32, lambda page: page.get_by_text(f"the store has no run {'0' * 32}")),
    ):
        with played(env | {"SWEEP": sweep}) as app, opened(app, 1400) as page:
            expect(shown(page)).to_be_visible()

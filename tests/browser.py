"""Chromium for the tests that look at a page as a person does."""

import contextlib
import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect, sync_playwright
from support import PATIENCE

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
_PATIENCE = PATIENCE * 1000  # milliseconds

needs_chromium = pytest.mark.skipif(
    CHROMIUM is None and "CI" not in os.environ, reason="needs Chromium (apt-get install chromium)"
)
expect.set_options(timeout=_PATIENCE)


@contextlib.contextmanager
def opened(
    address: str, width: int, height: int = 1200, offline: bool = False, scripts: bool = True
) -> Iterator[Page]:
    """Open a page in a window of this size."""
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=QUIET, timeout=_PATIENCE)
        context = browser.new_context(
            viewport={"width": width, "height": height}, offline=offline,
            java_script_enabled=scripts,
        )  # fmt: skip
        page = context.new_page()
        page.set_default_timeout(_PATIENCE)
        page.goto(address)
        yield page
        browser.close()

"""Pages drawn for tests: nothing here was recorded from a live console."""

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

PageWith = Callable[[str], Page]
"""Opens a page that shows the given HTML."""


def _executable() -> str | None:
    """Return a browser other than Playwright's own, where that one is missing."""
    with sync_playwright() as playwright:
        if os.path.exists(playwright.chromium.executable_path):
            return None
    return shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def drawn_browser() -> Iterator[Browser]:
    """One browser for a module of tests."""
    executable = _executable()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


@pytest.fixture
def page_with(drawn_browser: Browser) -> Iterator[PageWith]:
    """Give a function that shows HTML in a fresh page of 1440x900."""
    context = drawn_browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()

    def show(html: str) -> Page:
        page.set_content(html)
        return page

    yield show
    context.close()

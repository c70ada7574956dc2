"""What a person would write instead of pixelmint: five scripts, none of which keeps a token safe.

    python -m tests.benchmarks.speed_peers PEER < CONFIG

CONFIG is JSON: url, account, state (a path), browser (a path), driver, pixels. Each prints
one token a line. They know the drawn console's own words, which is what such scripts do.
"""

import json
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

from playwright.sync_api import Browser, Page, sync_playwright

Config = dict[str, Any]
TOKEN = re.compile(r"^[A-Za-z0-9]{30,}$")


def bare(config: Config) -> Iterator[str]:
    """The floor: go to the address, click, read; one browser, one page, nothing looked at twice."""
    with sync_playwright() as playwright:
        page = _page(_launch(playwright, config), config)
        for pixel in config["pixels"]:
            page.goto(_address(config, f"datasource/pixel/detail/{pixel}"))
            yield _generate(page)


def menu(config: Config) -> Iterator[str]:
    """One browser, and for each pixel the way a person goes: Tools, Events, Data sources, row."""
    with sync_playwright() as playwright:
        page = _page(_launch(playwright, config), config)
        for pixel in config["pixels"]:
            _by_menu(page, config, pixel)
            yield _generate(page)


def fresh(config: Config) -> Iterator[str]:
    """As a code generator records it: a browser of its own for each pixel, and the menus."""
    for pixel in config["pixels"]:
        with sync_playwright() as playwright:
            browser = _launch(playwright, config)
            page = _page(browser, config)
            _by_menu(page, config, pixel)
            yield _generate(page)
            browser.close()


def selenium(config: Config) -> Iterator[str]:
    """The floor's walk with Selenium and ChromeDriver."""
    from selenium import webdriver
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    options = webdriver.ChromeOptions()
    options.binary_location = config["browser"]
    for each in ("--headless=new", "--no-sandbox", "--disable-background-networking"):
        options.add_argument(each)
    driver = webdriver.Chrome(options, webdriver.ChromeService(config["driver"]))
    wait = WebDriverWait(driver, 60, poll_frequency=0.05)
    try:
        driver.get(config["url"] + "/i18n/login")
        with open(config["state"], encoding="utf-8") as file:
            for cookie in json.load(file)["cookies"]:
                driver.add_cookie({"name": cookie["name"], "value": cookie["value"], "path": "/"})
        for pixel in config["pixels"]:
            driver.get(_address(config, f"datasource/pixel/detail/{pixel}"))
            for text in ("Settings", "Generate access token"):
                path = f"//*[normalize-space(text())='{text}']"
                wait.until(lambda _d, path=path: driver.find_elements(By.XPATH, path))[0].click()
            yield wait.until(lambda _d: _shown(driver.find_elements(By.CSS_SELECTOR, "code, span")))
    finally:
        driver.quit()


def _shown(elements: list[Any]) -> str | None:
    texts = [each.text for each in elements]
    return next((each for each in texts if TOKEN.match(each)), None)


def _launch(playwright: Any, config: Config) -> Browser:
    browser: Browser = playwright.chromium.launch(
        executable_path=config["browser"], args=["--no-sandbox", "--disable-background-networking"]
    )
    return browser


def _page(browser: Browser, config: Config) -> Page:
    page = browser.new_context(storage_state=config["state"]).new_page()
    page.set_default_timeout(60_000)
    return page


def _address(config: Config, path: str) -> str:
    query = urlencode({"aadvid": config["account"]})
    return f"{config['url']}/i18n/events_manager/{path}?{query}"


def _by_menu(page: Page, config: Config, pixel: str) -> None:
    page.goto(_address(config, "home"))
    page.get_by_text("Tools", exact=True).click()
    page.get_by_text("Events", exact=True).first.click()
    page.get_by_text("Data sources", exact=True).first.click()
    row = page.get_by_text(pixel)
    forward = page.get_by_role("button", name="Next")
    while True:
        page.get_by_text(re.compile(r"^Page \d+ of \d+$")).wait_for()
        if row.count():
            break
        forward.click()
    page.get_by_role("row").filter(has_text=pixel).get_by_role("link").or_(row).first.click()


def _generate(page: Page) -> str:
    page.get_by_role("tab", name="Settings").click()
    page.get_by_role("button", name="Generate access token").click()
    return page.get_by_text(TOKEN).first.inner_text()


PEERS: dict[str, Callable[[Config], Iterator[str]]] = {
    each.__name__: each for each in (bare, menu, fresh, selenium)
}


if __name__ == "__main__":
    for token in PEERS[sys.argv[1]](json.load(sys.stdin)):
        print(token, flush=True)  # noqa: T201  its result

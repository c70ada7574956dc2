"""Waiting for something to be seen on a page, with a limit, while its events come in."""

import time
from collections.abc import Callable
from typing import TypeVar

from playwright.sync_api import Error, Page

from automation.browser import wait_until

T = TypeVar("T")

_EVERY_S = 0.2


def until(page: Page, ask: Callable[[], T | None], patience_s: float) -> T | None:
    """Ask again and again until there is an answer; None when there was none in time.

    Args:
        page: the page that is asked about.
        ask: returns something true, or None. What Playwright raises between two documents counts
            as None; what it raises on purpose comes through.
        patience_s: seconds to wait at most.
    """
    deadline = time.monotonic() + patience_s
    while True:
        try:
            answer = ask()
        except Error:
            answer = None  # the page is between two documents, or gone: the next line tells
        left_s = deadline - time.monotonic()
        if answer or left_s <= 0:
            return answer
        wait_until(page, lambda: False, min(_EVERY_S, left_s))


def steady(page: Page, ask: Callable[[], T | None], patience_s: float) -> T | None:
    """Return an answer that was given twice in a row: the page has come to rest on it."""
    last: list[T | None] = [None]

    def twice() -> T | None:
        answer = ask()
        same = answer is not None and answer == last[0]
        last[0] = answer
        return answer if same else None

    return until(page, twice, patience_s) or last[0]

"""Waiting for something to be seen on a page, with a limit, while its events come in."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from playwright.sync_api import Error, Page

from automation.browser import wait_until
from automation.controls import Found, NotClicked, look
from automation.controls_tree import forget, glance
from automation.errors import PageChanged

log = logging.getLogger(__name__)

T = TypeVar("T")

_ADVICE = "run `pixelmint doctor`, or use --guided and click yourself"
_EVERY_S = 0.2
_FREE_S = 3.0
"""How long something may cover what is to be clicked before it is seen what lies there."""
_PRESS_S = 3.0
"""How long one click waits for its control to be free."""


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
            forget(page)  # one may be waiting inside a glance
            with glance(page):
                answer = ask()
        except Error:
            answer = None  # the page is between two documents, or gone: the next line tells
        left_s = deadline - time.monotonic()
        if answer or left_s <= 0:
            return answer
        wait_until(page, lambda: False, min(_EVERY_S, left_s), every_s=_EVERY_S)


def press(page: Page, found: Found, clear: Callable[[], None], patience_s: float) -> None:
    """Click what leads on; where something comes in its way meanwhile, clear that and click again.

    Only for what may be clicked twice: menus, rows, tabs. Never the button that generates.

    Args:
        page: where it stands.
        found: a moment ago.
        clear: looks for obstacles.
        patience_s: seconds to try at most.

    Raises:
        PageChanged: it could not be clicked in all that time.
    """
    deadline = time.monotonic() + patience_s
    while True:
        clear()
        left_s = deadline - time.monotonic()
        try:
            return found.click(1000 * max(1.0, min(_PRESS_S, left_s)))
        except PageChanged as problem:
            if left_s <= _PRESS_S:
                raise
            log.debug("clicking again: %s", problem.message)
        found = look(page, found.meaning).found or found


def click_once(
    control: Callable[[], Found | None], again: Callable[[], None], patience_s: float
) -> None:
    """Click what may be clicked once only; what comes over it just then is cleared before.

    Args:
        control: gives it, as it was found last.
        again: looks at everything anew before another try: obstacles, identity, the control.
        patience_s: seconds to try at most.

    Raises:
        NotClicked: it did not come free, or went away; nothing was clicked.
        PageChanged: clicking failed, and it may have been clicked.
    """
    deadline = time.monotonic() + patience_s
    while found := control():
        try:
            return found.click(patience_s * 1000, free_ms=_FREE_S * 1000)
        except NotClicked:
            if time.monotonic() >= deadline:
                raise
        again()
    raise NotClicked("the button went away before the click", next_step=_ADVICE)


def steady(page: Page, ask: Callable[[], T | None], patience_s: float) -> T | None:
    """Return an answer that was given twice in a row: the page has come to rest on it."""
    last: list[T | None] = [None]

    def twice() -> T | None:
        answer = ask()
        same = answer is not None and answer == last[0]
        last[0] = answer
        return answer if same else None

    return until(page, twice, patience_s) or last[0]

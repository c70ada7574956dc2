"""Hand the browser to a person for signing in, and prove what came of it in a fresh context.

What a signed-in page looks like is the console's affair and comes in as a function.
"""

import contextlib
import logging
from collections.abc import Callable, Mapping
from typing import Any

from playwright.sync_api import BrowserContext, Error, Page

from automation.browser import Lane, step, wait_until
from automation.errors import AutomationError, PageChanged, SignInNeeded
from automation.session import sign_in_again

log = logging.getLogger(__name__)

SignedIn = Callable[[Page], bool]
"""Says whether a page shows somebody signed in; must touch nothing on it."""


def hand_off(
    lane: Lane,
    start_url: str,
    signed_in: SignedIn,
    patience_s: float,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Open a visible page, let a person sign in, and return the browser's state.

    Nothing is typed or clicked. Whatever the console asks of the person is between the two.

    Args:
        lane: a visible one, entered.
        start_url: where signing in begins.
        signed_in: asked of every page, again and again.
        patience_s: how long the person has.
        say: is told what the person is to do.

    Raises:
        SignInNeeded: the person closed the window, or did not sign in in time.
        SiteBusy: the console's page could not be loaded, or the browser's driver died.
    """
    page = lane.open()
    context = page.context
    _go(page, start_url)
    say(f"sign in in the browser window that has opened; it waits {patience_s / 60:.0f} minutes")
    arrived: list[Page] = []

    def answered() -> bool:
        arrived.extend(each for each in context.pages if _shows(each, signed_in, AutomationError))
        return bool(arrived) or not context.pages

    in_time = wait_until(page, answered, patience_s)
    if not arrived:
        happened = "the window was closed" if in_time else "the time was up"
        raise SignInNeeded(f"{happened} before anybody signed in", next_step=sign_in_again())
    with contextlib.suppress(Error):  # what the console sets while it loads belongs to the session
        arrived[0].wait_for_load_state("load")
    return read_state(context)


def prove(
    lane: Lane, state: Mapping[str, Any], url: str, signed_in: SignedIn, patience_s: float = 30
) -> dict[str, Any]:
    """Open a state in a fresh context and see whether it is signed in there.

    Args:
        lane: any, entered; its open context is closed.
        state: the browser's state to prove.
        url: a page that only somebody signed in sees.
        signed_in: asked of that page until it says yes. Raise `SignInNeeded` in it to end early.
        patience_s: how long it may take to say yes.

    Returns:
        The state as the console has refreshed it.

    Raises:
        SignInNeeded: it is not signed in.
        SiteBusy: the page could not be loaded.
    """
    page = lane.open(dict(state))
    try:
        _go(page, url)
        if wait_until(page, lambda: _shows(page, signed_in, PageChanged), patience_s):
            return read_state(page.context)
    finally:
        lane.close_context()
    raise SignInNeeded("the session has ended", next_step=sign_in_again())


@step("reading the session out of the browser")
def read_state(context: BrowserContext) -> dict[str, Any]:
    """Return the state of a context as a dict, to be sealed; never a file, which others can read.

    IndexedDB is part of it where it can be read; some of what pages keep there cannot.
    """
    try:
        return dict(context.storage_state(indexed_db=True))
    except Error:
        log.debug("the state is saved without IndexedDB")
    return dict(context.storage_state())


@step("opening the console")
def _go(page: Page, url: str) -> None:
    page.goto(url, wait_until="commit")


def _shows(page: Page, signed_in: SignedIn, not_yet: type[AutomationError]) -> bool:
    try:
        return signed_in(page)
    except (Error, not_yet):  # between two documents a page answers nothing
        return False

"""Start or reach a browser, work in it, and say what went wrong without saying what it showed.

A lane is one browser with one context at a time, used from the thread that entered it. Lanes in
one thread share that thread's Playwright, because Playwright allows one per thread.

Measured with Playwright 1.65 and Chromium 156 on Linux: when this process is killed, its driver
(node) ends and takes Chromium along; when the driver is killed, Chromium sees its pipe close and
ends by itself. `tests/test_browser.py` holds both to be true. What a killed driver leaves is its
profile folder under the temporary folder, without the session: contexts keep that in memory.
"""

import contextlib
import functools
import logging
import re
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar
from urllib.request import getproxies

from playwright.sync_api import (
    Browser,
    BrowserContext,
    Error,
    Page,
    Playwright,
    TimeoutError,
)

from automation.errors import AutomationError, PageChanged, SiteBusy
from automation.finding import Choice, find_browser, install_browser
from automation.launch import SIZE, check_screen, launch, reach, start_driver
from automation.relay import Relay

__all__ = [
    "BrowserGone",
    "Choice",
    "Lane",
    "behind_proxy",
    "find_browser",
    "install_browser",
    "step",
    "wait_until",
]

P = ParamSpec("P")
R = TypeVar("R")

log = logging.getLogger(__name__)

_DRIVER_DEAD = "no running event loop"
"""What Playwright's synchronous API raises, as a RuntimeError, once its driver has died."""
_SLICE_S = 0.05


class BrowserGone(SiteBusy):
    """The browser or its driver ended while it was being used."""

    def __init__(self, happened: str, *, where: str = "", next_step: str = "") -> None:
        super().__init__(
            happened,
            where=where,
            next_step=next_step
            or "run the same command again; if it repeats, look at free memory or set"
            " PIXELMINT_BROWSER to another browser",
        )


class _Here(threading.local):
    """What the lanes of one thread share."""

    def __init__(self) -> None:
        self.lanes: list[Lane] = []
        self.playwright: Playwright | None = None


_here = _Here()


def behind_proxy() -> bool:
    """Say whether the environment (or the system's own settings) names a proxy to go through."""
    return any(name in getproxies() for name in ("http", "https", "all", "socks"))


def step(doing: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate what is done on a page: Playwright's words are dropped, the kind of error is kept.

    Playwright quotes the element it was about in its messages, with the value of a field: the
    token, where that is what the field shows.

    Args:
        doing: what was being done, for the message: "opening the Settings tab".

    Raises:
        BrowserGone: the browser, its driver or the page's process ended.
        SiteBusy: the address could not be loaded.
        PageChanged: anything else that Playwright reported.
    """

    def wrap(method: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(method)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return method(*args, **kwargs)
            except (Error, AssertionError) as problem:
                failure = _translated(doing, problem)
            except RuntimeError as problem:
                if str(problem) != _DRIVER_DEAD:
                    raise
                failure = BrowserGone(f"{doing}: the browser's driver ended")
            # Raised out here, so that the original, token included, is not its context.
            raise failure

        return run

    return wrap


def wait_until(
    page: Page, condition: Callable[[], bool], patience_s: float, *, every_s: float = _SLICE_S
) -> bool:
    """Wait for something that the page's events bring about, and let those events come in.

    Neither sleeps nor asks the page.

    Args:
        page: any page of the context; it may be closed meanwhile.
        condition: asked before the first wait and after each.
        patience_s: seconds to wait at most.
        every_s: seconds between two askings; each costs a few messages to the browser.

    Returns:
        Whether the condition came true in time.

    Raises:
        BrowserGone: the browser or its context ended while the condition was not true.
    """
    context, deadline = page.context, time.monotonic() + patience_s
    while not condition():
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            return False
        if _closed_within(context, min(left_s, every_s)):
            if condition():  # the last event before the end may have brought it
                return True
            raise BrowserGone("the browser was closed while something was awaited")
    return True


def _closed_within(context: BrowserContext, slice_s: float) -> bool:
    """Let events in for a moment; say whether the context has ended."""
    try:
        context.wait_for_event("close", timeout=max(1, slice_s * 1000))
    except TimeoutError:
        # A context that ended before we waited sends no event any more.
        return context.browser is None or context not in context.browser.contexts
    except (Error, RuntimeError):
        return True
    return True


def _translated(doing: str, problem: BaseException) -> AutomationError:
    kind, text = type(problem).__name__, str(problem)
    if network := re.match(r"[\w.]+: net::(ERR_[A-Z0-9_]+)", text):
        return SiteBusy(
            f"{doing}: the site could not be reached ({network[1]})",
            next_step="look at the network connection, then run the same command again",
        )
    if kind == "TimeoutError" and re.match(r"(Page|Frame)\.(goto|reload|go_back)", text):
        return SiteBusy(f"{doing}: no answer in time", next_step="run the same command again later")
    if re.match(r"[\w.]+: (Page|Target) crashed", text):
        return BrowserGone(f"{doing}: the page's process crashed")
    if kind == "TargetClosedError" and any(lane.broken for lane in _here.lanes):
        return BrowserGone(f"{doing}: the browser ended")
    return PageChanged(
        f"{doing}: the browser reported {kind}",
        next_step="run `pixelmint doctor`; it says which control of the console is not found",
    )


class Lane:
    """A browser of our own, or a remote one, with one context at a time.

    Use it as a context manager, in one thread. A browser that died is started anew by `open`.
    """

    def __init__(
        self, choice: Choice, headless: bool = True, relay: bool = True, *, patience_s: float = 30
    ) -> None:
        """Prepare a lane; nothing is started yet.

        Args:
            choice: from `find_browser`.
            headless: without a window; a remote browser decides this for itself.
            relay: send the traffic through a `Relay`, so that no request is repeated on a reused
                connection. Not done for a remote browser, nor where a proxy is configured.
            patience_s: how long any one action on a page may take.
        """
        self._choice = choice
        self._headless = headless
        self._wants_relay = relay
        self._patience_s = patience_s
        self._browser: Browser | None = None
        self._context: BrowserContext | None = None
        self._relay: Relay | None = None

    @property
    def relay(self) -> Relay | None:
        """The relay the traffic goes through, where there is one."""
        return self._relay

    @property
    def context(self) -> BrowserContext:
        """The open context.

        Raises:
            BrowserGone: there is none.
        """
        if self._context is None:
            raise BrowserGone("no page is open in the browser")
        return self._context

    @property
    def alive(self) -> bool:
        """Whether the browser answers. Asks it, because a dead driver reports no end."""
        try:
            if self._browser is None or not self._browser.is_connected():
                return False
            self._browser.new_browser_cdp_session().detach()
        except (Error, RuntimeError):
            return False
        return True

    @property
    def broken(self) -> bool:
        """Whether the browser was started and does not answer any more."""
        return self._browser is not None and not self.alive

    def __enter__(self) -> Self:
        """Start the relay, if any, and the browser.

        Raises:
            UsageError: the browser cannot be started or reached; the message says why.
        """
        _here.lanes.append(self)
        try:
            self._start()
        except BaseException:
            _here.lanes.remove(self)
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close what was opened; in a remote browser, only that."""
        _here.lanes.remove(self)
        self._stop()

    def open(self, storage_state: dict[str, Any] | None = None) -> Page:
        """Open a page in a new context; the one before is closed.

        Args:
            storage_state: Playwright's storage state as a dict, or None for a clean context.

        Raises:
            BrowserGone: the browser ended, and could not be started again.
        """
        self.close_context()
        if not self.alive:
            log.info("the browser is gone; starting it again")
            self._stop()
            self._start()
        return self._new_page(storage_state)

    @step("opening a further page")
    def another(self) -> Page:
        """Open a further page in the open context.

        Raises:
            BrowserGone: there is no context, or the browser ended.
        """
        return self.context.new_page()

    def close_context(self) -> None:
        """Close the open context, if any. Its pages close without asking.

        NOTE: not by `page.close()`, which on a page that was still loading hung for ever within
        ten tries, twice (Playwright 1.65, Chromium 156); closing the context did not in 60.
        """
        context, self._context = self._context, None
        if context is not None:
            with contextlib.suppress(Error, RuntimeError):  # it may be gone already
                context.close()

    @step("opening a page")
    def _new_page(self, storage_state: dict[str, Any] | None) -> Page:
        if self._browser is None:
            raise BrowserGone("the browser is not started")
        options: dict[str, Any] = {"service_workers": "block", "accept_downloads": False}
        if self._headless:
            options["viewport"] = {"width": SIZE[0], "height": SIZE[1]}
        else:
            options["no_viewport"] = True
        if storage_state is not None:
            options["storage_state"] = storage_state
        self._context = self._browser.new_context(**options)
        self._context.set_default_timeout(self._patience_s * 1000)
        return self._context.new_page()

    def _start(self) -> None:
        if not (self._headless or self._choice.remote):
            check_screen()
        if self._wants_relay and self._choice.remote:
            log.debug("no relay: the browser is remote")
        elif self._wants_relay and behind_proxy():
            log.debug("no relay: a proxy is configured")
        elif self._wants_relay:
            self._relay = Relay().__enter__()
        playwright = _playwright_here()
        if self._choice.remote:
            self._browser = reach(playwright, self._choice)
        else:
            proxy = self._relay.server if self._relay else None
            self._browser = launch(playwright, self._choice, self._headless, proxy)

    def _stop(self) -> None:
        self.close_context()
        browser, self._browser = self._browser, None
        if browser is not None:
            with contextlib.suppress(Error, RuntimeError):  # it may be gone already
                browser.close()
        relay, self._relay = self._relay, None
        if relay is not None:
            relay.close()
        if not any(lane.alive for lane in _here.lanes):
            _stop_playwright()


def _playwright_here() -> Playwright:
    """Return this thread's Playwright, started now where none works."""
    if _here.playwright is not None and not any(lane.alive for lane in _here.lanes):
        _stop_playwright()
    if _here.playwright is None:
        _here.playwright = start_driver()
    return _here.playwright


def _stop_playwright() -> None:
    playwright, _here.playwright = _here.playwright, None
    if playwright is not None:
        playwright.stop()

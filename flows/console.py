"""The browser of a run: started when the first pixel needs it, signed in, one for all.

While a pixel is being generated, the next ones' pages are opened and looked through in tabs of
their own. Only reading overlaps: a tab's button is clicked when its pixel's turn has come, and what
was read ahead is read again before that.
"""

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from playwright.sync_api import Page

from automation.aside import Aside
from automation.browser import Lane, wait_until
from automation.capture import Capture
from automation.errors import AutomationError, HumanCheck, SignInNeeded
from automation.handoff import read_state
from flows.destinations.registry import Destinations
from flows.pages.events_manager import EventsManager
from flows.pages.pixel_page import PixelPage
from flows.workshop import Workshop

log = logging.getLogger(__name__)

_TABS = 3
"""Pixels in hand at a time: one being generated, the others being opened."""
_CALM_PACE_S = 2.0
"""From this pace on one page ahead is enough, and the console is asked for no more."""


@dataclass
class _Tab:
    page: Page
    capture: Capture


@dataclass(frozen=True)
class _Ahead:
    """A pixel that is being opened in a tab of its own."""

    tab: _Tab
    account: str | None
    reading: Aside[PixelPage]


class Console:
    """The browser of a run, started when the first pixel needs it and signed in."""

    def __init__(self, workshop: Workshop, *, account: str | None, visible: bool) -> None:
        """Prepare; no browser is started yet. Use it as a context manager.

        Args:
            workshop: what the run works with.
            account: where the session is looked at first, or None.
            visible: a person is to see the browser, whatever the settings say.
        """
        self._workshop, self._account, self._visible = workshop, account, visible
        self._stack = contextlib.ExitStack()
        self.destinations = Destinations(workshop)
        """Where this run's tokens are given to; closed with it."""
        self.stopping: list[int] = []
        """Signals that came while a token was in the hand."""
        self.waits_for_person = False
        """Whether a person's own click is waited for, which a signal may end at once."""
        self._lane: Lane | None = None
        self._tab: _Tab | None = None
        self._free: list[_Tab] = []
        self._ahead: dict[str, _Ahead] = {}
        self._ended: SignInNeeded | None = None

    @property
    def capture(self) -> Capture:
        """What holds the answers of the page that is worked on."""
        if self._tab is None:
            raise RuntimeError("no page is open yet")
        return self._tab.capture

    @contextlib.contextmanager
    def waiting_for_person(self, by_hand: bool) -> Iterator[None]:
        """Let a signal end at once what is done inside, where that is a person's to do.

        Raises:
            KeyboardInterrupt: one came already.
        """
        self.waits_for_person = by_hand
        try:
            if by_hand and self.stopping:
                raise KeyboardInterrupt
            yield
        finally:
            self.waits_for_person = False

    @property
    def _person(self) -> bool:
        return self._visible or not self._workshop.settings.headless

    def events_manager(self) -> EventsManager:
        """Return Events Manager on a page that was seen signed in.

        Raises:
            SignInNeeded: there is no session, or it has ended; said again for every pixel.
        """
        if self._ended is not None:
            raise self._ended
        tab = self._tab
        fresh = tab is None or tab.page.is_closed() or self._broken()
        try:
            tab = self._open() if tab is None or fresh else tab
            console = self._manager(tab.page, self._workshop.say)
            if fresh:
                self._workshop.say("looking whether the session is still good")
                console.open_home(self._account)
        except SignInNeeded as problem:
            self.note_end(problem)
            raise
        return console

    def open_pixel(self, pixel: str, account: str | None) -> PixelPage:
        """Open a pixel's Settings tab, or turn to the tab where that was done ahead.

        Raises:
            AutomationError: as `EventsManager.open_pixel` does.
        """
        ahead = self._ahead.pop(pixel, None)
        if ahead is not None and ahead.account == account and self._ended is None:
            page = self._taken(ahead)
            if page is not None:
                return page
        return self.events_manager().open_pixel(pixel, account)

    def read_ahead(
        self, pixels: Sequence[str], account: str | None, ready: Callable[[PixelPage], object]
    ) -> None:
        """Begin to open the pixels that come next, each in a tab of its own.

        Never fails and never clicks what generates. Does nothing where a person looks on.

        Args:
            pixels: the next ones, in order.
            account: theirs.
            ready: looks through a page that was opened, so that a second look finds it at rest.
        """
        if self._person or self._tab is None or self._ended is not None:
            return
        most = _TABS - 1 if self._workshop.settings.pace < _CALM_PACE_S else 1
        for pixel in pixels[: max(0, most - len(self._ahead))]:
            if pixel in self._ahead:
                continue
            try:
                tab = self._free.pop() if self._free else self._another()
            except AutomationError as problem:
                log.debug("no tab to read ahead in: %s", problem.message)
                return

            def read(pixel: str = pixel, tab: _Tab = tab) -> PixelPage:
                page = self._manager(tab.page, log.debug).open_pixel(pixel, account)
                with contextlib.suppress(AutomationError):  # met again, and told, in its turn
                    ready(page)
                return page

            self._ahead[pixel] = _Ahead(tab, account, Aside(read))

    def note_end(self, problem: SignInNeeded) -> None:
        """Remember that the session has ended, so that no further pixel tries it."""
        self._ended = problem
        self._workshop.sessions.ended(self._workshop.profile)

    def _taken(self, ahead: _Ahead) -> PixelPage | None:
        """Make the tab that was read ahead the current one; None where that came to nothing."""
        reading, patience_s = ahead.reading, 4 * self._workshop.settings.patience
        if not wait_until(ahead.tab.page, lambda: reading.done, patience_s):
            return None  # its tab is never used again
        if isinstance(reading.problem, SignInNeeded | HumanCheck):
            raise reading.problem
        if reading.value is None or ahead.tab.page.is_closed() or self._broken():
            return None
        if self._tab is not None and not self._tab.page.is_closed():
            self._free.append(self._tab)
        self._tab = ahead.tab
        return reading.value

    def _manager(self, page: Page, say: Callable[[str], None]) -> EventsManager:
        settings = self._workshop.settings
        return EventsManager(
            page, settings.console_url, self._workshop.wording,
            patience_s=settings.patience, say=say, person=self._person,
        )  # fmt: skip

    def _broken(self) -> bool:
        return self._lane is None or self._lane.broken

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.destinations.close()
        finally:
            self._stack.close()

    def _open(self) -> _Tab:
        workshop = self._workshop
        state = workshop.sessions.load(workshop.profile)
        if self._lane is None:
            workshop.say("starting the browser")
            self._lane = self._stack.enter_context(workshop.lane(visible=self._visible))
        self._ahead.clear()
        self._free.clear()
        page = self._lane.open(state)
        self._tab = _Tab(page, Capture(page, self._lane.relay))
        return self._tab

    def _another(self) -> _Tab:
        if self._lane is None:
            raise RuntimeError("no browser is started yet")
        page = self._lane.another()
        return _Tab(page, Capture(page, self._lane.relay))

    def keep_session(self) -> None:
        """Write the session back as the console has refreshed it."""
        if self._tab is None or self._ended is not None:
            return
        try:
            state = read_state(self._tab.page.context)
            self._workshop.sessions.save(self._workshop.profile, state, proven=True)
        except (AutomationError, RuntimeError) as problem:
            log.warning("the session was not written back: %s", type(problem).__name__)

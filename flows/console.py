"""The browser of a run: started when the first pixel needs it, signed in, one for all."""

import contextlib
import logging
from typing import Self

from playwright.sync_api import Page

from automation.browser import Lane
from automation.capture import Capture
from automation.errors import AutomationError, SignInNeeded
from automation.handoff import read_state
from flows.destinations.registry import Destinations
from flows.pages.events_manager import EventsManager
from flows.workshop import Workshop

log = logging.getLogger(__name__)


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
        self._lane: Lane | None = None
        self._page: Page | None = None
        self._ended: SignInNeeded | None = None
        self.capture: Capture

    def events_manager(self) -> EventsManager:
        """Return Events Manager on a page that was seen signed in.

        Raises:
            SignInNeeded: there is no session, or it has ended; said again for every pixel.
        """
        if self._ended is not None:
            raise self._ended
        workshop, page = self._workshop, self._page
        fresh = page is None or page.is_closed() or self._broken()
        try:
            page = self._open() if page is None or fresh else page
            console = EventsManager(
                page, workshop.settings.console_url, workshop.wording,
                patience_s=workshop.settings.patience, say=workshop.say,
                person=self._visible or not workshop.settings.headless,
            )  # fmt: skip
            if fresh:
                workshop.say("looking whether the session is still good")
                console.open_home(self._account)
        except SignInNeeded as problem:
            self.note_end(problem)
            raise
        return console

    def note_end(self, problem: SignInNeeded) -> None:
        """Remember that the session has ended, so that no further pixel tries it."""
        self._ended = problem
        self._workshop.sessions.ended(self._workshop.profile)

    def _broken(self) -> bool:
        return self._lane is None or self._lane.broken

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.destinations.close()
        finally:
            self._stack.close()

    def _open(self) -> Page:
        workshop = self._workshop
        state = workshop.sessions.load(workshop.profile)
        if self._lane is None:
            workshop.say("starting the browser")
            self._lane = self._stack.enter_context(workshop.lane(visible=self._visible))
        self._page = self._lane.open(state)
        self.capture = Capture(self._page, self._lane.relay)
        return self._page

    def keep_session(self) -> None:
        """Write the session back as the console has refreshed it."""
        if self._page is None or self._ended is not None:
            return
        try:
            state = read_state(self._page.context)
            self._workshop.sessions.save(self._workshop.profile, state, proven=True)
        except (AutomationError, RuntimeError) as problem:
            log.warning("the session was not written back: %s", type(problem).__name__)

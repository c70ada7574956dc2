"""`upstack`: Upstack Data's Events Destination, by its dashboard, with a session of its own.

The session of the profile in use is taken where it is good there, else that of a profile named
`upstack`. What Upstack refreshes of it is written back; what belongs to other sites is left alone.
"""

import contextlib
import logging
from collections.abc import Mapping
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

from playwright.sync_api import Page

from automation.browser import Lane
from automation.errors import AutomationError, SignInNeeded, UsageError
from automation.handoff import read_state
from flows.destinations.base import Parcel
from flows.pages.upstack import EventDestinations
from flows.workshop import Workshop

log = logging.getLogger(__name__)

PROFILE = "upstack"
"""The profile whose session is for Upstack alone."""
_AGAIN = "pixelmint sign-in --to upstack"


class Upstack:
    """The dashboard, in a browser of its own that starts with the first token."""

    name: ClassVar[str] = "upstack"

    def __init__(self, workshop: Workshop) -> None:
        """Remember what it works with; no browser is started yet."""
        self.url = self.name
        self._workshop = workshop
        self._stack = contextlib.ExitStack()
        self._lane: Lane | None = None
        self._page: Page | None = None
        self._profile = ""
        self._ended: SignInNeeded | None = None

    @classmethod
    def open(cls, url: str, workshop: Workshop) -> Self:
        """Build from `upstack`; it takes no place."""
        if url not in (cls.name, f"{cls.name}:"):
            raise UsageError(
                "it takes no place after its name",
                where="destination upstack",
                next_step="write upstack; its address is PIXELMINT_UPSTACK_URL",
            )
        return cls(workshop)

    def check(self) -> str:
        """Open its list, read-only."""
        console = self._console()
        shown = console.open()
        return f"session of profile {self._profile} is good; its list shows {shown} destinations"

    def deliver(self, parcel: Parcel) -> str:
        """Put the token into the destination of its pixel, and wait until it is healthy."""
        return self._console().deliver(parcel.ref.pixel, parcel.token)

    def close(self) -> None:
        """Write the session back and close the browser."""
        try:
            self._keep_session()
        finally:
            self._stack.close()

    # ------------------------------------------------------------------------- the session

    def _console(self) -> EventDestinations:
        """Return the list, on a page that was seen signed in.

        Raises:
            SignInNeeded: no session is good there; said again for every pixel.
        """
        if self._ended is not None:
            raise self._ended
        if self._page is None or self._page.is_closed() or self._lane is None or self._lane.broken:
            self._signed_in()
        if self._page is None:
            raise self._no_session()
        return self._on(self._page)

    def _on(self, page: Page) -> EventDestinations:
        settings = self._workshop.settings
        return EventDestinations(
            page, settings.upstack_url, self._workshop.wording,
            patience_s=settings.patience, say=self._workshop.say,
            relay=self._lane.relay if self._lane else None,
        )  # fmt: skip

    def _signed_in(self) -> None:
        """Try the sessions that may be good there, one after the other."""
        sessions, self._page = self._workshop.sessions, None
        for profile in dict.fromkeys([self._workshop.profile, PROFILE]):
            try:
                state = sessions.load(profile)
            except SignInNeeded:
                continue
            if not _speaks_of(state, self._workshop.settings.upstack_url):
                continue
            self._workshop.say(f"looking whether the session of profile {profile} is good there")
            page = self._opened(state)
            try:
                self._on(page).open()
            except SignInNeeded:
                if self._is_own(profile):
                    sessions.ended(profile)
                continue
            self._page, self._profile = page, profile
            return
        self._ended = self._no_session()
        raise self._ended

    def _no_session(self) -> SignInNeeded:
        return SignInNeeded(
            "there is no session that is good at Upstack, or it has ended",
            where="Upstack",
            next_step=_AGAIN,
        )

    def _opened(self, state: dict[str, Any]) -> Page:
        if self._lane is None:
            self._workshop.say("starting a browser for Upstack")
            self._lane = self._stack.enter_context(self._workshop.lane())
        return self._lane.open(state)

    def _is_own(self, profile: str) -> bool:
        """Tell whether a profile's session was made for Upstack."""
        return self._workshop.sessions.facts(profile).origin == self._workshop.settings.upstack_url

    def _keep_session(self) -> None:
        if self._page is None or self._ended is not None:
            return
        sessions, url = self._workshop.sessions, self._workshop.settings.upstack_url
        try:
            fresh = read_state(self._page.context)
            # Loaded anew: the console may have refreshed its own part of it meanwhile.
            merged = merge(sessions.load(self._profile), fresh, url)
            sessions.save(self._profile, merged, proven=self._is_own(self._profile))
        except (AutomationError, RuntimeError) as problem:
            log.warning("Upstack's session was not written back: %s", type(problem).__name__)


def merge(kept: Mapping[str, Any], fresh: Mapping[str, Any], origin: str) -> dict[str, Any]:
    """Return a browser's state with what belongs to one site taken from a fresher one.

    Args:
        kept: what is kept of all sites.
        fresh: the fresher one.
        origin: of the site.
    """
    host = urlsplit(origin).hostname or ""
    cookies = [each for each in kept.get("cookies", []) if not _is_for(each["domain"], host)]
    cookies += [each for each in fresh.get("cookies", []) if _is_for(each["domain"], host)]
    origins = [each for each in kept.get("origins", []) if each["origin"] != origin]
    origins += [each for each in fresh.get("origins", []) if each["origin"] == origin]
    return {**kept, "cookies": cookies, "origins": origins}


def _is_for(domain: str, host: str) -> bool:
    bare = domain.lower().lstrip(".")
    return host == bare or host.endswith("." + bare)


def _speaks_of(state: Mapping[str, Any], origin: str) -> bool:
    """Tell whether a state holds anything at all for a site."""
    host = urlsplit(origin).hostname or ""
    cookies = any(_is_for(each["domain"], host) for each in state.get("cookies", []))
    return cookies or any(each["origin"] == origin for each in state.get("origins", []))

"""Upstack's page of event destinations, as a list: opened, come to rest, read.

Leans on the address and on "New Destination" standing on it (one guide). All of it is drawn.
"""

import logging
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from playwright.sync_api import Page, Request, Response

from automation.browser import step
from automation.controls import Found, fold, look
from automation.errors import AutomationError, HumanCheck, PageChanged, SignInNeeded, SiteBusy
from flows.pages import obstacles
from flows.pages.pixel_list import PixelList
from flows.pages.upstack_form import COMPLAINS
from flows.pages.upstack_rows import Row, icon, read_rows
from flows.pages.waiting import until
from flows.wording import Wording

log = logging.getLogger(__name__)

_PATH = "/pixel/event-destinations"
_REST_S = 1.0
"""A page that says the same for so long, with no answer under way, has come to rest."""
_LONG_POLL_S = 5.0
_SIGN_IN_S = 1.5
"""So long a sign-in page must stay: some show it for a moment on the way in."""
_AGAIN = "pixelmint sign-in --to upstack"
REFUSE = "nothing was saved; run `pixelmint doctor`, or enter the token there by hand"


def page_url(origin: str) -> str:
    """Return the address of the list of destinations."""
    return origin + _PATH


def is_signed_in(page: Page, origin: str, wording: Wording) -> bool:
    """Tell whether a page is one of Upstack's own that only somebody signed in sees."""
    here, there = urlsplit(page.url), urlsplit(origin)
    if (here.scheme, here.netloc) != (there.scheme, there.netloc):
        return False
    if obstacles.kind_of(page, wording) is not None:
        return False
    return bool(look(page, wording.meaning("upstack.new_destination")).candidates)


class DestinationList:
    """The list, on one page of a lane."""

    def __init__(self, page: Page, origin: str, wording: Wording, *, patience_s: float) -> None:
        """Work on a page; the arguments are those of `EventDestinations`."""
        self.page, self._origin, self._wording = page, origin, wording
        self._patience_s = patience_s
        self._asked: dict[Request, float] = {}
        self._failed = ""
        """What the page asked for in vain since it was opened, in words."""
        self._button: Found | None = None
        page.on("request", self._note)
        page.on("response", self._answered)
        page.on("requestfinished", self._ended)
        page.on("requestfailed", self._ended)

    def _note(self, request: Request) -> None:
        if request.resource_type in ("xhr", "fetch"):
            self._asked[request] = time.monotonic()

    def _ended(self, request: Request) -> None:
        self._asked.pop(request, None)

    def _answered(self, response: Response) -> None:
        ours = response.request.resource_type in ("xhr", "fetch")
        if ours and (response.status >= 500 or response.status == 429):
            self._failed = f"HTTP {response.status}"

    def open(self) -> None:
        """Open the list and wait until it has come to rest.

        Raises:
            SignInNeeded, HumanCheck: nobody is signed in, or it asks for a person.
            PageChanged: it does not look like the list.
        """
        self._goto()
        since: list[float] = []

        def new() -> Found | None:
            try:
                self.clear()
            except SignInNeeded:
                since.append(time.monotonic())
                if since[-1] - since[0] >= min(_SIGN_IN_S, self._patience_s / 2):
                    raise
                return None
            since.clear()
            return self.new()

        self._button = until(self.page, new, self._patience_s)
        if self._button is None:
            self.clear()
            raise PageChanged(
                f"no one control says {'New Destination'!r}", where="Upstack", next_step=REFUSE
            )
        self.rest(self.clear)

    def refuse_unread(self) -> None:
        """Refuse to take a list that could not be loaded for an empty one.

        Raises:
            SiteBusy: the page says so, or was answered so.
        """
        said = self._failed
        if not self.rows():
            found = COMPLAINS.search(obstacles.said_on(self.page))
            said = said or (f"it says {found[0]!r}" if found else "")
        if said:
            raise SiteBusy(
                f"the list of destinations could not be read ({said})",
                where="Upstack",
                next_step="run the same command again later; nothing was saved",
            )

    @step("opening Upstack's list of destinations")
    def _goto(self) -> None:
        self._asked.clear()
        self._failed = ""
        self.page.goto(page_url(self._origin), wait_until="commit")

    def new(self) -> Found | None:
        """Return what begins a new destination; of two that say just the same, the first."""
        seen = look(self.page, self._wording.meaning("upstack.new_destination"))
        alike = {fold(each.text) for each in seen.candidates}
        if seen.found is None and len(alike) == 1 and len(seen.candidates) > 1:
            return seen.candidates[0]  # an empty list often has a second one in its middle
        return seen.found

    def rest(self, look_out: Callable[[], None]) -> None:
        """Wait until the page says the same for a while and no answer is under way.

        Args:
            look_out: `clear`, or `notice` where a box of ours is open.
        """
        said, since = "", time.monotonic()

        def at_rest() -> bool | None:
            nonlocal said, since
            look_out()
            now, says = time.monotonic(), obstacles.said_on(self.page)
            pending = any(now - at < _LONG_POLL_S for at in self._asked.values())
            if says != said or pending:
                said, since = says, now
            return now - since >= _REST_S or None

        until(self.page, at_rest, self._patience_s)

    def clear(self) -> None:
        """Look for obstacles; close harmless pop-ups."""
        self._named(lambda: obstacles.clear(self.page, self._wording, log))

    def notice(self) -> None:
        """Look for obstacles, and close nothing: a box of our own is open."""

        def seen() -> None:
            if problem := obstacles.kind_of(self.page, self._wording):
                raise problem

        self._named(seen)

    def _named(self, act: Callable[[], None]) -> None:
        problem: AutomationError
        try:
            act()
            return
        except SignInNeeded as found:
            problem = SignInNeeded(
                "Upstack asks to sign in: there is no session there, or it has ended",
                next_step=_AGAIN,
            )
            log.debug("%s", found.message)
        except HumanCheck as found:
            problem = HumanCheck(
                found.happened.replace("the console", "Upstack"),
                next_step="open Upstack yourself and do what it asks; then run this again",
            )
        raise problem

    def rows(self) -> list[Row]:
        """Return the rows that are shown."""
        return read_rows(self.page, self._wording, self.new() or self._button)

    def on_further_pages(self, pixel: str) -> list[Row]:
        """Turn the list's pages until one shows a pixel's code; return its rows with it."""
        listed = PixelList(self.page, self._wording, patience_s=self._patience_s, clear=self.clear)
        for _codes in listed.pages():
            found = [each for each in self.rows() if pixel in each.codes]
            if found:
                return found
        self.open()
        return []

    def unclear(self) -> list[Row]:
        """Return the rows that may be TikTok's and do not say of which pixel they are."""
        rows = [each for each in self.rows() if not each.codes and (each.ours or not each.others)]
        return [each for each in rows if each.ours or each.marked or self.edits(each)]

    def edits(self, row: Row) -> Found | None:
        """Return what leads to the form of a row's destination, or to a menu that does."""
        for name in ("upstack.edit", "upstack.more"):
            meaning = self._wording.meaning(name)
            dotted = name == "upstack.more"
            found = row.region.look(meaning).found or icon(self.page, row, meaning, dotted=dotted)
            if found is not None:
                return found
        return None

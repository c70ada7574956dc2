"""TikTok's Events Manager: from its home to a pixel's Settings tab.

Leans on: the addresses (sure, the pixel's own is fair), Settings tab > "Events API" > "Generate
access token" (sure); the menus before it have changed thrice (see DOMAIN). Nothing here was checked
against a live page: the recordings are all drawn.
"""

import logging
import time
from collections.abc import Callable
from urllib.parse import urlencode, urlsplit

from playwright.sync_api import Page

from automation.browser import step
from automation.controls import Found, Meaning, look
from automation.errors import (
    AutomationError,
    HumanCheck,
    PageChanged,
    PixelNotFound,
    SiteBusy,
    WrongPixel,
)
from flows.answers import problem_in_words
from flows.pages import obstacles
from flows.pages.identity import codes_on, in_address, read_account, shows_code
from flows.pages.pixel_list import PixelList
from flows.pages.pixel_page import PixelPage
from flows.pages.waiting import press, until
from flows.wording import Wording

log = logging.getLogger(__name__)

_HOME = "/i18n/events_manager/home"
_LIST = "/i18n/events_manager/datasource/list"
_DETAIL = "/i18n/events_manager/datasource/pixel/detail/"
_PERSON_S = 15 * 60
_MOST_PAGES = 500
_SETTLED_S = 1.5
_TOP = ("tools_menu", "assets_menu")
_MENUS = ("data_sources", "datasets_overview", "manage", "web_events", "events_manager_entry",
          "events_menu", *_TOP)  # fmt: skip
"""What leads to the list, in the three eras of DOMAIN; the innermost first."""


def home_url(origin: str, account: str | None = None) -> str:
    """Return the address of Events Manager's home."""
    return _with_account(origin + _HOME, account)


def is_signed_in(page: Page, origin: str, wording: Wording) -> bool:
    """Tell whether a page is one of the console's own that only somebody signed in sees.

    Touches nothing. A page that asks for a person is not signed in yet.
    """
    here, there = urlsplit(page.url), urlsplit(origin)
    if (here.scheme, here.netloc) != (there.scheme, there.netloc):
        return False
    if "/i18n/" not in here.path or obstacles.kind_of(page, wording) is not None:
        return False
    menu = ("tools_menu", "assets_menu", "data_sources", "datasets_overview", "events_menu")
    # One of two that look alike shows as well that somebody is signed in.
    return any(look(page, wording.meaning(each)).candidates for each in menu)


def _with_account(url: str, account: str | None) -> str:
    return f"{url}?{urlencode({'aadvid': account})}" if account else url


class EventsManager:
    """The console, on one page of a lane."""

    def __init__(
        self,
        page: Page,
        origin: str,
        wording: Wording,
        *,
        patience_s: float,
        say: Callable[[str], None],
        person: bool = False,
    ) -> None:
        """Work on a page.

        Args:
            page: opened with the profile's session.
            origin: PIXELMINT_CONSOLE_URL.
            wording: labels, obstacles, what is never clicked.
            patience_s: most seconds to wait for any one thing.
            say: takes progress.
            person: a person sees the page and may pass what asks for one.
        """
        self._page, self._origin, self._wording = page, origin, wording
        self._patience_s, self._say, self._person = patience_s, say, person
        self._clicked: set[str] = set()
        self._last: str | None = None
        """The menu that was clicked last."""
        self._there: set[str] = set()
        """What the menus' entries said when that was clicked."""

    # -- going there ------------------------------------------------------------------------

    @step("opening the console")
    def open_home(self, account: str | None) -> None:
        """Open Events Manager and see that somebody is signed in.

        Raises:
            SignInNeeded, HumanCheck: nobody is, or the console asks for a person.
        """
        self._goto(home_url(self._origin, account))
        self._until(lambda: is_signed_in(self._page, self._origin, self._wording) or None)

    @step("opening the pixel")
    def open_pixel(self, pixel: str, account: str | None) -> PixelPage:
        """Open a pixel's Settings tab, by its own address or else by the menus.

        Raises:
            PixelNotFound, WrongPixel, PageChanged, SignInNeeded, HumanCheck: see the contract.
        """
        self.show_pixel(pixel, account)
        return self.open_settings(pixel, account)

    @step("opening the pixel")
    def show_pixel(self, pixel: str, account: str | None) -> None:
        """Open a pixel's own page, and nothing on it; raises as `open_pixel` does."""
        self._say(f"opening pixel {pixel}")
        self._goto(_with_account(self._origin + _DETAIL + pixel, account))
        if not self._arrived(pixel):
            self._say(f"pixel {pixel} is not at its own address; looking in Data sources")
            self._by_list(pixel, account)

    @step("opening the pixel's settings")
    def open_settings(self, pixel: str, account: str | None) -> PixelPage:
        """Open the Settings tab of the pixel that is shown; raises as `open_pixel` does."""
        return self._pixel_page(pixel, account)

    def _pixel_page(self, pixel: str, account: str | None) -> PixelPage:
        self._say(f"looking for the Events API section of {pixel}")
        page = PixelPage(
            self._page, self._wording, pixel, account,
            patience_s=self._patience_s, clear=self._clear,
        )  # fmt: skip
        page.open_settings()
        return page

    @step("opening a page of the console")
    def _goto(self, url: str) -> None:
        self._page.goto(url, wait_until="commit")

    def _clear(self) -> None:
        """Look for obstacles before an action; where a person is there, let them pass it."""
        try:
            obstacles.clear(self._page, self._wording, log)
        except HumanCheck as problem:
            if not self._person:
                raise
            self._say(f"{problem.message}: please do that in the browser window; waiting")
            gone = until(self._page, lambda: self._passed() or None, _PERSON_S)
            if not gone:
                raise

    def _passed(self) -> bool:
        return obstacles.kind_of(self._page, self._wording) is None

    def _until(self, ask: Callable[[], object | None], patience_s: float | None = None) -> object:
        def cleared() -> object | None:
            self._clear()
            return ask()

        return until(self._page, cleared, patience_s or self._patience_s)

    def _arrived(self, pixel: str) -> bool:
        """Wait until the pixel's page is there, or until it is clear that it will not come."""
        gone_for: list[float] = []

        def there() -> str | None:
            self._clear()
            if in_address(self._page, pixel):
                gone_for.clear()
                if shows_code(self._page, pixel):
                    return "here"
                others = codes_on(self._page)
                if pixel in others:  # drawn between the two looks
                    return "here"
                return f"other {others[0]}" if len(others) == 1 and self._settings() else None
            gone_for.append(0.2)
            return "elsewhere" if sum(gone_for) >= _SETTLED_S else None

        found = until(self._page, there, self._patience_s)
        if found and found.startswith("other"):
            raise WrongPixel(
                f"the page at the address of pixel {pixel} shows pixel {found[6:]}",
                next_step="open that pixel in the console yourself and see what it shows",
            )
        return found == "here" and self._is_detail(pixel)

    def _settings(self) -> Found | None:
        return look(self._page, self._wording.meaning("settings_tab")).found

    def _is_detail(self, pixel: str) -> bool:
        """Tell a pixel's page from a list that shows the same code in one of its rows."""
        parts = urlsplit(self._page.url).path.rstrip("/").split("/")
        return parts[-1] not in ("list", "home") and in_address(self._page, pixel)

    # -- the menus --------------------------------------------------------------------------

    def _by_list(self, pixel: str, account: str | None) -> None:
        row = self._open_list(account).find(pixel)
        if row is None:
            raise self._missing(pixel, account)
        before = self._page.url
        self._click(row)

        def opened() -> bool | None:
            moved = self._page.url != before or self._settings() is not None
            return (moved and shows_code(self._page, pixel)) or None

        if not self._until(opened):
            raise PageChanged(
                f"opening pixel {pixel} from the list led to no page that shows its code",
                next_step="run `pixelmint doctor`",
            )

    @step("opening the list of pixels")
    def open_list(self, account: str | None) -> PixelList:
        """Open the list of pixels, which may be empty.

        Raises:
            SignInNeeded, HumanCheck, PageChanged: see the contract.
        """
        return self._open_list(account)

    def clear(self) -> None:
        """Look for obstacles before an action; close harmless pop-ups.

        Raises:
            SignInNeeded, HumanCheck: the page asks for a person.
        """
        self._clear()

    def _open_list(self, account: str | None) -> PixelList:
        """Open the list of pixels by its address, else by the menus. It may be an empty one."""
        listed = PixelList(
            self._page, self._wording, patience_s=self._patience_s, clear=self._clear
        )
        self._goto(_with_account(self._origin + _LIST, account))
        if self._list_at_its_address(listed):
            return listed
        self._clicked.clear()
        self._last = None
        self._say("going by the menus: Tools > Events > Data sources")
        self._goto(home_url(self._origin, account))
        for _ in range(6):
            if self._opened_list(listed):
                return listed
            before = len(self._clicked)
            entry = self._next_menu()
            if entry is None:
                break
            if before and entry.meaning.name in _TOP:
                # What was opened so far led nowhere, and may lie over what opens next.
                self._goto(home_url(self._origin, account))
                entry = self._find(entry.meaning) or entry
            self._click(entry)
        if not self._clicked and not self._at_list():
            raise PageChanged(
                "no entry of the menus leads on to Data sources",
                next_step="run `pixelmint doctor`; a wording of your own can be added",
            )
        return listed

    def _list_at_its_address(self, listed: PixelList) -> bool:
        """Wait for the list, or until the console has plainly gone elsewhere with its menus."""
        away: list[float] = []

        def told() -> str | None:
            if listed.shows_some():
                return "list"
            if self._at_list() or not self._entries():
                away.clear()
                return None
            away.append(time.monotonic())
            return "elsewhere" if away[-1] - away[0] >= _SETTLED_S else None

        return self._until(told, min(self._patience_s, 10)) == "list" or self._at_list()

    def _opened_list(self, listed: PixelList) -> bool:
        """Tell whether the list has come; until the last click has brought a way further in."""

        def told() -> str | None:
            if listed.shows_some():
                return "list"
            return "menu" if any(map(self._leads_in, self._entries())) else None

        return self._until(told, 2) == "list"

    def _leads_in(self, entry: Found) -> bool:
        """Tell an entry that came by the last click and lies further in than what was clicked."""
        if self._last is None or entry.text in self._there:
            return False
        return _MENUS.index(entry.meaning.name) < _MENUS.index(self._last)

    def _entries(self) -> list[Found]:
        """Return the menus' entries that are there and were not clicked, the innermost first."""
        seen = (look(self._page, self._wording.meaning(name)).found for name in _MENUS)
        return [each for each in seen if each and each.text not in self._clicked]

    def _at_list(self) -> bool:
        return urlsplit(self._page.url).path.rstrip("/").endswith("/list")

    def _next_menu(self) -> Found | None:
        """Return the innermost menu entry that is there and new: what a person clicks next."""

        found: list[Found] = []

        def entries() -> bool:
            found[:] = self._entries()
            return bool(found)

        if not self._until(lambda: entries() or None, min(self._patience_s, 10)):
            return None
        self._clicked.add(found[0].text)
        self._last, self._there = found[0].meaning.name, {each.text for each in found}
        return found[0]

    def _find(self, meaning: Meaning) -> Found | None:
        found = self._until(lambda: look(self._page, meaning).found, min(self._patience_s, 10))
        return found if isinstance(found, Found) else None

    def _click(self, found: Found) -> None:
        press(self._page, found, self._clear, self._patience_s)

    @step("listing the pixels")
    def list_pixels(self, account: str | None) -> tuple[str, list[tuple[str, str]]]:
        """Return the account and each pixel's code and name, in the order of the list.

        Raises:
            SignInNeeded, HumanCheck, PageChanged, WrongPixel: see the contract.
        """
        self._say("opening Data sources")
        listed = self._open_list(account)
        seen = read_account(self._page, account, self._wording.account_words)
        rows: dict[str, str] = {}
        for codes in listed.pages():
            rows |= listed.names(codes)
            self._say(f"{len(rows)} pixels so far")
        return seen, list(rows.items())

    def _missing(self, pixel: str, account: str | None) -> AutomationError:
        told = problem_in_words(obstacles.said_on(self._page), self._wording)
        if isinstance(told, SiteBusy):
            return told  # a list that could not be shown says nothing of what is in it
        try:
            shown = read_account(self._page, account, self._wording.account_words)
        except WrongPixel as problem:
            return problem
        return PixelNotFound(
            f"pixel {pixel} is not in the list this profile sees in account {shown}",
            next_step="check the code and --account; a list without it may be that of another "
            "business centre than the pixel's",
        )

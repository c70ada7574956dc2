"""TikTok's Events Manager: from its home to a pixel's Settings tab.

Leans on: the addresses (sure, the pixel's own is fair), Settings tab > "Events API" > "Generate
access token" (sure); the menus before it have changed thrice (see DOMAIN). Nothing here was checked
against a live page: the recordings are all drawn.
"""

import logging
from collections.abc import Callable, Iterable
from urllib.parse import urlencode, urlsplit

from playwright.sync_api import Error, Page

from automation.browser import step
from automation.controls import Found, look, texts
from automation.errors import HumanCheck, PageChanged, PixelNotFound, WrongPixel
from flows.pages import obstacles
from flows.pages.identity import CODE, codes_on, in_address, read_account, shows_code
from flows.pages.pixel_page import PixelPage
from flows.pages.waiting import steady, until
from flows.wording import Wording

log = logging.getLogger(__name__)

_HOME = "/i18n/events_manager/home"
_LIST = "/i18n/events_manager/datasource/list"
_DETAIL = "/i18n/events_manager/datasource/pixel/detail/"
_PERSON_S = 15 * 60
_MOST_PAGES = 500
_SETTLED_S = 1.5


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
    menu = ("tools_menu", "data_sources", "datasets_overview", "events_menu")
    return any(look(page, wording.meaning(each)).found for each in menu)


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
        self._say(f"opening pixel {pixel}")
        self._goto(_with_account(self._origin + _DETAIL + pixel, account))
        if not self._arrived(pixel):
            self._say(f"pixel {pixel} is not at its own address; looking in Data sources")
            self._by_list(pixel, account)
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
        self._open_list(account)
        row = self._find_row(pixel)
        if row is None:
            self._refuse_missing(pixel)
            return
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

    def _open_list(self, account: str | None) -> None:
        """Open the list of pixels by its address, else by the menus."""
        self._goto(_with_account(self._origin + _LIST, account))
        if self._until(self._is_list, min(self._patience_s, 10)):
            return
        self._say("going by the menus: Tools > Events > Data sources")
        self._goto(home_url(self._origin, account))
        for _ in range(6):
            if self._until(self._is_list, 2):
                return
            self._click(self._next_menu())
        if not self._until(self._is_list):
            raise PageChanged("no list of pixels was found behind the menus")

    def _is_list(self) -> bool | None:
        return bool(codes_on(self._page)) or None

    def _next_menu(self) -> Found:
        """Return the innermost menu entry that is there: what a person would click next."""
        tried = ("data_sources", "datasets_overview", "manage", "web_events",
                 "events_manager_entry", "events_menu", "tools_menu")  # fmt: skip

        def entry() -> Found | None:
            seen = (look(self._page, self._wording.meaning(name)).found for name in tried)
            return next((each for each in seen if each and each.text not in self._clicked), None)

        found = self._until(entry)
        if not isinstance(found, Found):
            raise PageChanged(
                "no entry of the menus leads on to Data sources",
                next_step="run `pixelmint doctor`; a wording of your own can be added",
            )
        self._clicked.add(found.text)
        return found

    def _click(self, found: Found) -> None:
        self._clear()
        found.click(self._patience_s * 1000)

    # -- the list ---------------------------------------------------------------------------

    def _row(self, pixel: str) -> Found | None:
        return look(self._page, self._wording.row(pixel)).found

    def _find_row(self, pixel: str) -> Found | None:
        """Page, search and scroll until the row with this very code is there."""
        for number, _codes in enumerate(self._pages()):
            if shows_code(self._page, pixel) or (number == 0 and self._search(pixel)):
                return self._row_or_refuse(pixel)
        return None

    def _row_or_refuse(self, pixel: str) -> Found:
        found = self._until(lambda: self._row(pixel), 5)
        if isinstance(found, Found):
            return found
        raise PageChanged(f"the list shows {pixel}, and no one thing to click that opens it")

    def _search(self, pixel: str) -> bool:
        """Type the code into the list's search field, where there is one."""
        field = look(self._page, self._wording.meaning("pixel_search")).found
        if field is None:
            return False
        self._fill(field, pixel)
        shown = self._until(lambda: shows_code(self._page, pixel) or None, 5)
        if not shown:
            self._fill(field, "")
            self._until(lambda: codes_on(self._page) or None, 5)
        return bool(shown)

    @step("searching the list of pixels")
    def _fill(self, field: Found, text: str) -> None:
        field.element.fill(text)
        field.element.press("Enter")

    def _pages(self) -> Iterable[list[str]]:
        """Yield the codes of each page of the list, until no further page brings new ones."""
        seen: set[str] = set()
        for _ in range(_MOST_PAGES):
            codes = steady(self._page, lambda: codes_on(self._page), self._patience_s) or []
            new = [each for each in codes if each not in seen]
            if seen and not new:
                return
            seen |= set(codes)
            yield new
            if not self._further(codes):
                return

    def _further(self, codes: list[str]) -> bool:
        """Scroll, or turn the page; False when neither shows anything else."""
        if codes and self._scroll(codes):
            return True
        self._clear()
        following = look(self._page, self._wording.meaning("next_page")).found
        if following is None:
            return False
        following.click(self._patience_s * 1000)
        return bool(self._until(lambda: (codes_on(self._page) != codes) or None))

    def _scroll(self, codes: list[str]) -> bool:
        last = [each for each in texts(self._page, CODE) if each.text == codes[-1]]
        try:
            last[-1].element.scroll_into_view_if_needed()
            last[-1].element.hover(trial=True)
            self._page.mouse.move(*_middle(last[-1].element.bounding_box()))
            self._page.mouse.wheel(0, 600)
        except (Error, IndexError):
            return False
        moved = until(
            self._page,
            lambda: any(each not in codes for each in codes_on(self._page)) or None,
            1.0,
        )
        return bool(moved)

    @step("listing the pixels")
    def list_pixels(self, account: str | None) -> tuple[str, list[tuple[str, str]]]:
        """Return the account and each pixel's code and name, in the order of the list.

        Raises:
            SignInNeeded, HumanCheck, PageChanged, WrongPixel: see the contract.
        """
        self._say("opening Data sources")
        self._open_list(account)
        seen = read_account(self._page, account, self._wording.account_words)
        rows: dict[str, str] = {}
        for codes in self._pages():
            names = self._names(codes)
            rows |= {each: names.get(each, "") for each in codes}
            self._say(f"{len(rows)} pixels so far")
        return seen, list(rows.items())

    def _names(self, codes: list[str]) -> dict[str, str]:
        """Return what the row of each code calls its pixel: the row's first words."""
        names = {}
        for spot in texts(self._page, CODE):
            if spot.text in codes and spot.text not in names:
                try:
                    names[spot.text] = spot.element.evaluate(_ROW_NAME, spot.text) or ""
                except Error:
                    continue  # the row went away; the pixel stays without a name
        return names

    def _refuse_missing(self, pixel: str) -> None:
        raise PixelNotFound(
            f"pixel {pixel} is not in the list this profile sees",
            next_step="check the code and --account; a list without it may be that of another "
            "business centre than the pixel's",
        )


_ROW_NAME = """
(element, code) => {
  const other = /(^|[^0-9A-Za-z])[C-F][0-9A-V]{18}[0G](?![0-9A-Za-z])/g;
  let row = element;
  for (let up = element; up; up = up.parentElement || (up.getRootNode && up.getRootNode().host)) {
    const found = ((up.innerText || up.textContent || "").match(other) || []).map(
      (each) => each.replace(/[^0-9A-Z]/g, ""));
    if (found.some((each) => each !== code) || (up.innerText || "").length > 300) break;
    row = up;
    if (up.matches("tr, li, [role=row], [role=listitem]")) break;  // a list may have one row only
  }
  const lines = (row.innerText || "").split(/[\\n\\t]+/).map((each) => each.trim());
  return lines.find((each) => each.length > 1 && !each.includes(code) && /[^\\W\\d_]/.test(each)
    && !/^(pixel )?ids?:?$/i.test(each)) || "";
}
"""


def _middle(box: object) -> tuple[float, float]:
    if not isinstance(box, dict):
        return (0.0, 0.0)
    return (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

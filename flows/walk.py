"""The way to a pixel's button, screen by screen, reading only, for `record` and `doctor`.

The one thing clicked is what leads from screen to screen: a menu, a row, a tab. Never the button.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from playwright.sync_api import Error, Page

from automation.browser import step
from automation.controls import Found, Look, look, texts
from automation.controls_tree import look_at
from automation.errors import AutomationError, PageChanged, PixelNotFound
from flows.pages.events_manager import EventsManager
from flows.pages.identity import codes_on
from flows.pages.pixel_list import PixelList
from flows.pages.pixel_page import PixelPage
from flows.pages.waiting import steady, until
from flows.wording import Wording

MENU = ("events_manager_entry", "events_menu", "web_events", "data_sources", "datasets_overview")
"""What stands in the opened menu; any one of them leads on."""
SOURCES = ("data_sources", "datasets_overview", "manage")
"""What leads to the list; any one of them."""
_SOON_S = 10.0
_SETTLED_S = 5.0
_SCREENS = {
    "home": "Events Manager's home",
    "menu": "the tools menu, open",
    "list": "the list of pixels",
    "pixel": "a pixel's own page",
    "settings": "the pixel's Settings tab",
}


@dataclass(frozen=True)
class Sight:
    """One control that was looked for."""

    name: str
    """As in `flows/wording.toml`; several with "or" where any of them will do."""
    found: Found | None
    error: AutomationError | None = None
    """Why it was not found; None where it need not be there."""
    leads: str = ""
    """The screen that it leads to."""


@dataclass(frozen=True)
class View:
    """One screen, while the page shows it."""

    name: str
    page: Page = field(repr=False)
    sights: tuple[Sight, ...] = ()
    pixel: str = ""
    account: str = ""
    token_exists: str = ""
    """By what a token was seen to exist; empty where none was, or it was not looked for."""
    popup: str = ""
    """Which harmless pop-up lies over it."""
    names: tuple[str, ...] = field(default=(), repr=False)
    """What the screen calls its pixels; somebody's own words."""
    error: AutomationError | None = None
    """Why the walk ends here."""

    @property
    def state(self) -> str:
        """What it shows, in words."""
        said = _SCREENS.get(self.name, self.name)
        if self.error is not None:
            return f"where the walk stopped: {self.error.code}"
        if self.name == "settings":
            said += ", a token exists" if self.token_exists else ", no token"
        return said

    @property
    def found(self) -> dict[str, Found]:
        """Return every control that was found, by name."""
        return {each.found.meaning.name: each.found for each in self.sights if each.found}


class Walk:
    """One walk over one page."""

    def __init__(
        self, console: EventsManager, page: Page, wording: Wording, *, patience_s: float
    ) -> None:
        """Take a console on a page that was opened with a session; nothing is loaded yet."""
        self._console, self._page, self._wording = console, page, wording
        self._soon_s = min(patience_s, _SOON_S)
        self._patience_s = patience_s
        self._at = ""

    def views(self, pixel: str | None, account: str | None) -> Iterator[View]:
        """Yield one screen after the other; the last one says why, where the walk ends early.

        Args:
            pixel: whose page to open; None for the first that is listed.
            account: the account to open, or None for the console's own choice.
        """
        try:
            yield from self._views(pixel, account)
        except AutomationError as problem:
            yield View(self._at, self._page, pixel=pixel or "", error=problem)

    def _views(self, pixel: str | None, account: str | None) -> Iterator[View]:
        self._at = "home"
        self._console.open_home(account)
        home = self._home()
        yield home
        menu = next((each.found for each in home.sights if each.leads == "menu"), None)
        if menu is not None:
            self._at = "menu"
            yield self._menu(menu)
        self._at = "list"
        listed = self._list(self._console.open_list(account), pixel, account)
        yield listed
        self._at, pixel = "pixel", listed.pixel
        self._console.show_pixel(pixel, account)
        yield self._pixel(pixel)
        self._at = "settings"
        yield settings_view(self._console.open_settings(pixel, account), pixel)

    def _home(self) -> View:
        self._settle(lambda: self._look("tools_menu").found or self._any(SOURCES))
        sights = [self._sight(["tools_menu"], "menu")]
        sources = self._sight(SOURCES, "list")
        # The way on may stand in the menu alone.
        sights.append(replace(sources, error=None) if sights[0].found else sources)
        return View("home", self._page, tuple(sights))

    def _menu(self, menu: Found) -> View:
        before = self._any(MENU)
        self._console.clear()
        menu.click(self._patience_s * 1000)
        self._settle(lambda: (now := self._any(MENU)) and now.text != (before and before.text))
        entry = self._sight(MENU, "list")
        home = entry.name in ("events_menu", "events_manager_entry")
        return View("menu", self._page, (replace(entry, leads="home") if home else entry,))

    def _list(self, listed: PixelList, pixel: str | None, account: str | None) -> View:
        self._settle(listed.shows_some)
        codes = steady(self._page, lambda: codes_on(self._page) or None, _SETTLED_S) or []
        if not codes and pixel is None:
            raise PixelNotFound(
                f"no pixel is listed in account {account or '(none was named)'}",
                next_step="name one with --pixel, or another account with --account",
            )
        row = pixel if pixel in codes else (codes or [""])[0]
        sights = []
        if row:
            seen = look(self._page, self._wording.row(row))
            leads = "pixel" if row == (pixel or row) else ""
            sights.append(Sight("pixel_row", seen.found, _unsure("pixel_row", seen), leads))
        following = self._look("next_page").found
        if following is not None:
            sights.append(Sight("next_page", following))
        names = tuple(listed.names(codes).values())
        return View("list", self._page, tuple(sights), pixel or row, names=names)

    def _pixel(self, pixel: str) -> View:
        self._settle(lambda: self._look("settings_tab").found)
        tab = self._sight(["settings_tab"], "settings")
        return View("pixel", self._page, (tab,), pixel, names=_names_near(self._page, pixel))

    @step("waiting until the page has come to rest")
    def _settle(self, shown: Callable[[], object]) -> None:
        """Wait for what the screen is known by, then until nothing changes any more."""

        def there() -> bool | None:
            self._console.clear()
            return True if shown() else None

        until(self._page, there, self._soon_s)
        steady(self._page, lambda: _said(self._page), _SETTLED_S)
        self._console.clear()

    def _look(self, name: str) -> Look:
        return look(self._page, self._wording.meaning(name))

    def _any(self, names: tuple[str, ...]) -> Found | None:
        return next((found for name in names if (found := self._look(name).found)), None)

    def _sight(self, names: tuple[str, ...] | list[str], leads: str) -> Sight:
        """Look for the first of some controls that is there."""
        looks = [self._look(name) for name in names]
        found = next((each.found for each in looks if each.found), None)
        name, whole = found.meaning.name if found else "", " or ".join(names)
        return Sight(name or whole, found, None if found else _unsure(whole, looks[0]), leads)


def settings_view(settings: PixelPage, pixel: str) -> View:
    """Read a pixel's settings and look for the button, in the order of a generation.

    Args:
        settings: the tab, open.
        pixel: the code that was asked for.

    Raises:
        WrongPixel, PageChanged, SignInNeeded, HumanCheck: it is not that pixel's, or went away.
    """
    heading = settings.heading
    identity = settings.read()
    exists = settings.token_exists()
    name, error = "replace" if exists else "generate", None
    try:
        settings.find_generate(replace=bool(exists))
    except AutomationError as problem:
        error = problem
    control = settings.control
    button = Sight(control.meaning.name if control else name, control, error)
    return View(
        "settings", settings.page, (Sight("events_api_section", heading), button),
        pixel, identity.account, exists,
    )  # fmt: skip


def _unsure(name: str, seen: Look) -> PageChanged | None:
    if seen.found:
        return None
    return PageChanged(
        f"{name}: {seen.why}",
        next_step="look whether the console still has it; a wording of your own can be added to "
        "wording.toml in PIXELMINT_HOME",
    )


_NAME_NEAR = """
(element, code) => {
  for (let at = element, i = 0; at && i < 5; i += 1) {
    const lines = (at.innerText || at.textContent || "").split(/[\\n\\t]+/).map((s) => s.trim());
    const other = lines.filter((s) => s && !s.includes(code) && !/^[\\w ]{0,12}:$/.test(s));
    if (lines.length > 12) break;
    if (other.length) return other[0].slice(0, 80);
    at = at.parentElement || (at.getRootNode && at.getRootNode().host);
  }
  return "";
}
"""


def _names_near(page: Page, pixel: str) -> tuple[str, ...]:
    """Return what stands beside a pixel's code, which is mostly its name."""
    names = []
    for spot in texts(page, re.escape(pixel) if pixel else r"(?!)"):
        try:
            names.append(str(spot.element.evaluate(_NAME_NEAR, pixel)))
        except Error:
            continue  # it went away while being read
    return tuple(each for each in names if each)


def _said(page: Page) -> int:
    """Return a number that changes with what the page shows."""
    with look_at(page) as tree:
        return hash(tuple((text, seen) for _, text, seen in tree.words)) or 1

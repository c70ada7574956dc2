"""The way from a pixel's page to its Events API section: the Settings tab, and what lies behind it.

Leans on: Settings tab, then scroll to "Events API" (sure). That the section may be drawn only when
scrolled to, stand behind an entry of a menu of the tab's own, or be closed, was seen nowhere; each
is met where the section does not show by itself.
"""

from collections.abc import Callable
from dataclasses import replace

from playwright.sync_api import Page

from automation.browser import step
from automation.controls import Found, Region, look, region
from automation.errors import PageChanged
from flows.pages.pressable import any_control
from flows.pages.waiting import press, until
from flows.wording import Wording

SECTION = "events_api_section"
_AT_ONCE_S = 3.0
"""How long the section has to show by itself; pages take 8 s, and looking further does no harm."""
_WHEEL_PX = 700
_WHEELS = 12
"""So far down, then up again."""


class SectionFinder:
    """Looks for the section on one page."""

    def __init__(
        self, page: Page, wording: Wording, *, patience_s: float, clear: Callable[[], None]
    ) -> None:
        """Look at a page; `clear` looks for obstacles and is called before every action."""
        self._page, self._wording = page, wording
        self._patience_s, self._clear = patience_s, clear

    def now(self) -> Region | None:
        """Return the section as it is now."""
        try:
            return region(self._page, self._wording.meaning(SECTION))
        except PageChanged:
            return None

    def cleared(self) -> Region | None:
        """Return the section, after a look for obstacles."""
        self._clear()
        return self.now()

    def open(self) -> Region | None:
        """Open the Settings tab and whatever the section lies behind; None where it does not show.

        Raises:
            PageChanged: something to press could not be pressed.
            SignInNeeded, HumanCheck: the page asks for a person.
        """
        tab = self._tab()
        # What stands there before is no part of the tab: it may begin the creation of a pixel.
        before = self._entry() if tab is not None else None
        if tab is not None:
            press(self._page, tab, self._clear, self._patience_s)
        section = until(self._page, self.cleared, min(_AT_ONCE_S, self._patience_s))
        if tab is not None and before is None and not self._filled(section):
            section = self._behind_entry() or section
        section = section or self._scrolled_to()
        if section is not None and section.folded and section.heading is not None:
            press(self._page, section.heading, self._clear, self._patience_s)
        return section

    def _tab(self) -> Found | None:
        """Wait for the Settings tab; where the section shows without one, a second longer."""

        def tab() -> Found | None:
            self._clear()
            return look(self._page, self._wording.meaning("settings_tab")).found

        def tab_or_section() -> bool:
            return tab() is not None or self.now() is not None

        until(self._page, tab_or_section, self._patience_s)
        return until(self._page, tab, 1.0)

    def _filled(self, section: Region | None) -> bool:
        """Whether the section is there for good; where an entry has its name, with a control."""
        if section is None:
            return False
        if section.folded or self._entry() is None:
            return True
        within_s = min(_AT_ONCE_S, self._patience_s)
        return bool(until(self._page, lambda: self._holds(section), within_s))

    def _holds(self, section: Region) -> bool:
        return any_control(section) or bool(section.look(self._wording.meaning("generate")).found)

    def _entry(self) -> Found | None:
        """Return what leads to the section by its very name: a tab, a line of a menu, a fold."""
        named = self._wording.meaning(SECTION)
        kinds = frozenset({"tab", "menuitem", "button"})
        entry = replace(named, name="events_api_entry", kinds=kinds, also=(), strict=True)
        return look(self._page, entry).found

    def _behind_entry(self) -> Region | None:
        """Press what is named as the section and new since the tab; back where it led nowhere."""
        entry = self._entry()
        if entry is None:
            return None
        for _ in range(2):
            press(self._page, entry, self._clear, self._patience_s)
            section = until(self._page, self._filled_now, min(_AT_ONCE_S, self._patience_s))
            if section is not None:
                return section
            entry = self._entry()
            if entry is None:
                return None
        return None

    def _filled_now(self) -> Region | None:
        section = self.cleared()
        return section if section is not None and self._holds(section) else None

    def _scrolled_to(self) -> Region | None:
        """Scroll down and up while waiting: some pages draw only what comes into sight."""
        turns = iter(range(10_000))

        def further() -> Region | None:
            section = self.cleared()
            if section is None:
                self._wheel(next(turns) % (_WHEELS + 1))
            return section

        return until(self._page, further, self._patience_s)

    @step("scrolling to the section")
    def _wheel(self, turn: int) -> None:
        size = self._page.viewport_size or {"width": 1440, "height": 900}
        self._page.mouse.move(size["width"] / 2, size["height"] / 2)
        self._page.mouse.wheel(0, _WHEEL_PX if turn < _WHEELS else -_WHEEL_PX * _WHEELS)

"""The list of pixels under Data sources: paged, searched or scrolled, read by code.

Leans on: a list whose rows show the pixels' codes (fair). The name alone never tells which pixel a
row is: two may have one name.
"""

import contextlib
import logging
from collections.abc import Callable, Iterator

from playwright.sync_api import Error, Page

from automation.browser import step
from automation.controls import Found, Label, Look, Meaning, look, texts
from automation.errors import PageChanged
from flows.pages.identity import CODE, codes_on, shows_code
from flows.pages.waiting import press, steady, until
from flows.wording import Wording

log = logging.getLogger(__name__)

_MOST_PAGES = 500
_REST_S = 5.0


class PixelList:
    """The list, on a page where it was opened."""

    def __init__(
        self, page: Page, wording: Wording, *, patience_s: float, clear: Callable[[], None]
    ) -> None:
        """Look at a page.

        Args:
            page: shows the list.
            wording: labels, and what is never clicked.
            patience_s: most seconds to wait for any one thing.
            clear: looks for obstacles; called before every action.
        """
        self._page, self._wording = page, wording
        self._patience_s, self._clear = patience_s, clear

    def shows_some(self) -> bool:
        """Tell whether the page shows any pixel's code."""
        return bool(codes_on(self._page))

    def find(self, pixel: str) -> Found | None:
        """Page, search and scroll until the row with this very code is there.

        Raises:
            PageChanged: the row, or the way to the next page, is not clear.
        """
        for number, _codes in enumerate(self.pages()):
            if shows_code(self._page, pixel) or (number == 0 and self._search(pixel)):
                return self._row(pixel)
        return None

    def _row(self, pixel: str) -> Found:
        seen: list[Look] = []

        def row() -> Found | None:
            self._clear()
            self._bring_into_sight(pixel)
            seen[:] = [look(self._page, self._wording.row(pixel))]
            return seen[0].found

        found = until(self._page, row, _REST_S)
        if found is None:
            raise PageChanged(
                f"the list shows {pixel}, and no one thing to click that opens it: {seen[0].why}",
                next_step="run `pixelmint doctor`",
            )
        return found

    @step("scrolling to the pixel's row")
    def _bring_into_sight(self, pixel: str) -> None:
        """Scroll to the row: in a list with a scroll bar of its own it may be past the edge."""
        for spot in texts(self._page, CODE):
            if spot.text == pixel:
                with contextlib.suppress(Error):  # drawn anew meanwhile: it is looked for again
                    spot.element.scroll_into_view_if_needed(timeout=_REST_S * 1000)
                return

    def _search(self, pixel: str) -> bool:
        """Type the code into the list's search field, where there is one."""
        field = look(self._page, self._wording.meaning("pixel_search")).found
        if field is None:
            return False
        self._clear()
        self._fill(field, pixel)
        if until(self._page, lambda: shows_code(self._page, pixel), _REST_S):
            return True
        self._fill(field, "")
        until(self._page, self.shows_some, _REST_S)
        return False

    @step("searching the list of pixels")
    def _fill(self, field: Found, text: str) -> None:
        field.element.fill(text)
        field.element.press("Enter")

    def pages(self) -> Iterator[list[str]]:
        """Yield the new codes of each page, until no further page brings any.

        Raises:
            PageChanged: there is a further page, and no one thing to click that turns to it.
        """
        seen: set[str] = set()
        turned = 1
        for _ in range(_MOST_PAGES):
            codes = steady(self._page, lambda: codes_on(self._page) or None, _REST_S) or []
            new = [each for each in codes if each not in seen]
            if not new:
                return
            seen |= set(new)
            yield new
            if not self._scroll(codes):
                turned += 1
                if not self._turn(turned, codes):
                    return

    def _turn(self, number: int, codes: list[str]) -> bool:
        """Turn to the next page; False when this was the last."""
        self._clear()
        following = look(self._page, self._wording.meaning("next_page"))
        found = following.found or look(self._page, self._numbered(number)).found
        if found is None:
            if following.candidates and following.disabled is None:
                raise PageChanged(
                    f"the list goes on, and its next page is not clear: {following.why}",
                    next_step="run `pixelmint doctor`; a wording of your own can be added",
                )
            return False
        press(self._page, found, self._clear, self._patience_s)
        return bool(until(self._page, lambda: codes_on(self._page) not in ([], codes), _REST_S))

    def _numbered(self, number: int) -> Meaning:
        """Return the meaning of a page's number, which stands beside that of the page before."""
        return Meaning(
            name=f"page {number}",
            labels=(Label(str(number), ""),),
            kinds=frozenset({"button", "link", "clickable"}),
            never=self._wording.never,
            near=(Label(str(number - 1), ""),),
            needs_near=True,
        )

    def _scroll(self, codes: list[str]) -> bool:
        """Scroll on from the last row; True when that brought new ones."""
        last = [each for each in texts(self._page, CODE) if each.text == codes[-1]]
        try:
            last[-1].element.scroll_into_view_if_needed()
            self._page.mouse.move(*_middle(last[-1].element.bounding_box()))
            self._page.mouse.wheel(0, 600)
        except (Error, IndexError):
            return False
        return bool(until(self._page, lambda: set(codes_on(self._page)) - set(codes), 1.0))

    def names(self, codes: list[str]) -> dict[str, str]:
        """Return what the row of each code calls its pixel: the row's first words."""
        names = dict.fromkeys(codes, "")
        for spot in texts(self._page, CODE):
            if names.get(spot.text) == "":
                try:
                    names[spot.text] = spot.element.evaluate(_ROW_NAME, spot.text) or ""
                except Error:
                    continue  # the row went away; the pixel stays without a name
        return names


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

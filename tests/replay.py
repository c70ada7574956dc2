"""Saved screens served at their real addresses, everything else refused; and what is seen on them.

A click on what leads on, by the recording, turns to the screen it leads to.
"""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import ElementHandle, Page, Route

from automation.controls import Found, look, region
from automation.errors import AutomationError
from automation.recording_folder import Screen, read_index
from flows.pages import obstacles
from flows.pages.events_manager import EventsManager
from flows.pages.pixel_page import PixelPage
from flows.record import shows_of
from flows.walk import Walk, settings_view
from flows.wording import Wording
from tests.make_recordings import after_click

ORIGIN = "https://ads.tiktok.com"
PATIENCE_S = 10.0
_TURN = "/__turn/"
_CLICKS = """
addEventListener("click", async (event) => {
  const hit = event.composedPath().find((node) => node.dataset && node.dataset.leads);
  if (!hit) return;
  event.preventDefault();
  const answer = await fetch("/__turn/" + hit.dataset.leads);
  top.location.assign(await answer.text());
}, true);
"""
_TEST_ID = """
(element) => {
  for (let at = element; at; at = at.assignedSlot || at.parentNode || at.host) {
    if (at.dataset && at.dataset.testid) return at.dataset.testid.replace(/-[0-9a-f]+$/, "");
  }
  return "";
}
"""


class Replay:
    """One recording on one page."""

    def __init__(self, page: Page) -> None:
        """Take a page that was not used yet."""
        self.page = page
        self.screens: dict[str, Screen] = {}
        self.unlisted: list[str] = []
        """What a page asked for that no recording holds."""
        self._folder = Path()
        self._at: dict[str, str] = {}
        page.context.add_init_script(_CLICKS)
        page.context.route("**/*", self._answer)

    def take(self, folder: Path) -> None:
        """Serve another recording."""
        self._folder, self._at, self.unlisted = folder, {}, []
        self.screens = {each.name: each for each in read_index(folder)}
        for each in self.screens.values():
            self._at.setdefault(_place(each.address), each.name)

    def show(self, name: str) -> Screen:
        """Open one screen at its address."""
        screen = self.screens[name]
        self._at[_place(screen.address)] = name
        self.page.goto(screen.address, wait_until="load")
        return screen

    def _answer(self, route: Route) -> None:
        url = route.request.url
        path = urlsplit(url).path
        if path.startswith(_TURN):
            screen = self.screens[path.removeprefix(_TURN)]
            self._at[_place(screen.address)] = screen.name
            route.fulfill(body=screen.address, content_type="text/plain")
        elif name := self._at.get(_place(url)):
            file = self._folder / self.screens[name].file
            route.fulfill(body=file.read_bytes(), content_type="text/html; charset=utf-8")
        else:
            self.unlisted.append(url)
            route.abort()


def _place(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"


def console(page: Page, wording: Wording) -> EventsManager:
    """Return the page objects' entrance, at the real origin."""
    return EventsManager(page, ORIGIN, wording, patience_s=PATIENCE_S, say=lambda _line: None)


def walked(replay: Replay, wording: Wording) -> dict[str, dict[str, Any]]:
    """Walk a recording as `record` walked the console; return what each screen showed."""
    shows = replay.screens["settings"].shows
    walk = Walk(console(replay.page, wording), replay.page, wording, patience_s=PATIENCE_S)
    views = walk.views(shows["pixel"], shows["account"])
    return {each.name: shows_of(each) for each in views}


def seen(
    page: Page, screen: Screen, wording: Wording, *, whole: bool = True
) -> tuple[dict[str, Any], dict[str, ElementHandle]]:
    """Look at a screen with page objects and finder, as was done when it was saved.

    Args:
        page: shows it.
        screen: as the index tells it.
        wording: the words to look for.
        whole: read a pixel's settings as a generation would, not just look for its controls.

    Returns:
        What is seen of what the index says was seen, and the element of each control.
    """
    shows, nothing = dict(screen.shows), dict[str, ElementHandle]()
    pixel, account = shows.get("pixel", ""), shows.get("account")
    if shows["screen"] == "obstacle":
        problem = obstacles.kind_of(page, wording)
        return shows | {"stopped": problem.code if problem else ""}, nothing
    if shows["screen"] == "popup":
        return shows | {"popup": obstacles.harmless(page, wording)}, nothing
    if "stopped" in shows:
        return shows | {"stopped": _stopped(page, pixel, account, wording)}, nothing
    if whole and shows["screen"] == "settings" and "refused" not in shows:
        tab = PixelPage(page, wording, pixel, account, patience_s=PATIENCE_S, clear=_nothing)
        tab.open_settings()
        view = settings_view(tab, pixel)
        return shows_of(view), {name: each.element for name, each in view.found.items()}
    each_found = {name: _found(page, screen, name, wording) for name in shows["controls"]}
    elements = {name: each.element for name, each in each_found.items() if each is not None}
    return shows | {"controls": sorted(elements)}, elements


def _found(page: Page, screen: Screen, control: str, wording: Wording) -> Found | None:
    if control in ("copy", "confirm"):
        return after_click(page, wording, control)
    if control == "pixel_row":
        return look(page, wording.row(screen.shows["pixel"])).found
    if control == "events_api_section":
        return region(page, wording.meaning(control)).heading
    if control in ("generate", "replace"):
        part = region(page, wording.meaning("events_api_section"))
        return part.look(wording.meaning(control)).found
    return look(page, wording.meaning(control)).found


def console_name(element: ElementHandle) -> str:
    """Return the console's own name of what an element belongs to, without the build's hash."""
    return str(element.evaluate(_TEST_ID))


def _stopped(page: Page, pixel: str, account: str | None, wording: Wording) -> str:
    try:
        events_manager = console(page, wording)
        events_manager.show_pixel(pixel, account)
        events_manager.open_settings(pixel, account).read()
    except AutomationError as problem:
        return problem.code
    return ""


def _nothing() -> None:
    """Stand for the look for obstacles, which screens of settings have not."""

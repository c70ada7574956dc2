"""`python -m tests.make_recordings [SET...]`: save the bundled console in all its looks and states.

Writes fixtures/recordings/. What is saved are drawn pages, and their index says so. Done again when
the console's pages change; the tests on the recordings are those of a user's own.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from automation.browser import Lane, find_browser
from automation.controls import Found, dialogs, region
from automation.errors import AutomationError
from fixtures.console import Console, Pixel, Scenario, preset
from flows.pages import obstacles
from flows.pages.events_manager import EventsManager, home_url
from flows.pages.waiting import until
from flows.record import Recorder
from flows.walk import Sight, View, Walk, settings_view
from flows.wording import Wording, load

HERE = Path(__file__).parent.parent / "fixtures" / "recordings"
_PATIENCE_S = 8.0
_QUICK: dict[str, Any] = {"delay_ms": (0, 0)}

SETTINGS = {
    "token-exists": "a token exists, the button makes another",
    "token-exists-regenerate": "a token exists, with a control to replace and one to revoke it",
    "no-button": "the section holds no button",
    "disabled": "the button is switched off",
}
MORE_SETTINGS = {
    "decoys": "another section has a button of the same words",
    "capitals": "the button and the heading in other capitals",
    "frame": "the page lies in a frame",
    "same-names": "two pixels of one name",
    "wrong-pixel": "another pixel is shown at the pixel's address",
    "wrong-account": "another account is shown",
}
REVEALED = {
    "calm": "the token is shown as text",
    "reveal-field": "the token is shown in a field",
    "reveal-dialog": "the token is shown in a dialog",
    "masked-copy": "the token is masked beside a copy icon without a name",
}
MORE_REVEALED = {
    "reveal-textarea": "the token is shown in a text area",
    "split": "the token is split over elements",
    "eye": "the token is masked beside an eye icon",
    "confirm": "a dialog asks whether to generate",
    "permission-message": "the section says that permission lacks",
}
HOMES = {
    "consent": "a legal consent lies over the page",
    "puzzle": "a puzzle lies over the page",
    "two-step": "the page asks for a verification code",
    "simplified": "the simplified console",
}
POPUPS = ("announcement", "cookies", "tour", "assistant")
WAYS = (
    "by-datasets",
    "by-assets",
    "by-web-events",
    "by-launcher",
    "numbered-pages",
    "virtual-list",
)


@dataclass(frozen=True)
class Look:
    """One set of screens, which becomes one folder."""

    scenario: Mapping[str, Any]
    states: tuple[str, ...] = ("settings", "revealed", "obstacles")
    ways: tuple[str, ...] = field(default=())


_FEW = ("home", "pixel", "settings")
"""What is saved of a look that differs from another one by its words or its version alone."""
_LANGUAGES = ("de", "es", "fr", "ja", "ko", "pt-BR", "vi", "zh-Hans")
SETS: dict[str, Look] = {
    "plain": Look({}, ("settings", "more", "revealed", "obstacles"), WAYS),
    "ks": Look({"look": "ks"}),
    "react": Look({"look": "react"}),
    "vi": Look({"look": "vi"}),
    "ks-next": Look({"look": "ks", "version": "1-2-0k"}, ("few",)),
    **{
        f"ks-{each.lower()}": Look({"look": "ks", "language": each}, ("few",))
        for each in _LANGUAGES
    },
}


class Maker:
    """Makes one set."""

    def __init__(self, lane: Lane, console: Console, look: Look, wording: Wording) -> None:
        """Take a console that runs, and a browser."""
        self._lane, self._console, self._look, self._wording = lane, console, look, wording
        self._state = console.storage_state()
        self._recorder = Recorder(wording, console.url, self._state)
        account = console.accounts[0]
        self._account, self._pixel = account.aadvid, account.pixels[0]
        self._page: Page

    def make(self, folder: Path) -> int:
        """Save everything; return how many screens."""
        self._walk("")
        for way in self._look.ways:
            self._walk(way)
        states = self._look.states
        if "settings" in states:
            self._settings(SETTINGS | (MORE_SETTINGS if "more" in states else {}))
        if "revealed" in states:
            self._revealed(REVEALED | (MORE_REVEALED if "more" in states else {}))
        if "obstacles" in states:
            self._obstacles()
        folder.mkdir(parents=True, exist_ok=True)
        return len(self._recorder.finish(folder))

    def _begin(self, name: str, **changes: Any) -> EventsManager:
        """Change the console's ways, and open a fresh page of it."""
        known = name.replace("-", "_")
        scenario: Scenario = preset(known, **self._look.scenario, **_QUICK, **changes)
        self._console.scenario = scenario
        self._console.world._tokens.clear()  # as if none had ever been made
        self._page = self._lane.open(self._state)
        return EventsManager(
            self._page, self._console.url, self._wording, patience_s=_PATIENCE_S,
            say=lambda _line: None,
        )  # fmt: skip

    def _walk(self, way: str) -> None:
        console = self._begin(way or "calm", **({"page_size": 2} if "numbered" in way else {}))
        walk = Walk(console, self._page, self._wording, patience_s=_PATIENCE_S)
        for view in walk.views(None, self._account):
            if view.error is not None and way:
                return  # what leads nowhere is shown up to there
            if view.error is not None:
                raise AssertionError(view.error.message)
            if not way:
                if "few" not in self._look.states or view.name in _FEW:
                    self._recorder.add(view)
            elif view.name in ("home", "menu", "list"):
                said = f"{view.state}, {way.replace('-', ' ')}"
                self._recorder.add(view, f"{view.name}-{way}", said)
            if way and view.name == "list":
                return

    def _settings(self, states: Mapping[str, str]) -> None:
        for name, says in states.items():
            console, pixel = self._begin(name), self._pixel
            try:
                view = self._opened(console, pixel)
            except AutomationError as problem:
                view = View("settings", self._page, pixel=pixel.code, account=self._account,
                            error=problem)  # fmt: skip
            self._recorder.add(view, f"settings-{name}", f"the pixel's Settings tab; {says}")

    def _opened(self, console: EventsManager, pixel: Pixel) -> View:
        console.show_pixel(pixel.code, self._account)
        return settings_view(console.open_settings(pixel.code, self._account), pixel.code)

    def _revealed(self, states: Mapping[str, str]) -> None:
        for name, says in states.items():
            view = self._opened(self._begin(name), self._pixel)
            view.found["generate"].click(_PATIENCE_S * 1000)
            what = "confirm" if name == "confirm" else "copy"
            after_it = partial(self._after, None if "permission" in name else what)
            found = until(self._page, after_it, _PATIENCE_S)
            if not found:
                raise AssertionError(f"{name}: nothing came of the click")
            sights = (Sight(what, found, leads=""),) if isinstance(found, Found) else ()
            after = View("revealed", self._page, sights, self._pixel.code, self._account)
            self._recorder.add(after, f"revealed-{name}", f"after the click: {says}")

    def _after(self, wanted: str | None) -> Found | bool | None:
        if wanted is None:
            said = '[data-testid^="events-api-message-"]'
            return self._page.locator(said).is_visible() or None
        return after_click(self._page, self._wording, wanted)

    def _obstacles(self) -> None:
        for name, says in HOMES.items():
            self._begin(name)
            self._show(self._console.url, lambda: obstacles.kind_of(self._page, self._wording))
            problem = obstacles.kind_of(self._page, self._wording)
            self._recorder.add(View("obstacle", self._page, error=problem), name, says)
        for name in POPUPS:
            self._begin("calm", popups=(name,))
            self._show(self._console.url, lambda: obstacles.harmless(self._page, self._wording))
            popup = obstacles.harmless(self._page, self._wording)
            says = f"a harmless pop-up: {name}"
            self._recorder.add(View("popup", self._page, popup=popup), f"popup-{name}", says)
        self._begin("calm")
        self._page = self._lane.open()  # nobody is signed in
        self._show(self._console.url, lambda: obstacles.kind_of(self._page, self._wording))
        problem = obstacles.kind_of(self._page, self._wording)
        says = "nobody is signed in"
        self._recorder.add(View("obstacle", self._page, error=problem), "sign-in", says)

    def _show(self, origin: str, shown: Callable[[], object]) -> None:
        self._page.goto(home_url(origin, self._account), wait_until="load")
        if not until(self._page, lambda: shown() or None, _PATIENCE_S):
            raise AssertionError(f"{self._console.scenario}: nothing was seen of it")


def after_click(page: Page, wording: Wording, wanted: str) -> Found | None:
    """Look for what stands there after the click: in a dialog, else in the section."""
    places = dialogs(page)
    if wanted == "copy":
        places.append(region(page, wording.meaning("events_api_section")))
    looks = (each.look(wording.meaning(wanted)).found for each in places)
    return next((each for each in looks if each), None)


def sets(names: list[str]) -> Iterator[tuple[str, int]]:
    """Make some sets, or all; yield the name of each and how many screens it holds."""
    wording = load()
    with Lane(find_browser(), patience_s=_PATIENCE_S) as lane:
        for name in names or list(SETS):
            with Console(Scenario(), accounts=2, pixels_per_account=3) as console:
                yield name, Maker(lane, console, SETS[name], wording).make(HERE / name)


if __name__ == "__main__":
    for name, count in sets(sys.argv[1:]):
        sys.stdout.write(f"{name}: {count} screens\n")
        sys.stdout.flush()

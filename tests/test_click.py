"""The one click: what comes over the button just then costs neither the token nor a second one.

Whether a click had an effect is told by what left the page and what changed on it.
"""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.sync_api import Page

from automation.browser import Lane
from automation.controls import NotClicked
from automation.errors import HumanCheck, PageChanged
from automation.evidence import Agreement
from automation.secret import Secret
from fixtures.console import Console, Scenario
from flows import ask as asking
from flows.ask import NotAsked, ask
from flows.pages import waiting
from flows.pages.events_manager import EventsManager
from flows.pages.pixel_page import PixelPage
from flows.wording import load

TOKEN = "b5e8c1d9a3f74026e8d1c5b9a7f3e2d460c8b1a9"
OVER = """says => {
  const box = document.createElement("div");
  box.setAttribute("role", "dialog");
  box.style = "position:fixed;inset:0;background:#fff;z-index:9999;padding:40px";
  box.innerHTML = says;
  box.querySelector("button")?.addEventListener("click", () => box.remove());
  document.body.append(box);
}"""
ANNOUNCEMENT = "<h2>What's new in Events Manager</h2><button>Got it</button>"
CONSENT = "<h2>Terms of Service</h2><button>I agree</button>"


@pytest.fixture
def ready(lane: Lane, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Console, PixelPage]]:
    """A pixel's page whose button was found and looked at once more: the click would come now."""
    monkeypatch.setattr(waiting, "_FREE_S", 0.2)
    with Console(Scenario(delay_ms=(0, 5))) as console:
        pixel = console.pixels[0]
        events_manager = EventsManager(
            lane.open(console.storage_state()), console.url, load(),
            patience_s=10, say=lambda _line: None,
        )  # fmt: skip
        page = events_manager.open_pixel(pixel.code, pixel.aadvid)
        page.read()
        page.find_generate(replace=False)
        page.check_again()
        yield console, page
        lane.close_context()


def test_a_pop_up_over_the_button_is_closed_and_the_button_clicked_once(
    ready: tuple[Console, PixelPage],
) -> None:
    """As one that came before the last look would be."""
    console, page = ready
    page.page.evaluate(OVER, ANNOUNCEMENT)
    page.click()
    clicked = [each.control for each in console.ledger.clicks(at_least=2)]
    assert clicked == ["tab-settings", "generate"]


def test_a_consent_over_the_button_is_a_persons(ready: tuple[Console, PixelPage]) -> None:
    """Nothing is clicked, neither there nor beneath."""
    console, page = ready
    page.page.evaluate(OVER, CONSENT)
    with pytest.raises(HumanCheck):
        page.click()
    assert [each.control for each in console.ledger.clicks(at_least=1)] == ["tab-settings"]


class Button:
    """Stands for a pixel's page: its clicks fail as told, and then one works."""

    def __init__(self, page: Page, capture: Any, failures: list[PageChanged]) -> None:
        self.page, self._capture, self._failures = page, capture, failures
        self.clicks, self.cleared, self.shows = 0, 0, "a section"

    def click(self) -> None:
        """Fail, or have the console answer."""
        self.clicks += 1
        if self._failures:
            raise self._failures.pop(0)
        self._capture.asked.append("POST /token")
        self._capture.sightings.append("an answer")

    def clear(self) -> None:
        """Count."""
        self.cleared += 1

    def look(self) -> str:
        """Tell what it shows."""
        return self.shows

    def confirm(self) -> bool:
        """Have no dialog."""
        return False

    copy = confirm

    def refusal(self) -> None:
        """Say nothing."""

    obstacle = refusal


@pytest.fixture
def capture() -> Any:
    """Stand for what is seen of the page."""
    return SimpleNamespace(
        asked=[], sightings=[], dropped=[], answered=False, left=False, clicking=lambda: None
    )


def asked(button: Button, capture: Any) -> Agreement:
    """Ask, and take the first thing seen for the token."""
    sure = Agreement(Secret(TOKEN), ("answer",), firm=True)
    return ask(button, capture, lambda seen: sure if seen else None, patience_s=10)


def test_a_click_that_failed_without_effect_is_made_again(
    page: Page, capture: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing left the page and nothing changed on it once it had been cleared."""
    monkeypatch.setattr(asking, "_NO_EFFECT_S", 0.1)
    button = Button(page, capture, [PageChanged("covered; it may have been clicked")])
    assert asked(button, capture).token.reveal() == TOKEN
    assert (button.clicks, button.cleared) == (2, 1)


@pytest.mark.parametrize("changed", [True, False], ids=["changed", "provably not clicked"])
def test_a_click_that_failed_otherwise_is_not(page: Page, capture: Any, changed: bool) -> None:
    """What changed may be its effect; and what could not be clicked in all that time cannot be."""
    kind = PageChanged if changed else NotClicked
    button = Button(page, capture, [kind("failed")])
    if changed:
        button.clear = lambda: setattr(button, "shows", "another")  # type: ignore[method-assign]  # a stand-in's own
    with pytest.raises(NotAsked, match="failed"):
        asked(button, capture)
    assert button.clicks == 1

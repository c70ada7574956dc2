"""The drawn Upstack: what it takes and says over HTTP, and its pages walked as a person would."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, StorageState, expect

from automation.browser import Lane
from fixtures.console import Console, UpstackScenario, upstack_preset
from fixtures.console.upstack import Upstack
from fixtures.console.upstack.book import fingerprint
from tests.conftest import until

QUICK: dict[str, Any] = {"delay_ms": (0, 5), "slow_ms": 50, "timeout_s": 0.2, "check_s": 0}
ALL = "/api/event-destinations"


@pytest.fixture
def console() -> Iterator[Console]:
    """A console whose Upstack is quick and calm."""
    with Console() as started:
        started.upstack.scenario = UpstackScenario(**QUICK)
        yield started


@contextmanager
def signed_in(upstack: Upstack) -> Iterator[httpx.Client]:
    """A client with a session."""
    cookies = {each["name"]: each["value"] for each in upstack.storage_state()["cookies"]}
    with httpx.Client(base_url=upstack.url, cookies=cookies, trust_env=False) as client:
        yield client


def create(client: httpx.Client, pixel: str, token: str, **changes: Any) -> httpx.Response:
    """Ask for a destination as the page's script does."""
    body = {"platform": "tiktok", "pixel": pixel, "token": token, "enabled": True, **changes}
    return client.post(ALL, json=body)


def test_upstack_has_an_origin_and_a_session_of_its_own(console: Console) -> None:
    """The console's cookies are worth nothing there."""
    upstack = console.upstack
    assert upstack.url != console.url
    theirs = {each["name"]: each["value"] for each in console.storage_state()["cookies"]}
    page = httpx.get(upstack.page, cookies=theirs, trust_env=False)
    assert (page.status_code, page.headers["location"]) == (
        302,
        "/login?redirect=%2Fpixel%2Fevent-destinations",
    )
    assert httpx.get(upstack.url + ALL, trust_env=False).status_code == 401
    with signed_in(upstack) as client:
        text = client.get("/pixel/event-destinations").text
        assert "Events Destination" in text and 'content="drawn"' in text
        upstack.sessions.end_all()
        assert client.get(ALL).status_code == 401


def test_a_destination_is_healthy_for_just_a_token_that_works(console: Console) -> None:
    """One the console issued, for that pixel, still alive, and the destination switched on."""
    mine, other = (each.code for each in console.pixels[:2])
    token = console.world.issue(mine, console.scenario).text
    upstack = console.upstack
    with signed_in(upstack) as client:
        rows = [
            create(client, mine, token),
            create(client, mine, token[:-1]),
            create(client, other, token),
            create(client, mine, token, enabled=False),
        ]
        said = [each.json()["status"] for each in rows]
        assert said == ["healthy", "unhealthy", "unhealthy", "unhealthy"]
        console.world.revoke(mine)
        assert client.get(ALL).json()["rows"][-4]["status"] == "unhealthy"
    assert [each.fingerprint for each in upstack.book.changes()][:2] == [
        fingerprint(token),
        fingerprint(token[:-1]),
    ]


class Screen:
    """A page of Upstack, its controls by test id."""

    def __init__(self, page: Page, console: Console) -> None:
        """Take a page and the console it is of."""
        self.page, self.console, self.upstack = page, console, console.upstack
        self.pixel = console.pixels[0].code

    def control(self, name: str, within: Locator | None = None) -> Locator:
        """The control of that name."""
        return (within or self.page).get_by_test_id(f"{name}-{self.upstack.build}")

    def press(self, *names: str) -> None:
        """Click one after the other."""
        for name in names:
            self.control(name).click()

    def row(self) -> Locator:
        """The pixel's row."""
        return self.control("row").filter(has_text=self.pixel)

    def expect_status(self, said: str) -> None:
        """Wait until the pixel's row says so."""
        expect(self.control("status", self.row())).to_have_text(said)

    def token(self) -> str:
        """A token of the pixel, fresh from the console."""
        return self.console.world.issue(self.pixel, self.console.scenario).text


@pytest.fixture
def chromium(lane: Lane) -> Browser:
    """The browser that all tests share; each screen has a context of its own."""
    browser = lane.open().context.browser
    assert browser is not None
    return browser


@contextmanager
def screen(
    chromium: Browser, scenario: UpstackScenario, *, signed: bool = True
) -> Iterator[Screen]:
    """An Upstack and a page of its own; fails if the page's script had an error."""
    errors: list[str] = []
    with Console() as console:
        console.upstack.scenario = scenario
        state = cast(StorageState, console.upstack.storage_state())
        context = chromium.new_context(
            storage_state=state if signed else None, viewport={"width": 1440, "height": 900}
        )
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(error.message))
        yield Screen(page, console)
        context.close()
    assert errors == []


@pytest.mark.parametrize("name", ["modern", "classic"])
def test_a_destination_is_created_by_hand(chromium: Browser, name: str) -> None:
    """List, choice, form, success, and its health follows."""
    with screen(chromium, upstack_preset(name, delay_ms=(0, 5))) as here:
        here.page.goto(here.upstack.page)
        here.press("new-destination", "platform-tiktok", "next")
        token = here.token()
        here.control("field-pixel").fill(here.pixel)
        here.press("check-events-api")
        here.control("field-token").fill(token)
        here.press("create")
        expect(here.page.get_by_text("Configuration created successfully")).to_be_visible()
        here.expect_status("Healthy")
        (made,) = here.upstack.book.changes()
    assert (made.kind, made.platform, made.pixel) == ("created", "tiktok", here.pixel)
    assert (made.fingerprint, made.answered) == (fingerprint(token), True)


EDITS = {
    "edit": ("edit",),
    "edit_kebab": ("kebab", "edit"),
    "edit_panel": ("row",),
    "edit_classic": ("edit",),
}


@pytest.mark.parametrize("name", EDITS)
def test_a_destinations_token_is_changed_by_hand(chromium: Browser, name: str) -> None:
    """Each way of editing changes that destination's token and nothing else."""
    with screen(chromium, upstack_preset(name, delay_ms=(0, 5), check_s=0)) as here:
        before = here.upstack.destinations
        here.page.goto(here.upstack.page)
        here.expect_status("Unhealthy")
        for control in EDITS[name]:
            where = None if (control, name) == ("edit", "edit_kebab") else here.row()
            (here.row() if control == "row" else here.control(control, where)).click()
        token = here.token()
        here.control("field-token").fill(token)
        here.press("update")
        here.expect_status("Healthy")
        (change,) = here.upstack.book.changes()
        after = here.upstack.destinations
    assert (change.kind, change.fields) == ("edited", ("token",))
    assert change.fingerprint == fingerprint(token)
    assert [each for each in after if each not in before] == [
        each for each in after if each.pixel == here.pixel
    ]


def test_clicks_on_what_must_not_be_clicked_are_told(chromium: Browser) -> None:
    """By a list of their own; a deletion is in the book as well."""
    with screen(chromium, upstack_preset("edit", **QUICK)) as here:
        here.page.goto(here.upstack.page)
        for control in ("test-event", "delete"):
            here.control(control, here.row()).click()
        here.press("delete-yes")
        until(lambda: len(here.upstack.book.forbidden()) >= 3)
        assert here.upstack.book.forbidden() == ["test-event", "delete", "delete-yes"]
        assert [each.kind for each in here.upstack.book.changes(at_least=2)] == [
            "tested",
            "deleted",
        ]

"""Handing the browser to a person, and proving what came of it.

The pages are drawn; what a person would do, a script in the page does.
"""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Error, Page

from automation.browser import Choice, Lane
from automation.errors import HumanCheck, PageChanged, SignInNeeded, SiteBusy
from automation.handoff import hand_off, prove, read_state
from tests.conftest import Answer, Request, Site
from tests.test_browser import browser_pid

SIGN_IN = """<title>Sign in</title><script>setTimeout(() => {
    document.cookie = 'sid=1; path=/'; location = '/home' }, 200)</script>"""
POPUP = """<title>Sign in</title><script>setTimeout(() => {
    document.cookie = 'sid=1; path=/'; open('/home') }, 200)</script>"""
WAITS = "<title>Sign in</title>"


def shows_home(page: Page) -> bool:
    """What being signed in looks like here."""
    return page.title() == "Home"


def home_if_signed_in(request: Request) -> Answer:
    """The page only somebody signed in sees; refreshes the session."""
    if "sid=" not in request.headers.get("Cookie", ""):
        return Answer(WAITS.encode())
    fresh = {"Set-Cookie": "sid=refreshed; Path=/"}
    return Answer(b"<title>Home</title>", headers=fresh)


@pytest.fixture
def console(site: Site) -> Site:
    """A drawn console with a sign-in and a home page."""
    site.routes |= {"/": SIGN_IN, "/home": home_if_signed_in}
    return site


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A virtual screen, where a program for that is to be had."""
    program = shutil.which("Xvfb")
    if program is None:
        pytest.skip("Xvfb is not installed: no screen for a visible browser")
    read, write = os.pipe()
    command = [
        program,
        "-displayfd",
        str(write),
        "-screen",
        "0",
        "1600x1200x24",
        "-nolisten",
        "tcp",
    ]
    with (
        subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL) as process,
        os.fdopen(read) as numbers,
    ):
        os.close(write)
        number = numbers.readline().strip()
        assert number, "Xvfb did not start"
        monkeypatch.setenv("DISPLAY", f":{number}")
        monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
        try:
            yield
        finally:
            process.terminate()


def value(state: dict[str, Any]) -> str:
    """The session cookie's value in a state."""
    return str(next(each["value"] for each in state["cookies"] if each["name"] == "sid"))


def test_a_person_signs_in_in_a_visible_browser_and_it_is_proven_elsewhere(
    screen: None, visible_choice: Choice, lane: Lane, console: Site
) -> None:
    """The whole hand-off: a real window, the person's sign-in, a fresh context that shows it."""
    said: list[str] = []
    with Lane(visible_choice, headless=False) as visible:
        state = hand_off(visible, console.url, shows_home, 120, said.append)
        size = visible.context.pages[0].evaluate("[innerWidth, navigator.webdriver]")
    assert size[0] > 1400 and size[1] is True, "large, and not hiding that it is automated"
    assert len(said) == 1 and "2 minutes" in said[0]
    assert value(prove(lane, state, f"{console.url}/home", shows_home)) == "refreshed"


@pytest.mark.parametrize("start", [SIGN_IN, POPUP], ids=["same page", "another window"])
def test_signing_in_is_noticed_on_any_page(lane: Lane, console: Site, start: str) -> None:
    """Consoles sign people in in windows of their own, too."""
    console.routes["/"] = start
    state = hand_off(lane, console.url, shows_home, 30, lambda _: None)
    assert value(state) == "refreshed"


def test_a_closed_window_is_an_answer(lane: Lane, console: Site) -> None:
    """The person does not want to; nobody waits for the time to be up."""
    console.routes["/"] = WAITS

    def close(_: str) -> None:
        page = lane.context.pages[0]
        page.wait_for_load_state("load")  # `close` on a loading page may hang: Playwright 1.65
        page.close()

    with pytest.raises(SignInNeeded, match="the window was closed") as raised:
        hand_off(lane, console.url, shows_home, 60, close)
    assert raised.value.next_step == "pixelmint sign-in"


def test_a_closed_browser_is_an_answer_too(choice: Choice, console: Site) -> None:
    """Closing the browser as a whole, or its crash, ends the waiting."""
    console.routes["/"] = WAITS
    with Lane(choice) as lane:

        def kill(_: str) -> None:
            os.kill(browser_pid(lane.context.browser), signal.SIGKILL)

        with pytest.raises(SignInNeeded, match="the window was closed") as raised:
            hand_off(lane, console.url, shows_home, 60, kill)
    assert raised.value.__context__ is None


def test_nobody_is_waited_for_for_ever(lane: Lane, console: Site) -> None:
    """The time is the caller's."""
    console.routes["/"] = WAITS
    with pytest.raises(SignInNeeded, match="the time was up"):
        hand_off(lane, console.url, shows_home, 0.3, lambda _: None)


def test_a_puzzle_or_a_page_in_motion_is_waited_through(lane: Lane, console: Site) -> None:
    """While the person has the browser, whatever it shows is theirs to deal with."""
    problems = iter([HumanCheck("a puzzle"), PageChanged("half a page"), Error("between pages")])

    def troubled(page: Page) -> bool:
        with contextlib.suppress(StopIteration):
            raise next(problems)
        return shows_home(page)

    state = hand_off(lane, console.url, troubled, 30, lambda _: None)
    assert value(state) == "refreshed"


def test_a_console_that_is_not_reached_is_said_before_anybody_waits(
    lane: Lane, console: Site
) -> None:
    """There is nothing to sign in to."""
    console.close()
    with pytest.raises(SiteBusy, match="opening the console"):
        hand_off(lane, console.url, shows_home, 60, lambda _: None)


def test_an_ended_session_is_not_proven(lane: Lane, console: Site) -> None:
    """Its cookie is gone, or no longer taken; the context is closed either way."""
    empty: dict[str, Any] = {"cookies": [], "origins": []}
    with pytest.raises(SignInNeeded, match="the session has ended"):
        prove(lane, empty, f"{console.url}/home", shows_home, 0.3)
    assert lane.alive
    with pytest.raises(SiteBusy):
        _ = lane.context


def test_a_puzzle_while_proving_is_a_persons(lane: Lane, console: Site) -> None:
    """Nobody is at the browser then, so it is not waited through."""

    def puzzled(_: Page) -> bool:
        raise HumanCheck("a puzzle")

    with pytest.raises(HumanCheck):
        prove(lane, {"cookies": [], "origins": []}, console.url, puzzled)


def test_what_pages_keep_comes_along(lane: Lane, console: Site) -> None:
    """Some consoles keep the session in local storage or IndexedDB, not in a cookie."""
    console.routes["/keep"] = "<title>Keep</title>"
    page = lane.open()
    page.goto(f"{console.url}/keep")
    page.evaluate(
        """() => new Promise(done => { localStorage.a = '1'; const r = indexedDB.open('kept', 1);
        r.onupgradeneeded = () => r.result.createObjectStore('s').put('deep', 'k');
        r.onsuccess = () => { r.result.close(); done() } })"""
    )
    page = lane.open(read_state(page.context))
    page.goto(f"{console.url}/keep")
    kept = page.evaluate(
        """() => new Promise(done => { const r = indexedDB.open('kept', 1);
        r.onsuccess = () => { const g = r.result.transaction('s').objectStore('s').get('k');
            g.onsuccess = () => done([localStorage.a, g.result]) } })"""
    )
    assert kept == ["1", "deep"]
    lane.close_context()


def test_where_indexeddb_cannot_be_read_the_rest_is() -> None:
    """One page's odd records must not cost the person the session."""

    class Context:
        def storage_state(self, *, indexed_db: bool = False) -> dict[str, Any]:
            if indexed_db:
                raise Error("cannot be written down")
            return {"cookies": [], "origins": []}

    assert read_state(Context()) == {"cookies": [], "origins": []}

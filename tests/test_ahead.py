"""Pages opened ahead: only reading overlaps, and each pixel's outcome is its own."""

import subprocess
import sys
import threading

from playwright.sync_api import Page

from automation.aside import Aside
from automation.browser import wait_until
from automation.errors import PageChanged
from fixtures.console import Scenario, preset
from tests.conftest import BROWSER, Site, until
from tests.flows_helpers import ROOT, MakeUser, User, at_issue

pytest_plugins = ["tests.flows_fixtures"]


def one_account(user: User) -> tuple[str, list[str]]:
    """Return an account and its pixels."""
    account = user.console.accounts[0]
    return account.aadvid, [each.code for each in account.pixels]


def test_the_next_page_is_opened_while_a_token_is_asked_for(make_user: MakeUser) -> None:
    """The console holds the first answer until it was asked for the second pixel's page."""
    user = make_user(pixels=4)
    account, pixels = one_account(user)
    calls = user.console.ledger.calls
    at_issue(user.console, lambda: until(lambda: calls().get("settings", 0) >= 2))
    said = user.run("generate", *pixels, "--account", account, "--json")
    assert said.code == 0, said
    assert [each["fingerprint"] for each in said.rows] == [
        print_ for pixel in pixels for print_ in user.issued(pixel)
    ]


def test_two_tokens_of_an_account_are_never_asked_for_at_once(make_user: MakeUser) -> None:
    """Nor is one clicked in a tab that only reads ahead."""
    user = make_user(Scenario(late_ms=300), pixels=5)
    account, pixels = one_account(user)
    issue, asking, most = user.console.world.issue, threading.Lock(), []

    def alone(code: str, scenario: Scenario) -> object:
        most.append(asking.acquire(blocking=False))
        try:
            return issue(code, scenario)
        finally:
            asking.release()

    user.console.world.issue = alone  # type: ignore[method-assign,assignment]  # a test's own
    assert user.run("generate", *pixels, "--account", account).code == 0
    assert most == [True] * 5
    assert [len(user.issued(pixel)) for pixel in pixels] == [1] * 5


def test_what_was_read_ahead_is_each_pixels_own(make_user: MakeUser) -> None:
    """A puzzle, an existing token, another pixel's page: told of that pixel, none before it."""
    user = make_user(pixels=6)
    account, pixels = one_account(user)
    kinds = ("calm", "token_exists", "wrong_pixel", "late_hydration", "disabled", "puzzle")
    for pixel, kind in zip(pixels, kinds, strict=True):
        user.console.per_pixel[pixel] = preset(kind)
    said = user.run("generate", *pixels, "--account", account, "--json")
    assert said.codes == [
        None, "token_exists", "wrong_pixel", None, "permission_denied", "human_check",
    ]  # fmt: skip
    assert [len(user.issued(pixel)) for pixel in pixels] == [1, 0, 0, 1, 0, 0]


def test_a_pixel_that_is_stored_already_is_not_opened(make_user: MakeUser) -> None:
    """It is `kept`, and no tab is opened for it. All that the runs leave in the home is private."""
    user = make_user(pixels=3)
    account, pixels = one_account(user)
    assert user.run("generate", pixels[1], "--account", account).code == 0
    before = user.console.ledger.calls()["settings"]
    said = user.run("generate", *pixels, "--account", account, "--json")
    assert [each["outcome"] for each in said.rows] == ["generated", "kept", "generated"]
    assert user.console.ledger.calls()["settings"] == before + 2
    assert [each for each in user.home.rglob("*") if each.stat().st_mode & 0o077] == []


def test_an_aside_goes_on_while_the_rest_waits(page: Page, site: Site) -> None:
    """Two pages of one thread, each in the middle of something."""
    site.routes["/"] = "<title>here</title>"
    other = page.context.new_page()
    aside = Aside(lambda: (other.goto(site.url), other.title())[1])
    assert (aside.done, aside.value) == (False, None)
    assert wait_until(page, lambda: aside.done, 30)
    assert (aside.value, aside.problem) == ("here", None)


def test_an_aside_keeps_its_error_for_whoever_asks(page: Page) -> None:
    """One of ours as it is; any other as none, to be met again in its turn."""

    def fails(problem: Exception) -> Aside[None]:
        def do() -> None:
            page.title()
            raise problem

        aside = Aside(do)
        assert wait_until(page, lambda: aside.done, 30)
        return aside

    ours = PageChanged("it changed")
    assert fails(ours).problem is ours
    assert fails(ValueError("theirs")).problem is None


INTERRUPTED = """
from automation.aside import Aside
from automation.browser import Lane, find_browser, wait_until
import sys

with Lane(find_browser(sys.argv[1] or None)) as lane:
    page = lane.open()

    def interrupted():
        page.title()
        raise KeyboardInterrupt

    aside = Aside(interrupted)
    try:
        wait_until(page, lambda: False, 30)
    except KeyboardInterrupt:
        print("reached", aside.done, repr(page.title()))
"""


def test_ctrl_c_in_an_aside_reaches_the_work() -> None:
    """Python hands it to whoever runs: it ends what waits, not only what was read beside.

    In a process of its own: what is left unfinished by it is nobody else's to hear of.
    """
    command = [sys.executable, "-c", INTERRUPTED, BROWSER or ""]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout) == (0, "reached True ''\n"), done.stderr

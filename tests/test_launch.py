"""Starting and reaching browsers, and saying why that did not work."""

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from automation import launch as launching
from automation.browser import Lane
from automation.errors import UsageError
from automation.finding import Choice
from tests.conftest import Site, until
from tests.processes import BROWSER, DRIVER, family, find_one

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def broken_browser(path: Path, says: str) -> Choice:
    """A program that says something on stderr and ends."""
    path.write_text(f"#!/bin/sh\necho '{says}' >&2\nexit 1\n")
    path.chmod(0o700)
    return Choice("path", str(path), "the broken browser")


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        ("x: error while loading shared libraries: libnss3.so: cannot open", "libnss3.so"),
        ("FATAL: No usable sandbox! Update your kernel", "sandbox"),
        ("Missing X server or $DISPLAY", "screen"),
        ("something else", "did not start"),
    ],
)
def test_a_browser_that_does_not_start_is_an_error_with_its_reason(
    tmp_path: Path, says: str, reason: str
) -> None:
    """Nothing else of what the browser printed is passed on, and the next step is given."""
    choice = broken_browser(tmp_path / "browser", says)
    with pytest.raises(UsageError) as refused, Lane(choice, relay=False):
        pass
    assert refused.value.message.startswith("the broken browser did not start")
    assert reason in refused.value.message
    assert "PIXELMINT_BROWSER" in refused.value.next_step
    assert refused.value.__context__ is None


def test_a_channel_that_is_not_installed_says_so() -> None:
    """Playwright's advice on how to download it names its own command line, not ours."""
    choice = Choice("channel", "msedge-canary", "the installed msedge-canary")
    with pytest.raises(UsageError) as refused, Lane(choice, relay=False):
        pass
    assert refused.value.message.startswith("the installed msedge-canary did not start")


@pytest.mark.parametrize(("kind", "scheme"), [("cdp", "http"), ("ws", "ws")])
def test_a_remote_browser_that_does_not_answer_is_an_error_without_its_key(
    kind: str, scheme: str
) -> None:
    """A rented browser's address has the customer's key in it."""
    choice = Choice(kind, f"{scheme}://127.0.0.1:1/?token=KEY123", "the remote browser at there")
    with pytest.raises(UsageError) as refused, Lane(choice):
        pass
    assert refused.value.message == (
        "no connection to the remote browser at there: nothing answers there"
    )
    assert refused.value.__context__ is None


@ON_LINUX
def test_a_visible_browser_without_a_screen_is_refused_with_the_other_way(
    choice: Choice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server has no screen: the session is brought there instead."""
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(UsageError, match="screen") as refused, Lane(choice, headless=False):
        pass
    assert "--import FILE" in refused.value.next_step


def test_the_browser_runs_without_its_sandbox_only_as_root(
    monkeypatch: pytest.MonkeyPatch, choice: Choice
) -> None:
    """Chromium does not start as root with it; for everybody else it stays on."""

    class Chromium:
        def launch(self, **options: object) -> object:
            self.options = options
            return object()

    class FakePlaywright:
        chromium = Chromium()

    for user, sandbox in ((0, False), (1000, True)):
        monkeypatch.setattr(launching.os, "geteuid", lambda user=user: user)
        launching.launch(FakePlaywright(), choice, True, None)
        assert FakePlaywright.chromium.options["chromium_sandbox"] is sandbox


@ON_LINUX
def test_the_browser_is_not_given_our_settings(
    choice: Choice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any page that breaks out of the browser would find the key in its environment."""
    monkeypatch.setenv("PIXELMINT_KEY", "AGE-SECRET-KEY-FALSE")
    monkeypatch.setenv("HARMLESS", "yes")
    with Lane(choice, relay=False) as lane:
        lane.open()
        browser = lane.context.browser
        assert browser is not None
        known = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")
        pids = [each["id"] for each in known["processInfo"] if each["type"] == "browser"]
        environment = Path(f"/proc/{pids[0]}/environ").read_bytes()
    assert b"HARMLESS=yes" in environment
    assert b"PIXELMINT_" not in environment


@contextlib.contextmanager
def somebodys_browser(choice: Choice, folder: Path) -> Iterator[str]:
    """A browser that somebody else runs; yields its DevTools address."""
    command = [choice.value, "--headless", "--remote-debugging-port=0", f"--user-data-dir={folder}"]
    if os.geteuid() == 0:
        command.append("--no-sandbox")
    with subprocess.Popen(
        [*command, "about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            port_file = folder / "DevToolsActivePort"
            until(lambda: port_file.exists() and "\n" in port_file.read_text())
            yield f"http://127.0.0.1:{port_file.read_text().split()[0]}"
        finally:
            process.terminate()


def test_in_a_remote_browser_only_what_was_made_there_is_closed(
    choice: Choice, tmp_path: Path, site: Site
) -> None:
    """The person's own tab stays, and what they are signed in to is not seen."""
    if choice.kind != "path":
        pytest.skip("starts the browser by its path")
    site.routes["/"] = "<title>ours</title>"
    with somebodys_browser(choice, tmp_path / "profile") as address:
        remote = Choice("cdp", address, "somebody's browser")
        for _ in range(2):
            with Lane(remote) as lane:
                assert lane.relay is None
                page = lane.open()
                page.goto(site.url)
                assert page.title() == "ours"
                browser = page.context.browser
                assert browser is not None
                theirs = browser.contexts[0]
                assert theirs is not page.context
                assert [re.sub(r"\?.*", "", each.url) for each in theirs.pages] == ["about:blank"]
                assert len(browser.contexts) == 2


@ON_LINUX
def test_the_terminal_s_ctrl_c_reaches_neither_driver_nor_browser(lane: Lane) -> None:
    """It goes to a whole process group; the token in hand needs both."""
    lane.open()
    below = family(os.getpid())
    for whom in (DRIVER, BROWSER):
        pid = find_one(below, whom)
        assert pid is not None, whom
        assert os.getpgid(pid) != os.getpgid(0), whom
    lane.close_context()

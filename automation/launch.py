"""Start a browser, or reach a remote one, and say in plain words why that did not work."""

import asyncio
import contextlib
import functools
import inspect
import logging
import os
import re
import sys
import threading
from typing import Any

from playwright.sync_api import Browser, Error, Playwright, sync_playwright

from automation.errors import UsageError
from automation.finding import Choice

log = logging.getLogger(__name__)

_NO_SANDBOX = ": its sandbox is not allowed here"
_REASONS = (
    (r"(?i)sandboxing failed|no usable sandbox", _NO_SANDBOX.removeprefix(": ")),
    (r"Missing X server|cannot open display", "there is no screen"),
    (r"ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ECONNRESET", "nothing answers there"),
    (r"Timeout \d+ms", "no answer in time"),
    (r"distribution '\w+' is not found|Executable doesn't exist", "it is not installed"),
)
_START_S = 60
_CONNECT_S = 30
SIZE = (1440, 900)
"""Width and height of a page: dialog footers fall off smaller ones."""


_starting = threading.Lock()


def start_driver() -> Playwright:
    """Start Playwright in this thread, out of reach of the terminal's Ctrl-C.

    A terminal sends it to every process of the foreground group: the driver would die of it with
    a token in the hand, while this program waits until that one is safe.
    """
    with _starting:  # lanes are threads, and what is changed meanwhile is everybody's
        before = asyncio.create_subprocess_exec
        asyncio.create_subprocess_exec = functools.partial(before, start_new_session=True)
        try:
            return sync_playwright().start()
        finally:
            asyncio.create_subprocess_exec = before


def launch(playwright: Playwright, choice: Choice, headless: bool, proxy: str | None) -> Browser:
    """Start a browser on this machine.

    Nothing hides that it is automated.

    Args:
        playwright: of this thread.
        choice: a path or a channel.
        headless: without a window.
        proxy: where to send all traffic, loopback's too; None for what the environment says.

    Raises:
        UsageError: it did not start; the message says why, where that is known.
    """
    options: dict[str, Any] = {
        "headless": headless,
        # Ctrl-C is for this program to hear: it finishes the token in hand first.
        "handle_sigint": False,
        "handle_sigterm": False,
        "handle_sighup": False,
        "timeout": _START_S * 1000,
        # Our settings, the key among them, are nothing the browser needs.
        "env": {k: v for k, v in os.environ.items() if not k.startswith("PIXELMINT_")},
        # Chromium refuses to start its sandbox as root: --no-sandbox there, and only there.
        "chromium_sandbox": not _is_root(),
        "channel" if choice.kind == "channel" else "executable_path": choice.value,
    }
    if not headless:
        options["args"] = [f"--window-size={SIZE[0]},{SIZE[1] + 100}"]
    if proxy:
        options["proxy"] = {"server": proxy}
    try:
        return playwright.chromium.launch(**options)
    except Error as problem:
        why = _why(str(problem))
    if why == _NO_SANDBOX and options["chromium_sandbox"]:
        # Most containers allow no sandbox to anybody. The only pages opened are the console's own.
        log.warning("this system allows the browser no sandbox; it is started without one")
        with contextlib.suppress(Error):
            return playwright.chromium.launch(**options | {"chromium_sandbox": False})
    raise UsageError(
        f"{choice.described} did not start{why}",
        next_step="set PIXELMINT_BROWSER to a browser that starts here",
    )


def reach(playwright: Playwright, choice: Choice) -> Browser:
    """Connect to a browser that somebody else runs.

    Raises:
        UsageError: no connection came about; the message says why, where that is known.
    """
    chromium, limit_ms = playwright.chromium, _CONNECT_S * 1000
    try:
        if choice.kind == "ws":
            return chromium.connect(choice.value, timeout=limit_ms)
        options: dict[str, Any] = {}
        # Leaves the person's own tabs alone. Older versions of Playwright do not know it.
        if "no_defaults" in inspect.signature(chromium.connect_over_cdp).parameters:
            options["no_defaults"] = True
        return chromium.connect_over_cdp(choice.value, timeout=limit_ms, **options)
    except Error as problem:
        why = _why(str(problem))
    raise UsageError(
        f"no connection to {choice.described}{why}",
        next_step="start that browser, or set PIXELMINT_BROWSER to another",
    )


def check_screen() -> None:
    """Refuse early where a visible browser has nothing to be seen on.

    Raises:
        UsageError: no display; the message says how to go on without.
    """
    if sys.platform != "linux" or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY"))):
        return
    raise UsageError(
        "a visible browser needs a screen, and there is none here",
        next_step="sign in on a machine with a screen and bring the session here with"
        " `pixelmint sign-in --import FILE`, or set DISPLAY",
    )


def _is_root() -> bool:
    return os.name != "nt" and os.geteuid() == 0


def _why(text: str) -> str:
    """Pick the reason out of the browser's first words; the rest may hold an address with a key."""
    if library := re.search(r"error while loading shared libraries: ([\w.+-]+)", text):
        return f": the system library {library[1]} is missing"
    for sign, words in _REASONS:
        if re.search(sign, text):
            return f": {words}"
    return ""

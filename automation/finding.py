"""Find a browser on this machine, or install one, or take the one that was asked for."""

import json
import logging
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import playwright

from automation.errors import UsageError

log = logging.getLogger(__name__)

_CHANNEL = re.compile(r"chromium|(chrome|msedge)(-(beta|dev|canary))?")
_LINUX = (
    "/opt/google/chrome/chrome",
    "/opt/microsoft/msedge/msedge",
    "/usr/bin/google-chrome",
    "/usr/bin/microsoft-edge",
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
)
_MAC = (
    "Google Chrome.app/Contents/MacOS/Google Chrome",
    "Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    "Chromium.app/Contents/MacOS/Chromium",
)
_SHELL = ("/usr/bin/chromium-headless-shell",)
"""Chromium without a window's machinery: starts and draws at less than half the cost."""
_WAIT_FOR_LOCK = ("-o", "DPkg::Lock::Timeout=300")
"""A new machine installs its updates in the background just then."""
_VERSION_S = 30
_INSTALL_S = 900


@dataclass(frozen=True)
class Choice:
    """A browser to use."""

    kind: Literal["path", "channel", "ws", "cdp"]
    """How it is reached: an executable, an installed channel, a Playwright server, DevTools."""
    value: str
    """The path, the channel's name or the address. An address may hold a key: do not print it."""
    described: str
    """What it is, for people; holds no more of an address than its host."""

    @property
    def remote(self) -> bool:
        """Whether somebody else runs it."""
        return self.kind in ("ws", "cdp")


def find_browser(
    setting: str | None = None,
    say: Callable[[str], None] = log.warning,
    *,
    visible: bool = False,
    install: bool = True,
) -> Choice:
    """Return the browser asked for, else one that is here, else one that is installed now.

    Args:
        setting: a path, a channel, or a remote address; None to look for one.
        say: is told, in one line each, what is being installed.
        visible: whether it must be able to show a window.
        install: False to look only.

    Raises:
        UsageError: what was asked for cannot be, or there is none and none could be installed.
    """
    if setting:
        return _asked_for(setting)
    if found := _first_that_runs(visible):
        return found
    if install:
        return install_browser(say, visible=visible)
    raise _none_found("no browser was found")


def install_browser(say: Callable[[str], None], *, visible: bool = False) -> Choice:
    """Install Chromium: Playwright's own, else the system's package where that is Debian's.

    Raises:
        UsageError: neither way worked; the message says what was tried.
    """
    say("no browser found: downloading Chromium with Playwright (some 200 MB, once)")
    part = "--no-shell" if visible else "--only-shell"
    done = _run([sys.executable, "-m", "playwright", "install", part, "chromium"])
    if found := _first_that_runs(visible):
        return found
    tried = ["Playwright's Chromium lacks a system library" if done else "its download failed"]
    prefix = _apt_prefix()
    if prefix is None:
        tried.append("no right to use apt-get here")
    else:
        say("that did not do: installing the system's chromium package with apt-get")
        _run([*prefix, "apt-get", *_WAIT_FOR_LOCK, "update"])
        # Not every system has the small package.
        for package in ("chromium",) if visible else ("chromium-headless-shell", "chromium"):
            _run([*prefix, "apt-get", *_WAIT_FOR_LOCK, "install", "-y", package])
            if found := _first_that_runs(visible):
                return found
        tried.append("apt-get has no chromium that starts")
    raise _none_found(f"no browser was found, and none could be installed: {', '.join(tried)}")


def _first_that_runs(visible: bool) -> Choice | None:
    for path, what in _candidates(visible):
        if _runs(path):
            return Choice("path", str(path), f"{what} at {path}")
    return None


def _none_found(happened: str) -> UsageError:
    return UsageError(
        happened,
        next_step="install Chrome or Chromium (`python -m playwright install --with-deps chromium`"
        " as an administrator), or set PIXELMINT_BROWSER to a browser's path or address",
    )


def _asked_for(setting: str) -> Choice:
    address = urlsplit(setting)
    scheme, host = address.scheme, address.hostname or "?"
    if scheme in ("cdp+http", "cdp+https", "cdp+ws", "cdp+wss"):
        return Choice("cdp", setting.removeprefix("cdp+"), f"the remote browser at {host}")
    if scheme in ("ws", "wss"):
        kind: Literal["ws", "cdp"] = "cdp" if "/devtools/" in address.path else "ws"
        return Choice(kind, setting, f"the remote browser at {host}")
    if scheme in ("http", "https"):
        raise UsageError(
            f"a remote browser is not given as {scheme}://",
            next_step=f"set PIXELMINT_BROWSER to cdp+{scheme}://... or ws://...",
        )
    if _CHANNEL.fullmatch(setting):
        return Choice("channel", setting, f"the installed {setting}")
    path = shutil.which(str(Path(setting).expanduser()))
    if path is None:
        raise UsageError(
            f"{setting} is not a browser that can be started",
            next_step="set PIXELMINT_BROWSER to a browser's path, to chrome or msedge, or to the"
            " address of a remote browser; or unset it",
        )
    return Choice("path", path, f"the browser at {path}")


def _candidates(visible: bool) -> Iterator[tuple[Path, str]]:
    for path in _playwrights_own("chromium") if visible else _playwrights_shell_or_own():
        yield path, "Playwright's Chromium"
    if sys.platform == "darwin":
        folders = (Path("/Applications"), Path.home() / "Applications")
        paths = [folder / app for app in _MAC for folder in folders]
    else:
        paths = [Path(path) for path in (*(() if visible else _SHELL), *_LINUX)]
    for path in paths:
        if os.access(path, os.X_OK):
            yield path, "the browser"


def _playwrights_shell_or_own() -> Iterator[Path]:
    yield from _playwrights_own("chromium-headless-shell")
    yield from _playwrights_own("chromium")


def _playwrights_own(name: str) -> Iterator[Path]:
    """Yield the Chromium this Playwright would start, read off its files.

    Asking Playwright itself means starting its driver, a second or two.
    """
    package = Path(playwright.__file__).parent / "driver" / "package"
    try:
        listed = json.loads((package / "browsers.json").read_text())["browsers"]
        revision = next(each["revision"] for each in listed if each["name"] == name)
    except (OSError, ValueError, KeyError, StopIteration):
        return  # another Playwright may lay its files out otherwise; other browsers remain
    folder = _registry(package) / f"{name.replace('-', '_')}-{revision}"
    for inside in (
        "chrome-headless-shell-*/chrome-headless-shell*",
        "chrome-linux*/headless_shell",
        "chrome-linux*/chrome",
        "chrome-mac*/*.app/Contents/MacOS/*",
        "chrome-win*/chrome.exe",
    ):
        yield from folder.glob(inside)


def _registry(package: Path) -> Path:
    setting = os.environ.get("PLAYWRIGHT_BROWSERS_PATH")
    if setting == "0":
        return package / ".local-browsers"
    if setting:
        return Path(setting)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "ms-playwright"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "ms-playwright"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ms-playwright"


def _runs(path: Path) -> bool:
    """Start a browser for its version: a stub or a missing library shows here, not later."""
    if platform.system() == "Windows":  # there `--version` opens a window
        return True
    return _run([str(path), "--version"], limit_s=_VERSION_S)


def _apt_prefix() -> list[str] | None:
    """Return what to put before apt-get, or None where it cannot be used."""
    if shutil.which("apt-get") is None or not Path("/etc/debian_version").exists():
        return None
    if os.geteuid() == 0:
        return ["env", "DEBIAN_FRONTEND=noninteractive"]
    sudo = shutil.which("sudo")
    if sudo and _run([sudo, "-n", "true"], limit_s=_VERSION_S):
        return [sudo, "-n", "env", "DEBIAN_FRONTEND=noninteractive"]
    return None


def _run(command: list[str], *, limit_s: float = _INSTALL_S) -> bool:
    """Run a program to its end; its output goes to the debug log, because stdout is for results."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            timeout=limit_s,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        log.debug("%s: %s", Path(command[0]).name, type(problem).__name__)
        return False
    if done.returncode:
        log.debug("%s ended with %d: %s", command, done.returncode, done.stderr[-2000:])
    return done.returncode == 0

"""A person's sign-in, kept: sealed on disk, read from elsewhere, known by its dates.

A profile has two files in `sessions/`: `<profile>.age`, the browser's state, sealed, and
`<profile>.json`, which holds no secret: when it was saved, proven, and how long sign-ins lasted.
"""

import contextlib
import json
import logging
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from automation.errors import SignInNeeded, UsageError
from automation.files import held, private_folder, write_private
from automation.seal import Sealer

DEFAULT_PROFILE = "default"

log = logging.getLogger(__name__)

_PROFILE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_KIND = "session"
_LOCK_S = 10


@dataclass(frozen=True)
class Facts:
    """What is known of a profile's sign-in, without its secrets. Times are ISO 8601, UTC."""

    origin: str = ""
    """The console it is for."""
    saved_at: str | None = None
    """When the state was last written."""
    signed_in_at: str | None = None
    """When a person last signed in, or a state was imported."""
    proven_at: str | None = None
    """When a browser was last seen signed in with it."""
    ended_at: str | None = None
    """When it was found to have ended; None while it is not known to have."""
    lifetimes_h: tuple[float, ...] = ()
    """How many hours each sign-in before lasted, as far as it was noticed."""


class Sessions:
    """The sealed sign-ins of one home folder."""

    def __init__(self, home: Path, sealer: Sealer) -> None:
        """Use `home`/sessions; nothing is read or written yet."""
        self._folder = home / "sessions"
        self._sealer = sealer
        self._loaded: dict[str, str | None] = {}

    def load(self, profile: str = DEFAULT_PROFILE) -> dict[str, Any]:
        """Return the browser's state of a profile, for `Lane.open`.

        Raises:
            SignInNeeded: there is none.
            UsageError: it cannot be read or opened, or the name is not one.
        """
        path = self._path(profile, "age")
        signed_in_at = self.facts(profile).signed_in_at  # before the state: an older one is safe
        try:
            blob = path.read_bytes()
        except FileNotFoundError:
            blob = None
        except OSError as problem:
            raise UsageError(f"{path} cannot be read: {problem.strerror}") from None
        if blob is None:
            raise SignInNeeded(f"no session of profile {profile}", next_step=sign_in_again(profile))
        state: dict[str, Any] = json.loads(self._sealer.open(blob, _KIND, {"profile": profile}))
        self._loaded[profile] = signed_in_at
        return state

    def save(
        self,
        profile: str,
        state: Mapping[str, Any],
        signed_in: bool = False,
        *,
        proven: bool = False,
        origin: str = "",
    ) -> None:
        """Seal the state a browser has now.

        After a run, a state is dropped if a person signed in anew meanwhile: theirs is better.

        Args:
            profile: whose.
            state: as Playwright's `storage_state` returns it.
            signed_in: a person has just signed in, or brought the state.
            proven: a browser was seen signed in with it.
            origin: the console it is for; "" leaves what is known.

        Raises:
            UsageError: the folder cannot be written, or the name is not one.
        """
        path, now = self._path(profile, "age"), _now()
        blob = self._sealer.seal(_KIND, {"profile": profile}, json.dumps(state).encode())
        with self._writing(profile):
            facts = self.facts(profile)
            if not signed_in and facts.signed_in_at != self._loaded.get(profile):
                log.debug("profile %s was signed in anew meanwhile; that session is kept", profile)
                return
            write_private(path, blob)
            facts = replace(facts, saved_at=now, origin=origin or facts.origin)
            if signed_in:
                facts = replace(facts, signed_in_at=now, ended_at=None, proven_at=None)
                self._loaded[profile] = now
            if proven:
                facts = replace(facts, proven_at=now, ended_at=None)
            self._write_facts(profile, facts)

    def ended(self, profile: str) -> None:
        """Note that the console no longer takes this session; a second time changes nothing."""
        with self._writing(profile):
            facts = self.facts(profile)
            if facts.ended_at or not facts.signed_in_at:
                return
            now = _now()
            lasted = datetime.fromisoformat(now) - datetime.fromisoformat(facts.signed_in_at)
            hours = round(lasted.total_seconds() / 3600, 1)
            lifetimes_h = (*facts.lifetimes_h, hours)
            self._write_facts(profile, replace(facts, ended_at=now, lifetimes_h=lifetimes_h))

    def profiles(self) -> list[str]:
        """Return the names of all profiles that have a session."""
        return sorted(path.stem for path in self._folder.glob("*.age") if self._is_name(path.stem))

    def facts(self, profile: str) -> Facts:
        """Return what is known of a profile; empty where nothing is.

        Raises:
            UsageError: the file is there and cannot be read; it is left as it is.
        """
        path = self._path(profile, "json")
        try:
            kept = json.loads(path.read_text())
            return Facts(**{**kept, "lifetimes_h": tuple(kept["lifetimes_h"])})
        except FileNotFoundError:
            return Facts()
        except (OSError, ValueError, TypeError, KeyError) as problem:
            kind = type(problem).__name__
        raise UsageError(
            f"{path} cannot be read ({kind})",
            next_step="delete it; it holds no session, only dates",
        )

    def _path(self, profile: str, kind: str) -> Path:
        if not self._is_name(profile):
            raise UsageError(
                "a profile's name is up to 64 letters, digits, dots, dashes and underscores",
                next_step="give another --profile",
            )
        return self._folder / f"{profile}.{kind}"

    @staticmethod
    def _is_name(name: str) -> bool:
        return _PROFILE.fullmatch(name) is not None

    @contextlib.contextmanager
    def _writing(self, profile: str) -> Iterator[None]:
        lock = self._path(profile, "lock")
        try:
            private_folder(self._folder)
            with held(lock, f"session of profile {profile}", wait_s=_LOCK_S):
                yield
        except OSError as problem:
            raise UsageError(
                f"{self._folder} cannot be written: {problem.strerror}",
                next_step="free space there, or set PIXELMINT_HOME to a folder of your own",
            ) from None

    def _write_facts(self, profile: str, facts: Facts) -> None:
        write_private(self._path(profile, "json"), json.dumps(asdict(facts), indent=1).encode())


def sign_in_again(profile: str = DEFAULT_PROFILE) -> str:
    """Return the next step for somebody whose session is missing or has ended."""
    return "pixelmint sign-in" + ("" if profile == DEFAULT_PROFILE else f" --profile {profile}")


def import_file(path: Path, origin: str) -> dict[str, Any]:
    """Read a Playwright storage-state file that was made elsewhere.

    Args:
        path: the file; it is only read.
        origin: the console it must be good for, e.g. "https://console.example".

    Raises:
        UsageError: it is not such a file, or holds no living cookie for the console. No value out
            of it is in the message.
    """
    try:
        given = json.loads(path.read_bytes())
    except OSError as problem:
        fault = f"cannot be read: {problem.strerror}"
    except ValueError:
        fault = "is not JSON"
    else:
        fault = _fault(given, urlsplit(origin).hostname or "")
        if not fault:
            return {"cookies": given["cookies"], "origins": given.get("origins", [])}
    # Raised out here: a JSON error carries the whole text it was about.
    raise UsageError(
        f"{path} {fault}",
        next_step="save a signed-in browser's state with Playwright: context.storage_state()",
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _fault(given: object, host: str) -> str:
    """Say what keeps this from being a state for that host, in words without its values."""
    if not isinstance(given, dict) or not isinstance(given.get("cookies"), list):
        return 'is not a Playwright storage state: it has no list "cookies"'
    if not _objects(given.get("origins", []), "origin"):
        return 'is not a Playwright storage state: "origins" is not a list of origins'
    for number, cookie in enumerate(given["cookies"], 1):
        for name in ("name", "value", "domain", "path"):
            if not isinstance(cookie, dict) or not isinstance(cookie.get(name), str):
                return f'is not a Playwright storage state: cookie {number} has no text "{name}"'
    ours = [cookie for cookie in given["cookies"] if _applies(cookie["domain"], host)]
    if not ours:
        return f"holds no cookie for {host}"
    if not any(_lives(cookie.get("expires", -1)) for cookie in ours):
        return f"holds no cookie for {host} that has not expired"
    return ""


def _objects(given: object, name: str) -> bool:
    return isinstance(given, list) and all(
        isinstance(each, dict) and isinstance(each.get(name), str) for each in given
    )


def _applies(domain: str, host: str) -> bool:
    domain = domain.lower()
    return host == domain.lstrip(".") or (domain.startswith(".") and host.endswith(domain))


def _lives(expires: object) -> bool:
    """Say whether a cookie's end, in Unix seconds, is to come; below 0 the browser's end is its."""
    return isinstance(expires, int | float) and (expires < 0 or expires > time.time())

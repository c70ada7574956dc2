"""`keyring:SERVICE` keeps tokens in the operating system's keyring, under the pixel's code.

    SERVICE  PIXEL          the token
    SERVICE  PIXEL.about    account, intent and fingerprint

Only keyrings that encrypt are used: `keyrings.alt`, which keeps plain text, is refused.
"""

import contextlib
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Self

import keyring
from keyring import errors

from automation.errors import StoreFailed, UsageError
from automation.stores import remote
from automation.stores.base import Sealing, Template, parse_url
from automation.stores.remote import About, Kept, RemoteStore, Trouble

BACKENDS = tuple(
    f"keyring.backends.{each}"
    for each in ("SecretService", "libsecret", "kwallet", "macOS", "Windows")
)
"""Modules of the library that hand the token to a keyring which encrypts it."""

LIMIT_S = 60.0
"""Long enough for a person to unlock the keyring, where it asks."""


class KeyringStore(RemoteStore):
    """Two entries a pixel."""

    name: ClassVar[str] = "keyring"
    talkative: ClassVar[tuple[str, ...]] = ("keyring", "secretstorage", "jeepney")

    def __init__(self, service: str, *, url: str) -> None:
        """Use this service's entries."""
        # The pixel is part of the place, because the entry's name is the pixel's.
        super().__init__(Template(f"{service} {{pixel}}", url=url), url=url)
        if not service:
            raise UsageError("names no service", where=url, next_step="write keyring:SERVICE")
        self._found: Any = None

    @classmethod
    def open(cls, url: str, *, home: Path, sealer: Sealing) -> Self:
        """Build from `keyring:SERVICE`."""
        service, _ = parse_url(url)
        return cls(service, url=url)

    def _prove(self) -> None:
        """Write, read back and delete an entry that is no token."""
        service, name = _entry(self._place(remote.SAMPLE))
        self._call("set_password", service, name, "check")
        try:
            same = self._call("get_password", service, name) == "check"
        finally:
            with contextlib.suppress(errors.PasswordDeleteError):
                self._call("delete_password", service, name)
        if not same:
            raise StoreFailed("what was written reads back otherwise", where=self.url)

    def _look(self, place: str) -> Kept | None:
        service, name = _entry(place)
        token = self._call("get_password", service, name)
        if not token:
            return None
        return Kept.labelled(token, _read(self._call("get_password", service, f"{name}.about")))

    def _write(self, place: str, kept: Kept | None, text: str, about: About) -> bool:
        service, name = _entry(place)
        self._call("set_password", service, name, text)
        self._note(service, name, about)
        return True

    def _label(self, place: str, kept: Kept, about: About) -> None:
        # Here the token is written first, so a killed write leaves the labels of the one before.
        if kept.intent != about.intent and about.intent not in kept.before:
            self._note(*_entry(place), about)

    def _note(self, service: str, name: str, about: About) -> None:
        self._call("set_password", service, f"{name}.about", json.dumps(about._asdict()))

    def _call(self, method: str, *arguments: str) -> Any:
        if self._found is None:
            self._found = _in_time(_find)
        return _in_time(lambda: getattr(self._found, method)(*arguments))

    def _explain(self, problem: Exception) -> Trouble:
        if isinstance(problem, TimeoutError):
            return Trouble("no answer in time", "unlock the keyring")
        if isinstance(problem, errors.KeyringLocked):
            return Trouble("it is locked", "unlock the keyring")
        return Trouble(type(problem).__name__, "see that the keyring runs and is unlocked")


def _find() -> Any:
    """Return a keyring that encrypts.

    Raises:
        UsageError: there is none.
    """
    chosen = keyring.get_keyring()
    # Where several are usable the library puts them behind one, which would read from them all.
    for each in getattr(chosen, "backends", [chosen]):
        if type(each).__module__ in BACKENDS:
            return each
    kind = type(chosen)
    raise UsageError(
        f"no keyring that encrypts was found, only {kind.__module__}.{kind.__qualname__}",
        where="keyring",
        next_step="start the desktop's keyring, or use another store",
    )


def _entry(place: str) -> tuple[str, str]:
    service, _, name = place.rpartition(" ")
    return service, name


def _read(text: str | None) -> dict[str, str]:
    """Return what stands beside a token; nothing where somebody else wrote it."""
    try:
        told = json.loads(text or "{}")
        return {each: str(told[each]) for each in told}
    except (ValueError, TypeError):
        return {}


def _in_time(act: Callable[[], Any]) -> Any:
    """Call in a thread of its own, because a keyring may wait for a person for ever.

    Raises:
        TimeoutError: it did not come back; the thread is left to its end.
    """
    returned: list[Any] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            returned.append(act())
        except BaseException as problem:  # handed on below
            raised.append(problem)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(LIMIT_S)
    if raised:
        raise raised[0]
    if not returned:
        raise TimeoutError
    return returned[0]

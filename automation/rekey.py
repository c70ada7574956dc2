"""A new key for a home folder, and everything sealed there resealed with it. Killed anywhere, all
of it can be opened, and the same call goes on.

    1  key.next      the new key is written beside the old one: from here on both open
    2  *.age         each file is opened, resealed and replaced, whole or not at all
                     and opened with the new key alone
    3  recipient     names the new key: from here on it seals
    4  the new key takes the old one's place, and key.next goes

A process that has the old key in its memory would seal with it for ever, so nobody else may use the
home meanwhile.
"""

import contextlib
import errno
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pyrage

from automation import seal
from automation.errors import AlreadyRunning, EscrowFailed, UsageError
from automation.files import private_folder, sync_folder, touch_private, write_private
from automation.secret import Secret

SEALED = ("escrow", "sessions", "tokens")
"""The folders of a home that hold what is sealed."""


@dataclass(frozen=True)
class Rekeyed:
    """What was done."""

    files: int
    """So many were resealed, now or by a call before that was killed."""
    unreadable: tuple[Path, ...]
    """Neither key opens these, nor did the old one before; they are as they were."""
    source: str
    """Where the new key is."""


def in_use(home: Path) -> IO[bytes]:
    """Say that this process uses the home and its key, until what is returned is closed.

    Raises:
        AlreadyRunning: its key is being changed.
        EscrowFailed: the home cannot be written.
    """
    try:
        return _lock(home, exclusive=False)
    except OSError as problem:
        reason = problem.strerror or type(problem).__name__
    raise EscrowFailed(
        f"{home} cannot be written ({reason})",
        next_step="make it writable, or set PIXELMINT_HOME to a folder that is",
    )


def _lock(home: Path, *, exclusive: bool) -> IO[bytes]:
    import fcntl

    path = private_folder(home / "locks") / "home"
    touch_private(path)
    file = path.open("ab")
    try:
        fcntl.flock(file, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
    else:
        return file
    if exclusive:
        raise AlreadyRunning(
            "another pixelmint uses this home, and would go on with the old key",
            where=str(home),
            next_step="end it (schedule, worker, ...), then run this again",
        )
    raise AlreadyRunning(
        "the key of this home is being changed", where=str(home), next_step="run this again soon"
    )


def rekey(home: Path, given: Secret | None = None, to: Path | None = None) -> Rekeyed:
    """Change the key.

    Args:
        home: PIXELMINT_HOME.
        given: PIXELMINT_KEY, the old key, where it comes from there.
        to: a new file for the new key, needed then and only then.

    Raises:
        UsageError: the old key is missing or wrong, or `to` does not fit. Nothing was touched.
        EscrowFailed: the disk or the keyring would not take something; run it again.
    """
    with contextlib.closing(_lock(home, exclusive=True)):
        sealer = seal.open_sealer(home, given, create=False)
        _check_place(home, given, to)
        try:
            new = _begun(home)
            if to is not None:
                write_private(to, f"{new}\n".encode())
            count, unreadable = _reseal(home, sealer, new)
            write_private(home / "recipient", f"{new.to_public()}\n".encode())
            source = _take_place(home, new, to, sealer.source)
        except OSError as problem:
            reason = problem.strerror or type(problem).__name__
        else:
            return Rekeyed(count, unreadable, source)
        raise _failed(home, reason)


def _failed(home: Path, reason: str) -> EscrowFailed:
    return EscrowFailed(
        f"the key could not be changed ({reason})",
        where=str(home),
        next_step="mend that and run it again; until then everything can be opened as it is",
    )


def _check_place(home: Path, given: Secret | None, to: Path | None) -> None:
    """Refuse a place for the new key that is missing, needless, or taken by another."""
    fault = ""
    if given is not None and to is None:
        fault = "the key comes from PIXELMINT_KEY: say with --to in which file the new one goes"
    elif given is None and to is not None:
        fault = "--to is for a key that comes from PIXELMINT_KEY; this home keeps its own"
    elif to is not None and to.exists():
        begun = seal.next_key(home)  # handed out by a call that was killed
        if begun is None or to.read_bytes().decode(errors="replace").strip() != str(begun):
            fault = f"{to} is there already"
    if fault:
        raise UsageError(fault, next_step="name a new file; nothing was changed")


def _begun(home: Path) -> pyrage.x25519.Identity:
    new = seal.next_key(home)
    if new is None:
        new = pyrage.x25519.Identity.generate()
        write_private(home / seal.NEXT, f"{new}\n".encode())
    return new


def _reseal(
    home: Path, sealer: seal.Sealer, new: pyrage.x25519.Identity
) -> tuple[int, tuple[Path, ...]]:
    """Give every sealed file to the new key, and prove it; return how many, and what nobody opens.

    Raises:
        OSError: the disk would not take one, or gives back something else.
    """
    unreadable = []
    files = sealed_files(home)
    for path in files:
        blob = path.read_bytes()
        if _opened(blob, [new]) is not None:
            continue  # by a call that was killed
        plain = _opened(blob, sealer.identities)
        if plain is None:
            unreadable.append(path)
            continue
        write_private(path, pyrage.encrypt(plain, [new.to_public()]))
        if _opened(path.read_bytes(), [new]) != plain:
            raise OSError(errno.EIO, f"{path} reads back otherwise")
    return len(files) - len(unreadable), tuple(unreadable)


def sealed_files(home: Path) -> list[Path]:
    """Return everything that is sealed in a home, in order."""
    return sorted(path for part in SEALED for path in (home / part).rglob("*.age"))


def _opened(blob: bytes, identities: list[pyrage.x25519.Identity]) -> bytes | None:
    try:
        plain: bytes = pyrage.decrypt(blob, identities)
    except pyrage.DecryptError:
        return None
    return plain


def _take_place(home: Path, new: pyrage.x25519.Identity, to: Path | None, source: str) -> str:
    """Put the new key where the old one is, and forget the way there. Returns where that is."""
    following = home / seal.NEXT
    if to is None and source != seal.KEYRING:
        following.replace(home / "key")
        sync_folder(home)
        return f"file {home / 'key'}"
    if to is None and not seal.to_keyring(home, new):
        raise _failed(home, "the keyring would not take it")
    following.unlink()
    sync_folder(home)
    return seal.KEYRING if to is None else f"file {to}"

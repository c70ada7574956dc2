"""Private folders, durable private writes, and locks that say who holds them."""

import contextlib
import json
import os
import socket
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from automation.errors import AlreadyRunning
from automation.secret import redact


def private_folder(path: Path) -> Path:
    """Create a folder that only its owner may enter, with its parents, and return it.

    Raises:
        OSError: it cannot be created or made private.
    """
    # One by one: `parents=True` would give the parents the usual mode instead of this one.
    for each in (*reversed(path.parents), path):
        if each == path or not each.exists():
            each.mkdir(mode=0o700, exist_ok=True)
    if path.stat().st_mode & 0o077:
        path.chmod(0o700)
    return path


def sync_folder(path: Path) -> None:
    """Force a folder's entries to disk, so that a rename in it survives a power cut."""
    if os.name == "nt":  # Windows cannot open a folder; NTFS journals the rename itself
        return
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_private(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Write a file so that it is there whole or not at all, and on disk when this returns.

    Written beside its target with 0600, forced to disk, renamed over it, folder forced to disk.
    A name left over from a killed write starts with a dot and ends in `.part`.

    Raises:
        OSError: the disk would not take it; the target is as it was.
    """
    # The thread too: lanes are threads, and two may write one file.
    part = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.part")
    with contextlib.suppress(FileNotFoundError):
        part.unlink()
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if mode != 0o600:
            part.chmod(mode)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def touch_private(path: Path) -> None:
    """Create an empty private file unless one is there. One that is there is never opened.

    For SQLite, which gives its side files the first one's mode: closing any descriptor of a
    database drops every lock this process holds on it, and two writers then damage it.

    Raises:
        OSError: the disk would not take it.
    """
    if path.exists():
        return
    part = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.part")
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT, 0o600))
    try:
        with contextlib.suppress(FileExistsError):  # another was first
            os.link(part, path)
    finally:
        part.unlink()


@contextlib.contextmanager
def held(path: Path, what: str, *, wait_s: float = 0) -> Iterator[None]:
    """Hold a lock that the kernel drops with the process, or say who holds it.

    Args:
        path: the lock file; beside it `<name>.holder` says who holds it, for people only.
        what: the thing that is locked, for the message, e.g. "account 7654321098765432109".
        wait_s: seconds to wait for the one who holds it.

    Raises:
        AlreadyRunning: somebody else holds it; says which process, host, command, since when.
    """
    private_folder(path.parent)
    holder = path.with_name(path.name + ".holder")
    lock = FileLock(path, timeout=wait_s, mode=0o600)
    try:
        lock.acquire()
    except Timeout:
        raise AlreadyRunning(
            f"already running{_describe(holder)}",
            where=what,
            next_step="wait for it to end, then run this again",
        ) from None
    try:
        me = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            # An address given with --notify holds a secret.
            "command": redact(" ".join([Path(sys.argv[0]).name, *sys.argv[1:]]))[:200],
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        with contextlib.suppress(OSError):  # a full disk must not cost the lock, only its label
            holder.write_text(json.dumps(me))
        yield
    finally:
        with contextlib.suppress(OSError):
            holder.unlink()
        lock.release()


def _describe(holder: Path) -> str:
    try:
        who = json.loads(holder.read_text())
        return f": process {who['pid']} on {who['host']}, `{who['command']}`, since {who['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return " in another process"

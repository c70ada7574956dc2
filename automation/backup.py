"""What is sealed in a home folder, in one file that is itself sealed; and back into an empty home.

The file is a tar of escrow, sessions and local tokens, sealed for the home's key, which is not in
it: without the key the file is worth nothing. Jobs and records are not in it; records fill again.
"""

import io
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

import pyrage

from automation import seal
from automation.errors import EscrowFailed, UsageError
from automation.files import private_folder, sync_folder, write_private
from automation.rekey import SEALED
from automation.seal import Sealer
from automation.secret import Secret

_DRAFT = ".restore"
_MOST = 1 << 26
"""Bytes that one file of a home can have; the largest is what a page answered."""


def backup(home: Path, sealer: Sealer, target: Path) -> int:
    """Write everything that is sealed into one new file, forced to disk. Returns how many files.

    Each file is whole; what is written meanwhile by others is in it or not.

    Raises:
        UsageError: the target is there, or has no folder.
        EscrowFailed: the disk would not take it; no file is left there.
    """
    if seal.next_key(home) is not None:
        raise UsageError(
            "a change of keys was cut short here", next_step="finish it: pixelmint rekey"
        )
    if target.exists() or not target.absolute().parent.is_dir():
        why = "is there already" if target.exists() else "is in no folder that exists"
        raise UsageError(f"{target} {why}", next_step="name a new file")
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with tempfile.TemporaryFile(dir=target.absolute().parent) as plain:
            count = _pack(home, plain)
            plain.seek(0)
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as sealed:
                pyrage.encrypt_io(plain, sealed, [sealer.identities[0].to_public()])
                sealed.flush()
                os.fsync(sealed.fileno())
        part.replace(target)
        sync_folder(target.absolute().parent)
        return count
    except OSError as problem:
        reason = problem.strerror or type(problem).__name__
    finally:
        part.unlink(missing_ok=True)
    raise EscrowFailed(f"{target} was not written ({reason})", next_step="make room there")


def _pack(home: Path, file: IO[bytes]) -> int:
    count = 0
    with tarfile.open(fileobj=file, mode="w") as tar:
        for path in _files(home):
            try:
                blob = path.read_bytes()
            except FileNotFoundError:
                continue  # let go of meanwhile
            entry = tarfile.TarInfo(path.relative_to(home).as_posix())
            entry.size, entry.mode = len(blob), 0o600
            tar.addfile(entry, io.BytesIO(blob))
            count += 1
    return count


def _files(home: Path) -> Iterator[Path]:
    for part in SEALED:
        for path in sorted((home / part).rglob("*")):
            inside = path.relative_to(home / part).parts
            is_ours = path.suffix in (".age", ".json") or path.name == "asked"
            if path.is_file() and is_ours and not any(each.startswith(".") for each in inside):
                yield path


def restore(home: Path, given: Secret | None, source: Path) -> int:
    """Put back into an empty home what `backup` wrote. Returns how many files.

    Killed on the way, the same call begins anew; until it has ended nothing else opens the home.

    Args:
        home: PIXELMINT_HOME; only its key may be there.
        given: PIXELMINT_KEY, where the key comes from there.
        source: the file.

    Raises:
        UsageError: the home is not empty, the key is missing or not the one, the file is no backup.
            What is in the home is as it was.
        EscrowFailed: the disk would not take it.
    """
    draft = home / _DRAFT
    _refuse_a_used_home(home, draft)
    sealer = seal.found_sealer(home, given)
    if sealer is None:
        raise UsageError(
            "the key that sealed the backup is missing",
            next_step=f"give it in PIXELMINT_KEY_FILE, or put it into {home / 'key'}",
        )
    try:
        shutil.rmtree(draft, ignore_errors=True)
        private_folder(draft)
        count = _unpack(source, sealer, draft)
        for part in SEALED:
            shutil.rmtree(home / part, ignore_errors=True)  # of a call that was killed
            if (draft / part).exists():
                (draft / part).rename(home / part)
        sync_folder(home)
        write_private(home / "recipient", f"{sealer.recipient}\n".encode())
        draft.rmdir()
        return count
    except OSError as problem:
        reason = problem.strerror or type(problem).__name__
    raise EscrowFailed(f"{home} could not be filled ({reason})", next_step="make room there")


def _refuse_a_used_home(home: Path, draft: Path) -> None:
    began = draft.exists() and not (home / "recipient").exists()
    used = [part for part in SEALED if any((home / part).glob("*"))]
    if (home / "recipient").exists():
        used.append("a key that sealed something")
    if used and not began:
        raise UsageError(
            f"{home} is in use: it holds {', '.join(used)}",
            next_step="set PIXELMINT_HOME to a new folder, restore there, and look at both",
        )


def _unpack(source: Path, sealer: Sealer, draft: Path) -> int:
    count = 0
    fault = ""
    try:
        with source.open("rb") as sealed, tempfile.TemporaryFile(dir=draft) as plain:
            pyrage.decrypt_io(sealed, plain, sealer.identities)
            plain.seek(0)
            with tarfile.open(fileobj=plain, mode="r:") as tar:
                for entry in tar:
                    _put(tar, entry, draft)
                    count += 1
    except FileNotFoundError:
        fault = "is not there"
    except pyrage.DecryptError:
        fault = "cannot be opened: another key sealed it, or it is damaged"
    except OSError as problem:
        if problem.errno is not None:
            raise
        fault = "is damaged"  # what is left of it was opened, and then did not go on
    except (tarfile.TarError, ValueError) as problem:
        fault = f"is no backup of a home ({type(problem).__name__})"
    if fault:
        raise UsageError(f"{source} {fault}", next_step="nothing was restored; name another file")
    return count


def _put(tar: tarfile.TarFile, entry: tarfile.TarInfo, draft: Path) -> None:
    """Write one file; refuse what `backup` cannot have written.

    Raises:
        ValueError: it leads elsewhere, is no plain file, or is too large.
    """
    place = PurePosixPath(entry.name)
    content = tar.extractfile(entry) if entry.isreg() and entry.size <= _MOST else None
    if (
        content is None
        or place.is_absolute()
        or ".." in place.parts
        or place.parts[0] not in SEALED
    ):
        raise ValueError(entry.name)
    target = draft / place
    private_folder(target.parent)
    write_private(target, content.read())

"""`local:` keeps each token in a sealed file of its own, in the home folder.

    HOME/tokens/<PIXEL>.age            the current token
    HOME/tokens/<PIXEL>.previous.age   the one before it
    HOME/tokens/.lock                  held while one is written

Pixel, account, intent and fingerprint stand inside what is sealed and are checked on reading.
"""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar, Self

from automation.errors import AlreadyRunning, AutomationError, StoreFailed, UsageError
from automation.files import held, write_private
from automation.secret import Secret
from automation.stores.base import NotStored, Ref, Sealing, Template, parse_url

_KIND = "stored token"
"""Not plain "token": what the escrow sealed may not stand here by accident."""

_WAIT_S = 30
"""Longer than any writer ahead takes, two disks' forced writes each."""


class LocalStore:
    """Sealed files in `HOME/tokens`. One token a pixel, whatever account it was reached by."""

    name: ClassVar[str] = "local"

    def __init__(self, home: Path, sealer: Sealing, *, url: str = "local:") -> None:
        """Use this home folder and this key."""
        self.url = url
        self._folder = home / "tokens"
        self._sealer = sealer
        self._file_name = Template("{pixel}", url=url)

    @classmethod
    def open(cls, url: str, *, home: Path, sealer: Sealing) -> Self:
        """Build from `local:`, which takes nothing after the colon."""
        body, _ = parse_url(url)
        if body:
            raise UsageError(
                "local: takes no place of its own",
                where=url,
                next_step="write local: alone, and move it with PIXELMINT_HOME",
            )
        return cls(home, sealer, url=url)

    def where(self, ref: Ref) -> str:
        """Return the path of the sealed file."""
        return str(self._path(ref))

    def _path(self, ref: Ref, which: str = "") -> Path:
        return self._folder / f"{self._file_name.fill(ref)}{which}.age"

    def check(self) -> None:
        """Write, read back and remove a sealed record, and open one of those already there."""
        record = self._folder / ".check.part"
        with self._alone("cannot be written"):
            try:
                write_private(record, self._sealer.seal(_KIND, {"pixel": ""}, b"check"))
                same = self._sealer.open_any(record.read_bytes(), _KIND)[1] == b"check"
            finally:
                record.unlink(missing_ok=True)
            for there in sorted(self._folder.glob("[!.]*.age"))[:1]:
                self._sealer.open_any(there.read_bytes(), _KIND)
        if not same:
            raise StoreFailed("what was written reads back otherwise", where=self.url)

    def put(self, ref: Ref, token: Secret, *, intent: str) -> None:
        """Seal the token and force it to disk; what was there becomes the previous one."""
        path, previous = self._path(ref), self._path(ref, ".previous")
        with self._alone("token not written"):
            before = self._current(path)
            if before is not None:
                about = self._look(before, ref.pixel)
                if about["intent"] == intent:
                    return self._same(about, token, intent)
                older = self._current(previous)
                if older is not None and self._look(older, ref.pixel)["intent"] == intent:
                    return None  # stored once, replaced since: a late repeat must not undo that
                if about["fingerprint"] != token.fingerprint:
                    write_private(previous, before)
            write_private(path, self._sealed(ref, token, intent))
        return None

    @contextlib.contextmanager
    def _alone(self, failing: str) -> Iterator[None]:
        """Be the only writer, and turn trouble with the disk or the lock into StoreFailed."""
        try:
            with held(self._folder / ".lock", "the local store", wait_s=_WAIT_S):
                for part in self._folder.glob(".*.part"):
                    part.unlink()  # of a writer that was killed: nobody else is writing now
                yield
        except OSError as problem:
            raise self._failed(failing, problem) from None
        except AlreadyRunning as problem:
            raise StoreFailed(
                f"{failing}: {problem.happened}", where=self.url, next_step=problem.next_step
            ) from None

    def _same(self, about: dict[str, str], token: Secret, intent: str) -> None:
        if about["fingerprint"] != token.fingerprint:
            raise StoreFailed(
                f"intent {intent} has stored another token already",
                where=self.url,
                next_step="look at both: `pixelmint token` prints the stored one",
            )

    def _sealed(self, ref: Ref, token: Secret, intent: str) -> bytes:
        about = {
            "pixel": ref.pixel,
            "account": ref.account,
            "intent": intent,
            "fingerprint": token.fingerprint,
            "stored_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        return self._sealer.seal(_KIND, about, token.reveal().encode())

    def _look(self, blob: bytes, pixel: str) -> dict[str, str]:
        """Read what a file to be replaced is about; refuse to replace what cannot be read."""
        try:
            about, _ = self._open(blob, pixel)
        except UsageError as problem:
            raise StoreFailed(
                problem.happened, where=self.url, next_step=problem.next_step
            ) from None
        return about

    def get(self, ref: Ref) -> Secret:
        """Open the current token's file."""
        return self._get(ref, self._path(ref))

    def get_previous(self, ref: Ref) -> Secret:
        """Open the file of the token before the current one."""
        return self._get(ref, self._path(ref, ".previous"))

    def _get(self, ref: Ref, path: Path) -> Secret:
        try:
            blob = self._current(path)
        except OSError as problem:
            raise self._failed("token not read", problem) from None
        if blob is None:
            raise NotStored(
                "no token here", where=f"{self.url} pixel {ref.pixel}", next_step="generate one"
            )
        about, token = self._open(blob, ref.pixel)
        if ref.account not in ("", about["account"]):
            raise StoreFailed(
                f"the token here was generated in account {about['account']}",
                where=f"{self.url} pixel {ref.pixel}",
                next_step="ask for that account, or generate one in this account",
            )
        return token

    def _open(self, blob: bytes, pixel: str) -> tuple[dict[str, str], Secret]:
        about, body = self._sealer.open_any(blob, _KIND)
        token = Secret(body.decode())
        if about["pixel"] != pixel or about["fingerprint"] != token.fingerprint:
            raise StoreFailed(
                f"the file of pixel {pixel} holds something else: renamed, or damaged",
                where=self.url,
                next_step="put the file back where it was written, or delete it",
            )
        return about, token

    @staticmethod
    def _current(path: Path) -> bytes | None:
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None

    def _failed(self, what: str, problem: OSError) -> AutomationError:
        reason = problem.strerror or type(problem).__name__
        return StoreFailed(
            f"{what} ({reason})",
            where=f"{self.url} {self._folder}",
            next_step="make room or make the folder writable, then run `pixelmint recover`",
        )

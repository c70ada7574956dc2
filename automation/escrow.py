"""The sealed journal that holds a token from the instant it is shown.

One folder an intent, each file written beside, forced to disk, renamed, its folder forced to disk:

    <home>/escrow/<intent>/
        intent.json     what is about to be asked of the console; no secret
        asked           empty; there since just before the click
        seen-0001.age   what the page then answered or showed, sealed whole, in order of arrival
        token.age       the token that was agreed on
        proven          empty; there once a renewed token was seen to work
        settled.json    how it ended: stored where, or the console's error; no secret

An intent without `settled.json` is open: a crash, a failing store, or a token nobody could read.
A person can open every `.age` file with the `age` program and the key.
"""

import contextlib
import json
import os
import secrets
import shutil
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from automation.errors import EscrowFailed, UsageError
from automation.files import private_folder, sync_folder, write_private
from automation.seal import Sealer
from automation.secret import Secret

_RESERVE = 1 << 20
"""Bytes laid aside with each intent, given back to the disk when it is full at the wrong moment."""
_TAKE = "take what the page showed"
_KEPT_SETTLED = 2
"""Settled intents kept a pixel: the newest, and the one before it in case the newest is wrong."""


@dataclass(frozen=True)
class Intent:
    """One question about to be put to the console: at most one token comes of it."""

    id: str
    """Sortable by time and unique; also the id under which a store files the token."""
    pixel: str
    account: str
    profile: str
    at: str
    """When, in UTC, ISO 8601."""
    stores: tuple[str, ...] = ()
    """Store URLs the token is meant for."""
    name: str = ""
    replaces: bool = False
    """True when a token was known to exist and replacing it was asked for."""
    deliver: tuple[str, ...] = ()
    """Destinations the token is to be given to once it is stored."""
    rotates: bool = False
    """True when the token must be proven to work before it becomes the current one."""

    @property
    def about(self) -> dict[str, str]:
        """What stands inside everything sealed for this intent."""
        return {"intent": self.id, "pixel": self.pixel, "account": self.account}


@dataclass(frozen=True)
class Receipt:
    """Proof that a token is on disk. Holds no secret."""

    intent: str
    fingerprint: str


class Escrow:
    """The journal of one home folder."""

    def __init__(self, home: Path, sealer: Sealer) -> None:
        """Open the journal under `home`; nothing is created before it is needed."""
        self._root = home / "escrow"
        self._sealer = sealer
        self._writing = threading.Lock()
        """Lanes are threads: what is numbered or refused by what lies there is so one at a time."""

    def check(self) -> None:
        """Write a sealed test record, read it back and remove it.

        Raises:
            EscrowFailed: the disk would not take it, or gave back something else.
        """
        nonce = secrets.token_hex(16)
        with self._disk("take a test record"):
            path = private_folder(self._root) / f".check-{nonce}"
            try:
                # As large as what an intent may need, so that a nearly full disk is noticed here.
                body = nonce.encode() + bytes(_RESERVE)
                write_private(path, self._sealer.seal("check", {}, body))
                if not self._holds(path, body):
                    raise EscrowFailed(
                        "escrow gave back something else than it was given",
                        where=str(self._root),
                        next_step="look at that disk, or set PIXELMINT_HOME to a folder elsewhere",
                    )
            finally:
                path.unlink(missing_ok=True)

    def begin(self, pixel: str, *, again: bool = False) -> None:
        """Say that a pixel is looked at from now on, or again: with what was seen before void."""

    def may_ask(self, pixel: str, *, replace: bool) -> None:
        """Refuse where another machine's question about a pixel stands in the way.

        Here nobody else can have put one; see `automation.claims.SharedEscrow`.
        """

    def intend(
        self,
        pixel: str,
        account: str,
        profile: str,
        *,
        stores: tuple[str, ...] = (),
        name: str = "",
        replaces: bool = False,
        deliver: tuple[str, ...] = (),
        rotates: bool = False,
    ) -> Intent:
        """Put on disk that the console is about to be asked.

        Raises:
            EscrowFailed: the disk would not take it. Do not click.
        """
        at = datetime.now(UTC)
        unique = f"{at:%Y%m%dT%H%M%S.%fZ}-{pixel}-{secrets.token_hex(3)}"
        intent = Intent(
            unique,
            pixel,
            account,
            profile,
            at.isoformat(),
            stores,
            name,
            replaces,
            deliver,
            rotates,
        )
        with self._disk("take the intent"):
            # Prepared under a dotted name, so that an intent is there whole or not at all.
            draft = private_folder(self._root) / f".{unique}"
            sync_folder(self._root.parent)  # the root may be new, and is to survive a power cut too
            private_folder(draft)
            try:
                write_private(draft / "reserve", secrets.token_bytes(_RESERVE))
                write_private(draft / "intent.json", json.dumps(asdict(intent), indent=1).encode())
                draft.rename(self._root / unique)
            except OSError:
                shutil.rmtree(draft, ignore_errors=True)  # the disk is full enough without it
                raise
            sync_folder(self._root)
        return intent

    def ask(self, intent: Intent) -> None:
        """Put on disk that the click comes now: from here on a token may have been issued.

        Raises:
            EscrowFailed: the disk would not take it. Do not click.
        """
        with self._disk("take the intent"):
            write_private(self._root / intent.id / "asked", b"")

    def asked(self, intent: Intent) -> bool:
        """Tell whether the console can have been asked for this intent."""
        return (self._root / intent.id / "asked").exists()

    def see(self, intent: Intent, body: bytes) -> None:
        """Seal something the page answered or showed, and force it to disk.

        Raises:
            EscrowFailed: the bytes are not on disk, not even with the reserve given back.
        """
        folder = self._root / intent.id
        with self._writing, self._disk(_TAKE):
            number = 1 + len(list(folder.glob("seen-*.age")))
            while (path := folder / f"seen-{number:04}.age").exists():
                number += 1
            self._seal(path, "seen", intent, body)

    def seen(self, intent: Intent) -> list[bytes]:
        """Return what was sealed with `see`, in order of arrival."""
        files = sorted((self._root / intent.id).glob("seen-*.age"))
        return [self._sealer.open(each.read_bytes(), "seen", intent.about) for each in files]

    def keep(self, intent: Intent, token: Secret) -> Receipt:
        """Seal the token that was agreed on and force it to disk, once per intent.

        Raises:
            EscrowFailed: the bytes are not on disk, or another token stands there already.
        """
        with self._writing, self._disk(_TAKE):
            already = self.token(intent)
            if already is not None and already != token:
                raise EscrowFailed(f"another token is already kept for intent {intent.id}")
            if already is None:
                path = self._root / intent.id / "token.age"
                self._seal(path, "token", intent, token.reveal().encode())
        return Receipt(intent.id, token.fingerprint)

    def token(self, intent: Intent) -> Secret | None:
        """Return the token kept for an intent, or None."""
        try:
            blob = (self._root / intent.id / "token.age").read_bytes()
        except FileNotFoundError:
            return None
        return Secret(self._sealer.open(blob, "token", intent.about).decode())

    def prove(self, intent: Intent) -> None:
        """Put on disk that the token works; one that was rejected before is open again.

        Raises:
            EscrowFailed: the disk would not take it.
        """
        folder = self._root / intent.id
        with self._disk("note that a token works"):
            write_private(folder / "proven", b"")
            (folder / "settled.json").unlink(missing_ok=True)
            sync_folder(folder)

    def proven(self, intent: Intent) -> bool:
        """Tell whether the token was seen to work."""
        return (self._root / intent.id / "proven").exists()

    def settle(self, intent: Intent, outcome: str, **facts: Any) -> None:
        """Close an intent, saying how it ended, and let go of what nothing needs any more.

        Args:
            intent: as returned by `intend`.
            outcome: "stored", or the code of the error with which the console declined.
            facts: whatever a later look needs to know; no secret.
        """
        folder = self._root / intent.id
        settled = {"outcome": outcome, "at": datetime.now(UTC).isoformat(), **facts}
        with self._disk("close the intent"):
            (folder / "reserve").unlink(missing_ok=True)
            write_private(folder / "settled.json", json.dumps(settled, indent=1).encode())
        if outcome == "stored":
            # The intent is closed; that something older cannot be read or removed is no failure.
            with contextlib.suppress(UsageError, OSError):
                self._let_go(intent)

    def settled(self, intent: Intent) -> dict[str, Any] | None:
        """Return how an intent ended, or None while it is open.

        Raises:
            UsageError: what is written there cannot be read.
        """
        folder = self._root / intent.id
        try:
            facts: dict[str, Any] = json.loads((folder / "settled.json").read_bytes())
            return facts | {"outcome": facts["outcome"]}
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as problem:
            raise _unreadable(folder, problem) from None

    def intents(self, pixel: str = "", since: datetime | None = None) -> list[Intent]:
        """Return the intents, oldest first: of one pixel, or since a time, when that is given."""
        first = f"{since:%Y%m%dT%H%M%S}" if since else ""
        return list(self._read(f"-{pixel}-" if pixel else "", first))

    def last_intended(self, account: str, since: datetime) -> datetime | None:
        """Return when an account was last about to be asked, if that is since a time."""
        mine = [each.at for each in self.intents(since=since) if each.account == account]
        return datetime.fromisoformat(mine[-1]) if mine else None

    def give_back(self, intent: Intent) -> None:
        """Return the reserve of an intent that stays open, when nothing more can come of it."""
        with contextlib.suppress(OSError):  # what cannot be removed stays, and harms nobody
            (self._root / intent.id / "reserve").unlink(missing_ok=True)

    def unsettled(self) -> list[Intent]:
        """Return the open intents, oldest first."""
        return [each for each in self._read() if self.settled(each) is None]

    def _read(self, part: str = "", first: str = "") -> Iterator[Intent]:
        if not self._root.is_dir():
            return
        # Names, not paths: of ten thousand, nine thousand and more are passed by each time.
        for name in sorted(os.listdir(self._root)):
            if part not in name or name.startswith(".") or name < first:
                continue
            folder = self._root / name
            try:
                facts = json.loads((folder / "intent.json").read_bytes())
                stores, deliver = tuple(facts["stores"]), tuple(facts.get("deliver", ()))
                yield Intent(**facts | {"stores": stores, "deliver": deliver})
            except (OSError, ValueError, KeyError, TypeError) as problem:
                if folder.exists():  # else another process let go of it meanwhile
                    raise _unreadable(folder, problem) from None

    def _holds(self, path: Path, body: bytes) -> bool:
        try:
            return self._sealer.open(path.read_bytes(), "check", {}) == body
        except UsageError:
            return False

    def _seal(self, path: Path, kind: str, intent: Intent, body: bytes) -> None:
        blob = self._sealer.seal(kind, intent.about, body)
        try:
            write_private(path, blob)
        except OSError:
            # The disk filled up after the check. A token is worth more than the reserve.
            (path.parent / "reserve").unlink(missing_ok=True)
            write_private(path, blob)

    def _let_go(self, intent: Intent) -> None:
        """Remove older records of the same pixel that a later stored token has made needless."""
        older = [each for each in self.intents(intent.pixel) if each.id < intent.id]
        stored = [each for each in older if (self.settled(each) or {}).get("outcome") == "stored"]
        spare = {each.id for each in stored[-(_KEPT_SETTLED - 1) :]}
        for each in older:
            # An open intent whose token is kept still has a store to reach: never removed.
            if each.id in spare or (self.settled(each) is None and self.token(each) is not None):
                continue
            # Renamed first: killed half-way, what is left must not be taken for a damaged record.
            (self._root / each.id).rename(self._root / f".{each.id}")
        # With them goes what was killed while it was made or removed.
        for folder in self._root.glob(f".*-{intent.pixel}-*"):
            if folder.name[1:] < intent.id:
                shutil.rmtree(folder, ignore_errors=True)

    @contextlib.contextmanager
    def _disk(self, doing: str) -> Iterator[None]:
        try:
            yield
        except OSError as problem:
            reason = problem.strerror or type(problem).__name__
        else:
            return
        raise EscrowFailed(
            f"escrow could not {doing} ({reason})",
            where=str(self._root),
            next_step="free some space or make the folder writable, or set PIXELMINT_HOME",
        )


def _unreadable(folder: Path, problem: Exception) -> UsageError:
    # Left untouched on purpose: what lies there may be the only copy of a token.
    return UsageError(
        f"the escrow record {folder} cannot be read ({type(problem).__name__})",
        next_step="move that folder somewhere safe and run `pixelmint recover` again",
    )

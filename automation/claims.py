"""What is asked of the console on which machine: one row a pixel, in a database they share.

A machine's own escrow says what was asked there, and no other machine can read it. So before the
click an intent is claimed here, against what was seen when the work on the pixel began: of two
machines one alone gets through, also where one of them was frozen in between.
"""

import contextlib
import logging
import os
import socket
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automation.database import Database, define, time_down, time_up
from automation.errors import AutomationError, EscrowFailed, TokenUnread
from automation.escrow import Escrow, Intent
from automation.leases import Leases, LostLease
from automation.seal import Sealer

if TYPE_CHECKING:
    from sqlalchemy import Column, Table

log = logging.getLogger(__name__)

GONE = timedelta(hours=1)
"""Longer than any question takes: only after it may an open one of elsewhere be set aside."""
_TRIES = 3


@dataclass(frozen=True)
class Claim:
    """The last question about a pixel, whichever machine put it."""

    pixel: str
    account: str
    intent: str
    host: str
    """Which machine, and which process there, for people."""
    at: str
    """When, UTC, ISO 8601."""
    is_open: bool
    """Whether its token may lie in that machine's escrow and nowhere else."""


class Claims:
    """The table of claims."""

    def __init__(self, database: Database) -> None:
        """Remember where; nothing is opened before the first use."""
        self._database = database

    def get(self, pixel: str) -> Claim | None:
        """Return the last claim of a pixel, or None."""
        table = _table()
        with self._database.using(table) as connection:
            row = connection.execute(table.select().where(table.c.pixel == pixel)).first()
        return None if row is None else Claim(**row._mapping)

    def take(self, intent: Intent, after: str | None) -> None:
        """Claim an intent, if the pixel's last claim still is the one that was seen.

        Args:
            intent: about to be asked.
            after: the intent of the claim that was seen before; None where there was none.

        Raises:
            LostLease: another machine has claimed one since. Do not click.
            EscrowFailed: the database does not answer. Do not click.
        """
        at = time_down(datetime.now(UTC))
        row = Claim(intent.pixel, intent.account, intent.id, _here(), at, is_open=True)
        for left in reversed(range(_TRIES)):
            try:
                self._write(row, after)
                break
            except EscrowFailed:  # it may have been written all the same
                if not left:
                    raise
        found = self.get(intent.pixel)
        if found is None or found.intent != intent.id:
            raise LostLease(
                "another machine has asked for a token meanwhile",
                where=f"pixel {intent.pixel}",
                next_step="run it again; what that machine stored is kept",
            )

    def last(self, account: str) -> datetime | None:
        """Return when a pixel of an account was last claimed, by any machine."""
        from sqlalchemy import func, select

        table = _table()
        with self._database.using(table) as connection:
            asked = select(func.max(table.c.at)).where(table.c.account == account)
            at: str | None = connection.execute(asked).scalar()
        return time_up(at) if at else None

    def close(self, intent: Intent) -> None:
        """Say that nothing of an intent lies in this machine's escrow alone any more."""
        table = _table()
        mine = (table.c.pixel == intent.pixel) & (table.c.intent == intent.id)
        with self._database.using(table) as connection:
            connection.execute(table.update().where(mine).values(is_open=False))

    def _write(self, row: Claim, after: str | None) -> None:
        table = _table()
        values: dict[str, Any] = {each.name: getattr(row, each.name) for each in fields(Claim)}
        with self._database.using(table) as connection:
            if after is not None:
                seen = (table.c.pixel == row.pixel) & (table.c.intent == after)
                connection.execute(table.update().where(seen).values(values))
                return
            there = table.select().where(table.c.pixel == row.pixel)
            if connection.execute(there).first() is None:
                from sqlalchemy.exc import IntegrityError

                with contextlib.suppress(IntegrityError):  # another was first
                    connection.execute(table.insert().values(values))


class SharedEscrow(Escrow):
    """The journal of one machine of several: what it asks is claimed among all of them."""

    def __init__(self, home: Path, sealer: Sealer, claims: Claims, leases: Leases) -> None:
        """Open the journal under `home`; see `Escrow`."""
        super().__init__(home, sealer)
        self._claims, self._leases = claims, leases
        self._begun: dict[str, str | None] = {}

    def begin(self, pixel: str, *, again: bool = False) -> None:
        """Remember what is claimed as a pixel is first looked at; see `Escrow.begin`."""
        if pixel in self._begun and not again:
            return  # its page may have been opened since
        claim = self._claims.get(pixel)
        self._begun[pixel] = claim.intent if claim else None

    def may_ask(self, pixel: str, *, replace: bool) -> None:
        """Refuse where another machine has asked since, or may hold what it asked for.

        Raises:
            LostLease: it has asked since `begin`: begin again.
            TokenUnread: what it asked for is not stored.
        """
        claim = self._claims.get(pixel)
        if claim is None or self._is_here(claim):
            return
        if claim.intent != self._begun.get(pixel):
            raise LostLease("another machine has asked for a token meanwhile", where=pixel)
        at = time_up(claim.at)
        if claim.is_open and not (replace and datetime.now(UTC) - at > GONE):
            raise TokenUnread(
                f"a token was asked for at {at:%Y-%m-%d %H:%M:%S} UTC by {claim.host}, "
                "and is not known to be stored",
                where=f"pixel {pixel}",
                next_step="run `pixelmint recover` on that machine; where it is gone, "
                "`generate --replace` makes another, an hour after that time",
            )

    def ask(self, intent: Intent) -> None:
        """Claim the intent, then do as `Escrow.ask`.

        Raises:
            LostLease: the account or the pixel is another machine's by now. Do not click.
            EscrowFailed: disk or database would not take it. Do not click.
        """
        self._leases.prove(f"account {intent.account}")
        self._claims.take(intent, self._begun.get(intent.pixel))
        self._begun[intent.pixel] = intent.id
        super().ask(intent)

    def last_intended(self, account: str, since: datetime) -> datetime | None:
        """Return when an account was last asked, by any machine."""
        found = [super().last_intended(account, since), self._claims.last(account)]
        return max((each for each in found if each is not None and each >= since), default=None)

    def settle(self, intent: Intent, outcome: str, **facts: Any) -> None:
        """Close the intent here, then for the others."""
        super().settle(intent, outcome, **facts)
        self._close(intent)

    def _is_here(self, claim: Claim) -> bool:
        mine = next((each for each in self.intents(claim.pixel) if each.id == claim.intent), None)
        if mine is not None and claim.is_open and self.settled(mine) is not None:
            self._close(mine)  # it ended between the two
        return mine is not None

    def _close(self, intent: Intent) -> None:
        try:
            self._claims.close(intent)
        except AutomationError as problem:
            log.warning("%s; other machines wait until `recover` is run here", problem.message)


def _here() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"


def _table() -> "Table":
    return define("claims", _columns)


def _columns() -> "list[Column[Any]]":
    from sqlalchemy import Boolean, Column, String

    return [
        Column(
            each.name,
            Boolean() if each.name == "is_open" else String(),
            primary_key=each.name == "pixel",
            nullable=False,
        )
        for each in fields(Claim)
    ]

"""Something done at its times, once among all processes that keep the same schedule.

What was last dealt with is kept in the database of the home folder, or in the one that machines
share. Whoever does it holds a lock that goes with its process.
"""

import contextlib
import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from automation.cron import Cron
from automation.database import Database, define, time_down, time_up, upsert
from automation.errors import AlreadyRunning, EscrowFailed
from automation.files import held

if TYPE_CHECKING:
    from sqlalchemy import Column, Table

LATE = timedelta(minutes=5)
"""From here on a time counts as missed."""
_SLICE_S = 30.0
"""A machine that slept, or whose clock was set, is noticed so soon."""
_RETRY = timedelta(seconds=5)


State = Literal["first", "begun", "done", "skipped"]
"""`first`: the schedule was first started then, and nothing before it was missed."""


@dataclass(frozen=True)
class Night:
    """One time of a schedule, UTC, and what became of it."""

    due: datetime
    state: State
    by: str = field(default_factory=lambda: f"{os.uname().nodename} process {os.getpid()}")


class Ledger(Protocol):
    """What all processes of one schedule share; see `Nights`. Raises EscrowFailed."""

    def alone(self) -> contextlib.AbstractContextManager[bool]:
        """Hold the lock; gives False where another process has it."""
        ...

    def read(self) -> Night | None:
        """Return what was last dealt with."""
        ...

    def write(self, night: Night) -> None:
        """Put this in its place."""
        ...


class Clock:
    """The machine's clock; tests move one of their own."""

    def now(self) -> datetime:
        """Return the time, UTC."""
        return datetime.now(UTC)

    def wait(self, until: datetime, stop: threading.Event) -> None:
        """Return at a time, or when told to stop."""
        while not stop.is_set() and (left := (until - self.now()).total_seconds()) > 0:
            stop.wait(min(left, _SLICE_S))


@dataclass
class Keeping:
    """A schedule that is kept by this process, beside others perhaps."""

    cron: Cron
    ledger: Ledger
    do: Callable[[datetime], None]
    """Does what the schedule is for; takes the time it is for, UTC. What it raises ends all."""
    catch_up: bool
    """A time that was missed is made up for, the latest of them once; else it is left out."""
    tell: Callable[[str], None]
    """Takes a line a person should read."""
    before: Callable[[datetime], None]
    """Is called with the next time, ahead of the wait for it."""
    stop: threading.Event = field(default_factory=threading.Event)
    """Ends the wait. `do` has to look at it by itself."""
    clock: Clock = field(default_factory=Clock)
    _told: str = ""

    def keep(self) -> None:
        """Do it at its times until told to stop."""
        while not self.stop.is_set():
            now = self.clock.now()
            try:
                until = self._turn(now)
            except EscrowFailed as problem:  # a database that is away for a while
                self._once(problem.message)
                until = now + _RETRY
            if until is not None:
                self.clock.wait(until, self.stop)

    def _turn(self, now: datetime) -> datetime | None:
        """Do what is due, if anything is; return until when to wait."""
        with self.ledger.alone() as mine:
            due = self._due(now) if mine else None
            if due is not None:
                self._deal(due, is_late=now - due > LATE)
                return None
        if not mine:
            self._once("another process does this run; waiting for its end")
            return now + _RETRY
        upcoming = self.cron.after(now)
        if self._told != upcoming.isoformat():
            self._told = upcoming.isoformat()
            self.before(upcoming)
        return upcoming

    def _due(self, now: datetime) -> datetime | None:
        last = self.ledger.read()
        if last is None:
            self.ledger.write(Night(now, "first"))
            return None
        latest = self.cron.latest(last.due, now) if last.due < now else None
        if latest is None and last.state == "begun":
            return last.due  # whoever began it is gone: its lock is free
        return latest

    def _deal(self, due: datetime, *, is_late: bool) -> None:
        when = self.cron.shown(due)
        if is_late and not self.catch_up:
            self.tell(f"the run of {when} was missed; it is left out, as told by --skip")
            self.ledger.write(Night(due, "skipped"))
            return
        if is_late:
            self.tell(f"the run of {when} was missed, or cut short; it is made up for now")
        self.ledger.write(Night(due, "begun"))
        self.do(due)
        self.ledger.write(Night(due, "done"))

    def _once(self, line: str) -> None:
        if self._told != line:
            self._told = line
            self.tell(line)


class Nights:
    """The ledger of one schedule: a row of the database, and a lock that goes with its holder."""

    def __init__(self, home: Path, database: Database, key: str, shared: str | None = None) -> None:
        """Remember where; nothing is opened yet.

        Args:
            home: PIXELMINT_HOME.
            database: where the row is.
            key: what makes it the same schedule: its times, whose, what is done.
            shared: the database's address where several machines share it; the lock is there then.
        """
        self._database, self._key, self._shared = database, key, shared
        name = hashlib.sha256(key.encode()).hexdigest()[:12]
        self._lock = home / "locks" / f"schedule-{name}"

    @contextlib.contextmanager
    def alone(self) -> Iterator[bool]:
        """Hold the lock; gives False where another process has it."""
        if self._shared is not None:
            with _advisory(self._shared, self._key) as mine:
                yield mine
            return
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(held(self._lock, "the schedule"))
            except AlreadyRunning:
                mine = False
            else:
                mine = True
            yield mine

    def read(self) -> Night | None:
        """Return what was last dealt with."""
        table = _table()
        with self._database.using(table) as connection:
            row = connection.execute(table.select().where(table.c.key == self._key)).first()
        if row is None:
            return None
        kept = row._mapping
        return Night(time_up(kept["due"]), kept["state"], kept["done_by"])

    def write(self, night: Night) -> None:
        """Put this in its place."""
        table = _table()
        changes = {"due": time_down(night.due), "state": night.state, "done_by": night.by}
        with self._database.using(table) as connection:
            upsert(connection, table, {"key": self._key}, changes)


def _table() -> "Table":
    def columns() -> "Iterable[Column[Any]]":
        from sqlalchemy import Column, String

        yield Column("key", String(), primary_key=True)
        for name in ("due", "state", "done_by"):
            yield Column(name, String(), nullable=False)

    return define("nights", columns)


@contextlib.contextmanager
def _advisory(url: str, key: str) -> Iterator[bool]:
    """Try a lock of the shared database, held by a connection of its own."""
    from sqlalchemy import create_engine, pool, text
    from sqlalchemy.exc import SQLAlchemyError

    address = url.replace("postgresql://", "postgresql+psycopg://", 1)
    with contextlib.ExitStack() as stack:
        try:
            engine = create_engine(address, poolclass=pool.NullPool, isolation_level="AUTOCOMMIT")
            connection = stack.enter_context(engine.connect())
            asked = text("select pg_try_advisory_lock(hashtextextended(:key, 8))")
            mine = bool(connection.execute(asked, {"key": key}).scalar())
        except SQLAlchemyError as problem:
            kind = type(problem).__name__  # its words repeat the address, with its password
        else:
            yield mine
            return
    raise EscrowFailed(
        f"the shared database cannot be reached ({kind})",
        where="PIXELMINT_DATABASE_URL",
        next_step="look at its server; what was done is safe",
    )

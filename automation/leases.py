"""Locks in the database that many machines share: whoever is gone, or frozen, loses its own.

A lock belongs to a session of PostgreSQL and ends with it. The server ends a session that has
been silent for longer than the lease, on its own clock; a thread here speaks up in time. So a
process that is killed, frozen or cut off loses its locks without anybody having to judge it, and
whoever was away asks `Hold.prove` before what cannot be undone.
"""

import contextlib
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from automation.database import Away, driven
from automation.errors import AlreadyRunning

if TYPE_CHECKING:
    from sqlalchemy import Connection

log = logging.getLogger(__name__)

LEASE_S = 15.0
_LOOK_S = 0.5
_AWAY_S = 120.0
"""How long a database that does not answer is waited for: a restart, a failover."""
_KEY = "hashtextextended(:name, 7)"
_HOLDER = f"""
    select s.application_name || '`, since ' || to_char(s.backend_start at time zone 'UTC',
        'YYYY-MM-DD"T"HH24:MI:SS')
    from pg_locks l join pg_stat_activity s using (pid)
    where l.locktype = 'advisory' and l.granted and l.objsubid = 1
        and (l.classid::bigint << 32) | l.objid::bigint = {_KEY} limit 1
"""  # noqa: S608  the key's own expression


class LostLease(AlreadyRunning):
    """A lock was lost on the way: another may have been at it. Nothing that counts was done."""


class Hold:
    """A lock that was taken; see `prove`."""

    def __init__(self, leases: "Leases", session: int, what: str) -> None:
        self._leases, self._session, self._what = leases, session, what

    def prove(self) -> None:
        """Make sure that the lock was held without a gap since it was taken, and still is.

        Raises:
            LostLease: it was not.
        """
        if not self._leases.alive(self._session):
            raise LostLease(
                "this process was away for longer than its lease, or the database was",
                where=self._what,
                next_step="run it again; what another machine did meanwhile is taken over",
            )


class Leases:
    """The locks of this process, in one session of a shared database."""

    def __init__(self, url: str, lease_s: float = LEASE_S) -> None:
        """Remember where; nothing is opened before the first lock.

        Args:
            url: `postgresql://...`.
            lease_s: for how long, in seconds, the locks of a silent process are kept.
        """
        self._url, self.lease_s = url, lease_s
        self._guard = threading.RLock()
        self._holds: dict[str, Hold] = {}
        self._over = threading.Event()
        self._connection: Connection | None = None
        self._number = 0
        """Of the session, counted up with each new one."""
        self._keeper: threading.Thread | None = None

    @contextlib.contextmanager
    def held(self, name: str, *, wait_s: float = 0) -> Iterator[Hold]:
        """Hold a lock among all machines. Within one process it excludes nobody.

        Args:
            name: the lock's name, e.g. "account 7654321098765432109".
            wait_s: seconds to wait for whoever holds it.

        Raises:
            AlreadyRunning: another holds it; says which process, host, command, since when.
            Away: the database does not answer.
        """
        deadline, pause = time.monotonic() + wait_s, threading.Event()
        while not (session := self.take(name)):
            if time.monotonic() >= deadline:
                raise AlreadyRunning(
                    f"already running{self._describe(name)}",
                    where=name,
                    next_step="wait for it to end, then run this again",
                )
            pause.wait(_LOOK_S)
        hold = self._holds[name] = Hold(self, session, name)
        try:
            yield hold
        finally:
            self._holds.pop(name, None)
            self._give_up(name, session)

    def prove(self, name: str) -> None:
        """Make sure that a lock is held here, without a gap since it was taken; see `Hold.prove`.

        Raises:
            LostLease: it is not.
        """
        hold = self._holds.get(name)
        if hold is None:
            raise LostLease("it is not locked here", where=name)
        hold.prove()

    def take(self, name: str) -> int:
        """Take a lock if it is free, until the process ends.

        Returns:
            int: the number of the session that has it now; 0 where another has it.

        Raises:
            Away: the database does not answer.
        """
        taken, session = self._ask(f"select pg_try_advisory_lock({_KEY})", name)
        return session if taken else 0

    def is_free(self, name: str) -> bool:
        """Tell whether nobody else holds a lock."""
        session = self.take(name)
        self._give_up(name, session)
        return bool(session)

    def alive(self, session: int) -> bool:
        """Ask the server whether the session of that number is there, with all its locks."""
        with self._guard:
            while self._connection is not None and self._number == session:
                asked_at = _now()
                try:
                    self._run(self._connection, "select 1")
                except Exception as problem:  # whatever the driver calls a lost session
                    self._lose(problem)
                    return False
                # Frozen while it waited, it would read an answer from before its locks went.
                if _now() - asked_at < self.lease_s / 2:
                    return True
            return False

    def close(self) -> None:
        """End the session, and with it every lock."""
        self._over.set()
        if self._keeper is not None:
            self._keeper.join()
        with self._guard:
            self._drop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _give_up(self, name: str, session: int) -> None:
        with self._guard:
            if self._connection is not None and self._number == session:
                try:
                    self._run(self._connection, f"select pg_advisory_unlock({_KEY})", name)
                except Exception as problem:  # it went with the session, then
                    self._lose(problem)

    def _describe(self, name: str) -> str:
        found, _ = self._ask(_HOLDER, name)
        return f": process {found}" if found else " in another process"

    def _ask(self, statement: str, name: str) -> tuple[Any, int]:
        """Ask for one value, in a new session where the old one was lost; tell which it was."""
        from sqlalchemy.exc import DBAPIError

        deadline, pause = time.monotonic() + _AWAY_S, threading.Event()
        while True:
            with self._guard:
                try:
                    return self._run(self._session(), statement, name), self._number
                except DBAPIError as problem:
                    self._lose(problem)
                    kind = type(problem).__name__
            if not self._number or time.monotonic() >= deadline or self._over.is_set():
                break
            pause.wait(_LOOK_S)
        raise Away(
            f"the shared database does not answer ({kind})",
            next_step="look at PIXELMINT_DATABASE_URL and its server; the same command goes on",
        )

    @staticmethod
    def _run(connection: "Connection", statement: str, name: str = "") -> Any:
        from sqlalchemy import text

        return connection.execute(text(statement), {"name": name} if name else {}).scalar()

    def _session(self) -> "Connection":
        if self._connection is not None:
            return self._connection
        from sqlalchemy import create_engine, pool

        arguments = {
            "connect_timeout": 10,
            "tcp_user_timeout": int(self.lease_s * 1000),
            "application_name": _me(),
        }
        engine = create_engine(driven(self._url), poolclass=pool.NullPool, connect_args=arguments)
        connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        limit = "select set_config('idle_session_timeout', :name, false)"
        self._run(connection, limit, str(int(self.lease_s * 1000)))
        self._connection = connection
        self._number += 1
        if self._keeper is None:
            self._keeper = threading.Thread(target=self._keep, name="leases", daemon=True)
            self._keeper.start()
        return connection

    def _keep(self) -> None:
        while not self._over.wait(self.lease_s / 4):
            with self._guard:
                if self._connection is not None:
                    self.alive(self._number)

    def _lose(self, problem: Exception) -> None:
        log.debug("the session of the locks was lost: %s", type(problem).__name__)
        self._drop()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):  # it may be gone already
                connection.invalidate()
                connection.close()


def _now() -> float:
    """Return seconds that go on while this process is stopped, and where known this machine too."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


def _me() -> str:
    command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])
    return f"{os.getpid()} on {socket.gethostname()}, `{command}"[:63]

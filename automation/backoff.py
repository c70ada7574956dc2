"""What keeps failing is tried less and less often: an hour's rest, doubling up to 32. No secret."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from automation.database import Database, define, time_down, time_up, upsert

if TYPE_CHECKING:
    from sqlalchemy import Table

_DOUBLINGS = 5


def rest(failures: int) -> timedelta:
    """Return how long to rest after so many failures in a row, from 1."""
    return timedelta(hours=1 << min(failures - 1, _DOUBLINGS))


class Backoff:
    """The table of what fails, by name. Losing it costs a try too many, nothing else."""

    def __init__(self, database: Database) -> None:
        """Remember where; nothing is opened before the first use."""
        self._database = database

    def failed(self, name: str, at: datetime | None = None) -> None:
        """Count one more failure in a row.

        Raises:
            EscrowFailed: the disk or the database would not take it.
        """
        table = _table()
        with self._database.using(table) as connection:
            found = connection.execute(table.select().where(table.c.name == name)).first()
            failures = 1 + (found.failures if found else 0)
            at = at or datetime.now(UTC)
            changes = {"failures": failures, "rests_until": time_down(at + rest(failures))}
            upsert(connection, table, {"name": name}, changes)

    def succeeded(self, name: str) -> None:
        """Forget what failed before."""
        table = _table()
        with self._database.using(table) as connection:
            connection.execute(table.delete().where(table.c.name == name))

    def resting(self, at: datetime | None = None) -> dict[str, datetime]:
        """Return until when, in UTC, each name rests that does so at that moment."""
        table, now = _table(), time_down(at or datetime.now(UTC))
        with self._database.using(table) as connection:
            rows = connection.execute(table.select().where(table.c.rests_until > now))
            return {row.name: time_up(row.rests_until) for row in rows}


def _table() -> "Table":
    def columns() -> list[Any]:
        from sqlalchemy import Column, Integer, String

        return [
            Column("name", String(), primary_key=True),
            Column("failures", Integer, nullable=False),
            Column("rests_until", String(), nullable=False),
        ]

    return define("backoff", columns)

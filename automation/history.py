"""What was done, one row each time, only ever added to: for the report's charts. No secret.

Bounded: the newest `MOST` rows stay. Nothing depends on it, so it may be lost.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from automation.database import Database, define, time_down, time_up

if TYPE_CHECKING:
    from sqlalchemy import Column, Table

MOST = 20_000
"""So many rows are kept; at a hundred bytes or two each, a few megabytes."""


@dataclass(frozen=True)
class Entry:
    """One pixel's turn in one run."""

    run: str
    """The invocation it belongs to."""
    command: str
    """The kind of work: "generate", "rotate", "recover", ..."""
    pixel: str
    account: str
    """The advertiser id; empty where it was never learnt."""
    outcome: str
    """As in the contract's results."""
    code: str | None
    """The error's code; None where it went well. Its message may name people, and is left out."""
    seconds: float
    phases: Mapping[str, float] = field(default_factory=dict)
    """Step -> seconds, in the order they came; of a failure the last is the one it failed in."""
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    """When it ended, UTC."""


class History:
    """The table of entries."""

    def __init__(self, database: Database, most: int = MOST) -> None:
        """Remember where; nothing is opened before the first use.

        Args:
            database: where the table is, or is made.
            most: rows to keep.
        """
        self._database, self._most = database, most

    def add(self, entry: Entry) -> None:
        """Write one entry behind the others, and drop what is too much at the front.

        Raises:
            EscrowFailed: the disk or the database would not take it.
        """
        table = _table()
        row = {each.name: getattr(entry, each.name) for each in fields(Entry)}
        row["at"], row["seconds"] = time_down(entry.at), round(entry.seconds, 3)
        # As pairs: a database may put the keys of an object in an order of its own.
        row["phases"] = [[name, round(took, 3)] for name, took in entry.phases.items()]
        with self._database.using(table) as connection:
            added = connection.execute(table.insert().values(**row)).inserted_primary_key
            last = added[0] if added else 0
            connection.execute(table.delete().where(table.c.id <= last - self._most))

    def all(self, *, since: datetime | None = None) -> list[Entry]:
        """Return the entries in the order they were written; `since` leaves out older ones."""
        table = _table()
        asked = table.select().order_by(table.c.id)
        if since is not None:
            asked = asked.where(table.c.at >= time_down(since))
        with self._database.using(table) as connection:
            return [_up(dict(each._mapping)) for each in connection.execute(asked)]


def _table() -> "Table":
    return define("history", _columns)


def _columns() -> "list[Column[Any]]":
    from sqlalchemy import JSON, Column, Float, Integer, String

    kinds: dict[str, Any] = {"seconds": Float(), "phases": JSON()}
    return [
        Column("id", Integer, primary_key=True, autoincrement=True),
        *(
            Column(each.name, kinds.get(each.name, String()), nullable=each.name == "code")
            for each in fields(Entry)
        ),
    ]


def _up(row: dict[str, Any]) -> Entry:
    del row["id"]
    return Entry(**{**row, "phases": dict(row["phases"]), "at": time_up(row["at"])})

"""What was said of each pixel's token when somebody asked: one row a pixel, no secret.

Beside `records`, which keeps the bare answer: here is how sure it was, in words, and whether the
console lists a token. Nothing here is the only copy of anything that matters.
"""

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from automation.database import Database, define, time_down, time_up, upsert

if TYPE_CHECKING:
    from sqlalchemy import Column, Table


class Changes(TypedDict, total=False):
    """What may be noted; what is left out stays as it was."""

    fingerprint: str
    says: str
    sure: bool
    at: datetime
    listed: bool
    listed_at: datetime


@dataclass(frozen=True)
class Said:
    """What is known of one pixel's token."""

    pixel: str
    fingerprint: str | None = None
    """The token that was asked about; of another one nothing is said."""
    says: str | None = None
    """In words."""
    sure: bool | None = None
    """False: "probably"."""
    at: datetime | None = None
    """When it was asked, UTC."""
    listed: bool | None = None
    """Whether the console was seen to list a token; None where nobody looked."""
    listed_at: datetime | None = None
    """When that was, UTC."""


class Verdicts:
    """The table, in the database that the records share."""

    def __init__(self, database: Database) -> None:
        """Remember where; nothing is opened before the first use."""
        self._database = database

    def note(self, pixel: str, **changes: Unpack[Changes]) -> None:
        """Write what was said.

        Raises:
            EscrowFailed: the disk or the database would not take it.
        """
        row = {
            name: time_down(value) if isinstance(value, datetime) else value
            for name, value in changes.items()
        }
        with self._database.using(_table()) as connection:
            upsert(connection, _table(), {"pixel": pixel}, row)

    def all(self) -> dict[str, Said]:
        """Return what was said, by pixel."""
        with self._database.using(_table()) as connection:
            rows = [dict(each._mapping) for each in connection.execute(_table().select())]
        for row in rows:
            for name in ("at", "listed_at"):
                row[name] = time_up(row[name]).astimezone(UTC) if row[name] else None
        return {row["pixel"]: Said(**row) for row in rows}


def _table() -> "Table":
    return define("verdicts", _columns)


def _columns() -> "list[Column[Any]]":
    from sqlalchemy import Boolean, Column, String

    kinds: dict[str, Any] = {"sure": Boolean(), "listed": Boolean()}
    return [
        Column(each.name, kinds.get(each.name, String()), primary_key=each.name == "pixel")
        for each in fields(Said)
    ]

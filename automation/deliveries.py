"""What was to be delivered where, and what became of it: a row a pixel and destination, no secret.

A row is written before its destination is asked for anything, and says `done` only when that one
has taken the token whose fingerprint stands there. So what a crash left half-done is seen as owed.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from automation.database import Database, define, time_down, time_up, upsert
from automation.secret import redact

if TYPE_CHECKING:
    from sqlalchemy import Column, Table

State = Literal["wanted", "trying", "failed", "done", "forgotten"]


@dataclass(frozen=True)
class Delivery:
    """One pixel and one destination."""

    pixel: str
    destination: str
    """Its URL as the operator wrote it; holds no secret."""
    state: State = "wanted"
    """wanted: not tried yet. trying: begun, and perhaps cut off. forgotten: no longer wanted."""
    fingerprint: str | None = None
    """Of the token it is about; where the pixel has another one now, that is owed."""
    tries: int = 0
    """How often this token was tried."""
    error: str | None = None
    """Why the last try failed, in words."""
    at: datetime | None = None
    """When this row was last written, UTC."""

    def holds(self, fingerprint: str | None) -> bool:
        """Tell whether the destination is known to hold this very token."""
        return self.state == "done" and self.fingerprint == fingerprint

    def as_json(self, current: str | None) -> dict[str, Any]:
        """Return it for `status`, beside the fingerprint of the pixel's current token.

        `open` says that the destination does not hold that one.
        """
        at = self.at.isoformat() if self.at else None
        return {
            "destination": self.destination, "state": self.state, "fingerprint": self.fingerprint,
            "open": not self.holds(current), "tries": self.tries, "error": self.error, "at": at,
        }  # fmt: skip


class Deliveries:
    """The table, in the database that the records share."""

    def __init__(self, database: Database) -> None:
        """Remember where; nothing is opened before the first use."""
        self._database = database

    def want(self, pixel: str, destinations: Iterable[str]) -> None:
        """Put on disk that a pixel's tokens are to be given to these destinations, now and later.

        Raises:
            EscrowFailed: the disk or the database would not take it.
        """
        known = {each.destination: each for each in self.of(pixel)}
        for each in destinations:
            if each not in known or known[each].state == "forgotten":
                self._write(Delivery(pixel, each))

    def forget(self, pixel: str, destination: str) -> None:
        """Put on disk that a pixel's tokens are given there no more."""
        self._write(Delivery(pixel, destination, "forgotten"))

    def begin(self, pixel: str, destination: str, fingerprint: str) -> Delivery:
        """Put on disk that a destination is about to be given a token."""
        before = next((d for d in self.of(pixel) if d.destination == destination), None)
        same = before is not None and before.fingerprint == fingerprint
        tries = 1 + (before.tries if before and same else 0)
        begun = Delivery(pixel, destination, "trying", fingerprint, tries)
        self._write(begun)
        return begun

    def end(self, begun: Delivery, error: str | None) -> None:
        """Put on disk how it ended: None for well."""
        state: State = "done" if error is None else "failed"
        said = None if error is None else redact(error)
        self._write(
            Delivery(begun.pixel, begun.destination, state, begun.fingerprint, begun.tries, said)
        )

    def of(self, pixel: str) -> list[Delivery]:
        """Return the rows of a pixel, by destination."""
        return self._read(pixel)

    def all(self) -> list[Delivery]:
        """Return every row, sorted by pixel and destination."""
        return self._read()

    def by_pixel(self) -> dict[str, list[Delivery]]:
        """Return every row, by its pixel."""
        rows: dict[str, list[Delivery]] = {}
        for each in self._read():
            rows.setdefault(each.pixel, []).append(each)
        return rows

    def _read(self, pixel: str = "") -> list[Delivery]:
        table = _table()
        asked = table.select().order_by(table.c.pixel, table.c.destination)
        asked = asked.where(table.c.pixel == pixel) if pixel else asked
        with self._database.using(table) as connection:
            rows = [dict(each._mapping) for each in connection.execute(asked)]
        return [Delivery(**{**row, "at": time_up(row["at"])}) for row in rows]

    def _write(self, row: Delivery) -> None:
        key = {"pixel": row.pixel, "destination": row.destination}
        facts = {each.name: getattr(row, each.name) for each in fields(row) if each.name not in key}
        facts["at"] = time_down(datetime.now(UTC))
        with self._database.using(_table()) as connection:
            upsert(connection, _table(), key, facts)


def _table() -> "Table":
    return define("deliveries", _columns)


def _columns() -> "list[Column[Any]]":
    from sqlalchemy import Column, Integer, String

    key = ("pixel", "destination")
    return [
        Column(
            each.name, Integer() if each.name == "tries" else String(), primary_key=each.name in key
        )
        for each in fields(Delivery)
    ]

"""What is known of each pixel: one row a pixel, no secret, for `status` and `report`.

Nothing here is the only copy of anything: escrow and stores hold the tokens and intents, so a
lost or damaged `records.db` may be moved away, and the rows come back as pixels are next handled.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypedDict, Unpack

from automation.database import Database, define, time_down, time_up, upsert
from automation.secret import redact

if TYPE_CHECKING:
    from sqlalchemy import Column, RowMapping, Table


class Changes(TypedDict, total=False):
    """What may be noted of a pixel; what is left out stays as it was."""

    account: str
    profile: str
    name: str
    outcome: str
    fingerprint: str | None
    generated_at: datetime | None
    stored_in: list[str]
    verified: bool | None
    verified_at: datetime | None
    delivered: list[str]
    error: Mapping[str, str | None] | None
    intent: str | None


@dataclass(frozen=True)
class Known:
    """One pixel as it was last noted."""

    pixel: str
    """The pixel's code."""
    account: str = ""
    """The advertiser id; empty where it was never learnt."""
    profile: str = ""
    """The sign-in it was last reached with."""
    name: str = ""
    """What people call it."""
    outcome: str = ""
    """As in the contract's results."""
    fingerprint: str | None = None
    """Of the current token."""
    generated_at: datetime | None = None
    """When the current token was shown, UTC."""
    stored_in: list[str] = field(default_factory=list)
    """URLs of the stores that hold it."""
    verified: bool | None = None
    """What the last question about it answered; None where none was asked."""
    verified_at: datetime | None = None
    """When that was, UTC."""
    delivered: list[str] = field(default_factory=list)
    """Destinations that took it."""
    error: dict[str, str | None] | None = None
    """The contract's error object of the last run, None where it went well."""
    intent: str | None = None
    """The last intent."""
    updated_at: datetime | None = None
    """When this row was last written, UTC."""


class Records:
    """The table of pixels, in SQLite in the home folder or in a database named by its URL."""

    def __init__(self, place: Database | Path | str) -> None:
        """Remember where; nothing is opened before the first use.

        Args:
            place: a database, shared with others, or what `Database` takes.
        """
        self._database = place if isinstance(place, Database) else Database(place)

    def note(self, pixel: str, **changes: Unpack[Changes]) -> None:
        """Write what has become known of a pixel, beside what was known before.

        Raises:
            EscrowFailed: the disk or the database would not take it.
        """
        given = {**changes, "updated_at": datetime.now(UTC)}
        row = {name: _down(value) for name, value in given.items()}
        with self._database.using(_table()) as connection:
            upsert(connection, _table(), {"pixel": pixel}, row)

    def get(self, pixel: str) -> Known | None:
        """Return what is known of a pixel, or None."""
        table = _table()
        with self._database.using(table) as connection:
            row = connection.execute(table.select().where(table.c.pixel == pixel)).first()
        return None if row is None else _up(row._mapping)

    def all(self) -> list[Known]:
        """Return every pixel, sorted by account and code."""
        table = _table()
        asked = table.select().order_by(table.c.account, table.c.pixel)
        with self._database.using(table) as connection:
            return [_up(row._mapping) for row in connection.execute(asked)]

    def close(self) -> None:
        """Close every connection; the next use opens them again."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _table() -> "Table":
    return define("pixels", _columns)


def _columns() -> "list[Column[Any]]":
    from sqlalchemy import JSON, Boolean, Column, String

    listed = JSON(none_as_null=True)
    kinds: dict[str, Any] = {
        "stored_in": listed,
        "delivered": listed,
        "error": listed,
        "verified": Boolean(),
    }
    return [
        Column(each.name, kinds.get(each.name, String()), primary_key=each.name == "pixel")
        for each in fields(Known)
    ]


def _down(value: Any) -> Any:
    """Turn a value to what the database keeps."""
    if isinstance(value, datetime):
        return time_down(value)
    if isinstance(value, Mapping):
        return {name: redact(text) if text else text for name, text in value.items()}
    return value


def _up(row: "RowMapping") -> Known:
    values = {name: value for name, value in row.items() if value is not None}
    for name in ("generated_at", "verified_at", "updated_at"):
        if name in values:
            values[name] = time_up(values[name])
    return Known(**values)

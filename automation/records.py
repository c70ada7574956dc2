"""What is known of each pixel: one row a pixel, no secret, for `status` and `report`.

Nothing here is the only copy of anything: escrow and stores hold the tokens and intents, so a
lost or damaged `records.db` may be moved away, and the rows come back as pixels are next handled.
SQLAlchemy takes a while to import, so that is done on first use.
"""

import functools
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypedDict, Unpack

from automation.errors import AutomationError, EscrowFailed, UsageError
from automation.files import held, private_folder, touch_private
from automation.secret import redact

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, RowMapping, Table

SCHEMA = 1
"""Version of the tables; a database of a later one is left alone."""
_BUSY_S = 30


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

    def __init__(self, place: Path | str) -> None:
        """Remember where; nothing is opened before the first use.

        Args:
            place: PIXELMINT_HOME as a Path, or a database URL as a text.
        """
        self._place = place
        self._opening = threading.Lock()
        self._engine: Engine | None = None

    def note(self, pixel: str, **changes: Unpack[Changes]) -> None:
        """Write what has become known of a pixel, beside what was known before.

        Raises:
            EscrowFailed: the disk or the database would not take it.
        """
        given = {**changes, "updated_at": datetime.now(UTC)}
        row = {name: _down(value) for name, value in given.items()}
        with self._connection() as connection:
            insert = _dialect_insert(connection.dialect.name)(_table()).values(pixel=pixel, **row)
            connection.execute(insert.on_conflict_do_update(index_elements=["pixel"], set_=row))

    def get(self, pixel: str) -> Known | None:
        """Return what is known of a pixel, or None."""
        table = _table()
        with self._connection() as connection:
            row = connection.execute(table.select().where(table.c.pixel == pixel)).first()
        return None if row is None else _up(row._mapping)

    def all(self) -> list[Known]:
        """Return every pixel, sorted by account and code."""
        table = _table()
        asked = table.select().order_by(table.c.account, table.c.pixel)
        with self._connection() as connection:
            return [_up(row._mapping) for row in connection.execute(asked)]

    def close(self) -> None:
        """Close every connection; the next use opens them again."""
        with self._opening:
            if self._engine is not None:
                self._engine.dispose()
                self._engine = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _connection(self) -> "Iterator[Connection]":
        """Give a connection in a transaction; what the database says is cut to its kind."""
        from sqlalchemy.exc import SQLAlchemyError

        try:
            with self._opened().begin() as connection:
                yield connection
                return
        except SQLAlchemyError as problem:
            # Its own text repeats the statement and the values; `orig` is the driver's sentence.
            reason = str(getattr(problem, "orig", "")) if self._is_file else type(problem).__name__
        except OSError as problem:
            reason = problem.strerror or type(problem).__name__
        raise self._failed(reason)

    @property
    def _is_file(self) -> bool:
        return isinstance(self._place, Path)

    def _opened(self) -> "Engine":
        with self._opening:
            if self._engine is None:
                engine = _file_engine(self._place) if isinstance(self._place, Path) else None
                engine = engine or _url_engine(str(self._place))
                try:
                    self._prepare(engine)
                except BaseException:
                    engine.dispose()
                    raise
                self._engine = engine
            return self._engine

    def _prepare(self, engine: "Engine") -> None:
        if isinstance(self._place, Path):
            # Two processes that both turn a new file to WAL get "database is locked" at once.
            with held(self._place / "records.lock", "the records", wait_s=_BUSY_S):
                _create(engine)
        else:
            _create(engine)

    def _failed(self, reason: str) -> AutomationError:
        place = str(self._place / "records.db") if isinstance(self._place, Path) else "database"
        return EscrowFailed(
            f"the records cannot be read or written ({reason})",
            where=place,
            next_step="make room and make it writable; if it is damaged, move it away: "
            "it holds no token and fills again",
        )


def _file_engine(home: Path) -> "Engine":
    from sqlalchemy import URL, create_engine, event

    path = private_folder(home) / "records.db"
    # SQLite gives its side files the mode of the first, which must be private before it is filled.
    touch_private(path)
    engine = create_engine(
        URL.create("sqlite", database=str(path)), connect_args={"timeout": _BUSY_S}
    )

    def to_wal(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA journal_mode=WAL").close()

    event.listen(engine, "connect", to_wal)
    return engine


def _url_engine(url: str) -> "Engine":
    from sqlalchemy import create_engine
    from sqlalchemy.exc import ArgumentError

    try:
        return create_engine(url)
    except (ArgumentError, ImportError) as problem:
        kind = type(problem).__name__  # the text may repeat the URL, with its password
    raise UsageError(
        f"not the address of a database that can be used here ({kind})",
        where="PIXELMINT_DATABASE_URL",
        next_step="write postgresql://USER@HOST/NAME, or leave it unset",
    )


def _create(engine: "Engine") -> None:
    from sqlalchemy import select, text

    table = _table()
    about = table.metadata.tables["pixelmint_about"]
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            # Two that begin at once would both create the tables, and one would fail.
            connection.execute(text("select pg_advisory_xact_lock(7066)"))
        table.metadata.create_all(connection)
        found = connection.execute(select(about.c.schema)).scalar()
        if found is None:
            connection.execute(about.insert().values(schema=SCHEMA))
    if found is not None and found > SCHEMA:
        raise UsageError(
            f"the records are of a later pixelmint (schema {found}, here {SCHEMA})",
            next_step="update pixelmint, or use another PIXELMINT_HOME",
        )


@functools.cache
def _table() -> "Table":
    """Return the table of pixels, built once."""
    from sqlalchemy import JSON, Boolean, Column, Integer, MetaData, String, Table

    metadata = MetaData()
    listed = JSON(none_as_null=True)
    kinds: dict[str, Any] = {
        "stored_in": listed,
        "delivered": listed,
        "error": listed,
        "verified": Boolean(),
    }
    columns: list[Column[Any]] = [
        Column(each.name, kinds.get(each.name, String()), primary_key=each.name == "pixel")
        for each in fields(Known)
    ]
    Table("pixelmint_about", metadata, Column("schema", Integer, primary_key=True))
    return Table("pixels", metadata, *columns)


def _dialect_insert(dialect: str) -> Any:
    # One statement that inserts or updates exists in both dialects, and in no common one.
    from sqlalchemy.dialects import postgresql, sqlite

    return {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[dialect]


def _down(value: Any) -> Any:
    """Turn a value to what the database keeps; times to text, because SQLite drops their zone."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, Mapping):
        return {name: redact(text) if text else text for name, text in value.items()}
    return value


def _up(row: "RowMapping") -> Known:
    values = {name: value for name, value in row.items() if value is not None}
    for name in ("generated_at", "verified_at", "updated_at"):
        if name in values:
            values[name] = datetime.fromisoformat(values[name])
    return Known(**values)

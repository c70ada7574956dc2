"""The one database of a home folder, or of several machines: opened late, private, and without a
secret. Each module defines its own tables, which are made on first use; all share one opening.

SQLAlchemy takes a while to import, so that is done on first use.
"""

import functools
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from automation.errors import AutomationError, EscrowFailed, UsageError
from automation.files import held, private_folder, touch_private

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, MetaData, Table
    from sqlalchemy.schema import SchemaItem


class Away(EscrowFailed):
    """A database that machines share went away amid something. It may be begun again."""

    stops_the_run = False


SCHEMA = 1
"""Version of the tables; a database of a later one is left alone. A new table needs no new one."""
_BUSY_S = 30
_AWAY_S, _LOOK_S = 60, 0.5
_defining = threading.Lock()


class Database:
    """SQLite in the home folder, or a database named by its URL. Threads may share it."""

    def __init__(self, place: Path | str) -> None:
        """Remember where; nothing is opened before the first use.

        Args:
            place: PIXELMINT_HOME as a Path, or a database URL as a text.
        """
        self._place = place
        self._opening = threading.Lock()
        self._engine: Engine | None = None
        self._made: set[str] = set()

    @contextmanager
    def using(self, table: "Table") -> "Iterator[Connection]":
        """Give a connection in a transaction, in which a table of `define` exists.

        Raises:
            EscrowFailed: the disk or the database would not; its words are cut to their kind.
            UsageError: no address of a database, or one of a later pixelmint.
        """
        from sqlalchemy.exc import DBAPIError, SQLAlchemyError

        away = False
        try:
            with self._connected(table) as connection, connection.begin():
                yield connection
                return
        except SQLAlchemyError as problem:
            # Its own text repeats the statement and the values; `orig` is the driver's sentence.
            reason = str(getattr(problem, "orig", "")) if self._is_file else type(problem).__name__
            away = isinstance(problem, DBAPIError) and problem.connection_invalidated
        except OSError as problem:
            reason = problem.strerror or type(problem).__name__
        raise self._failed(reason, Away if away else EscrowFailed)

    def close(self) -> None:
        """Close every connection; the next use opens them again."""
        with self._opening:
            if self._engine is not None:
                self._engine.dispose()
                self._engine = None
                self._made.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def _is_file(self) -> bool:
        return isinstance(self._place, Path)

    def _opened(self, table: "Table") -> "Engine":
        with self._opening:
            engine = self._engine
            if engine is None:
                engine = _file_engine(self._place) if isinstance(self._place, Path) else None
                engine = engine or _url_engine(str(self._place))
            if table.name not in self._made:
                try:
                    self._prepare(engine, table)
                except BaseException:
                    if self._engine is None:
                        engine.dispose()
                    raise
                self._made.add(table.name)
            self._engine = engine
            return engine

    def _connected(self, table: "Table") -> "Connection":
        """Connect; a server that has answered before, as in a restart, is waited for."""
        from sqlalchemy.exc import OperationalError

        deadline, pause = time.monotonic() + _AWAY_S, threading.Event()
        was_there = self._engine is not None and not self._is_file
        while True:
            try:
                return self._opened(table).connect()
            except OperationalError:
                if not was_there or time.monotonic() >= deadline:
                    raise
            pause.wait(_LOOK_S)

    def _prepare(self, engine: "Engine", table: "Table") -> None:
        if isinstance(self._place, Path):
            # Two processes that both turn a new file to WAL get "database is locked" at once.
            with held(self._place / "records.lock", "the records", wait_s=_BUSY_S):
                _create(engine, table)
        else:
            _create(engine, table)

    def _failed(self, reason: str, kind: type[EscrowFailed]) -> AutomationError:
        place = str(self._place / "records.db") if isinstance(self._place, Path) else "database"
        return kind(
            f"the records cannot be read or written ({reason})",
            where=place,
            next_step="make room and make it writable; if it is damaged, move it away: "
            "it holds no token and fills again",
        )


def define(name: str, columns: "Callable[[], Iterable[SchemaItem]]") -> "Table":
    """Return the table of this name, built on the first call.

    Args:
        name: unlike any other; a table once released keeps its columns.
        columns: makes its columns, indexes and constraints; called once.
    """
    from sqlalchemy import Table

    with _defining:  # lanes are threads, and a table is defined once
        metadata = _metadata()
        if name not in metadata.tables:
            Table(name, metadata, *columns())
        return metadata.tables[name]


def upsert(
    connection: "Connection",
    table: "Table",
    key: Mapping[str, object],
    changes: Mapping[str, object],
) -> None:
    """Insert a row, or change these values of the one that is there.

    Args:
        connection: of `Database.using`.
        table: where `key` names its primary key or a unique constraint.
        key: the columns that name the row, with their values.
        changes: at least one value; what is left out stays as it was.
    """
    # One statement that inserts or updates exists in both dialects, and in no common one.
    from sqlalchemy.dialects import postgresql, sqlite

    made: Any = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
    insert = made[connection.dialect.name](table).values(**key, **changes)
    connection.execute(insert.on_conflict_do_update(index_elements=list(key), set_=dict(changes)))


def time_down(moment: datetime) -> str:
    """Return a time as tables keep it: ISO 8601 in UTC, because SQLite drops zones."""
    return moment.astimezone(UTC).isoformat()


def time_up(text: str) -> datetime:
    """Return what `time_down` wrote."""
    return datetime.fromisoformat(text)


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
        # Asked before each use: after a restart of the server every connection is a dead one.
        return create_engine(driven(url), pool_pre_ping=True)
    except (ArgumentError, ImportError) as problem:
        kind = type(problem).__name__  # the text may repeat the URL, with its password
    raise UsageError(
        f"not the address of a database that can be used here ({kind})",
        where="PIXELMINT_DATABASE_URL",
        next_step="write postgresql://USER@HOST/NAME, or leave it unset",
    )


def driven(url: str) -> str:
    """Return a database's URL with the driver that is installed with pixelmint."""
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


def _create(engine: "Engine", table: "Table") -> None:
    from sqlalchemy import Column, Integer, select, text

    about = define("pixelmint_about", lambda: [Column("schema", Integer, primary_key=True)])
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            # Two that begin at once would both create the tables, and one would fail.
            connection.execute(text("select pg_advisory_xact_lock(7066)"))
        table.metadata.create_all(connection, tables=[about, table])
        found = connection.execute(select(about.c.schema)).scalar()
        if found is None:
            connection.execute(about.insert().values(schema=SCHEMA))
    if found is not None and found > SCHEMA:
        raise UsageError(
            f"the records are of a later pixelmint (schema {found}, here {SCHEMA})",
            next_step="update pixelmint, or use another PIXELMINT_HOME",
        )


@functools.cache
def _metadata() -> "MetaData":
    from sqlalchemy import MetaData

    return MetaData()

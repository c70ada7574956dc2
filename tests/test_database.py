"""The database: modules bring tables of their own, old files stay usable, threads share it."""

import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Integer, String

from automation.database import Away, Database, define, upsert
from automation.records import Records
from tests.servers.postgres import Postgres

PIXEL = "D69ESQRC77U0KGAU8B90"


def columns() -> list[Column[Any]]:
    """A table of the tests' own."""
    return [Column("name", String, primary_key=True), Column("a", Integer), Column("b", Integer)]


def rows(database: Database, name: str) -> list[tuple[Any, ...]]:
    """Everything that stands in a table."""
    table = define(name, columns)
    with database.using(table) as connection:
        return [tuple(each) for each in connection.execute(table.select())]


def test_several_modules_share_one_file(tmp_path: Path) -> None:
    """Each table is made when it is first used, beside those that are there."""
    with Database(tmp_path) as database:
        Records(database).note(PIXEL, account="1")
        table = define("tests_one", columns)
        with database.using(table) as connection:
            upsert(connection, table, {"name": "x"}, {"a": 1, "b": 2})
        assert rows(database, "tests_one") == [("x", 1, 2)]
        assert [each.pixel for each in Records(database).all()] == [PIXEL]


def test_a_file_of_the_old_tables_alone_opens_and_takes_new_ones(tmp_path: Path) -> None:
    """As it was written before there were others; the row in it is still there."""
    with Records(tmp_path) as records:
        records.note(PIXEL, account="1")
    with sqlite3.connect(tmp_path / "records.db") as file:
        made = {name for (name,) in file.execute("SELECT name FROM sqlite_master")}
    file.close()
    assert {each for each in made if not each.startswith("sqlite")} == {"pixels", "pixelmint_about"}
    with Database(tmp_path) as database:
        assert rows(database, "tests_two") == []
        assert [each.account for each in Records(database).all()] == ["1"]


def test_upsert_leaves_what_it_does_not_name(tmp_path: Path) -> None:
    """And changes what it does."""
    table = define("tests_three", columns)
    with Database(tmp_path) as database:
        with database.using(table) as connection:
            upsert(connection, table, {"name": "x"}, {"a": 1, "b": 2})
            upsert(connection, table, {"name": "x"}, {"a": 3})
        assert rows(database, "tests_three") == [("x", 3, 2)]


def test_what_fails_in_a_transaction_leaves_nothing(tmp_path: Path) -> None:
    """Or half of a change could stand."""
    table = define("tests_four", columns)
    with Database(tmp_path) as database:
        with pytest.raises(KeyError), database.using(table) as connection:
            upsert(connection, table, {"name": "x"}, {"a": 1})
            raise KeyError
        assert rows(database, "tests_four") == []


def test_threads_that_begin_at_once_share_it(tmp_path: Path) -> None:
    """They define and make the same table, and none fails."""
    together = threading.Barrier(8)
    failed: list[BaseException] = []

    def write(database: Database, number: int) -> None:
        together.wait()
        try:
            table = define("tests_five", columns)
            with database.using(table) as connection:
                upsert(connection, table, {"name": str(number)}, {"a": number})
        except BaseException as problem:
            failed.append(problem)

    with Database(tmp_path) as database:
        threads = [threading.Thread(target=write, args=(database, at)) for at in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert failed == []
        assert len(rows(database, "tests_five")) == 8


def test_closed_it_opens_again(tmp_path: Path) -> None:
    """Though the file was moved away in between."""
    with Database(tmp_path) as database:
        Records(database).note(PIXEL)
        database.close()
        for each in tmp_path.glob("records.db*"):
            each.rename(tmp_path / f"away{each.name}")
        assert Records(database).all() == []


def test_a_shared_database_that_goes_away_amid_something_stops_no_run(
    database_url: str, postgres_server: Postgres
) -> None:
    """It is waited for, and whoever was amid something may begin again."""
    table = define("things", lambda: [Column("id", Integer, primary_key=True)])
    with Database(database_url) as database:
        with pytest.raises(Away) as away, database.using(table) as connection:
            postgres_server.restart()
            connection.execute(table.insert().values(id=1))
        assert not away.value.stops_the_run
        with database.using(table) as connection:
            assert connection.execute(table.select()).all() == []

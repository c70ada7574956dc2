"""Locks of the shared database: one holder among machines, lost with silence, proven on demand."""

import contextlib
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from automation import leases
from automation.errors import AlreadyRunning
from automation.leases import Leases, LostLease
from tests.conftest import until
from tests.servers.postgres import Postgres

NAME = "account 7654321098765432109"


@pytest.fixture
def two(database_url: str) -> Iterator[list[Leases]]:
    """The locks of two machines."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Leases(database_url, lease_s=2)) for _ in range(2)]


def test_one_machine_holds_a_lock_and_the_other_is_told_who(two: list[Leases]) -> None:
    """Until it is given back."""
    one, other = two
    with one.held(NAME) as hold:
        hold.prove()
        with pytest.raises(AlreadyRunning, match=r"process \d+ on .*`.*since 20"), other.held(NAME):
            pass
        assert not other.is_free(NAME)
        with other.held("account 1"):  # another lock is another lock
            pass
    assert other.is_free(NAME)
    with other.held(NAME, wait_s=5):
        assert not one.is_free(NAME)


def test_a_lock_outlasts_its_lease_while_its_process_is_awake(
    database_url: str, postgres_server: Postgres
) -> None:
    """The keeper speaks up in time; the server ends only who says nothing."""
    spoke = "select count(*) from pg_stat_activity where application_name like '% on %' and "
    spoke += "query_start > backend_start + interval '1 second'"
    with Leases(database_url, lease_s=0.4) as awake, awake.held(NAME) as hold:
        until(lambda: postgres_server.ask(spoke) == [(1,)])
        hold.prove()


def test_who_is_silent_for_longer_than_the_lease_has_lost_and_is_told(database_url: str) -> None:
    """The server's clock decides; nobody has to judge a machine that cannot be seen."""
    with Leases(database_url, lease_s=0.2) as frozen, Leases(database_url) as other:
        frozen._keep = lambda: None  # type: ignore[method-assign]  # as a stopped process would
        with frozen.held(NAME) as hold:
            until(lambda: other.is_free(NAME))
            with pytest.raises(LostLease, match="away"):
                hold.prove()
            with other.held(NAME), pytest.raises(AlreadyRunning), frozen.held(NAME):
                pass


def test_an_answer_that_was_read_late_proves_nothing(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frozen just after it had asked, a process finds the answer waiting, and its lock is gone."""
    clock = [0.0]
    with Leases(database_url, lease_s=10) as frozen:
        monkeypatch.setattr(leases, "_now", lambda: clock[0])
        with frozen.held(NAME) as hold:
            run = frozen._run

            def slow(connection: Connection, statement: str, name: str = "") -> object:
                answer = run(connection, statement, name)
                if statement == "select 1" and clock[0] == 0:
                    clock[0] = 11.0
                    connection.invalidate()  # as the server does meanwhile
                return answer

            monkeypatch.setattr(frozen, "_run", slow)
            with pytest.raises(LostLease):
                hold.prove()


def test_a_restart_of_the_server_loses_every_lock_and_the_next_one_is_a_new_one(
    two: list[Leases], postgres_server: Postgres
) -> None:
    """A hold from before never proves good again, not even where the lock is taken anew."""
    one, other = two
    with one.held(NAME) as hold:
        postgres_server.restart()
        with pytest.raises(LostLease):
            hold.prove()
        with one.held(NAME) as again:
            again.prove()
            assert not other.is_free(NAME)
            with pytest.raises(LostLease):
                hold.prove()
    assert other.is_free(NAME)

"""Fixtures of the flows' tests; a module takes them with `pytest_plugins`."""

import contextlib
from collections.abc import Iterator

import pytest

from fixtures.console import Console, Scenario
from tests import canary
from tests.conftest import BROWSER
from tests.flows_helpers import MakeUser, User, end_forks


@pytest.fixture(autouse=True, scope="session")
def issued_tokens_are_written_down(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the book the canary compares with, for every console of this process."""
    canary.write_down_in(tmp_path_factory.getbasetemp())


@pytest.fixture(autouse=True, scope="session")
def no_fork_is_left() -> Iterator[None]:
    """End what this process's children are started by."""
    yield
    end_forks()


@pytest.fixture
def make_user(tmp_path_factory: pytest.TempPathFactory, no_settings: None) -> Iterator[MakeUser]:
    """Start consoles, each with a user of its own; no script of their pages may fail."""
    made: list[Console] = []
    with contextlib.ExitStack() as consoles:

        def make(
            scenario: Scenario | None = None, *, pixels: int = 2, signed_in: bool = True
        ) -> User:
            console = Console(scenario, accounts=2, pixels_per_account=pixels)
            made.append(console)
            folder = tmp_path_factory.mktemp("u")
            user = User(consoles.enter_context(console), folder, BROWSER)
            if signed_in:
                user.sign_in()
            return user

        yield make
    assert [said for each in made for said in each.ledger.script_errors()] == []

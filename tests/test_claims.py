"""Two machines, one database: of a pixel one of them asks, and the other takes over what came."""

import contextlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from automation import claims
from automation.errors import TokenUnread
from automation.escrow import Intent
from automation.files import private_folder
from automation.leases import LostLease
from automation.report import Result
from automation.secret import Secret
from automation.settings import load
from flows.filing import every_last_stored, file_token, last_stored
from flows.generate import is_kept
from flows.pacing import pace
from flows.settings import ConsoleSettings
from flows.workshop import Workshop
from tests.servers.postgres import Postgres

PIXEL, ACCOUNT = "D69ESQRC77U0KGAU8B90", "7654321098765432109"
TOKEN = Secret("fixture-token-of-two-machines-0001")
Machine = Callable[..., Workshop]


@pytest.fixture
def machine(tmp_path: Path, database_url: str) -> Iterator[Machine]:
    """Make the workshops of machines that share a database: `machine("a", "dotenv:...")`."""
    with contextlib.ExitStack() as stack:

        def make(name: str, store: str = "local:") -> Workshop:
            home = private_folder(tmp_path / name)
            flags = {"home": str(home), "database_url": database_url, "store": store, "pace": "60"}
            made = Workshop(load(flags, ConsoleSettings, environ={}), "default", lambda _line: None)
            assert made.leases is not None
            stack.callback(made.database.close)
            stack.callback(made.leases.close)
            return made

        yield make


def intend(at: Workshop) -> Intent:
    """Come as far as the click."""
    stores = tuple(at.settings.store)
    return at.escrow.intend(PIXEL, ACCOUNT, "default", stores=stores)


def ask(at: Workshop, intent: Intent) -> None:
    """Ask, with the account in hand."""
    with at.account_lock(ACCOUNT):
        at.escrow.ask(intent)


def test_of_two_that_began_alike_one_asks_and_the_other_begins_again(machine: Machine) -> None:
    """As when one was frozen just before its click and the other did the row meanwhile."""
    a, b = machine("a"), machine("b")
    for each in (a, b):
        each.escrow.begin(PIXEL)
        each.escrow.may_ask(PIXEL, replace=False)
    theirs = intend(a)
    mine = intend(b)
    ask(a, theirs)
    with pytest.raises(LostLease, match="meanwhile"):
        ask(b, mine)
    assert not b.escrow.asked(mine)
    with pytest.raises(LostLease):
        b.escrow.may_ask(PIXEL, replace=False)
    a.escrow.settle(theirs, "site_busy")
    with pytest.raises(LostLease):  # however it ended, what was seen before is old
        ask(b, mine)
    b.escrow.begin(PIXEL)  # its page may be open since before
    with pytest.raises(LostLease):
        b.escrow.may_ask(PIXEL, replace=False)
    b.escrow.begin(PIXEL, again=True)
    b.escrow.may_ask(PIXEL, replace=False)
    ask(b, mine)
    assert b.escrow.asked(mine)


def test_an_open_question_of_another_machine_is_named_and_not_asked_again(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until it is settled there; `--replace` sets it aside when nobody can be at it any more."""
    a, b = machine("a"), machine("b")
    a.escrow.begin(PIXEL)
    theirs = intend(a)
    ask(a, theirs)
    a.escrow.may_ask(PIXEL, replace=False)  # its own stands in nobody's way there
    b.escrow.begin(PIXEL)
    for replace in (False, True):
        with pytest.raises(TokenUnread, match=r"by process \d+ on \S+, and is not known") as told:
            b.escrow.may_ask(PIXEL, replace=replace)
    assert "recover` on that machine" in told.value.next_step
    monkeypatch.setattr(claims, "GONE", timedelta(0))
    b.escrow.may_ask(PIXEL, replace=True)
    with pytest.raises(TokenUnread):
        b.escrow.may_ask(PIXEL, replace=False)
    a.escrow.settle(theirs, "stored", fingerprint="0" * 12, stored_in=["local:"])
    b.escrow.may_ask(PIXEL, replace=False)


def test_nothing_is_asked_where_the_account_was_lost_on_the_way(
    machine: Machine, postgres_server: Postgres
) -> None:
    """As after a freeze for longer than the lease, or a restart of the database."""
    a = machine("a")
    a.escrow.begin(PIXEL)
    mine = intend(a)
    with pytest.raises(LostLease):
        a.escrow.ask(mine)
    with a.account_lock(ACCOUNT):
        postgres_server.restart()
        with pytest.raises(LostLease):
            a.escrow.ask(mine)
    assert not a.escrow.asked(mine)
    ask(a, mine)
    assert a.escrow.asked(mine)


def test_what_was_settled_just_before_a_crash_is_closed_for_the_others_later(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next look of that machine at the pixel does it."""
    a, b = machine("a"), machine("b")
    a.escrow.begin(PIXEL)
    mine = intend(a)
    ask(a, mine)
    with monkeypatch.context() as dying:
        dying.setattr(claims.Claims, "close", lambda *_: None)
        a.escrow.settle(mine, "not_asked")
    b.escrow.begin(PIXEL)
    with pytest.raises(TokenUnread):
        b.escrow.may_ask(PIXEL, replace=False)
    a.escrow.may_ask(PIXEL, replace=False)
    b.escrow.may_ask(PIXEL, replace=False)


@pytest.mark.parametrize(("store", "kept"), [("dotenv", True), ("local", True), ("away", False)])
def test_what_one_machine_stored_is_kept_on_another(
    machine: Machine, tmp_path: Path, store: str, kept: bool
) -> None:
    """By what the store gives back; of a store that only that machine has, by the records.

    A store that can be read from here and does not have it is not believed to have it.
    """
    for name, does in (("put", f"cat > {tmp_path}/it"), ("get", f"cat {tmp_path}/it || true")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / name).chmod(0o700)
    urls = {"dotenv": f"dotenv:{tmp_path}/shared.env", "local": "local:",
            "away": f"command:{tmp_path}/put?get={tmp_path}/get"}  # fmt: skip
    a, b = machine("a", urls[store]), machine("b", urls[store])
    a.escrow.begin(PIXEL)
    intent = intend(a)
    ask(a, intent)
    a.escrow.keep(intent, TOKEN)
    assert file_token(a, intent, TOKEN).error is None
    if store == "away":
        (tmp_path / "it").unlink()
    last = last_stored(b, PIXEL)
    assert last is not None
    assert every_last_stored(b) == {PIXEL: last}
    result = Result(PIXEL, None, "failed")
    assert is_kept(b, *last, result) is kept
    if kept:
        assert (result.outcome, result.fingerprint) == ("kept", TOKEN.fingerprint)
        assert (result.account, result.stored_in) == (ACCOUNT, [urls[store]])


def test_the_pace_of_an_account_is_kept_among_all_machines(machine: Machine) -> None:
    """What another has just asked counts; another account does not; a little is added by chance."""
    waited: list[float] = []
    a, b = machine("a"), machine("b")
    pace(b, ACCOUNT, waiting=waited.append)
    assert waited == []
    a.escrow.begin(PIXEL)
    ask(a, intend(a))
    pace(b, "1" * 19, waiting=waited.append)
    assert waited == []
    pace(b, ACCOUNT, waiting=waited.append, jitter=lambda: 0.0)
    pace(b, ACCOUNT, waiting=waited.append, jitter=lambda: 1.0)
    pace(a, ACCOUNT, waiting=waited.append, jitter=lambda: 0.0)
    least, most, own = waited
    assert 0 < least <= 60 < most <= 72 and 0 < own <= 60

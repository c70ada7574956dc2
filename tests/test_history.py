"""History: what was done stays in order, bounded, without words or secrets, never in the way."""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from automation import phases
from automation.database import Database
from automation.errors import AlreadyRunning, AutomationError, EscrowFailed, SiteBusy
from automation.history import Entry, History
from automation.records import Records
from automation.report import Result
from flows.remember import add_history, remember
from flows.workshop import Workshop

PIXEL = "D69ESQRC77U0KGAU8B90"
ACCOUNT = "7654321098765432109"
THEN = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)


def entry(number: int = 1, **changes: Any) -> Entry:
    """One turn that went well."""
    facts: dict[str, Any] = {
        "run": "r", "command": "generate", "pixel": f"P{number}", "account": ACCOUNT,
        "outcome": "generated", "code": None, "seconds": 1.25,
        "phases": {"open": 1.0, "ask": 0.25}, "at": THEN + timedelta(minutes=number),
    }  # fmt: skip
    return Entry(**{**facts, **changes})


def workshop(place: Path) -> Workshop:
    """As much of a workshop as remembering needs."""
    database = Database(place)
    made = SimpleNamespace(run="r", records=Records(database), history=History(database))
    return cast(Workshop, made)


def test_what_was_added_comes_back_in_order(tmp_path: Path) -> None:
    """Phases in their order too, which says where a failure came."""
    turns = [entry(1), entry(2, outcome="failed", code="site_busy", phases={"z": 2.0, "a": 1.0})]
    with Database(tmp_path) as database:
        for each in turns:
            History(database).add(each)
    with Database(tmp_path) as database:
        found = History(database).all()
        assert found == turns
        assert list(found[1].phases) == ["z", "a"]
        assert History(database).all(since=turns[1].at) == turns[1:]


def test_only_the_newest_rows_are_kept(tmp_path: Path) -> None:
    """Or a machine that runs for years would fill its disk."""
    with Database(tmp_path) as database:
        history = History(database, most=3)
        for number in range(5):
            history.add(entry(number))
        assert [each.pixel for each in history.all()] == ["P2", "P3", "P4"]


@pytest.mark.parametrize(
    ("outcome", "error", "written"),
    [
        ("generated", None, [("generated", None)]),
        ("rotated", None, [("rotated", None)]),
        ("failed", SiteBusy("so said Ann"), [("failed", "site_busy")]),
        ("failed", {"code": "page_changed", "message": "Ann", "next_step": None},
         [("failed", "page_changed")]),
        ("failed", AlreadyRunning("another has it"), []),
        ("kept", None, []),
        ("planned", None, []),
    ],
)  # fmt: skip
def test_a_turn_in_which_nothing_was_done_is_left_out(
    tmp_path: Path, outcome: Any, error: AutomationError | None, written: list[tuple[str, str]]
) -> None:
    """What another process is busy with is its own turn."""
    shop = workshop(tmp_path)
    add_history(shop, Result(PIXEL, ACCOUNT, outcome, error=error), "generate")
    assert [(each.outcome, each.code) for each in shop.history.all()] == written


def test_no_word_of_an_error_is_in_the_history(tmp_path: Path) -> None:
    """A message may name people; the code is enough for a chart."""
    shop = workshop(tmp_path)
    add_history(shop, Result(PIXEL, ACCOUNT, "failed", error=SiteBusy("so said Ann")), "generate")
    shop.records.close()
    assert all(b"Ann" not in each.read_bytes() for each in tmp_path.iterdir())


def test_a_failure_is_known_to_the_records_too(tmp_path: Path) -> None:
    """What was stored is noted where it is stored."""
    shop = workshop(tmp_path)
    remember(shop, Result(PIXEL, ACCOUNT, "failed", error=SiteBusy("busy")), "generate")
    known = shop.records.get(PIXEL)
    assert known is not None
    assert (known.account, known.outcome) == (ACCOUNT, "failed")
    assert [each.command for each in shop.history.all()] == ["generate"]


def test_a_history_that_cannot_be_written_costs_a_line_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The turn itself is as it was."""
    (tmp_path / "records.db").write_bytes(b"not a database" * 100)
    with caplog.at_level(logging.WARNING):
        add_history(workshop(tmp_path), Result(PIXEL, ACCOUNT, "generated"), "generate")
    assert "the history lacks this turn" in caplog.text
    with pytest.raises(EscrowFailed):
        workshop(tmp_path).history.all()


def test_steps_are_timed_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is begun again goes on; what runs at the end is ended once."""
    clock = iter([0.0, 2.0, 2.0, 5.0, 5.0, 6.0])
    monkeypatch.setattr(phases, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    watch = phases.Phases()
    watch.begin("open")
    watch.begin("find")
    watch.begin("open")
    watch.end()
    watch.end()
    assert watch.seconds == {"open": 3.0, "find": 3.0}
    assert list(watch.seconds) == ["open", "find"]


def test_phases_are_not_in_the_contract_s_object() -> None:
    """Other people's scripts read that."""
    assert "phases" not in Result(PIXEL, ACCOUNT, "generated").as_json()

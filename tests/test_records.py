"""Records: what is known of each pixel survives, merges, holds no secret, and fails in words."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from automation.errors import EscrowFailed, UsageError
from automation.records import Known, Records
from automation.secret import Secret
from tests.store_contract import (
    all_at_once,
    in_own_process,
    no_permission,
    no_room,
    started,
    wait_for_the_word,
)

PIXEL = "D69ESQRC77U0KGAU8B90"
THEN = datetime(2026, 11, 22, 8, 30, 0, 123, tzinfo=UTC)


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    """Records in an empty home folder."""
    with Records(tmp_path) as made:
        yield made


def test_nothing_is_touched_before_the_first_use(tmp_path: Path) -> None:
    """Nor is a database there afterwards if nobody asked."""
    Records(tmp_path / "home").close()
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_pixel_is_none(records: Records) -> None:
    """And the list is empty."""
    assert records.get(PIXEL) is None
    assert records.all() == []


def test_everything_noted_comes_back_in_another_process_s_records(
    records: Records, tmp_path: Path
) -> None:
    """Field by field, times aware and in UTC."""
    full = {
        "account": "7654321098765432109",
        "profile": "agency",
        "name": "Shop ü",
        "outcome": "generated",
        "fingerprint": "9f86d081884c",
        "generated_at": THEN,
        "stored_in": ["local:", "dotenv:.env"],
        "verified": True,
        "verified_at": THEN.astimezone(timezone(timedelta(hours=9))),
        "delivered": ["upstack"],
        "error": {"code": "verify_failed", "message": "no", "next_step": None},
        "intent": "i-1",
    }
    records.note(PIXEL, **full)
    with Records(tmp_path) as fresh:
        known = fresh.get(PIXEL)
    assert known is not None
    assert known.updated_at is not None
    assert known.updated_at.utcoffset() == timedelta(0)
    assert known == Known(pixel=PIXEL, updated_at=known.updated_at, **full)


def test_a_later_note_changes_only_what_it_names(records: Records) -> None:
    """And None takes a value away."""
    records.note(PIXEL, account="1", outcome="failed", error={"code": "x", "message": "y"})
    records.note(PIXEL, outcome="generated", error=None, verified=False)
    known = records.get(PIXEL)
    assert known is not None
    assert (known.account, known.outcome, known.error, known.verified) == (
        "1",
        "generated",
        None,
        False,
    )


def test_all_are_sorted_by_account_and_pixel(records: Records) -> None:
    """So that a report reads the same twice."""
    for pixel, account in (("C", "2"), ("B", "1"), ("A", "2")):
        records.note(pixel, account=account)
    assert [each.pixel for each in records.all()] == ["B", "A", "C"]


def test_no_token_gets_in_by_way_of_an_error(records: Records, tmp_path: Path) -> None:
    """Messages are redacted on the way in, whatever they quote."""
    token = Secret("fixture-token-in-an-error")
    records.note(PIXEL, error={"code": "x", "message": f"got {token.reveal()}", "next_step": None})
    records.close()
    assert all(b"fixture-token" not in each.read_bytes() for each in tmp_path.iterdir())


def test_every_file_is_private(records: Records, tmp_path: Path) -> None:
    """The side files of SQLite too, which need their own look while it is open."""
    records.note(PIXEL)
    files = {each.name: each.stat().st_mode & 0o777 for each in tmp_path.iterdir()}
    assert {"records.db", "records.db-wal"} <= set(files)
    assert set(files.values()) == {0o600}


def test_many_processes_write_at_once_and_lose_nothing(tmp_path: Path) -> None:
    """The database does not exist yet when they all begin."""
    children = [started(note_many, home=str(tmp_path), worker=at, times=8) for at in range(3)]
    assert all_at_once(children) == ["done"] * 3
    with Records(tmp_path) as records:
        known = {each.pixel: each for each in records.all()}
    assert set(known) == {"SHARED", *(f"P{at}-{number}" for at in range(3) for number in range(8))}


def note_many(home: str, worker: int, times: int) -> str:
    """Note a series of pixels, and one that all share."""
    wait_for_the_word()
    with Records(Path(home)) as records:
        for number in range(times):
            records.note(f"P{worker}-{number}", account=str(worker))
            records.note("SHARED", account=str(worker))
    return "done"


def test_a_full_disk_is_said_in_words(tmp_path: Path) -> None:
    """What was there stays."""
    assert in_own_process(note_without_room, home=str(tmp_path)) == ["escrow_failed", "before"]


def note_without_room(home: str) -> list[str]:
    """Note on a full disk; return the error's code and what stands there afterwards."""
    with Records(Path(home)) as records:
        records.note(PIXEL, outcome="before")
        with no_room(), pytest.raises(EscrowFailed) as failed:
            records.note(PIXEL, outcome="after")
        known = records.get(PIXEL)
    assert known is not None
    return [failed.value.code, known.outcome]


def test_a_home_that_may_not_be_written_is_said_in_words(tmp_path: Path) -> None:
    """With a next step, and without the database's own text behind it."""
    with Records(tmp_path / "home") as records:
        with no_permission(tmp_path), pytest.raises(EscrowFailed, match="Permission") as failed:
            records.note(PIXEL)
        assert failed.value.next_step
        assert failed.value.__context__ is None
        records.note(PIXEL)


def test_a_damaged_file_is_said_in_words_and_left(tmp_path: Path) -> None:
    """Moving it away loses nothing that is not elsewhere; that is the person's to do."""
    (tmp_path / "records.db").write_bytes(b"not a database" * 100)
    with Records(tmp_path) as records:
        with pytest.raises(EscrowFailed, match="not a database") as failed:
            records.all()
        assert "move it away" in failed.value.next_step
        (tmp_path / "records.db").rename(tmp_path / "away")
        records.note(PIXEL)
        assert len(records.all()) == 1


def test_records_of_a_later_version_are_left_alone(tmp_path: Path) -> None:
    """An older program must not write into tables it does not know."""
    with Records(tmp_path) as records:
        records.note(PIXEL)
    with sqlite3.connect(tmp_path / "records.db") as database:
        database.execute("UPDATE pixelmint_about SET schema = 99")
    database.close()
    with Records(tmp_path) as records, pytest.raises(UsageError, match="later"):
        records.note(PIXEL, outcome="generated")


@pytest.mark.parametrize(
    "url", ["hidden", "no-such-database://user:hidden@host/name", "://hidden", "mysql+hidden://x"]
)
def test_an_address_that_is_no_database_is_not_repeated(url: str) -> None:
    """It may hold a password."""
    with Records(url) as records, pytest.raises(UsageError) as refused:
        records.all()
    assert "hidden" not in refused.value.message
    assert refused.value.__context__ is None


def test_a_database_may_be_named_by_its_address(tmp_path: Path) -> None:
    """As PIXELMINT_DATABASE_URL does."""
    with Records(f"sqlite:///{tmp_path}/other.db") as records:
        records.note(PIXEL, outcome="generated")
        known = records.get(PIXEL)
    assert known is not None
    assert known.outcome == "generated"


def test_a_database_that_does_not_answer_is_said_without_its_address(tmp_path: Path) -> None:
    """The driver's own words may repeat it."""
    with Records(f"sqlite:///{tmp_path}/hidden/x.db") as records:
        with pytest.raises(EscrowFailed) as failed:
            records.all()
    assert "hidden" not in failed.value.message

"""Times of a cron expression in a zone: every night once, whatever is done to the clocks."""

import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter
from hypothesis import given, settings
from hypothesis import strategies as some

from automation.cron import Cron, calendars, local_zone, parse
from automation.errors import UsageError

BERLIN = "Europe/Berlin"


def times(cron: Cron, since: str, count: int) -> list[str]:
    """Return the times after a local one, as people of the zone read them."""
    moment, found = datetime.fromisoformat(since).replace(tzinfo=cron.zone), []
    for _ in range(count):
        moment = cron.after(moment.astimezone(UTC))
        found.append(f"{moment.astimezone(cron.zone):%m-%d %H:%M %z}")
    return found


@pytest.mark.parametrize(
    ("text", "since", "come"),
    [
        # Clocks go forward from 02:00 to 03:00 on 29 March, and back from 03:00 on 25 October.
        ("30 2 * * *", "2026-03-28T03:00",
         ["03-29 03:30 +0200", "03-30 02:30 +0200", "03-31 02:30 +0200"]),
        ("30 2 * * *", "2026-10-24T03:00",
         ["10-25 02:30 +0200", "10-26 02:30 +0100", "10-27 02:30 +0100"]),
        ("0 3 * * *", "2026-03-28T04:00", ["03-29 03:00 +0200", "03-30 03:00 +0200"]),
        ("0 2,3 * * *", "2026-03-28T04:00", ["03-29 03:00 +0200", "03-30 02:00 +0200"]),
        ("0 * * * *", "2026-10-25T00:30",
         ["10-25 01:00 +0200", "10-25 02:00 +0200", "10-25 02:00 +0100", "10-25 03:00 +0100"]),
        ("*/30 * * * *", "2026-10-25T02:00",
         ["10-25 02:30 +0200", "10-25 02:00 +0100", "10-25 02:30 +0100", "10-25 03:00 +0100"]),
        ("@daily", "2026-10-25T00:00", ["10-26 00:00 +0100"]),
        ("0 2 1 * 1", "2026-10-25T00:00", ["10-26 02:00 +0100", "11-01 02:00 +0100"]),
    ],
)  # fmt: skip
def test_each_local_time_comes_once(text: str, since: str, come: list[str]) -> None:
    """One that does not exist comes as much later; one that comes twice counts the first time."""
    assert times(parse(text, BERLIN), since, len(come)) == come


def test_what_the_engine_counts_with_would_fire_twice_in_an_autumn_night() -> None:
    """Why its scheduler is not used. Fails once that is mended there."""
    start = datetime(2026, 10, 25, 0, 30, tzinfo=ZoneInfo(BERLIN))
    its = croniter("30 2 * * *", start, second_at_beginning=True)
    assert [its.get_next(datetime).day for _ in range(3)] == [25, 25, 26]


@settings(max_examples=60, deadline=None)
@given(
    some.sampled_from(("30 2 * * *", "0 */6 * * *", "15 1-3 * * 1-5", "5 4 1,15 * *")),
    some.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1)),
)
def test_in_a_zone_without_changes_it_agrees_with_others(text: str, naive: datetime) -> None:
    """With croniter alone; and looking back finds what looking forward passed."""
    cron, moment = parse(text, "UTC"), naive.replace(tzinfo=UTC)
    following = cron.after(moment)
    assert following.replace(tzinfo=None) == croniter(text, naive).get_next(datetime)
    assert cron.latest(moment, following) == following
    assert cron.latest(moment, following - timedelta(seconds=1)) is None
    much_later = following + timedelta(days=200)
    last = cron.latest(moment, much_later)
    assert last is not None and cron.after(last) > much_later


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("61 25 * * *", "minute '61' is not in 0 to 59; the hour '25' is not in 0 to 23"),
        ("nightly", "1 fields, not five"),
        ("0 30 2 * * *", "6 fields, not five"),
        ("", "0 fields"),
        ("0 2 31 2 *", "never comes"),
        ("0 2 32 * *", "day of the month '32'"),
        ("0 2 * foo *", "month 'foo'"),
        ("0 2 * * 9", "day of the week '9'"),
        ("H 2 * * *", "minute 'H'"),
        ("0 2 L * *", "day of the month 'L'"),
        ("0 2 * * 5#2", "day of the week '5#2'"),
        ("*/0 2 * * *", "minute '*/0'"),
    ],
)
def test_a_bad_expression_is_refused_with_what_is_wrong(text: str, says: str) -> None:
    """And with an example of a good one."""
    with pytest.raises(UsageError, match="--cron") as refused:
        parse(text, "UTC")
    assert says in refused.value.message
    assert "30 2 * * *" in refused.value.next_step


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", "/etc/localtime"])
def test_an_unknown_zone_is_refused(zone: str) -> None:
    """By its name."""
    with pytest.raises(UsageError, match="no zone"):
        parse("@daily", zone)


def test_without_a_zone_it_is_the_machine_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """As cron itself does it."""
    monkeypatch.setenv("TZ", BERLIN)
    assert parse("@daily").zone.key == local_zone() == BERLIN
    monkeypatch.delenv("TZ")
    assert ZoneInfo(local_zone())


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("30 2 * * *", ["*-*-* 02:30:00 Europe/Berlin"]),
        ("0 2 * * mon-fri", ["Mon,Tue,Wed,Thu,Fri *-*-* 02:00:00 Europe/Berlin"]),
        ("0 2 * * 7", ["Sun *-*-* 02:00:00 Europe/Berlin"]),
        ("0 2 1 jan 1", ["*-01-01 02:00:00 Europe/Berlin", "Mon *-01-* 02:00:00 Europe/Berlin"]),
        ("*/20 1-3 * * *", ["*-*-* 01,02,03:00,20,40:00 Europe/Berlin"]),
    ],
)
def test_systemd_is_told_the_same_times(text: str, lines: list[str]) -> None:
    """cron's either-or of two kinds of day becomes two lines; systemd agrees where it is had."""
    cron = parse(text, BERLIN)
    assert calendars(cron) == lines
    systemd = shutil.which("systemd-analyze")
    if systemd is None:
        return  # the lines above are what it was found to accept
    base = "--base-time=2026-06-01 12:00:00 UTC"
    asked = subprocess.run(
        [systemd, "calendar", base, "--iterations=8", *lines],
        env={"TZ": "UTC", "LC_ALL": "C"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    said = [line for line in asked.stdout.splitlines() if line.strip().endswith("UTC")]
    found = {
        datetime.strptime(line.split(": ", 1)[1].strip(), "%a %Y-%m-%d %H:%M:%S UTC")
        for line in said
    }
    moment, ours = datetime(2026, 6, 1, 12, tzinfo=UTC), set()
    for _ in range(8):
        moment = cron.after(moment)
        ours.add(moment.replace(tzinfo=None))
    assert ours <= found

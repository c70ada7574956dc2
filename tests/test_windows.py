"""Windows by the clock on the wall, durations, spreads."""

import zoneinfo
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automation.errors import UsageError
from automation.windows import Window, offset, parse_duration, parse_window

ZONES = ("UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe")
moments = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)).map(
    lambda at: at.replace(tzinfo=UTC)
)
minutes = st.integers(0, 24 * 60 - 1)
windows = st.builds(Window, minutes, minutes, st.sampled_from(ZONES)).filter(
    lambda each: each.begins != each.ends
)


def at(text: str, zone: str = "Europe/Berlin") -> datetime:
    """Read a moment of a zone."""
    return datetime.fromisoformat(text).replace(tzinfo=zoneinfo.ZoneInfo(zone))


def utc(text: str) -> datetime:
    """Read a moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@given(windows, moments)
def test_it_is_open_by_the_clock_on_the_wall(window: Window, moment: datetime) -> None:
    """Whatever the date: the local time alone decides."""
    local = moment.astimezone(zoneinfo.ZoneInfo(window.zone)).time()
    begins, ends = (time(each // 60, each % 60) for each in (window.begins, window.ends))
    inside = begins <= local < ends if begins < ends else not (ends <= local < begins)
    assert window.is_open(moment) is inside


@given(windows, moments)
def test_it_opens_and_closes_at_the_first_minute_and_no_earlier(
    window: Window, moment: datetime
) -> None:
    """Between now and then nothing changes."""
    for changes, wanted in ((window.opens(moment), True), (window.closes(moment), False)):
        assert changes >= moment and window.is_open(changes) is wanted
        if changes > moment:
            assert window.is_open(changes - timedelta(microseconds=1)) is not wanted
            assert window.is_open(moment) is not wanted
        for step in range(1, 40):  # sampled, for the minute before was looked at already
            between = moment + (changes - moment) * step / 40
            assert changes == moment or window.is_open(between) is not wanted


@pytest.mark.parametrize(
    ("text", "now", "opens", "closes"),
    [
        ("02:00-05:00 Europe/Berlin", "2026-11-25T12:00", "2026-11-26T01:00", None),
        ("22:30-01:15 Europe/Berlin", "2026-11-25T23:59", None, "2026-11-26T00:15"),
        ("22:30-01:15 Europe/Berlin", "2026-11-26T00:30", None, "2026-11-26T00:15"),
        # The clock goes from 02:00 to 03:00: it opens late, and ends when it says.
        ("02:00-05:00 Europe/Berlin", "2026-03-29T00:30", "2026-03-29T01:00", None),
        ("02:00-05:00 Europe/Berlin", "2026-03-29T03:00", None, "2026-03-29T03:00"),
        # Wholly in the hour that is skipped: the next day.
        ("02:15-02:45 Europe/Berlin", "2026-03-29T00:30", "2026-03-30T00:15", None),
        # The clock goes from 03:00 back to 02:00: an hour longer.
        ("02:00-05:00 Europe/Berlin", "2026-10-25T02:30", None, "2026-10-25T04:00"),
    ],
)
def test_midnight_and_the_two_days_of_the_year(
    text: str, now: str, opens: str | None, closes: str | None
) -> None:
    """As people read the clock."""
    window = parse_window(text)
    assert window.is_open(at(now)) is (opens is None)
    assert opens is None or window.opens(at(now)) == utc(opens)
    assert closes is None or window.closes(at(now)) == utc(closes)


def test_a_window_of_the_whole_day_never_closes_soon_and_none_names_no_zone() -> None:
    """Without a zone the machine's own clock counts."""
    whole = parse_window("00:00-24:00 UTC")
    assert whole.closes(utc("2026-11-25T12:00")) > utc("2026-12-01T00:00")
    local = parse_window("2:00 - 5:00")
    assert local == Window(120, 300) and str(local) == "02:00-05:00"
    noon = datetime(2026, 11, 25, 3).astimezone()
    assert local.is_open(noon) and not local.is_open(noon + timedelta(hours=3))


@pytest.mark.parametrize(
    "text",
    ["", "02:00", "02:00-02:00", "24:00-05:00", "02:60-05:00", "02:00-24:01", "25:00-26:00",
     "02:00-05:00 Europe/Nowhere", "02:00-05:00 ../etc/passwd", "02:00-05:00 Europe/Berlin UTC"],
)  # fmt: skip
def test_what_is_no_window_is_refused(text: str) -> None:
    """With how it is written."""
    with pytest.raises(UsageError) as refused:
        parse_window(text)
    assert "02:00-05:00 Europe/Berlin" in refused.value.next_step


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("60d", timedelta(days=60)), ("12h", timedelta(hours=12)), ("90m", timedelta(minutes=90)),
     ("0d", timedelta(0)), (" 1d ", timedelta(days=1))],
)  # fmt: skip
def test_durations(text: str, wanted: timedelta) -> None:
    """Days, hours, minutes."""
    assert parse_duration(text) == wanted


@pytest.mark.parametrize(
    "text", ["", "60", "d", "-1d", "1.5d", "1w", "1d2h", "1 d", "\uff19d", "9999999d"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    """Never guessed at."""
    with pytest.raises(UsageError):
        parse_duration(text)


@given(st.text(), st.integers(0, 60 * 24 * 60).map(lambda each: timedelta(minutes=each)))
def test_an_offset_is_stable_and_within_the_spread(name: str, spread: timedelta) -> None:
    """The same in every run."""
    drawn = offset(name, spread)
    assert drawn == offset(name, spread) and timedelta(0) <= drawn <= spread


def test_offsets_are_spread_evenly() -> None:
    """Of a thousand names each tenth of the spread gets its share, and no two runs differ."""
    tenths = [offset(f"D{n:019}", timedelta(days=10)).days for n in range(1000)]
    assert all(60 <= tenths.count(each) <= 140 for each in range(10))

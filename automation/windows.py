"""When work may begin: windows of the day on somebody's clock, durations, and a stable spread."""

import hashlib
import re
import zoneinfo
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from automation.errors import UsageError

_WINDOW = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})(?:\s+(\S+))?", re.ASCII)
_DURATION = re.compile(r"([0-9]{1,5})([dhm])")
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}
_DAY = 24 * 60
_MINUTE = timedelta(minutes=1)
_FARTHEST_MIN = 8 * _DAY
"""How far ahead is looked; a window that the clock skips one day opens the next."""


@dataclass(frozen=True)
class Window:
    """A part of every day, by the clock on the wall: what the clock skips or repeats, it does too.

    A window inside the hour that is skipped in spring does not open that day; one inside the hour
    that is repeated in autumn opens twice.
    """

    begins: int
    """Minutes after midnight."""
    ends: int
    """Minutes after midnight, itself outside; before `begins` where midnight lies between."""
    zone: str = ""
    """As in "Europe/Berlin"; empty for this machine's own."""

    def is_open(self, at: datetime) -> bool:
        """Tell whether this moment lies in the window.

        Args:
            at: any moment that knows its zone.
        """
        local = at.astimezone(zoneinfo.ZoneInfo(self.zone) if self.zone else None)
        minute = local.hour * 60 + local.minute
        if self.begins < self.ends:
            return self.begins <= minute < self.ends
        return minute >= self.begins or minute < self.ends

    def opens(self, at: datetime) -> datetime:
        """Return the first moment, from this one on, that lies in the window; in UTC."""
        return self._first(at, is_open=True)

    def closes(self, at: datetime) -> datetime:
        """Return the first moment, from this one on, that lies outside; in UTC."""
        return self._first(at, is_open=False)

    def _first(self, at: datetime, *, is_open: bool) -> datetime:
        moment = at.astimezone(UTC)
        if self.is_open(moment) == is_open:
            return moment
        # Minute by minute: no rule of any zone has to be known. Offsets are whole minutes.
        moment = moment.replace(second=0, microsecond=0)
        for _ in range(_FARTHEST_MIN):
            moment += _MINUTE
            if self.is_open(moment) == is_open:
                return moment
        return moment  # open all day

    def __str__(self) -> str:
        begins, ends = (f"{each // 60:02}:{each % 60:02}" for each in (self.begins, self.ends))
        return f"{begins}-{ends}" + (f" {self.zone}" if self.zone else "")


def parse_window(text: str) -> Window:
    """Read "02:00-05:00 Europe/Berlin"; without a zone, this machine's clock counts.

    Raises:
        UsageError: it is no window, or nobody knows the zone.
    """
    found = _WINDOW.fullmatch(text.strip())
    times = [int(each) for each in found.groups()[:4]] if found else []
    if found is None or any(each > 59 for each in times[1::2]):
        raise _no_window(text)
    begins, ends = times[0] * 60 + times[1], times[2] * 60 + times[3]
    if begins >= _DAY or ends > _DAY or begins == ends:
        raise _no_window(text)
    zone = found[5] or ""
    try:
        zoneinfo.ZoneInfo(zone or "UTC")
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise _no_window(text, f": no zone is called {zone}") from None
    return Window(begins, ends, zone)


def _no_window(text: str, why: str = "") -> UsageError:
    return UsageError(
        f"{text!r} is no window{why}", next_step='write it as "02:00-05:00 Europe/Berlin"'
    )


def parse_duration(text: str) -> timedelta:
    """Read days, hours or minutes: "60d", "12h", "90m".

    Raises:
        UsageError: it is none of these.
    """
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"{text!r} is no duration", next_step="write it as 60d, 12h or 90m")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def offset(name: str, spread: timedelta) -> timedelta:
    """Return a name's own part of a spread: the same always, and even over all names."""
    drawn = int.from_bytes(hashlib.sha256(f"spread {name}".encode()).digest()[:8])
    return spread * (drawn / 2**64)

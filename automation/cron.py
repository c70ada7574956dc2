"""When a cron expression comes due in a zone, each local time once, also where clocks are changed.

The engine's own scheduler is not used for this: it fires a 02:30 that comes twice in an autumn
night twice, and makes up for every missed time instead of one.
"""

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from automation.errors import UsageError

_FIELDS = (
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day of the month", "1 to 31"),
    ("month", "1 to 12 or jan to dec"),
    ("day of the week", "0 to 7 or sun to sat"),
)
_ALIASES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
}
_SPAN = timedelta(hours=3)
"""More than any zone's clock is ever changed by."""
_ADVICE = 'five fields as in crontab(5), e.g. --cron "30 2 * * *" for every night at half past two'


@dataclass(frozen=True)
class Cron:
    """An expression in a zone, checked."""

    text: str
    """Five fields, as in crontab(5), whatever alias was given."""
    zone: ZoneInfo
    fields: tuple[tuple[int, ...], ...]
    """Minutes, hours, days, months, days of the week (0 is Sunday); empty stands for all."""

    def after(self, moment: datetime) -> datetime:
        """Return the first time that is later than a moment. Both UTC.

        A local time that does not exist, because clocks go forward over it, comes as much later as
        they go forward; one that exists twice comes the first time, unless every hour is asked for.
        """
        found: list[datetime] = []
        last: datetime | None = None
        for local in self._local(moment.astimezone(self.zone).replace(tzinfo=None) - _SPAN):
            if last is not None and local > last:
                break
            found += [each for each in self._instants(local) if each > moment]
            if found and last is None:
                last = local + _SPAN  # until there nothing earlier can come
        return min(found)

    def latest(self, since: datetime, until: datetime) -> datetime | None:
        """Return the last time later than `since` and not later than `until`; None: there is none.

        Looks back from `until` in growing steps, so that a long absence costs little.
        """
        step = timedelta(hours=1)
        while True:
            start = max(since, until - step)
            found, each = None, self.after(start)
            while each <= until:
                found, each = each, self.after(each)
            if found is not None or start == since:
                return found
            step *= 4

    def shown(self, moment: datetime) -> str:
        """Return a time as people of the zone read it."""
        return f"{moment.astimezone(self.zone):%a %Y-%m-%d %H:%M %Z}"

    def _local(self, start: datetime) -> Iterator[datetime]:
        from croniter import croniter

        times = croniter(self.text, start)
        while True:
            yield times.get_next(datetime)

    def _instants(self, local: datetime) -> Iterator[datetime]:
        folds = (0, 1) if not self.fields[1] else (0,)
        yield from {local.replace(tzinfo=self.zone, fold=each).astimezone(UTC) for each in folds}


def parse(text: str, zone: str | None = None) -> Cron:
    """Check an expression and a zone.

    Args:
        text: five fields, or an alias such as `@daily`.
        zone: an IANA name, e.g. "Europe/Berlin"; None for this machine's own.

    Raises:
        UsageError: which field is wrong and what it takes; or the zone is unknown here.
    """
    from croniter import CroniterError, croniter

    parts = _ALIASES.get(text.strip().lower(), text).split()
    if len(parts) != len(_FIELDS):
        what = f"--cron has {len(parts)} fields, not five"
        raise UsageError(what, next_step=_ADVICE)
    faults = []
    for at, ((name, takes), part) in enumerate(zip(_FIELDS, parts, strict=True)):
        alone = ["*"] * at + [part] + ["*"] * (len(_FIELDS) - 1 - at)
        try:
            # Its further letters (L, #, H, R, ?) mean different things to different crons.
            if not re.fullmatch(r"[\dA-Za-z*,/-]+", part) or re.search(r"(?i)(^|\W)[lhr]", part):
                raise CroniterError
            croniter.expand(" ".join(alone))
        except CroniterError:
            faults.append(f"the {name} {part!r} is not in {takes}")
    if faults:
        raise UsageError(f"--cron: {'; '.join(faults)}", next_step=_ADVICE)
    lists, _ = croniter.expand(" ".join(parts))
    fields = tuple(tuple(each for each in one if isinstance(each, int)) for one in lists)
    made = Cron(" ".join(_plain(parts, fields)), _zone(zone), fields)
    try:
        made.after(datetime.now(UTC))
    except CroniterError:
        raise UsageError(f"--cron: {text!r} never comes", next_step=_ADVICE) from None
    return made


def _plain(parts: list[str], fields: tuple[tuple[int, ...], ...]) -> Iterator[str]:
    """Write names, and the 7 for Sunday, as numbers, which every reader of cron takes."""
    for part, numbers in zip(parts, fields, strict=True):
        is_odd = re.search(r"[A-Za-z7]", part) and not part.startswith("*")
        yield ",".join(map(str, numbers)) if numbers and is_odd else part


def local_zone() -> str:
    """Return the IANA name of this machine's zone; "UTC" where it cannot be told."""
    given = os.environ.get("TZ", "").removeprefix(":")
    if given:
        return given
    path = str(Path("/etc/localtime").resolve())
    return path.partition("zoneinfo/")[2] or "UTC"


def _zone(name: str | None) -> ZoneInfo:
    named = name or local_zone()
    with contextlib.suppress(OSError, ValueError, KeyError):  # not found is a KeyError
        return ZoneInfo(named)
    raise UsageError(
        f"--timezone: {named!r} is no zone known here",
        next_step="name one as Europe/Berlin; where the machine has no zones: pip install tzdata",
    )


def calendars(cron: Cron) -> list[str]:
    """Return the same times as systemd's OnCalendar= takes them, one line each.

    cron takes a day if either the day of the month or the day of the week fits, once both are
    given; systemd only if both do. So that becomes two lines, of which either starts the unit.
    """
    minutes, hours, days, months, weekdays = cron.fields
    clock = f"{_numbers(hours)}:{_numbers(minutes)}:00 {cron.zone.key}"
    names = ",".join("Sun Mon Tue Wed Thu Fri Sat".split()[each] for each in weekdays)
    month = _numbers(months)
    by_day = f"*-{month}-{_numbers(days)} {clock}"
    by_weekday = f"{names} *-{month}-* {clock}"
    if weekdays and days:
        return [by_day, by_weekday]
    return [by_weekday if weekdays else by_day]


def _numbers(given: tuple[int, ...]) -> str:
    return ",".join(f"{each:02}" for each in given) or "*"

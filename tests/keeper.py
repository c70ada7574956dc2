"""A process that keeps a schedule by a clock of its own, which jumps; for `test_nights`.

Takes the cron expression, a zone, where to start and to end, a file to write each run to, and the
database's address or "". Home is PIXELMINT_HOME.
"""

import os
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

from automation.cron import parse
from automation.database import Database
from automation.nights import Clock, Keeping, Nights


class Jumping(Clock):
    """Is at once where it is waited for, and ends the schedule at the end."""

    def __init__(self, start: datetime, end: datetime, stop: threading.Event) -> None:
        self._now, self._end, self._stop = start, end, stop

    def now(self) -> datetime:
        """Return the moved time."""
        return self._now

    def wait(self, until: datetime, stop: threading.Event) -> None:
        """Jump there."""
        self._now = until
        if until >= self._end:
            self._stop.set()


def main(text: str, zone: str, start: str, end: str, out: str, url: str) -> None:
    """Keep it to the end."""
    home, stop, cron = Path(os.environ["PIXELMINT_HOME"]), threading.Event(), parse(text, zone)
    times = [datetime.fromisoformat(each).astimezone(UTC) for each in (start, end)]

    def do(due: datetime) -> None:
        with Path(out).open("a") as file:  # appended in one write, whoever else does
            file.write(f"{cron.shown(due)} {os.getpid()}\n")

    with Database(url or home) as database:
        nights = Nights(home, database, f"{text} {zone}", url or None)
        Keeping(
            cron, nights, do, catch_up=True, tell=print, before=lambda _next: None,
            stop=stop, clock=Jumping(times[0], times[1], stop),
        ).keep()  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])

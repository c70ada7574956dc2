"""A schedule kept by one or several processes, over nights that a moved clock simulates."""

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from automation.cron import parse
from automation.database import Database
from automation.errors import EscrowFailed
from automation.nights import LATE, Keeping, Night, Nights
from tests.flows_helpers import LIMIT_S, ROOT
from tests.keeper import Jumping

CRON = parse("30 2 * * *", "Europe/Berlin")
MONDAY = datetime(2026, 6, 1, 12, tzinfo=UTC)


def at(day: int, hour: int = 0, minute: int = 30) -> datetime:
    """Return a time in June 2026, UTC; 02:30 in Berlin is 00:30."""
    return datetime(2026, 6, day, hour, minute, tzinfo=UTC)


class Kept:
    """A schedule of this home, and what came of it."""

    def __init__(self, home: Path, database: Database) -> None:
        self.nights = Nights(home, database, "key")
        self.done: list[datetime] = []
        self.told: list[str] = []
        self.upcoming: list[datetime] = []

    def keep(
        self,
        start: datetime,
        end: datetime,
        *,
        catch_up: bool = True,
        do: Callable[[datetime], None] | None = None,
    ) -> None:
        """Keep it over a simulated time."""
        stop = threading.Event()
        Keeping(
            CRON, self.nights, do or self.done.append, catch_up=catch_up, tell=self.told.append,
            before=self.upcoming.append, stop=stop, clock=Jumping(start, end, stop),
        ).keep()  # fmt: skip


@pytest.fixture
def kept(home: Path) -> "Kept":
    """A schedule nobody has kept yet."""
    with Database(home) as database:
        yield Kept(home, database)


def test_it_runs_each_night_and_says_when_the_next_is(kept: Kept) -> None:
    """Nothing is made up for at the first start; the next time is told ahead of each wait, once."""
    kept.keep(MONDAY, at(5))
    assert kept.done == [at(2), at(3), at(4)]
    assert kept.upcoming == [at(2), at(3), at(4), at(5)]
    assert kept.told == []


def test_missed_nights_are_made_up_for_once(kept: Kept) -> None:
    """The latest of them, when it starts again; the following night comes as usual."""
    kept.keep(MONDAY, at(3))
    kept.keep(at(6, 9), at(8))
    assert kept.done == [at(2), at(6), at(7)]
    assert [each[:39] for each in kept.told] == ["the run of Sat 2026-06-06 02:30 CEST wa"]
    assert "missed" in kept.told[0]


def test_or_left_out_as_told(kept: Kept) -> None:
    """Also when it starts a third time."""
    kept.keep(MONDAY, at(3))
    kept.keep(at(6, 9), at(6, 23), catch_up=False)
    kept.keep(at(6, 20), at(8), catch_up=False)
    assert kept.done == [at(2), at(7)]
    assert len(kept.told) == 1 and "left out" in kept.told[0]


def test_a_little_late_is_not_missed(kept: Kept) -> None:
    """A machine is busy, another process was first: five minutes are the night itself."""
    kept.keep(MONDAY, at(2, 0, 0))
    kept.keep(at(2) + LATE, at(3), catch_up=False)
    assert kept.done == [at(2)] and kept.told == []


def test_a_run_that_takes_past_its_next_time_is_followed_by_one(kept: Kept) -> None:
    """Not by as many as it took."""
    stop = threading.Event()
    clock = Jumping(MONDAY, at(6), stop)

    def do(due: datetime) -> None:
        kept.done.append(due)
        if len(kept.done) == 1:
            clock.wait(at(4, 12), stop)

    Keeping(
        CRON, kept.nights, do, catch_up=True, tell=kept.told.append,
        before=kept.upcoming.append, stop=stop, clock=clock,
    ).keep()  # fmt: skip
    assert kept.done == [at(2), at(4), at(5)]


def test_a_run_cut_short_is_taken_up_again(kept: Kept) -> None:
    """By whoever starts next: its lock is free, and its night is not done."""

    def stopped(due: datetime) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kept.keep(MONDAY, at(3), do=stopped)
    assert kept.nights.read() == Night(at(2), "begun", kept.nights.read().by)
    kept.keep(at(2, 3), at(3))
    assert kept.done == [at(2)] and "cut short" in kept.told[0]


def test_another_that_is_at_it_is_waited_for(home: Path, kept: Kept) -> None:
    """And its night is not done again. It says so once."""
    second = Nights(home, kept.nights._database, "key")
    seen: list[bool] = []

    def do(due: datetime) -> None:
        kept.done.append(due)
        with second.alone() as mine:
            seen.append(mine)

    kept.keep(MONDAY, at(3), do=do)
    assert seen == [False]

    lines: list[str] = []

    class Freeing(Jumping):
        def wait(self, until: datetime, stop: threading.Event) -> None:
            super().wait(until, stop)
            if until > at(3) + timedelta(seconds=20):
                holder.close()

    stop = threading.Event()
    from contextlib import ExitStack

    with ExitStack() as holder:
        assert holder.enter_context(second.alone())
        second.write(Night(at(3), "done"))
        Keeping(
            CRON, kept.nights, kept.done.append, catch_up=True, tell=lines.append,
            before=kept.upcoming.append, stop=stop, clock=Freeing(at(3), at(4), stop),
        ).keep()  # fmt: skip
    assert kept.done == [at(2)]
    assert lines == ["another process does this run; waiting for its end"]


def test_another_schedule_is_not_kept_from_its_own(home: Path, kept: Kept) -> None:
    """Each has its own lock and its own row."""
    other = Nights(home, kept.nights._database, "another key")
    with kept.nights.alone() as mine, other.alone() as too:
        assert (mine, too) == (True, True)
        kept.nights.write(Night(at(2), "done"))
        assert other.read() is None


def test_a_database_that_is_away_is_waited_for(kept: Kept) -> None:
    """It says so once, and goes on where it was."""
    read, trouble = kept.nights.read, iter([1, 1, 1])

    def failing() -> Night | None:
        if next(trouble, None):
            raise EscrowFailed("the shared database cannot be reached (OperationalError)")
        return read()

    kept.nights.read = failing  # type: ignore[method-assign]  # a test's own
    kept.keep(MONDAY, at(4))
    assert kept.done == [at(2), at(3)]
    assert len(kept.told) == 1


SPRING = (
    "2026-03-27T12:00+01:00",
    "2026-03-30T12:00+02:00",
    ["Sat 2026-03-28 02:30 CET", "Sun 2026-03-29 03:30 CEST", "Mon 2026-03-30 02:30 CEST"],
)
AUTUMN = (
    "2026-10-23T12:00+02:00",
    "2026-10-26T12:00+01:00",
    ["Sat 2026-10-24 02:30 CEST", "Sun 2026-10-25 02:30 CEST", "Mon 2026-10-26 02:30 CET"],
)


@pytest.mark.parametrize(("start", "end", "nights"), [SPRING, AUTUMN], ids=["spring", "autumn"])
def test_two_processes_run_three_nights_once_each(
    home: Path, tmp_path: Path, start: str, end: str, nights: list[str]
) -> None:
    """Across a change of the clocks, on one home folder; whoever is first does it."""
    assert _two(tmp_path / "runs", start, end, "") == nights


def test_two_processes_share_a_database_across_the_change(
    home: Path, tmp_path: Path, database_url: str
) -> None:
    """As two machines do, on a real PostgreSQL."""
    start, end, nights = AUTUMN
    assert _two(tmp_path / "runs", start, end, database_url) == nights


def _two(out: Path, start: str, end: str, url: str) -> list[str]:
    """Let two processes keep one schedule; return the runs, in order."""
    command = [sys.executable, "-m", "tests.keeper", "30 2 * * *", "Europe/Berlin", start, end]
    children = [subprocess.Popen([*command, str(out), url], cwd=ROOT, stdout=subprocess.PIPE)
                for _ in range(2)]  # fmt: skip
    said = [child.communicate(timeout=LIMIT_S)[0] for child in children]
    assert [child.returncode for child in children] == [0, 0], said
    runs = Counter(line.rsplit(" ", 1)[0] for line in out.read_text().splitlines())
    assert set(runs.values()) == {1}
    return list(runs)

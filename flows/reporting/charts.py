"""The figures behind the page's charts, as parts of a hundred so that they fit any width."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from statistics import median

from automation.history import Entry
from flows.reporting.fleet import SOON, Fleet

DAYS = 30
"""Days of the chart over time."""
RUNS, ROWS = 12, 16
"""Runs that are shown, and rows of each."""
_BINS = 15
_PHASES = ("look up", "open", "find", "wait", "ask", "read", "store", "verify", "deliver")


@dataclass(frozen=True)
class Bar:
    """One bar of the ages."""

    begin: float
    """In days; up to but not including `end`."""
    end: float
    count: int
    band: str
    """fresh, soon or due."""
    left: float
    """Per cent of the width."""
    width: float
    height: float
    """Per cent of the highest."""


@dataclass(frozen=True)
class Ages:
    """How old the tokens are."""

    bars: list[Bar]
    limit_left: float
    """Where the rotation limit is, per cent of the width."""
    highest: int
    span_days: float
    ticks: list[tuple[float, str]]
    """Per cent of the width and label."""


def ages(fleet: Fleet) -> Ages:
    """Put the ages into bars of equal width, the limit always at the edge of one."""
    limit = fleet.limit_days
    step = limit / 10  # ten bars up to the limit
    oldest = max(fleet.ages, default=0.0)
    number = max(_BINS, min(40, math.floor(oldest / step) + 2))
    if oldest >= number * step:  # a very old one must not make all others a single bar
        number = 40
    counts = Counter(min(number - 1, int(age / step + 1e-9)) for age in fleet.ages)
    highest = max(counts.values(), default=0)
    part = 100 / number
    bars = [
        Bar(
            at * step, (at + 1) * step if at < number - 1 else max(oldest, (at + 1) * step),
            counts[at],
            "due" if at >= 10 else "soon" if at >= SOON * 10 else "fresh",
            at * part, part, 100 * counts[at] / highest if highest else 0.0,
        )
        for at in range(number)
    ]  # fmt: skip
    every = max(1, round(number / 5))
    ticks = [(at * part, f"{at * step:g}") for at in range(0, number, every)]
    return Ages(bars, 10 * part, highest, number * step, ticks)


@dataclass(frozen=True)
class Day:
    """What was done on one day, UTC."""

    day: date
    done: int
    """Tokens generated, rotated or recovered."""
    failed: int
    left: float
    width: float
    up: float
    """Per cent of the highest day of each kind, put together."""
    down: float


@dataclass(frozen=True)
class Activity:
    """The last days, one after the other."""

    days: list[Day]
    highest: int
    """Most that was done on one day."""
    base: float
    """How far down the line between both kinds is, per cent."""
    done: int
    failed: int


def activity(fleet: Fleet) -> Activity:
    """Count what was done and what failed on each of the last days."""
    done: Counter[date] = Counter()
    failed: Counter[date] = Counter()
    for each in fleet.history:
        if each.command != "dry run":
            (failed if each.outcome == "failed" else done)[each.at.date()] += 1
    days = [fleet.now.date() - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    highest = max(done[each] for each in days)
    lowest = max(failed[each] for each in days)
    part, scale = 100 / DAYS, 100 / ((highest + lowest) or 1)
    made = [
        Day(each, done[each], failed[each], at * part, part, done[each] * scale,
            failed[each] * scale)
        for at, each in enumerate(days)
    ]  # fmt: skip
    return Activity(
        made,
        highest,
        highest * scale,
        sum(each.done for each in made),
        sum(each.failed for each in made),
    )


@dataclass(frozen=True)
class Piece:
    """One step of a row's bar."""

    name: str
    seconds: float
    colour: int
    """Which of the page's colours for steps; 0 is for those without one of their own."""
    left: float
    width: float
    broke: bool = False
    """Whether the row failed in this step."""


@dataclass(frozen=True)
class Row:
    """One pixel's turn in a run."""

    entry: Entry
    pieces: list[Piece]


@dataclass(frozen=True)
class Run:
    """One invocation."""

    entries: list[Entry]
    rows: list[Row]
    """At most `ROWS`, those that failed first."""
    outcomes: list[tuple[str, int]] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """From the first row's begin to the last one's end."""
        begins = [each.at - timedelta(seconds=each.seconds) for each in self.entries]
        return (max(each.at for each in self.entries) - min(begins)).total_seconds()

    @property
    def commands(self) -> str:
        """What was done, e.g. "generate"."""
        return " + ".join(dict.fromkeys(each.command for each in self.entries))


def runs(fleet: Fleet) -> list[Run]:
    """Return the newest runs, the newest first."""
    found: dict[str, list[Entry]] = {}
    for each in reversed(fleet.history):
        found.setdefault(each.run, []).append(each)
    return [_run(entries[::-1]) for entries in list(found.values())[:RUNS]]


def _run(entries: list[Entry]) -> Run:
    shown = sorted(entries, key=lambda each: each.outcome != "failed")[:ROWS]
    longest = max((each.seconds for each in shown), default=0.0) or 1.0
    outcomes = Counter(each.outcome for each in entries).most_common()
    return Run(entries, [Row(each, _pieces(each, longest)) for each in shown], outcomes)


def _pieces(entry: Entry, longest: float) -> list[Piece]:
    pieces: list[Piece] = []
    left = 0.0
    known = list(entry.phases.items()) or [("", entry.seconds)]
    for at, (name, seconds) in enumerate(known):
        width = 100 * seconds / longest
        broke = entry.outcome == "failed" and at == len(known) - 1
        pieces.append(Piece(name, seconds, colour_of(name), left, width, broke))
        left += width
    return pieces


def colour_of(phase: str) -> int:
    """Return which of the page's colours a step has; 0 is the one for all others."""
    return _PHASES.index(phase) + 1 if phase in _PHASES else 0


def typical(history: Sequence[Entry]) -> list[Piece]:
    """Return the median seconds of each step, over the turns that made a token."""
    found: dict[str, list[float]] = {}
    for each in history:
        for name, seconds in each.phases.items() if each.outcome != "failed" else ():
            found.setdefault(name, []).append(seconds)
    middles = {name: median(took) for name, took in found.items()}
    total, left, pieces = sum(middles.values()) or 1.0, 0.0, []
    for name in sorted(middles, key=lambda each: colour_of(each) or len(_PHASES) + 1):
        width = 100 * middles[name] / total
        pieces.append(Piece(name, middles[name], colour_of(name), left, width))
        left += width
    return pieces

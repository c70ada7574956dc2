"""How a run over many pixels is shown while it lasts: live on a terminal, in plain lines elsewhere.

On stderr, whatever stdout is. A line an account that is being worked on or waits for a person, and
one for the whole; where there is no terminal, one line when an account is through.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from automation.errors import FOR_A_PERSON
from automation.report import Result
from automation.secret import redact

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live

_A_SECOND = 4
_FEWEST = 3
"""Results before a rate means anything."""


@dataclass
class Lane:
    """One account."""

    rows: int
    done: int = 0
    failed: int = 0
    waiting: int = 0
    """Rows that wait for a person."""
    doing: str = ""
    """What is being done there this moment."""

    @property
    def told(self) -> int:
        """How many rows have ended, one way or another."""
        return self.done + self.failed + self.waiting

    @property
    def through(self) -> bool:
        """Whether nothing more is to come."""
        return self.told >= self.rows


@dataclass
class Board:
    """Where every account stands. Threads may write to it."""

    clock: Callable[[], float] = time.monotonic
    lanes: dict[str, Lane] = field(default_factory=dict)
    begun: float = 0.0

    def begin(self, rows: Mapping[str, int]) -> None:
        """Take what is to be done: how many rows of each account, or of each profile."""
        self.begun = self.clock()
        self.lanes = {name: Lane(count) for name, count in rows.items()}

    def note(self, name: str, result: Result) -> Lane:
        """Count what came of a row."""
        lane = self.lanes.setdefault(name, Lane(1))
        code = (result.as_json()["error"] or {}).get("code")
        if code in FOR_A_PERSON:
            lane.waiting += 1
        elif code:
            lane.failed += 1
        else:
            lane.done += 1
        return lane

    @property
    def shown(self) -> list[tuple[str, Lane]]:
        """The accounts to be seen: at work, or waiting for a person; longest at it first."""
        at_work = [each for each in self.lanes.items() if not each[1].through
                   and (each[1].doing or each[1].told)]  # fmt: skip
        return at_work + [each for each in self.lanes.items()
                          if each[1].through and each[1].waiting]  # fmt: skip

    def total(self) -> Lane:
        """Return all accounts as one."""
        every = list(self.lanes.values())
        return Lane(
            sum(each.rows for each in every),
            sum(each.done for each in every),
            sum(each.failed for each in every),
            sum(each.waiting for each in every),
        )

    def summary(self) -> str:
        """Return the whole in one line: how far, what failed, how fast, how long still."""
        total = self.total()
        said = [f"{total.told}/{total.rows} rows", f"{total.done} done"]
        said += [f"{total.failed} failed"] if total.failed else []
        said += [f"{total.waiting} waiting for a person"] if total.waiting else []
        tried, took_s = total.done + total.failed, self.clock() - self.begun
        if tried >= _FEWEST and took_s > 0:
            said.append(f"{60 * tried / took_s:.1f}/min")
            if left := total.rows - total.told:
                said.append(f"{span(left * took_s / tried)} left")
        return ", ".join(said)


def span(seconds: float) -> str:
    """Return a length of time as people say it: 40 s, 12 min, 3 h 20 min."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


class Watch:
    """Shows a board as the run goes on; says nothing where `out` and `console` are None."""

    def __init__(
        self,
        board: Board,
        out: Callable[[str], None] | None = None,
        console: "Console | None" = None,
    ) -> None:
        """Prepare; nothing is shown before `begin`.

        Args:
            board: what is shown.
            out: takes plain lines, one a call.
            console: a terminal, for the live display instead.
        """
        self.board, self._out, self._console = board, out, console
        self._guard = threading.Lock()
        self._live: Live | None = None

    @property
    def is_live(self) -> bool:
        """Whether what a lane is doing is shown in its place."""
        return self._live is not None

    def begin(self, rows: Mapping[str, int]) -> None:
        """Take what is to be done, and begin to show it."""
        self.board.begin(rows)
        if (console := self._console) is not None and self._live is None:
            from rich.live import Live

            self._live = Live(
                console=console,
                get_renderable=lambda: self.look(*console.size),
                refresh_per_second=_A_SECOND,
                redirect_stdout=False,  # results go their own way
                vertical_overflow="crop",
            )
            self._live.start()

    def doing(self, name: str, line: str) -> None:
        """Take what a lane is doing now."""
        with self._guard:
            if lane := self.board.lanes.get(name):
                lane.doing = redact(line)

    def note(self, name: str, result: Result) -> None:
        """Take what came of a row."""
        with self._guard:
            lane = self.board.note(name, result)
            if lane.through:
                lane.doing = ""
            if lane.through and self._out is not None:
                failed = f", {lane.failed} failed" if lane.failed else ""
                waits = f", {lane.waiting} waiting for a person" if lane.waiting else ""
                self._out(f"{name}: {lane.done} of {lane.rows} done{failed}{waits}; "
                          f"{self.board.summary()}")  # fmt: skip

    def look(self, width: int, height: int) -> "RenderableType":
        """Return the display: lines no wider, and no more of them, than there is room for."""
        from rich.console import Group
        from rich.text import Text

        with self._guard:
            shown, whole = self.board.shown, self.board.summary()
            most = max(1, height - 3)
            lines = [lane_line(name, lane, width) for name, lane in shown[:most]]
            if len(shown) > most:
                lines.append(Text(f"and {len(shown) - most} more", style="dim"))
            return Group(*lines, Text(whole, style="bold", overflow="fold"))

    def close(self) -> None:
        """Leave what was shown last where it is."""
        live, self._live = self._live, None
        if live is not None:
            live.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def lane_line(name: str, lane: Lane, width: int) -> "RenderableType":
    """Return an account's line: name, how far, what is wrong, what is being done."""
    from rich.text import Text

    line = Text(no_wrap=True, overflow="ellipsis", end="\n")
    line.append(name if width >= 60 else name[-8:])
    line.append(f"  {lane.told}/{lane.rows}")
    if lane.failed:
        line.append(f"  {lane.failed} failed", style="red")
    if lane.waiting:
        line.append(f"  {lane.waiting} waiting for a person", style="yellow")
    if lane.doing:
        line.append(f"  {lane.doing}", style="dim")
    line.truncate(width, overflow="ellipsis")
    return line


def watched(watch: Watch, results: Iterable[Result]) -> Iterator[Result]:
    """Yield a run's results, and put the display away when they end, however they do."""
    with watch:
        yield from results


def watch_for(*, verbosity: int, as_json: bool) -> Watch:
    """Return how this invocation shows a run: on its terminal, in lines, or not at all."""
    from rich.console import Console

    if verbosity < 0:
        return Watch(Board())
    # With results on the same terminal, lines that come and go would tear them.
    torn = as_json and sys.stdout.isatty()
    console = Console(stderr=True, highlight=False)
    if console.is_terminal and not console.is_dumb_terminal and verbosity == 0 and not torn:
        return Watch(Board(), console=console)
    return Watch(Board(), out=lambda line: print(redact(line), file=sys.stderr, flush=True))  # noqa: T201 -- progress, on stderr

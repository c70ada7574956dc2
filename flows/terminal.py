"""How an invocation talks: results to stdout, everything else to stderr."""

import contextlib
import shutil
import sys
import textwrap
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import typer

from automation.errors import AutomationError, UsageError
from automation.report import Result, json_line, table
from automation.secret import redact

if TYPE_CHECKING:
    from flows.workshop import Workshop

HEADS = ("PIXEL", "ACCOUNT", "OUTCOME", "FINGERPRINT", "STORE", "SECS")
"""Short, so that the table of what went well fits a window of eighty columns."""


class NotPrinted(Exception):
    """Stdout takes no more."""


@dataclass
class Terminal:
    """How this invocation talks: results to stdout, everything else to stderr."""

    profile: str = "default"
    as_json: bool = False
    verbosity: int = 0
    flags: dict[str, object] = field(default_factory=dict)
    pixels: list[str] = field(default_factory=list)
    """What was asked for, so that a refusal can be told for each."""
    _said: str = ""
    _told: set[tuple[str | None, ...]] = field(default_factory=set)

    def say(self, line: str) -> None:
        """Tell progress: on a terminal, or when asked for with -v. Not the same twice in a row."""
        if line == self._said:
            return
        self._said = line
        if self.verbosity >= 1 or (self.verbosity == 0 and sys.stderr.isatty()):
            print(f"{time.strftime('%H:%M:%S')} {redact(line)}", file=sys.stderr, flush=True)  # noqa: T201 -- the one place for progress

    def tell(self, line: str) -> None:
        """Tell what must be read: advice and failures, on stderr whatever was asked."""
        print(redact(line), file=sys.stderr, flush=True)  # noqa: T201 -- the one place for advice

    def out(self, line: str) -> None:
        """Print a result to stdout.

        Raises:
            NotPrinted: it takes no more, as a full disk.
            BrokenPipeError: its reader has gone.
        """
        with printing():
            print(redact(line), flush=True)  # noqa: T201 -- the one place for results

    def out_table(self, rows: Iterable[Sequence[str]], heads: Sequence[str]) -> None:
        """Print a table to stdout, fitted to the window where it is one."""
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        self.out(table(rows, heads, width))

    def out_entry(self, mark: str, text: str) -> None:
        """Print a marked text to stdout; in a window its lines stand beside the mark."""
        if sys.stdout.isatty():
            width = shutil.get_terminal_size().columns
            indent = " " * (len(mark) + 2)
            text = textwrap.fill(
                text, max(width, 40), initial_indent=indent, subsequent_indent=indent,
                break_long_words=False, break_on_hyphens=False,
            ).lstrip()  # fmt: skip
        self.out(f"{mark}  {text}")

    def failure(self, problem: AutomationError | Mapping[str, str | None]) -> None:
        """Tell what happened and what to do, in two lines."""
        told = problem.as_json() if isinstance(problem, AutomationError) else problem
        self.tell(f"{told['code']}: {told['message']}")
        if told["next_step"]:
            self.tell(f"  next: {told['next_step']}")

    def forget_told(self) -> None:
        """Begin anew, as each run of a schedule does."""
        self._told.clear()

    def is_news(self, result: Result) -> bool:
        """Tell whether a failure was not told yet: what all rows of an account fail by is once."""
        error = result.as_json()["error"] or {}
        what = (result.account, error.get("code"), error.get("message"))
        known = what in self._told
        self._told.add(what)
        return not known

    def out_failed(self, problem: AutomationError) -> None:
        """Print, with --json, the failure of each pixel that is still waited for."""
        named: list[str | None] = [*self.pixels] or [None]
        for pixel in named if self.as_json else []:
            self.out(json_line(Result(pixel, None, "failed", error=problem).as_json()))


terminal = Terminal()


@contextlib.contextmanager
def printing() -> Iterator[None]:
    """Tell a stdout that takes no more from all other trouble with files.

    Raises:
        NotPrinted: as a full disk.
        BrokenPipeError: its reader has gone.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as problem:
        reason = problem.strerror or type(problem).__name__
        raise NotPrinted(f"the results cannot be printed ({reason})") from None


def open_workshop(**flags: object) -> "Workshop":
    """Return what a command works with, from its flags and all other settings."""
    from automation.settings import load
    from flows.settings import ConsoleSettings
    from flows.workshop import Workshop

    return Workshop(load(flags, ConsoleSettings), terminal.profile, terminal.say)


def pixels_from(given: list[str]) -> list[str]:
    """Put what stdin names in the place of a dash, and remember all that was asked for.

    Raises:
        UsageError: none was named.
    """
    pixels: list[str] = []
    for each in given:
        pixels += sys.stdin.read().split() if each == "-" else [each]
    if not pixels:
        raise UsageError("no pixel was named", next_step="name one, or pipe some in with -")
    terminal.pixels = list(pixels)
    return pixels


def report(results: Iterable[Result], *, empty: str = "") -> None:
    """Print each result as it comes, and end with the highest exit code of them.

    Args:
        results: what came of each pixel.
        empty: what is told where there is none.
    """
    shown: list[Result] = []
    highest, none = 0, True
    terminal.forget_told()
    try:
        for result in results:
            highest, none = max(highest, result.exit_code), False
            if not terminal.as_json:  # of ten thousand that are printed at once, none is held
                shown.append(result)
            if result.pixel in terminal.pixels:
                terminal.pixels.remove(result.pixel)
            if terminal.as_json:
                terminal.out(json_line(result.as_json()))
            if result.error is not None and terminal.is_news(result):
                terminal.failure(result.error)
    finally:
        if shown:
            _show(shown)
    if none and empty:
        terminal.tell(empty)
    raise typer.Exit(highest)


def _show(results: Sequence[Result]) -> None:
    """Print a table of what came of each, with a column for each thing that was asked for."""
    heads, rows = list(HEADS), [list(row(each)) for each in results]
    more = {
        "WORKS": [{True: "yes", False: "no", None: "-"}[each.verified] for each in results],
        "DELIVERED": [" ".join(each.delivered) or "-" for each in results],
    }
    for head, cells in more.items():
        if any(cell != "-" for cell in cells):
            heads.append(head)
            for each, cell in zip(rows, cells, strict=True):
                each.append(cell)
    terminal.out_table(rows, heads)


def row(result: Result) -> tuple[str, ...]:
    """Return a result's cells, under `HEADS`."""
    facts = result.as_json()
    code = (facts["error"] or {}).get("code")
    return (
        result.pixel or "-",
        result.account or "-",
        f"{result.outcome} ({code})" if code else result.outcome,
        result.fingerprint or "-",
        " ".join(result.stored_in) or "-",
        f"{result.seconds:.1f}" if result.seconds < 100 else f"{result.seconds:.0f}",
    )

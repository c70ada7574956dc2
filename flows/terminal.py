"""How an invocation talks: results to stdout, everything else to stderr."""

import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import typer

from automation.errors import FOR_A_PERSON, AutomationError, UsageError
from automation.report import Result, json_line, table
from automation.secret import redact

if TYPE_CHECKING:
    from flows.workshop import Workshop

HEADS = ("PIXEL", "ACCOUNT", "OUTCOME", "FINGERPRINT", "STORED IN", "SECONDS")


@dataclass
class Terminal:
    """How this invocation talks: results to stdout, everything else to stderr."""

    profile: str = "default"
    as_json: bool = False
    verbosity: int = 0
    flags: dict[str, object] = field(default_factory=dict)
    pixels: list[str] = field(default_factory=list)
    """What was asked for, so that a refusal can be told for each."""
    _told: set[tuple[str | None, ...]] = field(default_factory=set)

    def say(self, line: str) -> None:
        """Tell progress: on a terminal, or when asked for with -v."""
        if self.verbosity >= 1 or (self.verbosity == 0 and sys.stderr.isatty()):
            print(f"{time.strftime('%H:%M:%S')} {redact(line)}", file=sys.stderr, flush=True)  # noqa: T201 -- the one place for progress

    def tell(self, line: str) -> None:
        """Tell what must be read: advice and failures, on stderr whatever was asked."""
        print(redact(line), file=sys.stderr, flush=True)  # noqa: T201 -- the one place for advice

    def out(self, line: str) -> None:
        """Print a result to stdout."""
        print(redact(line), flush=True)  # noqa: T201 -- the one place for results

    def failure(self, problem: AutomationError | Mapping[str, str | None]) -> None:
        """Tell what happened and what to do, in two lines."""
        told = problem.as_json() if isinstance(problem, AutomationError) else problem
        self.tell(f"{told['code']}: {told['message']}")
        if told["next_step"]:
            self.tell(f"  next: {told['next_step']}")

    def is_news(self, result: Result) -> bool:
        """Tell whether a failure was not told yet: what an account waits for is told once."""
        error = result.as_json()["error"] or {}
        what = (result.account, error.get("code"), error.get("message"))
        if error.get("code") not in FOR_A_PERSON:
            return True
        known = what in self._told
        self._told.add(what)
        return not known

    def out_failed(self, problem: AutomationError) -> None:
        """Print, with --json, the failure of each pixel that is still waited for."""
        named: list[str | None] = [*self.pixels] or [None]
        for pixel in named if self.as_json else []:
            self.out(json_line(Result(pixel, None, "failed", error=problem).as_json()))


terminal = Terminal()


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


def report(results: Iterable[Result]) -> None:
    """Print each result as it comes, and end with the highest exit code of them."""
    shown: list[Result] = []
    highest = 0
    try:
        for result in results:
            highest = max(highest, result.exit_code)
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
            terminal.out(table(map(row, shown), HEADS))
    raise typer.Exit(highest)


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
        f"{result.seconds:.1f}",
    )

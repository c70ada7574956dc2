"""The commands to look at what is known: `status`, and `report` with its page."""

import re
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from automation.errors import UsageError
from automation.report import json_line
from flows.cli_telling import Metrics
from flows.terminal import HEADS, open_workshop, row, terminal

if TYPE_CHECKING:
    from flows.reporting.fleet import Fleet
    from flows.status import Standing

_HEADS = (*HEADS[:5], "AGE", "WORKS", "IN ESCROW")

OlderThan = Annotated[
    str, typer.Option("--older-than", metavar="AGE", help="From this age on a token is due.")
]


def status(metrics: Metrics = None) -> None:
    """Show every pixel known here, and what waits in escrow.

    Age, fingerprint and stores of each token, and whether the Events API said that it works.
    """
    from flows.sign_ins import warnings
    from flows.status import status as run

    workshop = open_workshop(metrics=metrics)
    _show(list(run(workshop)))
    for line in warnings(workshop):
        terminal.tell(line)
    if metrics is not None:
        from flows.metrics import write_metrics

        write_metrics(workshop, metrics)


def report(
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write one page to look at.")
    ] = None,
    older_than: OlderThan = "60d",
) -> None:
    """Show the same to look at: what needs a person first. --html: a page."""
    limit = _limit(older_than)
    from flows.reporting.fleet import gather

    fleet = gather(open_workshop(), limit)
    if html is not None:
        _write(html, fleet)
        facts = {"report": str(html), "pixels": len(fleet.pixels)}
        terminal.out(json_line(facts) if terminal.as_json else str(html))
        return
    if fleet.pixels and sys.stdout.isatty() and not terminal.as_json:
        from flows.reporting.summary import summary

        summary(fleet, sys.stdout)
    _show([each.standing for each in fleet.pixels])


def _show(standings: "list[Standing]") -> None:
    if terminal.as_json:
        for each in standings:
            terminal.out(json_line(each.as_json()))
    elif standings:
        terminal.out_table(map(_cells, standings), _HEADS)
    else:
        terminal.tell("no pixel is known here yet; `pixelmint generate PIXEL` makes the first")


def _cells(each: "Standing") -> tuple[str, ...]:
    works = {True: "yes", False: "no", None: "-"}[each.result.verified]
    return (
        *row(each.result)[:5],
        _age(each.age_days),
        works,
        "yes" if each.waits_in_escrow else "-",
    )


def _age(days: float | None) -> str:
    """Return it in the greatest unit it has two of: 90m, 47h, 60d."""
    if days is None:
        return "-"
    return next(
        (f"{days * per:.0f}{unit}" for per, unit in ((1, "d"), (24, "h")) if days * per >= 2),
        f"{days * 1440:.0f}m",
    )


def _limit(text: str) -> timedelta:
    found = re.fullmatch(r"([1-9]\d{0,4})([dh])", text.strip())
    if found is None:
        raise UsageError(f"{text!r} is no age", next_step="write --older-than as 60d or 12h")
    return timedelta(**{{"d": "days", "h": "hours"}[found[2]]: int(found[1])})


def _write(path: Path, fleet: "Fleet") -> None:
    from automation.files import write_private
    from flows.reporting.page import encoded, render

    page = encoded(render(fleet))
    try:
        if path.is_dir():
            raise IsADirectoryError(0, "it is a folder")
        write_private(path, page)
        return
    except OSError as problem:
        reason = problem.strerror or type(problem).__name__
    raise UsageError(
        f"the page cannot be written ({reason})",
        where=str(path),
        next_step="name a file in a folder that exists and that you can write to",
    )


def add_to(app: typer.Typer) -> None:
    """Make these commands of the command line."""
    app.command()(status)
    app.command()(report)

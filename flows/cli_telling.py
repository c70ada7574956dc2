"""The options of commands that tell others how a run went: metrics, and one message."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from automation.report import Result
from flows.terminal import terminal

if TYPE_CHECKING:
    from flows.workshop import Workshop

Metrics = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Write metrics for Prometheus' textfile collector. PIXELMINT_METRICS."
    ),
]
Notify = Annotated[
    list[str] | None,
    typer.Option(
        metavar="URL",
        help="Send one message after the run, by apprise; may be repeated. The URL holds a secret "
        "that other users of this machine can see here: PIXELMINT_NOTIFY_FILE is better.",
    ),
]


def told(workshop: "Workshop", command: str, results: Iterable[Result]) -> Iterable[Result]:
    """Return a run's results, to be told of when it has ended; see `flows.after_run`."""
    if workshop.settings.metrics is None and not workshop.settings.notify:
        return results
    from flows.after_run import told as with_telling

    return with_telling(workshop, command, results, terminal.tell)

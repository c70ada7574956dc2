"""The commands for tokens that are stored: do they work, and who is given them."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from automation.errors import UsageError
from automation.report import Result
from flows.terminal import open_workshop, pixels_from, report, terminal

if TYPE_CHECKING:
    from flows.verify import Verified

Pixels = Annotated[
    list[str], typer.Argument(metavar="PIXEL", help="Pixel codes; - reads them from stdin.")
]
Deliver = Annotated[
    list[str] | None,
    typer.Option(
        "--deliver",
        metavar="DESTINATION",
        help="Give the token to upstack or webhook:https://HOST/PATH; may be repeated.",
    ),
]

DeployHook = Annotated[
    str | None,
    typer.Option(
        metavar="PROGRAM",
        help="Run for each new token, told of it in HOOK_... and not given it; no shell.",
    ),
]


def hooks_of(program: str | None) -> tuple[str, ...]:
    """Return the destination that a `--deploy-hook` names."""
    return () if program is None else (f"hook:{program}",)


def verify(
    pixel: Pixels,
    test_event_code: Annotated[
        str | None,
        typer.Option(metavar="CODE", help="Sends a test event; without it no event is sent."),
    ] = None,
    console: Annotated[
        bool, typer.Option("--console", help="Also look whether the console lists a token.")
    ] = False,
    account: Annotated[
        str | None, typer.Option(metavar="ID", help="Ad account to look in.")
    ] = None,
    store: Annotated[
        list[str] | None,
        typer.Option("--store", metavar="URL", help="Take the token from there; repeatable."),
    ] = None,
) -> None:
    """Ask the Events API whether stored tokens work. No event that counts is sent."""
    from flows.verify import Asked
    from flows.verify import verify as run

    asked = Asked(tuple(store or ()), account, console)
    named = pixels_from(pixel)
    workshop = open_workshop(store=store, test_event_code=test_event_code)
    report(_told(run(workshop, named, asked)))


def _told(found: "Iterable[Verified]") -> Iterator[Result]:
    for each in found:
        if each.result.verified:
            terminal.tell(f"{each.result.pixel}: {each.says}")
        if each.listed is not None:
            says = "lists a token" if each.listed else "lists no token"
            terminal.tell(f"{each.result.pixel}: the console {says}")
        yield each.result


def deliver(
    pixel: Pixels,
    to: Annotated[
        list[str] | None,
        typer.Option(
            "--to",
            metavar="DESTINATION",
            help="upstack, or webhook:https://HOST/PATH; may be repeated.",
        ),
    ] = None,
    forget: Annotated[
        bool, typer.Option("--forget", help="Deliver there no more; what it holds stays.")
    ] = False,
) -> None:
    """Give the stored tokens to a destination; await its verdict.

    What is delivered once is kept up to date when the token is renewed.
    """
    from flows.deliver import deliver as run
    from flows.deliver import forget as drop

    if not to:
        raise UsageError("no destination was named", next_step="add --to upstack")
    named = pixels_from(pixel)
    report((drop if forget else run)(open_workshop(), named, to))


def add_to(app: typer.Typer) -> None:
    """Make these commands of the command line."""
    app.command()(verify)
    app.command()(deliver)

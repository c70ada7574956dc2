"""The commands for many pixels at once."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from automation.report import Result
from flows.cli_telling import Metrics, Notify, told
from flows.cli_tokens import Deliver, DeployHook, hooks_of
from flows.terminal import open_workshop, report, terminal

if TYPE_CHECKING:
    from flows.workshop import Workshop

Lanes = Annotated[
    int, typer.Option("--jobs", min=1, max=64, metavar="N", help="Accounts worked on at a time.")
]
NOTHING_TO_RENEW = "no pixel has a token here yet; `pixelmint generate PIXEL` makes the first"

Pace = Annotated[
    float | None,
    typer.Option(metavar="SECONDS", help="Least time between two generations in one account."),
]


def provision(
    manifest: Annotated[
        str,
        typer.Argument(metavar="MANIFEST", help="CSV, TSV, JSON, JSONL or YAML; - reads stdin."),
    ],
    jobs: Lanes = 2,
    pace: Pace = None,
    store: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="Where tokens go of rows that name no store; repeatable."),
    ] = None,
    deliver: Deliver = None,
    deploy_hook: DeployHook = None,
    dry_run: Annotated[bool, typer.Option(help="Everything but the click.")] = False,
    metrics: Metrics = None,
    notify: Notify = None,
) -> None:
    """Generate for every row of a manifest; safe to run again.

    Its columns: pixel (required), account, profile, name, store, deliver, replace.
    """
    from flows.provision import provision as run

    workshop = open_workshop(pace=pace, store=store, metrics=metrics, notify=notify)
    to = tuple(deliver or ())
    hooks = hooks_of(deploy_hook)
    results = run(workshop, manifest, lanes=jobs, dry_run=dry_run, deliver=to, hooks=hooks)
    report(watched(workshop, results if dry_run else told(workshop, "provision", results)))


def rotate(
    older_than: Annotated[
        str, typer.Option(metavar="DURATION", help="Due from this age on: 60d, 12h, 90m; 0d, all.")
    ] = "60d",
    pixel: Annotated[
        list[str] | None,
        typer.Option(metavar="PIXEL", help="Only this one, failing or not; may be repeated."),
    ] = None,
    window: Annotated[
        str | None,
        typer.Option(metavar="WINDOW", help='Begin none outside "02:00-05:00 Europe/Berlin".'),
    ] = None,
    spread: Annotated[
        str, typer.Option(metavar="DURATION", help="Let each be due up to so much later.")
    ] = "0m",
    store: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="Where tokens go; else where each pixel's went before."),
    ] = None,
    deploy_hook: DeployHook = None,
    jobs: Lanes = 2,
    pace: Pace = None,
    dry_run: Annotated[bool, typer.Option(help="Everything but the click.")] = False,
    metrics: Metrics = None,
    notify: Notify = None,
) -> None:
    """Renew what is due: generate, prove, make current. Safe to run again."""
    given = {**locals()}
    workshop, begin = rotation(**given)
    if dry_run:
        from flows.sign_ins import warnings

        for line in warnings(workshop):
            terminal.tell(line)
    report(watched(workshop, begin()), empty=NOTHING_TO_RENEW)


def rotation(
    *,
    older_than: str,
    pixel: list[str] | None,
    window: str | None,
    spread: str,
    store: list[str] | None,
    deploy_hook: str | None,
    jobs: int,
    pace: float | None,
    dry_run: bool,
    metrics: Path | None,
    notify: list[str] | None,
) -> "tuple[Workshop, Callable[[], Iterable[Result]]]":
    """Read the options of `rotate`, and return what it works with and what begins a run.

    Raises:
        UsageError: an option or a setting is wrong. Nothing was touched.
    """
    from automation.windows import parse_duration, parse_window
    from flows.destinations.registry import check_destinations
    from flows.due import Renewal
    from flows.rotate import rotate as run

    workshop = open_workshop(pace=pace, store=store, metrics=metrics, notify=notify)
    renewal = Renewal(
        older_than=parse_duration(older_than),
        pixels=tuple(pixel or ()),
        window=parse_window(window) if window else None,
        spread=parse_duration(spread),
        stores=tuple(store or ()),
        hooks=check_destinations(hooks_of(deploy_hook), workshop),
        dry_run=dry_run,
    )

    def begin() -> Iterable[Result]:
        terminal.pixels = list(renewal.pixels)
        results = run(workshop, renewal, lanes=jobs, tell=terminal.tell)
        return results if dry_run else told(workshop, "rotate", results)

    return workshop, begin


def watched(workshop: "Workshop", results: Iterable[Result]) -> Iterable[Result]:
    """Show how a run goes on while its results are taken."""
    from flows import display

    workshop.watch = display.watch_for(verbosity=terminal.verbosity, as_json=terminal.as_json)
    return display.watched(workshop.watch, results)


def worker(jobs: Lanes = 2, pace: Pace = None) -> None:
    """Take jobs from the shared database; on any number of machines."""
    from flows.batches import work

    workshop = open_workshop(pace=pace)
    if workshop.settings.database_url is None:
        terminal.tell("PIXELMINT_DATABASE_URL is not set: only this home's own jobs are taken")
    work(workshop, lanes=jobs)


def add_to(app: typer.Typer) -> None:
    """Make these commands of the command line."""
    app.command()(provision)
    app.command()(rotate)
    app.command()(worker)

"""The commands for many pixels at once."""

from typing import Annotated

import typer

from flows.cli_telling import Metrics, Notify, told
from flows.cli_tokens import Deliver
from flows.terminal import open_workshop, report, terminal

Lanes = Annotated[
    int, typer.Option("--jobs", min=1, max=64, metavar="N", help="Accounts worked on at a time.")
]
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
    deliver: Deliver = None,
    dry_run: Annotated[bool, typer.Option(help="Everything but the click.")] = False,
    metrics: Metrics = None,
    notify: Notify = None,
) -> None:
    """Generate for every row of a manifest; safe to run again."""
    from flows.provision import provision as run

    workshop = open_workshop(pace=pace, metrics=metrics, notify=notify)
    to = tuple(deliver or ())
    results = run(workshop, manifest, lanes=jobs, dry_run=dry_run, deliver=to)
    report(results if dry_run else told(workshop, "provision", results))


def worker(jobs: Lanes = 2, pace: Pace = None) -> None:
    """Take jobs from the shared database; start it on as many machines as needed."""
    from flows.batches import work

    workshop = open_workshop(pace=pace)
    if workshop.settings.database_url is None:
        terminal.tell("PIXELMINT_DATABASE_URL is not set: only this home's own jobs are taken")
    work(workshop, lanes=jobs)


def add_to(app: typer.Typer) -> None:
    """Make these commands of the command line."""
    app.command()(provision)
    app.command()(worker)

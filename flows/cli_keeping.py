"""The commands that keep what is sealed: a new key, a backup, and back again."""

from pathlib import Path
from typing import Annotated

import typer

from flows.terminal import open_workshop, terminal


def rekey(
    to: Annotated[
        Path | None,
        typer.Option(
            "--to", metavar="FILE", help="For the new key, where the old is in PIXELMINT_KEY."
        ),
    ] = None,
) -> None:
    """Make a new key and seal everything with it. Safe to kill and run again."""
    from automation.rekey import rekey as run

    workshop = open_workshop()
    done = run(workshop.home, workshop.settings.key, to)
    for path in done.unreadable:
        terminal.tell(f"warning: {path} was opened by neither key, before as now; it is as it was")
    terminal.tell(f"{done.files} files are sealed with the new key, which is in {done.source}")
    if to is not None:
        terminal.tell(f"  next: set PIXELMINT_KEY_FILE={to}; with the old key nothing opens")
    terminal.tell("backups made before open only with the old key: make a new one")


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file.")],
) -> None:
    """Write all that is sealed to one file, sealed for the key.

    Escrow, sessions and local tokens; the key is not in it.
    """
    from automation.backup import backup as run

    workshop = open_workshop()
    count = run(workshop.home, workshop.sealer, file)
    terminal.tell(f"{count} files are in {file}; the key is not: keep it elsewhere")


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `backup` wrote.")],
) -> None:
    """Put a backup back into an empty home, with its own key."""
    from automation.backup import restore as run

    workshop = open_workshop()
    count = run(workshop.home, workshop.settings.key, file)
    terminal.tell(f"{count} files are back in {workshop.home}")


def add_to(app: typer.Typer) -> None:
    """Make these commands of the command line."""
    app.command()(rekey)
    app.command()(backup)
    app.command()(restore)

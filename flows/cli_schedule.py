"""`schedule`: stay up and run `rotate` at its times, or write the unit that does."""

import getpass
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from automation.errors import UsageError
from automation.report import json_line
from flows.cli_bulk import NOTHING_TO_RENEW, rotation
from flows.terminal import report, terminal

_NIGHTLY = "30 2 * * *"
_SAME_WORK = ("jobs", "pace", "metrics", "notify")
"""Options of `rotate` in which two processes of one schedule may differ."""


class Kind(StrEnum):
    """The schedulers a unit can be written for."""

    systemd = "systemd"
    cron = "cron"
    kubernetes = "kubernetes"


def _rotate_options(app: typer.Typer, arguments: list[str]) -> tuple[Any, dict[str, Any]]:
    """Return the command `rotate` and what it makes of some arguments; refuses as it does."""
    command: Any = typer.main.get_command(app)
    rotate = command.commands["rotate"]
    return rotate, rotate.make_context("pixelmint rotate", list(arguments)).params


def _written(rotate: Any, params: dict[str, Any]) -> Iterator[str]:
    """Yield the arguments that give these options, but those that hold a secret."""
    for each in rotate.params:
        value = params.get(each.name)
        if value in (each.default, None, (), [], False) or each.name == "notify":
            continue
        option = max(each.opts, key=len)
        if value is True:
            yield option
            continue
        for one in value if isinstance(value, list | tuple) else (value,):
            yield from (option, str(one))


def add_to(app: typer.Typer) -> None:
    """Make this a command of the command line."""

    @app.command(
        epilog="All options of `rotate` are taken too and passed on.",
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    )
    def schedule(
        context: typer.Context,
        cron: Annotated[
            str | None,
            typer.Option(metavar="EXPR", help=f'When: five fields of cron, e.g. "{_NIGHTLY}".'),
        ] = None,
        timezone: Annotated[
            str | None,
            typer.Option(metavar="ZONE", help="Whose clock, e.g. Europe/Berlin; else this one's."),
        ] = None,
        catch_up: Annotated[
            bool,
            typer.Option("--catch-up/--skip", help="What becomes of a time that was missed."),
        ] = True,
        unit: Annotated[
            Kind | None, typer.Option("--print", help="Write the unit for one of these instead.")
        ] = None,
        to: Annotated[
            Path | None, typer.Option("--to", metavar="DIR", help="With --print: into files there.")
        ] = None,
    ) -> None:
        """Stay up and run `rotate` on time, or write the unit that does."""
        from automation.cron import parse
        from flows.after_run import check

        if cron is None and unit is None:
            raise UsageError(
                "schedule needs --cron", next_step=f'pixelmint schedule --cron "{_NIGHTLY}"'
            )
        when = parse(cron or _NIGHTLY, timezone)
        rotate, params = _rotate_options(app, context.args)
        arguments = list(_written(rotate, params))
        # Refused now is what would fail in the night.
        workshop, _ = rotation(**params)
        check(workshop)
        if unit is not None:
            _print(unit, when, arguments, workshop.settings, catch_up=catch_up, to=to)
            if params.get("notify"):
                terminal.tell("--notify holds a secret and is in no unit: set PIXELMINT_NOTIFY")
            return
        from flows.schedule import Plan
        from flows.schedule import schedule as run

        same = {name: value for name, value in params.items() if name not in _SAME_WORK}
        work = " ".join(_written(rotate, same))
        key = " | ".join((when.text, when.zone.key, terminal.profile, work))
        plan = Plan(when, key, lambda: _one(params), catch_up)
        run(workshop, plan, terminal.tell, terminal.failure)


def _one(params: dict[str, Any]) -> int:
    """Do one run and tell of it as `rotate` does; return its exit code."""
    _, begin = rotation(**params)
    try:
        report(begin(), empty=NOTHING_TO_RENEW)
    except typer.Exit as ended:
        return ended.exit_code
    return 0


def _print(
    kind: Kind, when: Any, arguments: list[str], settings: Any, *, catch_up: bool, to: Path | None
) -> None:
    from automation.units import Unit, files

    profile = [] if terminal.profile == "default" else ["--profile", terminal.profile]
    here = Path.cwd()
    unit = Unit(
        when,
        (*_program(), *profile, "rotate", *arguments),
        settings.home,
        getpass.getuser(),
        catch_up=catch_up,
        writable=(settings.metrics.parent,) if settings.metrics else (),
        folder=here if (here / ".env").exists() else None,
    )
    for name, text in files(kind.value, unit).items():
        if to is None:
            shown = json_line({"unit": name, "text": text})
            terminal.out(shown if terminal.as_json else f"# {name}\n{text}")
            continue
        try:
            to.mkdir(parents=True, exist_ok=True)
            (to / name).write_text(text)
        except OSError as problem:
            reason = problem.strerror or type(problem).__name__
            raise UsageError(
                f"{to / name} cannot be written: {reason}",
                next_step="name a folder you can write to with --to",
            ) from None
        shown = json_line({"unit": name, "file": str(to / name)})
        terminal.out(shown if terminal.as_json else str(to / name))


def _program() -> list[str]:
    """Return the real path of this program, by which a scheduler can start it."""
    script = Path(sys.executable).with_name("pixelmint")  # beside the interpreter: not resolved
    return [str(script)] if script.exists() else [sys.executable, "-m", "flows"]

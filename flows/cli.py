"""Arguments in, one call, one report out."""

import contextlib
import logging
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from automation.errors import AutomationError, UsageError
from automation.report import json_line
from automation.secret import RedactingFilter, guard_environment
from flows import cli_bulk, cli_examples, cli_keeping, cli_look, cli_schedule, cli_tokens
from flows.terminal import NotPrinted, open_workshop, pixels_from, printing, report, terminal

log = logging.getLogger(__name__)

app = typer.Typer(
    name="pixelmint",
    help="Generate, capture, store and renew TikTok Events API access tokens, in a real browser "
    "and with your own sign-in.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,  # a traceback with locals could show a token
    rich_markup_mode=None,
)

_STOPPED = 130
_GLOBAL = ("--json", "-v", "--verbose", "-q", "--quiet")

Account = Annotated[str | None, typer.Option(metavar="ID", help="Ad account (advertiser id).")]
OnePixel = Annotated[
    str | None,
    typer.Option("--pixel", metavar="PIXEL", help="Its page is opened; else the first listed."),
]
Stores = Annotated[
    list[str] | None,
    typer.Option("--store", metavar="URL", help="Where the token goes; may be repeated."),
]


ArgumentsWrong: Any = typer.BadParameter.__mro__[2]
"""What typer raises for all wrong arguments; it is in no public module of all its versions."""


def main() -> None:
    """Run the command line; the script `pixelmint`."""
    _no_core_dumps()
    _open_closed_streams()
    arguments = _globals_first(sys.argv[1:])
    terminal.as_json = "--json" in arguments
    try:
        # The name is said even as `python -m flows`: what is advised must be found on the path.
        code = app(arguments, standalone_mode=False, prog_name="pixelmint")
    except AutomationError as problem:
        sys.exit(_refused(problem))
    except ArgumentsWrong as problem:
        if not sys.argv[1:]:
            problem.show()  # the help
            sys.exit(UsageError.exit_code)
        sys.exit(_refused(_wrong_arguments(problem)))
    except NotPrinted as problem:
        terminal.tell(f"{problem}; `pixelmint status` shows what was done, and nothing is lost")
        with contextlib.suppress(OSError):
            sys.stdout.close()
        sys.exit(1)
    except KeyboardInterrupt:
        code = _STOPPED
    except Exception as problem:  # Python's own traceback would print its words unredacted
        from flows.workshop import own_fault

        log.debug("unexpected", exc_info=True)
        sys.exit(_refused(own_fault(problem)))
    if code == _STOPPED:  # typer makes it of Ctrl-C
        terminal.tell("stopped; what was captured is safe, and the same command goes on from here")
    sys.exit(code)


def _no_core_dumps() -> None:
    """A core dump of this process or its browser would hold tokens."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource  # not on Windows

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _open_closed_streams() -> None:
    """Give the three standard streams something to go to, where the caller has closed them.

    The next file that is opened would have their number, and take what was meant for a stream.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w" if number else "r"))


def _wrong_arguments(problem: Any) -> UsageError:
    """Return typer's refusal in the form of all others."""
    says = problem.format_message().replace("Value error, ", "").rstrip(".")
    command = problem.ctx.command_path if problem.ctx is not None else "pixelmint"
    return UsageError(
        says[:1].lower() + says[1:], next_step=f"`{command} --help` says what is taken"
    )


def _globals_first(arguments: list[str]) -> list[str]:
    """Move the options that are taken before or after the command in front of it."""
    front, rest, at = [], [], 0
    while at < len(arguments):
        each = arguments[at]
        if each == "--":
            rest += arguments[at:]
            break
        if each in _GLOBAL or each.startswith("--profile="):
            front.append(each)
        elif each == "--profile" and at + 1 < len(arguments):
            front += arguments[at : at + 2]
            at += 1
        else:
            rest.append(each)
        at += 1
    return front + rest


def _print_version(asked: bool) -> None:
    """Print it and end, as everybody expects of `--version`."""
    if asked:
        from importlib.metadata import PackageNotFoundError, version

        try:
            terminal.out(f"pixelmint {version('pixelmint')}")
        except PackageNotFoundError:  # run from its source
            terminal.out("pixelmint, not installed")
        raise typer.Exit


@app.callback()
def options(
    profile: Annotated[str, typer.Option(help="Saved sign-in to use.")] = "default",
    as_json: Annotated[bool, typer.Option("--json", help="Print results as JSON Lines.")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Say more on stderr.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No progress on stderr.")] = False,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Take the options that every command shares."""
    terminal.profile, terminal.as_json = profile, as_json
    terminal.verbosity = 1 if verbose else -1 if quiet else 0
    terminal.flags, terminal.pixels = {}, []
    guard_environment()  # here, so that a refusal is told in the form that was asked for
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(RedactingFilter())
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.WARNING, handlers=[handler], force=True
    )
    for noisy in ("asyncio", "httpx", "httpcore", "filelock", "keyring", "sqlalchemy"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _refused(problem: AutomationError) -> int:
    """Report what stopped a run before or between its pixels."""
    terminal.failure(problem)
    terminal.out_failed(problem)
    return problem.exit_code


@app.command()
def demo(
    hostile: Annotated[
        bool, typer.Option("--hostile", help="Against a console that behaves badly on purpose.")
    ] = False,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="Draws a hostile console's faults.")
    ] = None,
) -> None:
    """Do the whole job on the bundled console; no account needed.

    Its pages are drawn, and nothing leaves this machine.
    """
    from flows.demo import demo as run
    from flows.demo_hostile import demo_hostile

    if hostile:
        demo_hostile(terminal, seed)
    else:
        run(terminal)


@app.command("sign-in")
def sign_in(
    file: Annotated[
        Path | None,
        typer.Option("--import", metavar="FILE", help="A Playwright storage-state JSON instead."),
    ] = None,
    to: Annotated[
        str, typer.Option(metavar="DESTINATION", help="upstack: sign in there instead.")
    ] = "",
) -> None:
    """Sign in, in a browser window, and seal the session.

    It waits until you have signed in there, types nothing, and proves the session in a fresh
    browser before it keeps it.
    """
    from flows.sign_in import sign_in as run

    terminal.tell(run(open_workshop(), file, terminal.tell, to))


@app.command()
def pixels(account: Account = None) -> None:
    """List the pixels under Data sources."""
    from flows.listing import list_pixels

    listed = list(list_pixels(open_workshop(), account))
    if terminal.as_json:
        for each in listed:
            terminal.out(json_line(each.as_json()))
        return
    cells = ((each.pixel, each.account, each.name) for each in listed)
    terminal.out_table(cells, ("PIXEL", "ACCOUNT", "NAME"))


@app.command()
def generate(
    pixel: cli_tokens.Pixels,
    account: Account = None,
    store: Stores = None,
    deliver: cli_tokens.Deliver = None,
    deploy_hook: cli_tokens.DeployHook = None,
    replace: Annotated[
        bool, typer.Option(help="Generate although a token exists; may stop that one.")
    ] = False,
    guided: Annotated[
        bool, typer.Option(help="You click in a visible browser; pixelmint captures and stores.")
    ] = False,
    dry_run: Annotated[bool, typer.Option(help="Everything but the click.")] = False,
) -> None:
    """Generate, capture and store the token of each pixel."""
    from flows.generate import Wish
    from flows.generate import generate as run

    to = (*(deliver or ()), *cli_tokens.hooks_of(deploy_hook))
    wish = Wish(account, replace=replace, guided=guided, dry_run=dry_run, deliver=to)
    named = pixels_from(pixel)
    report(run(open_workshop(store=store), named, wish))


cli_bulk.add_to(app)
cli_schedule.add_to(app)
cli_keeping.add_to(app)
cli_tokens.add_to(app)


@app.command()
def token(pixel: Annotated[str, typer.Argument(metavar="PIXEL", help="A pixel code.")]) -> None:
    """Print the stored token, alone, on stdout."""
    from flows.fetch import fetch

    terminal.pixels = [pixel]
    secret = fetch(open_workshop(), pixel)
    with printing():
        sys.stdout.write(secret.reveal() + "\n")
        sys.stdout.flush()


cli_look.add_to(app)


@app.command()
def recover() -> None:
    """Finish what a crash, a store or a destination left undone."""
    from flows.finish import finish as run

    report(run(open_workshop()), empty="nothing waits in escrow, nothing is owed")


@app.command()
def record(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A new folder, or a recording to replace.")
    ],
    pixel: OnePixel = None,
    account: Account = None,
    redact: Annotated[
        list[str] | None,
        typer.Option(metavar="WORD", help="A further word to replace, e.g. a person's name."),
    ] = None,
) -> None:
    """Save each screen of the console, redacted; change nothing.

    Nothing is clicked but what leads from screen to screen.
    """
    from flows.record import record as run

    screens = run(open_workshop(), folder, pixel, account, redact or [])
    for each in screens if terminal.as_json else []:
        terminal.out(json_line({"screen": each.name, "file": str(folder / each.file),
                                "made": each.made, "state": each.state}))  # fmt: skip
    if not terminal.as_json:
        cells = ((each.name, each.made, each.state) for each in screens)
        terminal.out_table(cells, ("SCREEN", "MADE", "SHOWS"))
    terminal.tell(f"saved in {folder}; look through the files before you give them to anybody")


@app.command()
def doctor(
    pixel: OnePixel = None,
    account: Account = None,
    save: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Save redacted screens there, for a report."),
    ] = None,
) -> None:
    """Check all that a generation needs; change nothing.

    Browser, key, session, escrow, stores, and how surely each control up to the button is found.
    The button is not clicked.
    """
    from flows.doctor import doctor as run

    highest = 0
    for each in run(open_workshop(), pixel=pixel, account=account, save=save):
        highest = max(highest, each.error.exit_code if each.error else 0)
        if terminal.as_json:
            terminal.out(json_line(each.as_json()))
            continue
        terminal.out_entry(
            "ok  " if each.error is None else "FAIL", f"{each.what.rstrip(':')}: {each.says}"
        )
        if each.error is not None and each.error.next_step:
            terminal.out_entry("    ", f"next: {each.error.next_step}")
    raise typer.Exit(highest)


cli_examples.add_to(app)

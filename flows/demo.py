"""The whole job against the bundled console: nothing to set, no account, no network.

    python -m flows.demo PIXEL ACCOUNT

is the part of it that kills itself between the console's answer and the store.
"""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from automation.errors import AutomationError, UsageError
from automation.escrow import Escrow, Intent
from automation.report import Result, json_line, table
from automation.secret import Secret, redact
from automation.settings import load
from flows.fetch import fetch
from flows.generate import Wish, generate
from flows.recover import recover
from flows.settings import ConsoleSettings
from flows.verify import ask_events_api
from flows.workshop import Workshop

if TYPE_CHECKING:
    from fixtures.console import Console
    from flows.terminal import Terminal

_CLOSING = """\
That was the bundled console: its pages are drawn, none was recorded from
TikTok. For a real pixel type `pixelmint sign-in`, sign in yourself in the
window that opens, then `pixelmint generate PIXEL --dry-run` to see that every
control is found, and `pixelmint generate PIXEL` to get the token; `pixelmint
token PIXEL` prints it. Generating may stop the pixel's current token, and the
terms of TikTok may have a say in automating its console: read them first, or
use --guided and click yourself.
"""


def demo(terminal: "Terminal") -> None:
    """Start the console, generate for three pixels in two accounts, crash once, recover.

    Raises:
        AutomationError: something did not go as it must.
    """
    from fixtures.console import Console, Scenario

    with (
        tempfile.TemporaryDirectory(prefix="pixelmint-demo-") as folder,
        Console(Scenario(), accounts=2, pixels_per_account=2, port=0, seed=1) as console,
    ):
        home = Path(folder) / "home"
        workshop = workshop_for(terminal, console.url, home)
        terminal.tell(f"a drawn console is listening at {console.url}")
        state = console.storage_state()
        workshop.sessions.save("default", state, signed_in=True, origin=console.url)
        results = _generate_all(terminal, workshop, console)
        _verify_and_show(terminal, workshop, results)
    terminal.tell("\n" + _CLOSING)


def workshop_for(terminal: "Terminal", url: str, home: Path) -> Workshop:
    """Return what works against a console on loopback, in a home of its own."""
    flags: dict[str, object] = {
        "home": str(home),
        "console_url": url,
        "events_api_url": url,
        "pace": 0,
        "store": ["local:"],
    }
    settings = load(flags, ConsoleSettings)
    return Workshop(settings, "default", terminal.say)


def _generate_all(terminal: "Terminal", workshop: Workshop, console: "Console") -> list[Result]:
    first, second = console.accounts[0], console.accounts[1]
    results = list(generate(workshop, [first.pixels[0].code], Wish(account=first.aadvid)))
    results += generate(workshop, [second.pixels[0].code], Wish(account=second.aadvid))
    terminal.tell("now the same with a kill -9 between the console's answer and the store")
    _crash(workshop, first.pixels[1].code, first.aadvid)
    terminal.tell("killed; the console has shown its token once, and no store has it: recovering")
    results += list(recover(workshop))
    for each in results:
        if isinstance(each.error, AutomationError):
            raise each.error
    return results


def _crash(workshop: Workshop, pixel: str, account: str) -> None:
    environment = {name: text for name, text in os.environ.items() if "PIXELMINT" not in name}
    environment |= {
        "PIXELMINT_HOME": str(workshop.home),
        "PIXELMINT_CONSOLE_URL": workshop.settings.console_url,
        "PIXELMINT_PACE": "0",
    }
    if workshop.settings.browser:
        environment["PIXELMINT_BROWSER"] = workshop.settings.browser
    if workshop.settings.key is not None:
        environment["PIXELMINT_KEY"] = workshop.settings.key.reveal()
    done = subprocess.run(
        [sys.executable, "-m", "flows.demo", pixel, account],
        env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    if done.returncode != -signal.SIGKILL:
        raise UsageError(
            f"the crash did not happen as planned: {redact(done.stderr.strip())[-300:]}"
        )


def _verify_and_show(terminal: "Terminal", workshop: Workshop, results: list[Result]) -> None:
    rows, said = [], []
    for result in results:
        pixel = result.pixel or ""
        verdict = ask_events_api(workshop.settings.events_api_url, pixel, fetch(workshop, pixel))
        result.verified = verdict.works
        workshop.records.note(pixel, verified=verdict.works)
        said.append(verdict.says)
        works = {True: "yes" if verdict.sure else "probably", False: "no", None: "cannot tell"}
        rows.append((pixel, result.account or "", result.fingerprint or "", works[verdict.works]))
    if terminal.as_json:
        for result in results:
            terminal.out(json_line(result.as_json()))
    else:
        terminal.out(table(rows, ("PIXEL", "ACCOUNT", "FINGERPRINT", "WORKS")))
    for each in dict.fromkeys(said):
        terminal.tell(f"the drawn Events API says: {each}")
    terminal.tell(f"each lay sealed in {workshop.home / 'tokens'} until now")


class _Killer(Escrow):
    """Escrow that ends its process the hard way when it is to keep a token."""

    def keep(self, intent: Intent, token: Secret) -> NoReturn:
        """Die: the answer is sealed, the token is in no store."""
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError(intent.id, token.fingerprint)


def _die_on_the_way(pixel: str, account: str) -> None:
    workshop = Workshop(load({}, ConsoleSettings), "default", lambda _line: None)
    workshop.__dict__["escrow"] = _Killer(workshop.home, workshop.sealer)
    for result in generate(workshop, [pixel], Wish(account=account)):
        sys.stderr.write(json_line(result.as_json()))


if __name__ == "__main__":
    _die_on_the_way(*sys.argv[1:])

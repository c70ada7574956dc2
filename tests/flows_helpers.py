"""The command line as its users run it: a child process, a home of its own, a drawn console.

The fixture that makes a user is in `tests.flows_fixtures`.
"""

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from automation.files import private_folder
from automation.seal import open_sealer
from automation.secret import fingerprint
from automation.session import Sessions
from automation.settings import load
from fixtures.console import Console, Issue, Scenario
from flows.settings import ConsoleSettings
from flows.workshop import Workshop
from tests.forks import Forked, Forks

ROOT = Path(__file__).resolve().parent.parent
LIMIT_S = 500
"""Longer than any child takes on a busy machine; reached only where it hangs."""
_COUNT = itertools.count(1)


@dataclass(frozen=True)
class Said:
    """What a child said, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Its JSON Lines. Fails where a line is none: stdout holds results and nothing else."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def row(self) -> dict[str, Any]:
        """Its only row."""
        (row,) = self.rows
        return row

    @property
    def codes(self) -> list[str | None]:
        """The code of each row's error."""
        return [each["error"] and each["error"]["code"] for each in self.rows]


_forks: list[Forks] = []


def _started(
    program: tuple[str, ...],
    arguments: tuple[str, ...],
    environ: dict[str, str],
    files: tuple[int, int, int],
) -> "Forked | subprocess.Popen[bytes]":
    """Start a program; one that is a module of ours without the time that imports take."""
    if program[0] == "-m" and sys.platform == "linux":
        _forks[:] = _forks or [Forks()]
        return _forks[0].start(program[1], arguments, environ, files)
    stdin, stdout, stderr = files
    return subprocess.Popen(
        [sys.executable, *program, *arguments],
        cwd=ROOT, env=environ, stdin=stdin, stdout=stdout, stderr=stderr,
    )  # fmt: skip


def end_forks() -> None:
    """End what starts children, once no test starts any more."""
    for each in _forks:
        each.close()
    _forks.clear()


class Child:
    """A running child whose output goes to files under the run's folder, to be searched later."""

    def __init__(
        self,
        program: tuple[str, ...],
        arguments: tuple[str, ...],
        environ: dict[str, str],
        folder: Path,
        given: str,
    ):
        """Start it; `given` is its standard input."""
        number = next(_COUNT)
        self._out, self._err = folder / f"{number:04}.out", folder / f"{number:04}.err"
        theirs, ours = os.pipe()
        with self._out.open("wb") as out, self._err.open("wb") as err:
            files = (theirs, out.fileno(), err.fileno())
            self.process = _started(program, arguments, environ, files)
        os.close(theirs)
        with contextlib.suppress(BrokenPipeError), open(ours, "wb") as stdin:
            stdin.write(given.encode())

    def wait(self) -> Said:
        """Wait for its end and read what it said."""
        try:
            code = self.process.wait(LIMIT_S)
        finally:
            self.kill()
        return Said(code, self._out.read_text(), self._err.read_text())

    def kill(self) -> None:
        """End it the hard way, if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def forget_output(self) -> None:
        """Take stdout off the disk: the command `token` prints one on purpose."""
        self._out.unlink()


class User:
    """Somebody with a home folder, a signed-in session and a console to work on."""

    def __init__(self, console: Console, folder: Path, browser: str | None = None) -> None:
        """Take a folder of the run; the home, the outputs and temporary files lie in it."""
        self.console, self.folder = console, folder
        self.home = folder / "home"
        self.outputs = private_folder(folder / "outputs")
        # A short name: a browser's socket lies in there, and may have a hundred characters.
        self.temporary = private_folder(folder / "t")
        self.settings = {
            "PIXELMINT_HOME": str(self.home),
            "PIXELMINT_CONSOLE_URL": console.url,
            "PIXELMINT_EVENTS_API_URL": console.url,
            "PIXELMINT_PACE": "0",
        }
        if browser:
            self.settings["PIXELMINT_BROWSER"] = browser

    def sign_in(self, state: dict[str, Any] | None = None) -> None:
        """Seal a session in the home."""
        sessions = Sessions(private_folder(self.home), open_sealer(self.home))
        state = self.console.storage_state() if state is None else state
        sessions.save("default", state, signed_in=True, origin=self.console.url)

    def start(
        self,
        *arguments: str,
        given: str = "",
        program: tuple[str, ...] = ("-m", "flows"),
        environ: Mapping[str, str] | None = None,
    ) -> Child:
        """Start a command in a child of its own; `given` is its standard input."""
        inherited = {name: text for name, text in os.environ.items() if "PIXELMINT" not in name}
        inherited |= {"TMPDIR": str(self.temporary), **self.settings, **(environ or {})}
        return Child(program, arguments, inherited, self.outputs, given)

    def run(self, *arguments: str, given: str = "", **environ: str) -> Said:
        """Run a command to its end."""
        return self.start(*arguments, given=given, environ=environ).wait()

    def token(self, pixel: str) -> str:
        """Return what `pixelmint token` prints, and leave no trace of it."""
        child = self.start("token", pixel)
        said = child.wait()
        child.forget_output()
        assert (said.code, said.err) == (0, "")
        return said.out

    def workshop(self) -> Workshop:
        """Return the parts of this home, to be used in this process."""
        flags = {name.removeprefix("PIXELMINT_").lower(): text
                 for name, text in self.settings.items()}  # fmt: skip
        return Workshop(load(flags, ConsoleSettings, environ={}), "default", lambda _line: None)

    def open_intents(self) -> list[str]:
        """Return the pixels of the intents that are open."""
        return [each.pixel for each in self.workshop().escrow.unsettled()]

    def issued(self, pixel: str) -> list[str]:
        """Return the fingerprint of every token the console issued for a pixel, in order."""
        return [fingerprint(each.token) for each in self.issues(pixel)]

    def issues(self, pixel: str) -> list[Issue]:
        """Return the issuings of a pixel, in order."""
        return [each for each in self.console.ledger.issued() if each.pixel == pixel]

    def clicked(self) -> bool:
        """Tell whether a token was ever asked for, or the button pressed."""
        pressed = {each.control for each in self.console.ledger.clicks()}
        return bool(self.console.ledger.calls().get("generate")) or "generate" in pressed


MakeUser = Callable[..., User]
"""Makes a user of a console: `make_user(scenario, pixels=2, signed_in=True)`."""


def at_issue(console: Console, do: Callable[[], object]) -> None:
    """Have something done when the console is asked for its next token, before it answers."""
    issue, rest = console.world.issue, iter([do])

    def issue_after(code: str, scenario: Scenario) -> Any:
        next(rest, lambda: None)()
        return issue(code, scenario)

    console.world.issue = issue_after  # type: ignore[method-assign]  # a test's own console


@contextlib.contextmanager
def small_disk(folder: Path, size: str = "24m") -> Iterator[Path]:
    """Mount a disk that can be filled; skips where that is not allowed."""
    private_folder(folder)
    options = f"size={size},mode=0700"
    mount = ["mount", "-t", "tmpfs", "-o", options, "pixelmint-test", str(folder)]
    tried = subprocess.run(mount, capture_output=True, check=False) if os.name == "posix" else None
    if tried is None or tried.returncode != 0:
        pytest.skip("a small disk cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path) -> None:
    """Leave no free byte on a disk."""
    with (disk / "filler").open("ab", buffering=0) as file, contextlib.suppress(OSError):
        for size in (1 << 20, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while file.write(bytes(size)) == size:
                    pass


def stop(child: Child, number: int = signal.SIGINT) -> None:
    """Send a child a signal."""
    os.kill(child.process.pid, number)

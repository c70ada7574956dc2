"""pytest where nothing but loopback is reachable, and what came of it.

To trace Python doubles what it costs, so only the tests that mirror the covered modules are traced:
they are a pytest of their own beside the one with all others.
"""

import fcntl
import functools
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

COVERED = ("capture", "escrow", "seal", "secret", "files", "session")
"""Modules of `automation` a token could be lost in; each must be covered well by its own tests."""
_WORKERS = 3
"""One more than the two cores of a small machine: tests wait for pages half of their time."""
_CLOSING = re.compile(r"(=+ )?(?P<counts>.*) in (?P<seconds>[\d.]+)s\b.*")
_KINDS = ("failed", "passed", "skipped", "deselected", "xfailed", "xpassed", "warnings", "errors")


@dataclass
class Ended:
    """What one pytest or several came to."""

    code: int = 0
    lines: list[str] = field(default_factory=list)
    """Everything that was said, without empty lines."""
    closing: str = ""
    """The last line, or one that counts the tests of all."""

    @property
    def failures(self) -> list[str]:
        """The lines that name what failed."""
        return [each.rstrip() for each in self.lines if each.startswith(("FAILED ", "ERROR "))]


def run_some(folder: Path, arguments: Sequence[str]) -> Ended:
    """Run pytest with somebody's own arguments; nothing is traced."""
    workers = () if any(each.startswith("-n") for each in arguments) else ("-n", "2")
    return _joined([_Pytest(folder, "o", _PLAIN, [*workers, *_DIST, *arguments])])


def run_all(folder: Path, rc_file: Path) -> Ended:
    """Run every test: those that are traced beside all others.

    Args:
        folder: where everything of the run is put.
        rc_file: coverage's settings.
    """
    files = [f"tests/test_{each}.py" for each in (*COVERED, "keeping")]
    others = [f"--ignore={each}" for each in files]
    traced = ["-m", "coverage", "run", f"--rcfile={rc_file}", *_PLAIN]
    return _joined(
        [
            _Pytest(folder, "o", _PLAIN, ["-n", str(_WORKERS), *_DIST, *others]),
            _Pytest(folder, "c", traced, [*files, "-p", "no:xdist", "-q"]),
        ]
    )


_PLAIN = ("-m", "pytest", "--durations=10", "-rfE")
_DIST = ("--dist", "worksteal")


class _Pytest:
    """A pytest that runs."""

    def __init__(
        self, folder: Path, name: str, program: Sequence[str], arguments: Sequence[str]
    ) -> None:
        """Start it; `name` is short, because a browser's socket lies in a folder called so."""
        temporary = folder / f"t{name}"
        temporary.mkdir()
        command = [*_offline(), sys.executable, *program, f"--basetemp={folder / name}", *arguments]
        self._output = folder / f"{name}.out"
        environ = {**os.environ, "TMPDIR": str(temporary)}
        environ["NODE_COMPILE_CACHE"] = str(folder / "n")  # Playwright's driver starts sooner
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(command, stdout=output, env=environ)

    def wait(self) -> Ended:
        """Pass on what it says, as it comes, until it ends."""
        with self._output.open(errors="replace") as output:
            said, over = "", False
            while not over:
                over = self.process.poll() is not None  # looked at before the last of its words
                new = output.read()
                print(new, end="", flush=True)  # noqa: T201  pytest's own words
                said += new
                if not new:
                    time.sleep(0.1)
        lines = [each for each in said.splitlines() if each.strip()]
        return Ended(self.process.returncode, lines, lines[-1] if lines else "")


def _joined(runs: Sequence[_Pytest]) -> Ended:
    """Wait for some and count their tests together."""
    try:
        ended = [each.wait() for each in runs]
    finally:
        for each in runs:  # a Ctrl-C is heard by each of them
            each.process.wait()
    code = next((each.code for each in ended if each.code), 0)
    lines = [line for each in ended for line in each.lines]
    return Ended(code, lines, closing([each.closing for each in ended]))


def closing(lines: Sequence[str]) -> str:
    """Return one closing line for some; the first that tells no counts, where one does not."""
    counts, seconds = Counter[str](), 0.0
    for line in lines:
        known = _CLOSING.fullmatch(line.strip())
        told = re.findall(r"(\d+) (\w+)", known["counts"]) if known else []
        if not known or not told:
            return line.strip()
        seconds = max(seconds, float(known["seconds"]))
        for number, kind in told:
            counts[next((each for each in _KINDS if each.startswith(kind)), kind)] += int(number)
    kinds = [*_KINDS, *(each for each in counts if each not in _KINDS)]
    said = ", ".join(f"{counts[each]} {each}" for each in kinds if counts[each])
    return f" {said} in {seconds:.2f}s ".center(80, "=")


@functools.cache
def _offline() -> list[str]:
    """Return what to put before a command so that it runs in an empty network namespace."""
    loopback = [sys.executable, str(Path(__file__).resolve())]
    ways = [["unshare", "--net", *loopback]]
    if os.geteuid() != 0:
        # Root in there for loopback, then ourselves again: tests look at what modes forbid.
        us = ["unshare", "--user", f"--map-user={os.getuid()}", f"--map-group={os.getgid()}"]
        ways = [["unshare", "--map-root-user", "--net", *loopback, *us]]
    for way in ways:
        if shutil.which("unshare"):
            tried = subprocess.run([*way, "true"], stderr=subprocess.DEVNULL, check=False)
            if tried.returncode == 0:
                return way
    said = "tests: no network namespace can be made here: the network is in the tests' reach"
    print(said, file=sys.stderr, flush=True)  # noqa: T201  a program's own
    return []


def _with_loopback(command: list[str]) -> None:
    """Bring up `lo` in a new namespace, then become the command. Needs no `ip` program."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        up_and_running, set_flags = 0x1 | 0x40, 0x8914  # IFF_UP | IFF_RUNNING, SIOCSIFFLAGS
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sh14x", b"lo", up_and_running))
    os.execvp(command[0], command)  # noqa: S606  no shell, as wished


if __name__ == "__main__":
    _with_loopback(sys.argv[1:])

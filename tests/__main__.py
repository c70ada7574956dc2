"""`python -m tests`: everything that must hold, in one command.

    python -m tests                      format, lint, types, then all tests, without a network
    python -m tests -- -k escrow         pytest's own arguments after the dashes
    python -m tests --no-checks -- ...   the tests alone

The exit code is pytest's; where pytest is content and a check or the coverage is not, 1.
"""

import argparse
import fcntl
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COVERED = ("capture", "escrow", "seal", "secret", "files", "session")
"""Modules of `automation` a token could be lost in; each must be covered this well."""
LEAST_PERCENT = 95.0
_BEGAN = time.monotonic()
CHECKS = (
    ("ruff", "format", "--check", "--quiet", "."),
    ("ruff", "check", "--quiet", "."),
    ("mypy",),
)


def main() -> int:
    """Run the checks, then the tests, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests", description="Run all that must hold.")
    parser.add_argument("--no-checks", action="store_true", help="leave out format, lint and types")
    parser.add_argument("pytest", nargs="*", metavar="PYTEST-ARGUMENT")
    asked = parser.parse_args()
    os.chdir(ROOT)
    checks = _Checks(() if asked.no_checks else CHECKS)
    _have_browser()
    _have_screen()
    _have_postgres()
    # A short name: a browser's socket lies deep in there, and may have a hundred characters.
    with tempfile.TemporaryDirectory(prefix="pm-", ignore_cleanup_errors=True) as folder:
        rc_file = _coverage_settings(Path(folder))
        code, output = _tests(asked.pytest, rc_file)
        covered = bool(asked.pytest) or _covered(rc_file)
        secret = _secret(Path(folder), "".join(output))
    failed = checks.failed()
    _say(_cost())
    print(output[-1].strip() if output else "", flush=True)  # noqa: T201  the last word is pytest's
    return code or int(bool(failed) or not covered or not secret)


def _say(line: str) -> None:
    print(f"tests: {line}", file=sys.stderr, flush=True)  # noqa: T201  a program's own


class _Checks:
    """Run one after the other, beside the tests, which wait for pages half of their time."""

    def __init__(self, commands: tuple[tuple[str, ...], ...]) -> None:
        self._commands = commands
        self._failed: list[tuple[str, str]] = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def failed(self) -> bool:
        """Wait for all, show what the failed ones said, and tell whether there are any."""
        self._thread.join()
        if self._commands and not self._failed:
            _say("format, lint and types are fine")
        for name, said in self._failed:
            _say(f"failed: {name}\n{said.rstrip()}")
        return bool(self._failed)

    def _run(self) -> None:
        pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        for each in self._commands:
            done = subprocess.run([sys.executable, "-m", *each], check=False, **pipe)
            if done.returncode != 0:
                self._failed.append((" ".join(each), done.stdout))


def _cost() -> str:
    """Say what the whole run took, its processes included."""
    spent = os.times()
    cpu_s = spent.user + spent.system + spent.children_user + spent.children_system
    return f"{time.monotonic() - _BEGAN:.0f} s, {cpu_s:.0f} s of processor time"


def _have_browser() -> None:
    """Find a browser with a window and one without, or install them while there is a network."""
    from automation.browser import find_browser
    from automation.errors import AutomationError

    try:
        for visible in (False, True):
            find_browser(os.environ.get("PIXELMINT_BROWSER"), say=_say, visible=visible)
    except AutomationError as problem:
        _say(f"{problem.message}; tests in a browser will fail. {problem.next_step}")


def _have_screen() -> None:
    """Install a virtual screen where apt may; the tests that need one skip without it."""
    if not shutil.which("Xvfb"):
        _install("xvfb", "Xvfb, a virtual screen", "tests of a visible browser")


def _have_postgres() -> None:
    """Install PostgreSQL where apt may; the tests of several machines skip without it."""
    from tests.servers.postgres import programs

    if programs() is None:
        _install("postgresql", "PostgreSQL", "tests of jobs on several machines")


def _install(package: str, what: str, whose: str) -> None:
    if not shutil.which("apt-get") or os.geteuid() != 0:
        _say(f"no {what} here: {whose} are skipped")
        return
    _say(f"installing {what}, for {whose}")
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "-y", "--no-install-recommends", package]):
        done = subprocess.run(["apt-get", "-qq", *command], env=environ, check=False, **quiet)
        if done.returncode != 0:
            _say(f"apt-get could not: {whose} are skipped")
            return


def _coverage_settings(folder: Path) -> Path:
    """Write the settings of pyproject.toml again, with the data kept out of the checkout."""
    rc_file = folder / "coverage.ini"
    rc_file.write_text(
        "[run]\n"
        "branch = true\n"
        "parallel = true\n"
        "concurrency = greenlet, thread\n"
        "patch = subprocess\n"  # workers, and the children that tests start
        f"data_file = {folder}/data\n"
        # Nothing else: what is traced takes its time.
        "include =\n"
        + "".join(f"  {ROOT}/automation/{each}.py\n" for each in COVERED)
        + "[report]\n"
        "exclude_also =\n  if TYPE_CHECKING:\n  \\.\\.\\.$\n"
    )
    return rc_file


def _tests(arguments: list[str], rc_file: Path) -> tuple[int, list[str]]:
    """Run pytest where nothing but loopback is reachable; return its exit code and its lines."""
    workers = [] if any(each.startswith("-n") for each in arguments) else ["-n", "2"]
    workers += ["--dist", "worksteal", "--durations=10", "-rfE"]
    folder = rc_file.parent / "run"
    command = [sys.executable, "-m", "coverage", "run", f"--rcfile={rc_file}", "-m", "pytest"]
    command = [*_offline(), *command, f"--basetemp={folder}", *workers, *arguments]
    temporary = rc_file.parent / "t"
    temporary.mkdir()
    environ = {**os.environ, "TMPDIR": str(temporary)}
    output = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ) as running:
        assert running.stdout is not None
        for line in running.stdout:
            print(line, end="", flush=True)  # noqa: T201  pytest's output
            output += [line] if line.strip() else []
    return running.returncode, output


def _secret(folder: Path, output: str) -> bool:
    """Search all that the run has left, its output too, for the tokens that were issued in it."""
    from tests.canary import issued, leaks

    found = leaks(folder, [output.encode()])
    for each in found:
        _say(f"a token stands in clear in {each}")
    _say(f"{len(issued(folder))} tokens were issued; {len(found)} places show one in clear")
    return not found


def _offline() -> list[str]:
    """Return what to put before a command so that it runs in an empty network namespace."""
    loopback = [sys.executable, str(Path(__file__).resolve()), "--loopback"]
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
    _say("no network namespace can be made here: the tests run with the network in reach")
    return []


def _with_loopback(command: list[str]) -> None:
    """Bring up `lo` in a new namespace, then become the command. Needs no `ip` program."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        up_and_running, set_flags = 0x1 | 0x40, 0x8914  # IFF_UP | IFF_RUNNING, SIOCSIFFLAGS
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sh14x", b"lo", up_and_running))
    os.execvp(command[0], command)  # noqa: S606  no shell, as wished


def _covered(rc_file: Path) -> bool:
    """Combine what all processes ran, and say which module is not covered well enough."""
    coverage = [sys.executable, "-m", "coverage"]
    where = f"--rcfile={rc_file}"
    report = rc_file.with_name("coverage.json")
    for command in (["combine", "--quiet", where], ["json", "--quiet", where, "-o", str(report)]):
        if subprocess.run([*coverage, *command], check=False).returncode != 0:
            return False
    files = json.loads(report.read_text())["files"]
    content = True
    for module in COVERED:
        name = f"automation/{module}.py"
        if name not in files:
            continue
        summary = files[name]["summary"]
        branches = 100.0 * summary["covered_branches"] / (summary["num_branches"] or 1)
        lines = 100.0 * summary["covered_lines"] / summary["num_statements"]
        enough = min(branches if summary["num_branches"] else 100.0, lines) >= LEAST_PERCENT
        content = content and enough
        verdict = "" if enough else f", less than {LEAST_PERCENT:.0f} %"
        _say(f"{name}: {branches:.0f} % of branches, {lines:.0f} % of lines{verdict}")
    return content


if __name__ == "__main__":
    if sys.argv[1:2] == ["--loopback"]:
        _with_loopback(sys.argv[2:])
    sys.exit(main())

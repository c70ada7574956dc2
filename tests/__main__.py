"""`python -m tests`: everything that must hold, in one command.

    python -m tests                      format, lint, types, then all tests, without a network
    python -m tests -- -k escrow         pytest's own arguments after the dashes
    python -m tests --no-checks -- ...   the tests alone

The exit code is pytest's; where pytest is content and a check or the coverage is not, 1.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.running import COVERED, run_all, run_some

ROOT = Path(__file__).resolve().parent.parent
LEAST_PERCENT = 95.0
"""Of the lines and of the branches of each module in COVERED."""
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
    _have_keyring()
    # A short name: a browser's socket lies deep in there, and may have a hundred characters.
    with tempfile.TemporaryDirectory(prefix="pm-", ignore_cleanup_errors=True) as folder:
        where, covered = Path(folder), True
        if asked.pytest:
            ended = run_some(where, asked.pytest)
        else:
            rc_file = _coverage_settings(where)
            ended = run_all(where, rc_file)
            covered = _covered(rc_file)
        secret = _secret(where, "\n".join(ended.lines))
    failed = checks.failed()
    _say(_cost())
    # The last of it is what failed: who reads a long output from its end begins there.
    print(*ended.failures, ended.closing, sep="\n", flush=True)  # noqa: T201  pytest's own words
    return ended.code or int(failed or not covered or not secret)


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


def _have_keyring() -> None:
    """Install a real keyring where apt may; its tests skip without it."""
    from tests.servers.secret_service import lacking

    if lacking():
        _install("gnome-keyring", "GNOME's keyring", "tests of a real keyring")


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


def _secret(folder: Path, output: str) -> bool:
    """Search all that the run has left, its output too, for the tokens that were issued in it."""
    from tests.canary import issued, leaks

    found = leaks(folder, [output.encode()])
    for each in found:
        _say(f"a token stands in clear in {each}")
    _say(f"{len(issued(folder))} tokens were issued; {len(found)} places show one in clear")
    return not found


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
            _say(f"{name}: nothing of it was run")
            content = False
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
    sys.exit(main())

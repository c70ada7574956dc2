"""`python -m tests.benchmarks.engine`: what the engine costs, without any browser.

    python -m tests.benchmarks.engine [--rows 10000] [--accounts 50] [--lanes 4] [--database URL]

Ten thousand rows through a lane that does nothing; a second `provision` of as many rows that are
settled; the memory this process grows by on the way; and how soon `--help` is there.
"""

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from automation.files import private_folder
from automation.jobs import Batch, DoRow, Jobs, Json
from automation.secret import Secret
from fixtures.console import Console
from flows.filing import file_token
from tests.flows_helpers import User

TOLD = {"outcome": "generated", "fingerprint": "9f86d081884c", "stored_in": ["local:"],
        "verified": None, "delivered": [], "seconds": 3.2, "error": None}  # fmt: skip


def main() -> int:
    """Measure and print; the exit code says nothing of the figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.engine")
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--accounts", type=int, default=50)
    parser.add_argument("--lanes", type=int, default=4)
    parser.add_argument("--database", metavar="URL", help="PostgreSQL instead of SQLite")
    parser.add_argument("--only", choices=["lane", "settled", "help"])
    asked = parser.parse_args()
    say(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory(prefix="pm-") as folder:
        if asked.only in (None, "lane"):
            lane(Path(folder), asked.rows, asked.accounts, asked.lanes, asked.database)
        if asked.only in (None, "settled"):
            settled(Path(folder), asked.rows, asked.accounts)
    if asked.only in (None, "help"):
        help_is_there()
    return 0


def lane(folder: Path, rows: int, accounts: int, lanes: int, url: str | None) -> None:
    """Time rows through a lane that does nothing."""
    jobs = Jobs(private_folder(folder / "jobs"), url)
    sizes: dict[int, float] = {}
    with jobs.working(idle, lanes):
        begun, used = time.monotonic(), time.process_time()
        ids = jobs.add(batches(rows, accounts))
        for count, _told in enumerate(jobs.follow(ids), 1):
            if count in (min(1000, rows), rows):
                sizes[count] = resident_mb()
        wall, cpu = time.monotonic() - begun, time.process_time() - used
    say(f"no-op lane: {1000 * wall / rows:.1f} ms a row, {1000 * cpu / rows:.1f} ms of processor")
    first, last = min(sizes), max(sizes)
    say(f"memory: {sizes[first]:.0f} MB at row {first}, {sizes[last] - sizes[first]:+.1f} MB at "
        f"row {last}")  # fmt: skip


def batches(rows: int, accounts: int) -> list[Batch]:
    """Return rows in batches of one account each."""
    return [
        Batch(
            f"{at:019}",
            [{"pixel": f"P{n:019}", "account": f"{at:019}"} for n in range(at, rows, accounts)],
            {"kind": "generate"},
        )
        for at in range(accounts)
    ]


@contextlib.contextmanager
def idle(_options: Json) -> Iterator[DoRow]:
    """Open a lane that does nothing."""
    yield lambda row: {**row, **TOLD}


def settled(folder: Path, rows: int, accounts: int) -> None:
    """Time `provision` of rows that are all done."""
    each = -(-rows // accounts)
    with Console(accounts=accounts, pixels_per_account=each) as console:
        user = User(console, folder)
        user.sign_in()
        pixels = console.pixels[:rows]
        with unforced():
            workshop = user.workshop()
            for pixel in pixels:
                stores = tuple(workshop.settings.store)
                intent = workshop.escrow.intend(pixel.code, pixel.aadvid, "default", stores=stores)
                token = Secret(f"fixture-token-of-{pixel.code}")
                workshop.escrow.ask(intent)
                workshop.escrow.keep(intent, token)
                assert file_token(workshop, intent, token).error is None
        path = folder / "list.csv"
        lines = [f"{each.code},{each.aadvid}" for each in pixels]
        path.write_text("\n".join(["pixel,account", *lines]) + "\n")
        begun = time.monotonic()
        said = user.run("provision", str(path), "--json", "-q")
        wall = time.monotonic() - begun
    kept = sum(row["outcome"] == "kept" for row in said.rows)
    say(f"provision of {kept} settled rows: {wall:.1f} s, exit {said.code}")


@contextlib.contextmanager
def unforced() -> Iterator[None]:
    """Let nothing be forced to disk: the rows are made for the measurement, and are many."""
    forced, os.fsync = os.fsync, lambda _handle: None
    try:
        yield
    finally:
        os.fsync = forced


def help_is_there() -> None:
    """Time `--help` beside an interpreter that does nothing."""
    nothing = median(lambda: run("-c", "pass"))
    shown = median(lambda: run("-m", "flows", "--help"))
    say(f"--help: {1000 * shown:.0f} ms; python -c pass: {1000 * nothing:.0f} ms; "
        f"three times that and 100 ms: {1000 * (3 * nothing + 0.1):.0f} ms")  # fmt: skip


def run(*arguments: str) -> None:
    """Run a Python to its end."""
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)


def median(what: Callable[[], None], times: int = 15) -> float:
    """Return the seconds a call takes in the middle of several."""
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        what()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def resident_mb() -> float:
    """Return how much memory this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 1e6


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)  # noqa: T201  its results


if __name__ == "__main__":
    sys.exit(main())

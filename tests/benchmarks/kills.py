"""`python -m tests.benchmarks.kills`: two hundred kills at random moments, and what they cost.

    python -m tests.benchmarks.kills [--moments 200] [--seed N] [--only browser]

Prints a row as soon as it is known. Exits 1 where a token was lost, doubled, or passed in silence.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from fixtures.console import Console
from tests.flows_helpers import User
from tests.processes import BROWSER, DRIVER
from tests.test_kill import PIXELMINT, SEED, Count, kill_many

HEADS = ("KILLED", "MOMENTS", "ISSUED", "ANSWERED", "STORED", "BY RECOVER", "UNREAD", "LOST",
         "DOUBLED", "SILENT", "SECONDS")  # fmt: skip


def main() -> int:
    """Kill, count, print; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.kills")
    parser.add_argument("--moments", type=int, default=200)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--only", choices=[PIXELMINT, BROWSER, DRIVER])
    asked = parser.parse_args()
    victims = [asked.only] if asked.only else [PIXELMINT, BROWSER, DRIVER]
    shares = [asked.moments // len(victims)] * len(victims)
    shares[0] += asked.moments - sum(shares)
    total, started = Count(), time.monotonic()
    say("  ".join(f"{each:>10}" for each in HEADS))
    for whom, moments in zip(victims, shares, strict=True):
        begun = time.monotonic()
        count = one(whom, moments, asked.seed)
        total.add(count)
        row(whom, count, time.monotonic() - begun)
    row("all", total, time.monotonic() - started)
    for fault in total.faults:
        say(fault)
    return 1 if total.faults else 0


def one(whom: str, moments: int, seed: int) -> Count:
    """Kill one kind of process at so many moments."""
    with (
        tempfile.TemporaryDirectory(prefix="pm-", ignore_cleanup_errors=True) as folder,
        Console(accounts=2, pixels_per_account=moments + 2) as console,
    ):
        user = User(console, Path(folder))
        user.sign_in()
        return kill_many(user, whom, moments, seed)


def row(whom: str, count: Count, seconds: float) -> None:
    """Print one row of the table."""
    faults = [len(each) for each in (count.lost, count.doubled, count.silent)]
    cells: list[object] = [
        whom,
        count.moments,
        count.issued,
        count.answered,
        count.stored,
        count.escrow,
    ]
    cells += [count.unread, *faults, round(seconds)]
    say("  ".join(f"{each:>10}" for each in cells))


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)  # noqa: T201  its results


if __name__ == "__main__":
    sys.exit(main())

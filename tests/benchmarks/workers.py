"""`python -m tests.benchmarks.workers`: three workers on PostgreSQL, without a browser.

    python -m tests.benchmarks.workers [--rows 1000] [--accounts 50]

One is killed, one frozen for longer than its lease, the server restarted. Exits 1 where a row was
lost, done twice, or done by a worker that had lost its account.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.servers.postgres import postgres
from tests.shared_jobs import three_workers


def main() -> int:
    """Run it and print what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.workers")
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--accounts", type=int, default=50)
    asked = parser.parse_args()
    begun = time.monotonic()
    with postgres() as server, tempfile.TemporaryDirectory(prefix="pm-") as folder:
        run = three_workers(server, Path(folder), asked.rows, asked.accounts)
    took_s = time.monotonic() - begun
    for line in (f"{len(run.done)} rows done in {took_s:.0f} s", f"wrong: {len(run.faults)}",
                 *run.faults[:20]):  # fmt: skip
        print(line, flush=True)  # noqa: T201  its results
    return 1 if run.faults else 0


if __name__ == "__main__":
    sys.exit(main())

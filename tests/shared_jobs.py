"""Three workers on one PostgreSQL: one is killed, one frozen, the server restarted on the way.

    python -m tests.shared_jobs HOME URL LEDGER     one of the workers

The lane has no browser: each row is a line in a ledger, which sees who did it, whether twice, and
whether somebody did it who had lost its account to another by then.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from automation.files import private_folder
from automation.jobs import Batch, DoRow, Jobs, Json
from automation.leases import Leases, LostLease
from tests.conftest import until
from tests.servers.postgres import Postgres

ROOT = Path(__file__).resolve().parent.parent
LEASE_S = 6.0
"""Between a lock's proof and the line in the ledger a busy machine may let a process wait long."""
_LIMIT_S = 120


class Ledger:
    """What was done, in a file among processes: a line an event, so that no lock can be frozen."""

    def __init__(self, path: Path) -> None:
        """Remember where."""
        self._path = path

    def note(self, *words: str) -> None:
        """Add an event: `enter KEY WHO`, `done ROW KEY WHO`; `freeze WHO`, then `frozen KEY`."""
        handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(handle, (" ".join(words) + "\n").encode())  # one call: whole, and in order
        finally:
            os.close(handle)

    def events(self) -> list[list[str]]:
        """Return every event in order."""
        with contextlib.suppress(FileNotFoundError):
            return [line.split() for line in self._path.read_text().splitlines()]
        return []

    def done(self, who: str = "") -> list[list[str]]:
        """Return row, account and who of everything done, or of what somebody did."""
        done = [each[1:] for each in self.events() if each[0] == "done"]
        return [each for each in done if who in ("", each[2])]

    def holders(self) -> dict[str, str]:
        """Return who was the last to be at each account."""
        return {each[1]: each[2] for each in self.events() if each[0] == "enter"}

    def wrong(self) -> list[str]:
        """Return what was done by somebody when another was at that account, in words."""
        at: dict[str, str] = {}
        found = []
        for kind, *rest in self.events():
            if kind == "enter":
                at[rest[0]] = rest[1]
            elif kind == "done" and at.get(rest[1]) != rest[2]:
                found.append(f"{rest[0]} done by {rest[2]} in {at.get(rest[1])}'s account")
        return found


class Ledgered:
    """A lane that does rows in the ledger, an account's lock held."""

    def __init__(self, ledger: Ledger, leases: Leases, who: str) -> None:
        """Take what all lanes of a process share."""
        self._ledger, self._leases, self._who = ledger, leases, who
        self._frozen = False
        self._pause = threading.Event()

    @contextlib.contextmanager
    def open(self, options: Json) -> Iterator[DoRow]:
        """Open an account."""

        def do(row: Json) -> Json:
            while True:
                with contextlib.suppress(LostLease):
                    return self._one(str(row["pixel"]), str(options["account"]))

        yield do

    def _one(self, row: str, key: str) -> Json:
        with self._leases.held(f"account {key}", wait_s=_LIMIT_S) as hold:
            if any(each[0] == row for each in self._ledger.done()):
                return {"pixel": row, "outcome": "kept"}
            self._ledger.note("enter", key, self._who)
            self._pause.wait(0.01)  # a row takes its time; without it none would be hit half-way
            if not self._frozen and ["freeze", self._who] in self._ledger.events():
                self._frozen = True
                self._ledger.note("frozen", key)
                os.kill(os.getpid(), signal.SIGSTOP)
                self._pause.wait(0.2)  # it reaches this thread a little later than the call ends
            hold.prove()
            self._ledger.note("done", row, key, self._who)
        return {"pixel": row, "outcome": "generated"}


@dataclass
class Run:
    """What came of it."""

    rows: int
    told: list[Json] = field(default_factory=list)
    done: list[list[str]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        """What should not be, in words."""
        times = Counter(each[0] for each in self.done)
        found = [f"{row} done {count} times" for row, count in times.items() if count != 1]
        told = Counter(str(each["pixel"]) for each in self.told)
        found += [f"{row} told {count} times" for row, count in told.items() if count != 1]
        if not len(told) == len(times) == self.rows:
            found.append(f"{len(times)} of {self.rows} rows done, {len(told)} told")
        return found + self.wrong


def three_workers(server: Postgres, folder: Path, rows: int, accounts: int) -> Run:
    """Run it: a kill after a fifth of the rows, a freeze after two, a restart after three."""
    url, ledger, run = server.fresh(), Ledger(folder / "ledger"), Run(rows)
    keys = [f"a{number}" for number in range(accounts)]
    batches = [
        Batch(key, [{"pixel": f"{key}-{n}"} for n in range(at, rows, accounts)], {"account": key})
        for at, key in enumerate(keys)
    ]

    with contextlib.ExitStack() as stack:
        workers = [stack.enter_context(_worker(folder, url, number)) for number in range(3)]
        jobs = Jobs(private_folder(folder / "home"), url)
        following = threading.Thread(
            target=lambda ids: run.told.extend(row for _, _, row in jobs.follow(ids)),
            args=(jobs.add(batches),),
            daemon=True,
        )
        following.start()
        until(lambda: len(ledger.done()) > rows / 5, _LIMIT_S)
        os.kill(workers[0].pid, signal.SIGKILL)
        until(lambda: len(ledger.done()) > 2 * rows / 5, _LIMIT_S)
        ledger.note("freeze", "1")
        until(lambda: _state(workers[1].pid) == "T", _LIMIT_S)
        ((_, key),) = [each for each in ledger.events() if each[0] == "frozen"]
        until(lambda: ledger.holders()[key] != "1", _LIMIT_S)  # another is at its account
        os.kill(workers[1].pid, signal.SIGCONT)
        until(lambda: len(ledger.done()) > 3 * rows / 5, _LIMIT_S)
        server.restart()
        following.join(_LIMIT_S)
        run.done, run.wrong = ledger.done(), ledger.wrong()
    return run


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@contextlib.contextmanager
def _worker(folder: Path, url: str, number: int) -> "Iterator[subprocess.Popen[bytes]]":
    home = private_folder(folder / f"machine{number}")
    command = [sys.executable, "-m", "tests.shared_jobs", home, url, folder / "ledger"]
    process = subprocess.Popen([*command, str(number)], cwd=ROOT)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def main(home: str, url: str, ledger: str, who: str) -> None:
    """Work until killed."""
    jobs = Jobs(Path(home), url, lease_s=LEASE_S)
    with Leases(url, LEASE_S) as leases:
        lane = Ledgered(Ledger(Path(ledger)), leases, who)
        with jobs.working(lane.open, lanes=1):
            threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])

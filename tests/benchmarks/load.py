"""`python -m tests.benchmarks.load`: a long list against a console of which every tenth call fails.

    python -m tests.benchmarks.load [--rows 1000] [--accounts 50] [--kills 5] [--rate 0.1]
    python -m tests.benchmarks.load --database postgresql [--rows 200]

The process is killed on the way, the list run again until nothing but what is lost for good is
left, an ended session signed in again in between, as a person would. Then the console's own
ledger says whether each row's outcome is true. With a database three machines share the work: one
is killed, one frozen for longer than its lease, the server restarted.
"""

import argparse
import contextlib
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from automation.files import private_folder
from automation.leases import LEASE_S
from automation.seal import open_sealer
from automation.session import Sessions
from fixtures.console import Console, Scenario
from tests.conftest import until
from tests.flows_helpers import Child, Said, User
from tests.servers.postgres import Postgres, postgres

FAULTS = ("500", "429", "drop_before", "drop_after", "popup", "session_end", "slow")
UNREAD = ("token_unread", "token_exists")
"""What is said of a pixel whose token nobody holds."""
_ROUNDS = 40
_LIMIT_S = 6 * 3600


@dataclass
class Machine:
    """A home folder of its own, on a console that all share."""

    user: User

    def sign_in(self) -> None:
        """Seal a session for every account, as a person would after one has ended."""
        console = self.user.console
        sessions = Sessions(private_folder(self.user.home), open_sealer(self.user.home))
        for account in console.accounts:
            state = console.storage_state()
            sessions.save(account.aadvid, state, signed_in=True, origin=console.url)


@dataclass
class Outcome:
    """What the rows came to, and what the console says of it."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The last thing said of each pixel."""
    told: Counter[str] = field(default_factory=Counter)
    """Every code that was told on the way."""
    rounds: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    """What the console did on purpose."""
    unread: Counter[str] = field(default_factory=Counter)
    """Tokens that nobody holds, which was said: whether their answer ever left the console."""
    wrong: list[str] = field(default_factory=list)
    """What must not be, in words."""

    def add(self, said: Said) -> None:
        """Take what a run said."""
        for row in said.rows:
            if row["pixel"]:
                self.rows[row["pixel"]] = row
            self.told[(row["error"] or {}).get("code") or row["outcome"]] += 1

    @property
    def again(self) -> bool:
        """Whether another run may bring more."""
        codes = [(row["error"] or {}).get("code") for row in self.rows.values()]
        return any(code not in (None, *UNREAD) for code in codes)

    def judge(self, console: Console, machines: list[Machine]) -> None:
        """Compare each row with the console's ledger."""
        issued: dict[str, list[Any]] = {}
        for each in console.ledger.issued():
            issued.setdefault(each.pixel, []).append(each)
        self.faults = Counter(each.fault for each in console.ledger.faults())
        for pixel in (each.code for each in console.pixels):
            row, tokens = self.rows.get(pixel), issued.get(pixel, [])
            prints = machines[0].user.issued(pixel) if tokens else []
            if row is None:
                self.wrong.append(f"{pixel}: nothing was said")
            elif len(tokens) > 1:
                self.wrong.append(f"{pixel}: {len(tokens)} tokens were issued")
            elif row["outcome"] in ("generated", "kept"):
                if [row["fingerprint"]] != prints:
                    self.wrong.append(f"{pixel}: {row['fingerprint']} said, issued {prints}")
            elif (row["error"] or {}).get("code") not in UNREAD or not tokens:
                self.wrong.append(f"{pixel}: ended as {row['error']}, issued {len(tokens)}")
            else:
                self.unread["answered" if tokens[0].answered else "dropped by the console"] += 1
        overlaps = console.ledger.overlaps()
        self.wrong += [f"{one.pixel} and {two.pixel} at a time in {one.account}"
                       for one, two in overlaps]  # fmt: skip

    def lines(self) -> Iterator[str]:
        """Say it."""
        ends = Counter(
            row["outcome"] if row["error"] is None else row["error"]["code"]
            for row in self.rows.values()
        )
        yield f"rows by their end: {dict(ends)}"
        yield f"told on the way, in {self.rounds} runs: {dict(self.told)}"
        yield f"faults the console made: {dict(self.faults)}"
        yield f"issued and held by nobody, as was said: {dict(self.unread)}"
        yield f"wrong: {len(self.wrong)}"
        yield from self.wrong[:20]


def main() -> int:
    """Run it and print what came of it; 1 where anything is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.load")
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--accounts", type=int, default=50)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--rate", type=float, default=0.1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    asked = parser.parse_args()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="pm-", ignore_cleanup_errors=True) as folder:
        if asked.database == "postgresql":
            with postgres() as server:
                came = shared(Path(folder), asked.rows, asked.accounts, asked.rate, server)
        else:
            came = alone(
                Path(folder), asked.rows, asked.accounts, asked.rate, asked.kills, asked.jobs
            )
    for line in (f"{time.monotonic() - begun:.0f} s", *came.lines()):
        print(line, flush=True)  # noqa: T201  its results
    return 1 if came.wrong else 0


@contextlib.contextmanager
def console(rows: int, accounts: int, rate: float) -> Iterator[Console]:
    """Start a console of which so many calls fail."""
    scenario = Scenario(hostile=rate, hostile_faults=FAULTS, hostile_turns=(), delay_ms=(0, 0),
                        slow_ms=1000)  # fmt: skip
    with Console(scenario, accounts=accounts, pixels_per_account=-(-rows // accounts)) as made:
        yield made


def machine(made: Console, folder: Path, **settings: str) -> Machine:
    """Make a machine and sign it in."""
    user = User(made, private_folder(folder))
    # A call that is dropped leaves a page that never comes; it is tried again in the next run.
    user.settings |= {"PIXELMINT_PATIENCE": "10", **settings}
    one = Machine(user)
    one.sign_in()
    return one


def manifest(made: Console, path: Path) -> Path:
    """Write the list: an account a profile, so that an ended session is one account's."""
    rows = [f"{p.code},{a.aadvid},{a.aadvid}" for a in made.accounts for p in a.pixels]
    path.write_text("\n".join(["pixel,account,profile", *rows]) + "\n")
    return path


def alone(
    folder: Path, rows: int, accounts: int, rate: float, kills: int, jobs: int = 2
) -> Outcome:
    """One machine, killed so many times on the way."""
    came = Outcome()
    with console(rows, accounts, rate) as made:
        one, path = machine(made, folder / "m"), manifest(made, folder / "list.csv")
        command = ("provision", str(path), "--json", "--jobs", str(jobs))
        for kill in range(kills):
            mark = (kill + 1) * rows // (kills + 2)
            child = one.user.start(*command)
            until(lambda c=child, m=mark: _at(made, c, m), _LIMIT_S)
            child.kill()
            came.add(child.wait())
            came.rounds += 1
        _to_the_end(came, [one], command)
        came.judge(made, [one])
    return came


def _at(made: Console, child: Child, mark: int) -> bool:
    return len(made.ledger.spans()) >= mark or child.process.poll() is not None


def _to_the_end(came: Outcome, machines: list[Machine], command: tuple[str, ...]) -> None:
    for _ in range(_ROUNDS):
        for each in machines:
            each.sign_in()
            came.add(each.user.run("recover", "--json"))
        came.add(machines[0].user.run(*command))
        came.rounds += 1
        done = sum(row["error"] is None for row in came.rows.values())
        print(f"run {came.rounds}: {done} rows done", file=sys.stderr)  # noqa: T201  its progress
        if not came.again:
            return


def shared(folder: Path, rows: int, accounts: int, rate: float, server: Postgres) -> Outcome:
    """Three machines: one is killed, one frozen for longer than its lease, the server restarted."""
    came = Outcome()
    shares = {"PIXELMINT_DATABASE_URL": server.fresh(),
              "PIXELMINT_STORE": f"dotenv:{folder}/tokens.env"}  # fmt: skip
    with console(rows, accounts, rate) as made:
        machines = [machine(made, folder / f"m{n}", **shares) for n in range(3)]
        path = manifest(made, folder / "list.csv")
        command = ("provision", str(path), "--json", "--jobs", "1")
        workers = [each.user.start("worker", "--jobs", "1") for each in machines[1:]]
        first = machines[0].user.start(*command)
        try:
            until(lambda: _at(made, first, rows // 6), _LIMIT_S)
            workers[0].kill()
            until(lambda: _at(made, first, rows // 3), _LIMIT_S)
            os.kill(workers[1].process.pid, signal.SIGSTOP)
            frozen = time.monotonic()
            until(lambda: time.monotonic() - frozen > 2 * LEASE_S, _LIMIT_S)
            os.kill(workers[1].process.pid, signal.SIGCONT)
            until(lambda: _at(made, first, rows // 2), _LIMIT_S)
            server.restart()
            came.add(first.wait())
            came.rounds += 1
            _to_the_end(came, machines, command)
        finally:
            for worker in workers:
                worker.kill()
        came.judge(made, machines)
    return came


if __name__ == "__main__":
    sys.exit(main())

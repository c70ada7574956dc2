"""`python -m tests.benchmarks.speed`: tokens a minute beside scripts of one's own, in one run.

    python -m tests.benchmarks.speed [--delays 50 150 600] [--pixels 20] [--peers bare one ...]

The console runs in a process of its own; what is counted is the peer's processes, its browser
among them. Rates of one run are comparable with each other, not with those of another machine.
"""

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from automation.browser import find_browser
from automation.secret import fingerprint

LANES = {"pixelmint 1": 1, "pixelmint 4": 4}
PEERS = ("bare", "selenium", "menu", "fresh", *LANES)
HEADS = ("MS A REQUEST", "PEER", "TOKENS", "SECONDS EACH", "A MINUTE", "CPU S EACH", "PEAK MB",
         "TIME / BARE", "CPU / BARE")  # fmt: skip


@dataclass(frozen=True)
class Cost:
    """What a peer took, start of its processes and browser included."""

    tokens: int
    seconds: float
    cpu_s: float
    peak_mb: float


def main() -> int:
    """Run every peer at every delay and print a row each; 1 where a token was missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.speed")
    parser.add_argument("--delays", type=int, nargs="+", default=[50, 150, 600], metavar="MS")
    parser.add_argument("--pixels", type=int, default=20, help="tokens each peer is to make")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS))
    asked = parser.parse_args()
    say("  ".join(f"{each:>12}" for each in HEADS))
    whole = True
    for delay_ms in asked.delays:
        floor: Cost | None = None
        for peer in asked.peers:
            if peer == "selenium" and not _chromedriver():
                say(f"{delay_ms:>12}  selenium: left out, no chromedriver or no selenium here")
                continue
            cost = measure(peer, delay_ms, asked.pixels)
            floor = floor or (cost if peer == "bare" else None)
            row(delay_ms, peer, cost, floor)
            whole &= cost.tokens == asked.pixels
    return 0 if whole else 1


def measure(peer: str, delay_ms: int, pixels: int) -> Cost:
    """Run one peer against a fresh console."""
    lanes = LANES.get(peer, 1)
    with tempfile.TemporaryDirectory(prefix="pm-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with console(folder, delay_ms, lanes, -(-pixels // lanes)) as known:
            rows = [(account["aadvid"], each["code"]) for account in known["accounts"]
                    for each in account["pixels"]][:pixels]  # fmt: skip
            run = _pixelmint if peer in LANES else _script
            prepared = run(peer, folder, known, rows)
            started = time.monotonic()
            with peak_of() as peak, (folder / "out").open("wb") as out:
                process = subprocess.Popen(prepared.command, stdin=subprocess.PIPE, stdout=out,
                                           stderr=subprocess.DEVNULL,
                                           env=prepared.environ)  # fmt: skip
                peak.pid = process.pid
                process.communicate(prepared.given.encode())
            seconds = time.monotonic() - started
            got = prepared.prints((folder / "out").read_text())
            issued = [fingerprint(each["token"]) for each in ledger(known)["issued"]]
    right = len(set(got) & set(issued)) if len(issued) == len(rows) else 0
    return Cost(right, seconds, peak.cpu_s, peak.mb)


@dataclass(frozen=True)
class Prepared:
    """A command ready to be started."""

    command: list[str]
    environ: dict[str, str]
    given: str

    def prints(self, out: str) -> list[str]:
        """Return the fingerprints of the tokens in what it printed."""
        if out.startswith("{"):
            return [json.loads(line)["fingerprint"] for line in out.splitlines()]
        return [fingerprint(line) for line in out.split()]


def _script(
    peer: str, folder: Path, known: dict[str, Any], rows: list[tuple[str, str]]
) -> Prepared:
    config = {
        "url": known["url"],
        "account": rows[0][0],
        "state": str(folder / "state.json"),
        "browser": str(find_browser(None).value),
        "driver": _chromedriver(),
        "pixels": [pixel for _, pixel in rows],
    }
    command = [sys.executable, "-m", "tests.benchmarks.speed_peers", peer]
    return Prepared(command, dict(os.environ), json.dumps(config))


def _pixelmint(
    peer: str, folder: Path, known: dict[str, Any], rows: list[tuple[str, str]]
) -> Prepared:
    environ = {name: text for name, text in os.environ.items() if "PIXELMINT" not in name} | {
        "PIXELMINT_HOME": str(folder / "home"),
        "PIXELMINT_CONSOLE_URL": known["url"],
        "PIXELMINT_PACE": "0",
        "PIXELMINT_PATIENCE": "60",
    }
    flows = [sys.executable, "-m", "flows", "--json"]
    signed = [*flows, "sign-in", "--import", str(folder / "state.json")]
    subprocess.run(signed, env=environ, check=True, capture_output=True)
    if LANES[peer] == 1:
        command = [*flows, "generate", "-", "--account", rows[0][0]]
        return Prepared(command, environ, " ".join(pixel for _, pixel in rows))
    given = "pixel,account\n" + "\n".join(f"{pixel},{account}" for account, pixel in rows)
    (folder / "list.csv").write_text(given)
    command = [*flows, "provision", str(folder / "list.csv"), "--jobs", str(LANES[peer])]
    return Prepared(command, environ, "")


@contextmanager
def console(folder: Path, delay_ms: int, accounts: int, pixels: int) -> Iterator[dict[str, Any]]:
    """Run the bundled console in a process of its own."""
    command = [sys.executable, "-m", "fixtures.console", "--accounts", str(accounts)]
    command += ["--pixels", str(pixels), "--delay-ms", str(delay_ms), str(delay_ms)]
    command += ["--state", str(folder / "state.json")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


def ledger(known: dict[str, Any]) -> dict[str, Any]:
    """Return the console's book."""
    asked = Request(known["url"] + "/__ledger", headers={"X-Ledger-Key": known["ledger_key"]})  # noqa: S310  loopback
    with urlopen(asked, timeout=30) as answer:  # noqa: S310  loopback
        book: dict[str, Any] = json.load(answer)
    return book


class Peak:
    """What a process and all its children took together."""

    def __init__(self) -> None:
        """Start at nothing."""
        self.pid = 0
        self.mb = 0.0
        """The most memory they held at a time, shared pages counted once."""
        self._cpu_s: dict[int, float] = {}

    @property
    def cpu_s(self) -> float:
        """Processor time, but for what each process took after the last look before its end."""
        return sum(self._cpu_s.values())

    def look(self) -> None:
        """Add up the process tree as it is now."""
        mb = 0.0
        for pid in _tree(self.pid) if self.pid else []:
            mb += _pss_mb(pid)
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                self._cpu_s[pid] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        self.mb = max(self.mb, mb)


@contextmanager
def peak_of() -> Iterator[Peak]:
    """Look at a process tree several times a second."""
    peak, over = Peak(), threading.Event()

    def sample() -> None:
        while not over.wait(0.25):
            peak.look()

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()


def _tree(root: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(folder.name))
    found, left = [], [root]
    while left:
        found.append(left.pop())
        left += parents.get(found[-1], [])
    return found


def _pss_mb(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def _chromedriver() -> str | None:
    try:
        import selenium  # noqa: F401  only whether it is there
    except ImportError:
        return None
    return shutil.which("chromedriver")


def row(delay_ms: int, peer: str, cost: Cost, floor: Cost | None) -> None:
    """Print one row of the table."""
    each_s, cpu_s = cost.seconds / (cost.tokens or 1), cost.cpu_s / (cost.tokens or 1)
    cells = [str(delay_ms), peer, str(cost.tokens), f"{each_s:.2f}", f"{60 / each_s:.1f}"]
    cells += [f"{cpu_s:.2f}", f"{cost.peak_mb:.0f}"]
    if floor is not None and floor.tokens and cost.tokens:
        cells.append(f"{each_s / (floor.seconds / floor.tokens):.2f}")
        cells.append(f"{cpu_s / (floor.cpu_s / floor.tokens):.2f}")
    say("  ".join(f"{each:>12}" for each in cells))


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)  # noqa: T201  its results


if __name__ == "__main__":
    sys.exit(main())

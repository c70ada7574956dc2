"""Who descends from a process, and the end of one of them. Linux: reads /proc."""

import contextlib
import os
import signal
from pathlib import Path

DRIVER, BROWSER = "driver", "browser"


def family(pid: int) -> dict[int, list[str]]:
    """Return the running descendants of a process, each with its command line, oldest first."""
    found: dict[int, list[str]] = {}
    waiting = [pid]
    while waiting:
        for child in _children(waiting.pop()):
            command = _read(child, "cmdline").split("\0")
            if _read(child, "stat").rpartition(")")[2].split()[:1] not in (["Z"], []):
                found[child] = command
                waiting.append(child)
    return dict(sorted(found.items()))


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                found += map(int, (thread / "children").read_text().split())
    return found


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text(errors="replace")
    except OSError:
        return ""


def find_one(processes: dict[int, list[str]], whom: str) -> int | None:
    """Return the newest driver or browser among some processes."""
    for pid, command in reversed(processes.items()):
        line = " ".join(command)
        is_driver = "run-driver" in line
        is_browser = "--remote-debugging-pipe" in line and "--type=" not in line
        if is_driver if whom == DRIVER else is_browser:
            return pid
    return None


def kill_one(processes: dict[int, list[str]], whom: str) -> bool:
    """Kill the driver or the browser; False where none runs, or it was gone already."""
    pid = find_one(processes, whom)
    if pid is None:
        return False
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True

"""Children of a process that has imported everything: as a program of its own, without the second
that imports cost.

`Forks` starts a server, which does nothing but import and fork. A child of it is a process like any
other: its own environment, arguments, files, signals and end.
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parent.parent
_LARGEST = 1 << 20
_LATE = ("flows.__main__", "automation.stores.")
"""What begins so is not imported ahead: it runs when it is, or needs what is not always there."""


class Forked:
    """A running child; the part of `subprocess.Popen` that tests use."""

    def __init__(self, forks: "Forks", pid: int) -> None:
        """Take the server that started it."""
        self.pid, self.returncode = pid, None
        self._forks = forks

    returncode: int | None

    def poll(self) -> int | None:
        """Return how it ended, None while it runs."""
        return self._wait(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end.

        Raises:
            subprocess.TimeoutExpired: it still runs.
        """
        code = self._wait(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
        return code

    def kill(self) -> None:
        """End it the hard way, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)

    def _wait(self, timeout: float | None) -> int | None:
        if self.returncode is None:
            self.returncode = self._forks.ending(self.pid, timeout)
        return self.returncode


class Forks:
    """The server and its children, as seen by who uses them."""

    def __init__(self) -> None:
        """Start the server; what it imports it has imported once the first child starts."""
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._server = subprocess.Popen(
                [sys.executable, "-m", "tests.forks", str(theirs.fileno())],
                cwd=ROOT,
                pass_fds=[theirs.fileno()],
            )
        self._endings: dict[int, int] = {}

    def start(
        self,
        module: str,
        arguments: Sequence[str],
        environ: Mapping[str, str],
        files: Sequence[int],
    ) -> Forked:
        """Run a module as `python -m` does.

        Args:
            module: its name.
            arguments: what follows it.
            environ: the whole environment.
            files: descriptors of its standard input, output and error.
        """
        order = {"module": module, "arguments": list(arguments), "environ": dict(environ)}
        socket.send_fds(self._socket, [json.dumps(order).encode()], list(files))
        while "started" not in (told := self._heard(None)):
            self._note(told)
        # The system gives a number again, once it has been round: how an earlier one ended is over.
        self._endings.pop(told["started"], None)
        return Forked(self, told["started"])

    def ending(self, pid: int, timeout: float | None) -> int | None:
        """Return how a child ended; None where it has not in so many seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while pid not in self._endings:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            told = self._heard(left)
            if told is None:
                return None
            self._note(told)
        return self._endings[pid]

    def close(self) -> None:
        """End the server; children that still run are not touched."""
        self._socket.close()
        self._server.wait()

    def _heard(self, timeout: float | None) -> Any:
        if not select.select([self._socket], [], [], timeout)[0]:
            return None
        told = self._socket.recv(_LARGEST)
        if not told:
            raise RuntimeError("the server that forks has ended")
        return json.loads(told)

    def _note(self, told: dict[str, int]) -> None:
        self._endings[told["ended"]] = told["code"]


def _serve(connection: socket.socket) -> None:
    """Fork for every order, and tell of every child that ended; return in a child, to run on."""
    _import_everything()
    gc.collect()
    gc.freeze()  # or every child would copy all of it, to look through it
    awake, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is for the children
    while True:
        ready, _, _ = select.select([connection, awake], [], [])
        if awake in ready:
            os.read(awake, 4096)
            _tell_endings(connection)
        if connection not in ready:
            continue
        order, files, _, _ = socket.recv_fds(connection, _LARGEST, 3)
        if not order:
            os._exit(0)
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            for number in (connection.detach(), awake, wake):
                os.close(number)
            return _become(json.loads(order), files)
        for number in files:
            os.close(number)
        connection.send(json.dumps({"started": pid}).encode())


def _tell_endings(connection: socket.socket) -> None:
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            ended = {"ended": pid, "code": os.waitstatus_to_exitcode(status)}
            connection.send(json.dumps(ended).encode())


def _become(order: dict[str, Any], files: Sequence[int]) -> None:
    """Be the program that was asked for."""
    for standard, number in enumerate(files):
        os.dup2(number, standard)
        os.close(number)
    os.environ.clear()
    os.environ.update(order["environ"])
    time.tzset()
    tempfile.tempdir = None
    sys.argv = [order["module"], *order["arguments"]]
    code: object = 0
    try:
        runpy.run_module(order["module"], run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        code = ended.code
    except BaseException:
        traceback.print_exc()
        code = 1
    _end(code)


def _end(code: object) -> NoReturn:
    """End as Python does, but leave what was imported as it is: to take it apart takes long."""
    if code is not None and not isinstance(code, int):
        print(code, file=sys.stderr)  # noqa: T201  as Python does
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads, as Python does
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            code = code or 120
    os._exit(code or 0)


def _import_everything() -> None:
    for package in ("automation", "flows"):
        for found in pkgutil.walk_packages([str(ROOT / package)], f"{package}."):
            if not found.name.startswith(_LATE):
                importlib.import_module(found.name)
    for name in ("automation.stores.local", "automation.stores.dotenv", "tests.processes"):
        importlib.import_module(name)
    for name in (
        "sqlalchemy.dialects.sqlite",
        "playwright.sync_api",
        "dbos",
        "httpx",
        "rich.table",
    ):
        importlib.import_module(name)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))

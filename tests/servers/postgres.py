"""A real PostgreSQL on loopback, from the system's packages, that can be restarted and crashed."""

import contextlib
import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from tests.conftest import until

_USERS = ("postgres", "nobody")
"""Whom it runs as where we are root, which it refuses to run as."""


def programs() -> Path | None:
    """Return the folder of `initdb` and `postgres`, newest version first, or None."""
    found = shutil.which("initdb")
    named = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda each: _version(each)
    )
    places = [*reversed(named), *([Path(found).resolve()] if found else [])]
    return next((each.parent for each in places if (each.parent / "postgres").exists()), None)


def _version(initdb: Path) -> float:
    with contextlib.suppress(ValueError):
        return float(initdb.parent.parent.name)
    return 0.0


@dataclass
class Postgres:
    """A running server; every database it is asked for is empty."""

    folder: Path
    port: int
    binaries: Path
    as_whom: dict[str, object]
    _process: "subprocess.Popen[bytes] | None" = None
    _count: Iterator[int] = field(default_factory=itertools.count)

    def url(self, database: str = "postgres") -> str:
        """For PIXELMINT_DATABASE_URL."""
        return f"postgresql://pixelmint@127.0.0.1:{self.port}/{database}"

    def fresh(self) -> str:
        """Make an empty database and return its URL."""
        name = f"test{next(self._count)}"
        self.ask(f"create database {name}")
        return self.url(name)

    def ask(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run a statement and return its rows."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            answer = connection.execute(statement.encode())
            return answer.fetchall() if answer.description else []

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [self.binaries / "postgres", "-D", self.folder / "data", "-p", str(self.port)]
        command += ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
        command += ["-c", "fsync=on", "-c", "max_connections=200"]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=self.folder, stdout=log, stderr=log, **self.as_whom
            )
        until(self._answers)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT drops its connections, SIGQUIT is a crash."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(how)
            process.wait(30)

    def restart(self) -> None:
        """Drop every connection, end, and start again."""
        self.stop()
        self.start()

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "log").read_text()[-2000:]
        try:
            self.ask("select 1")
        except psycopg.OperationalError:
            return False
        return True


@contextlib.contextmanager
def postgres() -> Iterator[Postgres]:
    """Make a server in a folder of its own and start it; skips where none can be had."""
    binaries = programs()
    if binaries is None:
        pytest.skip("no PostgreSQL here: `python -m tests` installs one as root, with apt-get")
    as_whom = _as_whom()
    with tempfile.TemporaryDirectory(prefix="pm-pg-", dir=_open_folder()) as name:
        folder = Path(name)
        if as_whom:
            shutil.chown(folder, str(as_whom["user"]), int(str(as_whom["group"])))
        command = [binaries / "initdb", "-D", folder / "data", "--no-sync", "--auth=trust"]
        command += ["--username=pixelmint", "--encoding=UTF8", "--locale=C"]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, **as_whom)
        server = Postgres(folder, _free_port(), binaries, as_whom)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _as_whom() -> dict[str, object]:
    """Return what makes a child run as somebody else than root, where we are root."""
    if os.geteuid() != 0:
        return {}
    import pwd

    for name in _USERS:
        with contextlib.suppress(KeyError):
            return {"user": name, "group": pwd.getpwnam(name).pw_gid, "extra_groups": []}
    pytest.skip("PostgreSQL will not run as root, and there is nobody else here")


def _open_folder() -> Path:
    """Return a folder for temporary files that others than us may pass through."""
    for each in (Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")):
        if all(part.stat().st_mode & 0o001 for part in (each, *each.parents)):
            return each
    pytest.skip("no folder for temporary files is open to the user PostgreSQL runs as")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])

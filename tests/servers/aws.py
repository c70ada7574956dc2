"""AWS as moto plays it: `python -m tests.servers.aws` serves on a free port and prints it."""

import contextlib
import logging
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import boto3
from botocore.config import Config

from tests.servers.gate import Gate, running

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIAFIXTURE0000FIXTURE",
    "AWS_SECRET_ACCESS_KEY": "fixture-secret-access-key-of-nobody",
    "AWS_REGION": "eu-central-1",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@dataclass
class Aws:
    """A running server, behind a gate."""

    gate: Gate

    @property
    def environment(self) -> dict[str, str]:
        """What a client needs to find it."""
        return {**ENVIRONMENT, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.gate.port}"}


@contextlib.contextmanager
def aws() -> Iterator[Aws]:
    """Start one in a process of its own: its imports take seconds."""
    command = [sys.executable, "-m", "tests.servers.aws"]
    with running(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        _warm_up(f"http://127.0.0.1:{port}")
        with Gate(port) as gate:
            yield Aws(gate)


def _warm_up(address: str) -> None:
    """Let it load what it loads at a first request: that may take longer than a store waits."""
    session = boto3.Session("fixture", "fixture", region_name="us-east-1")
    patient = Config(read_timeout=300, retries={"total_max_attempts": 1})
    secrets, parameters = (
        session.client(each, endpoint_url=address, config=patient)
        for each in ("secretsmanager", "ssm")
    )
    secrets.create_secret(Name="warm-up", SecretString="-")
    parameters.put_parameter(Name="warm-up", Value="-", Type="SecureString")
    for client in (secrets, parameters):
        client.close()


def main() -> None:
    """Serve until ended."""
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server(
        "127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True
    )
    print(server.port, flush=True)  # noqa: T201  whoever started it reads this
    server.serve_forever()


if __name__ == "__main__":
    main()

"""An Azure Key Vault on loopback, over TLS, that answers in its client's own message classes."""

import contextlib
import itertools
import json
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import trustme
from azure.keyvault.secrets._generated import models
from azure.keyvault.secrets._generated._utils.model_base import SdkJSONEncoder

from tests.servers.gate import Gate

ACCESS = "fixture-access-token-of-a-managed-identity"


class KeyVault:
    """One vault, in memory, behind a gate; and the identity service that lets in."""

    def __init__(self, ca_file: Path) -> None:
        """Serve; the certificate is written to a file for the client to trust."""
        self._ca_file = ca_file
        self._secrets: dict[str, list[models.SecretBundle]] = {}
        self._numbers = itertools.count(1)
        self._refuses = False
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(ca_file))
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        self._vault = _Server(self._handler())
        self._vault.socket = context.wrap_socket(
            self._vault.socket, server_side=True, do_handshake_on_connect=False
        )
        self._identity = _Server(self._handler())
        self.gate = Gate(self._vault.server_port)
        self._threads = [
            threading.Thread(target=each.serve_forever, args=(0.05,))
            for each in (self._vault, self._identity)
        ]
        for each in self._threads:
            each.start()

    @property
    def host(self) -> str:
        """For the store's URL."""
        return f"127.0.0.1:{self.gate.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What a client needs: it believes that it runs in an App Service."""
        return {
            "REQUESTS_CA_BUNDLE": str(self._ca_file),
            "IDENTITY_ENDPOINT": f"http://127.0.0.1:{self._identity.server_port}/identity",
            "IDENTITY_HEADER": "fixture-identity-header",
        }

    @contextlib.contextmanager
    def refusing(self) -> Iterator[None]:
        """Allow nothing."""
        self._refuses = True
        try:
            yield
        finally:
            self._refuses = False

    def close(self) -> None:
        """Stop."""
        self.gate.close()
        for server, thread in zip((self._vault, self._identity), self._threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()

    def answer(self, method: str, path: str, let_in: bool, body: bytes) -> tuple[int, Any]:
        """Return status and message for a request."""
        if path == "/identity":
            ends = str(int(time.time()) + 3600)
            return 200, {"access_token": ACCESS, "expires_on": ends, "token_type": "Bearer"}
        if not let_in:
            return 401, {}
        if self._refuses:
            return 403, _error("Forbidden")
        name, *rest = path.strip("/").split("/")[1:]
        versions = self._secrets.get(name, [])
        if method == "PUT":
            return 200, self._set(name, json.loads(body))
        if rest == ["versions"]:
            items = [models.SecretItem({**each, "value": None}) for each in versions]
            return 200, {"value": items, "nextLink": None}
        found = [each for each in versions if not rest or each["id"].endswith(rest[0])]
        return (200, found[-1]) if found else (404, _error("SecretNotFound"))

    def _set(self, name: str, asked: dict[str, Any]) -> models.SecretBundle:
        now = int(time.time())
        bundle = models.SecretBundle(
            {
                "id": f"https://{self.host}/secrets/{name}/{next(self._numbers):032x}",
                "value": asked["value"],
                "tags": asked.get("tags"),
                "attributes": {"enabled": True, "created": now, "updated": now},
            }
        )
        self._secrets.setdefault(name, []).append(bundle)
        return bundle

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        vault = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            timeout = 30

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                let_in = self.headers.get("Authorization") == f"Bearer {ACCESS}"
                path = urlsplit(self.path).path
                status, message = vault.answer(self.command, path, let_in, body)
                data = json.dumps(message, cls=SdkJSONEncoder).encode()
                self.send_response(status)
                if status == 401:
                    # The client sends its token only to a host below that of the resource.
                    resource = f"https://0.0.1:{vault.gate.port}"
                    told = f'authorization="https://login.invalid/tenant", resource="{resource}"'
                    self.send_header("WWW-Authenticate", f"Bearer {told}")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_PUT = do_GET

            def log_message(self, *_: object) -> None:
                """Say nothing: a test's output is its own."""

        return Handler


class _Server(ThreadingHTTPServer):
    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that is killed may go at any time."""


def _error(code: str) -> dict[str, Any]:
    return {"error": models.KeyVaultErrorError({"code": code, "message": code})}


@contextlib.contextmanager
def key_vault(folder: Path) -> Iterator[KeyVault]:
    """Start one."""
    vault = KeyVault(folder / "ca.pem")
    try:
        yield vault
    finally:
        vault.close()

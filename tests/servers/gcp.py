"""Google's Secret Manager on loopback, over gRPC and TLS, made of its client's message classes."""

import contextlib
import json
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.cloud import secretmanager_v1 as sm
from google.iam.v1 import iam_policy_pb2

from tests.servers.gate import Gate

_SERVICE = "google.cloud.secretmanager.v1.SecretManagerService"


class SecretManager(grpc.GenericRpcHandler):
    """All projects in one, in memory, behind a gate."""

    def __init__(self, folder: Path) -> None:
        """Serve; certificate and credentials are written to the folder, for the client."""
        self._folder = folder
        self._secrets: dict[str, sm.Secret] = {}
        self._versions: dict[str, list[bytes]] = {}
        self._refuses = False
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(folder / "ca.pem"))
        issued = authority.issue_cert("127.0.0.1")
        self._account = _service_account(folder / "account.json")
        self._server = grpc.server(futures.ThreadPoolExecutor(4), handlers=[self])
        chain = b"".join(each.bytes() for each in issued.cert_chain_pems)
        pair = (issued.private_key_pem.bytes(), chain)
        port = self._server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
        self._server.start()
        self.gate = Gate(port)

    @property
    def environment(self) -> dict[str, str]:
        """What a client needs to find it, to trust it and to be let in."""
        return {
            "CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER": f"https://127.0.0.1:{self.gate.port}/",
            "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(self._folder / "ca.pem"),
            "GOOGLE_APPLICATION_CREDENTIALS": str(self._account),
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
        self._server.stop(None).wait()

    def service(self, handler_call_details: Any) -> Any:
        """Find the method of a call."""
        called = handler_call_details.method.removeprefix(f"/{_SERVICE}/")
        kinds: dict[str, tuple[Any, Any]] = {
            "GetSecret": (sm.GetSecretRequest, self._get),
            "CreateSecret": (sm.CreateSecretRequest, self._create),
            "UpdateSecret": (sm.UpdateSecretRequest, self._update),
            "AddSecretVersion": (sm.AddSecretVersionRequest, self._add),
            "AccessSecretVersion": (sm.AccessSecretVersionRequest, self._access),
            "ListSecretVersions": (sm.ListSecretVersionsRequest, self._list),
        }
        if called == "TestIamPermissions":
            return grpc.unary_unary_rpc_method_handler(
                self._permissions,
                iam_policy_pb2.TestIamPermissionsRequest.FromString,
                iam_policy_pb2.TestIamPermissionsResponse.SerializeToString,
            )
        request, method = kinds[called]

        def handle(asked: Any, context: Any) -> Any:
            if self._refuses:
                context.abort(grpc.StatusCode.PERMISSION_DENIED, "refused")
            return method(asked, context)

        return grpc.unary_unary_rpc_method_handler(
            handle, request.deserialize, lambda answer: type(answer).serialize(answer)
        )

    def _permissions(self, asked: Any, _context: Any) -> Any:
        return iam_policy_pb2.TestIamPermissionsResponse(
            permissions=[] if self._refuses else asked.permissions
        )

    def _found(self, name: str, context: Any) -> sm.Secret:
        if name not in self._secrets:
            context.abort(grpc.StatusCode.NOT_FOUND, "no such secret")
        return self._secrets[name]

    def _get(self, asked: Any, context: Any) -> sm.Secret:
        return self._found(asked.name, context)

    def _create(self, asked: Any, context: Any) -> sm.Secret:
        name = f"{asked.parent}/secrets/{asked.secret_id}"
        if name in self._secrets:
            context.abort(grpc.StatusCode.ALREADY_EXISTS, "there is one")
        self._secrets[name] = sm.Secret(name=name)
        self._versions[name] = []
        return self._secrets[name]

    def _update(self, asked: Any, context: Any) -> sm.Secret:
        secret = self._found(asked.secret.name, context)
        secret.annotations = dict(asked.secret.annotations)
        return secret

    def _add(self, asked: Any, context: Any) -> sm.SecretVersion:
        self._found(asked.parent, context)
        self._versions[asked.parent].append(asked.payload.data)
        return sm.SecretVersion(name=f"{asked.parent}/versions/{len(self._versions[asked.parent])}")

    def _access(self, asked: Any, context: Any) -> sm.AccessSecretVersionResponse:
        name, _, number = asked.name.partition("/versions/")
        versions = self._versions.get(name, [])
        if not versions:
            context.abort(grpc.StatusCode.NOT_FOUND, "no version")
        data = versions[-1 if number == "latest" else int(number) - 1]
        return sm.AccessSecretVersionResponse(name=asked.name, payload={"data": data})

    def _list(self, asked: Any, context: Any) -> sm.ListSecretVersionsResponse:
        self._found(asked.parent, context)
        numbers = range(1, len(self._versions[asked.parent]) + 1)
        found = [{"name": f"{asked.parent}/versions/{number}"} for number in numbers]
        return sm.ListSecretVersionsResponse(versions=found)


def _service_account(path: Path) -> Path:
    """Write the key of a service account that exists nowhere."""
    key = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    account = {
        "type": "service_account",
        "project_id": "fixture",
        "private_key_id": "fixture",
        "private_key": key.decode(),
        "client_email": "fixture@fixture.invalid",
        "token_uri": "https://oauth2.invalid/token",
    }
    path.write_text(json.dumps(account))
    return path


@contextlib.contextmanager
def secret_manager(folder: Path) -> Iterator[SecretManager]:
    """Start one."""
    service = SecretManager(folder)
    try:
        yield service
    finally:
        service.close()

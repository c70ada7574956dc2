"""`gcp-sm:PROJECT/NAME` keeps tokens in Google Cloud's Secret Manager, each a version of a secret.

The value is the token alone. A version there has no room for labels, so pixel, account, intent and
fingerprint of the newest one are the secret's annotations, written after it: a killed write is
known by the token itself.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from google.api_core import exceptions
from google.api_core.client_options import ClientOptions
from google.auth import exceptions as auth_exceptions
from google.cloud import secretmanager_v1

from automation.errors import StoreFailed
from automation.stores import remote
from automation.stores.base import Sealing, Template, parse_url
from automation.stores.remote import About, Kept, RemoteStore, Trouble

ENDPOINT = "CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER"
"""Google's own name for another address of the service, e.g. that of one region."""

_OURS = "pixelmint-"
_NEEDED = (
    "secretmanager.versions.add",
    "secretmanager.versions.access",
    "secretmanager.secrets.update",
)
_MEANING: dict[type[Exception], Trouble] = {
    exceptions.PermissionDenied: Trouble("permission denied", "grant the role on the secret"),
    exceptions.Unauthenticated: Trouble("not signed in", "give valid credentials"),
    exceptions.DeadlineExceeded: Trouble("no answer in time", "see that it can be reached"),
    exceptions.FailedPrecondition: Trouble("the version cannot be read", "enable it"),
    auth_exceptions.DefaultCredentialsError: Trouble(
        "no credentials were found", "run `gcloud auth application-default login`"
    ),
}


class SecretManagerStore(RemoteStore):
    """One secret a pixel."""

    name: ClassVar[str] = "gcp-sm"
    talkative: ClassVar[tuple[str, ...]] = ("google", "grpc", "urllib3", "requests")

    def __init__(self, place: str, *, url: str) -> None:
        """Use this PROJECT/NAME."""
        # Dots are not allowed in a secret's name, so nothing but words is filled in.
        template = Template(place, url=url, only_word=True)
        said = "write gcp-sm:PROJECT/NAME, the name of letters, digits, - and _"
        remote.refuse_odd_name(template, r"[a-z0-9:.-]+/[A-Za-z0-9_-]{1,255}", url, said)
        super().__init__(template, url=url)
        self._made: Any = None

    @classmethod
    def open(cls, url: str, *, home: Path, sealer: Sealing) -> Self:
        """Build from `gcp-sm:PROJECT/NAME`."""
        place, _ = parse_url(url)
        return cls(place, url=url)

    @property
    def _client(self) -> Any:
        if self._made is None:
            # It would make the library below print what it sends, on stderr.
            os.environ.pop("GRPC_TRACE", None)
            endpoint = os.environ.get(ENDPOINT, "").removeprefix("https://").rstrip("/")
            options = ClientOptions(api_endpoint=endpoint or None)
            self._made = secretmanager_v1.SecretManagerServiceClient(client_options=options)
        return self._made

    def _prove(self) -> None:
        """Look at a sample's secret; ask for the permissions where there is one."""
        place = self._place(remote.SAMPLE)
        if self._look(place) is None:
            return
        asked = {"resource": self._name(place), "permissions": [*_NEEDED]}
        answer = self._call("test_iam_permissions", request=asked)
        lacking = sorted(set(_NEEDED) - set(answer.permissions))
        if lacking:
            raise StoreFailed(
                f"not allowed: {', '.join(lacking)}",
                where=f"{self.url} {place}",
                next_step="grant a role that has them on the secret",
            )

    def _look(self, place: str) -> Kept | None:
        try:
            secret = self._call("get_secret", name=self._name(place))
        except exceptions.NotFound:
            return None
        told = dict(secret.annotations)
        labels = {name: told.get(f"{_OURS}{name}", "") for name in About._fields}
        try:
            latest = f"{self._name(place)}/versions/latest"
            payload = self._call("access_secret_version", name=latest).payload
        except exceptions.NotFound:
            return Kept.labelled(None, labels, mark=told)
        return Kept.labelled(payload.data.decode(), labels, mark=told)

    def _write(self, place: str, kept: Kept | None, text: str, about: About) -> bool:
        if kept is None and not self._create(place):
            return False
        self._call(
            "add_secret_version",
            parent=self._name(place),
            payload=secretmanager_v1.SecretPayload(data=text.encode()),
        )
        self._annotate(place, kept.mark if kept else {}, about)
        return True

    def _create(self, place: str) -> bool:
        project, _, name = place.partition("/")
        everywhere = secretmanager_v1.Replication(automatic={})
        try:
            self._call(
                "create_secret",
                parent=f"projects/{project}",
                secret_id=name,
                secret=secretmanager_v1.Secret(replication=everywhere),
            )
        except exceptions.AlreadyExists:
            return False
        return True

    def _label(self, place: str, kept: Kept, about: About) -> None:
        if kept.intent != about.intent and about.intent not in kept.before:
            self._annotate(place, kept.mark, about)

    def _annotate(self, place: str, there: Mapping[str, str], about: About) -> None:
        """Write the annotations, those of others included."""
        ours = {f"{_OURS}{name}": text for name, text in about._asdict().items() if text}
        secret = secretmanager_v1.Secret(name=self._name(place), annotations={**there, **ours})
        self._call("update_secret", secret=secret, update_mask={"paths": ["annotations"]})

    @staticmethod
    def _name(place: str) -> str:
        project, _, name = place.partition("/")
        return f"projects/{project}/secrets/{name}"

    def _call(self, method: str, **arguments: Any) -> Any:
        # No second try of its own: a write that may have happened is looked up first.
        try:
            return getattr(self._client, method)(**arguments, timeout=remote.LIMIT_S, retry=None)
        except exceptions.ServiceUnavailable:
            # A channel that failed once refuses for a while, even when the service is back.
            client, self._made = self._made, None
            client.transport.close()
            raise

    def _explain(self, problem: Exception) -> Trouble:
        for kind, trouble in _MEANING.items():
            if isinstance(problem, kind):
                return trouble
        return Trouble(type(problem).__name__, "see that Google Cloud can be reached")

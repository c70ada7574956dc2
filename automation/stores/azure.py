"""`azure-kv:VAULT/NAME` keeps tokens in an Azure Key Vault, every token a version of its secret.

The value is the token alone; pixel, account, intent and fingerprint are each version's tags. Signs
in as `DefaultAzureCredential` does: environment, workload, managed identity, `az login`.
"""

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any, ClassVar, Self

from azure.core import exceptions
from azure.identity import DefaultAzureCredential
from azure.keyvault.secrets import SecretClient

from automation.stores import remote
from automation.stores.base import Sealing, Template, parse_url
from automation.stores.remote import About, Kept, RemoteStore, Trouble

_HOST = r"[A-Za-z0-9-]{3,24}|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?::\d+)?"
_MEANING = {
    401: Trouble("401", "sign in, e.g. with `az login`"),
    403: Trouble("403: the vault's policy does not allow it", "correct the policy or role"),
    409: Trouble("409: the name is taken by a deleted secret", "recover or purge that one"),
    429: Trouble("429: too many requests", "wait"),
}


class _DashedTemplate(Template):
    """Key Vault's names know letters, digits and dashes."""

    joiner = "-"

    def __init__(self, text: str, *, url: str) -> None:
        super().__init__(text, url=url)
        self._plain = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?")


class KeyVaultStore(RemoteStore):
    """One secret a pixel. VAULT is the vault's name, or its whole host in another cloud."""

    name: ClassVar[str] = "azure-kv"
    talkative: ClassVar[tuple[str, ...]] = ("azure", "msal", "urllib3", "requests")

    def __init__(self, place: str, *, url: str) -> None:
        """Use this VAULT/NAME."""
        template = _DashedTemplate(place, url=url)
        said = "write azure-kv:VAULT/NAME, letters, digits and dashes"
        remote.refuse_odd_name(template, rf"(?:{_HOST})/[A-Za-z0-9-]{{1,127}}", url, said)
        super().__init__(template, url=url)
        self._credential: Any = None
        self._clients: dict[str, SecretClient] = {}

    @classmethod
    def open(cls, url: str, *, home: Path, sealer: Sealing) -> Self:
        """Build from `azure-kv:VAULT/NAME`."""
        place, _ = parse_url(url)
        return cls(place, url=url)

    def _prove(self) -> None:
        """Look at a sample's secret: Azure has no way to ask whether it may be written."""
        self._look(self._place(remote.SAMPLE))

    def _look(self, place: str) -> Kept | None:
        client, name = self._reach(place)
        try:
            secret = client.get_secret(name)
        except exceptions.ResourceNotFoundError:
            return None
        tags = secret.properties.tags or {}
        return Kept.labelled(secret.value, tags, before=(), mark=tags)

    def _earlier(self, place: str, kept: Kept) -> Collection[str]:
        client, name = self._reach(place)
        versions = client.list_properties_of_secret_versions(name)
        return {(each.tags or {}).get("intent", "") for each in versions}

    def _write(self, place: str, kept: Kept | None, text: str, about: About) -> bool:
        client, name = self._reach(place)
        ours = {each: said for each, said in about._asdict().items() if said and each != "before"}
        client.set_secret(name, text, tags={**(kept.mark if kept else {}), **ours})
        return True

    def _reach(self, place: str) -> tuple[SecretClient, str]:
        vault, _, name = place.partition("/")
        if vault not in self._clients:
            self._credential = self._credential or DefaultAzureCredential()
            host = vault if "." in vault else f"{vault}.vault.azure.net"
            self._clients[vault] = SecretClient(
                f"https://{host}",
                self._credential,
                connection_timeout=remote.LIMIT_S,
                read_timeout=remote.LIMIT_S,
                # No second try of its own: a write that may have happened is looked up first.
                retry_total=0,
            )
        return self._clients[vault], name

    def _explain(self, problem: Exception) -> Trouble:
        if remote.is_untrusted(problem):
            return Trouble("its certificate is not trusted", "set REQUESTS_CA_BUNDLE")
        if isinstance(problem, exceptions.ClientAuthenticationError):
            return _MEANING[401]
        status = getattr(problem, "status_code", None)
        if status is not None:
            return _MEANING.get(status, Trouble(str(status), "see what Azure says of this status"))
        kind = type(problem).__name__
        if "Timeout" in kind or "timed out" in str(problem):
            kind = "no answer in time"
        return Trouble(kind, "see that the vault's name is right and it can be reached")

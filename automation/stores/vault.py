"""`vault:MOUNT/PATH` keeps tokens in HashiCorp Vault or OpenBao, engine KV version 2.

Every token is a version of the secret at PATH, with `token`, `pixel`, `account`, `intent`,
`fingerprint` and `before` in it; other keys there are kept. Pixel, account, intent and fingerprint
stand in the custom metadata too, to be read without reading the token.
"""

import time
from pathlib import Path
from typing import Any, ClassVar, Self

import hvac
import requests
from hvac import exceptions

from automation.errors import StoreFailed, UsageError
from automation.stores import remote
from automation.stores.base import Sealing, Template, parse_url
from automation.stores.remote import About, Kept, RemoteStore, Trouble

ADDRESS, TOKEN, ROLE, SECRET = "VAULT_ADDR", "VAULT_TOKEN", "VAULT_ROLE_ID", "VAULT_SECRET_ID"
NAMESPACE, CA = "VAULT_NAMESPACE", "VAULT_CACERT"

_NEEDED = {
    "data": {"create", "update", "read"},
    "metadata": {"create", "update", "read"},
}
"""What a policy must allow below the mount."""

_MEANING: dict[type[Exception], Trouble] = {
    exceptions.Forbidden: Trouble(
        "403: the policy does not allow it, or the token has ended", "correct the policy or sign in"
    ),
    exceptions.Unauthorized: Trouble("401", "give a valid token"),
    exceptions.RateLimitExceeded: Trouble("429: too many requests", "wait"),
    exceptions.VaultDown: Trouble("503: sealed, or in maintenance", "unseal it"),
    exceptions.VaultNotInitialized: Trouble("501: not initialised", "initialise it"),
    exceptions.InvalidPath: Trouble("404: no such path", "correct the URL"),
    requests.exceptions.Timeout: Trouble("no answer in time", "see that it is up"),
}


class VaultStore(RemoteStore):
    """One secret a pixel; signs in by token, or by AppRole where there is none."""

    name: ClassVar[str] = "vault"
    talkative: ClassVar[tuple[str, ...]] = ("hvac", "urllib3", "requests")

    def __init__(self, place: str, access: dict[str, str], *, url: str) -> None:
        """Use this MOUNT/PATH; `access` is what `_access` gathers."""
        template = Template(place, url=url)
        remote.refuse_odd_name(template, r"[^/]+(/[^/]+)+", url, "write vault:MOUNT/PATH")
        super().__init__(template, url=url)
        self._access = access
        self._client: hvac.Client | None = None
        self._ends_at = 0.0
        self._mounts: dict[str, str] = {}

    @classmethod
    def open(cls, url: str, *, home: Path, sealer: Sealing) -> Self:
        """Build from `vault:MOUNT/PATH`."""
        place, _ = parse_url(url)
        return cls(place, _access(url), url=url)

    def _prove(self) -> None:
        """Ask for the engine's version, and for what this token may do at the place of a sample."""
        place = self._place(remote.SAMPLE)
        mount, path = self._split(place)
        asked = {f"{mount}/{kind}/{path}": needed for kind, needed in _NEEDED.items()}
        answer = self._signed_in().write_data("sys/capabilities-self", data={"paths": [*asked]})
        lacking = [
            f"{', '.join(sorted(needed - set(answer['data'][at])))} at {at}"
            for at, needed in asked.items()
            if "root" not in answer["data"][at] and not needed <= set(answer["data"][at])
        ]
        if lacking:
            raise StoreFailed(
                f"the policy does not allow {'; '.join(lacking)}",
                where=self.url,
                next_step="add it to the token's policy",
            )

    def _look(self, place: str) -> Kept | None:
        mount, path = self._split(place)
        try:
            answer = self._signed_in().secrets.kv.v2.read_secret_version(
                path, mount_point=mount, raise_on_deleted_version=False
            )
        except exceptions.InvalidPath:
            return None
        data: dict[str, Any] = answer["data"]["data"] or {}
        version = answer["data"]["metadata"]["version"]
        return Kept.labelled(data.get("token"), data, mark=(version, data))

    def _write(self, place: str, kept: Kept | None, text: str, about: About) -> bool:
        mount, path = self._split(place)
        version, others = kept.mark if kept else (0, {})
        body = {"options": {"cas": version}, "data": {**others, "token": text, **about._asdict()}}
        try:
            self._signed_in().write_data(f"{mount}/data/{path}", data=body)
        except exceptions.InvalidRequest as problem:
            # The only way to tell a lost race: the status is the same for every wrong request.
            if not any("check-and-set" in str(each) for each in problem.errors or []):
                raise
            return False
        self._describe(mount, path, about)
        return True

    def _label(self, place: str, kept: Kept, about: About) -> None:
        if kept.intent == about.intent:
            self._describe(*self._split(place), about)

    def _describe(self, mount: str, path: str, about: About) -> None:
        """Write the custom metadata, what others put there included."""
        client, at = self._signed_in(), f"{mount}/metadata/{path}"
        there = (client.read(at) or {"data": {}})["data"].get("custom_metadata") or {}
        # The server takes no empty value.
        ours = {name: text for name, text in about._asdict().items() if text and name != "before"}
        if there != {**there, **ours}:
            # hvac's own call would reset the owner's delete_version_after.
            client.write_data(at, data={"custom_metadata": {**there, **ours}})

    def _split(self, place: str) -> tuple[str, str]:
        """Return mount and path: a mount may have slashes in it, so the server is asked."""
        mount = next((each for each in self._mounts if place.startswith(f"{each}/")), None)
        if mount is None:
            answer = self._signed_in().read(f"sys/internal/ui/mounts/{place}")
            if answer is None:
                raise exceptions.InvalidPath
            mount = answer["data"]["path"].rstrip("/")
            options = answer["data"].get("options") or {}
            if answer["data"]["type"] != "kv" or options.get("version") != "2":
                raise UsageError(
                    f"{mount} is no KV engine of version 2",
                    where=self.url,
                    next_step="name a mount that is, or upgrade this one",
                )
            self._mounts[mount] = mount
        return mount, place.removeprefix(f"{mount}/")

    def _signed_in(self) -> hvac.Client:
        if self._client is None or time.monotonic() > self._ends_at:
            access = self._access
            client = hvac.Client(
                url=access[ADDRESS],
                token=access[TOKEN] or None,
                namespace=access[NAMESPACE] or None,
                verify=access[CA] or True,
                timeout=remote.LIMIT_S,
            )
            lasts_s = float("inf")
            if not access[TOKEN]:
                granted = client.auth.approle.login(access[ROLE], access[SECRET] or None)["auth"]
                # Early, so that it does not end in mid-write; 0 means that it never ends.
                lasts_s = granted["lease_duration"] * 0.8 or lasts_s
            self._client, self._ends_at = client, time.monotonic() + lasts_s
        return self._client

    def _explain(self, problem: Exception) -> Trouble:
        if remote.is_untrusted(problem):
            return Trouble("its certificate is not trusted", f"set {CA}")
        for kind, trouble in _MEANING.items():
            if isinstance(problem, kind):
                return trouble
        return Trouble(type(problem).__name__, f"see that {ADDRESS} is right and the server is up")


def _access(url: str) -> dict[str, str]:
    """Gather what is needed to sign in.

    Raises:
        UsageError: naming all that is missing.
    """
    names = (ADDRESS, TOKEN, ROLE, SECRET, NAMESPACE, CA)
    access = {name: remote.setting(name) for name in names}
    kept = Path("~/.vault-token").expanduser()
    if not access[TOKEN] and not access[ROLE] and kept.is_file():
        access[TOKEN] = remote.read_setting(kept, str(kept))
    missing = [] if access[ADDRESS] else [ADDRESS]
    if not access[TOKEN] and not access[ROLE]:
        missing.append(f"{TOKEN} (or {ROLE})")
    remote.refuse_missing("vault", missing, "set it, or sign in with `vault login` or `bao login`")
    return access

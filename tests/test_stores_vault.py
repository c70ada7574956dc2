"""The `vault:` store, on a real OpenBao: the shared contract, then what is particular to it."""

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path

import pyrage
import pytest

from automation.errors import StoreFailed, UsageError
from automation.secret import Secret
from automation.stores import NotStored
from automation.stores.vault import VaultStore
from tests.servers.openbao import OpenBao, openbao
from tests.store_contract import NEW, OLD, OTHER, REF, Place, ServiceContract

KEY = str(pyrage.x25519.Identity.generate())
ENOUGH = """
path "secret/data/*" { capabilities = ["create", "update", "read"] }
path "secret/metadata/*" { capabilities = ["create", "update", "read"] }
"""
"""What docs/stores.md says a policy must allow."""
TOO_LITTLE = 'path "secret/*" { capabilities = ["read"] }'

_numbers = itertools.count()


@pytest.fixture(scope="module")
def bao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBao]:
    """One server for this module."""
    with openbao(tmp_path_factory.mktemp("openbao")) as bao:
        yield bao


@pytest.fixture
def access(bao: OpenBao, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The environment of somebody who may do just enough; returns the token."""
    token = bao.token_for(ENOUGH)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("VAULT_ADDR", bao.address)
    monkeypatch.setenv("VAULT_CACERT", bao.ca)
    monkeypatch.setenv("VAULT_TOKEN", token)
    return token


@pytest.fixture
def store(access: str) -> VaultStore:
    """A store at an empty place."""
    return VaultStore.open(_url(), home=Path(), sealer=None)  # type: ignore[arg-type]  # seals nothing


def _url() -> str:
    return f"vault:secret/test-{next(_numbers)}/{{pixel}}"


def _refusing(bao: OpenBao) -> "contextlib.AbstractContextManager[None]":
    @contextlib.contextmanager
    def refusing() -> Iterator[None]:
        bao.client().sys.create_or_update_policy("a-test", TOO_LITTLE)
        try:
            yield
        finally:
            bao.client().sys.create_or_update_policy("a-test", ENOUGH)

    return refusing()


class TestVault(ServiceContract):
    """The contract."""

    @pytest.fixture
    def place(self, bao: OpenBao, access: str, tmp_path: Path) -> Place:
        """An empty place of the server."""
        return Place(
            _url(),
            tmp_path / "home",
            KEY,
            unreachable=bao.gate.shut,
            refused=lambda: _refusing(bao),
            silent=bao.gate.silent,
            credentials=(access,),
        )


class TestOnlyVault:
    """What no other store has."""

    def test_intent_and_fingerprint_can_be_read_without_the_token(
        self, store: VaultStore, bao: OpenBao
    ) -> None:
        """As custom metadata, beside what others wrote there."""
        kv, path = bao.client().secrets.kv.v2, store.where(REF).removeprefix("secret/")
        kv.update_metadata(path, custom_metadata={"owner": "shop"}, mount_point="secret")
        token = Secret(NEW)
        store.put(REF, token, intent="an-intent")
        assert kv.read_secret_metadata(path, "secret")["data"]["custom_metadata"] == {
            "owner": "shop",
            "pixel": REF.pixel,
            "account": REF.account,
            "intent": "an-intent",
            "fingerprint": token.fingerprint,
        }

    def test_other_keys_of_the_secret_stay(self, store: VaultStore, bao: OpenBao) -> None:
        """A person keeps the pixel's other settings beside the token."""
        kv, path = bao.client().secrets.kv.v2, store.where(REF).removeprefix("secret/")
        kv.create_or_update_secret(path, {"owner": "shop"}, mount_point="secret")
        store.put(REF, Secret(NEW), intent="one")
        data = kv.read_secret_version(path, mount_point="secret", raise_on_deleted_version=False)
        assert data["data"]["data"]["owner"] == "shop"
        assert data["data"]["data"]["token"] == NEW

    def test_a_deleted_token_is_not_stored_and_can_be_put_again(
        self, store: VaultStore, bao: OpenBao
    ) -> None:
        """The version that was deleted counts for compare-and-set all the same."""
        store.put(REF, Secret(OLD), intent="one")
        path = store.where(REF).removeprefix("secret/")
        bao.client().secrets.kv.v2.delete_latest_version_of_secret(path, "secret")
        with pytest.raises(NotStored):
            store.get(REF)
        store.put(REF, Secret(NEW), intent="two")
        assert store.get(REF).reveal() == NEW

    def test_a_write_between_look_and_write_is_not_overwritten_unseen(
        self, store: VaultStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Compare-and-set: the second writer looks again, and finds the first's token there."""
        look, looks = VaultStore._look, []
        other = VaultStore.open(store.url, home=Path(), sealer=None)  # type: ignore[arg-type]  # seals nothing

        def slow(self: VaultStore, place: str) -> object:
            found = look(self, place)
            looks.append(place)
            if len(looks) == 1:
                other.put(REF, Secret(OLD), intent="first")
            return found

        monkeypatch.setattr(VaultStore, "_look", slow)
        store.put(REF, Secret(NEW), intent="second")
        assert store.get(REF).reveal() == NEW
        store.put(REF, Secret(OLD), intent="first")
        assert store.get(REF).reveal() == NEW

    def test_app_role_signs_in_where_there_is_no_token(
        self, bao: OpenBao, store: VaultStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """The secret id may come from a file; neither is shown."""
        client = bao.client()
        if "approle/" not in client.sys.list_auth_methods()["data"]:
            client.sys.enable_auth_method("approle")
        client.auth.approle.create_or_update_approle("shop", token_policies=["a-test"])
        role = client.auth.approle.read_role_id("shop")["data"]["role_id"]
        secret = client.auth.approle.generate_secret_id("shop")["data"]["secret_id"]
        (tmp_path / "secret-id").write_text(f"{secret}\n")
        monkeypatch.delenv("VAULT_TOKEN")
        monkeypatch.setenv("VAULT_ROLE_ID", role)
        monkeypatch.setenv("VAULT_SECRET_ID_FILE", str(tmp_path / "secret-id"))
        store = VaultStore.open(store.url, home=tmp_path, sealer=None)  # type: ignore[arg-type]  # seals nothing
        store.check()
        store.put(REF, Secret(NEW), intent="one")
        assert store.get(REF).reveal() == NEW
        monkeypatch.setenv("VAULT_SECRET_ID_FILE", str(tmp_path / "empty"))
        (tmp_path / "empty").write_text("a-wrong-secret-id")
        store = VaultStore.open(store.url, home=tmp_path, sealer=None)  # type: ignore[arg-type]  # seals nothing
        with pytest.raises(StoreFailed) as refused:
            store.check()
        assert "a-wrong-secret-id" not in refused.value.message

    def test_the_token_of_vault_login_is_used_where_nothing_else_is_given(
        self, access: str, store: VaultStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """`~/.vault-token`."""
        monkeypatch.delenv("VAULT_TOKEN")
        (tmp_path / ".vault-token").write_text(access)
        VaultStore.open(store.url, home=tmp_path, sealer=None).check()  # type: ignore[arg-type]  # seals nothing

    def test_all_that_is_missing_is_named_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Not one after the other."""
        monkeypatch.setenv("HOME", "/nonexistent")
        for name in ("VAULT_ADDR", "VAULT_TOKEN", "VAULT_ROLE_ID"):
            monkeypatch.delenv(name, raising=False)
        with pytest.raises(UsageError, match=r"VAULT_ADDR and VAULT_TOKEN .* are not set"):
            VaultStore.open("vault:secret/x", home=Path(), sealer=None)  # type: ignore[arg-type]  # seals nothing

    def test_a_policy_that_allows_too_little_is_told_before_the_click(
        self, store: VaultStore, bao: OpenBao
    ) -> None:
        """By what lacks, and where."""
        with _refusing(bao), pytest.raises(StoreFailed, match="create, update at secret/data/test"):
            store.check()

    def test_an_untrusted_certificate_is_called_so(
        self, access: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """And not mistaken for a server that is away."""
        monkeypatch.delenv("VAULT_CACERT")
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            monkeypatch.delenv(name, raising=False)
        store = VaultStore.open(_url(), home=Path(), sealer=None)  # type: ignore[arg-type]  # seals nothing
        with pytest.raises(StoreFailed, match="not trusted") as refused:
            store.check()
        assert "VAULT_CACERT" in refused.value.next_step

    def test_an_engine_of_another_kind_is_refused(self, access: str, bao: OpenBao) -> None:
        """Version 1 keeps nothing of what was there before."""
        if "old/" not in bao.client().sys.list_mounted_secrets_engines()["data"]:
            bao.client().sys.enable_secrets_engine("kv", "old", options={"version": "1"})
        bao.client().sys.create_or_update_policy("a-test", 'path "old/*" {capabilities=["read"]}')
        store = VaultStore.open("vault:old/{pixel}", home=Path(), sealer=None)  # type: ignore[arg-type]  # seals nothing
        with pytest.raises(UsageError, match="old is no KV engine of version 2"):
            store.check()

    def test_one_place_for_two_pixels_is_refused_before_and_after(self, access: str) -> None:
        """Before, where this run was told of both; else by the label of what lies there."""
        url = f"vault:secret/alone-{next(_numbers)}"
        store = VaultStore.open(url, home=Path(), sealer=None)  # type: ignore[arg-type]  # seals nothing
        store.where(REF)
        with pytest.raises(UsageError, match=REF.pixel):
            store.where(OTHER)
        store.put(REF, Secret(OLD), intent="one")
        other = VaultStore.open(url, home=Path(), sealer=None)  # type: ignore[arg-type]  # seals nothing
        with pytest.raises(StoreFailed, match=f"pixel {REF.pixel}'s"):
            other.put(OTHER, Secret(NEW), intent="two")
        with pytest.raises(StoreFailed, match=f"pixel {REF.pixel}'s"):
            other.get(OTHER)
        assert store.get(REF).reveal() == OLD

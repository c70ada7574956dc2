"""The `azure-kv:` store, on a stand-in over TLS: the shared contract, then what is particular."""

import gc
import itertools
from collections.abc import Iterator
from pathlib import Path

import pyrage
import pytest

from automation.errors import StoreFailed, UsageError
from automation.secret import Secret
from automation.stores import Ref
from automation.stores.azure import KeyVaultStore
from tests.servers.azure import ACCESS, KeyVault, key_vault
from tests.store_contract import NEW, OLD, REF, Place, ServiceContract

KEY = str(pyrage.x25519.Identity.generate())

_numbers = itertools.count()


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeyVault]:
    """One stand-in for this module."""
    with key_vault(tmp_path_factory.mktemp("azure")) as vault:
        yield vault


@pytest.fixture
def access(vault: KeyVault, monkeypatch: pytest.MonkeyPatch) -> Iterator[KeyVault]:
    """The environment of an App Service with an identity of its own."""
    for name, value in vault.environment.items():
        monkeypatch.setenv(name, value)
    yield vault
    gc.collect()


def _open(url: str) -> KeyVaultStore:
    return KeyVaultStore.open(url, home=Path(), sealer=None)  # type: ignore[arg-type]  # seals nothing


def _url(vault: KeyVault) -> str:
    return f"azure-kv:{vault.host}/test-{next(_numbers)}-{{pixel}}"


class TestAzure(ServiceContract):
    """The contract."""

    @pytest.fixture
    def place(self, access: KeyVault, tmp_path: Path) -> Place:
        """An empty place of the vault."""
        return Place(
            _url(access),
            tmp_path / "home",
            KEY,
            unreachable=access.gate.shut,
            refused=access.refusing,
            silent=access.gate.silent,
            credentials=(ACCESS,),
        )


class TestOnlyAzure:
    """What no other store has."""

    def test_the_value_is_the_token_alone_and_the_tags_tell_the_intent(
        self, access: KeyVault
    ) -> None:
        """Readable without the token; other people's tags stay."""
        store = _open(_url(access))
        client, name = store._reach(store.where(REF))
        client.set_secret(name, OLD, tags={"owner": "shop"})
        token = Secret(NEW)
        store.put(REF, token, intent="an-intent")
        secret = client.get_secret(name)
        assert secret.value == NEW
        assert secret.properties.tags == {
            "owner": "shop",
            "pixel": REF.pixel,
            "account": REF.account,
            "intent": "an-intent",
            "fingerprint": token.fingerprint,
        }

    def test_names_hold_nothing_but_letters_digits_and_dashes(self) -> None:
        """What a person typed is replaced, and two names never meet."""
        store = _open("azure-kv:shop-vault/{name}")
        places = {store.where(Ref(f"P{n}", name=each)) for n, each in enumerate(("a b", "a_b"))}
        assert len(places) == 2
        assert all(each.startswith("shop-vault/a-b-") for each in places)

    @pytest.mark.parametrize(
        "url", ["azure-kv:vault", "azure-kv:vault/a_b", "azure-kv:v/a", "azure-kv:a@b.c/x"]
    )
    def test_a_place_azure_would_refuse_is_refused(self, url: str) -> None:
        """Before the click, with what is allowed."""
        with pytest.raises(UsageError, match="letters, digits and dashes"):
            _open(url)

    def test_an_untrusted_certificate_is_called_so(
        self, access: KeyVault, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """And not mistaken for a vault that is away."""
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            monkeypatch.delenv(name, raising=False)
        with pytest.raises(StoreFailed, match="not trusted"):
            _open(_url(access)).check()

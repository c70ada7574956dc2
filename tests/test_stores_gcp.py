"""The `gcp-sm:` store, on a stand-in over gRPC: the shared contract, then what is particular."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pyrage
import pytest

from automation.errors import StoreFailed, UsageError
from automation.secret import Secret
from automation.stores.gcp import SecretManagerStore
from tests.servers.gcp import SecretManager, secret_manager
from tests.servers.versions import versions
from tests.store_contract import NEW, OLD, REF, Place, ServiceContract

KEY = str(pyrage.x25519.Identity.generate())

_numbers = itertools.count()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecretManager]:
    """One stand-in for this module."""
    with secret_manager(tmp_path_factory.mktemp("gcp")) as service:
        yield service


@pytest.fixture
def access(service: SecretManager, monkeypatch: pytest.MonkeyPatch) -> SecretManager:
    """The environment of a service account."""
    for name, value in service.environment.items():
        monkeypatch.setenv(name, value)
    return service


def _open(url: str = "") -> SecretManagerStore:
    url = url or f"gcp-sm:fixture/only-{next(_numbers)}-{{pixel}}"
    return SecretManagerStore.open(url, home=Path(), sealer=None)  # type: ignore[arg-type]  # seals nothing


class TestGcp(ServiceContract):
    """The contract."""

    @pytest.fixture
    def place(self, access: SecretManager, tmp_path: Path) -> Place:
        """An empty place of the service."""
        return Place(
            f"gcp-sm:fixture/test-{next(_numbers)}-{{pixel}}",
            tmp_path / "home",
            KEY,
            unreachable=access.gate.shut,
            refused=access.refusing,
            silent=access.gate.silent,
        )

    @pytest.mark.skip(reason="gRPC's threads do not survive the fork; see TestCutShort")
    def test_a_put_killed_at_any_call_is_there_once_after_the_next(self, place: Place) -> None:
        """Cut short call by call below instead."""


@pytest.mark.usefixtures("access")
class TestCutShort:
    """A put that ends before or after any one of its calls, as a kill would end it."""

    @pytest.mark.parametrize("replacing", [False, True], ids=["the-first", "a-replacing"])
    def test_a_put_cut_short_at_any_call_is_there_once_after_the_next(
        self, monkeypatch: pytest.MonkeyPatch, replacing: bool
    ) -> None:
        """Nothing that this process knew is used again: the store is a new one."""
        url, call = "", SecretManagerStore._call
        for boundary in range(100):
            if not url or not replacing:
                url = f"gcp-sm:fixture/cut-{next(_numbers)}-{{pixel}}"
            text, seen = f"fixture-token-of-try-{boundary}", iter(range(1000))

            def cut(  # the names of this round are meant
                self: SecretManagerStore,
                method: str,
                seen: Iterator[int] = seen,
                boundary: int = boundary,
                **arguments: object,
            ) -> object:
                if next(seen) == boundary:
                    raise _Cut
                returned = call(self, method, **arguments)
                if next(seen) == boundary:
                    raise _Cut
                return returned

            with monkeypatch.context() as patched:
                patched.setattr(SecretManagerStore, "_call", cut)
                try:
                    _open(url).put(REF, Secret(text), intent=f"try-{boundary}")
                    whole = True
                except _Cut:
                    whole = False
            store = _open(url)
            store.put(REF, Secret(text), intent=f"try-{boundary}")
            assert store.get(REF).reveal() == text
            assert versions(store, REF).count(text) == 1
            if whole:
                break
        assert boundary >= 6


class _Cut(BaseException):
    """No store catches it, as none catches a kill."""


@pytest.mark.usefixtures("access")
class TestOnlyGcp:
    """What no other store has."""

    def test_the_value_is_the_token_alone_and_the_annotations_tell_the_intent(self) -> None:
        """Readable without the token."""
        store, token = _open(), Secret(NEW)
        store.put(REF, token, intent="an-intent")
        assert versions(store, REF) == [NEW]
        secret = store._client.get_secret(name=store._name(store.where(REF)))
        assert dict(secret.annotations) == {
            "pixelmint-pixel": REF.pixel,
            "pixelmint-account": REF.account,
            "pixelmint-intent": "an-intent",
            "pixelmint-fingerprint": token.fingerprint,
        }

    def test_what_may_not_be_done_is_named_where_it_can_be_asked(
        self, access: SecretManager, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """On a secret that exists."""
        store = _open(f"gcp-sm:fixture/exists-{next(_numbers)}")
        store.put(REF, Secret(OLD), intent="one")
        store.check()
        look = store._look("fixture/x")
        monkeypatch.setattr(store, "_look", lambda _place: look or object())
        with access.refusing(), pytest.raises(StoreFailed, match=r"secretmanager\.versions\.add"):
            store.check()

    @pytest.mark.parametrize("url", ["gcp-sm:project", "gcp-sm:project/a.b", "gcp-sm:/a"])
    def test_a_place_google_would_refuse_is_refused(self, url: str) -> None:
        """Before the click, with what is allowed."""
        with pytest.raises(UsageError, match="letters, digits"):
            _open(url)

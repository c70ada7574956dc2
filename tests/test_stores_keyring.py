"""The `keyring:` store: the contract on a stand-in and on gnome-keyring, then its own."""

import gc
import itertools
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import keyring
import pyrage
import pytest
from keyring.backend import KeyringBackend

from automation.errors import UsageError
from automation.secret import Secret
from automation.stores.keyring import KeyringStore
from tests.conftest import until
from tests.servers.secret_service import SecretService, gnome_keyring, lacking, secret_service
from tests.store_contract import NEW, OLD, REF, Place, ServiceContract, StoreContract

KEY = str(pyrage.x25519.Identity.generate())
CHOSEN = "keyring.backends.SecretService.Keyring"

_numbers = itertools.count()


def _url() -> str:
    return f"keyring:test-{next(_numbers)}"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecretService]:
    """One stand-in for this module."""
    with secret_service(tmp_path_factory.mktemp("bus")) as service:
        yield service


@pytest.fixture
def access(service: SecretService, monkeypatch: pytest.MonkeyPatch) -> Iterator[SecretService]:
    """A desktop session in which the stand-in is the keyring."""
    threads = threading.active_count()
    _sit_down(monkeypatch, service.environment)
    yield service
    until(lambda: threading.active_count() <= threads)
    gc.collect()


def _sit_down(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    for name, value in {**environment, "PYTHON_KEYRING_BACKEND": CHOSEN}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(keyring.core, "_keyring_backend", None)


# The library leaves its socket to the collector where the bus does not let it in.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
class TestKeyring(ServiceContract):
    """The contract, on the stand-in."""

    @pytest.fixture
    def place(self, access: SecretService, tmp_path: Path) -> Place:
        """An empty service of it."""
        return Place(
            _url(),
            tmp_path / "home",
            KEY,
            unreachable=lambda: access.being("deaf"),
            refused=lambda: access.being("locked"),
            silent=lambda: access.being("mute"),
        )


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """One bus and one gnome-keyring for this module."""
    with gnome_keyring(tmp_path_factory.mktemp("gnome")) as environment:
        yield environment


# As above.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.skipif(bool(lacking()), reason=f"{lacking()} is not installed")
class TestGnomeKeyring(StoreContract):
    """The contract, on the real thing."""

    times = 3

    @pytest.fixture
    def place(
        self, environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[Place]:
        """An empty service of it."""
        _sit_down(monkeypatch, environment)
        until(_answers)
        yield Place(_url(), tmp_path / "home", KEY, unreachable=lambda: _Moved(environment))
        gc.collect()


def _answers() -> bool:
    try:
        return keyring.get_password("is it there", "?") is None
    except (keyring.errors.KeyringError, RuntimeError):  # not yet
        return False


class _Moved:
    """While this lasts, a bus's socket is not where clients look for it."""

    def __init__(self, environment: dict[str, str]) -> None:
        path = Path(environment["DBUS_SESSION_BUS_ADDRESS"].partition("=")[2])
        self._path, self._away = path, path.with_name("moved")

    def __enter__(self) -> None:
        os.rename(self._path, self._away)

    def __exit__(self, *_: object) -> None:
        os.rename(self._away, self._path)


class TestOnlyKeyring:
    """What no other store has."""

    @pytest.fixture
    def store(self, access: SecretService) -> KeyringStore:
        """A store of an empty service."""
        return _store()

    def test_the_token_stands_alone_under_the_pixel_s_code(self, store: KeyringStore) -> None:
        """`keyring get SERVICE PIXEL` prints it; what it is about stands beside it."""
        token = Secret(NEW)
        store.put(REF, token, intent="an-intent")
        service = store.url.partition(":")[2]
        assert keyring.get_password(service, REF.pixel) == NEW
        about = json.loads(keyring.get_password(service, f"{REF.pixel}.about") or "")
        assert about["intent"] == "an-intent"
        assert about["fingerprint"] == token.fingerprint

    def test_a_token_put_there_by_hand_is_read_and_replaced(self, store: KeyringStore) -> None:
        """It has no labels."""
        keyring.set_password(store.url.partition(":")[2], REF.pixel, OLD)
        assert store.get(REF).reveal() == OLD
        store.put(REF, Secret(NEW), intent="one")
        assert store.get(REF).reveal() == NEW

    @pytest.mark.parametrize(
        "module", ["keyrings.alt.file", "keyring.backends.null", "SecretService"]
    )
    def test_a_keyring_that_does_not_encrypt_is_refused(
        self, access: SecretService, module: str
    ) -> None:
        """By what it is, before anything is written to it."""
        plain = type("PlaintextKeyring", (_Plain,), {"__module__": module})
        keyring.set_keyring(plain())
        with pytest.raises(UsageError, match="no keyring that encrypts"):
            _store().check()

    def test_no_service_is_refused(self) -> None:
        """`keyring:` alone."""
        with pytest.raises(UsageError, match="names no service"):
            KeyringStore.open("keyring:", home=Path(), sealer=None)  # type: ignore[arg-type]  # seals nothing


class _Plain(KeyringBackend):
    priority = -1  # type: ignore[assignment]  # as backends write it

    def get_password(self, service: str, username: str) -> str | None:
        raise AssertionError("it was asked")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise AssertionError("it was given something")

    def delete_password(self, service: str, username: str) -> None:
        raise AssertionError("it was asked")


def _store() -> KeyringStore:
    return KeyringStore.open(_url(), home=Path(), sealer=None)  # type: ignore[arg-type]  # seals nothing

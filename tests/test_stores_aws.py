"""`aws-sm:` and `aws-ssm:`, on moto's server: the shared contract, then what is particular."""

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pyrage
import pytest

from automation.errors import StoreFailed, UsageError
from automation.secret import Secret
from automation.stores import NotStored
from automation.stores.aws import ParameterStore, SecretsManagerStore
from automation.stores.base import HoldsPending
from tests.servers.aws import Aws, aws
from tests.servers.versions import versions
from tests.store_contract import NEW, OLD, OTHER, REF, Place, ServiceContract

KEY = str(pyrage.x25519.Identity.generate())
INTENT = "20261122T215500.123456Z-D69ESQRC77U0KGAU8B90-0a1b2c"

_numbers = itertools.count()


@pytest.fixture(scope="module")
def cloud() -> Iterator[Aws]:
    """One server for this module."""
    with aws() as cloud:
        yield cloud


@pytest.fixture
def access(cloud: Aws, monkeypatch: pytest.MonkeyPatch) -> Aws:
    """The environment of somebody who may do everything there."""
    for name, value in cloud.environment.items():
        monkeypatch.setenv(name, value)
    return cloud


@contextlib.contextmanager
def _refusing(cloud: Aws) -> Iterator[None]:
    """Let moto look at who is asking; it knows nobody."""
    _tell(cloud, b"0")
    try:
        yield
    finally:
        _tell(cloud, b"inf")


def _tell(cloud: Aws, free_calls: bytes) -> None:
    address = f"{cloud.environment['AWS_ENDPOINT_URL']}/moto-api/reset-auth"
    httpx.post(address, content=free_calls).raise_for_status()


class TestAws(ServiceContract):
    """The contract, for both."""

    @pytest.fixture(params=["aws-sm:test-{}/{{pixel}}", "aws-ssm:/test-{}/{{pixel}}"])
    def place(self, request: pytest.FixtureRequest, access: Aws, tmp_path: Path) -> Place:
        """An empty place of the server."""
        return Place(
            request.param.format(next(_numbers)),
            tmp_path / "home",
            KEY,
            unreachable=access.gate.shut,
            refused=lambda: _refusing(access),
            silent=access.gate.silent,
            credentials=(access.environment["AWS_SECRET_ACCESS_KEY"],),
        )


def _secrets(url: str = "") -> SecretsManagerStore:
    url = url or f"aws-sm:only-{next(_numbers)}/{{pixel}}"
    return SecretsManagerStore.open(url, home=Path(), sealer=None)  # type: ignore[arg-type]  # seals nothing


def _parameters(url: str = "") -> ParameterStore:
    url = url or f"aws-ssm:/only-{next(_numbers)}/{{pixel}}"
    return ParameterStore.open(url, home=Path(), sealer=None)  # type: ignore[arg-type]  # seals nothing


def _stages(store: SecretsManagerStore) -> dict[str, list[str]]:
    found = store._versions(store.where(REF))
    return {id: sorted(stages) for id, stages in found.items()}


@pytest.mark.usefixtures("access")
class TestSecretsManager:
    """What `aws-sm:` alone has."""

    def test_the_value_is_the_token_alone_and_the_version_is_the_intent(self) -> None:
        """An application reads the secret as it is."""
        store = _secrets()
        store.put(REF, Secret(NEW), intent=INTENT)
        value = store._client.get_secret_value(SecretId=store.where(REF))
        assert value["SecretString"] == NEW
        assert value["VersionId"] == INTENT

    def test_a_short_intent_is_known_by_its_hash(self) -> None:
        """AWS takes 32 to 64 characters."""
        store = _secrets()
        store.put(REF, Secret(NEW), intent="short")
        assert [len(each) for each in store._versions(store.where(REF))] == [64]

    def test_the_token_before_is_awsprevious(self) -> None:
        """One step back is possible."""
        store = _secrets()
        store.put(REF, Secret(OLD), intent=f"{INTENT}-1")
        store.put(REF, Secret(NEW), intent=f"{INTENT}-2")
        assert _stages(store) == {f"{INTENT}-1": ["AWSPREVIOUS"], f"{INTENT}-2": ["AWSCURRENT"]}

    def test_in_a_rotation_the_new_token_waits_beside_the_old_one(self) -> None:
        """AWSPENDING until it is promoted; both steps may be repeated."""
        store = _secrets()
        store.put(REF, Secret(OLD), intent=f"{INTENT}-1")
        assert isinstance(store, HoldsPending)
        for _ in range(2):
            store.put_pending(REF, Secret(NEW), intent=f"{INTENT}-2")
        assert store.get(REF).reveal() == OLD
        assert _stages(store) == {f"{INTENT}-1": ["AWSCURRENT"], f"{INTENT}-2": ["AWSPENDING"]}
        for _ in range(2):
            store.promote(REF, intent=f"{INTENT}-2")
        assert store.get(REF).reveal() == NEW
        assert _stages(store) == {f"{INTENT}-1": ["AWSPREVIOUS"], f"{INTENT}-2": ["AWSCURRENT"]}

    def test_putting_what_waits_makes_it_current_and_no_second_version(self) -> None:
        """`recover` knows only of put."""
        store = _secrets()
        store.put(REF, Secret(OLD), intent=f"{INTENT}-1")
        store.put_pending(REF, Secret(NEW), intent=f"{INTENT}-2")
        store.put(REF, Secret(NEW), intent=f"{INTENT}-2")
        assert store.get(REF).reveal() == NEW
        assert sorted(versions(store, REF)) == sorted([OLD, NEW])

    def test_a_late_repeat_of_a_promotion_undoes_nothing(self) -> None:
        """What was made current since stays so."""
        later = NEW[::-1]
        store = _secrets()
        store.put(REF, Secret(OLD), intent=f"{INTENT}-1")
        for number, token in ((2, NEW), (3, later)):
            store.put_pending(REF, Secret(token), intent=f"{INTENT}-{number}")
            store.promote(REF, intent=f"{INTENT}-{number}")
        with pytest.raises(StoreFailed, match="replaced here since"):
            store.promote(REF, intent=f"{INTENT}-2")
        assert store.get(REF) == Secret(later)

    def test_nothing_is_renewed_or_promoted_where_nothing_is(self) -> None:
        """Missing is said to be missing."""
        store = _secrets()
        with pytest.raises(NotStored):
            store.put_pending(REF, Secret(NEW), intent=INTENT)
        store.put(REF, Secret(OLD), intent="other")
        with pytest.raises(StoreFailed, match="no token of this intent"):
            store.promote(REF, intent=INTENT)

    def test_a_secret_made_beforehand_and_empty_is_filled(self) -> None:
        """As infrastructure code makes them; it is tagged with its pixel from then on."""
        url = f"aws-sm:made-{next(_numbers)}"
        store = _secrets(url)
        store._client.create_secret(Name=store.where(REF))
        with pytest.raises(NotStored):
            store.get(REF)
        store.check()
        store.put(REF, Secret(NEW), intent=INTENT)
        assert store.get(REF).reveal() == NEW
        with pytest.raises(StoreFailed, match=f"pixel {REF.pixel}'s"):
            _secrets(url).put(OTHER, Secret(OLD), intent="two")

    def test_a_secret_on_its_way_out_is_not_written(self) -> None:
        """It would be deleted with the token in it."""
        store = _secrets(f"aws-sm:leaving-{next(_numbers)}")
        store.put(REF, Secret(OLD), intent="one")
        store._client.delete_secret(SecretId=store.where(REF))
        with pytest.raises(StoreFailed, match="scheduled for deletion"):
            store.check()

    def test_checking_makes_no_secret(self) -> None:
        """What is tried at the place of nobody leaves nothing there."""
        store = _secrets()
        store.check()
        prefix = store.where(REF).partition("/")[0]
        names = [each["Name"] for each in store._client.list_secrets()["SecretList"]]
        assert [each for each in names if each.startswith(prefix)] == []


@pytest.mark.usefixtures("access")
class TestParameterStore:
    """What `aws-ssm:` alone has."""

    def test_the_value_is_sealed_and_the_description_tells_the_intent(self) -> None:
        """A SecureString, its description readable without the token."""
        store = _parameters()
        token = Secret(NEW)
        store.put(REF, token, intent=INTENT)
        history = store._client.get_parameter_history(Name=store.where(REF))["Parameters"]
        assert [each["Type"] for each in history] == ["SecureString"]
        for told in (INTENT, REF.pixel, REF.account, token.fingerprint):
            assert told in history[0]["Description"]
        assert NEW not in history[0]["Description"]

    def test_a_new_version_keeps_the_key_of_the_one_before(self) -> None:
        """Or the next token would be sealed with a key that others may use."""
        store = _parameters()
        place = store.where(REF)
        store._client.put_parameter(Name=place, Value="by hand", Type="SecureString", KeyId="shop")
        store.put(REF, Secret(NEW), intent=INTENT)
        history = store._client.get_parameter_history(Name=place)["Parameters"]
        assert [each.get("KeyId") for each in history] == ["shop", "shop"]

    def test_the_key_of_the_url_is_used(self) -> None:
        """`?key=`."""
        store = _parameters(f"aws-ssm:/key-{next(_numbers)}/{{pixel}}?key=alias/shop")
        store.put(REF, Secret(NEW), intent=INTENT)
        history = store._client.get_parameter_history(Name=store.where(REF))["Parameters"]
        assert history[0]["KeyId"] == "alias/shop"

    def test_a_parameter_in_plain_text_is_not_written(self) -> None:
        """AWS cannot turn a String into a SecureString."""
        store = _parameters()
        store._client.put_parameter(Name=store.where(REF), Value="x", Type="String")
        with pytest.raises(StoreFailed, match="no SecureString"):
            store.put(REF, Secret(NEW), intent=INTENT)


class TestSettings:
    """Before anything is asked of AWS."""

    @pytest.mark.parametrize(
        ("kind", "url"),
        [
            (SecretsManagerStore, "aws-sm:"),
            (SecretsManagerStore, "aws-sm:a b"),
            (ParameterStore, "aws-ssm:team/{pixel}"),
            (ParameterStore, "aws-ssm:/team//{pixel}"),
            (ParameterStore, "aws-ssm:"),
        ],
    )
    def test_a_name_aws_would_refuse_is_refused(self, kind: Any, url: str) -> None:
        """Before the click, with what is allowed."""
        with pytest.raises(UsageError, match="letters, digits"):
            kind.open(url, home=Path(), sealer=None)

    def test_all_that_is_missing_is_named_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Region and credentials."""
        for name in ("AWS_ACCESS_KEY_ID", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            monkeypatch.setenv(name, "/dev/null")
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        with pytest.raises(UsageError, match=r"AWS_REGION and AWS_ACCESS_KEY_ID .* are not set"):
            _secrets().check()

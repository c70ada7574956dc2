"""The stores: the shared contract, then what is particular to each, and to the registry."""

import os
import tomllib
from collections.abc import Callable
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pyrage
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automation.errors import StoreFailed, UsageError
from automation.files import held
from automation.seal import Sealer
from automation.secret import Secret
from automation.stores import NotStored, Ref, Store, open_store, registry
from automation.stores.base import Template
from automation.stores.local import LocalStore
from tests.store_contract import (
    NEW,
    OLD,
    OTHER,
    REF,
    ROOT,
    DiskContract,
    Place,
    StoreContract,
    no_permission,
)

KEY = str(pyrage.x25519.Identity.generate())


def _local(folder: Path) -> Place:
    home = folder / "home"
    home.mkdir()
    return Place("local:", home, KEY, lambda: no_permission(home / "tokens"))


def _dotenv(folder: Path) -> Place:
    place = folder / "app"
    place.mkdir()
    return Place(f"dotenv:{place}/.env", folder / "home", KEY, lambda: no_permission(place))


def _dotenv_in_a_shared_file(folder: Path) -> Place:
    """A file that holds somebody else's variables too, and begins as people write them."""
    place = folder / "app"
    place.mkdir()
    (place / ".env").write_text("# ours\nexport A='1'\nB=2 # two")
    url = f"dotenv:{place}/.env?name=T_{{pixel}}_T"
    return Place(url, folder / "home", KEY, lambda: no_permission(place))


PLACES: dict[str, Callable[[Path], Place]] = {
    "local": _local,
    "dotenv": _dotenv,
    "dotenv-shared-file": _dotenv_in_a_shared_file,
}


class TestFiles(StoreContract, DiskContract):
    """The contract, for the stores that are files of this machine."""

    @pytest.fixture(params=PLACES)
    def place(self, request: pytest.FixtureRequest, tmp_path: Path) -> Place:
        """Set up one store in an empty folder."""
        return PLACES[request.param](tmp_path)


@pytest.fixture
def sealer() -> Sealer:
    """A sealer whose key is never written anywhere."""
    return Sealer(pyrage.x25519.Identity.from_str(KEY), "a test")


@pytest.fixture
def local(tmp_path: Path, sealer: Sealer) -> LocalStore:
    """A `local:` store in an empty home folder."""
    return LocalStore(tmp_path, sealer)


class TestLocal:
    """`local:`."""

    def test_no_file_holds_the_token_in_clear(self, local: LocalStore, tmp_path: Path) -> None:
        """And every file is its owner's alone."""
        local.put(REF, Secret(OLD), intent="one")
        local.put(REF, Secret(NEW), intent="two")
        files = [each for each in tmp_path.rglob("*") if each.is_file()]
        assert {each.name for each in files} >= {f"{REF.pixel}.age", f"{REF.pixel}.previous.age"}
        for each in files:
            assert each.stat().st_mode & 0o077 == 0
            assert OLD.encode() not in each.read_bytes()
            assert NEW.encode() not in each.read_bytes()

    def test_home_and_folder_are_their_owners_alone(self, tmp_path: Path, sealer: Sealer) -> None:
        """The home folder is created private even where `tokens` is the first thing in it."""
        home = tmp_path / "deep" / "home"
        LocalStore(home, sealer).put(REF, Secret(OLD), intent="one")
        for folder in (home.parent, home, home / "tokens"):
            assert folder.stat().st_mode & 0o777 == 0o700

    def test_the_token_before_is_kept(self, local: LocalStore) -> None:
        """One step back is possible after a rotation."""
        with pytest.raises(NotStored):
            local.get_previous(REF)
        local.put(REF, Secret(OLD), intent="one")
        local.put(REF, Secret(NEW), intent="two")
        assert local.get_previous(REF).reveal() == OLD

    def test_the_same_token_again_does_not_push_out_the_one_before(self, local: LocalStore) -> None:
        """A repeat, under its own intent or another, leaves the previous token alone."""
        local.put(REF, Secret(OLD), intent="one")
        local.put(REF, Secret(NEW), intent="two")
        local.put(REF, Secret(NEW), intent="two")
        local.put(REF, Secret(NEW), intent="three")
        assert local.get_previous(REF).reveal() == OLD

    def test_a_late_repeat_of_a_replaced_intent_changes_nothing(self, local: LocalStore) -> None:
        """A put that was forgotten to be settled must not bring an old token back."""
        local.put(REF, Secret(OLD), intent="one")
        local.put(REF, Secret(NEW), intent="two")
        local.put(REF, Secret(OLD), intent="one")
        assert local.get(REF).reveal() == NEW

    def test_a_second_token_for_one_intent_is_refused(self, local: LocalStore) -> None:
        """One intent, one token."""
        local.put(REF, Secret(OLD), intent="one")
        with pytest.raises(StoreFailed, match="another token"):
            local.put(REF, Secret(NEW), intent="one")
        assert local.get(REF).reveal() == OLD

    def test_a_token_of_another_account_is_not_given_out(self, local: LocalStore) -> None:
        """Asking without an account gets it, asking for the wrong one does not."""
        local.put(REF, Secret(OLD), intent="one")
        assert local.get(Ref(REF.pixel)).reveal() == OLD
        with pytest.raises(StoreFailed, match=REF.account):
            local.get(Ref(REF.pixel, "1111111111111111"))

    def test_a_file_renamed_to_another_pixel_is_not_believed(self, local: LocalStore) -> None:
        """What stands inside counts, and the file is left as it is."""
        local.put(REF, Secret(OLD), intent="one")
        wrong = Path(local.where(OTHER))
        Path(local.where(REF)).rename(wrong)
        with pytest.raises(StoreFailed, match="something else"):
            local.get(OTHER)
        with pytest.raises(StoreFailed, match="something else"):
            local.put(OTHER, Secret(NEW), intent="two")
        assert wrong.exists()

    def test_a_file_of_another_key_is_neither_read_nor_replaced(
        self, local: LocalStore, tmp_path: Path
    ) -> None:
        """The check says so before the click, and a put does not destroy what it cannot read."""
        local.put(REF, Secret(OLD), intent="one")
        other = LocalStore(tmp_path, Sealer(pyrage.x25519.Identity.generate(), "a test"))
        with pytest.raises(UsageError, match="another key"):
            other.check()
        with pytest.raises(UsageError, match="another key"):
            other.get(REF)
        with pytest.raises(StoreFailed, match="another key"):
            other.put(REF, Secret(NEW), intent="two")
        assert local.get(REF).reveal() == OLD

    def test_a_damaged_file_is_neither_read_nor_replaced(self, local: LocalStore) -> None:
        """As with another key: the two look alike."""
        local.put(REF, Secret(OLD), intent="one")
        path = Path(local.where(REF))
        damaged = path.read_bytes()[:-1]
        path.write_bytes(damaged)
        with pytest.raises(UsageError):
            local.get(REF)
        with pytest.raises(StoreFailed):
            local.put(REF, Secret(NEW), intent="two")
        assert path.read_bytes() == damaged

    def test_a_sealing_that_does_not_come_back_fails_the_check(self, tmp_path: Path) -> None:
        """A disk that returns something else is found before the click."""

        class Forgetful:
            def seal(self, kind: str, about: object, body: bytes) -> bytes:
                return body

            def open_any(self, blob: bytes, kind: str) -> tuple[dict[str, str], bytes]:
                return {}, b"something else"

        with pytest.raises(StoreFailed, match="reads back otherwise"):
            LocalStore(tmp_path, Forgetful()).check()

    def test_a_folder_that_cannot_be_read_is_not_an_absent_token(self, local: LocalStore) -> None:
        """Unreadable is StoreFailed, and not NotStored."""
        Path(local.where(REF)).mkdir(parents=True)
        with pytest.raises(StoreFailed) as failed:
            local.get(REF)
        assert not isinstance(failed.value, NotStored)

    def test_a_writer_that_never_ends_is_named(
        self, local: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """After the wait the token is safe in escrow, so this is StoreFailed and not usage."""
        monkeypatch.setattr("automation.stores.local._WAIT_S", 0)
        with held(tmp_path / "tokens" / ".lock", "a test"):
            with pytest.raises(StoreFailed, match=f"process {os.getpid()}"):
                local.put(REF, Secret(OLD), intent="one")


class TestTemplate:
    """Placeholders."""

    @settings(deadline=None)  # a busy machine is no fault
    @given(one=st.text(min_size=1), other=st.text(min_size=1))
    def test_different_values_never_meet(self, one: str, other: str) -> None:
        """What is filled in is a word, and each value has its own."""
        template = Template("x/{name}", url="x:")
        filled = [template.fill(Ref("P", name=each)) for each in (one, other)]
        assert (filled[0] == filled[1]) == (one == other)
        assert all("/" not in each[2:] and each[2:] not in ("", ".", "..") for each in filled)

    def test_a_value_made_to_look_like_another_s_stand_in_gets_its_own(self) -> None:
        """Nobody can name a pixel so that it lands on another's place."""
        template = Template("{name}", url="x:")
        stand_in = template.fill(Ref("P", name="a b"))
        assert template.fill(Ref("P", name=stand_in)) != stand_in

    def test_plain_values_stay_readable(self) -> None:
        """A path a person can guess."""
        assert Template("{name}", url="x:").fill(Ref("P", name="shop-1.eu")) == "shop-1.eu"

    def test_an_unknown_value_is_asked_for(self) -> None:
        """A placeholder of which nothing is known is no empty text."""
        with pytest.raises(UsageError, match="account and profile"):
            Template("{profile}{account}", url="x:").fill(Ref("P"))


class TestRegistry:
    """From URL to store."""

    @pytest.mark.parametrize(
        ("url", "reason"),
        [
            ("dotnev:x", "did you mean dotenv"),
            ("nothing-alike:x", "no such store"),
            ("a-pasted-token-without-colon", "SCHEME:PLACE"),
            ("local:place", "no place of its own"),
            ("local:?name=x", "unknown or doubled option name"),
            ("dotenv:", "names no file"),
            ("dotenv:.env?nmae=x", "nmae; there may be: name"),
            ("dotenv:.env?name=A&name=B", "doubled"),
            ("dotenv:.env?name=1{pixel}", "no variable's name"),
            ("dotenv:.env?name=A-B", "no variable's name"),
            ("dotenv:.env?name=", "no variable's name"),
            ("dotenv:{shop}", "unknown placeholder shop"),
            ("dotenv:{pixel!r}", "unknown placeholder"),
            ("dotenv:{pixel:9}", "unknown placeholder"),
            ("dotenv:{pixel.__class__}", "unknown placeholder"),
            ("dotenv:{", "unknown placeholder"),
            ("dotenv:{}", "unknown placeholder"),
        ],
    )
    def test_a_wrong_url_is_refused_with_a_next_step(
        self, tmp_path: Path, sealer: Sealer, url: str, reason: str
    ) -> None:
        """Before anything is touched."""
        with pytest.raises(UsageError, match=reason) as refused:
            open_store(url, home=tmp_path, sealer=sealer)
        assert refused.value.next_step
        assert "pasted" not in refused.value.message
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("scheme", registry._BUILT_IN)
    def test_every_store_has_its_extra_and_its_row(self, scheme: str) -> None:
        """What a message tells people to install is there; the table of docs/stores.md is whole."""
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        extra = registry._BUILT_IN[scheme].extra
        assert extra in ("", *project["optional-dependencies"])
        rows = [
            line
            for line in (ROOT / "docs" / "stores.md").read_text().splitlines()
            if line.startswith(f"| `{scheme}:")
        ]
        assert [f"`{extra}`" in each or not extra for each in rows] == [True]

    def test_a_missing_library_names_its_extra(
        self, tmp_path: Path, sealer: Sealer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The message is the command to type."""
        monkeypatch.setitem(registry._BUILT_IN, "x-sm", registry._BuiltIn("no_such_lib:X", "x"))
        with pytest.raises(UsageError) as refused:
            open_store("x-sm:a", home=tmp_path, sealer=sealer)
        assert refused.value.message == 'x-sm: install the "x" extra'

    def test_a_fault_of_our_own_is_not_blamed_on_the_installation(
        self, tmp_path: Path, sealer: Sealer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A module of ours that is missing is a bug."""
        ours = registry._BuiltIn("automation.stores.gone:X", "x")
        monkeypatch.setitem(registry._BUILT_IN, "x-sm", ours)
        with pytest.raises(ModuleNotFoundError):
            open_store("x-sm:a", home=tmp_path, sealer=sealer)

    @pytest.fixture
    def installed(self, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
        """Pretend that packages with entry points are installed."""

        def install(**points: str) -> None:
            made = EntryPoints(
                EntryPoint(name.partition("__")[0], value, registry.GROUP)
                for name, value in points.items()
            )
            monkeypatch.setattr(
                "importlib.metadata.entry_points", lambda **asked: made.select(**asked)
            )

        return install

    def test_a_package_of_someone_else_s_adds_a_store(
        self, installed: Callable[..., None], tmp_path: Path, sealer: Sealer
    ) -> None:
        """By entry point; it is opened like ours, and suggested like ours."""
        installed(theirs="automation.stores.local:LocalStore")
        store: Store = open_store("theirs:", home=tmp_path, sealer=sealer)
        assert isinstance(store, LocalStore)
        with pytest.raises(UsageError, match="did you mean theirs"):
            open_store("their:", home=tmp_path, sealer=sealer)

    def test_two_stores_of_one_name_are_refused_by_the_packages_names(
        self, installed: Callable[..., None], tmp_path: Path, sealer: Sealer
    ) -> None:
        """Nobody's token goes to the wrong one of two."""
        installed(theirs__a="one:Store", theirs__b="two:Store", local="three:Store")
        with pytest.raises(UsageError, match="one:Store and two:Store each"):
            open_store("theirs:", home=tmp_path, sealer=sealer)
        with pytest.raises(UsageError, match="pixelmint and three:Store each"):
            open_store("local:", home=tmp_path, sealer=sealer)

    def test_a_broken_package_is_an_error_when_asked_for(
        self, installed: Callable[..., None], tmp_path: Path, sealer: Sealer
    ) -> None:
        """And only then: the others open as ever."""
        installed(theirs="no_such_module:Store")
        assert open_store("local:", home=tmp_path, sealer=sealer).url == "local:"
        with pytest.raises(UsageError, match="cannot be loaded"):
            open_store("theirs:", home=tmp_path, sealer=sealer)

"""Sealing, and every place a key may come from: what is sealed can be opened again."""

import errno
import json
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pyrage
import pytest

from automation import seal as seal_module
from automation.errors import EscrowFailed, UsageError
from automation.files import private_folder
from automation.seal import Sealer, open_sealer
from automation.secret import Secret
from tests.store_contract import (
    all_at_once,
    in_own_process,
    no_permission,
    started,
    wait_for_the_word,
)

ABOUT = {"pixel": "D69ESQRC77U0KGAU8B90", "account": "7654321098765432109"}
BODY = b"fixture-token-seal-0001\n\x00\xff\n{}"


def a_key() -> str:
    """Return a new age identity."""
    return str(pyrage.x25519.Identity.generate())


def recipient_of(key: str) -> str:
    """Return the public half of a key."""
    return str(pyrage.x25519.Identity.from_str(key).to_public())


def sealer_of(key: str) -> Sealer:
    """Return a sealer of one key."""
    return Sealer(pyrage.x25519.Identity.from_str(key), "a test")


def names_in(home: Path) -> list[str]:
    """Return what lies in a home beside the lock of its first use."""
    return sorted(each.name for each in home.iterdir() if each.name != ".key.lock")


class Keyring(ModuleType):
    """A stand-in for the keyring library, kept as small as what is used of it."""

    def __init__(self, module: str) -> None:
        super().__init__("keyring")
        self.kept: dict[tuple[str, str], str] = {}
        self.backend = type("Keyring", (), {"__module__": module})()
        self.failing: set[str] = set()

    def _may(self, what: str) -> None:
        if what in self.failing:
            raise OSError(f"{what}: no session bus")

    def get_keyring(self) -> object:
        """Return the backend."""
        self._may("get_keyring")
        return self.backend

    def get_password(self, service: str, name: str) -> str | None:
        """Return what was set, or None."""
        self._may("get_password")
        return self.kept.get((service, name))

    def set_password(self, service: str, name: str, text: str) -> None:
        """Keep a text, unless this is the kind that forgets."""
        self._may("set_password")
        if "forgets" not in self.failing:
            self.kept[service, name] = text


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> Keyring:
    """A keyring that encrypts, in place of whatever this machine has."""
    keyring = Keyring("keyring.backends.SecretService")
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    return keyring


@pytest.fixture
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without the library."""
    monkeypatch.setitem(sys.modules, "keyring", None)


class TestSealing:
    """Bytes in, bytes out, with what they are about."""

    @pytest.mark.parametrize("body", [b"", b"\n", BODY, bytes(range(256)) * 40])
    def test_what_was_sealed_comes_back_exactly(self, body: bytes) -> None:
        """Line ends and all."""
        sealer = sealer_of(a_key())
        blob = sealer.seal("token", ABOUT, body)
        assert sealer.open(blob, "token", ABOUT) == body
        assert sealer.open_any(blob, "token") == (ABOUT, body)

    def test_the_sealed_bytes_show_neither_body_nor_subject(self) -> None:
        """And never look the same twice."""
        sealer = sealer_of(a_key())
        blobs = [sealer.seal("token", ABOUT, BODY) for _ in range(2)]
        assert blobs[0] != blobs[1]
        for word in (BODY[:20], b"D69ESQRC", b"account", b"AGE-SECRET"):
            assert all(word not in blob for blob in blobs)

    def test_the_plain_library_opens_it(self) -> None:
        """Line one says what it is about; the rest is the body. So it stays readable without us."""
        key = a_key()
        plain = pyrage.decrypt(
            sealer_of(key).seal("seen", ABOUT, BODY), [pyrage.x25519.Identity.from_str(key)]
        )
        head, _, body = plain.partition(b"\n")
        assert json.loads(head) == {"kind": "seen", "about": ABOUT}
        assert body == BODY

    def test_what_the_plain_library_sealed_is_opened(self) -> None:
        """A worker needs only the public key to write."""
        key = a_key()
        head = json.dumps({"about": ABOUT, "kind": "token"}).encode()
        recipient = pyrage.x25519.Recipient.from_str(recipient_of(key))
        blob = pyrage.encrypt(head + b"\n" + BODY, [recipient])
        assert sealer_of(key).open(blob, "token", ABOUT) == BODY

    def test_more_may_be_inside_than_is_asked_for(self) -> None:
        """What is asked for must be there with the same value."""
        sealer = sealer_of(a_key())
        blob = sealer.seal("token", ABOUT, BODY)
        assert sealer.open(blob, "token", {}) == BODY
        assert sealer.open(blob, "token", {"pixel": ABOUT["pixel"]}) == BODY

    @pytest.mark.parametrize(
        ("about", "named"),
        [
            ({"pixel": "OTHER"}, "another pixel than"),
            ({"account": "1", "pixel": "OTHER"}, "another account and pixel than"),
            ({"intent": "unheard of"}, "another intent than"),
        ],
    )
    def test_what_is_about_something_else_is_refused(
        self, about: dict[str, str], named: str
    ) -> None:
        """The message names what differs, and no value."""
        sealer = sealer_of(a_key())
        with pytest.raises(UsageError, match=named) as refused:
            sealer.open(sealer.seal("token", ABOUT, BODY), "token", about)
        assert "put the file back" in refused.value.next_step
        assert "OTHER" not in refused.value.message

    def test_another_kind_is_refused(self) -> None:
        """A sighting is no token, a session no sighting."""
        sealer = sealer_of(a_key())
        with pytest.raises(UsageError, match="a sealed seen stands where a token should be"):
            sealer.open(sealer.seal("seen", ABOUT, BODY), "token", ABOUT)

    def test_another_key_is_refused(self) -> None:
        """The message says where to give the right one."""
        blob = sealer_of(a_key()).seal("token", ABOUT, BODY)
        with pytest.raises(UsageError, match="a sealed token cannot be opened") as refused:
            sealer_of(a_key()).open(blob, "token", ABOUT)
        assert "PIXELMINT_KEY" in refused.value.next_step

    @pytest.mark.parametrize(
        "damage",
        [
            lambda blob: b"",
            lambda blob: blob[:-1],
            lambda blob: blob[:60],
            lambda blob: blob + b"x",
            lambda blob: blob[:-5] + bytes([blob[-5] ^ 1]) + blob[-4:],
            lambda blob: b"age-encryption.org/v1\n" + bytes(100),
            lambda blob: b"rubbish",
        ],
    )
    def test_damage_is_noticed(self, damage: Callable[[bytes], bytes]) -> None:
        """One bit is enough."""
        sealer = sealer_of(a_key())
        with pytest.raises(UsageError, match="or it is damaged"):
            sealer.open(damage(sealer.seal("token", ABOUT, BODY)), "token", ABOUT)

    @pytest.mark.parametrize(
        "plain", [b"", b"no head", b"{}\nbody", b"[]\n", b'{"kind": "token"}\n']
    )
    def test_what_somebody_else_sealed_for_this_key_is_refused(self, plain: bytes) -> None:
        """It opens, and is not ours."""
        key = a_key()
        blob = pyrage.encrypt(plain, [pyrage.x25519.Recipient.from_str(recipient_of(key))])
        with pytest.raises(UsageError, match="cannot be opened"):
            sealer_of(key).open(blob, "token", ABOUT)


@pytest.mark.usefixtures("no_keyring")
class TestKeyFile:
    """A key in PIXELMINT_HOME, where there is no keyring."""

    def test_a_new_home_gets_a_key_and_its_public_half(self, home: Path) -> None:
        """Both private; the key is in age's own form."""
        sealer = open_sealer(home)
        key = (home / "key").read_text().strip()
        assert key.startswith("AGE-SECRET-KEY-1")
        assert (home / "recipient").read_text().strip() == recipient_of(key)
        assert sealer.source == f"file {home / 'key'}"
        for name in ("key", "recipient"):
            assert stat.S_IMODE((home / name).stat().st_mode) == 0o600

    def test_the_same_home_gives_the_same_key(self, home: Path) -> None:
        """What was sealed yesterday is opened today."""
        blob = open_sealer(home).seal("token", ABOUT, BODY)
        before = {each: (home / each).read_bytes() for each in names_in(home)}
        assert open_sealer(home).open(blob, "token", ABOUT) == BODY
        assert open_sealer(home, create=False).open(blob, "token", ABOUT) == BODY
        assert {each: (home / each).read_bytes() for each in names_in(home)} == before

    def test_a_home_that_is_not_there_yet_is_made(self, home: Path) -> None:
        """Private, with its parents."""
        open_sealer(home / "deeper" / "still")
        assert stat.S_IMODE((home / "deeper").stat().st_mode) == 0o700
        assert (home / "deeper" / "still" / "key").exists()

    def test_nothing_is_made_where_it_is_not_asked_for(self, home: Path) -> None:
        """Looking is not using."""
        with pytest.raises(UsageError, match=f"the key that sealed {home} is missing"):
            open_sealer(home, create=False)
        assert list(home.iterdir()) == []

    @pytest.mark.parametrize("mode", [0o644, 0o640, 0o606, 0o777])
    def test_a_key_others_may_read_is_tightened(self, home: Path, mode: int) -> None:
        """Before it is used."""
        open_sealer(home)
        (home / "key").chmod(mode)
        open_sealer(home)
        assert stat.S_IMODE((home / "key").stat().st_mode) == 0o600

    def test_a_stricter_mode_is_left(self, home: Path) -> None:
        """Somebody meant it."""
        open_sealer(home)
        (home / "key").chmod(0o400)
        open_sealer(home)
        assert stat.S_IMODE((home / "key").stat().st_mode) == 0o400

    def test_a_file_that_age_keygen_wrote_is_taken(self, home: Path) -> None:
        """With its comments and empty lines."""
        key = a_key()
        text = f"# created: 2026-11-22\r\n# public key: {recipient_of(key)}\r\n\r\n  {key}  \r\n"
        (home / "key").write_text(text)
        blob = open_sealer(home).seal("token", ABOUT, BODY)
        assert sealer_of(key).open(blob, "token", ABOUT) == BODY

    @pytest.mark.parametrize(
        "text", ["", "# only a comment\n", "AGE-SECRET-KEY-1XYZ", "two\nlines", "\x00"]
    )
    def test_what_is_no_key_is_refused_and_left(self, home: Path, text: str) -> None:
        """A malformed key is no reason to make another."""
        (home / "key").write_text(text)
        with pytest.raises(UsageError, match="is not an age identity"):
            open_sealer(home)
        assert (home / "key").read_text() == text
        assert not (home / "recipient").exists()

    def test_two_keys_in_one_file_are_refused(self, home: Path) -> None:
        """Which one sealed is not to be guessed; neither is shown."""
        keys = [a_key(), a_key()]
        (home / "key").write_text("\n".join(keys))
        with pytest.raises(UsageError) as refused:
            open_sealer(home)
        assert not any(key in refused.value.message for key in keys)
        assert "age-keygen" in refused.value.next_step

    @pytest.mark.parametrize("name", ["key", "recipient"])
    def test_what_cannot_be_read_is_said(self, home: Path, name: str) -> None:
        """A folder in its place, or bytes that are no text."""
        open_sealer(home)
        (home / name).unlink()
        (home / name).mkdir()
        with pytest.raises(UsageError, match=r"cannot be read \(Is a dir"):
            open_sealer(home)
        (home / name).rmdir()
        (home / name).write_bytes(b"\xff\xfe\x00")
        with pytest.raises(UsageError, match=r"cannot be read \(UnicodeDec"):
            open_sealer(home)

    def test_a_missing_key_with_its_public_half_there_stops(self, home: Path) -> None:
        """Another key would seal beside what nobody can open any more."""
        open_sealer(home)
        (home / "key").unlink()
        with pytest.raises(UsageError, match=f"the key that sealed {home} is missing") as refused:
            open_sealer(home)
        assert "put the key file back" in refused.value.next_step
        assert not (home / "key").exists()

    def test_another_key_than_the_one_that_sealed_stops(self, home: Path) -> None:
        """Before anything is sealed with it."""
        open_sealer(home)
        (home / "key").write_text(a_key())
        with pytest.raises(UsageError, match="is not the one that sealed") as refused:
            open_sealer(home)
        assert str(home / "key") in refused.value.message
        assert "right key" in refused.value.next_step

    @pytest.mark.parametrize("failing", ["write_private", "private_folder"])
    def test_a_home_that_cannot_be_written_is_escrow_s_failure(
        self, home: Path, monkeypatch: pytest.MonkeyPatch, failing: str
    ) -> None:
        """Nothing was clicked; the next step says what to do."""

        def fail(*_: object) -> None:
            raise OSError(errno.EROFS, "Read-only file system")

        monkeypatch.setattr(seal_module, failing, fail)
        with pytest.raises(EscrowFailed) as failed:
            open_sealer(home)
        assert failed.value.message == f"{home} cannot be written (Read-only file system)"
        assert "PIXELMINT_HOME" in failed.value.next_step

    def test_a_home_that_may_not_be_read_is_said(self, home: Path) -> None:
        """It may hold a key: another is not made beside it."""
        open_sealer(home)
        with no_permission(home), pytest.raises(UsageError, match="cannot be read"):
            open_sealer(home)

    def test_killed_before_the_public_half_was_written_it_is_written_later(
        self, home: Path
    ) -> None:
        """The key is there already."""
        blob = open_sealer(home).seal("token", ABOUT, BODY)
        recipient = (home / "recipient").read_bytes()
        (home / "recipient").unlink()
        assert open_sealer(home).open(blob, "token", ABOUT) == BODY
        assert (home / "recipient").read_bytes() == recipient

    def test_a_file_in_the_place_of_the_home_is_said(self, tmp_path: Path) -> None:
        """Not a traceback."""
        (tmp_path / "file").write_text("x")
        with pytest.raises((EscrowFailed, UsageError), match="file"):
            open_sealer(tmp_path / "file")


@pytest.mark.usefixtures("no_keyring")
class TestGivenKey:
    """PIXELMINT_KEY."""

    def test_it_is_used_and_not_written(self, home: Path) -> None:
        """Only its public half stands in the home."""
        key = a_key()
        sealer = open_sealer(home, Secret(key))
        assert sealer.source == "PIXELMINT_KEY"
        assert names_in(home) == ["recipient"]
        assert (home / "recipient").read_text().strip() == recipient_of(key)
        assert sealer_of(key).open(sealer.seal("token", ABOUT, BODY), "token", ABOUT) == BODY

    def test_it_goes_before_the_key_file(self, home: Path) -> None:
        """Where both are the same one there is nothing to say."""
        open_sealer(home)
        key = (home / "key").read_text()
        assert open_sealer(home, Secret(key)).source == "PIXELMINT_KEY"

    def test_a_wrong_one_stops_even_beside_the_right_file(self, home: Path) -> None:
        """Said is said."""
        open_sealer(home)
        with pytest.raises(UsageError, match="the key from PIXELMINT_KEY is not the one"):
            open_sealer(home, Secret(a_key()))

    def test_a_malformed_one_is_refused_without_being_shown(self, home: Path) -> None:
        """It may be another secret, pasted by mistake."""
        text = a_key()[:-3]
        with pytest.raises(UsageError) as refused:
            open_sealer(home, Secret(text))
        assert refused.value.message == (
            "PIXELMINT_KEY is not an age identity (AGE-SECRET-KEY-1...)"
        )
        assert text not in refused.value.next_step
        assert names_in(home) == []

    def test_it_opens_a_home_whose_key_file_is_lost(self, home: Path) -> None:
        """As the message of the lost key advises."""
        blob = open_sealer(home).seal("token", ABOUT, BODY)
        key = (home / "key").read_text()
        (home / "key").unlink()
        assert open_sealer(home, Secret(key)).open(blob, "token", ABOUT) == BODY


class TestKeyring:
    """The operating system's keyring, where there is one that encrypts."""

    def test_a_new_key_goes_there_and_no_file_is_written(
        self, home: Path, keyring: Keyring
    ) -> None:
        """Under a name of this home, so that two homes have two keys."""
        sealer = open_sealer(home)
        assert sealer.source == "the OS keyring"
        assert names_in(home) == ["recipient"]
        key = keyring.kept["pixelmint", str(home)]
        assert sealer_of(key).open(sealer.seal("token", ABOUT, BODY), "token", ABOUT) == BODY
        other = open_sealer(private_folder(home.parent / "other"))
        assert other.source == "the OS keyring"
        assert len(set(keyring.kept.values())) == 2

    def test_it_is_found_again(self, home: Path, keyring: Keyring) -> None:
        """And made once."""
        blob = open_sealer(home).seal("token", ABOUT, BODY)
        kept = dict(keyring.kept)
        assert open_sealer(home).open(blob, "token", ABOUT) == BODY
        assert keyring.kept == kept

    def test_a_malformed_one_is_refused(self, home: Path, keyring: Keyring) -> None:
        """Somebody changed it."""
        keyring.kept["pixelmint", str(home)] = "rubbish"
        with pytest.raises(UsageError, match="the keyring is not an age identity"):
            open_sealer(home)

    def test_one_that_changed_is_refused(self, home: Path, keyring: Keyring) -> None:
        """It is not the one that sealed this home."""
        open_sealer(home)
        keyring.kept["pixelmint", str(home)] = a_key()
        with pytest.raises(UsageError, match="the key from the OS keyring is not the one"):
            open_sealer(home)

    def test_one_that_was_lost_is_missed(self, home: Path, keyring: Keyring) -> None:
        """And not made anew."""
        open_sealer(home)
        keyring.kept.clear()
        with pytest.raises(UsageError, match="is missing"):
            open_sealer(home)
        assert keyring.kept == {}

    @pytest.mark.parametrize(
        "module",
        [
            "keyring.backends.fail",
            "keyring.backends.null",
            "keyring.backends.chainer",
            "keyrings.alt.file",
            "somebody.elses",
        ],
    )
    def test_one_that_does_not_surely_encrypt_is_not_used(
        self, home: Path, monkeypatch: pytest.MonkeyPatch, module: str
    ) -> None:
        """`keyrings.alt` writes plain text; a file of our own is private at least."""
        keyring = Keyring(module)
        monkeypatch.setitem(sys.modules, "keyring", keyring)
        assert open_sealer(home).source == f"file {home / 'key'}"
        assert keyring.kept == {}

    @pytest.mark.parametrize(
        "module", ["SecretService", "macOS", "Windows", "kwallet", "libsecret"]
    )
    def test_those_that_encrypt_are_used(
        self, home: Path, monkeypatch: pytest.MonkeyPatch, module: str
    ) -> None:
        """One for each desktop."""
        monkeypatch.setitem(sys.modules, "keyring", Keyring(f"keyring.backends.{module}"))
        assert open_sealer(home).source == "the OS keyring"

    @pytest.mark.parametrize("failing", ["get_keyring", "get_password", "set_password", "forgets"])
    def test_one_that_fails_gives_way_to_the_file(
        self, home: Path, keyring: Keyring, failing: str
    ) -> None:
        """Locked, without a session bus, refused by a person, or forgetful: the home is usable."""
        keyring.failing = {failing}
        blob = open_sealer(home).seal("token", ABOUT, BODY)
        assert (home / "key").exists()
        assert open_sealer(home).open(blob, "token", ABOUT) == BODY

    def test_one_that_fails_later_is_no_reason_for_another_key(
        self, home: Path, keyring: Keyring
    ) -> None:
        """The key is in the keyring, which is locked today."""
        open_sealer(home)
        keyring.failing = {"get_password"}
        with pytest.raises(UsageError, match="is missing"):
            open_sealer(home)
        assert not (home / "key").exists()
        keyring.failing = set()
        open_sealer(home)

    def test_a_key_file_from_before_the_keyring_came_is_used(
        self, home: Path, monkeypatch: pytest.MonkeyPatch, keyring: Keyring
    ) -> None:
        """Installing the library changes no key."""
        monkeypatch.setitem(sys.modules, "keyring", None)
        blob = open_sealer(home).seal("token", ABOUT, BODY)
        monkeypatch.setitem(sys.modules, "keyring", keyring)
        sealer = open_sealer(home)
        assert sealer.source == f"file {home / 'key'}"
        assert sealer.open(blob, "token", ABOUT) == BODY

    def test_a_given_key_leaves_the_keyring_alone(self, home: Path, keyring: Keyring) -> None:
        """PIXELMINT_KEY needs no desktop."""
        keyring.failing = {"get_keyring", "get_password", "set_password"}
        open_sealer(home, Secret(a_key()))
        assert keyring.kept == {}


def opened_first(homes: list[str]) -> list[str]:
    """Open new homes, as one of several processes doing so at once; return what each sealed."""
    sys.modules["keyring"] = None  # type: ignore[assignment]  # a machine without it
    wait_for_the_word()
    return [open_sealer(Path(each)).seal("token", ABOUT, BODY).hex() for each in homes]


def test_several_processes_that_open_a_new_home_at_once_have_one_key(tmp_path: Path) -> None:
    """What each of them seals can be opened by whoever comes later."""
    homes = [str(tmp_path / f"home-{number}") for number in range(20)]
    blobs = all_at_once([started(opened_first, homes=homes) for _ in range(3)])
    assert in_own_process(opened_later, homes=homes, blobs=blobs) == 60


def opened_later(homes: list[str], blobs: list[list[str]]) -> int:
    """Open what others sealed; return how many there were."""
    sys.modules["keyring"] = None  # type: ignore[assignment]  # a machine without it
    opened = [
        open_sealer(Path(home), create=False).open(bytes.fromhex(blob), "token", ABOUT)
        for each in blobs
        for home, blob in zip(homes, each, strict=True)
    ]
    return opened.count(BODY)

"""A new key, a backup, and back: at every moment everything can be opened."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pyrage
import pytest

from automation import backup as backing
from automation import files, rekey, seal
from automation.backup import backup, restore
from automation.errors import AlreadyRunning, EscrowFailed, UsageError
from automation.escrow import Escrow
from automation.files import private_folder
from automation.rekey import in_use, sealed_files
from automation.seal import open_sealer
from automation.secret import Secret
from automation.session import Sessions
from automation.stores.base import Ref
from automation.stores.local import LocalStore
from tests.flows_helpers import ROOT, MakeUser
from tests.test_seal import Keyring, a_key, sealer_of

pytest_plugins = ("tests.flows_fixtures",)

PIXELS = ["D69ESQRC77U0KGAU8B90", "D69ESQRC77U0KGAU8B80"]
ACCOUNT = "7654321098765432109"
STATE = {"cookies": [{"name": "fixture"}], "origins": []}


class Stopped(BaseException):
    """A kill, as far as one process can see one: nothing catches it."""


def token(pixel: str) -> Secret:
    """Return the false token of a pixel."""
    return Secret(f"fixture-token-keeping-{pixel}")


def fill(home: Path, key: Secret | None = None) -> None:
    """Put tokens into escrow and the local store, and a session beside them."""
    sealer = open_sealer(home, key)
    escrow, store = Escrow(home, sealer), LocalStore(home, sealer)
    for pixel in PIXELS:
        intent = escrow.intend(pixel, ACCOUNT, "default", stores=("local:",))
        escrow.ask(intent)
        escrow.see(intent, b"what the page answered")
        escrow.keep(intent, token(pixel))
        store.put(Ref(pixel, ACCOUNT, "default", ""), token(pixel), intent=intent.id)
    Sessions(home, sealer).save("default", STATE, signed_in=True)


def assert_all_there(home: Path, key: Secret | None = None) -> None:
    """Open everything that `fill` wrote, as any command would."""
    sealer = open_sealer(home, key, create=False)
    escrow, store = Escrow(home, sealer), LocalStore(home, sealer)
    intents = {each.pixel: each for each in escrow.intents()}
    for pixel in PIXELS:
        assert escrow.token(intents[pixel]) == token(pixel)
        assert escrow.seen(intents[pixel]) == [b"what the page answered"]
        assert store.get(Ref(pixel, ACCOUNT, "default", "")) == token(pixel)
    assert Sessions(home, sealer).load("default") == STATE


def opened_by(home: Path, key: str) -> int:
    """Count the sealed files that a key opens."""
    identity, count = pyrage.x25519.Identity.from_str(key.strip()), 0
    for path in sealed_files(home):
        try:
            pyrage.decrypt(path.read_bytes(), [identity])
        except pyrage.DecryptError:
            continue
        count += 1
    return count


class TestRekey:
    """`rekey`: every file goes over to the new key, or stays with the old one, which then stays."""

    def test_everything_goes_over_and_the_old_key_opens_nothing(self, home: Path) -> None:
        """The key's own file is replaced; nothing else is left of the way there."""
        fill(home)
        old = (home / "key").read_text()
        done = rekey.rekey(home)
        assert (done.files, done.unreadable) == (7, ())
        assert_all_there(home)
        new = (home / "key").read_text()
        assert (opened_by(home, old), opened_by(home, new)) == (0, 7)
        assert (home / "key").stat().st_mode & 0o777 == 0o600
        assert not (home / "key.next").exists()
        assert (home / "recipient").read_text().strip() == sealer_of(new.strip()).recipient

    def test_killed_anywhere_all_is_open_and_the_same_call_goes_on(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Before and after every write, rename and removal; other commands may run in between."""
        ended, at = False, 0
        while not ended:
            at += 1
            home = private_folder(tmp_path / str(at))
            fill(home)
            old = (home / "key").read_text()
            with monkeypatch.context() as patches:
                kill_at(patches, at)
                try:
                    rekey.rekey(home)
                    ended = True
                except Stopped:
                    pass
            assert_all_there(home)
            if at % 3 == 0:  # another command, before it is taken up again
                Sessions(home, open_sealer(home)).save("later", STATE, signed_in=True)
            if not ended:
                rekey.rekey(home)
            assert_all_there(home)
            assert opened_by(home, old) == 0
            assert opened_by(home, (home / "key").read_text()) == len(sealed_files(home)) >= 7
        assert at > 18, "it was killed at every step"

    def test_a_key_from_outside_goes_to_a_new_file(self, home: Path, tmp_path: Path) -> None:
        """It is never kept in the home; `--to` is asked for, and never overwrites another."""
        old, to = a_key(), tmp_path / "new.key"
        fill(home, Secret(old))
        with pytest.raises(UsageError, match="--to"):
            rekey.rekey(home, Secret(old))
        to.write_text("another")
        with pytest.raises(UsageError, match="there already"):
            rekey.rekey(home, Secret(old), to)
        assert opened_by(home, old) == 7
        to.unlink()
        rekey.rekey(home, Secret(old), to)
        assert to.stat().st_mode & 0o777 == 0o600
        assert_all_there(home, Secret(to.read_text()))
        assert opened_by(home, old) == 0
        assert not (home / "key").exists() and not (home / "key.next").exists()
        with pytest.raises(UsageError, match="is not the one"):
            open_sealer(home, Secret(old))

    def test_killed_with_a_key_from_outside_it_goes_on_with_either(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Until the new one seals, the old one is asked for."""
        old, ended, at = Secret(a_key()), False, 0
        while not ended:
            at += 1
            home, to = private_folder(tmp_path / str(at)), tmp_path / f"{at}.key"
            fill(home, old)
            with monkeypatch.context() as patches:
                kill_at(patches, at)
                try:
                    rekey.rekey(home, old, to)
                    ended = True
                except Stopped:
                    pass
            if not ended:
                # The very last step takes away what lets the old key in.
                if (home / "key.next").exists() or not to.exists():
                    assert_all_there(home, old)
                    rekey.rekey(home, old, to)
            assert_all_there(home, Secret(to.read_text()))

    def test_a_key_in_the_keyring_stays_in_the_keyring(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One that will not take the new key leaves the way back open."""
        ring = Keyring("keyring.backends.SecretService")
        monkeypatch.setitem(sys.modules, "keyring", ring)
        fill(home)
        (old,) = ring.kept.values()
        ring.failing.add("set_password")
        with pytest.raises(EscrowFailed, match="keyring"):
            rekey.rekey(home)
        assert_all_there(home)
        ring.failing.clear()
        assert rekey.rekey(home).source == "the OS keyring"
        (new,) = ring.kept.values()
        assert new != old and not (home / "key").exists()
        assert_all_there(home)
        assert opened_by(home, old) == 0

    def test_what_nobody_opens_is_left_as_it_is(self, home: Path) -> None:
        """And told of."""
        fill(home)
        path = sealed_files(home)[0]
        path.write_bytes(b"damaged")
        done = rekey.rekey(home)
        assert (done.files, done.unreadable, path.read_bytes()) == (6, (path,), b"damaged")

    def test_nobody_else_may_use_the_home_meanwhile(self, home: Path) -> None:
        """A process with the old key in its memory would go on sealing with it."""
        fill(home)
        held = in_use(home)
        with pytest.raises(AlreadyRunning, match="old key"):
            rekey.rekey(home)
        held.close()
        rekey.rekey(home)

    def test_a_full_disk_changes_nothing_that_counts(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is told, and the same call goes on later."""
        fill(home)
        with monkeypatch.context() as patches:
            patches.setattr(rekey, "write_private", _full_after(3))
            with pytest.raises(EscrowFailed, match="No space left"):
                rekey.rekey(home)
        assert_all_there(home)
        rekey.rekey(home)
        assert_all_there(home)


def _full_after(count: int) -> Callable[..., None]:
    left = iter(range(count))

    def write(path: Path, data: bytes) -> None:
        if next(left, None) is None:
            raise OSError(28, "No space left on device")
        files.write_private(path, data)

    return write


def kill_at(patches: pytest.MonkeyPatch, at: int) -> None:
    """Stop before the first durable step, after it, before the second, and so on; `at` from 1."""
    step = iter(range(1, 1000))

    def around(do: Callable[..., object]) -> Callable[..., object]:
        def stepped(*given: object, **named: object) -> object:
            if next(step) == at:
                raise Stopped
            done = do(*given, **named)
            if next(step) == at:
                raise Stopped
            return done

        return stepped

    patches.setattr(rekey, "write_private", around(files.write_private))
    patches.setattr(backing, "write_private", around(files.write_private))
    patches.setattr(Path, "unlink", around(Path.unlink))
    # `write_private` renames as well: those of its own are inside of its step.
    patches.setattr(Path, "replace", around(Path.replace))
    patches.setattr(Path, "rename", around(Path.rename))


class TestBackup:
    """`backup` and `restore`."""

    def test_what_comes_back_is_what_went_in(self, home: Path, tmp_path: Path) -> None:
        """On another machine, with the key; the file itself shows nothing."""
        fill(home)
        (home / "records.db").write_text("not in it")
        file = tmp_path / "backup"
        count = backup(home, open_sealer(home), file)
        assert file.stat().st_mode & 0o777 == 0o600
        assert PIXELS[0].encode() not in file.read_bytes()
        there, key = tmp_path / "there", Secret((home / "key").read_text())
        private_folder(there)
        assert restore(there, key, file) == count
        assert_all_there(there, key)
        modes = {each.stat().st_mode & 0o077 for each in there.rglob("*")}
        assert modes == {0}
        assert not (there / "records.db").exists() and not (there / "key").exists()
        assert sorted(each.name for each in there.iterdir()) == [
            "escrow", "recipient", "sessions", "tokens"
        ]  # fmt: skip

    def test_killed_anywhere_it_begins_anew(
        self, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """And never half of it passes for all."""
        fill(home)
        file, key = tmp_path / "backup", Secret((home / "key").read_text())
        backup(home, open_sealer(home), file)
        ended, at = False, 0
        while not ended:
            at += 1
            there = private_folder(tmp_path / str(at))
            with monkeypatch.context() as patches:
                kill_at(patches, at)
                try:
                    restore(there, key, file)
                    ended = True
                except Stopped:
                    pass
            if not (there / "recipient").exists():
                restore(there, key, file)
            assert_all_there(there, key)
        assert at > 15

    @pytest.mark.parametrize("used", ["escrow/x/intent.json", "tokens/x.age", "recipient"])
    def test_a_home_in_use_is_never_overwritten(
        self, home: Path, tmp_path: Path, used: str
    ) -> None:
        """Nor a file by a backup."""
        fill(home)
        file, key = tmp_path / "backup", Secret((home / "key").read_text())
        backup(home, open_sealer(home), file)
        with pytest.raises(UsageError, match="there already"):
            backup(home, open_sealer(home), file)
        there = tmp_path / "there"
        private_folder((there / used).parent)
        (there / used).write_text("x")
        with pytest.raises(UsageError, match="is in use"):
            restore(there, key, file)
        assert (there / used).read_text() == "x"

    def test_without_the_right_key_nothing_is_touched(self, home: Path, tmp_path: Path) -> None:
        """Missing, another's, a file that is damaged, cut, or no backup at all."""
        fill(home)
        file, key = tmp_path / "backup", Secret((home / "key").read_text())
        backup(home, open_sealer(home), file)
        there = private_folder(tmp_path / "there")
        whole = file.read_bytes()
        (tmp_path / "cut").write_bytes(whole[:-100])
        other = pyrage.encrypt(b"no tar" * 1000, [open_sealer(home).identities[0].to_public()])
        (tmp_path / "other").write_bytes(other)
        for given, name, says in (
            (None, "backup", "is missing"),
            (Secret(a_key()), "backup", "another key"),
            (key, "cut", "damaged"),
            (key, "other", "no backup"),
            (key, "nothing", "is not there"),
        ):
            with pytest.raises(UsageError, match=says):
                restore(there, given, tmp_path / name)
            assert not (there / "recipient").exists()
        restore(there, key, file)
        assert_all_there(there, key)

    def test_a_name_that_leads_elsewhere_is_refused(self, home: Path, tmp_path: Path) -> None:
        """Whoever has the public key could write one."""
        import io
        import tarfile

        sealer = open_sealer(home)
        for name in ("../x", "/tmp/x", "escrow/../../x", "key"):
            packed = io.BytesIO()
            with tarfile.open(fileobj=packed, mode="w") as tar:
                tar.addfile(tarfile.TarInfo(name))
            file = tmp_path / "bad"
            file.write_bytes(pyrage.encrypt(packed.getvalue(), [sealer.identities[0].to_public()]))
            there = tmp_path / "there"
            private_folder(there)
            with pytest.raises(UsageError, match="no backup"):
                restore(there, Secret((home / "key").read_text()), file)


def test_the_commands_do_it_and_show_no_key(make_user: MakeUser, tmp_path: Path) -> None:
    """Whole: back up, change the key, restore the older state elsewhere with the older key."""
    user = make_user()
    old = (user.home / "key").read_text()
    file, key = tmp_path / "backup", tmp_path / "old.key"
    key.write_text(old)
    said = [user.run("backup", str(file)), user.run("rekey")]
    there = {"PIXELMINT_HOME": str(tmp_path / "there"), "PIXELMINT_KEY_FILE": str(key)}
    said.append(user.run("restore", str(file), **there))
    assert [each.code for each in said] == [0, 0, 0], said
    everything = "".join(each.out + each.err for each in said)
    assert old.strip() not in everything and "AGE-SECRET-KEY" not in everything
    assert (user.home / "key").read_text() != old
    refused = user.run("restore", str(file), "--json", **there)
    assert (refused.code, refused.codes) == (2, ["usage"])
    assert [user.run("status").code, user.run("status", **there).code] == [0, 0]


@pytest.fixture
def another(home: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that has opened the home and its key."""
    fill(home)
    code = (
        "import sys; from automation.settings import load; from flows.settings import "
        "ConsoleSettings; from flows.workshop import Workshop; w = Workshop(load({}, "
        "ConsoleSettings), 'default', print); w.sealer; print('open', flush=True); "
        "sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, text=True, stdin=-1, stdout=-1
    )
    assert process.stdout is not None and process.stdout.readline() == "open\n"
    yield process
    process.communicate("")


def test_a_command_that_runs_keeps_the_key_from_being_changed(
    home: Path, another: "subprocess.Popen[str]"
) -> None:
    """Until it ends, however it does."""
    with pytest.raises(AlreadyRunning):
        rekey.rekey(home)
    another.kill()
    another.wait()
    rekey.rekey(home)
    assert_all_there(home)
    assert seal.next_key(home) is None

"""Private files: whole or not at all, whatever stops the writer; locks between processes."""

import json
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from automation.errors import AlreadyRunning, UsageError
from automation.files import held, private_folder, sync_folder, touch_private, write_private
from tests.store_contract import (
    all_at_once,
    finished,
    in_own_process,
    killed_at_every_file_operation,
    no_permission,
    no_room,
    started,
    wait_for_the_word,
)


def mode(path: Path) -> int:
    """Return a path's permission bits."""
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(params=[0o022, 0o000, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every umask a person may have."""
    before = os.umask(request.param)
    yield
    os.umask(before)


class TestPrivateFolder:
    """Folders."""

    @pytest.mark.usefixtures("umask")
    def test_it_and_its_new_parents_are_their_owner_s_alone(self, tmp_path: Path) -> None:
        """What was there before keeps its mode."""
        tmp_path.chmod(0o755)
        made = private_folder(tmp_path / "a" / "b" / "c")
        assert made == tmp_path / "a" / "b" / "c"
        assert [mode(each) for each in (made, made.parent, made.parent.parent)] == [0o700] * 3
        assert mode(tmp_path) == 0o755

    def test_an_open_folder_is_closed_to_others(self, tmp_path: Path) -> None:
        """Made by hand, or by an older program."""
        (tmp_path / "open").mkdir(mode=0o777)
        (tmp_path / "open").chmod(0o777)
        assert mode(private_folder(tmp_path / "open")) == 0o700

    def test_a_stricter_mode_is_left(self, tmp_path: Path) -> None:
        """Somebody meant it."""
        (tmp_path / "shut").mkdir()
        (tmp_path / "shut").chmod(0o500)
        assert mode(private_folder(tmp_path / "shut")) == 0o500

    def test_a_file_in_its_place_is_an_error(self, tmp_path: Path) -> None:
        """And stays as it is."""
        (tmp_path / "file").write_text("x")
        before = mode(tmp_path / "file")
        for path in (tmp_path / "file", tmp_path / "file" / "below"):
            with pytest.raises(OSError, match="file"):
                private_folder(path)
        assert mode(tmp_path / "file") == before


class TestWritePrivate:
    """Files."""

    @pytest.mark.usefixtures("umask")
    def test_a_new_file_is_private_and_alone(self, tmp_path: Path) -> None:
        """No stray file beside it, whatever the umask."""
        write_private(tmp_path / "f", b"content")
        assert (tmp_path / "f").read_bytes() == b"content"
        assert mode(tmp_path / "f") == 0o600
        assert [each.name for each in tmp_path.iterdir()] == ["f"]

    def test_an_open_file_is_replaced_by_a_private_one(self, tmp_path: Path) -> None:
        """Its old mode does not stay."""
        (tmp_path / "f").write_text("old")
        (tmp_path / "f").chmod(0o666)
        write_private(tmp_path / "f", b"new")
        assert ((tmp_path / "f").read_bytes(), mode(tmp_path / "f")) == (b"new", 0o600)

    def test_another_mode_is_given_where_asked_for(self, tmp_path: Path) -> None:
        """For a file that belongs to somebody's application."""
        write_private(tmp_path / "f", b"", mode=0o640)
        assert mode(tmp_path / "f") == 0o640

    def test_a_link_is_replaced_and_what_it_led_to_stays(self, tmp_path: Path) -> None:
        """Nobody can make this program write elsewhere by a link."""
        (tmp_path / "elsewhere").write_text("untouched")
        (tmp_path / "f").symlink_to(tmp_path / "elsewhere")
        write_private(tmp_path / "f", b"new")
        assert not (tmp_path / "f").is_symlink()
        assert (tmp_path / "elsewhere").read_text() == "untouched"

    def test_what_a_killed_writer_left_is_in_nobody_s_way(self, tmp_path: Path) -> None:
        """Even where process and thread have the same numbers again."""
        part = tmp_path / f".f.{os.getpid()}.{threading.get_ident()}.part"
        part.write_text("half")
        write_private(tmp_path / "f", b"whole")
        assert [each.name for each in tmp_path.iterdir()] == ["f"]

    def test_a_folder_in_its_place_is_an_error_that_leaves_nothing(self, tmp_path: Path) -> None:
        """The part is removed again."""
        (tmp_path / "f").mkdir()
        with pytest.raises(OSError, match="f"):
            write_private(tmp_path / "f", b"x")
        assert [each.name for each in tmp_path.iterdir()] == ["f"]

    def test_a_folder_that_may_not_be_written_is_an_error(self, tmp_path: Path) -> None:
        """And the old content stands."""
        write_private(tmp_path / "f", b"old")
        with no_permission(tmp_path), pytest.raises(PermissionError):
            write_private(tmp_path / "f", b"new")
        assert (tmp_path / "f").read_bytes() == b"old"

    def test_file_and_folder_are_forced_to_disk_before_it_returns(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The file before its rename, the folder after: else a power cut leaves an empty file."""
        done = []
        fsync, replace = os.fsync, Path.replace

        def watched_fsync(handle: int) -> None:
            kind = "folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file"
            size = os.fstat(handle).st_size if kind == "file" else ""
            done.append(f"fsync {kind} {size}".strip())
            fsync(handle)

        def watched_replace(self: Path, target: Path) -> Path:
            done.append("rename")
            return replace(self, target)

        monkeypatch.setattr(os, "fsync", watched_fsync)
        monkeypatch.setattr(Path, "replace", watched_replace)
        write_private(tmp_path / "f", b"12345")
        assert done == ["fsync file 5", "rename", "fsync folder"]

    def test_a_disk_that_will_not_force_is_an_error(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The old file stands, and nothing lies beside it."""

        def refuse(_handle: int) -> None:
            raise OSError(5, "Input/output error")

        write_private(tmp_path / "f", b"old")
        monkeypatch.setattr(os, "fsync", refuse)
        with pytest.raises(OSError, match="Input/output"):
            write_private(tmp_path / "f", b"new")
        assert (tmp_path / "f").read_bytes() == b"old"
        assert [each.name for each in tmp_path.iterdir()] == ["f"]

    def test_threads_may_write_one_file(self, tmp_path: Path) -> None:
        """Parts of two threads once had one name: 249 of 800 such writes failed."""
        faults: list[Exception] = []
        start = threading.Barrier(4)

        def write(content: bytes) -> None:
            start.wait()
            try:
                for _ in range(50):
                    write_private(tmp_path / "f", content)
            except OSError as problem:
                faults.append(problem)

        contents = [bytes([each]) * 9000 for each in b"abcd"]
        threads = [threading.Thread(target=write, args=(each,)) for each in contents]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert faults == []
        assert (tmp_path / "f").read_bytes() in contents
        assert [each.name for each in tmp_path.iterdir()] == ["f"]

    def test_a_full_disk_keeps_the_old_file(self, tmp_path: Path) -> None:
        """In a process that may write no byte more."""
        assert in_own_process(write_without_room, folder=str(tmp_path)) == ["old", ["f"]]

    def test_a_writer_killed_anywhere_leaves_the_old_file_or_the_new(self, tmp_path: Path) -> None:
        """SIGKILL before each file operation."""
        assert in_own_process(write_killed, folder=str(tmp_path)) >= 4

    def test_nothing_is_forced_where_folders_cannot_be_opened(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Windows."""
        with monkeypatch.context() as elsewhere:  # pytest itself asks what it runs on
            elsewhere.setattr(os, "name", "nt")
            sync_folder(tmp_path / "not there")


def write_without_room(folder: str) -> list[object]:
    """Replace a file on a full disk; return its content and what lies in the folder."""
    path = Path(folder) / "f"
    write_private(path, b"old")
    with no_room(), pytest.raises(OSError, match="File too large"):
        write_private(path, b"new")
    return [path.read_text(), sorted(each.name for each in path.parent.iterdir())]


def write_killed(folder: str) -> int:
    """Kill a replacing of a file at each of its operations; return how many there were."""
    path = Path(folder) / "f"
    old, new = b"o" * 5000, b"n" * 9000
    write_private(path, old)

    def again() -> None:
        assert path.read_bytes() in (old, new)
        assert mode(path) == 0o600
        for part in path.parent.glob(".*"):
            assert part.name.endswith(".part")
            assert mode(part) == 0o600
        write_private(path, old)

    return killed_at_every_file_operation(lambda: write_private(path, new), again)


class TestHeld:
    """Locks."""

    def test_a_held_lock_says_who_holds_it(self, tmp_path: Path) -> None:
        """Process, host, command, since when, and a next step."""
        with held(tmp_path / "x.lock", "account 7654321098765432109"):
            with pytest.raises(AlreadyRunning) as refused:
                with held(tmp_path / "x.lock", "account 7654321098765432109"):
                    raise AssertionError("two held it")
        message = refused.value.message
        assert message.startswith("account 7654321098765432109: already running")
        assert f"process {os.getpid()} on " in message
        assert ", since 20" in message
        assert refused.value.next_step
        assert isinstance(refused.value, UsageError)
        assert refused.value.__cause__ is None

    def test_it_is_free_again_afterwards_even_after_an_error(self, tmp_path: Path) -> None:
        """And the label is gone."""
        with pytest.raises(ZeroDivisionError):
            with held(tmp_path / "x.lock", "x"):
                raise ZeroDivisionError
        assert not (tmp_path / "x.lock.holder").exists()
        with held(tmp_path / "x.lock", "x"):
            assert (tmp_path / "x.lock.holder").exists()

    def test_two_locks_do_not_hinder_each_other(self, tmp_path: Path) -> None:
        """Per account, never one for the tool."""
        with held(tmp_path / "x.lock", "x"), held(tmp_path / "y.lock", "y"):
            assert len(list(tmp_path.glob("*.holder"))) == 2

    @pytest.mark.parametrize("label", [None, "", "{", "{}", "[]", "null", '{"pid": 1}', "\0"])
    def test_a_label_that_cannot_be_read_is_no_trouble(
        self, tmp_path: Path, label: str | None
    ) -> None:
        """Missing, cut short, or written by something else."""
        with held(tmp_path / "x.lock", "x"):
            (tmp_path / "x.lock.holder").unlink()
            if label is not None:
                (tmp_path / "x.lock.holder").write_text(label)
            with pytest.raises(AlreadyRunning, match="in another process"):
                with held(tmp_path / "x.lock", "x"):
                    raise AssertionError("two held it")

    def test_a_label_that_cannot_be_written_costs_no_lock(self, tmp_path: Path) -> None:
        """On a full disk `recover` must still run."""
        (tmp_path / "x.lock.holder").mkdir()
        with pytest.raises(AlreadyRunning), held(tmp_path / "x.lock", "x"):
            with held(tmp_path / "x.lock", "x"):
                raise AssertionError("two held it")

    def test_files_and_folder_are_private(self, tmp_path: Path) -> None:
        """The label names a command line."""
        with held(tmp_path / "locks" / "x.lock", "x"):
            assert mode(tmp_path / "locks") == 0o700
            assert mode(tmp_path / "locks" / "x.lock") == 0o600

    def test_another_process_is_kept_out_and_named(self, tmp_path: Path) -> None:
        """What it is told is this process."""
        with held(tmp_path / "x.lock", "x"):
            told = in_own_process(try_to_hold, path=str(tmp_path / "x.lock"))
        assert f"process {os.getpid()} on " in told
        assert in_own_process(try_to_hold, path=str(tmp_path / "x.lock")) == "held"

    def test_a_killed_holder_lets_go(self, tmp_path: Path) -> None:
        """The kernel drops the lock with the process; its label is overwritten."""
        holder = started(hold_until_killed, path=str(tmp_path / "x.lock"))
        assert holder.stdout is not None
        assert holder.stdout.readline() == "ready\n"
        with pytest.raises(AlreadyRunning, match=f"process {holder.pid} on"):
            with held(tmp_path / "x.lock", "x"):
                raise AssertionError("two held it")
        holder.kill()
        with pytest.raises(AssertionError):
            finished(holder)
        with held(tmp_path / "x.lock", "x"):
            assert json.loads((tmp_path / "x.lock.holder").read_text())["pid"] == os.getpid()

    def test_those_who_wait_get_it_one_after_the_other(self, tmp_path: Path) -> None:
        """Three processes count to thirty in one file without losing a step."""
        (tmp_path / "count").write_text("0")
        children = [started(count_up, folder=str(tmp_path), times=10) for _ in range(3)]
        assert all_at_once(children) == ["done"] * 3
        assert (tmp_path / "count").read_text() == "30"


def try_to_hold(path: str) -> str:
    """Try a lock once; return "held", or the message."""
    try:
        with held(Path(path), "x"):
            return "held"
    except AlreadyRunning as problem:
        return problem.message


def hold_until_killed(path: str) -> None:
    """Hold a lock and say so."""
    with held(Path(path), "x"):
        wait_for_the_word()


def count_up(folder: str, times: int) -> str:
    """Read, add one and write, each time under the lock."""
    wait_for_the_word()
    for _ in range(times):
        with held(Path(folder) / "x.lock", "x", wait_s=60):
            count = int((Path(folder) / "count").read_text())
            (Path(folder) / "count").write_text(str(count + 1))
    return "done"


def test_an_empty_private_file_is_made_once_and_an_existing_one_left_alone(tmp_path: Path) -> None:
    """Whoever comes second finds what the first has written."""
    path = tmp_path / "a.db"
    touch_private(path)
    assert path.read_bytes() == b"" and stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_bytes(b"filled")
    touch_private(path)
    assert path.read_bytes() == b"filled"
    assert [each.name for each in tmp_path.iterdir()] == ["a.db"]


def test_a_database_in_use_keeps_its_locks(tmp_path: Path) -> None:
    """A second part of this process opens it; another process must still be kept out."""
    path = tmp_path / "a.db"
    touch_private(path)
    mine = sqlite3.connect(path, isolation_level=None)
    mine.execute("create table t (x)")
    mine.execute("begin exclusive")
    touch_private(path)
    other = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None); "
        "c.execute('begin immediate')"
    )
    command = [sys.executable, "-c", other, str(path)]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    mine.execute("commit")
    mine.close()
    assert "database is locked" in refused.stderr
    assert subprocess.run(command, check=False).returncode == 0

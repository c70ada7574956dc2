"""The `dotenv:` store: one line of somebody's file changes, and every other byte stays."""

import os
from collections.abc import Callable
from pathlib import Path

import pyrage
import pytest
from dotenv import dotenv_values
from filelock import FileLock
from hypothesis import given, settings
from hypothesis import strategies as st

from automation.errors import StoreFailed, UsageError
from automation.seal import Sealer
from automation.secret import Secret
from automation.stores import NotStored, Ref, envfile, open_store
from automation.stores.dotenv import DotenvStore
from tests.store_contract import NEW, OLD, OTHER, REF

TOKEN_VARIABLE = f"EVENTS_API_ACCESS_TOKEN_{REF.pixel}"


class TestDotenv:
    """`dotenv:`."""

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ("", "T=new\n"),
            ("A=1\n", "A=1\nT=new\n"),
            ("A=1", "A=1\nT=new"),
            ("A=1\r\n", "A=1\r\nT=new\r\n"),
            ("A=1\r\nB=2", "A=1\r\nB=2\r\nT=new"),
            ("T=old", "T=new"),
            ("T=old\n", "T=new\n"),
            ("T=\n", "T=new\n"),
            ("T\n", "T=new\n"),
            ("T # why\n", "T=new # why\n"),
            ("T= # why\n", "T=new # why\n"),
            ("T=old # why\n", "T=new # why\n"),
            ("T=old   \n\n\n# end", "T=new   \n\n\n# end"),
            ("  export  T = old\n", "  export  T = new\n"),
            ("T='old' # why\r\nB=2\r\n", "T='new' # why\r\nB=2\r\n"),
            ('T="old"\n', 'T="new"\n'),
            ('T="two\nlines"\nB=2\n', 'T="new"\nB=2\n'),
            ("'T'=old\n", "'T'=new\n"),
            ("\n\n# T=comment\n\nT=old\nTT=x\nXT=y\n", "\n\n# T=comment\n\nT=new\nTT=x\nXT=y\n"),
            ("T=a\nB=2\nT=b\n", "T=a\nB=2\nT=new\n"),
            ("\ufeffA=1\nT=old\n", "\ufeffA=1\nT=new\n"),
            ("\ufeffT=old\n", "\ufeffT=new\n"),
            ("A=${T}\nB='$x'\nT=old\n", "A=${T}\nB='$x'\nT=new\n"),
            ("T=a#b\n", "T=new\n"),
        ],
    )
    def test_one_line_changes_and_every_other_byte_stays(self, before: str, after: str) -> None:
        """Comments, order, export, quotes, line ends and a missing last one."""
        assert envfile.set_value(before.encode(), "T", "new").decode() == after

    def test_a_value_that_is_there_already_changes_no_byte(self) -> None:
        """However it is quoted."""
        assert envfile.set_value(b"T = 'new' # x", "T", "new") == b"T = 'new' # x"

    @settings(deadline=None)  # a busy machine is no fault
    @given(
        before=st.lists(
            st.sampled_from(
                ["A=1", "export B='x y'", "# c", "", "T=old # c", 'T="o\nld"', "C", "  D = 4 ", "T"]
            )
        ),
        end=st.sampled_from(["\n", "\r\n"]),
        last=st.booleans(),
        value=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0")),
    )
    def test_any_value_in_any_file_reads_back_and_leaves_the_others(
        self, before: list[str], end: str, last: bool, value: str
    ) -> None:
        """And setting it back and forth ends in the same bytes."""
        data = (end.join(before) + (end if last else "")).encode()
        after = envfile.set_value(data, "T", value)
        was = {name: envfile.get_value(data, name) for name in "ABCD"}
        assert {name: envfile.get_value(after, name) for name in "ABCD"} == was
        assert envfile.get_value(after, "T") == value
        assert envfile.set_value(after, "T", value) == after

    @pytest.mark.parametrize("value", ["two\nlines", "a\rb", "nul\0"])
    def test_a_value_with_a_line_break_is_refused(self, value: str) -> None:
        """No reader but python-dotenv would understand it."""
        with pytest.raises(envfile.Unfit, match="line breaks"):
            envfile.set_value(b"", "T", value)

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"A=1\n\nB='never closed\n", "line 3 "),
            (b"A='1' x\n", "line 1 "),
            (b"A=\xff\n", "byte 2 "),
        ],
    )
    def test_a_file_that_cannot_be_parsed_is_left_alone(
        self, tmp_path: Path, content: bytes, reason: str
    ) -> None:
        """The check says where, never what."""
        path = tmp_path / ".env"
        path.write_bytes(content)
        store = DotenvStore(str(path))
        for act in (store.check, lambda: store.put(REF, Secret(NEW), intent="one")):
            with pytest.raises(StoreFailed, match=reason) as failed:
                act()
            assert "never" not in failed.value.message
        assert path.read_bytes() == content

    def test_a_new_file_is_private_and_an_old_one_keeps_its_mode(self, tmp_path: Path) -> None:
        """An application that could read the file still can."""
        new, old = tmp_path / "new", tmp_path / "old"
        old.write_text("A=1\n")
        old.chmod(0o640)
        for path in (new, old):
            DotenvStore(str(path)).put(REF, Secret(OLD), intent="one")
        assert new.stat().st_mode & 0o777 == 0o600
        assert old.stat().st_mode & 0o777 == 0o640
        assert tmp_path.stat().st_mode == tmp_path.stat().st_mode | 0o700

    def test_the_folder_of_the_file_keeps_its_mode(self, tmp_path: Path) -> None:
        """It is the application's folder: made private, the application might not start."""
        folder = tmp_path / "app"
        folder.mkdir()
        folder.chmod(0o755)
        store = DotenvStore(str(folder / ".env"))
        store.check()
        store.put(REF, Secret(OLD), intent="one")
        assert folder.stat().st_mode & 0o777 == 0o755

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
    def test_root_leaves_the_file_to_its_owner(self, tmp_path: Path) -> None:
        """Or the application could not read its own file any more."""
        path = tmp_path / ".env"
        path.write_text("A=1\n")
        os.chown(path, 65534, 65534)
        DotenvStore(str(path)).put(REF, Secret(OLD), intent="one")
        assert (path.stat().st_uid, path.stat().st_gid) == (65534, 65534)

    def test_a_file_of_somebody_else_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Replacing it would take it away from its owner."""
        path = tmp_path / ".env"
        path.write_text("A=1\n")
        monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
        with pytest.raises(StoreFailed, match="another user"):
            DotenvStore(str(path)).check()

    def test_a_link_stays_a_link(self, tmp_path: Path) -> None:
        """The file it leads to is the one that changes."""
        target, link = tmp_path / "real.env", tmp_path / ".env"
        target.write_text("A=1\n")
        link.symlink_to(target)
        DotenvStore(str(link)).put(REF, Secret(OLD), intent="one")
        assert link.is_symlink()
        assert dotenv_values(target)[TOKEN_VARIABLE] == OLD

    def test_links_in_a_circle_are_reported(self, tmp_path: Path) -> None:
        """Not a crash of this program."""
        (tmp_path / "a").symlink_to(tmp_path / "b")
        (tmp_path / "b").symlink_to(tmp_path / "a")
        with pytest.raises(StoreFailed):
            DotenvStore(str(tmp_path / "a")).check()

    @pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
    def test_what_is_no_file_is_refused(self, tmp_path: Path, make: Callable[[Path], None]) -> None:
        """A folder cannot be replaced, and reading a pipe would never end."""
        make(tmp_path / ".env")
        store = DotenvStore(str(tmp_path / ".env"))
        with pytest.raises(StoreFailed, match="not a regular file"):
            store.check()
        with pytest.raises(StoreFailed, match="not a regular file"):
            store.get(REF)

    def test_a_missing_folder_fails_the_check(self, tmp_path: Path) -> None:
        """A misspelt path is found before the click."""
        with pytest.raises(StoreFailed, match="No such file"):
            DotenvStore(str(tmp_path / "misspelt" / ".env")).check()

    def test_placeholders_in_the_path_make_a_file_a_pixel(self, tmp_path: Path) -> None:
        """Folders named by a placeholder are created, those before them are looked at."""
        store = DotenvStore(f"{tmp_path}/{{account}}/{{pixel}}.env", "TOKEN")
        store.check()
        store.put(REF, Secret(OLD), intent="one")
        store.put(OTHER, Secret(NEW), intent="two")
        path = tmp_path / REF.account / f"{REF.pixel}.env"
        assert dotenv_values(path) == {"TOKEN": OLD}
        assert store.get(OTHER).reveal() == NEW

    def test_a_relative_path_begins_where_we_stand(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As `.env` itself does; `%20` is a space."""
        monkeypatch.chdir(tmp_path)
        sealer = Sealer(pyrage.x25519.Identity.generate(), "a test")
        store = open_store("dotenv:my%20app.env?name=T", home=tmp_path, sealer=sealer)
        store.put(REF, Secret(OLD), intent="one")
        assert dotenv_values(tmp_path / "my app.env") == {"T": OLD}

    def test_two_pixels_in_one_variable_are_refused(self, tmp_path: Path) -> None:
        """Or the second would silently push out the first."""
        store = DotenvStore(str(tmp_path / ".env"), "TOKEN")
        store.put(REF, Secret(OLD), intent="one")
        with pytest.raises(StoreFailed, match=REF.pixel):
            store.put(OTHER, Secret(NEW), intent="two")
        assert store.get(REF).reveal() == OLD

    def test_a_name_that_begins_with_a_digit_is_refused_before_the_click(
        self, tmp_path: Path
    ) -> None:
        """`where` is asked before anything is generated."""
        store = DotenvStore(str(tmp_path / ".env"), "{name}")
        with pytest.raises(UsageError, match="no variable's name"):
            store.where(Ref("P", name="1st shop"))

    def test_a_writer_that_never_ends_is_reported(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """After the wait, StoreFailed."""
        monkeypatch.setattr("automation.stores.dotenv._WAIT_S", 0)
        with FileLock(tmp_path / ".env.lock"), pytest.raises(StoreFailed, match="lock"):
            DotenvStore(str(tmp_path / ".env")).put(REF, Secret(OLD), intent="one")

    def test_an_empty_variable_is_not_a_token(self, tmp_path: Path) -> None:
        """`NAME=` is what people leave for later."""
        (tmp_path / ".env").write_text(f"{TOKEN_VARIABLE}=\n")
        with pytest.raises(NotStored):
            DotenvStore(str(tmp_path / ".env")).get(REF)

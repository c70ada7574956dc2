"""The `command:` store: the contract with a program that gives back, then without one."""

import contextlib
import json
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pyrage
import pytest

from automation.errors import StoreFailed, UsageError
from automation.secret import Secret
from automation.stores import NotStored, Ref
from automation.stores.base import NoReadBack, put_and_prove
from automation.stores.command import VARIABLES, CommandStore
from tests.store_contract import NEW, OLD, REF, Place, StoreContract
from tests.store_contract import ServiceContract as Services

KEY = str(pyrage.x25519.Identity.generate())

TAKES = """#!/bin/sh
set -e
[ ! -e mood ] || . ./mood
cat > ".$TOKEN_PIXEL.$$"
mv ".$TOKEN_PIXEL.$$" "$TOKEN_PIXEL.token"
"""
GIVES = """#!/bin/sh
[ ! -e mood ] || . ./mood
[ ! -e "$TOKEN_PIXEL.token" ] || cat "$TOKEN_PIXEL.token"
"""


def _program(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text.replace("\n", f"\ncd '{folder}'\n", 1))
    path.chmod(0o700)
    return path


def _url(folder: Path) -> str:
    takes, gives = _program(folder, "takes", TAKES), _program(folder, "gives", GIVES)
    return f"command:{takes}?get={gives}"


@contextlib.contextmanager
def _without(path: Path) -> Iterator[None]:
    path.chmod(0o600)
    try:
        yield
    finally:
        path.chmod(0o700)


@contextlib.contextmanager
def _mood(folder: Path, line: str) -> Iterator[None]:
    """Let both programs do something first."""
    (folder / "mood").write_text(line)
    try:
        yield
    finally:
        (folder / "mood").unlink()


def _open(url: str) -> CommandStore:
    return CommandStore.open(url, home=Path(), sealer=None)  # type: ignore[arg-type]  # seals nothing


class TestCommand(StoreContract):
    """The contract, for what a program can promise: it knows no versions and no accounts."""

    times = 3

    @pytest.fixture
    def place(self, tmp_path: Path) -> Place:
        """Two shell scripts and an empty folder."""
        return Place(
            _url(tmp_path),
            tmp_path / "home",
            KEY,
            unreachable=lambda: _without(tmp_path / "takes"),
            silent=lambda: _mood(tmp_path, "sleep 600"),
        )

    test_a_silent_store_is_given_up_and_works_again_afterwards = (
        Services.test_a_silent_store_is_given_up_and_works_again_afterwards
    )
    test_a_put_killed_at_any_call_is_there_once_after_the_next = (
        Services.test_a_put_killed_at_any_call_is_there_once_after_the_next
    )
    least_boundaries = Services.least_boundaries


class TestOnlyCommand:
    """What no other store has."""

    def test_stdin_holds_the_token_and_nothing_else(self, tmp_path: Path) -> None:
        """No line end, no white space; and no argument holds anything."""
        script = "#!/bin/sh\ncat > token\necho $# > arguments\n"
        _open(f"command:{_program(tmp_path, 'takes', script)}").put(REF, Secret(NEW), intent="one")
        assert (tmp_path / "token").read_bytes() == NEW.encode()
        assert (tmp_path / "arguments").read_text() == "0\n"

    def test_the_environment_says_whose_it_is(self, tmp_path: Path) -> None:
        """Anything a person typed as a name is let through, as far as an environment can."""
        ref = Ref(REF.pixel, REF.account, "agency", "Shop\nof \0 \ud800 'A'; $(id)")
        token = Secret(NEW)
        script = (
            f"#!{sys.executable}\nimport os, json\njson.dump(dict(os.environ), open('said', 'w'))\n"
        )
        path = tmp_path / "takes"
        path.write_text(script.replace("'said'", repr(str(tmp_path / "said"))))
        path.chmod(0o700)
        _open(f"command:{path}").put(ref, token, intent="an-intent")
        said = (tmp_path / "said").read_text()
        told = [json.loads(said)[each] for each in VARIABLES]
        name = "Shop\nof  ? 'A'; $(id)"
        assert told == [ref.pixel, ref.account, "agency", name, "an-intent", token.fingerprint]
        assert NEW not in said

    def test_a_program_that_only_takes_is_accepted_and_said_to_be_unproven(
        self, tmp_path: Path
    ) -> None:
        """Its exit code is all there is; that is not the same as proven."""
        store = _open(f"command:{_program(tmp_path, 'takes', TAKES)}")
        store.check()
        assert put_and_prove(store, REF, Secret(NEW), intent="one") is False
        with pytest.raises(NoReadBack) as unknown:
            store.get(REF)
        assert isinstance(unknown.value, NotStored)
        assert "?get=" in unknown.value.next_step

    def test_a_program_that_gives_back_is_compared(self, tmp_path: Path) -> None:
        """As with every other store."""
        store = _open(_url(tmp_path))
        assert put_and_prove(store, REF, Secret(NEW), intent="one") is True
        (tmp_path / "gives").write_text("#!/bin/sh\necho something-else\n")
        with pytest.raises(StoreFailed, match="not what it was given"):
            put_and_prove(store, REF, Secret(NEW), intent="one")

    def test_one_line_end_of_the_getter_is_not_the_token_s(self, tmp_path: Path) -> None:
        """`echo` writes one."""
        gives = _program(tmp_path, "gives", f"#!/bin/sh\necho '{OLD} '\n")
        store = _open(f"command:{gives}?get={gives}")
        assert store.get(REF).reveal() == f"{OLD} "

    @pytest.mark.parametrize("line", ["exit 3", "kill -9 $$"])
    def test_the_exit_code_decides(self, tmp_path: Path, line: str) -> None:
        """And is told, while what was printed is not."""
        script = f"#!/bin/sh\ncat\ncat >&2 <<X\n{NEW}\nX\n{line}\n"
        store = _open(f"command:{_program(tmp_path, 'takes', script)}")
        with pytest.raises(StoreFailed, match=r"exit 3|signal 9") as failed:
            store.put(REF, Secret(NEW), intent="one")
        assert NEW not in failed.value.message

    def test_a_program_that_does_not_read_its_input_is_no_failure(self, tmp_path: Path) -> None:
        """Its exit code says 0."""
        store = _open(f"command:{_program(tmp_path, 'takes', '#!/bin/sh' + chr(10) + 'exit 0')}")
        store.put(REF, Secret("x" * 200_000), intent="one")

    def test_a_program_that_anybody_may_change_is_refused(self, tmp_path: Path) -> None:
        """It would be given a token."""
        path = _program(tmp_path, "takes", TAKES)
        path.chmod(path.stat().st_mode | stat.S_IWOTH)
        with pytest.raises(StoreFailed, match="anybody may change"):
            _open(f"command:{path}").check()

    def test_a_missing_getter_fails_the_check(self, tmp_path: Path) -> None:
        """Both programs are looked for before the click."""
        takes = _program(tmp_path, "takes", TAKES)
        with pytest.raises(StoreFailed, match="nowhere is no program"):
            _open(f"command:{takes}?get={tmp_path}/nowhere").check()

    def test_a_program_is_found_on_path(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """By its name alone."""
        _program(tmp_path, "takes-it", TAKES)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        _open("command:takes-it").put(REF, Secret(NEW), intent="one")
        assert (tmp_path / f"{REF.pixel}.token").read_text() == NEW

    def test_nothing_is_given_to_a_shell(self, tmp_path: Path) -> None:
        """A URL is one program's name, spaces and semicolons included."""
        with pytest.raises(StoreFailed, match="no program"):
            _open(f"command:true;touch%20{tmp_path}/made").check()
        assert list(tmp_path.iterdir()) == []

    def test_no_program_is_refused(self) -> None:
        """`command:` alone."""
        with pytest.raises(UsageError, match="names no program"):
            _open("command:")

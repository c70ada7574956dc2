"""What every store promises, as tests: a store joins by a subclass that gives its `place`.

`StoreContract` holds for all, `DiskContract` for stores that are files of this machine, and
`ServiceContract` for stores that are served by something else.

Whatever kills, starves or races a store runs in processes of its own, started by
`in_own_process`, because a test process must not be killed and has threads that forbid forking.
"""

import contextlib
import gc
import json
import logging
import os
import resource
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyrage
import pytest

from automation.errors import AutomationError, StoreFailed
from automation.seal import Sealer
from automation.secret import Secret
from automation.stores import NotStored, Ref, Store, open_store

ROOT = Path(__file__).parent.parent
REF = Ref("D69ESQRC77U0KGAU8B90", "7654321098765432109", "agency", "Shop")
OTHER = Ref("D69ESQRC77U0KGAU8B9G", "7654321098765432109", "agency", "Shop")
OLD, NEW = "fixture-token-old-0001", "fixture-token-new-0002"
NOBODY = 65534


def in_own_process(function: Callable[..., Any], **arguments: Any) -> Any:
    """Call a function of a test module in a fresh process; arguments and answer go as JSON."""
    return finished(started(function, **arguments))


def started(function: Callable[..., Any], **arguments: Any) -> "subprocess.Popen[str]":
    """Start what `in_own_process` does, without waiting for it."""
    code = (
        "import json, sys\n"
        f"from {function.__module__} import {function.__qualname__} as function\n"
        "print(json.dumps(function(**json.loads(sys.stdin.readline()))))"
    )
    pipe = subprocess.PIPE
    child = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code],
        cwd=ROOT,
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        text=True,
    )
    assert child.stdin is not None
    child.stdin.write(json.dumps(arguments) + "\n")
    child.stdin.flush()
    return child


def wait_for_the_word() -> None:
    """In a started process: say that everything is ready, and wait until `all_at_once` says go."""
    print("ready", flush=True)  # noqa: T201  the answer goes through the same pipe
    sys.stdin.readline()


def all_at_once(children: "list[subprocess.Popen[str]]") -> list[Any]:
    """Let processes that wait for the word go together, and return their answers."""
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    # Every one is waited for before any is judged, so that a failure leaves no process behind.
    ended = [(child, *child.communicate(timeout=300)) for child in children]
    return [_answer(*each) for each in ended]


def finished(child: "subprocess.Popen[str]") -> Any:
    """Wait for a started process and return its answer."""
    return _answer(child, *child.communicate(timeout=300))


def _answer(child: "subprocess.Popen[str]", out: str, err: str) -> Any:
    assert child.returncode == 0, err
    return json.loads(out)


def killed_at_every_file_operation(act: Callable[[], None], again: Callable[[], None]) -> int:
    """Fork, and let the child kill itself before its Nth file operation, for every N.

    Python announces each opening, renaming, removing and changing of a file to an audit hook
    before it is done, so every boundary between two of them is met once.

    Args:
        act: what is killed in the middle.
        again: called in this process after each kill; looks and puts everything back.

    Returns:
        int: how many boundaries there were.
    """
    for boundary in range(200):
        child = os.fork()
        if child == 0:
            _kill_at(boundary)
            act()
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0
            return boundary
        again()
    raise AssertionError("it never came to its end")


_FILE_EVENTS = {"open", "fcntl.flock"} | {
    f"os.{each}" for each in ("chmod", "chown", "link", "mkdir", "remove", "rename", "truncate")
}


def _kill_at(boundary: int) -> None:
    seen = 0

    def hook(event: str, _arguments: object) -> None:
        nonlocal seen
        if event in _FILE_EVENTS:
            if seen == boundary:
                os.kill(os.getpid(), signal.SIGKILL)
            seen += 1

    gc.disable()  # or the collector's own moment would move the count
    sys.addaudithook(hook)


@contextlib.contextmanager
def no_room() -> Iterator[None]:
    """Let no file of this process grow, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextlib.contextmanager
def no_permission(folder: Path) -> Iterator[None]:
    """Let nobody write in a folder; root, whom modes do not stop, becomes somebody else."""
    mode = folder.stat().st_mode
    folder.chmod(0o500)
    if os.geteuid() == 0:
        os.seteuid(NOBODY)
        try:
            yield
        finally:
            os.seteuid(0)
            folder.chmod(mode)
    else:
        try:
            yield
        finally:
            folder.chmod(mode)


@dataclass(frozen=True)
class Place:
    """One store, ready to be opened as often as a test likes, here and in other processes."""

    url: str
    home: Path
    key: str
    unreachable: Callable[[], AbstractContextManager[None]]
    """While this lasts, the store can neither be written nor checked."""
    refused: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext
    """While this lasts, the service answers and does not accept who is asking."""
    silent: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext
    """While this lasts, the service is there and does not answer."""
    credentials: tuple[str, ...] = ()
    """What opens the service, and may be seen nowhere."""

    def open(self) -> Store:
        """Open the store as a new process would."""
        return open_here(**self.as_json())

    def as_json(self) -> dict[str, str]:
        """Return what another process needs to open the same store."""
        return {"url": self.url, "home": str(self.home), "key": self.key}


def open_here(url: str, home: str, key: str) -> Store:
    """Open a store from what `Place.as_json` returned."""
    identity = pyrage.x25519.Identity.from_str(key)
    return open_store(url, home=Path(home), sealer=Sealer(identity, "a test"))


def put_many(pixels: list[str], times: int, **place: str) -> str:
    """Put a series of tokens for each pixel, as one of several processes doing so."""
    store = open_here(**place)
    wait_for_the_word()
    for number in range(times):
        for pixel in pixels:
            token = Secret(f"fixture-token-{pixel}-{number}")
            store.put(Ref(pixel), token, intent=f"{pixel}-{number}")
    return "done"


def put_killed(**place: str) -> int:
    """Kill a put at each of its file operations; look each time, and put again."""
    store = open_here(**place)
    store.put(REF, Secret("warm-up-of-late-imports"), intent="warm-up")
    store.put(REF, Secret(OLD), intent="old-0")
    rounds = [0]

    def put_new() -> None:
        store.put(REF, Secret(NEW), intent=f"new-{rounds[-1]}")

    def again() -> None:
        assert store.get(REF).reveal() in (OLD, NEW)
        store.check()
        put_new()
        assert store.get(REF).reveal() == NEW
        rounds.append(len(rounds))
        store.put(REF, Secret(OLD), intent=f"old-{rounds[-1]}")
        _assert_no_leftovers(Path(place["home"]).parent)

    return killed_at_every_file_operation(put_new, again)


def _assert_no_leftovers(folder: Path) -> None:
    assert [each.name for each in folder.rglob("*.part")] == []


def put_killed_on_the_way(**place: str) -> list[int]:
    """Kill a put before and after each of its calls to the service; look, and put again.

    Returns:
        list: how many boundaries there were, where each try began with nothing at its place, and
            where it replaced the token of the try before.
    """
    store, child_s = open_here(**place), open_here(**place)
    # Made now, and unused: no child need make it, and none gets a connection of its parent's.
    getattr(child_s, "_client", None)
    store.put(OTHER, Secret("warm-up-of-late-imports"), intent="warm-up")
    return [_killed_puts(store, child_s, replacing) for replacing in (False, True)]


def _killed_puts(store: Store, child_s: Store, replacing: bool) -> int:
    from tests.servers.versions import versions

    tries = [0]

    def one() -> tuple[Ref, str, str]:
        number = tries[-1]
        ref = REF if replacing else Ref(f"D69ESQRC77U0KGAU8C{number:02}")
        return ref, f"fixture-token-of-try-{number}", f"try-{number}"

    def put(into: Store) -> None:
        ref, text, intent = one()
        into.put(ref, Secret(text), intent=intent)

    def again() -> None:
        ref, text, _ = one()
        store.check()
        before = [f"fixture-token-of-try-{tries[-1] - 1}"] if replacing and len(tries) > 1 else []
        with contextlib.suppress(NotStored):
            assert store.get(ref).reveal() in [text, *before]
        put(store)
        assert store.get(ref).reveal() == text
        assert versions(store, ref).count(text) == 1
        tries.append(len(tries))

    return killed_at_every_call(lambda: put(child_s), again)


def killed_at_every_call(act: Callable[[], None], again: Callable[[], None]) -> int:
    """Fork, and let the child kill itself before and after its Nth call to a service.

    As `killed_at_every_file_operation`.
    """
    for boundary in range(200):
        child = os.fork()
        if child == 0:
            try:
                _kill_at_call(boundary)
                act()
                os._exit(0)
            except BaseException:
                traceback.print_exc()
            os._exit(1)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0
            return boundary
        again()
    raise AssertionError("it never came to its end")


_CALLS = (
    ("http.client", "HTTPConnection", "endheaders", "before"),
    ("http.client", "HTTPConnection", "getresponse", "after"),
    ("keyring.backends.SecretService", "Keyring", "get_password", "before and after"),
    ("keyring.backends.SecretService", "Keyring", "set_password", "before and after"),
    ("subprocess", "Popen", "__init__", "before"),
    ("subprocess", "Popen", "wait", "after"),
)
"""Where the libraries of the stores send something off, and where they have an answer to it."""


def _kill_at_call(boundary: int) -> None:
    seen = 0

    def count() -> None:
        nonlocal seen
        if seen == boundary:
            os.kill(os.getpid(), signal.SIGKILL)
        seen += 1

    def wrap(kind: Any, name: str, when: str) -> None:
        method = getattr(kind, name)

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            if "before" in when:
                count()
            returned = method(*args, **kwargs)
            if "after" in when:
                count()
            return returned

        setattr(kind, name, wrapped)

    for module, kind, name, when in _CALLS:
        if module in sys.modules:
            wrap(getattr(sys.modules[module], kind), name, when)


def put_without_room(**place: str) -> dict[str, str]:
    """Check and put on a full disk, then put with room; return what each said."""
    store = open_here(**place)
    store.put(REF, Secret(OLD), intent="old")
    said = {}
    with no_room():
        for name, act in (
            ("check", store.check),
            ("put", lambda: store.put(REF, Secret(NEW), intent="new")),
        ):
            try:
                act()
                said[name] = "nothing"
            except AutomationError as problem:
                said[name] = problem.code
    said["kept"] = store.get(REF).reveal()
    store.put(REF, Secret(NEW), intent="new")
    said["afterwards"] = store.get(REF).reveal()
    _assert_no_leftovers(Path(place["home"]).parent)
    return said


class StoreContract:
    """For every store; a subclass gives the fixture `place`."""

    times = 9
    """How often each of several processes writes each of its pixels."""

    def test_a_token_put_in_comes_out_of_a_fresh_store(self, place: Place) -> None:
        """What is kept outlives the object that kept it."""
        place.open().put(REF, Secret(OLD), intent="one")
        assert place.open().get(REF).reveal() == OLD

    def test_a_second_token_replaces_the_first(self, place: Place) -> None:
        """The current token is the last one put."""
        store = place.open()
        store.put(REF, Secret(OLD), intent="one")
        store.put(REF, Secret(NEW), intent="two")
        assert store.get(REF).reveal() == NEW

    def test_the_same_intent_twice_is_the_same_as_once(self, place: Place) -> None:
        """`recover` may repeat a put that had happened."""
        for _ in range(2):
            place.open().put(REF, Secret(OLD), intent="one")
        assert place.open().get(REF).reveal() == OLD

    def test_a_missing_token_is_not_stored(self, place: Place) -> None:
        """Missing is told apart from unreachable, before and after another pixel's put."""
        store = place.open()
        with pytest.raises(NotStored):
            store.get(REF)
        store.put(REF, Secret(OLD), intent="one")
        with pytest.raises(NotStored):
            store.get(OTHER)

    def test_check_passes_where_put_would_and_leaves_nothing_behind(self, place: Place) -> None:
        """Checking makes no token appear."""
        store = place.open()
        store.check()
        with pytest.raises(NotStored):
            store.get(REF)
        store.put(REF, Secret(OLD), intent="one")
        store.check()
        assert store.get(REF).reveal() == OLD

    @pytest.mark.parametrize(
        "token",
        [
            "A" * 512,
            "0",
            "it's \"quoted\" and 'quoted'",
            "back\\slash\\",
            "hash # not a comment",
            "$HOME ${HOME} `id` $(id)",
            "=a=b= ",
            " leading and trailing ",
            "ünïcödé-令牌-🔑",
            "export X=1",
            "\ttab",
        ],
    )
    def test_any_text_comes_back_exactly(self, place: Place, token: str) -> None:
        """A token's alphabet is documented nowhere."""
        store = place.open()
        store.put(REF, Secret(OLD), intent="before")
        store.put(REF, Secret(token), intent="odd")
        store.put(OTHER, Secret(NEW), intent="beside")
        assert store.get(REF).reveal() == token
        assert store.get(OTHER).reveal() == NEW

    def test_two_pixels_are_never_mixed(self, place: Place) -> None:
        """Each pixel has its own token, alike as the pixels are."""
        store = place.open()
        for number in range(3):
            for ref in (REF, OTHER):
                text = f"fixture-token-{ref.pixel}-{number}"
                store.put(ref, Secret(text), intent=f"{ref.pixel}-{number}")
        for ref in (REF, OTHER):
            assert place.open().get(ref).reveal() == f"fixture-token-{ref.pixel}-2"

    def test_odd_names_neither_leave_their_place_nor_hinder(self, place: Place) -> None:
        """A pixel's name is anything a person typed."""
        store = place.open()
        ref = Ref("D69ESQRC77U0KGAU8B90", "1", "../up", "../../etc/passwd\n{pixel} \ud800")
        store.put(ref, Secret(OLD), intent="one")
        assert store.get(ref).reveal() == OLD
        assert ".." not in store.where(ref).split("/")

    def test_several_processes_lose_none_of_each_other_s_tokens(self, place: Place) -> None:
        """Six pixels, three processes, each its own two, all at once."""
        pixels = [f"D69ESQRC77U0KGAU8B{number:02}" for number in range(6)]
        children = [
            started(put_many, pixels=pixels[at::3], times=self.times, **place.as_json())
            for at in range(3)
        ]
        assert all_at_once(children) == ["done"] * 3
        last = self.times - 1
        for pixel in pixels:
            assert place.open().get(Ref(pixel)).reveal() == f"fixture-token-{pixel}-{last}"

    def test_an_unreachable_store_says_so_and_works_again_afterwards(self, place: Place) -> None:
        """Both `check` and `put` raise StoreFailed with a next step, and nothing is lost."""
        store = place.open()
        store.put(REF, Secret(OLD), intent="one")
        with place.unreachable():
            with pytest.raises(StoreFailed) as checked:
                store.check()
            with pytest.raises(StoreFailed) as put:
                store.put(REF, Secret(NEW), intent="two")
        assert checked.value.next_step
        assert put.value.next_step
        assert not isinstance(put.value, NotStored)
        assert store.get(REF).reveal() == OLD
        store.put(REF, Secret(NEW), intent="two")
        assert place.open().get(REF).reveal() == NEW

    def test_no_token_shows_in_repr_log_or_error(
        self, place: Place, caplog: pytest.LogCaptureFixture
    ) -> None:
        """What a store says of itself and of its failures holds no token."""
        caplog.set_level(logging.DEBUG)
        store = place.open()
        token = Secret(NEW)
        store.put(REF, Secret(OLD), intent="one")
        with place.unreachable(), pytest.raises(StoreFailed) as failed:
            store.put(REF, token, intent="two")
        told = [repr(store), store.url, store.where(REF), caplog.text, failed.value.message]
        told += [failed.value.next_step, *traceback.format_exception(failed.value)]
        for text in (OLD, NEW, *place.credentials):
            assert not any(text in each for each in told)


class DiskContract:
    """For stores that are files of this machine, beside `StoreContract`."""

    def test_a_full_disk_fails_the_check_and_keeps_the_old_token(self, place: Place) -> None:
        """Found before the click; and a put cut short can be made again."""
        said = in_own_process(put_without_room, **place.as_json())
        assert said == {
            "check": "store_failed",
            "put": "store_failed",
            "kept": OLD,
            "afterwards": NEW,
        }

    def test_a_put_killed_anywhere_leaves_the_old_token_or_the_new(self, place: Place) -> None:
        """SIGKILL before each file operation of a put, then the put again."""
        assert in_own_process(put_killed, **place.as_json()) >= 5


class ServiceContract(StoreContract):
    """For stores that are served by something else: over a network, a bus or a pipe."""

    times = 3
    least_boundaries = 4
    """A look and a write, each killed before and after."""

    def test_a_refused_store_says_so_and_works_again_afterwards(self, place: Place) -> None:
        """Found by the check, before the click; nothing is lost."""
        store = place.open()
        store.put(REF, Secret(OLD), intent="one")
        with place.refused():
            with pytest.raises(StoreFailed):
                place.open().check()
            with pytest.raises(StoreFailed) as put:
                place.open().put(REF, Secret(NEW), intent="two")
            assert put.value.next_step
            assert not isinstance(put.value, NotStored)
        assert place.open().get(REF).reveal() == OLD
        place.open().put(REF, Secret(NEW), intent="two")
        assert place.open().get(REF).reveal() == NEW

    def test_a_silent_store_is_given_up_and_works_again_afterwards(
        self, place: Place, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Every wait has a limit; it is short here so that the test is."""
        place.open().put(REF, Secret(OLD), intent="one")
        with monkeypatch.context() as patched, place.silent():
            for module in ("remote", "keyring", "command"):
                limit = f"automation.stores.{module}.LIMIT_S"
                if f"automation.stores.{module}" in sys.modules:
                    patched.setattr(limit, 0.2)
            with pytest.raises(StoreFailed, match=r"no answer in time|still running"):
                place.open().put(REF, Secret(NEW), intent="two")
        place.open().put(REF, Secret(NEW), intent="two")
        assert place.open().get(REF).reveal() == NEW

    def test_a_put_killed_at_any_call_is_there_once_after_the_next(self, place: Place) -> None:
        """SIGKILL before and after each call: exactly one version holds the token in the end."""
        new, replacing = in_own_process(put_killed_on_the_way, **place.as_json())
        assert min(new, replacing) >= self.least_boundaries

    def test_a_late_repeat_of_a_replaced_intent_changes_nothing(self, place: Place) -> None:
        """A put that was forgotten to be settled must not bring an old token back."""
        for number in range(3):
            place.open().put(REF, Secret(f"fixture-token-{number}"), intent=f"{number}")
        place.open().put(REF, Secret("fixture-token-0"), intent="0")
        assert place.open().get(REF).reveal() == "fixture-token-2"

    def test_a_second_token_for_one_intent_is_refused(self, place: Place) -> None:
        """One intent, one token."""
        place.open().put(REF, Secret(OLD), intent="one")
        with pytest.raises(StoreFailed, match="another token"):
            place.open().put(REF, Secret(NEW), intent="one")
        assert place.open().get(REF).reveal() == OLD

    def test_a_token_of_another_account_is_not_given_out(self, place: Place) -> None:
        """Asking without an account gets it, asking for the wrong one does not."""
        place.open().put(REF, Secret(OLD), intent="one")
        assert place.open().get(Ref(REF.pixel)).reveal() == OLD
        with pytest.raises(StoreFailed, match=REF.account):
            place.open().get(Ref(REF.pixel, "1111111111111111"))

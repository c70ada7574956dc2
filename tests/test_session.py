"""Sessions on disk: sealed, dated, never overwritten by an older run; and files from elsewhere."""

import json
import logging
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from automation import session as session_module
from automation.errors import AlreadyRunning, SignInNeeded, UsageError
from automation.files import held
from automation.seal import Sealer, open_sealer
from automation.session import Facts, Sessions, import_file, sign_in_again

ORIGIN = "https://console.example"
FALSE_VALUE = "FALSE0COOKIE0VALUE"


def state(value: str = FALSE_VALUE, **changes: Any) -> dict[str, Any]:
    """A state as a browser gives it."""
    cookie = {
        "name": "sid",
        "value": value,
        "domain": ".console.example",
        "path": "/",
        "expires": -1,
        "httpOnly": True,
        "secure": True,
        "sameSite": "Lax",
    }
    return {"cookies": [{**cookie, **changes}], "origins": []}


@pytest.fixture
def sealer(home: Path) -> Sealer:
    """A sealer with a key of this test's own."""
    return open_sealer(home)


@pytest.fixture
def sessions(home: Path, sealer: Sealer) -> Sessions:
    """The sessions of this test's home."""
    return Sessions(home, sealer)


class Clock:
    """Stands in for `_now`; moves only when told to."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 22, 12, tzinfo=UTC)

    def __call__(self) -> str:
        """Return the time as `_now` does."""
        return self.time.isoformat(timespec="milliseconds")

    def pass_by(self, **amount: float) -> None:
        """Let time pass."""
        self.time += timedelta(**amount)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Time for this test."""
    clock = Clock()
    monkeypatch.setattr(session_module, "_now", clock)
    return clock


def test_a_saved_session_comes_back(sessions: Sessions, home: Path, sealer: Sealer) -> None:
    """In another process too."""
    sessions.save("default", state(), signed_in=True)
    assert Sessions(home, sealer).load() == state()


def test_on_disk_it_is_sealed_and_private(sessions: Sessions, home: Path) -> None:
    """No value of it is in any file, and nobody else can read those."""
    sessions.save("work", state(), signed_in=True, origin=ORIGIN)
    files = [path for path in (home / "sessions").iterdir() if path.suffix != ".lock"]
    assert {path.name for path in files} == {"work.age", "work.json"}
    for path in files:
        assert FALSE_VALUE.encode() not in path.read_bytes()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((home / "sessions").stat().st_mode) == 0o700


def test_where_there_is_none_the_person_is_asked_to_sign_in(sessions: Sessions) -> None:
    """With the command to type, for that profile."""
    with pytest.raises(SignInNeeded) as raised:
        sessions.load()
    assert raised.value.next_step == "pixelmint sign-in"
    with pytest.raises(SignInNeeded) as raised:
        sessions.load("work")
    assert raised.value.next_step == "pixelmint sign-in --profile work"
    assert sign_in_again("work") == raised.value.next_step


@pytest.mark.parametrize("name", ["", "a/b", "../x", "a b", "ä", "x" * 65, "a\n"])
def test_a_name_that_is_none_is_refused(sessions: Sessions, home: Path, name: str) -> None:
    """Before anything is read or written."""
    for use in (
        lambda: sessions.load(name),
        lambda: sessions.save(name, state(), signed_in=True),
        lambda: sessions.ended(name),
        lambda: sessions.facts(name),
    ):
        with pytest.raises(UsageError, match="name"):
            use()
    assert not (home / "sessions").exists()


@pytest.mark.parametrize("name", ["a", "Ann.B-c_9", ".", "..", "x" * 64])
def test_names_of_every_allowed_shape_work(sessions: Sessions, name: str) -> None:
    """A dot too, which is a folder's name elsewhere."""
    sessions.save(name, state(name), signed_in=True)
    assert sessions.load(name) == state(name)
    assert sessions.profiles() == [name]


def test_profiles_are_listed_by_name(sessions: Sessions, home: Path) -> None:
    """Other files there are none."""
    assert sessions.profiles() == []
    for name in ("b", "a"):
        sessions.save(name, state(name), signed_in=True)
    (home / "sessions" / "not one.age").touch()
    assert sessions.profiles() == ["a", "b"]


def test_another_key_does_not_open_it(sessions: Sessions, home: Path, tmp_path: Path) -> None:
    """And what is there stays as it was."""
    sessions.save("default", state(), signed_in=True)
    before = (home / "sessions" / "default.age").read_bytes()
    with pytest.raises(UsageError):
        Sessions(home, open_sealer(tmp_path / "other")).load()
    assert (home / "sessions" / "default.age").read_bytes() == before


def test_a_file_under_another_profiles_name_is_refused(sessions: Sessions, home: Path) -> None:
    """One person's session must not act as another's."""
    sessions.save("ann", state(), signed_in=True)
    (home / "sessions" / "ann.age").rename(home / "sessions" / "bob.age")
    with pytest.raises(UsageError, match="another profile"):
        sessions.load("bob")


def test_a_session_that_cannot_be_read_is_a_plain_error(sessions: Sessions, home: Path) -> None:
    """A folder stands for every file that is there and cannot be read; root reads all others."""
    (home / "sessions" / "default.age").mkdir(parents=True)
    with pytest.raises(UsageError, match=r"default\.age cannot be read"):
        sessions.load()


def test_dates_are_kept_and_hold_no_secret(sessions: Sessions, clock: Clock) -> None:
    """What `status` and `doctor` show."""
    assert sessions.facts("default") == Facts()
    sessions.save("default", state(), signed_in=True, origin=ORIGIN)
    first = clock()
    clock.pass_by(hours=2)
    sessions.save("default", state("later"), proven=True)
    assert sessions.load() == state("later")
    assert sessions.facts("default") == Facts(
        origin=ORIGIN, saved_at=clock(), signed_in_at=first, proven_at=clock()
    )


def test_how_long_sign_ins_last_is_observed(sessions: Sessions, clock: Clock) -> None:
    """Each end counts once, however often it is met."""
    for hours in (72, 30.26):
        sessions.save("default", state(), signed_in=True)
        clock.pass_by(hours=hours)
        sessions.ended("default")
        ended_at = clock()
        clock.pass_by(hours=1)
        sessions.ended("default")
    assert sessions.facts("default").lifetimes_h == (72.0, 30.3)
    assert sessions.facts("default").ended_at == ended_at
    sessions.save("default", state(), signed_in=True)
    assert sessions.facts("default").ended_at is None


def test_a_session_seen_alive_again_has_not_ended(sessions: Sessions, clock: Clock) -> None:
    """What looked like its end was something else."""
    sessions.save("default", state(), signed_in=True)
    sessions.ended("default")
    sessions.save("default", state(), proven=True)
    assert sessions.facts("default").ended_at is None


def test_the_end_of_what_never_was_is_not_noted(sessions: Sessions) -> None:
    """Nothing is known of when it began."""
    sessions.ended("default")
    assert sessions.facts("default") == Facts()


def test_a_run_does_not_overwrite_a_newer_sign_in(
    sessions: Sessions, home: Path, sealer: Sealer, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """A run that began before the person signed in anew ends with the old session in its hand."""
    sessions.save("default", state("old"), signed_in=True)
    run = Sessions(home, sealer)
    run.load()
    clock.pass_by(minutes=5)
    sessions.save("default", state("new"), signed_in=True)
    with caplog.at_level(logging.DEBUG):
        run.save("default", state("old, refreshed"), proven=True)
    assert sessions.load() == state("new")
    assert sessions.facts("default").proven_at is None
    assert "signed in anew" in caplog.text


def test_dates_that_cannot_be_read_stop_and_stay(sessions: Sessions, home: Path) -> None:
    """A file that is damaged is not replaced by an empty one."""
    sessions.save("default", state(), signed_in=True)
    path = home / "sessions" / "default.json"
    for damaged in ("{", "[]", '{"lifetimes_h": [], "unknown": 1}', "{}"):
        path.write_text(damaged)
        for use in (sessions.load, lambda: sessions.facts("default")):
            with pytest.raises(UsageError, match="cannot be read") as raised:
                use()
            assert raised.value.__context__ is None
        assert path.read_text() == damaged


def test_a_home_that_cannot_be_written_is_a_plain_error(sessions: Sessions, home: Path) -> None:
    """A file stands where the folder should be: that stops root, too."""
    (home / "sessions").write_text("in the way")
    with pytest.raises(UsageError, match="cannot be written") as raised:
        sessions.save("default", state(), signed_in=True)
    assert "PIXELMINT_HOME" in raised.value.next_step


def test_two_writers_do_not_mix(
    sessions: Sessions, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """State and dates are written under one lock; who cannot have it says so."""
    monkeypatch.setattr(session_module, "_LOCK_S", 0)
    (home / "sessions").mkdir()
    with held(home / "sessions" / "default.lock", "test"), pytest.raises(AlreadyRunning):
        sessions.save("default", state(), signed_in=True)


def test_a_state_from_elsewhere_is_read(tmp_path: Path) -> None:
    """What Playwright wrote, and nothing beside cookies and origins."""
    path = tmp_path / "state.json"
    origins = [{"origin": ORIGIN, "localStorage": []}]
    path.write_text(json.dumps({**state(), "origins": origins, "more": 1}))
    assert import_file(path, ORIGIN) == {**state(), "origins": origins}
    path.write_text(json.dumps({"cookies": state()["cookies"]}))
    assert import_file(path, ORIGIN) == state()


@pytest.mark.parametrize(
    ("domain", "applies"),
    [
        ("console.example", True),
        (".console.example", True),
        (".example", True),
        ("Console.Example", True),
        ("example", False),
        ("sole.example", False),
        (".sole.example", False),
        ("other.console.example", False),
    ],
)
def test_a_cookie_must_be_for_the_console(tmp_path: Path, domain: str, applies: bool) -> None:
    """With a dot in front it is for the hosts below as well, without for the one host."""
    path = tmp_path / "state.json"
    path.write_text(json.dumps(state(domain=domain)))
    if applies:
        assert import_file(path, ORIGIN) == state(domain=domain)
    else:
        with pytest.raises(UsageError, match=r"holds no cookie for console\.example$"):
            import_file(path, ORIGIN)


@pytest.mark.parametrize("expires", [1_600_000_000, "soon", None])
def test_a_state_whose_cookies_have_expired_is_refused(tmp_path: Path, expires: object) -> None:
    """It would only be found signed out; in a browser, half a minute later."""
    path = tmp_path / "state.json"
    path.write_text(json.dumps(state(expires=expires)))
    with pytest.raises(UsageError, match="has not expired"):
        import_file(path, ORIGIN)
    path.write_text(json.dumps(state(expires=4_000_000_000)))
    assert import_file(path, ORIGIN)["cookies"]


COOKIE = state()["cookies"][0]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (f'{{"cookies": "{FALSE_VALUE}', "is not JSON"),
        (FALSE_VALUE.encode("utf-16"), "is not JSON"),
        (json.dumps([COOKIE]), 'no list "cookies"'),
        (json.dumps({"cookies": FALSE_VALUE}), 'no list "cookies"'),
        (json.dumps({"cookies": [FALSE_VALUE]}), 'cookie 1 has no text "name"'),
        (json.dumps({"cookies": [COOKIE, {**COOKIE, "path": 3}]}), 'cookie 2 has no text "path"'),
        (json.dumps({"cookies": []}), "holds no cookie for console.example"),
        (json.dumps({**state(), "origins": [FALSE_VALUE]}), "not a list of origins"),
        (json.dumps({**state(), "origins": FALSE_VALUE}), "not a list of origins"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_without_its_values(
    tmp_path: Path, text: str | bytes, fault: str
) -> None:
    """Cookies are as good as a password, and a JSON error carries the whole text."""
    path = tmp_path / "state.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UsageError) as raised:
        import_file(path, ORIGIN)
    assert fault in raised.value.message
    assert FALSE_VALUE not in raised.value.message
    assert raised.value.__context__ is None
    assert "storage_state" in raised.value.next_step


def test_a_file_that_is_not_there_is_a_plain_error(tmp_path: Path) -> None:
    """With its path, for it is the person's own."""
    with pytest.raises(UsageError, match=r"nowhere\.json cannot be read: No such file"):
        import_file(tmp_path / "nowhere.json", ORIGIN)

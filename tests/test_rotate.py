"""`pixelmint rotate`: what is due, and the whole of it against the drawn console."""

import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from automation.backoff import Backoff, rest
from automation.database import Database
from automation.errors import StoreFailed, UsageError
from automation.report import Result
from automation.secret import Secret, fingerprint
from automation.settings import load
from automation.stores.base import Ref
from automation.stores.local import LocalStore
from automation.windows import Window
from flows import renewal, rotate, rotation
from flows.batches import Todo
from flows.due import Need, Renewal, need_of
from flows.filing import file_token
from flows.settings import ConsoleSettings
from flows.status import Standing
from flows.workshop import Workshop
from tests.flows_helpers import LIMIT_S, MakeUser, User

pytest_plugins = ("tests.flows_fixtures",)
pytestmark = pytest.mark.timeout(LIMIT_S + 20)

NOW = datetime.now(UTC)
ACCOUNT = "7654321098765432109"
PIXELS = [f"D69ESQRC77U0KGAU8B{n}0" for n in range(4)]
ALL = Renewal(timedelta(0))


def aged(days: float, **facts: Any) -> Standing:
    """Return a pixel whose token is so old."""
    result = Result(PIXELS[0], ACCOUNT, "generated", "0" * 12, ["local:"])
    for name in [name for name in facts if hasattr(result, name)]:
        setattr(result, name, facts.pop(name))
    at = (NOW - timedelta(days=days)).isoformat()
    return Standing(result, **{"generated_at": at, **facts})


@pytest.mark.parametrize(
    ("standing", "older_than", "wanted"),
    [
        (aged(60), 60, "token"),
        (aged(59.99), 60, "nothing"),
        (aged(0), 0, "token"),
        (aged(1, verified=False), 60, "token"),
        (aged(1, verified=True), 60, "nothing"),
        (aged(1, verified=False, waits_in_escrow=True), 60, "finish"),
        (aged(90, stored_in=[]), 60, "nothing"),
        (aged(90, generated_at=None), 60, "nothing"),
        (aged(90, error={"code": "token_unread"}), 60, "token"),
        (aged(90, stored_in=[], waits_in_escrow=True), 60, "finish"),
    ],
)
def test_due_is_what_is_old_or_rejected_or_unfinished(
    standing: Standing, older_than: int, wanted: Need
) -> None:
    """A pixel that never had a token has nothing to renew."""
    assert need_of(standing, Renewal(timedelta(days=older_than)), NOW) == wanted


def test_a_spread_makes_each_due_at_a_time_of_its_own() -> None:
    """Later than asked, never earlier; what is rejected does not wait."""
    renewal = Renewal(timedelta(days=60), spread=timedelta(days=10))
    needs = []
    for n in range(100):
        standing = aged(65)
        standing.result.pixel = f"D69ESQRC77U0KGAU{n:04}"
        needs.append(need_of(standing, renewal, NOW))
        standing.generated_at = (NOW - timedelta(days=70)).isoformat()
        assert need_of(standing, renewal, NOW) == "token"
    assert 30 < needs.count("token") < 70
    assert need_of(aged(59.99), renewal, NOW) == "nothing"
    assert need_of(aged(1, verified=False), renewal, NOW) == "token"


def test_the_rest_doubles_from_an_hour_to_thirty_two(home: Path) -> None:
    """Kept in the database of the records."""
    assert [rest(n).total_seconds() / 3600 for n in range(1, 9)] == [1, 2, 4, 8, 16, 32, 32, 32]
    with Database(home) as database:
        backoff = Backoff(database)
        backoff.failed("one", NOW)
        backoff.failed("one", NOW)
        backoff.failed("other", NOW - timedelta(hours=2))
    with Database(home) as database:
        assert Backoff(database).resting(NOW) == {"one": NOW + timedelta(hours=2)}
        Backoff(database).succeeded("one")
        assert Backoff(database).resting(NOW) == {}


@pytest.fixture
def workshop(home: Path) -> Iterator[Workshop]:
    """A home in which every pixel has a fresh token, in its own store."""
    settings = load({"home": home, "store": ["local:"]}, ConsoleSettings, environ={})
    workshop = Workshop(settings, "default", lambda _line: None)
    for n, pixel in enumerate(PIXELS):
        store = f"dotenv:{home}/{n}.env?name=T" if n % 2 else "local:"
        profile = "other" if n == 2 else "default"
        intent = workshop.escrow.intend(pixel, ACCOUNT, profile, stores=(store,))
        workshop.escrow.ask(intent)
        workshop.escrow.keep(intent, token := Secret(f"{n}" * 30 + "abcdefgh"))
        assert file_token(workshop, intent, token).error is None
    yield workshop
    workshop.database.close()


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> list[Todo]:
    """Take what would be queued."""
    taken: list[Todo] = []

    def queued(_workshop: Workshop, todo: list[Todo], kind: str, **_: Any) -> Iterator[Result]:
        assert kind == "rotate"
        taken.extend(todo)
        yield from (Result(each.pixel, each.account, "rotated") for each in todo)

    monkeypatch.setattr(rotate, "queued", queued)
    return taken


def test_each_goes_where_it_went_before_by_the_profile_it_went_by(
    workshop: Workshop, queue: list[Todo]
) -> None:
    """Unless other stores or another profile are asked for."""
    results = list(rotate.rotate(workshop, ALL, lanes=1))
    assert [each.outcome for each in results] == ["rotated"] * 4
    stores = [each.wish["stores"] for each in queue]
    home = workshop.home
    assert stores == [("local:",), (f"dotenv:{home}/1.env?name=T",), ("local:",),
                      (f"dotenv:{home}/3.env?name=T",)]  # fmt: skip
    assert [each.profile for each in queue] == ["default", "default", "other", "default"]
    assert {each.account for each in queue} == {ACCOUNT}

    queue.clear()
    elsewhere = Workshop(workshop.settings, "third", lambda _line: None)
    list(rotate.rotate(elsewhere, Renewal(timedelta(0), stores=("local:",)), lanes=1))
    assert {(each.profile, each.wish["stores"]) for each in queue} == {("third", ("local:",))}


def test_what_is_not_due_is_kept_with_what_is_known_of_it(
    workshop: Workshop, queue: list[Todo]
) -> None:
    """And costs no browser; `--pixel` narrows, and names no stranger."""
    results = list(rotate.rotate(workshop, Renewal(timedelta(days=60)), lanes=1))
    assert [(each.outcome, each.pixel) for each in results] == [("kept", p) for p in PIXELS]
    assert all(each.fingerprint and each.stored_in for each in results) and queue == []
    narrowed = Renewal(timedelta(0), pixels=(PIXELS[1],))
    assert [each.pixel for each in rotate.rotate(workshop, narrowed, lanes=1)] == [PIXELS[1]]
    with pytest.raises(UsageError, match="no token of D69ESQRC77U0KGAU8B90 is known"):
        list(rotate.rotate(workshop, Renewal(timedelta(0), ("D69ESQRC77U0KGAU8B90",)), lanes=1))


def test_outside_its_window_nothing_is_due_and_inside_it_ends_with_it(
    workshop: Workshop, queue: list[Todo], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says when it opens; what was not begun in time is left for the next run."""
    minute = NOW.hour * 60 + NOW.minute
    told: list[str] = []
    shut = Window((minute + 120) % 1440, (minute + 240) % 1440, "UTC")
    results = list(
        rotate.rotate(workshop, Renewal(timedelta(0), window=shut), lanes=1, tell=told.append)
    )
    assert {each.outcome for each in results} == {"kept"} and queue == []
    assert len(told) == 1 and f"outside the window {shut}, which opens" in told[0]

    open_ = Window((minute - 120) % 1440, (minute + 120) % 1440, "UTC")
    list(rotate.rotate(workshop, Renewal(timedelta(0), window=open_), lanes=1))
    row = {**queue[0].wish, "pixel": queue[0].pixel, "account": ACCOUNT}
    monkeypatch.setattr(rotation, "generate_one", None)
    over = {"dry_run": False, "until": (NOW - timedelta(minutes=1)).isoformat()}
    nothing: Any = None
    assert rotation.rotate_one(workshop, row, over, nothing).outcome == "kept"


def test_what_rests_stays_a_failure_and_naming_it_tries_it_again(
    workshop: Workshop, queue: list[Todo]
) -> None:
    """With the error it failed with, and when it is tried again."""
    busy = {"code": "site_busy", "message": "busy", "next_step": None}
    workshop.records.note(PIXELS[0], outcome="failed", error=busy)
    Backoff(workshop.database).failed(PIXELS[0])
    first, *others = rotate.rotate(workshop, ALL, lanes=1)
    assert (first.outcome, first.exit_code) == ("failed", 1) and len(others) == 3
    error = first.as_json()["error"]
    assert error["code"] == "site_busy" and "busy" in error["message"]
    assert f"--pixel {PIXELS[0]}" in error["next_step"]
    assert PIXELS[0] not in [each.pixel for each in queue]
    list(rotate.rotate(workshop, Renewal(timedelta(0), pixels=(PIXELS[0],)), lanes=1))
    assert queue[-1].pixel == PIXELS[0]


def test_nothing_is_asked_for_a_pixel_whose_store_does_not_answer(
    workshop: Workshop, queue: list[Todo], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new token with nowhere to go would do nothing but stop the current one; others go on."""

    def check(_store: LocalStore) -> None:
        raise StoreFailed("no room")

    monkeypatch.setattr(LocalStore, "check", check)
    results = {each.pixel: each for each in rotate.rotate(workshop, ALL, lanes=1)}
    assert [results[each].outcome for each in PIXELS] == ["failed", "rotated"] * 2
    assert results[PIXELS[0]].exit_code == 4
    assert [each.pixel for each in queue] == PIXELS[1::2]


# The whole of it, with a browser.


def issue_dead(user: User, pixel: str) -> None:
    """Have the next token of a pixel be one that the Events API rejects."""
    issue = user.console.world.issue

    def dead(code: str, scenario: Any) -> Any:
        token = issue(code, scenario)
        token.alive = token.alive and code != pixel
        return token

    user.console.world.issue = dead  # type: ignore[method-assign]  # a test's own console


def test_against_the_console_with_a_rejected_token_and_a_failing_store(
    make_user: MakeUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every row is tried; a second run mends what can be, and asks for no more than it must."""
    user = make_user(pixels=2)
    pixels = [each.code for a in user.console.accounts for each in a.pixels]
    assert user.run("generate", *pixels, "--json").code == 0
    plain, rejected, shut, other = pixels
    issue = user.console.world.issue
    issue_dead(user, rejected)
    monkeypatch.setattr(renewal, "_WAITS_S", (0.0,))
    put = LocalStore.put

    def failing(store: LocalStore, ref: Ref, token: Secret, *, intent: str) -> None:
        if ref.pixel == shut:
            raise StoreFailed("no room")
        put(store, ref, token, intent=intent)

    with monkeypatch.context() as broken:
        broken.setattr(LocalStore, "put", failing)
        results = {each.pixel: each for each in rotate.rotate(user.workshop(), ALL, lanes=2)}
    codes = {p: (r.as_json()["error"] or {}).get("code") for p, r in results.items()}
    assert codes == {plain: None, rejected: "verify_failed", shut: "store_failed", other: None}
    assert {results[each].outcome for each in (plain, other)} == {"rotated"}
    for pixel in (rejected, shut):  # this console ends earlier tokens, and the report says so
        assert "does not work" in results[pixel].as_json()["error"]["message"]
        assert fingerprint(user.token(pixel).strip()) == user.issued(pixel)[0]

    user.console.world.issue = issue  # type: ignore[method-assign]  # a test's own console
    again = rotate.rotate(user.workshop(), Renewal(timedelta(0), pixels=(rejected, shut)), lanes=2)
    assert {each.pixel: each.outcome for each in again} == dict.fromkeys(
        (rejected, shut), "rotated"
    )
    issued = {pixel: len(user.issues(pixel)) for pixel in pixels}
    assert issued == {plain: 2, rejected: 3, shut: 2, other: 2}
    for pixel in pixels:
        token = user.token(pixel).strip()
        owner = user.console.world.owner(token)
        assert owner is not None and owner.alive and owner.pixel == pixel
    assert user.open_intents() == []


def test_killed_while_a_token_is_proven_the_next_run_finishes_it(make_user: MakeUser) -> None:
    """`kill -9`: the current token stays current, no second one is asked for."""
    user = make_user(pixels=1)
    pixel = user.console.accounts[0].pixels[0].code
    hook, ran = user.folder / "hook", user.folder / "ran"
    hook.write_text(f"#!/bin/sh\necho $HOOK_OUTCOME $HOOK_FINGERPRINT >> {ran}\n")
    hook.chmod(0o700)
    assert user.run("generate", pixel, "--deploy-hook", str(hook), "--json").code == 0
    children = []
    owner = user.console.world.owner

    def kill(text: str) -> Any:
        os.kill(children[0].process.pid, signal.SIGKILL)
        return owner(text)

    user.console.world.owner = kill  # type: ignore[method-assign]  # the Events API asks it
    children.append(user.start("rotate", "--older-than", "0d", "--deploy-hook", str(hook)))
    assert children[0].wait().code == -signal.SIGKILL
    user.console.world.owner = owner  # type: ignore[method-assign]  # a test's own console
    assert len(user.issues(pixel)) == 2 and user.open_intents() == [pixel]
    assert fingerprint(user.token(pixel).strip()) == user.issued(pixel)[0]

    said = user.run("rotate", "--json")
    assert (said.code, said.row["outcome"], said.row["verified"]) == (0, "rotated", True)
    assert [said.row["fingerprint"]] == user.issued(pixel)[1:]
    assert fingerprint(user.token(pixel).strip()) == user.issued(pixel)[1]
    assert user.open_intents() == []
    told = [f"{o} {f}" for o, f in zip(("generated", "rotated"), user.issued(pixel), strict=True)]
    assert ran.read_text().splitlines() == told  # the killed run's intent says who is to be told

    planned = user.run("rotate", "--older-than", "0d", "--dry-run", "--json")
    assert (planned.code, planned.row["outcome"]) == (0, "planned")
    assert len(user.issues(pixel)) == 2
    refused = user.run("rotate", "--older-than", "2 months", "--json")
    assert (refused.code, refused.codes) == (2, ["usage"])

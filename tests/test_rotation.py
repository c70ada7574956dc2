"""Rotation against a fake console and a fake Events API: what fails where, and a stop at each step.

Whatever happens, the token that is current in the store works, or the report says that none does.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from automation.backoff import Backoff
from automation.errors import StoreFailed
from automation.escrow import Escrow, Intent
from automation.evidence import Agreement
from automation.records import Records
from automation.report import Result
from automation.secret import Secret
from automation.settings import load
from automation.stores.base import HoldsPending, Ref
from automation.stores.local import LocalStore
from flows import generate, renewal, rotation
from flows.deliver import owing
from flows.destinations.registry import Destinations
from flows.due import Renewal, need_of
from flows.events_api import Verdict
from flows.fetch import fetch
from flows.filing import file_token, last_stored
from flows.pages.identity import Identity
from flows.recover import recover
from flows.settings import ConsoleSettings
from flows.status import Standing, status
from flows.workshop import Workshop

PIXEL, ACCOUNT = "D69ESQRC77U0KGAU8B90", "7654321098765432109"


class Stopped(BaseException):
    """A kill, as far as one process can see one: nothing catches it."""


@dataclass
class World:
    """A console that issues tokens and an Events API that knows them."""

    workshop: Workshop
    kills_earlier: bool = True
    alive: list[str] = field(default_factory=list)
    issued: list[str] = field(default_factory=list)
    says: dict[str, bool | None] = field(default_factory=dict)
    """By fingerprint: what the Events API says against the truth."""
    says_of_new: list[bool | None] = field(default_factory=list)
    """What it says of each token that is issued from now on."""

    def issue(self) -> Secret:
        """Issue a token; the ones before it stop where this console does that."""
        text = secrets.token_hex(20)
        self.alive = [text] if self.kills_earlier else [*self.alive, text]
        self.issued.append(Secret(text).fingerprint)
        if self.says_of_new:
            self.says[self.issued[-1]] = self.says_of_new.pop(0)
        return Secret(text)

    def ask_events_api(self, _origin: str, _pixel: str, token: Secret, **_: Any) -> Verdict:
        """Answer as the Events API."""
        works = any(Secret(each) == token for each in self.alive)
        told = self.says.get(token.fingerprint, works)
        says, kind = {True: ("accepted", "works"), False: ("revoked", "dead"),
                      None: ("cannot tell", "unknown")}[told]  # fmt: skip
        return Verdict(told, says, kind)

    def works(self, token: Secret) -> bool:
        """Tell the truth about a token."""
        return any(Secret(each) == token for each in self.alive)

    def rotate(self, need: str = "token", *deliver: str) -> Result:
        """Take the pixel's turn in a rotation, as a lane does."""
        (standing,) = status(self.workshop)
        now = {**standing.result.as_json(), "outcome": "kept"}
        row = {"pixel": PIXEL, "account": ACCOUNT, "need": need, "now": now, "deliver": deliver}
        options = {"dry_run": False, "until": None}
        return rotation.rotate_one(self.workshop, row, options, self.console())

    def console(self) -> Any:
        """Return what `generate` asks of a console and its page."""
        identity = Identity(PIXEL, ACCOUNT, "Web store")
        page = SimpleNamespace(
            identity=identity,
            read=lambda: identity,
            token_exists=lambda: "active" if self.issued else "",
            find_generate=lambda replace: None,
        )
        return SimpleNamespace(
            open_pixel=lambda _pixel, _account: page, read_ahead=lambda *_: None,
            capture=None, stopping=[], destinations=Destinations(self.workshop),
        )  # fmt: skip

    def current(self) -> Secret:
        """Return what the store holds."""
        return self.workshop.stores[0].get(Ref(PIXEL, ACCOUNT))


@pytest.fixture
def world(home: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A console whose pixel has a token that pixelmint stored."""
    settings = load({"pace": 0, "home": home}, ConsoleSettings, environ={})
    world = World(Workshop(settings, "default", lambda _line: None))

    def ask(workshop: Workshop, _page: Any, _wish: Any, _capture: Any, intent: Intent) -> Agreement:
        workshop.escrow.ask(intent)
        return Agreement(world.issue(), ("answer",), firm=True)

    monkeypatch.setattr(generate, "_ask", ask)
    monkeypatch.setattr(renewal, "ask_events_api", world.ask_events_api)
    monkeypatch.setattr(renewal, "_WAITS_S", (0.0,))
    intent = world.workshop.escrow.intend(
        PIXEL, ACCOUNT, "default", stores=("local:",), name="Web store"
    )
    world.workshop.escrow.ask(intent)
    token = world.issue()
    world.workshop.escrow.keep(intent, token)
    assert file_token(world.workshop, intent, token).error is None
    return world


def standing(world: World) -> Standing:
    """Return what `status` says."""
    (found,) = status(world.workshop)
    return found


def test_a_renewed_token_is_proven_then_current_and_the_one_before_is_kept(world: World) -> None:
    """Outcome, stores, escrow and records agree."""
    result = world.rotate()
    assert (result.outcome, result.verified, result.error) == ("rotated", True, None)
    assert [result.fingerprint] == world.issued[1:] and result.stored_in == ["local:"]
    assert world.current().fingerprint == world.issued[1]
    store = world.workshop.stores[0]
    assert isinstance(store, LocalStore)
    assert store.get_previous(Ref(PIXEL, ACCOUNT)).fingerprint == world.issued[0]
    told = standing(world)
    assert (told.result.outcome, told.result.verified) == ("rotated", True)
    assert not told.waits_in_escrow and told.verified_at is not None
    assert world.workshop.escrow.unsettled() == []


@pytest.mark.parametrize("kills_earlier", [True, False])
def test_a_token_that_is_rejected_never_becomes_current(world: World, kills_earlier: bool) -> None:
    """The report says whether the current one works; what is known of it is noted."""
    world.kills_earlier, world.says_of_new = kills_earlier, [False]
    result = world.rotate()
    assert (result.outcome, result.verified, result.stored_in) == ("failed", False, [])
    error = result.as_json()["error"]
    assert error["code"] == "verify_failed" and result.fingerprint == world.issued[1]
    assert world.current().fingerprint == world.issued[0]
    assert world.works(world.current()) is not kills_earlier
    said = "No token of this pixel works now" if kills_earlier else "still works"
    assert f"the current token {world.issued[0]}" in error["message"] and said in error["message"]
    told = standing(world)
    assert told.result.fingerprint == world.issued[0]
    assert told.result.verified is not kills_earlier and not told.waits_in_escrow


def test_a_rejected_token_is_asked_about_once_more_before_another_is_made(world: World) -> None:
    """Whether a new token works at once is not known."""
    world.says_of_new = [False]
    world.rotate()
    world.says.clear()
    result = world.rotate()
    assert (result.outcome, result.fingerprint) == ("rotated", world.issued[1])
    assert len(world.issued) == 2 and world.works(world.current())


def test_a_token_rejected_in_two_runs_is_replaced_by_another(world: World) -> None:
    """So that a pixel without a working token gets one."""
    world.says_of_new = [False]
    world.rotate()
    result = world.rotate()
    assert (result.outcome, result.fingerprint) == ("rotated", world.issued[2])
    assert world.current().fingerprint == world.issued[2] and world.works(world.current())


@pytest.mark.parametrize("taken_up_by", ["rotate", "recover"])
def test_a_token_nobody_can_tell_of_waits_and_no_other_is_made(
    world: World, taken_up_by: str
) -> None:
    """It stays beside the current one until the Events API says something."""
    world.says_of_new = [None]
    result = world.rotate()
    assert (result.outcome, result.verified) == ("failed", None)
    assert result.as_json()["error"]["code"] == "site_refused"  # nobody rejected it
    assert world.current().fingerprint == world.issued[0]
    told = standing(world)
    assert told.waits_in_escrow and told.result.fingerprint == world.issued[0]
    assert fetch(world.workshop, PIXEL).fingerprint == world.issued[0]
    assert world.rotate().verified is None and len(world.issued) == 2

    world.says.clear()
    (result,) = [world.rotate("finish")] if taken_up_by == "rotate" else recover(world.workshop)
    assert (result.outcome, result.fingerprint) == ("rotated", world.issued[1])
    assert len(world.issued) == 2 and world.works(world.current())


def test_a_store_that_fails_keeps_the_one_before_and_the_report_says_whether_it_works(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The renewed token waits in escrow, proven; the next turn puts it there."""

    def put(*_args: Any, **_kwargs: Any) -> None:
        raise StoreFailed("no room")

    with monkeypatch.context() as broken:
        broken.setattr(LocalStore, "put", put)
        result = world.rotate()
    error = result.as_json()["error"]
    assert (error["code"], result.verified, result.stored_in) == ("store_failed", True, [])
    assert "No token of this pixel works now" not in error["message"].split(";")[0]
    assert f"the current token {world.issued[0]} does not work" in error["message"]
    assert standing(world).result.fingerprint == world.issued[0]
    world.says = {world.issued[1]: None}  # it was proven once: silence does not hold it up now
    result = world.rotate("finish")
    assert (result.outcome, result.fingerprint) == ("rotated", world.issued[1])
    assert world.works(world.current()) and len(world.issued) == 2


class Staged(LocalStore):
    """A store with a place beside the current token."""

    pending: ClassVar[dict[str, Secret]] = {}
    done: ClassVar[list[str]] = []

    def put_pending(self, ref: Ref, token: Secret, *, intent: str) -> None:
        """Lay it beside."""
        self.get(ref)
        self.pending[intent] = token
        self.done.append("pending")

    def promote(self, ref: Ref, *, intent: str) -> None:
        """Make it current."""
        if intent not in self.pending:
            raise StoreFailed("no token of this intent here")
        self.done.append("promote")
        super().put(ref, self.pending[intent], intent=intent)

    def put(self, ref: Ref, token: Secret, *, intent: str) -> None:
        """Note what is not there by the other way."""
        before = self.get(ref)
        super().put(ref, token, intent=intent)
        if self.get(ref) != before:
            self.done.append("put")


def test_a_store_with_a_place_beside_the_current_token_has_it_there_until_it_is_proven(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rejected, it stays there; where it was not laid, it is put."""
    made = Staged(world.workshop.home, world.workshop.sealer)
    monkeypatch.setattr(Workshop, "store", lambda _workshop, _url: made)
    monkeypatch.setattr(Staged, "pending", {})
    monkeypatch.setattr(Staged, "done", [])
    assert isinstance(made, HoldsPending)
    world.says_of_new = [None, True]
    world.rotate()
    assert Staged.done == ["pending"]
    assert [each.fingerprint for each in Staged.pending.values()] == world.issued[1:]
    world.says.clear()
    assert world.rotate("finish").outcome == "rotated"
    assert Staged.done == ["pending", "pending", "promote"]

    def refuse(_store: Staged, _ref: Ref, _token: Secret, *, intent: str) -> None:
        raise StoreFailed(f"no place for {intent}")

    monkeypatch.setattr(Staged, "put_pending", refuse)
    Staged.done.clear()
    assert world.rotate().outcome == "rotated" and Staged.done == ["put"]
    assert world.current().fingerprint == world.issued[2]


STEPS: list[tuple[Any, str, str]] = [
    (Escrow, "intend", "before"), (Escrow, "ask", "before"), (Escrow, "ask", "after"),
    (Escrow, "keep", "after"), (renewal, "_lay_beside", "after"),
    (renewal, "ask_until_told", "after"), (Escrow, "prove", "before"), (Escrow, "prove", "after"),
    (LocalStore, "put", "after"), (LocalStore, "get", "after"),
    (Escrow, "settle", "before"), (Escrow, "settle", "after"), (Records, "note", "after"),
]  # fmt: skip
CAPTURED_FROM = 3


@pytest.mark.parametrize("number", range(len(STEPS)), ids=[f"{w} {s}" for _, s, w in STEPS])
def test_stopped_at_any_step_the_next_run_goes_on_and_asks_for_no_second_token(
    world: World, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """A token nobody has seen working is never current; what was captured is finished."""
    holder, step, when = STEPS[number]
    real: Callable[..., Any] = getattr(holder, step)

    def stopping(*args: Any, **kwargs: Any) -> Any:
        if when == "after":
            real(*args, **kwargs)
        raise Stopped

    with monkeypatch.context() as killing:
        killing.setattr(holder, step, stopping)
        with pytest.raises(Stopped):
            world.rotate()
    captured = number >= CAPTURED_FROM
    assert len(world.issued) == (2 if captured else 1)
    told = standing(world)
    assert told.result.fingerprint == world.issued[0] or not told.waits_in_escrow
    if step in ("keep", "_lay_beside", "ask_until_told") or (step, when) == ("prove", "before"):
        assert world.current().fingerprint == world.issued[0] and told.waits_in_escrow

    found = list(recover(world.workshop))
    assert [each.outcome for each in found] in ([], ["rotated"] if captured else ["failed"])
    if not captured:
        assert world.rotate().outcome == "rotated"
    assert world.current().fingerprint == world.issued[-1] and world.works(world.current())
    assert len(world.issued) == 2 and world.workshop.escrow.unsettled() == []
    assert standing(world).result.fingerprint == world.issued[-1]


def test_a_rotation_is_known_as_one_after_a_crash_and_old_intents_are_none(world: World) -> None:
    """The field is on disk; a file of before has none."""
    stored = last_stored(world.workshop, PIXEL)
    assert stored is not None and not stored[0].rotates
    world.says_of_new = [None]
    world.rotate()
    (intent,) = world.workshop.escrow.unsettled()
    assert intent.rotates
    path = world.workshop.home / "escrow" / intent.id / "intent.json"
    path.write_text(path.read_text().replace('"rotates": true', '"name": "old"'))
    (old,) = world.workshop.escrow.unsettled()
    assert old == replace(intent, rotates=False, name="old")


def test_a_renewed_token_that_is_not_live_is_a_failure_until_it_is(
    world: World, tmp_path: Path
) -> None:
    """It is current and works; whatever its age, the next turn delivers it and makes no other."""
    hook = tmp_path / "hook"
    hook.write_text(f"#!/bin/sh\necho $HOOK_OUTCOME $HOOK_VERIFIED >> {tmp_path}/ran\nexit 1\n")
    hook.chmod(0o700)
    result = world.rotate("token", f"hook:{hook}")
    assert (result.outcome, result.exit_code, result.verified) == ("failed", 4, True)
    assert world.current().fingerprint == world.issued[1] == result.fingerprint
    assert (tmp_path / "ran").read_text() == "rotated true\n"
    assert owing(world.workshop) == [PIXEL]
    later = Renewal(timedelta(days=60))
    assert need_of(standing(world), later, datetime.now(UTC), owes=True) == "delivery"
    assert world.rotate("delivery").exit_code == 4
    hook.write_text("#!/bin/sh\n")
    result = world.rotate("delivery")
    assert (result.outcome, result.delivered) == ("kept", [f"hook:{hook}"])
    assert len(world.issued) == 2 and owing(world.workshop) == []
    assert Backoff(world.workshop.database).resting() == {}


def test_a_turn_that_is_taken_again_after_a_stop_asks_for_no_second_token(world: World) -> None:
    """A job is done again where the process ended before the engine noted it."""
    (before,) = status(world.workshop)
    now = {**before.result.as_json(), "outcome": "kept"}
    world.rotate()
    row = {"pixel": PIXEL, "account": ACCOUNT, "need": "token", "now": now}
    options = {"dry_run": False, "until": None}
    result = rotation.rotate_one(world.workshop, row, options, world.console())
    assert (result.outcome, [result.fingerprint]) == ("rotated", world.issued[1:])
    assert len(world.issued) == 2


def test_what_keeps_failing_rests_and_a_success_forgets_it(world: World) -> None:
    """By pixel; a person in the way counts for nothing."""
    world.says_of_new = [None]
    world.rotate()
    backoff = Backoff(world.workshop.database)
    assert list(backoff.resting()) == [PIXEL]
    world.says.clear()
    world.rotate("finish")
    assert backoff.resting() == {}

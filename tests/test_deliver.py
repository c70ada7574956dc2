"""Deliveries: owed until they are done, whatever ends the run; and the webhook, which proves it."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import pytest

from automation.deliveries import Deliveries, Delivery
from automation.errors import DeliveryFailed, SignInNeeded, UsageError
from automation.report import Result
from automation.secret import Secret
from flows.deliver import deliver, forget, owed, owing, settle_deliveries
from flows.destinations import registry
from flows.destinations.base import Destination, Parcel
from flows.destinations.registry import Destinations, check_destinations, open_destination
from flows.destinations.webhook import Webhook
from flows.finish import finish
from flows.status import status
from flows.workshop import Workshop
from tests.conftest import Answer, Request, Site
from tests.tokens_helpers import ACCOUNT, OTHER, PIXEL, store, workshop

TOKEN = "fixture-token-to-deliver-0001"
SECOND = "fixture-token-to-deliver-0002"
SHARED = "a-long-shared-secret-of-the-test"


class Crash(BaseException):
    """What a kill is, as far as one process can show it."""


@dataclass
class Shelf:
    """A destination that keeps what it is given, and does what a test wants of it."""

    name: ClassVar[str] = "shelf"
    url: str
    holds: dict[str, str] = field(default_factory=dict)
    """Token by pixel."""
    given: list[str] = field(default_factory=list)
    before: Callable[[], object] = lambda: None
    after: Callable[[], object] = lambda: None

    def check(self) -> str:
        """Say that all is well."""
        return "ready"

    def deliver(self, parcel: Parcel) -> str:
        """Take it, as an upsert."""
        self.before()
        self.given.append(parcel.intent)
        self.holds[parcel.ref.pixel] = parcel.token.reveal()
        self.after()
        return "taken"

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def shelves(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Shelf]:
    """Make `shelf:a`, `shelf:b`, ... destinations that outlive a run."""
    made: dict[str, Shelf] = {}

    def shelf(url: str) -> Shelf:
        return made.setdefault(url, Shelf(url))

    class Opener:
        @classmethod
        def open(cls, url: str, _workshop: Workshop) -> Destination:
            return shelf(url)

    found = registry._find
    monkeypatch.setattr(
        registry, "_find", lambda scheme: Opener if scheme == "shelf" else found(scheme)
    )
    return shelf


Shelves = Callable[[str], Shelf]


def settled(made: Workshop, *more: str) -> Result:
    """Do what generate does once a token is stored, or was already."""
    result = Result(PIXEL, ACCOUNT, "kept")
    with Destinations(made) as destinations:
        settle_deliveries(made, result, destinations, more)
    return result


def raises(problem: BaseException) -> Callable[[], object]:
    """Return what raises it."""

    def act() -> None:
        raise problem

    return act


def test_a_wish_is_done_once_and_told(shelves: Shelves, tmp_path: Path) -> None:
    """Done for the token it was done for; a second run gives it no more."""
    made = workshop(tmp_path)
    intent = store(made, TOKEN)
    result = settled(made, "shelf:a", "shelf:b")
    assert (result.outcome, result.delivered) == ("kept", ["shelf:a", "shelf:b"])
    assert shelves("shelf:a").holds == {PIXEL: TOKEN}
    assert settled(workshop(tmp_path)).delivered == ["shelf:a", "shelf:b"]
    assert shelves("shelf:a").given == [intent]
    (told,) = [each.as_json() for each in status(workshop(tmp_path))]
    assert told["delivered"] == ["shelf:a", "shelf:b"]
    assert [(each["state"], each["open"], each["tries"]) for each in told["deliveries"]] == [
        ("done", False, 1), ("done", False, 1),
    ]  # fmt: skip


def test_a_failure_is_tried_by_every_later_run_until_it_is_done(
    shelves: Shelves, tmp_path: Path
) -> None:
    """Exit 4 while any is open; what the other destination holds is left alone."""
    made = workshop(tmp_path)
    store(made, TOKEN)
    shelves("shelf:bad").before = raises(DeliveryFailed("no room", next_step="make room"))
    first = settled(made, "shelf:bad", "shelf:good")
    assert (first.outcome, first.exit_code, first.delivered) == ("failed", 4, ["shelf:good"])
    again = settled(workshop(tmp_path))
    assert (again.exit_code, again.delivered) == (4, ["shelf:good"])
    assert owing(made) == [PIXEL]
    shelves("shelf:bad").before = lambda: None
    (recovered,) = finish(workshop(tmp_path))
    assert (recovered.outcome, recovered.delivered) == ("kept", ["shelf:bad", "shelf:good"])
    assert list(finish(workshop(tmp_path))) == [] and owing(made) == []
    assert len(shelves("shelf:good").given) == 1
    (told,) = [each.as_json() for each in status(workshop(tmp_path))]
    assert (told["outcome"], told["error"]) == ("kept", None)


def test_a_renewed_token_is_owed_to_everyone_who_had_the_one_before(
    shelves: Shelves, tmp_path: Path
) -> None:
    """Or the live product would send events with a token that is dead."""
    made = workshop(tmp_path)
    store(made, TOKEN)
    settled(made, "shelf:a")
    store(made, SECOND)
    (told,) = [each.as_json() for each in status(workshop(tmp_path))]
    assert told["delivered"] == [] and told["deliveries"][0]["open"]
    assert owing(made) == [PIXEL]
    assert settled(workshop(tmp_path)).delivered == ["shelf:a"]
    assert shelves("shelf:a").holds == {PIXEL: SECOND}


def test_what_is_no_longer_wanted_is_owed_no_more_until_it_is_wanted_again(
    shelves: Shelves, tmp_path: Path
) -> None:
    """Not even by the intent that wished for it."""
    made = workshop(tmp_path)
    store(made, TOKEN, deliver=("shelf:a",))
    assert owed(made, PIXEL, Secret(TOKEN).fingerprint) == ["shelf:a"]
    assert [each.outcome for each in forget(made, [PIXEL], ["shelf:a"])] == ["kept"]
    assert owing(made) == [] and settled(made).delivered == []
    assert settled(made, "shelf:a").delivered == ["shelf:a"]


def test_the_command_takes_several_pixels_and_destinations(
    shelves: Shelves, tmp_path: Path
) -> None:
    """Each is tried; a pixel without a token is told, and gets no row."""
    made = workshop(tmp_path)
    store(made, TOKEN)
    store(made, SECOND, OTHER)
    none = "D69ESQRC77U0KGAU8BB0"
    rows = list(deliver(made, [PIXEL, none, OTHER], ["shelf:a", "shelf:b", "shelf:a"]))
    assert [each.outcome for each in rows] == ["kept", "failed", "kept"]
    assert [each.delivered for each in rows] == [["shelf:a", "shelf:b"], [], ["shelf:a", "shelf:b"]]
    assert shelves("shelf:b").holds == {PIXEL: TOKEN, OTHER: SECOND}
    assert made.deliveries.of(none) == []


def test_an_ended_session_keeps_its_own_code_in_the_command_alone(
    shelves: Shelves, tmp_path: Path
) -> None:
    """In a generation the console's session would be meant by it, and its account paused."""
    made = workshop(tmp_path)
    store(made, TOKEN)
    shelves("shelf:a").before = raises(SignInNeeded("it has ended", next_step="sign in"))
    (row,) = deliver(made, [PIXEL], ["shelf:a"])
    assert (row.as_json()["error"]["code"], row.exit_code) == ("sign_in_needed", 3)
    result = settled(made)
    assert (result.as_json()["error"]["code"], result.exit_code) == ("delivery_failed", 4)
    shelves("shelf:a").before = raises(ZeroDivisionError(TOKEN))
    (row,) = deliver(made, [PIXEL], ["shelf:a"])
    assert row.outcome == "failed" and TOKEN not in json.dumps(row.as_json())


def test_killed_at_any_point_the_next_run_delivers_it_and_doubles_nothing(
    shelves: Shelves, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before and after each thing that is written down, and on both sides of the delivery."""
    points = []

    def crashing(name: str, when: str) -> None:
        method = getattr(Deliveries, name)

        def wrapped(self: Deliveries, *args: Any) -> Any:
            if when == "before":
                raise Crash
            method(self, *args)
            raise Crash

        patched.setattr(Deliveries, name, wrapped)

    for number, (name, when) in enumerate(
        [(n, w) for n in ("want", "begin", "deliver", "end") for w in ("before", "after")]
    ):
        home = tmp_path / str(number)
        made = workshop(home)
        token = f"fixture-token-of-try-{number}"
        intent = store(made, token, deliver=("shelf:a",))
        shelf = shelves("shelf:a")
        shelf.given.clear()
        with monkeypatch.context() as patched:
            if name == "deliver":
                patched.setattr(shelf, when, raises(Crash()))
            else:
                crashing(name, when)
            with pytest.raises(Crash):
                settled(made, "shelf:a")
        (result,) = finish(workshop(home)) if owing(workshop(home)) else [settled(workshop(home))]
        assert (result.outcome, result.delivered) == ("kept", ["shelf:a"]), (name, when)
        assert shelf.holds == {PIXEL: token} and set(shelf.given) == {intent}, (name, when)
        assert [each.state for each in made.deliveries.of(PIXEL)] == ["done"]
        points.append(len(shelf.given))
    assert points == [1, 1, 1, 1, 1, 2, 2, 1]


def test_two_runs_at_once_deliver_once_each(shelves: Shelves, tmp_path: Path) -> None:
    """The second waits for the first, and finds that nothing is owed."""
    made = workshop(tmp_path)
    store(made, TOKEN)
    settled(made, "shelf:a")
    assert len(shelves("shelf:a").given) == 1
    settled(workshop(tmp_path), "shelf:a")
    assert len(shelves("shelf:a").given) == 1


def test_rows_hold_no_secret_even_where_an_error_does(tmp_path: Path) -> None:
    """What a destination says is redacted before it is written."""
    made, token = workshop(tmp_path), Secret(TOKEN)
    rows = made.deliveries
    rows.end(rows.begin(PIXEL, "shelf:a", token.fingerprint), f"it refused {TOKEN}")
    (row,) = rows.all()
    assert row == Delivery(
        PIXEL, "shelf:a", "failed", token.fingerprint, 1, f"it refused {token!r}", row.at
    )
    made.database.close()
    assert not any(TOKEN.encode() in each.read_bytes() for each in tmp_path.rglob("records.db*"))


# ------------------------------------------------------------------------------- the webhook


@pytest.fixture
def hook(site: Site, tmp_path: Path) -> Iterator[Workshop]:
    """A workshop with a stored token, and a receiver that takes everything."""
    site.routes["/hook"] = Answer(b"thanks")
    made = workshop(tmp_path, webhook_secret=SHARED)
    store(made, TOKEN)
    yield made


def test_the_webhook_is_signed_and_says_whose_token_it_is(hook: Workshop, site: Site) -> None:
    """A receiver can check the signature with nothing but the secret and the request."""
    url = f"webhook:{site.url}/hook"
    (row,) = deliver(hook, [PIXEL], [url])
    assert (row.outcome, row.delivered) == ("kept", [url])
    (request,) = site.asked("/hook")
    heads = {name.lower(): text for name, text in request.headers.items()}
    facts = json.loads(request.body)
    token = Secret(TOKEN)
    assert facts == {
        "pixel": PIXEL, "account": ACCOUNT, "profile": "default", "name": "", "token": TOKEN,
        "fingerprint": token.fingerprint, "intent": heads["idempotency-key"],
    }  # fmt: skip
    signed = heads["pixelmint-timestamp"].encode() + b"." + request.body
    mine = hmac.new(SHARED.encode(), signed, hashlib.sha256).hexdigest()
    assert heads["pixelmint-signature"] == f"sha256={mine}"
    again = Webhook(url, Secret(SHARED))
    again.deliver(Parcel(hook.escrow and _ref(), token, facts["intent"]))
    assert site.asked("/hook")[1].headers["Idempotency-Key"] == heads["idempotency-key"]


def _ref() -> Any:
    from automation.stores.base import Ref

    return Ref(PIXEL, ACCOUNT)


@pytest.mark.parametrize(
    ("answers", "asked", "fails"),
    [
        ([200], 1, ""), ([204], 1, ""), ([500, 503, 201], 3, ""), ([500, 500, 500, 200], 3, "500"),
        ([None, 200], 2, ""), ([None] * 4, 3, "RemoteProtocolError"), ([429, 200], 2, ""),
        ([400, 200], 1, "400"), ([401, 200], 1, "401"), ([302, 200], 1, "302"),
    ],
)  # fmt: skip
def test_a_receiver_is_asked_again_where_that_may_help_and_no_redirect_is_followed(
    site: Site, answers: list[int | None], asked: int, fails: str
) -> None:
    """At most three times; a token goes to the address that was named and to no other."""
    rest = iter(answers)

    def answer(_request: Request) -> Answer | None:
        status = next(rest)
        head = {"Location": f"{site.url}/elsewhere"} if status == 302 else {}
        return None if status is None else Answer(TOKEN.encode(), status, headers=head)

    site.routes["/hook"] = answer
    waited: list[float] = []
    webhook = Webhook(f"webhook:{site.url}/hook", Secret(SHARED), waited.append)
    parcel = Parcel(_ref(), Secret(TOKEN), "intent-1")
    if fails:
        with pytest.raises(DeliveryFailed, match=fails) as failed:
            webhook.deliver(parcel)
        assert TOKEN not in failed.value.message and failed.value.next_step
    else:
        webhook.deliver(parcel)
    assert len(site.asked("/hook")) == asked and len(waited) == asked - 1
    assert site.asked("/elsewhere") == []
    bodies = {each.body for each in site.seen}
    assert len(bodies) == 1


@pytest.mark.parametrize(
    "address",
    ["", "host/path", "http://example.com/x", "ftp://example.com", "https://", "https://a b/",
     "https://me:secret-word@example.com/", "https://example.com/x?key=secret-word",
     "https://example.com/x#secret-word", "https://example.com:port/"],
)  # fmt: skip
def test_an_address_that_is_not_safe_is_refused_unread(tmp_path: Path, address: str) -> None:
    """Before anything is touched, and without repeating what may be secret in it."""
    made = workshop(tmp_path, webhook_secret=SHARED)
    with pytest.raises(UsageError) as refused:
        open_destination(f"webhook:{address}", made)
    assert "secret-word" not in refused.value.message


def test_a_webhook_without_its_secret_and_an_unknown_destination_are_refused_together(
    tmp_path: Path,
) -> None:
    """All faults in one message; a name near to one that exists is suggested."""
    made = workshop(tmp_path)
    with pytest.raises(UsageError) as refused:
        check_destinations(["webhook:https://example.com/x", "webhok", "x y z"], made)
    message = refused.value.message
    assert "PIXELMINT_WEBHOOK_SECRET" in message and "did you mean webhook" in message
    assert message.count(";") == 2


def test_a_destination_of_somebody_else_s_is_found_by_its_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the group `pixelmint.destinations`, as an installed package names it."""
    package = tmp_path / "package"
    info = package / "theirs-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[pixelmint.destinations]\ntheirs = tests.test_deliver:Theirs\nbroken = no.such:Thing\n"
    )
    monkeypatch.syspath_prepend(str(package))
    made = workshop(tmp_path / "home")
    assert open_destination("theirs:x", made).url == "theirs:x"
    with pytest.raises(UsageError, match="cannot be loaded"):
        open_destination("broken:x", made)


class Theirs(Shelf):
    """What such a package would bring."""

    @classmethod
    def open(cls, url: str, _workshop: Workshop) -> Self:
        """Build it."""
        return cls(url)

"""The bundled console's Events API, its control from outside, what its ledger tells of a load."""

import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from fixtures.console import Console, Scenario, preset
from fixtures.console.events_api import MESSAGES
from fixtures.console.faults import Faults
from fixtures.console.ledger import Ledger, Span, Tally, fingerprint
from fixtures.console.router import Router
from tests.test_console import QUICK, generate, signed_in, track

TRACK = "/open_api/v1.3/event/track/"


@pytest.fixture
def console() -> Iterator[Console]:
    """A calm, quick console."""
    with Console(Scenario(**QUICK)) as started:
        yield started


def issue(console: Console, at: int = 0) -> str:
    """A token, made without its pages."""
    return console.world.issue(console.pixels[at].code, console.scenario).text


def test_the_events_api_can_be_told_what_to_answer_next(console: Console) -> None:
    """Of one pixel or of any, one code each, whatever was sent; then it is itself again."""
    mine, other = console.pixels[:2]
    token = issue(console)
    console.events.next(40100, 40132)
    console.events.next(50000, pixel=other.code)
    assert track(console, token, other) == 50000
    assert [track(console, token, mine) for _ in range(3)] == [40100, 40132, 0]
    assert [each.code for each in console.ledger.events()] == [50000, 40100, 40132, 0]


@pytest.mark.parametrize("code", sorted(MESSAGES.keys() | {49999}))
def test_every_code_of_the_table_can_be_had_with_words(console: Console, code: int) -> None:
    """HTTP 200 with any of them."""
    console.scenario = Scenario(**QUICK, event_code=code)
    answer = httpx.post(console.url + TRACK, json={}, trust_env=False)
    assert (answer.status_code, answer.json()["code"]) == (200, code)
    assert answer.json()["message"].strip() and "{" not in answer.json()["message"]


def test_a_busy_events_api_is_itself_after_each_pixels_first_calls(console: Console) -> None:
    """`event_codes` are counted for each pixel."""
    console.scenario = preset("events_busy", **QUICK)
    for at, pixel in enumerate(console.pixels[:2]):
        token = issue(console, at)
        codes = [track(console, token, pixel) for _ in range(5)]
        assert codes == [40100, 40016, 40133, 50000, 0]


@pytest.mark.parametrize(("order", "code"), [("token_first", 40105), ("data_first", 40002)])
def test_which_is_looked_at_first_is_a_setting(console: Console, order: str, code: int) -> None:
    """Nobody knows whether the empty probe tells a bad token."""
    console.scenario = Scenario(**QUICK, events_order=order)
    assert track(console, "bad", console.pixels[0], data=[]) == code
    assert track(console, issue(console), console.pixels[0], data=[]) == 40002


def test_a_revoked_token_alone_stops_working(console: Console) -> None:
    """By its fingerprint; without one, all of that pixel's."""
    console.scenario = Scenario(**QUICK, generation_kills_earlier=False)
    pixel, (first, second) = console.pixels[0], (issue(console), issue(console))
    console.revoke(pixel.code, fingerprint(first))
    assert [track(console, each, pixel) for each in (first, second)] == [40105, 0]
    console.revoke(pixel.code)
    assert track(console, second, pixel) == 40105


def test_the_ledger_tells_real_events_from_test_ones_and_probes(console: Console) -> None:
    """Real is what would have counted, whatever it was answered."""
    pixel, token = console.pixels[0], issue(console)
    track(console, token, pixel, test_event_code="TEST12345")
    track(console, token, pixel, data=[])
    assert console.ledger.real_events() == []
    track(console, "bad", pixel)
    (real,) = console.ledger.real_events()
    assert (real.code, real.fingerprint, real.pixel) == (40105, fingerprint("bad"), pixel.code)
    assert [each.test_event_code for each in console.ledger.events()] == ["TEST12345", "", ""]
    assert token not in repr(console.ledger.events())


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("events_drop", httpx.RemoteProtocolError),
        ("events_drop_after", httpx.RemoteProtocolError),
        ("events_hang", httpx.RemoteProtocolError),
    ],
)
def test_an_event_may_go_without_an_answer(
    console: Console, name: str, error: type[Exception]
) -> None:
    """It is in the ledger all the same."""
    console.scenario = preset(name, **QUICK)
    with pytest.raises(error):
        track(console, "bad", console.pixels[0])
    code = 40105 if name == "events_drop_after" else None
    assert [each.code for each in console.ledger.events()] == [code]


@pytest.mark.parametrize(
    ("name", "status", "kind"),
    [
        ("events_500", 500, "application/json"),
        ("events_429", 429, "application/json"),
        ("events_html", 200, "text/html; charset=utf-8"),
    ],
)
def test_an_event_may_be_answered_otherwise(
    console: Console, name: str, status: int, kind: str
) -> None:
    """By an HTTP error, or by a page."""
    console.scenario = preset(name, **QUICK)
    answer = httpx.post(console.url + TRACK, json={"data": [1]}, trust_env=False)
    assert (answer.status_code, answer.headers["content-type"]) == (status, kind)


def test_a_console_is_controlled_over_http_with_its_key(console: Console) -> None:
    """What a test does in Python, another process does so."""
    pixel, token = console.pixels[0], issue(console)
    orders: list[dict[str, Any]] = [
        {"next_codes": [40133], "pixel": pixel.code},
        {"scenario": "disabled", "pixel": pixel.code},
        {"scenario": "ks", "changes": {"look": "vi"}},
        {"upstack_scenario": "edit_classic"},
        {"end_sessions": ["console", "upstack"]},
    ]
    state = console.storage_state()

    def order(what: dict[str, Any], key: str = console.ledger_key) -> int:
        headers = {"X-Ledger-Key": key}
        url = console.url + "/__control"
        return httpx.post(url, json=what, headers=headers, trust_env=False).status_code

    assert [order(each) for each in orders] == [200] * len(orders)
    assert order(orders[0], "wrong") == 403
    wrong = [{"scenario": "tornado"}, {"next_codes": 3}, {"end_sessions": ["moon"]}]
    assert [order(each) for each in wrong] == [400] * len(wrong)
    assert [track(console, token, pixel) for _ in range(2)] == [40133, 0]
    assert order({"revoke": pixel.code}) == 200
    assert track(console, token, pixel) == 40105
    assert console.per_pixel[pixel.code].permission == "disabled"
    assert console.scenario.look == "vi"
    assert console.upstack.all.of(pixel.code)
    assert not console.sessions.known({each["name"]: each["value"] for each in state["cookies"]})


def test_upstacks_book_can_be_read_over_http_with_the_key(console: Console) -> None:
    """There is no token in it, and yet it is nobody's business."""
    url = console.upstack.url + "/__ledger"
    assert httpx.get(url, trust_env=False).status_code == 403
    headers = {"X-Ledger-Key": console.ledger_key}
    book = httpx.get(url, headers=headers, trust_env=False).json()
    assert (book["changes"], book["forbidden"]) == ([], [])


def test_faults_that_were_drawn_can_be_looked_up_afterwards() -> None:
    """With the seed they tell what a run went through, and the same seed says the same again."""

    def drawn(seed: int) -> tuple[list[Any], list[str]]:
        with Console(preset("load_tenth", **QUICK, hostile=0.5), seed=seed) as console:
            with signed_in(console) as client:
                for _ in range(20):
                    try:
                        client.get("/api/v1/session")
                    except httpx.RemoteProtocolError:
                        client.get("/i18n/login")
            turns = [console.turn(each.code) for each in console.pixels]
            return console.ledger.faults(), turns

    first, _ = drawn(3)
    assert first == drawn(3)[0] != drawn(4)[0]
    assert {each.fault for each in first} >= {"429", "500", "session_end"}
    with Console(Scenario(hostile=1), seed=5) as hostile:
        assert all(hostile.turn(each.code) for each in hostile.pixels)
        assert hostile.upstack.scenario.hostile == 1


def test_only_what_a_step_can_have_is_drawn_for_it() -> None:
    """A call shows no pop-up, and the Events API has no session to end."""
    scenario = Scenario(hostile=1, hostile_faults=("popup", "session_end"))
    faults = Faults(1)
    assert {faults.draw("list", "", scenario) for _ in range(20)} == {"session_end"}
    assert {faults.draw("page", "", scenario) for _ in range(40)} == {"popup", "session_end"}
    assert {faults.draw("events_api", "", scenario) for _ in range(20)} == {""}


def test_a_popup_is_a_fault_of_a_page(console: Console) -> None:
    """It lies over that one; the next has none."""
    console.scenario = preset("page_popup_once", **QUICK)
    with signed_in(console) as client:
        texts = [client.get("/i18n/events_manager/home").text for _ in range(2)]
    assert ['"popups": ["announcement"]' in each for each in texts] == [True, False]


def test_overlaps_are_of_one_account_at_one_time() -> None:
    """Not of one after the other, of two accounts, of one pixel twice, or of a call given up."""
    ledger = Ledger()
    spans = [
        Span("A", "1", 0, 10),
        Span("A", "2", 9, 12),
        Span("A", "3", 12, 14),
        Span("A", "3", 13, 15),
        Span("B", "4", 0, 90),
        Span("C", "5", 0, 60, "timeout"),
        Span("C", "6", 30, 31),
    ]
    for span in reversed(spans):
        ledger.note_span(span)
    assert ledger.overlaps() == [(spans[0], spans[1])]


def test_two_generations_at_a_time_in_one_account_are_told(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the console itself, when two calls were under way together."""
    together = threading.Barrier(2)
    monkeypatch.setattr(Router, "_wait", lambda *_: together.wait(30))

    def ask(at: int) -> None:
        with signed_in(console) as client:
            generate(client, console.pixels[at])

    both = [threading.Thread(target=ask, args=(at,)) for at in (0, 1)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    ((first, second),) = console.ledger.overlaps()
    assert {first.pixel, second.pixel} == {each.code for each in console.pixels[:2]}


def test_the_ledger_tallies_tokens_that_went_lost(console: Console) -> None:
    """For each pixel that was issued one."""
    kept, lost = console.pixels[:2]
    console.per_pixel[lost.code] = preset("drop_after", **QUICK)
    with signed_in(console) as client:
        generate(client, kept)
        with pytest.raises(httpx.RemoteProtocolError):
            generate(client, lost)
    assert console.ledger.tally() == {kept.code: Tally(1, 0), lost.code: Tally(0, 1)}


def test_a_thousand_pixels_in_fifty_accounts_differ() -> None:
    """Drawn by numbers, each found by its code."""
    with Console(accounts=50, pixels_per_account=20) as console:
        codes = {each.code for each in console.pixels}
        assert len(codes) == 1000
        assert len({each.aadvid for each in console.accounts}) == 50
        assert all(console.world.pixel(each.code) is each for each in console.pixels)


def test_what_every_request_takes_is_a_setting(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages, their calls and the Events API alike."""
    console.scenario = preset("latency_600")
    waited: list[float] = []
    monkeypatch.setattr(Router, "_wait", lambda _, seconds: waited.append(seconds))
    with signed_in(console) as client:
        client.get("/i18n/events_manager/home")
        client.get("/api/v1/session")
        track(console, "bad", console.pixels[0])
    assert waited == [0.6] * 3

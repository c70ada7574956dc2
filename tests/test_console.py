"""The bundled console over HTTP: sessions, tokens, the Events API, faults and the ledger."""

import base64
import json
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from fixtures.console import Console, Pixel, Scenario, preset
from fixtures.console.faults import Faults
from fixtures.console.messages import Answer, Dropped, Request
from fixtures.console.pages import _words
from fixtures.console.router import Router
from fixtures.console.scenario import HOSTILE_TURNS, LANGUAGES

QUICK: dict[str, Any] = {"delay_ms": (0, 5), "slow_ms": 50, "timeout_s": 0.2}
TOKENS = "/api/v1/pixel/access_token"
TRACK = "/open_api/v1.3/event/track/"


@contextmanager
def signed_in(console: Console) -> Iterator[httpx.Client]:
    """A client with a session."""
    cookies = {each["name"]: each["value"] for each in console.storage_state()["cookies"]}
    with httpx.Client(base_url=console.url, cookies=cookies, trust_env=False) as client:
        yield client


def generate(client: httpx.Client, pixel: Pixel) -> str:
    """Ask for a token as the page's script does."""
    answer = client.post(TOKENS, json={"pixel": pixel.code}).json()
    return str(answer["data"]["access_token"])


def track(console: Console, token: str, pixel: Pixel, **changes: Any) -> int:
    """Send an event; returns the code of the answer."""
    event = {"event_source": "web", "event_source_id": pixel.code, "data": [{"event": "X"}]}
    headers = {"Access-Token": token} if token else {}
    body = {**event, **changes}
    answer = httpx.post(console.url + TRACK, json=body, headers=headers, trust_env=False)
    assert answer.status_code == 200
    return int(answer.json()["code"])


@pytest.fixture
def console() -> Iterator[Console]:
    """A calm, quick console."""
    with Console(Scenario(**QUICK)) as started:
        yield started


def test_pixel_codes_are_well_formed_and_drawn_by_seed() -> None:
    """A code decodes to an xid of these years; the same seed gives the same console."""
    first, again, other = (Console(seed=seed) for seed in (1, 1, 2))
    for each in (first, again, other):
        each.stop()
    assert first.accounts == again.accounts != other.accounts
    for pixel in first.pixels:
        xid = base64.b32hexdecode(pixel.code + "====")
        assert len(pixel.code) == 20 and pixel.code[0] == "D" and pixel.code[-1] in "0G"
        assert 2025 <= datetime.fromtimestamp(int.from_bytes(xid[:4]), UTC).year <= 2026


def test_without_a_session_pages_lead_to_sign_in_and_calls_are_refused(console: Console) -> None:
    """The page asked for is remembered; the call says 401 and 40100."""
    address = console.pixel_url(console.pixels[0])
    page = httpx.get(address, trust_env=False)
    assert page.status_code == 302
    assert page.headers["location"].startswith("/i18n/login?redirect=%2Fi18n%2Fevents_manager")
    call = httpx.post(console.url + TOKENS, json={}, trust_env=False)
    assert (call.status_code, call.json()["code"]) == (401, 40100)
    assert console.ledger.issued() == []


def test_a_session_can_be_ended(console: Console) -> None:
    """Cookies of an ended session are worth nothing."""
    with signed_in(console) as client:
        assert client.get("/i18n/events_manager/home").status_code == 200
        console.sessions.end_all()
        assert client.get("/i18n/events_manager/home").status_code == 302


def test_sign_in_never_redirects_to_another_origin(console: Console) -> None:
    """An address that is not a path of the console becomes the home page."""
    foreign = "/passport/sso/login?redirect=//example.com/i18n/"
    answer = httpx.post(console.url + foreign, json={}, trust_env=False)
    assert answer.json()["data"]["redirect"] == "/i18n/events_manager/home"
    assert "sessionid_ads" in answer.cookies and "sid_guard_ads" in answer.cookies


def test_every_page_says_that_it_is_drawn(console: Console) -> None:
    """Errors and the sign-in page too."""
    paths = ["/i18n/login", "/i18n/events_manager/home", "/i18n/nowhere"]
    with signed_in(console) as client:
        for path in [*paths, console.pixel_url(console.pixels[0])]:
            assert '<meta name="pixelmint-fixture" content="drawn">' in client.get(path).text


def test_the_events_api_takes_just_the_tokens_it_issued(console: Console) -> None:
    """The codes of the real API: absent, wrong, another pixel's, no data, fine."""
    mine, other = console.pixels[:2]
    with signed_in(console) as client:
        token = generate(client, mine)
    assert track(console, "", mine) == 40104
    assert track(console, token[:-1], mine) == 40105
    assert track(console, token, other) == 40001
    assert track(console, token, mine, data=[]) == 40002
    assert track(console, token, mine, event_source="app") == 40002
    assert track(console, token, mine) == 0
    assert console.ledger.calls()["events_api"] == 6


@pytest.mark.parametrize(("kills", "code"), [(True, 40105), (False, 0)])
def test_whether_a_second_generation_ends_the_first_is_a_setting(kills: bool, code: int) -> None:
    """Nobody knows what the live console does, so both are there."""
    with Console(Scenario(**QUICK, generation_kills_earlier=kills)) as console:
        pixel = console.pixels[0]
        with signed_in(console) as client:
            first, second = generate(client, pixel), generate(client, pixel)
        assert track(console, first, pixel) == code
        assert track(console, second, pixel) == 0
        assert console.ledger.generations(pixel.code) == 2


def test_the_ledger_over_http_needs_its_key(console: Console) -> None:
    """It holds tokens, so whoever finds the port must not read it."""
    with signed_in(console) as client:
        token = generate(client, console.pixels[0])
        assert client.get("/__ledger").status_code == 403
        book = client.get("/__ledger", headers={"X-Ledger-Key": console.ledger_key}).json()
    (issue,) = book["issued"]
    assert (issue["token"], issue["answered"]) == (token, True)
    assert issue["account"] == console.pixels[0].aadvid


def test_a_token_is_not_in_the_ledgers_repr(console: Console) -> None:
    """A failing test prints what it compared."""
    with signed_in(console) as client:
        token = generate(client, console.pixels[0])
    assert token not in repr(console.ledger.issued())


@pytest.mark.parametrize(
    ("fault", "issued"), [("drop_before", 0), ("timeout", 0), ("drop_after", 1)]
)
def test_a_dropped_answer_is_not_called_answered(fault: str, issued: int) -> None:
    """Only `drop_after` leaves a token behind, and the ledger knows that nobody got it."""
    with Console(Scenario(**QUICK, faults={"generate": fault})) as console:
        with signed_in(console) as client, pytest.raises(httpx.RemoteProtocolError):
            generate(client, console.pixels[0])
        assert [each.answered for each in console.ledger.issued()] == [False] * issued
        assert console.ledger.answered() == []


def test_an_answer_to_a_browser_that_left_is_not_called_answered(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel would take the bytes all the same."""
    gone, answer = threading.Event(), Router.answer

    def late(router: Router, request: Request) -> Answer | Dropped:
        gone.wait(30)
        return answer(router, request)

    monkeypatch.setattr(Router, "answer", late)
    cookies = "; ".join(f"{c['name']}={c['value']}" for c in console.storage_state()["cookies"])
    body = json.dumps({"pixel": console.pixels[0].code})
    head = f"POST {TOKENS} HTTP/1.1\r\nCookie: {cookies}\r\nContent-Length: {len(body)}\r\n\r\n"
    port = int(console.url.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall((head + body).encode())
    gone.set()
    assert [each.answered for each in console.ledger.issued(at_least=1)] == [False]


def test_a_fault_may_end_after_so_many_calls() -> None:
    """One pixel's faults are counted apart from another's."""
    scenario = Scenario(**QUICK, faults={"generate": "429"}, fault_times=1)
    with Console(scenario) as console, signed_in(console) as client:
        for pixel in console.pixels[:2]:
            asked = [client.post(TOKENS, json={"pixel": pixel.code}) for _ in range(2)]
            assert [each.status_code for each in asked] == [429, 200]


def test_a_pixel_can_have_a_scenario_of_its_own(console: Console) -> None:
    """The others stay as they were."""
    odd, calm = console.pixels[:2]
    console.per_pixel[odd.code] = Scenario(**QUICK, permission="message")
    with signed_in(console) as client:
        refused = client.post(TOKENS, json={"pixel": odd.code}).json()
        assert (refused["code"], refused["message"]) == (40300, "NO_PERMISSION")
        assert generate(client, calm)


def test_hostile_faults_follow_the_seed() -> None:
    """The same seed gives the same faults at about the asked rate; rate 0 gives none."""

    def drawn(seed: int, rate: float) -> list[str]:
        faults, scenario = Faults(seed), Scenario(hostile=rate)
        return [faults.draw("generate", "P", scenario) for _ in range(1000)]

    assert drawn(1, 0.1) == drawn(1, 0.1) != drawn(2, 0.1)
    assert 60 < sum(map(bool, drawn(1, 0.1))) < 140
    assert not any(drawn(1, 0))


def test_hostile_turns_follow_the_seed_and_stay_a_pixels_own() -> None:
    """A pixel's pages and calls must agree, so it has one turn for good."""

    def drawn(seed: int, rate: float) -> list[Scenario]:
        faults, scenario = Faults(seed), Scenario(hostile=rate)
        return [faults.turn(f"P{n}", scenario) for n in range(300)]

    first = drawn(1, 0.3)
    assert first == drawn(1, 0.3) != drawn(2, 0.3)
    assert 50 < sum(each != Scenario(hostile=0.3) for each in first) < 130
    assert drawn(1, 0) == [Scenario()] * 300
    assert Faults(1).turn("", Scenario(hostile=1)) == Scenario(hostile=1)


@pytest.mark.parametrize("turn", HOSTILE_TURNS)
def test_a_hostile_turn_changes_something_and_keeps_the_faults(turn: str) -> None:
    """It is laid over the scenario that it is drawn for, and a token can be had on its pages."""
    hostile = Scenario(hostile=1, hostile_turns=(turn,))
    turned = Faults(1).turn("P", hostile)
    assert turned != hostile
    assert (turned.hostile, turned.permission, turned.puzzle) == (1, "ok", "")


def test_every_language_says_every_word() -> None:
    """Each has English's keys and placeholders, and a sentence of its own for the button."""
    english, *others = (_words(each) for each in ("en", *(set(LANGUAGES) - {"en"})))
    assert len(others) >= 8
    for words in others:
        assert words.keys() == english.keys()
        for key, word in words.items():
            assert word.strip() == word != ""
            assert sorted(re.findall(r"{\w+}", word)) == sorted(re.findall(r"{\w+}", english[key]))
    assert len({each["generate"] for each in (english, *others)}) == len(LANGUAGES)


def test_the_way_to_a_pixel_has_that_pixels_scenario(console: Console) -> None:
    """Its address led elsewhere; what is passed before it is reached is drawn as it says."""
    first, other = console.pixels[:2]
    console.per_pixel[first.code] = preset("menus_only", look="vi", **QUICK)
    listing = "/i18n/events_manager/datasource/list"
    with signed_in(console) as client:
        led = client.get(console.pixel_url(first), follow_redirects=True)
        assert (led.url.path, "look-vi" in led.text) == (listing, True)
        assert client.get("/api/v1/pixels").json()["data"]["pages"] == 2
        client.get(console.pixel_url(first), headers={"Referer": console.url + listing})
        assert "look-plain" in client.get(listing).text
        assert "look-plain" in client.get(console.pixel_url(other)).text


def test_a_frame_holds_the_page_whose_address_it_has(console: Console) -> None:
    """The browser says which of the two it asks for, so both have the same address."""
    console.scenario = preset("frame", **QUICK)
    inside = {"Sec-Fetch-Dest": "iframe"}
    with signed_in(console) as client:
        address = console.pixel_url(console.pixels[0])
        outer, inner = client.get(address), client.get(address, headers=inside)
    assert "<iframe" in outer.text and 'id="boot"' not in outer.text
    assert "<iframe" not in inner.text and 'id="boot"' in inner.text


def test_pixels_of_one_name_differ_in_their_code(console: Console) -> None:
    """In the list and on their own pages."""
    console.scenario = Scenario(**QUICK, same_names=True)
    with signed_in(console) as client:
        rows = client.get("/api/v1/pixels").json()["data"]["rows"]
        asked = {"operationName": "PixelDetail", "variables": {"pixel": rows[1]["code"]}}
        detail = client.post("/api/graphql", json=asked).json()["data"]["pixel"]
    assert len({each["name"] for each in rows}) == 1 and len({each["code"] for each in rows}) == 3
    assert detail == rows[1]


@pytest.mark.parametrize(
    "wrong",
    [
        {"look": "baroque"},
        {"faults": {"generate": "meteor"}},
        {"faults": {"tea": "500"}},
        {"faults": {"list": "popup"}},
        {"popups": ("surprise",)},
        {"hostile": 2},
        {"language": "tlh"},
        {"lookalikes": ("moon",)},
        {"hostile_turns": ("puzzle",)},
    ],
)
def test_a_scenario_refuses_a_word_that_nothing_would_act_on(wrong: dict[str, Any]) -> None:
    """Else a test would pass because its fault never happened."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Scenario(**wrong)


def test_an_unknown_preset_or_field_is_refused() -> None:
    """By name."""
    with pytest.raises(ValueError, match="no scenario 'tornado'"):
        preset("tornado")
    with pytest.raises(ValueError, match="unknown colour"):
        preset("calm", colour="red")


def test_a_console_runs_in_a_process_of_its_own(tmp_path: Path) -> None:
    """It says where it is, writes a private session, and ends when told."""
    state = tmp_path / "state.json"
    command = [sys.executable, "-m", "fixtures.console", "--accounts", "1", "--state", str(state)]
    more = ["--look", "ks", "--hostile", "0.01"]
    with subprocess.Popen([*command, *more], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        cookies = {c["name"]: c["value"] for c in json.loads(state.read_text())["cookies"]}
        home = said["url"] + "/i18n/events_manager/home"
        page = httpx.get(home, cookies=cookies, trust_env=False)
        key = {"X-Ledger-Key": said["ledger_key"]}
        book = httpx.get(said["url"] + "/__ledger", headers=key, trust_env=False).json()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert state.stat().st_mode & 0o777 == 0o600
    assert page.status_code == 200 and "look-ks" in page.text
    assert (book["issued"], book["calls"]) == ([], {"page": 1})
    assert len(said["accounts"]) == 1 and len(said["accounts"][0]["pixels"]) == 3

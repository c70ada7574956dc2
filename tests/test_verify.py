"""`verify`: what each code of the Events API means, and that no event is ever sent by mistake."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from automation.errors import UsageError
from automation.secret import Secret
from flows.events_api import ask_events_api, body, meaning_of
from flows.status import status
from flows.verify import Asked, verify
from tests.conftest import Answer, Request, Site
from tests.flows_helpers import LIMIT_S, MakeUser
from tests.tokens_helpers import ACCOUNT, OTHER, PIXEL, store, workshop

pytest_plugins = ("tests.flows_fixtures",)
pytestmark = pytest.mark.timeout(LIMIT_S + 20)

TRACK = "/open_api/v1.3/event/track/"
TOKEN = "fixture-token-for-verify-0001"
CODES = {
    0: (True, "works"), 20001: (True, "works"), 40002: (True, "works"),
    40001: (False, "foreign"),
    **dict.fromkeys((40102, 40104, 40105, 40106, 40113, 40118, 40119, 40125), (False, "dead")),
    **dict.fromkeys((40016, 40100, 40133), (None, "later")),
    40132: (None, "stop"),
    **dict.fromkeys((50000, 50002, 51305, 60001), (None, "later")),
}  # fmt: skip
"""Every code of the documents read, with the outcome it stands for."""
UNKNOWN = [-1, 1, 2, 200, 400, 401, 403, 404, 20000, 20002, 30000, 40000, 40003, 40099,
           40101, 40103, 40131, 40134, 41000, 70000]  # fmt: skip
ERRORS = {"works": None, "foreign": "verify_failed", "dead": "verify_failed",
          "later": "site_busy", "stop": "site_refused", "unknown": "site_refused"}  # fmt: skip
ADVICE = {"foreign": "this very pixel", "dead": "generate", "later": "later", "stop": "owner",
          "unknown": "keep it"}  # fmt: skip
TRIES = {"later": 4}


def answering(site: Site, told: object, status: int = 200) -> None:
    """Let the server give one answer, whatever it is asked."""
    site.routes[TRACK] = Answer(json.dumps(told).encode(), status, "application/json")


def waits() -> tuple[list[float], Callable[[float], object]]:
    """Return a list of what was waited for, and what waits by writing into it."""
    waited: list[float] = []
    return waited, waited.append


@pytest.mark.parametrize("status", [200, 401, 500])
def test_every_code_means_what_the_table_says_whatever_the_http_status(
    site: Site, status: int
) -> None:
    """Outcome, error, advice, and how often it was asked."""
    table = CODES | dict.fromkeys(UNKNOWN, (None, "unknown"))
    assert len(UNKNOWN) == 20 and not CODES.keys() & set(UNKNOWN)
    for code, (works, kind) in table.items():
        answering(site, {"code": code, "message": "it says", "data": {}}, status)
        site.seen.clear()
        waited, wait = waits()
        verdict = ask_events_api(site.url, PIXEL, Secret(TOKEN), waiting=wait)
        assert (verdict.works, verdict.kind, verdict.code) == (works, kind, code), code
        assert len(site.seen) == TRIES.get(kind, 1) and len(waited) == len(site.seen) - 1, code
        error = verdict.error(PIXEL)
        assert (error and error.code) == ERRORS[kind], code
        if error is not None:
            assert ADVICE[kind] in error.next_step and str(code) in error.message, code
        else:
            assert "probably" in verdict.says and not verdict.sure, code


def test_without_a_test_event_code_no_event_is_sent_and_with_one_just_one(site: Site) -> None:
    """An event without that code may count as real."""
    answering(site, {"code": 0, "message": "OK"})
    verdict = ask_events_api(site.url, PIXEL, Secret(TOKEN))
    assert not verdict.sure
    verdict = ask_events_api(site.url, PIXEL, Secret(TOKEN), test_event_code="TEST12345")
    assert (verdict.works, verdict.sure, verdict.advice) == (True, True, "")
    bare, full = (json.loads(each.body) for each in site.asked(TRACK))
    assert bare == {"event_source": "web", "event_source_id": PIXEL, "data": []}
    assert full["test_event_code"] == "TEST12345" and len(full["data"]) == 1
    headers = [{n.lower(): v for n, v in each.headers.items()} for each in site.seen]
    assert [each["access-token"] for each in headers] == [TOKEN] * 2


@pytest.mark.parametrize("code", ["", " ", "TEST 1", "TEST\n1", "é", "x" * 65])
def test_what_is_no_test_event_code_sends_nothing_at_all(site: Site, code: str) -> None:
    """An event with a code that TikTok would not take for one might count as real."""
    with pytest.raises(UsageError):
        ask_events_api(site.url, PIXEL, Secret(TOKEN), test_event_code=code)
    assert site.seen == []
    assert body(PIXEL, None)["data"] == []


@pytest.mark.parametrize(
    ("message", "works", "kind"),
    [
        ("No permission to operate pixel code: X. You must be an admin", False, "foreign"),
        ("Access token is incorrect or has been revoked", False, "dead"),
        ("data: Missing data for required field.", True, "works"),
        ("", True, "works"),
    ],
)  # fmt: skip
def test_a_parameter_error_is_read_because_older_answers_put_more_there(
    message: str, works: bool, kind: str
) -> None:
    """One code, three matters."""
    verdict = meaning_of(40002, message, sure=True)
    assert (verdict.works, verdict.kind, verdict.sure) == (works, kind, kind != "works")


def test_what_is_no_answer_is_asked_again_and_then_cannot_be_told(site: Site) -> None:
    """A dropped line, a page of a proxy's, JSON of another kind: nothing against the token."""
    _, wait = waits()
    bad: list[tuple[object, int]] = [("<html>", 502), (["code"], 200), ({"code": "x"}, 200)]
    for told, http in bad:
        answering(site, told, http)
        verdict = ask_events_api(site.url, PIXEL, Secret(TOKEN), waiting=wait)
        assert verdict.works is None and verdict.code is None
    dropped: Callable[[Request], Answer | None] = lambda _request: None  # noqa: E731 -- typed
    site.routes[TRACK] = dropped
    assert ask_events_api(site.url, PIXEL, Secret(TOKEN), waiting=wait).kind == "later"
    site.routes[TRACK] = Answer(status=307, headers={"Location": f"{site.url}/elsewhere"})
    assert ask_events_api(site.url, PIXEL, Secret(TOKEN), waiting=wait).works is None
    assert site.asked("/elsewhere") == []


def test_a_message_that_repeats_the_token_is_told_without_it(site: Site) -> None:
    """Whoever writes such a server."""
    answering(site, {"code": 40105, "message": f"Access token {TOKEN} is incorrect"})
    verdict = ask_events_api(site.url, PIXEL, token := Secret(TOKEN))
    assert TOKEN not in verdict.says and token.fingerprint in verdict.says


@pytest.fixture
def api(site: Site) -> Iterator[Site]:
    """A server that accepts the token of one pixel and knows no other."""

    def answer(request: Request) -> Answer:
        good = json.loads(request.body)["event_source_id"] == PIXEL
        told = {"code": 40002 if good else 40105, "message": "so"}
        return Answer(json.dumps(told).encode(), 200, "application/json")

    site.routes[TRACK] = answer
    yield site


def test_the_verdicts_are_told_and_stand_in_status(api: Site, tmp_path: Path) -> None:
    """`kept`, or `failed` with a code; a pixel without a token costs the others nothing."""
    made = workshop(tmp_path, events_api_url=api.url)
    store(made, TOKEN)
    store(made, TOKEN + "x", OTHER)
    nobody = "D69ESQRC77U0KGAU8BB0"
    good, bad, none = (each.result for each in verify(made, [PIXEL, OTHER, nobody], Asked()))
    assert (good.outcome, good.verified, good.exit_code) == ("kept", True, 0)
    assert (good.account, good.stored_in, good.fingerprint) == (
        ACCOUNT, ["local:"], Secret(TOKEN).fingerprint,
    )  # fmt: skip
    assert (bad.as_json()["error"]["code"], bad.verified, bad.exit_code) == (
        "verify_failed",
        False,
        1,
    )
    assert none.as_json()["error"]["code"] == "usage" and none.verified is None
    told = {each.result.pixel: each.as_json() for each in status(workshop(tmp_path))}
    assert (told[PIXEL]["verified"], told[PIXEL]["outcome"]) == (True, "generated")
    assert told[PIXEL]["verified_says"].startswith("probably works") and told[PIXEL]["verified_at"]
    assert (told[OTHER]["verified"], told[OTHER]["error"]["code"]) == (False, "verify_failed")
    assert nobody not in told


def test_what_cannot_be_told_takes_nothing_back_that_was_known(api: Site, tmp_path: Path) -> None:
    """A good token stays verified while the API has trouble; only the answer is missing."""
    made = workshop(tmp_path, events_api_url=api.url)
    store(made, TOKEN)
    assert next(verify(made, [PIXEL], Asked())).result.verified
    answering(api, {"code": 12345, "message": "new"})
    result = next(verify(made, [PIXEL], Asked())).result
    assert (result.outcome, result.verified, result.exit_code) == ("failed", None, 1)
    (told,) = [each.as_json() for each in status(workshop(tmp_path))]
    assert (told["verified"], told["outcome"], told["error"]) == (True, "generated", None)


def test_records_that_were_lost_are_written_again_from_escrow(api: Site, tmp_path: Path) -> None:
    """Whose token it was, when it was made, and the verdict."""
    made = workshop(tmp_path, events_api_url=api.url)
    store(made, TOKEN)
    made.database.close()
    for each in tmp_path.glob("records.db*"):
        each.unlink()
    again = workshop(tmp_path, events_api_url=api.url)
    assert next(verify(again, [PIXEL], Asked())).result.verified
    (told,) = [each.as_json() for each in status(workshop(tmp_path))]
    assert (told["account"], told["verified"], told["outcome"]) == (ACCOUNT, True, "generated")


def test_a_pixel_that_is_none_stops_all_before_anything_is_asked(api: Site, tmp_path: Path) -> None:
    """And a test event code that is none."""
    made = workshop(tmp_path, events_api_url=api.url)
    store(made, TOKEN)
    with pytest.raises(UsageError):
        list(verify(made, [PIXEL, "nonsense"], Asked()))
    with pytest.raises(UsageError):
        list(verify(workshop(tmp_path, test_event_code="a b"), [PIXEL], Asked()))
    assert api.seen == []


def test_the_command_asks_the_events_api_and_the_console(make_user: MakeUser) -> None:
    """Whole: generated, verified sure and probably, listed, made worthless, verified again."""
    user = make_user()
    pixel = user.console.accounts[0].pixels[0].code
    assert user.run("generate", pixel).code == 0
    said = user.run("verify", pixel, "--json", "--console")
    assert (said.code, said.row["outcome"], said.row["verified"]) == (0, "kept", True)
    assert "probably" in said.err
    sure = user.run("verify", pixel, "--json", "--test-event-code", "TEST12345")
    assert (sure.code, sure.row["verified"]) == (0, True) and "probably" not in sure.err
    (told,) = user.run("status", "--json").rows
    assert told["listed"] is not None and told["verified"] is True
    user.console.world.revoke(pixel)
    dead = user.run("verify", pixel, "--json")
    assert (dead.code, dead.codes, dead.row["verified"]) == (1, ["verify_failed"], False)

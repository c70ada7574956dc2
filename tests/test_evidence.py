"""One token of all that was seen, or none: tables of what consoles show, and what always holds."""

import base64
import json
import random
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from automation.evidence import Agreement, Kind, Sighting, agree, form_strings

TOKEN = "3f9a2b7c1d0e4f5a6b7c8d9e0f1a2b3c4d5e6f70"
OLDER = "77aa0b1c2d3e4f5061728394a5b6c7d8e9f00112"
PIXEL, ACCOUNT = "D69ESQRC77U0KGAU8B90", "7654321098765432109"
REQUEST_ID = "8f14e45fceea167a5a36dedd4bea2543"
LOG_ID = "20261115064512010245218032AB12340F"
UUID = str(uuid.UUID(int=7 << 90))
CSRF = "Zk7Q0a1sXw93LmTtR2vB8nY4"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
TOKENS = {
    "hex": TOKEN,
    "shortest": "a1B2c3D4e5F6a7B8c9D0",
    "longest": (TOKEN * 13)[:512],
    "jwt": JWT,
    "base64url": "qL-8_kT2x.W9-_0aZ3vBn5mQ7rTy",
    "base36": "k3j9x0q2w8e7r6t5y4u1i0p9o8a7s6d5",
    "upper": "0B1C2D3E4F5061728394A5B6C7D8E9F0",
}


def answer(body: Any, status: int = 200, kind: Kind = "answer") -> Sighting:
    """Return a sighting of a response; anything but a text is sent as JSON."""
    text = body if isinstance(body, str) else json.dumps(body)
    return Sighting(kind, text, "POST ads.example/api/token", status)


def shown(text: str, label: str = "", kind: Kind = "text") -> Sighting:
    """Return a sighting of what the page shows."""
    return Sighting(kind, text, label=label)


def copied(text: str) -> Sighting:
    """Return a sighting of a copy."""
    return Sighting("copy", text)


def before(text: str) -> Sighting:
    """Return a sighting of what stood there before the click."""
    return Sighting("before", text)


def is_known(text: str) -> bool:
    """Say what the flow knows to be something else."""
    return text in (PIXEL, ACCOUNT)


def told(*seen: Sighting) -> tuple[str, tuple[str, ...], bool] | None:
    """Return what was agreed on, in plain values."""
    agreement = agree(seen, is_known)
    if agreement is None:
        return None
    return agreement.token.reveal(), agreement.sources, agreement.firm


def token_of(*seen: Sighting) -> str | None:
    """Return the token alone."""
    agreement = agree(seen, is_known)
    return None if agreement is None else agreement.token.reveal()


def b64(text: str) -> str:
    """Return the base64 of a text."""
    return base64.b64encode(text.encode()).decode()


ANSWER = {"code": 0, "request_id": REQUEST_ID, "data": {"token": TOKEN, "pixel_code": PIXEL}}
LABEL = "Access token"


often = settings(
    max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
"""The same examples every time: no run may fail by chance, or by being slow."""


class TestOneSource:
    """Only the answer, only the page, only the copy control."""

    @pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS)
    def test_a_token_of_any_make_is_read_from_each_source(self, token: str) -> None:
        """Its length and alphabet are documented nowhere."""
        assert told(answer({"code": 0, "data": {"token": token}})) == (token, ("answer",), False)
        assert told(shown(token, LABEL)) == (token, ("shown",), False)
        assert told(shown(token, LABEL, "field")) == (token, ("shown",), False)
        assert told(copied(token)) == (token, ("copy",), False)

    @pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS)
    def test_two_sources_make_it_firm(self, token: str) -> None:
        """Whichever two."""
        sources = [answer({"token": token}), shown(token, LABEL), copied(token)]
        for left, right in ((0, 1), (1, 2), (0, 2)):
            agreement = agree([sources[left], sources[right]])
            assert agreement is not None
            assert (agreement.token.reveal(), agreement.firm) == (token, True)
        assert told(*sources) == (token, ("answer", "copy", "shown"), True)

    @pytest.mark.parametrize("length", [19, 513])
    def test_what_is_too_short_or_too_long_is_no_token(self, length: int) -> None:
        """Twenty to five hundred and twelve."""
        text = (TOKEN * 13)[:length]
        assert told(answer({"token": text}), shown(text, LABEL), copied(text)) is None

    def test_nothing_seen_is_nothing_agreed(self) -> None:
        """Not even an empty one."""
        assert agree([]) is None
        assert told(answer(""), shown(""), copied(""), answer("{}")) is None


ANSWERS: dict[str, Any] = {
    "nested": {"data": {"list": [{"result": {"events_api": {"access_token": TOKEN}}}]}},
    "camel case": {"data": {"accessToken": TOKEN, "requestId": REQUEST_ID}},
    "kebab case": {"access-token": TOKEN, "request-id": REQUEST_ID},
    "with a space": {"Access Token": TOKEN},
    "beside a request id": {"request_id": REQUEST_ID, "token": TOKEN},
    "beside log ids": {"log_id": LOG_ID, "logId": LOG_ID + "1", "logid": LOG_ID, "token": TOKEN},
    "beside a csrf token": {"csrf_token": CSRF, "csrfToken": CSRF, "token": TOKEN},
    "beside paging tokens": {"next_page_token": CSRF, "page_token": OLDER, "token": TOKEN},
    "beside other tokens": {"refresh_token": CSRF, "session_token": OLDER, "token": TOKEN},
    "beside an older one": {"old_token": OLDER, "prevToken": CSRF, "token": TOKEN},
    "beside pixel and account": {"pixel": PIXEL, "advertiser": ACCOUNT, "token": TOKEN},
    "beside a UUID": {"trace": UUID, "token": TOKEN},
    "beside its own id": {"token_id": OLDER, "token": TOKEN},
    "beside its own hash": {"tokenHash": OLDER, "token": TOKEN, "sign": CSRF},
    "beside a masked one": {"token_masked": OLDER, "masked": "77aa********0112", "token": TOKEN},
    "beside an unlabelled look-alike": {"blob": OLDER, "token": TOKEN},
    "beside a host": {"host": "analytics-sg.tiktokv.example", "token": TOKEN},
    "beside a file": {"script": "static.main.3f9a2b7c.chunk.js", "token": TOKEN},
    "beside words": {"event": "pixel_token_generated_success_v2", "token": TOKEN},
    "beside numbers": {"at": "1763850309.123456789012", "n": [1, None, True], "token": TOKEN},
    "JSON in JSON": {"data": json.dumps({"result": json.dumps({"token": TOKEN})})},
    "a list in JSON": {"tokens": json.dumps([TOKEN])},
    "base64 of JSON": {"data": b64(json.dumps({"token": TOKEN, "request_id": REQUEST_ID}))},
    "base64 of the token": {"data": b64(TOKEN)},
    "base64 of all": b64(json.dumps(ANSWER)),
    "base64 with padding left out": b64(json.dumps({"token": TOKEN})).rstrip("="),
    "url-safe base64": base64.urlsafe_b64encode(
        json.dumps({"~~~???": "", "token": TOKEN}).encode()
    ).decode(),
    "JSONP": f"cb_1({json.dumps(ANSWER)});",
    "a guard": f")]}}',\n{json.dumps(ANSWER)}",
    "an endless guard": f"for(;;);{json.dumps(ANSWER)}",
    "NDJSON": json.dumps({"request_id": REQUEST_ID}) + "\n" + json.dumps({"token": TOKEN}),
    "NDJSON with a last line end": f"{json.dumps(ANSWER)}\r\n\r\n{json.dumps({'a': 1})}\r\n",
    "a list": [{"request_id": REQUEST_ID}, {"token": TOKEN}],
    "GraphQL": {
        "data": {"generatePixelToken": {"accessToken": TOKEN, "__typename": "PixelTokenPayloadV2"}},
        "extensions": {"requestId": REQUEST_ID, "tracing": {"version": 1}},
    },
    "GraphQL by its own name": {"data": {"generateAccessToken": TOKEN}},
    "a text alone": TOKEN,
    "a text with spaces": f"  {TOKEN}\n",
    "under a name that says nothing": {"code": 0, "data": TOKEN, "logid": LOG_ID},
    "padded": {"token": f" {TOKEN} \n"},
    "with zero-width characters": {"token": f"\u200b{TOKEN[:10]}\u2060{TOKEN[10:]}\ufeff"},
    "pretty printed": json.dumps(ANSWER, indent=2),
    "a byte order mark": "\ufeff" + json.dumps(ANSWER),
    "a socket's frame": f'42["answer",{json.dumps(ANSWER)}]',
}


class TestAnswers:
    """What a response may look like."""

    @pytest.mark.parametrize("body", ANSWERS.values(), ids=ANSWERS)
    def test_the_token_is_found_in_the_answer_alone(self, body: Any) -> None:
        """The page may show nothing, or close."""
        assert told(answer(body)) == (TOKEN, ("answer",), False)
        assert told(answer(body, kind="socket")) == (TOKEN, ("answer",), False)

    @pytest.mark.parametrize("body", ANSWERS.values(), ids=ANSWERS)
    def test_the_page_makes_it_firm(self, body: Any) -> None:
        """Shown without any label, and copied."""
        assert told(answer(body), shown(TOKEN)) == (TOKEN, ("answer", "shown"), True)
        assert told(answer(body), copied(TOKEN)) == (TOKEN, ("answer", "copy"), True)

    @pytest.mark.parametrize(
        "body",
        [
            {"code": 50000, "message": "busy", "request_id": REQUEST_ID},
            {"code": 50000, "logid": LOG_ID},
            {"code": 40001, "log": {"id": LOG_ID}},
            {"errors": [{"message": "x", "extensions": {"traceId": REQUEST_ID}}]},
            {"code": 40001, "x_tt_stable": REQUEST_ID},
            {"csrf_token": CSRF},
            {"page_info": {"next_page_token": CSRF}},
            {"data": {"pixel_code": PIXEL, "sign": OLDER}},
            {"token_status": OLDER},
            {"masked_token": OLDER},
            {"token": "77aa0b1c2d3e4f5061728394****"},
            {"token": "\u2022" * 12 + TOKEN[:24]},
            {"token": "xxxxxxxxxxxxxxxxxxxxxxxxxxxx3f70"},
            {"token": TOKEN[:24] + "..."},
            {"token": ""},
            {"token": None},
            {"token": PIXEL},
            {"next": 3, "deep": [[[[]]]]},
        ],
        ids=lambda body: json.dumps(body)[:50],
    )
    def test_an_answer_without_a_token_gives_none(self, body: Any) -> None:
        """An error's request id least of all, even where the page shows it."""
        assert told(answer(body)) is None
        assert told(answer(body), shown(f"Request ID {REQUEST_ID}", LABEL)) is None
        assert told(answer(body), shown(f"Something went wrong (log id: {LOG_ID})")) is None

    def test_two_tokens_in_answers_are_none(self) -> None:
        """Both are called so, and nothing else is said."""
        assert told(answer({"token": TOKEN}), answer({"token": OLDER})) is None
        assert told(answer({"token": [TOKEN, OLDER]})) is None

    def test_the_one_of_two_that_is_shown_is_it(self) -> None:
        """Two sources outweigh one."""
        assert token_of(answer({"token": [TOKEN, OLDER]}), shown(TOKEN)) == TOKEN
        assert token_of(answer({"token": [TOKEN, OLDER]}), copied(OLDER)) == OLDER

    def test_the_same_answer_twice_is_one_source(self) -> None:
        """A poll repeats itself."""
        assert told(answer(ANSWER), answer(ANSWER)) == (TOKEN, ("answer",), False)

    def test_answers_and_sockets_are_one_source(self) -> None:
        """Both come from the console's own mouth."""
        agreement = agree([answer(ANSWER), answer(ANSWER, kind="socket")])
        assert agreement is not None
        assert not agreement.firm

    @pytest.mark.parametrize(
        "text", ["[" * 50_000, "{" * 50_000, '{"a":' * 50_000 + "1" + "}" * 50_000, "]" * 50_000]
    )
    def test_an_answer_made_to_hurt_does_not(self, text: str) -> None:
        """Nested without end, or opened without end."""
        assert told(answer(text), answer(ANSWER)) == (TOKEN, ("answer",), False)

    @pytest.mark.parametrize("text", ["{broken", "\x00\xff", "<html>" + "x" * 99, "null", "3", '"'])
    def test_what_is_no_json_is_no_trouble(self, text: str) -> None:
        """Nor does it hide the token beside it."""
        assert told(answer(text)) is None
        assert token_of(answer(text), answer(ANSWER)) == TOKEN


PAGES: dict[str, list[Sighting]] = {
    "text with its label": [shown(TOKEN, LABEL)],
    "a sentence": [shown(f"Your access token is {TOKEN}.")],
    "behind a colon": [shown(f"Access Token:{TOKEN}")],
    "text without a label": [shown(TOKEN)],
    "in another language": [shown(TOKEN, "アクセストークン")],
    "a field": [shown(TOKEN, "access_token readonly", "field")],
    "padded with spaces and line ends": [shown(f"\n\t  {TOKEN}   \n", LABEL)],
    "padded with no-break spaces": [shown(f"\u00a0{TOKEN}\u3000", LABEL)],
    "with zero-width characters inside": [
        shown("\u200b".join([TOKEN[:9], TOKEN[9:30], TOKEN[30:]]) + "\ufeff", LABEL)
    ],
    "with soft hyphens inside": [shown(f"{TOKEN[:20]}\u00ad{TOKEN[20:]}", LABEL)],
    "split, with the pieces of the form seen": [
        shown(TOKEN[:20], LABEL), shown(TOKEN[20:], LABEL), shown(TOKEN, LABEL), answer(ANSWER),
    ],
    "split, and only the copy is whole": [
        shown(TOKEN[:20], LABEL), shown(TOKEN[20:], LABEL), copied(TOKEN),
    ],
    "glued to a label": [shown(f"AccessToken{TOKEN}Copy"), answer(ANSWER)],
    "glued, without an answer": [shown(f"Token{TOKEN}Copy"), copied(TOKEN)],
    "masked, and answered": [shown(TOKEN[:24] + "\u2022" * 16, LABEL), answer(ANSWER)],
    "masked, and copied": [shown("*" * 36 + TOKEN[-4:], LABEL), copied(TOKEN)],
    "masked in pieces, and answered": [
        shown(TOKEN[:24], f"{LABEL} \u2022\u2022\u2022\u2022"), answer(ANSWER),
    ],
    "masked first, then in clear": [shown(TOKEN[:24] + "\u2026", LABEL), shown(TOKEN, LABEL)],
    "encoded, and copied": [answer({"e": TOKEN[::-1]}), copied(TOKEN)],
    "encoded under a token's name, and copied": [answer({"token": TOKEN[::-1]}), copied(TOKEN)],
    "encoded, and shown with its label": [answer({"token": TOKEN[::-1]}), shown(TOKEN, LABEL)],
    "copied with spaces": [copied(f" {TOKEN}\n")],
    "copied with its label and the pixel": [copied(f"Pixel: {PIXEL} Token: {TOKEN}")],
    "beside the pixel's code": [shown(PIXEL, LABEL), shown(TOKEN, LABEL)],
    "beside a request id shown in words": [
        shown(f"Request ID {REQUEST_ID}", LABEL), shown(TOKEN, LABEL),
    ],
    "beside a request id with its label": [shown(REQUEST_ID, "Request ID"), shown(TOKEN, LABEL)],
    "beside a request id that was answered too": [
        answer(ANSWER), shown(REQUEST_ID, LABEL), shown(TOKEN, LABEL),
    ],
    "masked beside a request id that was answered too": [
        answer(ANSWER), shown(f"Request ID {REQUEST_ID}", LABEL),
    ],
    "masked beside a bare request id that was answered too": [
        answer(ANSWER), shown(REQUEST_ID, LABEL),
    ],
    "beside a host": [shown("analytics-sg.tiktokv.example"), shown(TOKEN, LABEL)],
    "beside a numeric id": [shown(ACCOUNT * 2), shown(TOKEN)],
    "beside words": [shown("AccessTokenGeneratedSuccess"), shown(TOKEN)],
    "beside a class name": [shown("events_api_token_panel_v2"), shown(TOKEN)],
    "beside an older token's tail": [shown("\u2026" + OLDER[-24:], LABEL), shown(TOKEN, LABEL)],
    "beside an older token seen before": [before(OLDER), shown(OLDER, LABEL), shown(TOKEN, LABEL)],
    "beside a UUID of the page": [shown(UUID, "Trace ID"), shown(TOKEN, LABEL)],
    "named oddly, and copied": [answer({"hash": TOKEN}), shown(TOKEN, LABEL), copied(TOKEN)],
    "named oddly once, rightly once": [
        answer({"sign": TOKEN, "token": TOKEN}), shown(REQUEST_ID, "ID"),
    ],
}  # fmt: skip

UNSURE: dict[str, list[Sighting]] = {
    "two without a label": [shown(TOKEN), shown(OLDER)],
    "two with a label": [shown(TOKEN, LABEL), shown(OLDER, LABEL)],
    "two copies": [copied(TOKEN), copied(OLDER)],
    "two in one copy": [copied(f"{TOKEN} {OLDER}")],
    "two that were answered and shown": [
        answer({"token": [TOKEN, OLDER]}), shown(TOKEN, LABEL), shown(OLDER, LABEL),
    ],
    "the page speaks of another than the answer": [answer({"token": TOKEN}), shown(OLDER)],
    "a masked one alone": [shown(TOKEN[:24] + "\u2022" * 16, LABEL)],
    "a masked one in a field": [shown("*" * 16 + TOKEN[:24], LABEL, "field")],
    "a masked one in pieces": [shown(TOKEN[:24], f"{LABEL} \u2022\u2022\u2022\u2022 Copy")],
    "a masked one in stars apart": [shown(TOKEN[:24], f"{LABEL} * * * *")],
    "a masked one ending in dots": [shown(TOKEN[:24] + "...", LABEL)],
    "pieces without the whole": [shown(TOKEN[:20], LABEL), shown(TOKEN[20:], LABEL)],
    "the pixel's code": [shown(PIXEL, LABEL), copied(PIXEL), answer({"token": PIXEL})],
    "the account": [shown(ACCOUNT + "0", LABEL + " id"), copied(ACCOUNT)],
    "seen before": [before(f"x {OLDER} y"), answer({"token": OLDER}), shown(OLDER), copied(OLDER)],
    "a request id by its label": [shown(REQUEST_ID, "Request ID:")],
    "a request id by its own words": [shown(f"Request-Id: {REQUEST_ID}", LABEL)],
    "an answered request id that is shown": [
        answer({"request_id": REQUEST_ID}), shown(REQUEST_ID, LABEL),
    ],
    "a host": [shown("analytics-sg.tiktokv.example", "Server")],
    "words": [shown("AccessTokenGeneratedSuccess"), shown("generate_access_token_success")],
    "numbers": [shown("20261115064512010245218032")],
    "an odd name, shown only": [answer({"hash": TOKEN}), shown(TOKEN)],
}  # fmt: skip


class TestPages:
    """What a page may show, for every reveal that is known."""

    @pytest.mark.parametrize("seen", PAGES.values(), ids=PAGES)
    def test_the_token_is_found(self, seen: list[Sighting]) -> None:
        """Beside whatever stands there."""
        assert token_of(*seen) == TOKEN

    @pytest.mark.parametrize("seen", UNSURE.values(), ids=UNSURE)
    def test_what_is_not_sure_is_none(self, seen: list[Sighting]) -> None:
        """Never a guess."""
        assert told(*seen) is None

    def test_token_words_come_from_the_caller(self) -> None:
        """In the language of the page, upper case or lower."""
        seen = [shown(TOKEN, "Jeton D'ACCÈS"), shown(OLDER, "Clé")]
        assert agree(seen) is None
        agreement = agree(seen, token_words=["jeton"])
        assert agreement is not None
        assert agreement.token.reveal() == TOKEN

    def test_what_was_before_is_out_even_with_invisible_characters(self) -> None:
        """The same text is the same text."""
        assert told(before(f"{OLDER[:9]}\u200b{OLDER[9:]}"), copied(OLDER)) is None

    def test_a_word_known_to_the_caller_is_never_returned(self) -> None:
        """Whatever is said about it."""
        seen = [answer(ANSWER), shown(TOKEN, LABEL), copied(TOKEN)]
        assert agree(seen, lambda text: text == TOKEN) is None


class TestFormStrings:
    """The parts of a text that have a token's form."""

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            (f"a {TOKEN}, b", [TOKEN]),
            (f"{TOKEN}\n{OLDER}", [TOKEN, OLDER]),
            (f"“{TOKEN}”", [TOKEN]),
            ("20261115064512010245218032", []),
            ("2026-11-15.06_45_12.010245", []),
            (f"{TOKEN[:20]}\u200d{TOKEN[20:]}", [TOKEN]),
            (f"{TOKEN}\u2022", []),
            (f"*{TOKEN}", []),
            (f"{TOKEN}…", []),
            (f"{TOKEN}..", []),
            (f"xxxXXXxx{TOKEN}", []),
            (f"xxxxxxx{TOKEN}", [f"xxxxxxx{TOKEN}"]),
            ("short", []),
            ("", []),
        ],
    )
    def test_masked_ones_and_short_ones_are_left_out(self, text: str, expected: list[str]) -> None:
        """Invisible characters do not count."""
        assert form_strings(text) == expected


class TestSighting:
    """What is sealed is what comes back."""

    @often
    @given(
        st.builds(
            Sighting,
            st.sampled_from(["answer", "copy", "before"]),
            st.text(),
            st.text(),
            st.integers(0, 599),
            st.text(),
        )
    )
    def test_it_survives_being_bytes(self, sighting: Sighting) -> None:
        """Any text at all, lone surrogates from a page included."""
        assert Sighting.from_bytes(sighting.to_bytes()) == sighting

    def test_a_lone_surrogate_survives(self) -> None:
        """JavaScript's texts may hold one."""
        sighting = shown("\ud800" + TOKEN, "\udfff")
        assert Sighting.from_bytes(sighting.to_bytes()) == sighting

    def test_its_repr_shows_neither_text_nor_label(self) -> None:
        """It may stand in a log or a traceback."""
        assert TOKEN not in repr(Sighting("copy", TOKEN, label=TOKEN))

    def test_an_agreement_s_repr_shows_no_token(self) -> None:
        """Only its fingerprint."""
        agreement = agree([copied(TOKEN)])
        assert agreement is not None
        assert TOKEN not in repr(agreement)
        assert agreement.token.fingerprint in repr(agreement)


def looks_random(text: str) -> bool:
    """Tell what may stand for a token: digits and letters mixed, as in all that is known."""
    kinds = (str.isdigit, str.islower)
    return all(sum(kind(each) for each in text) >= 3 for kind in kinds) and ".." not in text


tokens = st.text("abcdefghijklmnopqrstuvwyzABCDEFGHIJKLMNOPQRSTUVWYZ0123456789_-", min_size=22,
                 max_size=90).filter(looks_random).map(lambda each: f"7{each}Zq9")  # fmt: skip
names = st.sampled_from(
    ["token", "access_token", "request_id", "logid", "data", "blob", "csrf_token", "hash", "x"]
)
labels = st.sampled_from(
    ["", "Access token", "Request ID", "ID", "Secret", "Pixel \u2022\u2022\u2022"]
)


@st.composite
def sightings(draw: Callable[..., Any], pool: list[str]) -> Sighting:
    """Draw one sighting of one of a few texts."""
    text = draw(st.sampled_from(pool))
    kind = draw(st.sampled_from(["answer", "socket", "text", "field", "copy", "before"]))
    if kind in ("answer", "socket"):
        return answer({draw(names): text}, kind=kind)
    return Sighting(kind, text, label=draw(labels))


scenes = st.lists(tokens, min_size=1, max_size=4, unique=True).flatmap(
    lambda pool: st.tuples(st.just(pool), st.lists(sightings(pool), max_size=8))
)


class TestAlways:
    """What holds for whatever is seen."""

    @given(scenes, st.randoms(use_true_random=False))
    @often
    def test_the_order_of_sightings_does_not_matter(
        self, scene: tuple[list[str], list[Sighting]], shuffler: random.Random
    ) -> None:
        """Nor does seeing them twice."""
        seen = list(scene[1])
        expected = told(*seen)
        shuffler.shuffle(seen)
        assert told(*seen) == expected
        assert told(*seen, *seen) == expected

    @given(scenes)
    @often
    def test_nothing_known_and_nothing_seen_before_is_returned(
        self, scene: tuple[list[str], list[Sighting]]
    ) -> None:
        """And nothing that was not seen at all."""
        pool, seen = scene
        stood = {each.text for each in seen if each.kind == "before"}
        agreement = agree(seen, lambda text: text == pool[0])
        if agreement is not None:
            assert agreement.token.reveal() in set(pool[1:]) - stood
            assert agreement.firm == (len(agreement.sources) > 1)
            assert set(agreement.sources) <= {"answer", "shown", "copy"}

    @given(tokens, st.lists(tokens, max_size=3), st.data())
    @often
    def test_a_token_that_is_answered_and_shown_beats_every_look_alike(
        self, token: str, others: list[str], data: st.DataObject
    ) -> None:
        """Look-alikes are answered under any other name, shown with any other label, or neither."""
        others = [each for each in others if each not in token and token not in each]
        seen = [answer({"access_token": token}), shown(token, LABEL)]
        for each in others:
            where = data.draw(st.sampled_from(["answer", "shown", "both"]))
            if where != "shown":
                name = data.draw(st.sampled_from(["request_id", "logid", "csrf_token", "blob"]))
                seen.append(answer({name: each}))
            if where != "answer":
                seen.append(shown(each, data.draw(st.sampled_from(["", "Request ID", "Key"]))))
        assert token_of(*data.draw(st.permutations(seen))) == token

    @often
    @given(
        st.lists(tokens, min_size=2, max_size=4, unique=True), st.sampled_from(["text", "field"])
    )
    def test_several_unlabelled_ones_are_none(self, pool: list[str], kind: Kind) -> None:
        """However many."""
        pool = [each for each in pool if not any(each in other for other in pool if other != each)]
        agreement = agree([shown(each, kind=kind) for each in pool])
        assert (agreement is None) == (len(pool) > 1)

    @often
    @given(tokens, st.sampled_from(["", " ", "\n", "\u00a0", "\u200b", "\t\u200d "]))
    def test_padding_changes_nothing(self, token: str, pad: str) -> None:
        """Leading or trailing spaces are what people's pasting fails on."""
        for see in (lambda text: answer({"token": text}), lambda text: shown(text, LABEL), copied):
            agreement: Agreement | None = agree([see(f"{pad}{token}{pad}")])
            assert agreement is not None
            assert agreement.token.reveal() == token

"""What a console's answer without a token means; and which of answer and page is believed."""

import json
from typing import Any

import pytest
from playwright.sync_api import Page

from automation.errors import AutomationError, PermissionDenied, SiteRefused
from automation.evidence import Sighting
from flows.answers import problem_in
from flows.ask import ask

WHERE = "POST console.example/api/token"
MEANINGS: dict[str, tuple[int, Any, str | None]] = {
    "a token": (200, {"code": 0, "data": {"token": "x" * 30}}, None),
    "fine in words": (200, {"status": "ok", "message": "Success"}, None),
    "no permission": (200, {"code": 40300, "message": "NO_PERMISSION"}, "permission_denied"),
    "no permission beside a word that says nothing": (
        200,
        {"message": "failed", "errMessage": "NO_PERMISSION", "errCode": 4003},
        "permission_denied",
    ),
    "an empty token": (200, {"code": 0, "data": {"access_token": ""}}, "permission_denied"),
    "forbidden": (403, "", "permission_denied"),
    "an outdated page": (403, {"message": "CSRF check failed"}, "site_refused"),
    "a number alone": (200, {"code": 4003, "message": "failed"}, "site_refused"),
    "GraphQL errors": (200, {"errors": [{"message": "Unknown pixel"}]}, "site_refused"),
    "signed out": (401, "", "sign_in_needed"),
    "signed out in words": (200, {"code": 7, "msg": "session has expired"}, "sign_in_needed"),
    "too many": (429, "", "site_busy"),
    "too many in words": (200, {"code": 3, "msg": "Too many requests"}, "site_busy"),
    "their side": (502, "<h1>Bad gateway</h1>", "site_busy"),
    "busy by its code": (200, {"code": 50000, "message": "?"}, "site_busy"),
    "what is not understood": (200, "<html>", None),
}


def answer(status: int, body: Any) -> Sighting:
    """Return an answer to the click's own request."""
    text = body if isinstance(body, str) else json.dumps(body)
    return Sighting("answer", text, WHERE, status)


def code(problem: AutomationError | None) -> str | None:
    """Return an error's code."""
    return problem.code if problem else None


@pytest.mark.parametrize(("status", "body", "expected"), MEANINGS.values(), ids=MEANINGS)
def test_an_answer_is_understood(status: int, body: Any, expected: str | None) -> None:
    """By its status, its code and all its words."""
    assert code(problem_in([answer(status, body)], [WHERE])) == expected


def test_only_what_the_click_asked_for_counts() -> None:
    """Another call of the page may fail as it likes."""
    assert problem_in([answer(500, "")], ["POST console.example/other"]) is None


def test_an_answer_s_words_are_quoted_without_what_may_be_a_token() -> None:
    """An error message may hold anything."""
    told = problem_in([answer(400, {"message": "bad abcdef0123456789abcdef0123"})], [WHERE])
    assert told is not None
    assert "abcdef0123456789" not in told.message
    assert "bad ..." in told.message


class _Refused:
    """A page that was clicked; what it then says is up to the test."""

    def __init__(self, page: Page, says: AutomationError | None) -> None:
        self.page, self._says = page, says

    def click(self) -> None: ...

    def look(self) -> str:
        return ""

    def confirm(self) -> bool:
        return False

    def copy(self) -> bool:
        return False

    def refusal(self) -> AutomationError | None:
        return self._says

    def obstacle(self) -> AutomationError | None:
        return None


class _Caught:
    """What was caught: one answer that declines with a number."""

    sightings = (answer(200, {"code": 4003, "message": "failed"}),)
    asked, dropped = (WHERE,), ()
    answered, unanswered, left = True, False, False

    def clicking(self) -> None: ...


@pytest.mark.parametrize("says", [PermissionDenied("the console says: no permission"), None])
def test_a_page_s_words_outweigh_a_number(page: Page, says: AutomationError | None) -> None:
    """The answer says only that it declined; the page says why."""
    asked: Any = _Refused(page, says)
    caught: Any = _Caught()
    with pytest.raises(PermissionDenied if says else SiteRefused):
        ask(asked, caught, lambda _seen: None, patience_s=5)

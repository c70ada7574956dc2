"""Does a token work? The Events API is asked, never with an event that could count as real.

The meaning of each answer is data: `events_api.toml`. The order in which TikTok checks a request is
not confirmed, so what an empty request brings is "probably".
"""

import functools
import hashlib
import re
import threading
import time
import tomllib
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from automation.controls_words import quote
from automation.errors import (
    AutomationError,
    SiteBusy,
    SiteRefused,
    UsageError,
    VerifyFailed,
)
from automation.secret import Secret, redact

_PATH = "/open_api/v1.3/event/track/"
_TIMEOUT_S = 15
_BACK_OFF_S = (1.0, 2.0, 4.0)
"""How long to wait before each further try; after the last of them it is "cannot tell"."""
_TEST_CODE = re.compile(r"[A-Za-z0-9_-]{1,64}")
_DATA = Path(__file__).with_name("events_api.toml")

_ERRORS: dict[str, type[AutomationError]] = {
    "dead": VerifyFailed,
    "foreign": VerifyFailed,
    "later": SiteBusy,
    "stop": SiteRefused,
    "unknown": SiteRefused,
}
"""`verify_failed` says that the token was rejected. What could not be told is no such thing: a
scheduler that answers it with a new token would stop a good one."""
_WORKS = {"works": True, "dead": False, "foreign": False}


@dataclass(frozen=True)
class Verdict:
    """What the Events API said of a token."""

    works: bool | None
    """None where it cannot be told: no answer, too many questions, a code nobody knows."""
    says: str
    """In words, without anything secret."""
    kind: str = "unknown"
    """works, dead, foreign (another pixel's, or no role), later, stop, unknown."""
    code: int | None = None
    """The answer's own code; None where there was none."""
    sure: bool = True
    """False: "probably"."""
    advice: str = ""

    def error(self, pixel: str) -> AutomationError | None:
        """Return what stands against calling the token verified, None where nothing does."""
        if self.works:
            return None
        said = "the Events API rejects the token" if self.works is False else "it cannot be told"
        advice = self.advice.replace("PIXEL", pixel)
        return _ERRORS[self.kind](f"{said}: {self.says}", where=f"pixel {pixel}", next_step=advice)


def ask_events_api(
    origin: str,
    pixel: str,
    token: Secret,
    *,
    test_event_code: str | None = None,
    waiting: Callable[[float], object] | None = None,
) -> Verdict:
    """Ask, and read from the answer's code whether the token works.

    What may pass by itself is asked again three times at most, after 1, 2 and 4 seconds.

    Args:
        origin: PIXELMINT_EVENTS_API_URL.
        pixel: the pixel's code.
        token: the token to try.
        test_event_code: sends one test event with it; without it no event is sent at all.
        waiting: waits for some seconds; for tests.

    Raises:
        UsageError: the test event code is malformed. Nothing was sent.
    """
    check_test_code(test_event_code)
    verdict = _ask(origin, pixel, token, test_event_code)
    for pause_s in _BACK_OFF_S:
        if verdict.kind != "later":
            break
        (waiting or threading.Event().wait)(pause_s)
        verdict = _ask(origin, pixel, token, test_event_code)
    return verdict


def check_test_code(code: str | None) -> None:
    """Refuse what is no test event code: with a wrong one an event might count as real.

    Raises:
        UsageError: it is malformed.
    """
    if code is not None and not _TEST_CODE.fullmatch(code):
        raise UsageError(
            "this is no test event code: letters and digits, like TEST12345",
            where="test event code",
            next_step="copy it from Events Manager > Test events, or leave it out",
        )


def body(pixel: str, test_event_code: str | None) -> dict[str, Any]:
    """Return what is sent: one test event, or, without a code for tests, no event."""
    asked: dict[str, Any] = {"event_source": "web", "event_source_id": pixel, "data": []}
    if test_event_code is None:
        return asked
    nobody = hashlib.sha256(uuid.uuid4().bytes).hexdigest()
    event = {
        "event": "ViewContent",
        "event_time": int(time.time()),
        "event_id": f"pixelmint-{uuid.uuid4()}",
        "user": {"external_id": [nobody]},
        "page": {"url": "https://example.com"},
    }
    return {**asked, "test_event_code": test_event_code, "data": [event]}


def _ask(origin: str, pixel: str, token: Secret, test_event_code: str | None) -> Verdict:
    import httpx

    headers = {"Access-Token": token.reveal()}
    try:
        answer = httpx.post(
            origin + _PATH,
            json=body(pixel, test_event_code),
            headers=headers,
            timeout=_TIMEOUT_S,
            follow_redirects=False,  # the token goes to no other host
        )
    except httpx.HTTPError as problem:
        return _made("later", f"no answer ({type(problem).__name__})")
    try:
        told = answer.json()
        code, message = int(str(told["code"])), str(told.get("message") or "")
    except (ValueError, KeyError, TypeError, AttributeError):
        kind = "later" if answer.status_code >= 500 else "unknown"
        return _made(kind, f"an answer without a code (HTTP {answer.status_code})")
    return meaning_of(code, message, sure=test_event_code is not None)


def meaning_of(code: int, message: str, *, sure: bool = False) -> Verdict:
    """Return what one answer means.

    Args:
        code: the answer's `code`.
        message: its `message`, which decides where one code stands for several matters.
        sure: an event was sent, so that acceptance proves something.
    """
    row = _row(code, message)
    said = quote(redact(message))  # it may repeat what was sent
    if row is None:
        return _made("unknown", f"code {code} is not known here ({said})", code)
    says = f"{row['says']} (code {code})"
    if row["verdict"] != "works":
        return _made(row["verdict"], f"{says}: {said}" if said else says, code)
    sure = sure and row.get("sure", True)
    advice = "" if sure else _table()["advice"]["works"]
    return Verdict(True, says if sure else f"probably works: {says}", "works", code, sure, advice)


def _row(code: int, message: str) -> dict[str, Any] | None:
    found = next((each for each in _table()["answers"] if _covers(each, code)), None)
    for text, instead in (found or {}).get("texts", {}).items():
        if text in message.lower():
            return _row(instead, "")
    return found


def _covers(row: dict[str, Any], code: int) -> bool:
    first, last = row.get("range", (0, -1))
    return code in row["codes"] or first <= code <= last


def _made(kind: str, says: str, code: int | None = None) -> Verdict:
    advice = _table()["advice"][kind]
    if kind == "unknown":
        advice += f" (the codes known here were read on {_table()['read']})"
    return Verdict(_WORKS.get(kind), says, kind, code, advice=advice)


@functools.cache
def _table() -> dict[str, Any]:
    return tomllib.loads(_DATA.read_text(encoding="utf-8"))

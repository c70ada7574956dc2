"""What the console's answer to the click means when there is no token in it.

The form of these answers is not documented: what is read here is what internal answers of such
consoles commonly look like (thin; one script saw `errMessage: "NO_PERMISSION"`).
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from automation.errors import (
    AutomationError,
    PermissionDenied,
    SignInNeeded,
    SiteBusy,
    SiteRefused,
)
from automation.evidence import Sighting
from flows.wording import Wording

_CODES = ("code", "status_code", "statuscode", "errcode", "err_code", "error_code", "errorcode")
_WORDS = ("message", "msg", "errmessage", "err_message", "errmsg", "error_message", "error_msg",
          "errormessage", "detail", "description", "reason", "error")  # fmt: skip
_FINE = ("0", "200", "20000", "20001", "ok", "success", "none", "")
_FINE_WORDS = ("ok", "success", "succeeded", "successful", "done")
_NO_RIGHT = re.compile(
    r"no[_ ]?permission|permission[_ ]?denied|not (allowed|permitted|authori[sz]ed)|unauthori[sz]ed"
    r"|forbidden|access[_ ]denied|insufficient|lacks? permission|do(es)? not have permission", re.I
)  # fmt: skip
_TOO_MUCH = re.compile(
    r"too many|rate.?limit|try again|system (is )?busy|time.?out|temporar|frequen|unavailable"
    r"|internal (server )?error", re.I
)  # fmt: skip
_SIGNED_OUT = re.compile(r"not logged in|log ?in (again|required|expired)|session.{0,12}expired"
                         r"|sign in again|login_?required|not[_ ]login", re.I)  # fmt: skip
_LOOKS_SECRET = re.compile(r"[A-Za-z0-9_.-]*\d[A-Za-z0-9_.-]*")

_LATER = "wait a few minutes, then run the same command again"
_ROLE = "ask for the Admin role (in some accounts Operator) on this pixel in the Business Center"


def problem_in(sightings: Iterable[Sighting], asked: Iterable[str]) -> AutomationError | None:
    """Return what the console declined with, or None when it did not.

    Args:
        sightings: everything seen since arming.
        asked: method and path of the requests the click led to; only their answers count.
    """
    wheres = set(asked)
    answers = [each for each in sightings if each.kind == "answer" and each.where in wheres]
    # What changes something comes first: the click's own request, not a reading beside it.
    answers.sort(key=lambda each: each.where.startswith("GET "))
    return next((found for each in answers if (found := _problem(each))), None)


def problem_in_words(shown: str, wording: Wording) -> AutomationError | None:
    """Return what a message on the page means, or None when it says nothing known."""
    if line := _line_with(shown, wording.words("permission_denied")):
        return PermissionDenied(f"the console says: {_said(line)}", next_step=_ROLE)
    if line := _line_with(shown, wording.words("busy")):
        return SiteBusy(f"the console says: {_said(line)}", next_step=_LATER)
    return None


def _line_with(shown: str, words: Iterable[str]) -> str:
    """Return the line that says one of some words, empty for none."""
    known = [each.lower() for each in words]
    lines = (line for line in shown.split("\n") if any(word in line.lower() for word in known))
    return next(lines, "")


def _problem(answer: Sighting) -> AutomationError | None:
    body = _json(answer.text)
    words = _telling(list(_texts(body, _WORDS))) or ("" if body is not None else answer.text)
    said = f"the console answered: {_said(words)}" if words else "the console answered"
    if answer.status == 401 or _SIGNED_OUT.search(words):
        return SignInNeeded(
            f"{said} ({answer.status}); the session has ended", next_step="pixelmint sign-in"
        )
    if answer.status == 429 or answer.status >= 500:
        return SiteBusy(f"{said} (HTTP {answer.status})", next_step=_LATER)
    # A 403 that names another cause, such as an outdated page, is no matter of permission.
    if (answer.status == 403 and not words) or (answer.status >= 400 and _NO_RIGHT.search(words)):
        return PermissionDenied(f"{said} (HTTP {answer.status})", next_step=_ROLE)
    if answer.status >= 400:
        return SiteRefused(f"{said} (HTTP {answer.status})", next_step="look at the pixel there")
    return _refusal(body, words, said)


def _telling(said: list[str]) -> str:
    """Return what says most of several messages: one that is understood, else the first."""
    known = (_NO_RIGHT, _SIGNED_OUT, _TOO_MUCH)
    return next((each for words in known for each in said if words.search(each)), (said or [""])[0])


def _refusal(body: Any, words: str, said: str) -> AutomationError | None:
    """Read an answer of HTTP 200, which may decline all the same."""
    if _NO_RIGHT.search(words):
        return PermissionDenied(said, next_step=_ROLE)
    codes = [each for each in _texts(body, _CODES) if each.lower() not in _FINE]
    failed = isinstance(body, dict) and (
        body.get("success") is False or body.get("ok") is False or bool(body.get("errors"))
    )
    if not codes and not failed:
        if _empty_token(body):
            return PermissionDenied(
                "the console answered with an empty token, as it may where permission lacks",
                next_step=_ROLE,
            )
        return None
    if codes and words.strip().lower() not in _FINE_WORDS:
        said += f" (code {codes[0][:20]})"
    if _TOO_MUCH.search(words) or any(each in ("429", "40100", "50000", "50002") for each in codes):
        return SiteBusy(said, next_step=_LATER)
    return SiteRefused(said, next_step="look at the pixel in Events Manager; it says more there")


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _texts(value: Any, names: tuple[str, ...]) -> Iterator[str]:
    """Yield the values that stand under one of these names, outermost first."""
    if isinstance(value, list):
        for each in value:
            yield from _texts(each, names)
    elif isinstance(value, dict):
        for name, each in value.items():
            if name.lower() in names and isinstance(each, str | int) and each is not True:
                yield str(each)
        for each in value.values():
            yield from _texts(each, names)


def _empty_token(value: Any) -> bool:
    if isinstance(value, list):
        return any(_empty_token(each) for each in value)
    if isinstance(value, dict):
        return any(
            (name.lower().replace("_", "").endswith("token") and each in ("", None))
            or _empty_token(each)
            for name, each in value.items()
        )
    return False


def _said(words: str) -> str:
    """Return the console's words on one line, without anything that might be a token."""
    line = " ".join(words.split())[:200]
    return _LOOKS_SECRET.sub(lambda each: "..." if len(each[0]) >= 20 else each[0], line)

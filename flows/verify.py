"""Does a token work? The Events API is asked, never with an event that could count as real.

Codes and their meanings: TikTok's own documentation and clients (see DOMAIN), read 2026-11-22; the
order in which TikTok checks a request is not confirmed, so an empty request's answer is "probably".
"""

from dataclasses import dataclass

from automation.secret import Secret

_PATH = "/open_api/v1.3/event/track/"
_TIMEOUT_S = 20
_WORKS = {
    0: "accepted",
    20001: "accepted in part",
    40002: "probably: only the empty event is refused",
}
_DEAD = {
    40001: "a real token, but not for this pixel, or without the role for it",
    40102: "expired",
    40104: "no token was given",
    40105: "incorrect or revoked",
    40106: "not authorised",
    40113: "not authorised",
    40118: "not authorised",
    40119: "not authorised",
    40125: "not authorised",
}


@dataclass(frozen=True)
class Verdict:
    """What the Events API said of a token."""

    works: bool | None
    """None where it cannot be told: no answer, too many questions, a code nobody knows."""
    says: str


def ask_events_api(origin: str, pixel: str, token: Secret) -> Verdict:
    """Send a request without an event and read from its code whether the token is known.

    Args:
        origin: PIXELMINT_EVENTS_API_URL.
        pixel: the pixel's code.
        token: the token to try.
    """
    import httpx

    body = {"event_source": "web", "event_source_id": pixel, "data": []}
    try:
        answer = httpx.post(
            origin + _PATH, json=body, headers={"Access-Token": token.reveal()}, timeout=_TIMEOUT_S
        )
        code = answer.json()["code"]
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as problem:
        return Verdict(None, f"cannot tell: no usable answer ({type(problem).__name__})")
    if code in _WORKS:
        return Verdict(True, _WORKS[code])
    if code in _DEAD:
        return Verdict(False, f"{_DEAD[code]} (code {code})")
    return Verdict(None, f"cannot tell (code {str(code)[:20]})")

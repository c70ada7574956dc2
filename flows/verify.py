"""Whether stored tokens work: the Events API is asked and, where wanted, the console looked at."""

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from automation.errors import AutomationError, EscrowFailed, SignInNeeded, VerifyFailed
from automation.records import Changes
from automation.report import Result
from automation.secret import Secret
from flows.console import Console
from flows.deliver import delivered
from flows.events_api import Verdict, ask_events_api, check_test_code
from flows.fetch import fetch
from flows.filing import Filed, last_stored, note
from flows.remember import add_history
from flows.workshop import Workshop, check_names, own_fault

__all__ = ["Asked", "Verdict", "Verified", "ask_events_api", "verify"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Asked:
    """What is to be found out of each pixel."""

    stores: tuple[str, ...] = ()
    """Where the tokens are taken from; none means the store last known to hold each."""
    account: str | None = None
    """Where the console is looked at; None means as it was generated."""
    console: bool = False
    """Also look, read-only, whether the console lists a token."""


@dataclass
class Verified:
    """One pixel: the contract's object, and what was said in words."""

    result: Result
    says: str = ""
    """Of the Events API; empty where it was not asked."""
    listed: bool | None = None
    """Whether the console lists a token; None where nobody could look."""


def verify(workshop: Workshop, pixels: Sequence[str], asked: Asked) -> Iterator[Verified]:
    """Yield one result a pixel: `kept` for a token that works; each is tried.

    What cannot be told is `failed` too, with `verified` null and the code `site_busy` or
    `site_refused`: asked for was an answer, and there is none.

    Raises:
        UsageError: a pixel, the account or the test event code is malformed. Nothing was asked.
    """
    check_names(pixels, asked.account)
    check_test_code(workshop.settings.test_event_code)
    for url in asked.stores:
        workshop.store(url)
    with Console(workshop, account=asked.account, visible=False) as console:
        for pixel in pixels:
            yield _verified(workshop, pixel, asked, console)
        if asked.console:
            console.keep_session()


def _verified(workshop: Workshop, pixel: str, asked: Asked, console: Console) -> Verified:
    started = time.monotonic()
    found = Verified(Result(pixel, asked.account, "failed"))
    try:
        token = _token(workshop, pixel, asked, found.result)
        verdict = verify_token(workshop, pixel, token)
        found.result.verified, found.says = verdict.works, verdict.says
        found.result.error = verdict.error(pixel)
        if verdict.works and not verdict.sure:
            found.says += f"; {verdict.advice}"
        if asked.console:
            found.listed = _listed(workshop, pixel, found.result.account, console)
            workshop.verdicts.note(pixel, listed=found.listed, listed_at=datetime.now(UTC))
    except AutomationError as problem:
        found.result.error = found.result.error or problem
    except Exception as problem:  # a fault of our own: the other pixels are tried all the same
        log.debug("unexpected", exc_info=True)
        found.result.error = own_fault(problem)
    if found.result.error is None:
        found.result.outcome = "kept"
    found.result.seconds = time.monotonic() - started
    add_history(workshop, found.result, "verify")
    return found


def verify_token(workshop: Workshop, pixel: str, token: Secret) -> Verdict:
    """Ask the Events API about a token, with the test event code that is set, and write it down."""
    settings = workshop.settings
    workshop.say(f"asking the Events API about token {token.fingerprint} of {pixel}")
    verdict = ask_events_api(
        settings.events_api_url, pixel, token, test_event_code=settings.test_event_code
    )
    _note(workshop, pixel, token.fingerprint, verdict)
    return verdict


def _token(workshop: Workshop, pixel: str, asked: Asked, result: Result) -> Secret:
    token = fetch(workshop, pixel, only=asked.stores)
    known, last = workshop.records.get(pixel), last_stored(workshop, pixel)
    result.fingerprint = token.fingerprint
    if last is not None:
        result.account, result.stored_in = last[0].account, list(last[1]["stored_in"])
        if known is None or (known.intent or "") < last[0].id:  # lost, or a crash came before it
            note(workshop, last[0], Filed(last[1]["fingerprint"], result.stored_in))
    elif known is not None:
        result.account, result.stored_in = known.account or asked.account, known.stored_in
    if asked.stores:
        result.stored_in = list(asked.stores)
    result.delivered = delivered(workshop, pixel, token.fingerprint)
    return token


def _listed(workshop: Workshop, pixel: str, account: str | None, console: Console) -> bool:
    """Look whether the console lists a token of a pixel. Clicks nothing but the way there."""
    try:
        page = console.events_manager().open_pixel(pixel, account)
        page.read()
        return bool(page.token_exists())
    except SignInNeeded as problem:
        console.note_end(problem)
        raise


def _note(workshop: Workshop, pixel: str, fingerprint: str, verdict: Verdict) -> None:
    """Write down what was said, unless it is of a token that the records do not know as current."""
    now = datetime.now(UTC)
    try:
        known = workshop.records.get(pixel)
        if known is not None and known.fingerprint not in (None, fingerprint):
            return
        workshop.verdicts.note(
            pixel, fingerprint=fingerprint, says=verdict.says, sure=verdict.sure, at=now
        )
        changes: Changes = {"fingerprint": fingerprint}
        if verdict.works is not None:  # else what was known before is still all that is known
            changes["verified"], changes["verified_at"] = verdict.works, now
        error = verdict.error(pixel) if verdict.works is False else None
        if error is not None:
            changes["outcome"], changes["error"] = "failed", error.as_json()
        elif verdict.works and ((known and known.error) or {}).get("code") == VerifyFailed.code:
            changes["outcome"], changes["error"] = "kept", None
        workshop.records.note(pixel, **changes)
    except EscrowFailed as problem:
        log.warning("%s", problem.message)

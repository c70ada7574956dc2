"""Finish what a crash or a failing store left in escrow. Needs no browser."""

import contextlib
import logging
import time
from collections.abc import Iterator
from datetime import datetime

from automation.errors import AlreadyRunning, AutomationError, TokenUnread
from automation.escrow import Intent
from automation.evidence import Sighting
from automation.report import Result
from automation.secret import Secret
from flows.filing import agreed, outcome_of
from flows.remember import add_history
from flows.renewal import file_as_asked
from flows.workshop import Workshop, own_fault

log = logging.getLogger(__name__)


def open_intents(workshop: Workshop, pixel: str = "") -> list[Intent]:
    """Return the open intents that no later stored token has made needless, oldest first.

    One whose click never came is none of them: nothing was asked. Of several without a token, of
    one pixel, only the last counts.
    """
    escrow = workshop.escrow
    latest: dict[str, str] = {}
    open_ones: list[Intent] = []
    for intent in escrow.intents(pixel):
        ending = escrow.settled(intent)
        if ending is None and escrow.asked(intent):
            open_ones.append(intent)
        elif ending is not None and ending["outcome"] == "stored":
            latest[intent.pixel] = intent.id
    return [each for each in open_ones if each.id > latest.get(each.pixel, "")]


def recover(workshop: Workshop) -> Iterator[Result]:
    """Yield one result for each pixel that had something open."""
    _close_unasked(workshop)
    by_pixel: dict[str, list[Intent]] = {}
    for intent in open_intents(workshop):
        by_pixel.setdefault(intent.pixel, []).append(intent)
    for intents in by_pixel.values():
        # Oldest first, so that the newest token is the one that stays current in the stores.
        results = [recover_one(workshop, each) for each in intents]
        told = [each for each in results if each.fingerprint] or results
        add_history(workshop, told[-1], "recover")
        yield told[-1]


def _close_unasked(workshop: Workshop) -> None:
    """Settle what ended before its click, unless its run is still on the way there."""
    escrow = workshop.escrow
    for intent in escrow.unsettled():
        with contextlib.suppress(AlreadyRunning), workshop.account_lock(intent.account):
            if not escrow.asked(intent) and escrow.settled(intent) is None:
                escrow.settle(intent, "not_asked")


def recover_one(workshop: Workshop, intent: Intent) -> Result:
    """Look again at what was seen for one intent, and store the token if there is one.

    One that was renewed is proven before it becomes the current one, as in its own run.
    """
    started = time.monotonic()
    result = Result(intent.pixel, intent.account, "failed")
    result.phases.begin("read")
    try:
        with workshop.account_lock(intent.account):
            token = _token(workshop, intent)
            result.phases.begin("store")
            workshop.say(f"finishing token {token.fingerprint} of {intent.pixel}")
            filed = file_as_asked(workshop, intent, token)
        result.fingerprint, result.stored_in = filed.fingerprint, filed.stored_in
        result.error, result.verified = filed.error, filed.verified
        result.outcome = "failed" if filed.error else outcome_of(intent)
    except AutomationError as problem:
        if problem.stops_the_run:
            raise
        result.error = problem
    except Exception as problem:  # a fault of our own: the other pixels are tried all the same
        log.debug("unexpected", exc_info=True)
        result.error = own_fault(problem)
    result.seconds = time.monotonic() - started
    return result


def _token(workshop: Workshop, intent: Intent) -> Secret:
    escrow = workshop.escrow
    kept = escrow.token(intent)
    if kept is not None:
        return kept
    seen = [Sighting.from_bytes(each) for each in escrow.seen(intent)]
    agreement = agreed(workshop, intent, seen)
    if agreement is None:
        escrow.give_back(intent)
        raise unread(intent, something=any(each.kind != "before" for each in seen))
    escrow.keep(intent, agreement.token)
    return agreement.token


def unread(intent: Intent, *, something: bool = False) -> TokenUnread:
    """Say what is known of an intent that ended without a token."""
    at = datetime.fromisoformat(intent.at)
    return TokenUnread(
        f"a token was asked for at {at:%Y-%m-%d %H:%M:%S} UTC and none could be captured"
        + ("; what the page answered is sealed in escrow" if something else ""),
        where=f"pixel {intent.pixel}",
        next_step="look at the pixel's Events API section: if a token is listed as active there, "
        f"nobody holds it; `pixelmint generate {intent.pixel} --replace` makes another",
    )


def waiting(workshop: Workshop, intent: Intent) -> AutomationError:
    """Return what stands in the way of an open intent, without touching anything."""
    try:
        with workshop.account_lock(intent.account):
            return unread(intent)
    except AlreadyRunning as problem:
        return problem

"""A renewed token on its way to be the current one: laid beside it, proven, then made current.

Each step may be repeated after a crash; the intent says that it is a rotation, so that whoever
takes it up goes through the same steps, and a token nobody has seen working is never made current.
"""

import contextlib
import logging
import threading
from datetime import UTC, datetime

from automation.errors import AutomationError, EscrowFailed, StoreFailed, VerifyFailed
from automation.escrow import Intent
from automation.secret import Secret
from automation.stores.base import HoldsPending
from flows.events_api import Verdict, ask_events_api
from flows.filing import Filed, file_token, last_stored, note, reference
from flows.workshop import Workshop

log = logging.getLogger(__name__)

_WAITS_S = (1.0, 3.0, 9.0)
"""Before each further question: whether a new token works at once is not known."""


def file_as_asked(workshop: Workshop, intent: Intent, token: Secret) -> Filed:
    """File a token as its intent asks for: at once, or, of a rotation, once it is proven."""
    return renew(workshop, intent, token) if intent.rotates else file_token(workshop, intent, token)


def renew(workshop: Workshop, intent: Intent, token: Secret) -> Filed:
    """Prove a token and make it the current one; until then the one before stays current.

    Returns:
        Filed: its error is VerifyFailed where the token was rejected (`verified` False, the intent
            is settled), SiteBusy or SiteRefused where nobody could tell (`verified` None, the
            intent stays open), StoreFailed where not every store took it. Each says whether the
            current token works.
    """
    escrow = workshop.escrow
    _lay_beside(workshop, intent, token)
    verdict = ask_until_told(workshop, intent.pixel, token)
    if verdict.works is None and not escrow.proven(intent):
        return _not_renewed(workshop, intent, token, verdict)
    try:
        if verdict.works is False:
            about = {"fingerprint": token.fingerprint, "message": verdict.says}
            escrow.settle(intent, "verify_failed", **about)
        elif verdict.works:
            escrow.prove(intent)
    except EscrowFailed as problem:  # it stays open, and is asked about again
        log.warning("%s", problem.message)
    if verdict.works is False:
        return _not_renewed(workshop, intent, token, verdict)
    filed = file_token(workshop, intent, token, verified=True)
    if verdict.works:
        _note(workshop, intent.pixel, token, verdict)
    if filed.error is not None:
        before = _of_the_one_before(workshop, intent)
        filed.error = StoreFailed(
            f"{filed.error.happened}; the renewed token {token.fingerprint} works, and a store "
            f"that did not take it keeps the one before: {before}",
            next_step=filed.error.next_step,
        )
    return filed


def rejected(workshop: Workshop, pixel: str) -> Intent | None:
    """Return the newest intent of a pixel if its renewed token was rejected: it may work by now."""
    for intent in workshop.escrow.intents(pixel)[-1:]:
        ending = workshop.escrow.settled(intent)
        if ending is not None and ending["outcome"] == "verify_failed":
            return intent
    return None


def ask_until_told(workshop: Workshop, pixel: str, token: Secret) -> Verdict:
    """Ask the Events API, some times over where it rejects the token."""
    verdict = _asked(workshop, pixel, token)
    for wait_s in _WAITS_S:
        if verdict.works is not False:  # what cannot be told was asked again already
            break
        workshop.say(f"token {token.fingerprint}: {verdict.says}; asking again in {wait_s:g} s")
        threading.Event().wait(wait_s)
        verdict = _asked(workshop, pixel, token)
    return verdict


def _asked(workshop: Workshop, pixel: str, token: Secret) -> Verdict:
    settings = workshop.settings
    return ask_events_api(
        settings.events_api_url, pixel, token, test_event_code=settings.test_event_code
    )


def _note(workshop: Workshop, pixel: str, token: Secret, verdict: Verdict) -> None:
    with contextlib.suppress(AutomationError):  # the records have the bare answer
        workshop.verdicts.note(
            pixel, fingerprint=token.fingerprint, says=verdict.says, sure=verdict.sure,
            at=datetime.now(UTC),
        )  # fmt: skip


def _lay_beside(workshop: Workshop, intent: Intent, token: Secret) -> None:
    for url in intent.stores:
        with contextlib.suppress(AutomationError):  # it lies in escrow, and is put when proven
            store = workshop.store(url)
            if isinstance(store, HoldsPending):
                store.put_pending(reference(intent), token, intent=intent.id)


def _not_renewed(workshop: Workshop, intent: Intent, token: Secret, verdict: Verdict) -> Filed:
    before = _of_the_one_before(workshop, intent)
    told = verdict.error(intent.pixel)
    error = type(told or VerifyFailed(""))(
        f"the renewed token {token.fingerprint} was not made current: {verdict.says}; {before}",
        where=f"pixel {intent.pixel}",
        next_step="look at the pixel's Events API section; the next `pixelmint rotate` asks about "
        "this token once more, and then makes another"
        if verdict.works is False
        else "the renewed token is safe in escrow: `pixelmint recover`, or the next `rotate`, "
        "asks about it again and makes no other meanwhile",
    )
    filed = Filed(token.fingerprint, error=error, verified=verdict.works)
    note(workshop, intent, filed)
    return filed


def _of_the_one_before(workshop: Workshop, intent: Intent) -> str:
    """Say whether the current token works, and note it."""
    before = last_stored(workshop, intent.pixel)
    token = None if before is None else workshop.escrow.token(before[0])
    if token is None:
        token = _from_a_store(workshop, intent)
    if token is None:
        return "no current token could be read, so whether one works is not known"
    verdict = _asked(workshop, intent.pixel, token)
    if verdict.works is not None:
        with contextlib.suppress(AutomationError):
            workshop.records.note(
                intent.pixel, verified=verdict.works, verified_at=datetime.now(UTC)
            )
        _note(workshop, intent.pixel, token, verdict)
    says = {
        True: "still works",
        False: f"does not work: {verdict.says}. No token of this pixel works now",
        None: f"may work or not: {verdict.says}",
    }
    return f"the current token {token.fingerprint} {says[verdict.works]}"


def _from_a_store(workshop: Workshop, intent: Intent) -> Secret | None:
    for url in intent.stores:
        try:
            return workshop.store(url).get(reference(intent))
        except Exception:  # a store of someone else's may raise anything
            log.debug("a store does not give the current token", exc_info=True)
    return None

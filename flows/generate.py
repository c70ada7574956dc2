"""One token: the order of DESIGN.md from the stores' check to the settled intent."""

import contextlib
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from automation.browser import BrowserGone
from automation.capture import Capture
from automation.database import Away
from automation.errors import (
    AutomationError,
    EscrowFailed,
    HumanCheck,
    PageChanged,
    SignInNeeded,
    TokenExists,
    TokenUnread,
)
from automation.escrow import Intent
from automation.evidence import Agreement
from automation.leases import LostLease
from automation.report import Result
from automation.signals import held_back
from automation.stores.base import Ref
from flows.ask import NotAsked, ask
from flows.console import Console
from flows.deliver import settle_deliveries, wanted
from flows.destinations.registry import check_destinations
from flows.filing import agreed, last_stored, outcome_of, stored
from flows.pacing import pace
from flows.pages.pixel_page import PixelPage
from flows.recover import open_intents, recover_one
from flows.remember import remember
from flows.renewal import file_as_asked, rejected
from flows.workshop import Workshop, check_names, own_fault

log = logging.getLogger(__name__)

_NEAR = 4
"""How many of the pixels that come next are looked at for reading ahead."""
_TRIES = 3
_BY_HAND_S = 15 * 60
"""How long a person has for a click of their own."""


@dataclass(frozen=True)
class Wish:
    """What is asked for each of the pixels."""

    account: str | None = None
    replace: bool = False
    guided: bool = False
    """A person clicks; pixelmint captures and stores."""
    dry_run: bool = False
    """Everything but the click."""
    deliver: tuple[str, ...] = ()
    """Destinations the token is given to once it is stored, now and whenever it is renewed."""
    rotates: bool = False
    """The token is proven before it becomes the current one; see `flows.renewal`."""


def generate(workshop: Workshop, pixels: Sequence[str], wish: Wish) -> Iterator[Result]:
    """Yield one result a pixel, in order; each is tried whatever became of the one before.

    Raises:
        UsageError: a pixel is malformed, a setting or the key is wrong. Nothing was touched.
        EscrowFailed: the disk would not take a token. Nothing was clicked.
        KeyboardInterrupt: Ctrl-C came; the token that was in hand is stored and told of.
    """
    check_names(pixels, wish.account)
    wish = replace(wish, deliver=check_destinations(wish.deliver, workshop))
    prepare(workshop)
    with Console(workshop, account=wish.account, visible=wish.guided) as console:
        for at, pixel in enumerate(pixels):
            yield generate_one(workshop, pixel, wish, console, then=pixels[at + 1 :])
            if console.stopping:
                raise KeyboardInterrupt
        console.keep_session()


def prepare(workshop: Workshop) -> None:
    """Step 1: escrow takes and returns a test record, every store answers.

    Raises:
        EscrowFailed, StoreFailed, UsageError: which does not, and why. Nothing was touched.
    """
    workshop.say("checking escrow and stores")
    workshop.escrow.check()
    workshop.wording.never  # noqa: B018 -- read now: a broken file of the user's is told before
    for store in workshop.stores:
        store.check()


def generate_one(
    workshop: Workshop, pixel: str, wish: Wish, console: Console, *, then: Sequence[str] = ()
) -> Result:
    """Do one pixel of a run whose `prepare` was called; what fails is in the result.

    Args:
        workshop: what the run works with.
        pixel: the pixel's code.
        wish: what is asked for.
        console: the run's browser.
        then: the pixels that come next, whose pages may be opened meanwhile.

    Raises:
        UsageError, EscrowFailed: what stops the whole run.
    """
    started = time.monotonic()
    result = Result(pixel, wish.account, "failed")
    result.phases.begin("look up")
    try:
        for left in reversed(range(_TRIES)):
            try:
                _one(workshop, pixel, wish, console, result, then, again=left < _TRIES - 1)
                break
            except (
                LostLease,
                Away,
            ) as problem:  # nothing was clicked: from the start, with fresh eyes
                if not left:
                    raise
                log.info("%s; beginning again", problem.message)
    except SignInNeeded as problem:
        console.note_end(problem)
        result.error = problem
    except AutomationError as problem:
        if problem.stops_the_run:
            raise
        result.error = problem
    except Exception as problem:  # a fault of our own: the other pixels are tried all the same
        log.debug("unexpected", exc_info=True)
        result.error = own_fault(problem)
    result.seconds = time.monotonic() - started
    kind = "rotate" if wish.rotates else "generate"
    remember(workshop, result, "dry run" if wish.dry_run else kind)
    return result


def _one(
    workshop: Workshop,
    pixel: str,
    wish: Wish,
    console: Console,
    result: Result,
    then: Sequence[str],
    *,
    again: bool,
) -> None:
    workshop.escrow.begin(pixel, again=again)
    if not wish.dry_run:
        _settle_what_is_open(workshop, pixel, wish, result)
    if result.outcome == "failed" and (wish.replace or not _kept(workshop, pixel, result)):
        _generate(workshop, pixel, wish, console, result, then)
    if result.outcome != "failed" and not (wish.dry_run or console.stopping):
        settle_deliveries(workshop, result, console.destinations, wish.deliver)


def _settle_what_is_open(workshop: Workshop, pixel: str, wish: Wish, result: Result) -> None:
    """A token that waits in escrow is filed before the console is asked for another."""
    for intent in open_intents(workshop, pixel):
        found = recover_one(workshop, intent)
        if found.error is None or found.fingerprint:
            _take(result, found)
    again = rejected(workshop, pixel) if wish.rotates and result.outcome == "failed" else None
    if again is not None:
        found = recover_one(workshop, again)
        if found.verified is not False:  # else it was rejected twice, in two runs: another is made
            _take(result, found)


def _take(result: Result, found: Result) -> None:
    result.outcome, result.account = found.outcome, found.account
    result.fingerprint, result.stored_in = found.fingerprint, found.stored_in
    result.verified = found.verified
    if found.error is not None:
        raise _as_error(found)


def _as_error(found: Result) -> AutomationError:
    if isinstance(found.error, AutomationError):
        return found.error
    raise TypeError("a result that failed carries its error")


def _kept(workshop: Workshop, pixel: str, result: Result) -> bool:
    """Tell whether every wanted store already holds this pixel's token, one and the same."""
    last = last_stored(workshop, pixel)
    return last is not None and is_kept(workshop, *last, result)


def is_kept(workshop: Workshop, intent: Intent, ending: dict[str, Any], result: Result) -> bool:
    """Tell the same of an intent that was stored; if so, `result` says "kept".

    What the stores hold without such an intent is not known to be pixelmint's.
    """
    prints = stored(workshop, intent, ending)
    if len(prints) < len(workshop.stores) or set(prints.values()) != {ending["fingerprint"]}:
        return False
    result.outcome, result.fingerprint = "kept", ending["fingerprint"]
    result.account, result.stored_in = intent.account, list(prints)
    return True


def _generate(
    workshop: Workshop,
    pixel: str,
    wish: Wish,
    console: Console,
    result: Result,
    then: Sequence[str],
) -> None:
    known = workshop.records.get(pixel)
    account = wish.account or (known.account if known else None) or None
    with contextlib.ExitStack() as locks:
        if account:
            locks.enter_context(workshop.account_lock(account))
        workshop.escrow.may_ask(pixel, replace=wish.replace)
        result.phases.begin("open")
        page = console.open_pixel(pixel, account)
        _read_ahead(workshop, then, wish, console)
        seen = page.read()
        result.account = seen.account
        if seen.account != account:
            locks.enter_context(workshop.account_lock(seen.account))
        result.phases.begin("find")
        exists = page.token_exists()
        if exists and not wish.replace:
            workshop.escrow.may_ask(pixel, replace=False)
            raise TokenExists(
                f"the pixel has a token already ({exists})",
                where=f"pixel {pixel}",
                next_step="pass --replace to make another; that may stop the current one"
                + _lost_one(workshop, pixel),
            )
        page.find_generate(replace=wish.replace)
        _check_places(workshop, Ref(pixel, seen.account, workshop.profile, seen.name))
        if wish.dry_run:
            result.outcome, result.stored_in = "planned", []
            return
        result.phases.begin("wait")
        pace(workshop, seen.account)
        _click_and_file(workshop, page, wish, console, result, replaces=bool(exists))


def _read_ahead(workshop: Workshop, then: Sequence[str], wish: Wish, console: Console) -> None:
    """Have the next pixels' pages opened meanwhile: those of one account that are to be clicked."""
    if not wish.account:
        return
    near = then[:_NEAR]
    due = [each for each in near if wish.replace or last_stored(workshop, each) is None]
    for each in due:
        workshop.escrow.begin(each)
    console.read_ahead(due, wish.account, lambda page: page.rest(replace=wish.replace))


def _check_places(workshop: Workshop, ref: Ref) -> None:
    for store in workshop.stores:
        store.where(ref)


def _lost_one(workshop: Workshop, pixel: str) -> str:
    last = workshop.escrow.intents(pixel)[-1:]
    if last and workshop.escrow.settled(last[0]) is None:
        return f"; it may be the one that was asked for at {last[0].at} and could not be read"
    kept = last_stored(workshop, pixel)
    return f"; `pixelmint token {pixel}` prints the one that was stored" if kept else ""


def _click_and_file(
    workshop: Workshop,
    page: PixelPage,
    wish: Wish,
    console: Console,
    result: Result,
    *,
    replaces: bool,
) -> None:
    """Steps 6 to 11. Ctrl-C waits until the token is stored."""
    escrow, seen = workshop.escrow, page.identity
    result.phases.begin("ask")
    with held_back(
        workshop.say, lambda: console.waits_for_person and not console.capture.asked
    ) as console.stopping:
        intent = escrow.intend(
            seen.pixel, seen.account, workshop.profile,
            stores=workshop.settings.store, name=seen.name, replaces=replaces,
            deliver=wanted(workshop, seen.pixel, wish.deliver),
            rotates=wish.rotates,
        )  # fmt: skip
        agreement = _ask(workshop, page, wish, console, intent)
        result.phases.begin("store")
        _keep(workshop, intent, agreement)
        verb = "proving" if wish.rotates else "storing"
        workshop.say(f"{verb} token {agreement.token.fingerprint} of {seen.pixel}")
        filed = file_as_asked(workshop, intent, agreement.token)
    result.fingerprint, result.stored_in = filed.fingerprint, filed.stored_in
    result.verified = filed.verified
    if filed.error is not None:
        raise filed.error
    result.outcome = outcome_of(intent)


def _keep(workshop: Workshop, intent: Intent, agreement: Agreement) -> None:
    try:
        receipt = workshop.escrow.keep(intent, agreement.token)
    except EscrowFailed as problem:
        # Not the end: the answer it came in is sealed already, and a store may still take it.
        log.warning("%s; storing it all the same", problem.message)
        return
    log.info("token %s is in escrow (%s)", receipt.fingerprint, "+".join(agreement.sources))


def _ask(
    workshop: Workshop, page: PixelPage, wish: Wish, console: Console, intent: Intent
) -> Agreement:
    escrow, capture, by_hand = workshop.escrow, console.capture, wish.guided
    patience_s = _BY_HAND_S if by_hand else workshop.settings.patience
    workshop.say(
        "click the button in the browser window; the token is captured from there"
        if by_hand
        else f"generating for {intent.pixel} in account {intent.account}"
    )
    try:
        capture.arm(partial(escrow.see, intent))
        page.check_again()
        escrow.ask(intent)
    except (AutomationError, KeyboardInterrupt):
        capture.disarm()
        escrow.settle(intent, "not_asked")
        raise
    try:
        agree = partial(agreed, workshop, intent)
        with console.waiting_for_person(by_hand):
            agreement = ask(page, capture, agree, patience_s=patience_s, by_hand=by_hand)
        if not capture.left and (other := page.other_pixel()):
            # Settled, so that `recover` does not file it: what was seen stays sealed.
            escrow.settle(intent, "wrong_pixel", message=f"the page came to show {other}")
            raise _foreign(intent, other)
        return agreement
    except AutomationError as problem:
        ending = _ending(problem, capture, intent)
    except Exception as problem:  # after the click even a fault of our own must be told
        log.debug("unexpected", exc_info=True)
        ending = _ending(own_fault(problem), capture, intent)
    except KeyboardInterrupt:  # held back unless a person has not clicked yet
        escrow.settle(intent, "not_asked")
        raise
    finally:
        if capture.trouble is not None:
            log.warning("escrow did not take everything: %s", capture.trouble.message)
        capture.disarm()
    if not isinstance(ending, NotAsked) and _may_have_made_one(ending, capture):
        escrow.give_back(intent)  # the intent stays open, and says so
    elif escrow.settled(intent) is None:
        outcome = "not_asked" if isinstance(ending, NotAsked) else ending.code
        escrow.settle(intent, outcome, message=ending.message)
    raise ending


def _foreign(intent: Intent, other: str) -> TokenUnread:
    return TokenUnread(
        f"the page came to show pixel {other} while {intent.pixel} was asked for a token",
        where=f"pixel {intent.pixel}",
        next_step=f"what was seen is sealed in escrow as {intent.id} and filed under no pixel; "
        "look at both pixels in Events Manager before generating again",
    )


def _may_have_made_one(ending: AutomationError, capture: Capture) -> bool:
    return isinstance(ending, TokenUnread) or capture.unanswered


def _ending(problem: AutomationError, capture: Capture, intent: Intent) -> AutomationError:
    """Return the error as it is, or as `token_unread` where the console was asked all the same."""
    known = isinstance(problem, TokenUnread | NotAsked | HumanCheck | SignInNeeded)
    lost = isinstance(problem, BrowserGone | PageChanged) and bool(capture.asked)
    if known or not (lost or capture.unanswered):
        return problem
    return TokenUnread(
        f"{problem.message}, after the console had been asked for a token",
        where=f"pixel {intent.pixel}",
        next_step="run `pixelmint recover`; then look at the pixel's Events API section",
    )

"""From the store to the products that send events: what is owed, given, and waited for.

Each pixel and destination has a row of its own on disk (`automation.deliveries`), which says `done`
only for the token it names. What is not done for the current token is owed, and tried again by the
next run that comes across the pixel, however old the token is.
"""

import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence

from automation.deliveries import Delivery
from automation.errors import AutomationError, DeliveryFailed, EscrowFailed, UsageError
from automation.files import held
from automation.report import Result
from automation.stores.base import Ref
from flows.destinations.base import Parcel
from flows.destinations.hook import is_hook
from flows.destinations.registry import Destinations, check_destinations
from flows.fetch import fetch
from flows.filing import Stored, every_last_stored, last_stored, reference
from flows.remember import add_history
from flows.workshop import Workshop, check_names, own_fault

log = logging.getLogger(__name__)

_LOCK_WAIT_S = 600.0

Problems = list[tuple[str, AutomationError]]
"""Destinations that did not take the token, and why."""


def deliver(workshop: Workshop, pixels: Sequence[str], urls: Sequence[str]) -> Iterator[Result]:
    """Yield one result a pixel: `kept` once each destination has taken its stored token.

    What else is owed of these pixels is tried too.

    Raises:
        UsageError: a pixel or a destination is malformed. Nothing was touched.
    """
    check_names(pixels, None)
    urls = check_destinations(urls, workshop)
    with Destinations(workshop) as destinations:
        for pixel in pixels:
            started = time.monotonic()
            result = standing(workshop, pixel)
            problems = _tried(workshop, result, destinations, urls)
            if problems:
                result.outcome, result.error = "failed", _worst(problems)
            result.seconds = time.monotonic() - started
            _remember(workshop, result)
            add_history(workshop, result, "deliver")
            yield result


def forget(workshop: Workshop, pixels: Sequence[str], urls: Sequence[str]) -> Iterator[Result]:
    """Note that these destinations are given the pixels' tokens no more; what they hold stays."""
    check_names(pixels, None)
    for pixel in pixels:
        for url in urls:
            workshop.deliveries.forget(pixel, url)
        yield standing(workshop, pixel)


def settle_deliveries(
    workshop: Workshop, result: Result, destinations: Destinations, more: Iterable[str] = ()
) -> None:
    """Give a pixel's stored token to every destination that is owed it; note what came of it.

    A failure is `delivery_failed`, whatever stood in the way there: the console was not it.

    Args:
        workshop: what the run works with.
        result: of a pixel whose token is stored; says so afterwards.
        destinations: of this lane.
        more: destinations that are wanted from now on; a hook, for this token, if it is new.
    """
    if result.outcome == "kept":
        more = [each for each in more if not is_hook(each)]
    problems = _tried(workshop, result, destinations, list(more))
    if problems:
        result.outcome = "failed"
        result.error = _worst([(url, _as_delivery(url, each)) for url, each in problems])


def owed(workshop: Workshop, pixel: str, fingerprint: str | None) -> list[str]:
    """Return the destinations that are wanted for a pixel and do not hold this token."""
    last = last_stored(workshop, pixel)  # a crash may have come before the wish was written down
    return _owed(last[0].deliver if last else (), workshop.deliveries.of(pixel), fingerprint)


def _owed(asked: Iterable[str], rows: Iterable[Delivery], fingerprint: str | None) -> list[str]:
    known = {each.destination: each for each in rows}
    asked = dict.fromkeys(asked)

    def is_owed(url: str) -> bool:
        row = known.get(url)
        if row is None or row.state == "forgotten" or row.holds(fingerprint):
            return row is None
        # A hook is told of what the runs that name it make; what it failed for, it is told again.
        return url in asked or row.state != "done" or not is_hook(url)

    return [url for url in {**asked, **known} if is_owed(url)]


def wanted(workshop: Workshop, pixel: str, more: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the destinations a new token of a pixel is to be given to."""
    rows = workshop.deliveries.of(pixel)
    known = [each.destination for each in rows if each.state != "forgotten"]
    return tuple(dict.fromkeys([*more, *(each for each in known if not is_hook(each))]))


def delivered(workshop: Workshop, pixel: str, fingerprint: str | None) -> list[str]:
    """Return the destinations that hold this token of a pixel."""
    return [each.destination for each in workshop.deliveries.of(pixel) if each.holds(fingerprint)]


def owing(
    workshop: Workshop,
    last: Mapping[str, Stored] | None = None,
    rows: Mapping[str, list[Delivery]] | None = None,
) -> list[str]:
    """Return the pixels for which anything is owed.

    Args:
        workshop: what the run works with.
        last: what `every_last_stored` returns, where it was asked already.
        rows: what `Deliveries.by_pixel` returns, likewise.
    """
    last = every_last_stored(workshop) if last is None else last
    rows = workshop.deliveries.by_pixel() if rows is None else rows
    known = {each.pixel: each.fingerprint for each in workshop.records.all()}
    found = []
    for pixel in dict.fromkeys([*last, *rows]):
        intent, ending = last.get(pixel, (None, {}))
        current = ending.get("fingerprint", known.get(pixel))
        if current and _owed(intent.deliver if intent else (), rows.get(pixel, ()), current):
            found.append(pixel)
    return found


def _tried(
    workshop: Workshop, result: Result, destinations: Destinations, more: Sequence[str]
) -> Problems:
    pixel = result.pixel or ""
    lock = workshop.home / "locks" / f"deliver-{pixel}"
    try:
        with held(lock, f"deliveries of pixel {pixel}", wait_s=_LOCK_WAIT_S):
            return _given(workshop, result, destinations, more)
    except AutomationError as problem:
        return [("", problem)]
    except Exception as problem:  # a fault of our own: the other pixels are tried all the same
        log.debug("unexpected", exc_info=True)
        return [("", own_fault(problem))]


def _given(
    workshop: Workshop, result: Result, destinations: Destinations, more: Sequence[str]
) -> Problems:
    pixel, rows = result.pixel or "", workshop.deliveries
    if not more and not owed(workshop, pixel, result.fingerprint):
        result.delivered = delivered(workshop, pixel, result.fingerprint)
        return []
    result.phases.begin("deliver")
    parcel = _parcel(workshop, pixel)
    rows.want(pixel, more)
    result.fingerprint = parcel.token.fingerprint
    result.account = parcel.ref.account or result.account
    problems: Problems = []
    print_ = parcel.token.fingerprint
    held = delivered(workshop, pixel, print_)
    more = [each for each in more if each not in held]
    for url in dict.fromkeys([*owed(workshop, pixel, print_), *more]):
        workshop.say(f"delivering token {parcel.token.fingerprint} of {pixel} to {url}")
        begun = rows.begin(pixel, url, parcel.token.fingerprint)
        problem: AutomationError | None = None
        try:
            said = destinations.get(url).deliver(parcel)
        except AutomationError as failed:
            problem = failed
        except Exception as failed:  # a destination of someone else's may raise anything
            log.debug("a destination failed", exc_info=True)
            problem = own_fault(failed)
        rows.end(begun, problem.message if problem else None)
        if problem is None:
            workshop.say(f"{url}: {said}")
        else:
            problems.append((url, problem))
    result.delivered = delivered(workshop, pixel, parcel.token.fingerprint)
    workshop.records.note(pixel, delivered=result.delivered)
    return problems


def _parcel(workshop: Workshop, pixel: str) -> Parcel:
    token = fetch(workshop, pixel)
    last = last_stored(workshop, pixel)
    if last is not None and last[1]["fingerprint"] == token.fingerprint:
        return Parcel(reference(last[0]), token, last[0].id)
    known = workshop.records.get(pixel)
    ref = Ref(pixel, known.account, known.profile, known.name) if known else Ref(pixel)
    # No intent is known of it here: the same token still must have the same id.
    return Parcel(ref, token, f"{pixel}-{token.fingerprint}")


def standing(workshop: Workshop, pixel: str) -> Result:
    """Return how a pixel stands here, as `kept`."""
    known, last = workshop.records.get(pixel), last_stored(workshop, pixel)
    result = Result(pixel, known.account if known else None, "kept")
    if last is not None:
        result.account, result.stored_in = last[0].account, list(last[1]["stored_in"])
        result.fingerprint = last[1]["fingerprint"]
    elif known is not None:
        result.stored_in, result.fingerprint = known.stored_in, known.fingerprint
    if known is not None and known.fingerprint == result.fingerprint:
        result.verified = known.verified
    result.delivered = delivered(workshop, pixel, result.fingerprint)
    return result


def _worst(problems: Problems) -> AutomationError:
    """Return one error for several destinations: that of the highest exit code, naming all."""
    _, worst = max(problems, key=lambda each: each[1].exit_code)
    if len(problems) == 1:
        return worst
    said = "; ".join(each.message for _, each in problems)
    return type(worst)(said, next_step=worst.next_step)


def _as_delivery(url: str, problem: AutomationError) -> AutomationError:
    if isinstance(problem, DeliveryFailed):
        return problem
    return DeliveryFailed(
        f"{url}: {problem.message}" if url else problem.message,
        next_step=f"the token is safe; {problem.next_step or 'run the same command again'}",
    )


def _remember(workshop: Workshop, result: Result) -> None:
    """Note how the deliveries ended, for `status`; an error that is no delivery's stays."""
    pixel = result.pixel or ""
    try:
        known = workshop.records.get(pixel)
        if result.error is not None and not isinstance(result.error, UsageError):
            workshop.records.note(pixel, outcome="failed", error=result.as_json()["error"])
        elif known is not None and (known.error or {}).get("code") == DeliveryFailed.code:
            workshop.records.note(pixel, outcome="kept", error=None)
    except EscrowFailed as problem:
        log.warning("%s", problem.message)

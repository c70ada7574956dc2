"""One pixel's turn in a rotation."""

import logging
from datetime import UTC, datetime
from typing import Any

from automation.backoff import Backoff
from automation.errors import EscrowFailed, HumanCheck, SignInNeeded, UsageError
from automation.report import Result
from flows.console import Console
from flows.deliver import settle_deliveries
from flows.generate import Wish, generate_one
from flows.recover import open_intents, recover_one
from flows.remember import remember
from flows.status import renewed_since, standing_of
from flows.workshop import Workshop

log = logging.getLogger(__name__)

_NOT_THE_PIXELS_OWN = (UsageError.code, SignInNeeded.code, HumanCheck.code, EscrowFailed.code)
"""Failures after which the pixel is tried again at once: a person, or the machine, is in the way"""


def rotate_one(
    workshop: Workshop, row: dict[str, Any], options: dict[str, Any], console: Console
) -> Result:
    """Renew one pixel, or finish what an earlier turn left.

    Args:
        workshop: of the row's profile and stores.
        row: pixel, account, need (see `flows.due`), deliver: destinations for this token, and
            now: what is current, as a result's object.
        options: dry_run, and `until`, when the window closes, as ISO 8601; None without a window.
        console: the lane's.

    Raises:
        UsageError, EscrowFailed: what stops the whole run.
    """
    result = Result(**{**row["now"], "outcome": "kept", "error": None})
    until = options["until"]
    if until is not None and datetime.now(UTC) >= datetime.fromisoformat(until):
        workshop.say(f"the window has closed: {result.pixel} is left for the next run")
        return result
    if options["dry_run"] and row["need"] != "token":
        result.outcome = "planned"
        return result
    hooks, renewed = tuple(row.get("deliver", ())), None
    if not options["dry_run"]:
        renewed = renewed_since(workshop, row["pixel"], result.fingerprint)
    if row["need"] == "token" and renewed is None:
        wish = Wish(
            row["account"] or None, replace=True, dry_run=options["dry_run"], deliver=hooks,
            rotates=True,
        )  # fmt: skip
        result = generate_one(workshop, row["pixel"], wish, console, then=row.get("then", ()))
    else:
        result = renewed or result
        if row["need"] == "finish" and renewed is None:
            result = _finished(workshop, row["pixel"], result)
        if result.outcome != "failed":
            settle_deliveries(workshop, result, console.destinations, hooks)
        remember(workshop, result, "rotate")
    if not options["dry_run"]:
        _count(workshop, result)
    return result


def _finished(workshop: Workshop, pixel: str, result: Result) -> Result:
    """Finish what waits in escrow; where another did so meanwhile, tell what came of it."""
    now = standing_of(workshop, pixel)
    if not now.waits_in_escrow and now.result.outcome == "failed":
        return now.result
    for intent in open_intents(workshop, pixel):
        found = recover_one(workshop, intent)
        if found.error is None or found.fingerprint:
            result = found
    return result


def _count(workshop: Workshop, result: Result) -> None:
    code = (result.as_json()["error"] or {}).get("code")
    if result.pixel is None or code in _NOT_THE_PIXELS_OWN:
        return
    backoff = Backoff(workshop.database)
    try:
        if result.outcome == "failed":
            backoff.failed(result.pixel)
        else:
            backoff.succeeded(result.pixel)
    except EscrowFailed as problem:
        log.warning("%s", problem.message)

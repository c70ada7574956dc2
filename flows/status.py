"""Every pixel known here, and what waits in escrow."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from automation.deliveries import Delivery
from automation.errors import AutomationError, StoreFailed
from automation.escrow import Intent
from automation.records import Known
from automation.report import Result
from automation.verdicts import Said
from flows.filing import every_last_stored, last_stored, outcome_of
from flows.recover import open_intents, waiting
from flows.workshop import Workshop


@dataclass
class Standing:
    """One pixel: the contract's object, and what `status` says beside it."""

    result: Result
    profile: str = ""
    name: str = ""
    generated_at: str | None = None
    """When the current token was shown, UTC, ISO 8601."""
    verified_at: str | None = None
    verified_says: str | None = None
    """The Events API's answer in words, with "probably" where it proves nothing."""
    listed: bool | None = None
    """Whether the console was seen to list a token as active; None where nobody looked."""
    listed_at: str | None = None
    deliveries: list[dict[str, Any]] = field(default_factory=list)
    """Where it was to be delivered, and what became of that."""
    waits_in_escrow: bool = False
    """Whether a token of this pixel lies in escrow and in no or not every store."""

    @property
    def age_days(self) -> float | None:
        """Days since the current token was shown."""
        if self.generated_at is None:
            return None
        age = datetime.now(UTC) - datetime.fromisoformat(self.generated_at)
        return round(age.total_seconds() / 86400, 2)

    def as_json(self) -> dict[str, Any]:
        """Return the contract's object with more fields beside."""
        return {
            **self.result.as_json(),
            "profile": self.profile,
            "name": self.name,
            "generated_at": self.generated_at,
            "age_days": self.age_days,
            "verified_at": self.verified_at,
            "verified_says": self.verified_says,
            "listed": self.listed,
            "listed_at": self.listed_at,
            "deliveries": self.deliveries,
            "waits_in_escrow": self.waits_in_escrow,
        }


def status(workshop: Workshop) -> Iterator[Standing]:
    """Yield every known pixel, by account and code. Reads only; escrow outweighs the records."""
    known = {each.pixel: each for each in workshop.records.all()}
    last = every_last_stored(workshop)
    waits = {each.pixel: each for each in open_intents(workshop)}
    said, deliveries = workshop.verdicts.all(), workshop.deliveries.by_pixel()
    pixels = sorted(
        known.keys() | last.keys() | waits.keys(),
        key=lambda pixel: (_account(pixel, known, last, waits), pixel),
    )
    for pixel in pixels:
        standing = _standing(pixel, known.get(pixel), last.get(pixel))
        if pixel in waits:
            _add_waiting(workshop, standing, waits[pixel])
        _add_said(standing, said.get(pixel))
        _add_deliveries(standing, deliveries.get(pixel, []))
        yield standing


def standing_of(workshop: Workshop, pixel: str) -> Standing:
    """Return what `status` says of one pixel, known or not; without what was said in words."""
    standing = _standing(pixel, workshop.records.get(pixel), last_stored(workshop, pixel))
    for intent in open_intents(workshop, pixel)[-1:]:
        _add_waiting(workshop, standing, intent)
    _add_deliveries(standing, workshop.deliveries.of(pixel))
    return standing


def renewed_since(workshop: Workshop, pixel: str, before: str | None) -> Result | None:
    """Return what came of a pixel whose token was replaced since, None where it was not.

    A job that was stopped before what it did was noted is done again, and must not ask again.

    Args:
        workshop: whose records and escrow are read.
        pixel: whose token.
        before: the fingerprint of the token that was to be replaced, None where none was known.
    """
    standing = standing_of(workshop, pixel)
    result = standing.result
    if standing.waits_in_escrow or result.fingerprint in (None, before):
        return None
    if result.outcome not in ("generated", "rotated"):
        result.outcome = "generated"
    result.error = None
    return result


def _account(pixel: str, *places: dict[str, Any]) -> str:
    for place in places:
        each = place.get(pixel)
        each = each[0] if isinstance(each, tuple) else each
        if each is not None and each.account:
            return str(each.account)
    return ""


def _standing(
    pixel: str, known: Known | None, last: tuple[Intent, dict[str, Any]] | None
) -> Standing:
    known = known or Known(pixel)
    outcome: Any = known.outcome or "failed"
    result = Result(pixel, known.account, outcome, error=known.error)
    standing = Standing(result, known.profile, known.name)
    result.fingerprint, result.stored_in = known.fingerprint, known.stored_in
    result.verified, result.delivered = known.verified, known.delivered
    if known.generated_at is not None:
        standing.generated_at = known.generated_at.isoformat()
    if known.verified_at is not None:
        standing.verified_at = known.verified_at.isoformat()
    if last is not None and last[0].id > (known.intent or ""):
        # A crash between settling and noting, or records that were lost.
        intent, ending = last
        result.account, standing.profile, standing.name = (
            intent.account,
            intent.profile,
            intent.name,
        )
        result.outcome, result.error = outcome_of(intent), None
        result.fingerprint, result.stored_in = ending["fingerprint"], ending["stored_in"]
        result.verified, standing.generated_at = ending.get("verified"), intent.at
    return standing


def _add_said(standing: Standing, said: Said | None) -> None:
    """Add what was said of this very token; what was said of another tells nothing."""
    if said is None:
        return
    if said.fingerprint == standing.result.fingerprint:
        standing.verified_says = said.says
    generated = standing.generated_at
    if said.listed_at and (not generated or said.listed_at >= datetime.fromisoformat(generated)):
        standing.listed, standing.listed_at = said.listed, said.listed_at.isoformat()


def _add_deliveries(standing: Standing, rows: list[Delivery]) -> None:
    current = standing.result.fingerprint
    standing.deliveries = [each.as_json(current) for each in rows if each.state != "forgotten"]
    standing.result.delivered = [each.destination for each in rows if each.holds(current)]


def _add_waiting(workshop: Workshop, standing: Standing, intent: Intent) -> None:
    result = standing.result
    result.outcome, result.account = "failed", intent.account
    token = workshop.escrow.token(intent)
    if token is None:
        result.error = _of_unread(workshop, intent)
        return
    standing.waits_in_escrow = True
    if not intent.rotates:  # else the one before it is the current one until it is proven
        result.fingerprint, standing.generated_at = token.fingerprint, intent.at
    if not isinstance(result.error, dict):
        result.error = StoreFailed("the token waits in escrow", next_step="run `pixelmint recover`")


def _of_unread(workshop: Workshop, intent: Intent) -> AutomationError:
    return waiting(workshop, intent)

"""The fleet as a report sees it: every pixel in one state, and the history of the last weeks."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

from automation.history import Entry
from flows.status import Standing, status
from flows.workshop import Workshop

SOON = 0.8
"""From this part of the limit on a token counts as due soon."""
HISTORY = timedelta(days=90)

STATES: dict[str, str] = {
    "waiting": "in escrow",
    "person": "needs a person",
    "failed": "failed",
    "rejected": "token rejected",
    "undelivered": "not delivered",
    "due": "due",
    "soon": "due soon",
    "fresh": "fresh",
    "none": "no token",
}
"""State -> what it is called, the most pressing first. Every pixel is in exactly one."""
PRESSING = ("waiting", "person", "failed", "rejected", "undelivered")
"""The states that somebody has to look into."""
_BY_CODE = {
    "sign_in_needed": "person",
    "human_check": "person",
    "verify_failed": "rejected",
    "delivery_failed": "undelivered",
}


@dataclass(frozen=True)
class Pixel:
    """One pixel and the state it is in."""

    standing: Standing
    state: str
    """A key of `STATES`."""
    age_days: float | None
    """Of the current token, at the time of the report; None where there is none."""

    @property
    def error(self) -> dict[str, Any]:
        """The contract's error object, empty where the last turn went well."""
        facts: dict[str, Any] = self.standing.result.as_json()
        return facts["error"] or {}

    @property
    def owed(self) -> list[str]:
        """The destinations that do not hold the current token, each with why, in words."""
        return [_owed(each) for each in self.standing.deliveries if each["open"]]


@dataclass(frozen=True)
class Fleet:
    """Everything a report shows. Holds no secret."""

    now: datetime
    limit_days: float
    """The age at which a token is due for rotation."""
    pixels: list[Pixel] = field(default_factory=list)
    """By account and code."""
    history: list[Entry] = field(default_factory=list)
    """Oldest first."""

    @property
    def counts(self) -> Counter[str]:
        """How many pixels are in each state."""
        return Counter(each.state for each in self.pixels)

    @property
    def pressing(self) -> int:
        """How many pixels somebody has to look into."""
        return sum(self.counts[each] for each in PRESSING)

    @property
    def ages(self) -> list[float]:
        """The age in days of every current token."""
        return [each.age_days for each in self.pixels if each.age_days is not None]

    @property
    def median_age(self) -> float:
        """In days; 0 where there is no token."""
        return median(self.ages) if self.ages else 0.0


def gather(workshop: Workshop, limit: timedelta, *, now: datetime | None = None) -> Fleet:
    """Read escrow, records and history of a home. Changes nothing.

    Args:
        workshop: whose home it is.
        limit: the age at which a token is due.
        now: the time that ages are counted to; this moment if none is given.

    Raises:
        EscrowFailed: they cannot be read.
    """
    now = now or datetime.now(UTC)
    history = workshop.history.all(since=now - HISTORY)
    return fleet_of(list(status(workshop)), history, limit, now)


def fleet_of(
    standings: Sequence[Standing], history: Sequence[Entry], limit: timedelta, now: datetime
) -> Fleet:
    """Make a fleet of what is known already."""
    limit_days = limit / timedelta(days=1)
    pixels = []
    for each in standings:
        age = _age_days(each, now)
        pixels.append(Pixel(each, _state(each, age, limit_days), age))
    return Fleet(now, limit_days, pixels, list(history))


def _owed(delivery: dict[str, Any]) -> str:
    why = delivery["error"] or {"done": "holds an earlier token"}.get(delivery["state"])
    return f"{delivery['destination']} ({why or 'not tried yet'})"


def _age_days(standing: Standing, now: datetime) -> float | None:
    if standing.generated_at is None or standing.result.fingerprint is None:
        return None
    age = now - datetime.fromisoformat(standing.generated_at)
    return max(0.0, age / timedelta(days=1))


def _state(standing: Standing, age: float | None, limit_days: float) -> str:
    result = standing.result
    if standing.waits_in_escrow:
        return "waiting"
    if result.outcome == "failed":
        # Without an error nothing was ever tried: such a pixel is known by its name alone.
        code = (result.as_json()["error"] or {}).get("code")
        return _BY_CODE.get(code, "failed") if code else "none"
    if result.verified is False:
        return "rejected"
    if age is None:
        return "none"
    if any(each["open"] for each in standing.deliveries):
        return "undelivered"
    if age >= limit_days:
        return "due"
    return "soon" if age >= SOON * limit_days else "fresh"

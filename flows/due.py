"""What is asked of a rotation, and whether a pixel is due for it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from automation.windows import Window, offset
from flows.status import Standing

OLDER_THAN = "60d"
"""Tokens are called permanent and renewed for safety's sake; no source names an interval."""


@dataclass(frozen=True)
class Renewal:
    """What a run of `rotate` is asked for; `automation.windows` reads its parts from text."""

    older_than: timedelta
    """Age of the current token from which on it is due; zero makes every one due."""
    pixels: tuple[str, ...] = ()
    """Only these, and those that rest after failing too; none means all that are known."""
    window: Window | None = None
    """No row is begun outside."""
    spread: timedelta = timedelta(0)
    """Each pixel becomes due at a time of its own, up to so much later."""
    stores: tuple[str, ...] = ()
    """Where the renewed tokens go; none means where each pixel's token went before."""
    hooks: tuple[str, ...] = ()
    """Destinations that are told of each token this run makes current, as `hook:PROGRAM`."""
    dry_run: bool = False
    """Everything but the click."""


Need = Literal["nothing", "token", "finish", "delivery"]


def need_of(standing: Standing, renewal: Renewal, now: datetime, *, owes: bool = False) -> Need:
    """Tell what a pixel is due for.

    Args:
        standing: what is known of it.
        renewal: what is asked for.
        now: with its zone.
        owes: whether a destination does not hold its current token: it is due whatever its age.

    Returns:
        Need: "finish" where a token waits in escrow: before that is settled none is generated.
    """
    if standing.waits_in_escrow:
        return "finish"
    if not has_token(standing):
        return "nothing"
    if standing.result.verified is False:
        return "token"
    age = now - datetime.fromisoformat(standing.generated_at or "")
    due_at = renewal.older_than + offset(standing.result.pixel or "", renewal.spread)
    return "token" if age >= due_at else "delivery" if owes else "nothing"


def has_token(standing: Standing) -> bool:
    """Tell whether a token of this pixel is, or waits to be, in a store: only then it renews."""
    return standing.waits_in_escrow or bool(standing.generated_at and standing.result.stored_in)

"""How long a sign-in may still hold: from when it was made and how long the ones before lasted."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from automation.session import Facts, sign_in_again

_UNKNOWN_H = 72.0
"""About three days were reported by others, on thin evidence."""
_RECENT = 5
"""So many of the latest are looked at: what a console grants changes over the years."""


@dataclass(frozen=True)
class Outlook:
    """What can be said of a sign-in at some time."""

    is_old: bool
    """It may have ended by then: as old as the shortest that was seen, or it has ended."""
    says: str
    """One sentence, without a promise."""
    next_step: str
    """What a person may do; "" where nothing is called for."""


def outlook(profile: str, facts: Facts, at: datetime | None = None) -> Outlook | None:
    """Compare a sign-in's age at a time with the lifetimes seen so far.

    Args:
        profile: whose.
        facts: what is known of it.
        at: the time it is wanted for, UTC: when the next run begins; None for now.

    Returns:
        None where nobody has signed in.
    """
    if facts.signed_in_at is None:
        return None
    again = sign_in_again(profile)
    if facts.ended_at is not None:
        ended = f"{datetime.fromisoformat(facts.ended_at):%Y-%m-%d %H:%M} UTC"
        says = f"the session of profile {profile} was found to have ended at {ended}"
        return Outlook(True, says, again)
    age = (at or datetime.now(UTC)) - datetime.fromisoformat(facts.signed_in_at)
    seen = facts.lifetimes_h[-_RECENT:]
    shortest = timedelta(hours=min(seen, default=_UNKNOWN_H))
    verb = "is" if at is None else "will then be"
    says = f"the session of profile {profile} {verb} {_days(age)} old; {_seen(seen)}"
    return Outlook(age >= shortest, says, again if age >= shortest else "")


def _seen(hours: tuple[float, ...]) -> str:
    if not hours:
        return "none was seen to end here yet, elsewhere about 3 days were reported (thin)"
    shortest, longest = (_days(timedelta(hours=each)) for each in (min(hours), max(hours)))
    if len(hours) == 1:
        return f"the one before was noticed to have ended after {shortest}"
    return f"the last {len(hours)} were noticed to have ended after {shortest}" + (
        f" to {longest}" if longest != shortest else ""
    )


def _days(span: timedelta) -> str:
    hours = span.total_seconds() / 3600
    return f"{hours:.0f} hours" if hours < 48 else f"{hours / 24:.1f} days"

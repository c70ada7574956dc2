"""The accounts of a fleet, each with its pixels by state."""

from collections import Counter
from dataclasses import dataclass

from flows.reporting.fleet import PRESSING, STATES, Fleet, Pixel

SHOWN = 10
"""Accounts that are shown; the table has them all."""


@dataclass(frozen=True)
class Part:
    """The pixels of one state."""

    state: str
    count: int
    left: float
    """Per cent of the account's pixels."""
    width: float


@dataclass(frozen=True)
class Account:
    """One ad account."""

    account: str
    """The advertiser id; empty where it was never learnt."""
    count: int
    pressing: int
    oldest_days: float | None
    parts: list[Part]

    @property
    def said(self) -> str:
        """Its parts in words."""
        return ", ".join(f"{each.count} {STATES[each.state]}" for each in self.parts)


def accounts(fleet: Fleet) -> list[Account]:
    """Return every account: those with most to look into first, then the largest."""
    found: dict[str, list[Pixel]] = {}
    for each in fleet.pixels:
        found.setdefault(each.standing.result.account or "", []).append(each)
    made = [_account(name, pixels) for name, pixels in found.items()]
    return sorted(made, key=lambda each: (-each.pressing, -each.count, each.account))


def _account(name: str, pixels: list[Pixel]) -> Account:
    counts = Counter(each.state for each in pixels)
    parts, left = [], 0.0
    for state in STATES:
        if counts[state]:
            width = 100 * counts[state] / len(pixels)
            parts.append(Part(state, counts[state], left, width))
            left += width
    ages = [each.age_days for each in pixels if each.age_days is not None]
    pressing = sum(counts[each] for each in PRESSING)
    return Account(name, len(pixels), pressing, max(ages, default=None), parts)

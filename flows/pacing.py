"""The least time between two generations in one account, whichever machine makes them."""

import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from flows.workshop import Workshop

_JITTER = 0.2
"""Up to so much longer, so that nothing keeps time like a clock."""


def pace(
    workshop: Workshop,
    account: str,
    *,
    waiting: Callable[[float], object] | None = None,
    jitter: Callable[[], float] = random.random,
) -> None:
    """Wait until the account may be asked again; its lock is held, so nobody else asks meanwhile.

    Args:
        workshop: whose settings say how long.
        account: the advertiser id.
        waiting: waits so many seconds; a test's own.
        jitter: draws from 0 to 1.
    """
    least_s = workshop.settings.pace * (1 + _JITTER * jitter())
    now = datetime.now(UTC)
    last = workshop.escrow.last_intended(account, now - timedelta(seconds=least_s + 1))
    if last is None:
        return
    left_s = least_s - (now - last).total_seconds()
    if 0 < left_s <= least_s:
        workshop.say(f"waiting {left_s:.0f} s: one generation every {workshop.settings.pace:g} s")
        (waiting or threading.Event().wait)(left_s)

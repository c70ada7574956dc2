"""What a crash, a failing store or a failing destination left, brought to its end."""

import time
from collections.abc import Iterator

from automation.report import Result
from flows.deliver import owing, settle_deliveries, standing
from flows.destinations.registry import Destinations
from flows.recover import recover
from flows.remember import remember
from flows.workshop import Workshop


def finish(workshop: Workshop) -> Iterator[Result]:
    """Yield one result for each pixel that had something open, in escrow or on its way."""
    seen = set()
    with Destinations(workshop) as destinations:
        for result in recover(workshop):
            seen.add(result.pixel)
            if result.error is None:
                settle_deliveries(workshop, result, destinations)
                if result.error is not None:
                    remember(workshop, result, "recover")
            yield result
        for pixel in owing(workshop):
            if pixel in seen:
                continue
            started, result = time.monotonic(), standing(workshop, pixel)
            settle_deliveries(workshop, result, destinations)
            result.seconds = time.monotonic() - started
            remember(workshop, result, "recover")
            yield result

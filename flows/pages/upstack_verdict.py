"""What Upstack's list says of a destination, as the run's own words; the causes are the guide's."""

from automation.errors import DeliveryFailed
from flows.pages.upstack_rows import CHECKING, HEALTHY, UNHEALTHY


def told(pixel: str, status: str, patience_s: float) -> str:
    """Return what a healthy destination is called.

    Args:
        pixel: whose it is.
        status: as the list shows it; empty for nothing.
        patience_s: how long it was waited for.

    Raises:
        DeliveryFailed: it is Unhealthy, or nothing was said of it in time.
    """
    if status == HEALTHY:
        return "healthy"
    if status == UNHEALTHY:
        raise DeliveryFailed(
            "Upstack shows the destination as Unhealthy with this token",
            where=f"pixel {pixel}",
            next_step="three causes are known: white space around the token (it was pasted "
            "exactly); a pixel ID that does not own the token (`pixelmint verify` tells); else "
            "generate again with --replace and deliver that one",
        )
    says = "still checks it" if status == CHECKING else "says nothing of its health"
    raise DeliveryFailed(
        f"Upstack took the token and {says} after {patience_s:g} s",
        where=f"pixel {pixel}",
        next_step="run the same command again later; the token is stored",
    )


def not_taken(pixel: str, complaint: str) -> DeliveryFailed:
    """Return the error for a destination that was not saved, with what its form says of that."""
    says = f"its form says {complaint!r}" if complaint else "its list does not show it"
    return DeliveryFailed(
        f"Upstack did not take the destination: {says}",
        where=f"pixel {pixel}",
        next_step="look at its Events Destination, then run the same command again",
    )

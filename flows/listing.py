"""The pixels a profile sees under Data sources."""

from collections.abc import Iterator
from dataclasses import dataclass

from automation.errors import SignInNeeded
from automation.handoff import read_state
from flows.pages.events_manager import EventsManager
from flows.workshop import Workshop, check_names


@dataclass(frozen=True)
class Listed:
    """One row of the list; its fields are columns of a manifest."""

    pixel: str
    account: str
    profile: str
    name: str

    def as_json(self) -> dict[str, str]:
        """Return the row as `provision` reads it."""
        return {
            "pixel": self.pixel,
            "account": self.account,
            "profile": self.profile,
            "name": self.name,
        }


def list_pixels(workshop: Workshop, account: str | None) -> Iterator[Listed]:
    """Yield every pixel of an account, page after page; of the console's own choice without one.

    Raises:
        SignInNeeded: there is no session, or it has ended.
    """
    check_names([], account)
    settings, profile = workshop.settings, workshop.profile
    state = workshop.sessions.load(profile)
    with workshop.lane() as lane:
        page = lane.open(state)
        console = EventsManager(
            page, settings.console_url, workshop.wording,
            patience_s=settings.patience, say=workshop.say, person=not settings.headless,
        )  # fmt: skip
        try:
            seen, rows = console.list_pixels(account)
        except SignInNeeded:
            workshop.sessions.ended(profile)
            raise
        for pixel, name in rows:
            yield Listed(pixel, seen, profile, name)
        workshop.sessions.save(profile, read_state(page.context), proven=True)

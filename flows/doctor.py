"""Whether everything that a generation needs is there. Changes nothing, clicks nothing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from automation.errors import AutomationError, SignInNeeded
from flows.pages.events_manager import EventsManager
from flows.workshop import Workshop


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    what: str
    says: str
    error: AutomationError | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as one JSON object."""
        error = self.error.as_json() if self.error else None
        return {"check": self.what, "ok": self.error is None, "says": self.says, "error": error}


def doctor(workshop: Workshop) -> Iterator[Check]:
    """Yield one check after the other; a failing one does not keep the next from being made."""
    checks: list[tuple[str, Callable[[], str]]] = [
        ("home", lambda: str(workshop.home)),
        ("key", lambda: workshop.sealer.source),
        ("escrow", lambda: _escrow(workshop)),
    ]
    checks += [(f"store {url}", _store(workshop, url)) for url in workshop.settings.store]
    checks += [
        ("browser", lambda: _browser(workshop)),
        (f"session {workshop.profile}", lambda: _session(workshop)),
    ]
    for what, look in checks:
        try:
            yield Check(what, look())
        except AutomationError as problem:
            yield Check(what, problem.message, problem)


def _escrow(workshop: Workshop) -> str:
    workshop.escrow.check()
    waiting = len(workshop.escrow.unsettled())
    return "takes and returns a test record" + (f"; {waiting} intents open" if waiting else "")


def _store(workshop: Workshop, url: str) -> Callable[[], str]:
    def look() -> str:
        workshop.store(url).check()
        return "answers"

    return look


def _browser(workshop: Workshop) -> str:
    with workshop.lane() as lane:
        version = lane.open().context.browser
        return f"{workshop.browser.described}, version {version.version if version else 'unknown'}"


def _session(workshop: Workshop) -> str:
    """Open the page a generation would begin on, because another may still be open when it is not.

    Raises:
        SignInNeeded: there is none, or it has ended.
    """
    state = workshop.sessions.load(workshop.profile)
    facts = workshop.sessions.facts(workshop.profile)
    with workshop.lane() as lane:
        console = EventsManager(
            lane.open(state), workshop.settings.console_url, workshop.wording,
            patience_s=workshop.settings.patience, say=workshop.say,
        )  # fmt: skip
        try:
            console.open_home(None)
        except SignInNeeded:
            workshop.sessions.ended(workshop.profile)
            raise
    lasted = (
        f"; earlier ones lasted {min(facts.lifetimes_h)} h or more" if facts.lifetimes_h else ""
    )
    return f"signed in (since {facts.signed_in_at or 'unknown'}){lasted}"

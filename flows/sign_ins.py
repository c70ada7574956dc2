"""Whether the sign-ins may hold until they are next wanted, told before somebody is woken by it."""

from collections.abc import Iterator
from datetime import datetime

from automation.errors import AutomationError
from automation.session_life import Outlook, outlook
from flows.workshop import Workshop


def outlooks(workshop: Workshop, at: datetime | None = None) -> Iterator[Outlook]:
    """Yield what can be said of each sign-in that is in use here.

    Args:
        workshop: whose; its own profile and those its pixels were last reached with.
        at: when they are wanted, UTC; None for now.
    """
    used = {workshop.profile} | {each.profile for each in workshop.records.all()}
    for profile in sorted(used & set(workshop.sessions.profiles())):
        said = outlook(profile, workshop.sessions.facts(profile), at)
        if said is not None:
            yield said


def warnings(workshop: Workshop, at: datetime | None = None) -> Iterator[str]:
    """Yield a line for each sign-in that may have ended by then. Raises nothing."""
    try:
        for each in outlooks(workshop, at):
            if each.is_old:
                yield f"warning: {each.says}; next: {each.next_step}"
    except AutomationError as problem:  # of the sessions' dates, which nothing depends on
        yield f"warning: {problem.message}"

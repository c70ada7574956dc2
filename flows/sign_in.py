"""A person signs in, in a browser they can see; or brings a session from elsewhere."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page

from automation.handoff import hand_off, prove
from automation.session import import_file
from flows.pages.events_manager import home_url, is_signed_in
from flows.workshop import Workshop

_PERSON_S = 15 * 60
"""How long a person has: a puzzle, a code by mail and a forgotten password take their time."""


def sign_in(workshop: Workshop, file: Path | None, say: Callable[[str], None]) -> str:
    """Get a session, prove it in a fresh context, seal it; return a sentence that says so.

    Raises:
        SignInNeeded: nobody signed in, or what came of it is not signed in.
        UsageError: the file is no storage state, or there is no screen for a visible browser.
    """
    origin, wording = workshop.settings.console_url, workshop.wording
    sessions, profile = workshop.sessions, workshop.profile
    sessions.facts(profile)  # a malformed name is refused before a browser opens
    workshop.escrow.check()

    def signed_in(page: Page) -> bool:
        return is_signed_in(page, origin, wording)

    if file is not None:
        state = import_file(file, origin)
    else:
        with workshop.lane(visible=True) as lane:
            state = hand_off(lane, home_url(origin), signed_in, _PERSON_S, say)
    workshop.say("opening the session in a fresh browser context to see that it is signed in")
    with workshop.lane() as lane:
        state = prove(lane, state, home_url(origin), signed_in, workshop.settings.patience)
    sessions.save(profile, state, signed_in=True, proven=True, origin=origin)
    return f"signed in: the session of profile {profile} is proven and sealed"

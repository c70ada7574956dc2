"""A person signs in, in a browser they can see; or brings a session from elsewhere.

At Events Manager, or at Upstack, where tokens are delivered; each session is proven where it is
said to be good, for their addresses need not tell them apart.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from automation.browser import Lane
from automation.errors import HumanCheck, SignInNeeded, UsageError
from automation.handoff import hand_off, prove
from automation.session import DEFAULT_PROFILE, import_file
from flows.pages import obstacles
from flows.pages.events_manager import home_url, is_signed_in
from flows.pages.upstack_list import is_signed_in as is_signed_in_at_upstack
from flows.pages.upstack_list import page_url
from flows.wording import Wording
from flows.workshop import Workshop

_PERSON_S = 15 * 60
"""How long a person has: a puzzle, a code by mail and a forgotten password take their time."""
_SETTLED_S = 3.0
"""A sign-in page that stays for so long is where a session leads that is not good there."""
UPSTACK = "upstack"
"""How its destination is named, and the profile that holds a session for it alone."""


@dataclass(frozen=True)
class _Site:
    """Where somebody can be signed in."""

    name: str
    origin: str
    url: str
    looks: Callable[[Page, str, Wording], bool]


def sign_in(workshop: Workshop, file: Path | None, say: Callable[[str], None], to: str = "") -> str:
    """Get a session, prove it in a fresh context, seal it; return a sentence that says so.

    Args:
        workshop: its profile gets the session; one for Upstack alone goes to a profile of that
            name where no other was asked for.
        file: a Playwright storage state, or None for a visible browser.
        say: tells the person what to do.
        to: "upstack" for there alone. Else a file is tried at Events Manager, then at Upstack.

    Raises:
        SignInNeeded: nobody signed in, or what came of it is not signed in.
        HumanCheck: the site asks for a person: a puzzle, a code, a consent.
        UsageError: the file is no storage state, or there is no screen for a visible browser.
    """
    sessions = workshop.sessions
    facts = sessions.facts(workshop.profile)  # a malformed name is refused before a browser opens
    if to not in ("", UPSTACK):
        raise UsageError("there is nothing of that name", where="--to", next_step="--to upstack")
    console, upstack = _sites(workshop)
    if to or (file is None and facts.origin == upstack.origin):
        sites = [upstack]
    else:
        sites = [console, upstack] if file is not None else [console]
    workshop.escrow.check()
    states = _brought(file, sites) if file is not None else [_signed_in(workshop, sites[0], say)]
    workshop.say("opening the session in a fresh browser context to see that it is signed in")
    with workshop.lane() as lane:
        site, state = _proven(workshop, lane, states)
    profile = _profile(workshop, site, upstack)
    sessions.save(profile, state, signed_in=True, proven=True, origin=site.origin)
    where = "" if site is console else f", at {site.name}"
    return f"signed in{where}: the session of profile {profile} is proven and sealed"


def _sites(workshop: Workshop) -> tuple[_Site, _Site]:
    console, upstack = workshop.settings.console_url, workshop.settings.upstack_url
    return (
        _Site("Events Manager", console, home_url(console), is_signed_in),
        _Site("Upstack", upstack, page_url(upstack), is_signed_in_at_upstack),
    )


def _brought(file: Path, sites: list[_Site]) -> list[tuple[_Site, dict[str, Any]]]:
    """Return a file's state for each site that it may be good for."""
    found = []
    problem: UsageError | None = None
    for site in sites:
        try:
            found.append((site, import_file(file, site.origin)))
        except UsageError as refused:
            problem = problem or refused
    if not found and problem is not None:
        raise problem
    return found


def _signed_in(
    workshop: Workshop, site: _Site, say: Callable[[str], None]
) -> tuple[_Site, dict[str, Any]]:
    def looks(page: Page) -> bool:
        return site.looks(page, site.origin, workshop.wording)

    with workshop.lane(visible=True) as lane:
        return site, hand_off(lane, site.url, looks, _PERSON_S, say)


def _proven(
    workshop: Workshop, lane: Lane, states: list[tuple[_Site, dict[str, Any]]]
) -> tuple[_Site, dict[str, Any]]:
    """Return the first site a state is good for, and the state as that has refreshed it."""
    problem: SignInNeeded | HumanCheck | None = None
    for number, (site, state) in enumerate(states, 1):
        checks: list[HumanCheck] = []
        looks = _looks(workshop, site, checks, early=number < len(states))
        try:
            return site, prove(lane, state, site.url, looks, workshop.settings.patience)
        except SignInNeeded as refused:
            problem = problem or next(iter(checks), refused)
    raise problem or SignInNeeded("there is no session to prove", next_step="pixelmint sign-in")


def _looks(
    workshop: Workshop, site: _Site, checks: list[HumanCheck], *, early: bool
) -> Callable[[Page], bool]:
    """Return what says whether somebody is signed in; where another site is left, soon if not.

    What a page that is not signed in asks a person for is put into `checks`.
    """
    since: list[float] = []

    def looks(page: Page) -> bool:
        if site.looks(page, site.origin, workshop.wording):
            return True
        obstacle = obstacles.kind_of(page, workshop.wording)
        checks[:] = [obstacle] if isinstance(obstacle, HumanCheck) else []
        asked = isinstance(obstacle, SignInNeeded)
        since[:] = (since or [time.monotonic()]) if asked else []
        if early and since and time.monotonic() - since[0] >= _SETTLED_S:
            raise SignInNeeded("the session has ended", next_step="pixelmint sign-in")
        return False

    return looks


def _profile(workshop: Workshop, site: _Site, upstack: _Site) -> str:
    """Return the profile that gets the session; never one that holds another site's."""
    if site is not upstack:
        return workshop.profile
    profile = UPSTACK if workshop.profile == DEFAULT_PROFILE else workshop.profile
    known = workshop.sessions.facts(profile).origin
    if known not in ("", upstack.origin):
        raise UsageError(
            f"profile {profile} holds a session for {known}, and this one is for Upstack alone",
            next_step="give it another --profile, or none",
        )
    return profile

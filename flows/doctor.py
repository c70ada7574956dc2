"""Whether everything that a generation needs is there. Changes nothing, clicks nothing."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from automation.browser import Lane
from automation.errors import AutomationError
from automation.recording_folder import open_folder
from automation.session_life import outlook
from flows.destinations.registry import Destinations
from flows.doctor_controls import Check, check_controls
from flows.sign_in import UPSTACK
from flows.workshop import Workshop, check_names

__all__ = ["Check", "doctor"]


def doctor(
    workshop: Workshop,
    *,
    pixel: str | None = None,
    account: str | None = None,
    save: Path | None = None,
) -> Iterator[Check]:
    """Yield one check after the other; a failing one does not keep the next from being made.

    Args:
        workshop: what is checked.
        pixel: whose button is looked at; None for the first that is listed.
        account: the account to look in, or None for the console's own choice.
        save: a folder for redacted screens, to be sent with a report; None for none.

    Raises:
        UsageError: pixel or account is malformed, or the folder is no place for a recording.
    """
    check_names([pixel] if pixel else [], account)
    if save is not None:
        open_folder(save)
    checks: list[tuple[str, Callable[[], str]]] = [
        ("home", lambda: str(workshop.home)),
        ("key", lambda: workshop.sealer.source),
        ("escrow", lambda: _escrow(workshop)),
    ]
    checks += [(f"store {url}", _store(workshop, url)) for url in workshop.settings.store]
    with contextlib.ExitStack() as opened:
        lanes: list[Lane] = []
        checks.append(("browser", lambda: _browser(workshop, opened, lanes)))
        for what, look in checks:
            yield _checked(what, look)
        yield from _session(workshop, lanes, pixel, account, save)
    with Destinations(workshop) as destinations:
        for url in _destinations(workshop):
            yield _checked(f"destination {url}", lambda url=url: destinations.get(url).check())  # type: ignore[misc]  # bound now


def _destinations(workshop: Workshop) -> list[str]:
    """Return the destinations that are wanted for any pixel, or have a session of their own."""
    try:
        rows = workshop.deliveries.all()
        own = UPSTACK in workshop.sessions.profiles()
    except AutomationError:
        return []  # what is wrong there was told above
    wanted = [each.destination for each in rows if each.state != "forgotten"]
    return list(dict.fromkeys([*wanted, *([UPSTACK] if own else [])]))


def _checked(what: str, look: Callable[[], str]) -> Check:
    try:
        return Check(what, look())
    except AutomationError as problem:
        return Check(what, problem.message, problem)


def _escrow(workshop: Workshop) -> str:
    workshop.escrow.check()
    waiting = len(workshop.escrow.unsettled())
    return "takes and returns a test record" + (f"; {waiting} intents open" if waiting else "")


def _store(workshop: Workshop, url: str) -> Callable[[], str]:
    def look() -> str:
        workshop.store(url).check()
        return "answers"

    return look


def _browser(workshop: Workshop, opened: contextlib.ExitStack, lanes: list[Lane]) -> str:
    lanes.append(opened.enter_context(workshop.lane()))
    version = lanes[0].open().context.browser
    return f"{workshop.browser.described}, version {version.version if version else 'unknown'}"


def _session(
    workshop: Workshop,
    lanes: list[Lane],
    pixel: str | None,
    account: str | None,
    save: Path | None,
) -> Iterator[Check]:
    """Look whether the session is good where a generation would use it, then at every control."""
    what = f"session {workshop.profile}"
    try:
        state = workshop.sessions.load(workshop.profile)
    except AutomationError as problem:
        yield Check(what, problem.message, problem)
        return
    yield _outlook(workshop)
    if not lanes:
        yield Check(what, "there is one; without a browser it cannot be tried")
        return
    try:
        yield from check_controls(
            workshop, lanes[0], state, pixel=pixel, account=account, save=save
        )
    except AutomationError as problem:  # the browser ended, or would not show its page
        yield Check("controls", problem.message, problem)


def _outlook(workshop: Workshop) -> Check:
    """Say how old the sign-in is, beside how long those before it lasted. No failure by itself."""
    said = outlook(workshop.profile, workshop.sessions.facts(workshop.profile))
    if said is None:
        return Check("session life", "when it was made is not known")
    return Check(
        "session life", f"{said.says}; next: {said.next_step}" if said.is_old else said.says
    )

"""Whether every control up to the button is found, and how: the part of `doctor` that looks."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from automation.browser import Lane
from automation.controls import Found
from automation.controls_words import Label, quote
from automation.errors import AutomationError, SignInNeeded
from automation.recording_folder import open_folder
from flows.pages.events_manager import EventsManager
from flows.record import Recorder
from flows.walk import Sight, View, Walk
from flows.workshop import Workshop

_TITLES = {
    "home": "session",
    "menu": "the tools menu",
    "list": "the list of pixels",
    "pixel": "the pixel's page",
    "settings": "the pixel's settings",
}


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    what: str
    says: str
    error: AutomationError | None = None
    control: dict[str, Any] | None = None
    """How a control was found; None where the check is of something else."""

    def as_json(self) -> dict[str, Any]:
        """Return it as one JSON object."""
        error = self.error.as_json() if self.error else None
        row = {"check": self.what, "ok": self.error is None, "says": self.says, "error": error}
        return row | (self.control or {})


def check_controls(
    workshop: Workshop,
    lane: Lane,
    state: dict[str, Any],
    *,
    pixel: str | None,
    account: str | None,
    save: Path | None,
) -> Iterator[Check]:
    """Yield the session's check, then one for each control on the way to a pixel's button.

    The button is looked at and never clicked.

    Args:
        workshop: what the run works with.
        lane: entered.
        state: the session to use.
        pixel: whose button; None for the first that is listed.
        account: the account to open, or None for the console's own choice.
        save: where redacted screens go, for a report of what is wrong; None for nowhere.
    """
    settings, page = workshop.settings, lane.open(state)
    console = EventsManager(
        page, settings.console_url, workshop.wording,
        patience_s=settings.patience, say=workshop.say,
    )  # fmt: skip
    recorder = Recorder(workshop.wording, settings.console_url, state)
    walk = Walk(console, page, workshop.wording, patience_s=settings.patience)
    for view in walk.views(pixel, account):
        if isinstance(view.error, SignInNeeded):
            workshop.sessions.ended(workshop.profile)
        yield from _of_view(workshop, view)
        if save is not None:
            recorder.add(view, "stopped" if view.error else "")
    if save is not None:
        yield _saved(recorder, save)


def _of_view(workshop: Workshop, view: View) -> Iterator[Check]:
    session = f"session {workshop.profile}"
    if view.error is not None:
        what = session if view.name == "home" else f"screen {view.name}"
        yield Check(what, f"{_TITLES[view.name]}: {view.error.message}", view.error)
        return
    if view.name == "home":
        facts = workshop.sessions.facts(workshop.profile)
        lasted = facts.lifetimes_h
        more = f"; earlier ones lasted {min(lasted)} h or more" if lasted else ""
        yield Check(session, f"signed in (since {facts.signed_in_at or 'unknown'}){more}")
    if view.name == "list":
        yield Check("pixel", f"looking at {view.pixel}")
    for sight in view.sights:
        if sight.found or sight.error:
            yield _of_sight(view, sight)


def _of_sight(view: View, sight: Sight) -> Check:
    what = f"control {sight.name}"
    if sight.found is None or sight.error is not None:
        problem = sight.error
        says = problem.message if problem else "not found"
        return Check(what, says, problem, {"control": sight.name, "screen": view.name})
    return Check(what, _says(sight.found), None, _facts(view, sight.found))


def _says(found: Found) -> str:
    label = found.label
    as_what = f" as {label.text!r} ({_known(label)})" if label else ""
    clear = f"next is {found.runner_up}" if found.runner_up else "nothing else comes near"
    return (
        f"found {quote(found.text) or 'an icon'!r}{as_what}: {', '.join(found.how)}; "
        f"score {found.score:.2f}, margin {found.margin:.2f}, {clear}"
    )


def _known(label: Label) -> str:
    source = label.source.partition(",")[0]
    return f"{label.language}, {'verified' if label.verified else 'not verified'}: {source}"


def _facts(view: View, found: Found) -> dict[str, Any]:
    label = found.label
    return {
        "control": found.meaning.name,
        "screen": view.name,
        "how": list(found.how),
        "label": {
            "text": label.text,
            "language": label.language,
            "source": label.source,
            "verified": label.verified,
        }
        if label
        else None,
        "score": found.score,
        "margin": found.margin,
        "runner_up": found.runner_up or None,
    }


def _saved(recorder: Recorder, folder: Path) -> Check:
    try:
        screens = recorder.finish(open_folder(folder))
    except AutomationError as problem:
        return Check("snapshot", problem.message, problem)
    return Check("snapshot", f"{len(screens)} redacted screens are in {folder}")

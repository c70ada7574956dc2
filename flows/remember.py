"""What came of a pixel's turn, written down for `status` and `report`; never a reason to fail."""

import logging

from automation.errors import AlreadyRunning, AutomationError
from automation.history import Entry
from automation.records import Changes
from automation.report import Result
from flows.workshop import Workshop

log = logging.getLogger(__name__)


def remember(workshop: Workshop, result: Result, command: str) -> None:
    """Note how a turn ended, in the records and in the history.

    What was stored is noted where it is stored; the records learn here what failed or was kept.

    Args:
        workshop: whose run it is.
        result: finished, its seconds and phases too.
        command: the kind of work: "generate", "rotate", ...
    """
    if result.pixel is None:
        return
    changes: Changes = {"outcome": result.outcome, "error": result.as_json()["error"]}
    if result.account:
        changes["account"] = result.account
    try:
        if result.outcome in ("failed", "kept"):
            workshop.records.note(result.pixel, **changes)
    except AutomationError as problem:
        log.warning("%s", problem.message)
    add_history(workshop, result, command)


def add_history(workshop: Workshop, result: Result, command: str) -> None:
    """Add a turn to the history alone; one in which nothing was to be done is left out."""
    if result.pixel is None or result.outcome in ("kept", "planned"):
        return
    if isinstance(result.error, AlreadyRunning):  # the turn is the other process's
        return
    result.phases.end()
    entry = Entry(
        run=workshop.run,
        command=command,
        pixel=result.pixel,
        account=result.account or "",
        outcome=result.outcome,
        code=(result.as_json()["error"] or {}).get("code"),
        seconds=result.seconds,
        phases=result.phases.seconds,
    )
    try:
        workshop.history.add(entry)
    except AutomationError as problem:
        log.warning("the history lacks this turn: %s", problem.message)

"""Stay up and do a run at its times, once among all processes that keep the same schedule."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from automation.cron import Cron
from automation.errors import AutomationError, PageChanged
from automation.nights import Clock, Keeping, Nights
from automation.signals import held_back
from flows.generate import prepare
from flows.sign_ins import warnings
from flows.workshop import Workshop, own_fault

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """What is done when."""

    cron: Cron
    key: str
    """What makes it the same schedule for several processes: its times, whose, what is done."""
    run: Callable[[], int]
    """Does one run, tells of it, and returns its exit code. Raises AutomationError, and
    KeyboardInterrupt after Ctrl-C."""
    catch_up: bool = True
    """A missed time is made up for; else it is left out."""


def schedule(
    workshop: Workshop,
    plan: Plan,
    tell: Callable[[str], None],
    failed: Callable[[AutomationError], None],
    clock: Clock | None = None,
) -> None:
    """Keep a schedule until Ctrl-C or SIGTERM; the token in hand is stored first.

    A run that fails does not end it: the next time comes.

    Args:
        workshop: whose home or database the schedule is kept in.
        plan: what is done when.
        tell: takes a line a person should read: when the next run is, what was missed.
        failed: takes what ended a run before its end.
        clock: a test's own.

    Raises:
        UsageError, EscrowFailed, StoreFailed: no token could be kept safe, or a setting is wrong.
            Nothing was touched.
        KeyboardInterrupt: it was told to end.
    """
    prepare(workshop)
    shared = workshop.settings.database_url
    nights = Nights(workshop.home, workshop.database, plan.key, shared)
    keeping = Keeping(
        plan.cron,
        nights,
        partial(_run, plan, tell, failed),
        catch_up=plan.catch_up,
        tell=tell,
        before=partial(_before, workshop, plan.cron, tell),
        clock=clock or Clock(),
    )

    def heard(line: str) -> None:
        keeping.stop.set()
        workshop.say(line)

    with held_back(heard):
        keeping.keep()
    raise KeyboardInterrupt


def _before(workshop: Workshop, cron: Cron, tell: Callable[[str], None], due: datetime) -> None:
    tell(f"the next run is on {cron.shown(due)} ({cron.zone.key})")
    for line in warnings(workshop, due):
        tell(line)


def _run(
    plan: Plan,
    tell: Callable[[str], None],
    failed: Callable[[AutomationError], None],
    due: datetime,
) -> None:
    when = plan.cron.shown(due)
    tell(f"the run of {when} begins")
    try:
        code = plan.run()
    except AutomationError as problem:
        failed(problem)
        code = problem.exit_code
    except Exception as problem:  # tonight's fault must not cost the nights after it
        log.debug("unexpected", exc_info=True)
        failed(own_fault(problem))
        code = PageChanged.exit_code
    tell(f"the run of {when} has ended" + (f" with exit code {code}" if code else ": all is done"))

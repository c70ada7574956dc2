"""What follows a run, once: the metrics are written, and one message is sent. Loses no result."""

from collections.abc import Callable, Iterable, Iterator

from automation import metrics, notify
from automation.errors import AutomationError
from automation.report import Result
from automation.secret import redact
from flows.metrics import FOR_A_PERSON, RunCounts, write_metrics
from flows.workshop import Workshop, own_fault

NOT_LIVE = ("store_failed", "delivery_failed", "verify_failed")
"""There is a token, and where it is used there is another, or one that does not work."""
_MOST_LINES = 20


def check(workshop: Workshop) -> None:
    """Refuse what could not be told later. Nothing was touched.

    Raises:
        UsageError: an extra is missing, a folder is, or an address is none.
    """
    settings = workshop.settings
    if settings.metrics is not None:
        metrics.check(settings.metrics)
    if settings.notify:
        notify.check(settings.notify)


def told(
    workshop: Workshop, command: str, results: Iterable[Result], tell: Callable[[str], None]
) -> Iterator[Result]:
    """Yield a run's results, and tell of them when it has ended, however it did.

    Args:
        workshop: whose settings say where the metrics and the message go.
        command: what was run, e.g. "rotate".
        results: of the run; not begun.
        tell: takes a warning: of metrics or a message that did not go through.

    Raises:
        UsageError: as `check`, before the run begins.
    """
    check(workshop)
    run = Run(command)
    run.ended = "it was stopped; what was captured is safe, the rest is left for the next run"
    try:
        for each in results:
            run.seen(each)
            yield each
        run.ended = ""
    except AutomationError as problem:
        run.ended = problem.message
        raise
    except Exception as problem:
        run.ended = own_fault(problem).message
        raise
    finally:
        _tell(workshop, run, tell)


class Run:
    """What came of one run, counted."""

    def __init__(self, command: str) -> None:
        """Begin with nothing.

        Args:
            command: what is run.
        """
        self.command = command
        self.ended = ""
        """Why it ended before its end; "" where it did not."""
        self.by_kind: dict[str, list[str]] = {
            "renewed but not live": [],
            "waiting for a person": [],
            "failed": [],
            "done": [],
            "kept": [],
        }
        """A line for each pixel, worst first."""

    def seen(self, result: Result) -> None:
        """Count one result in."""
        facts = result.as_json()
        error = facts["error"] or {}
        place = f"{result.pixel or '-'} in account {result.account or 'unknown'}"
        if result.outcome != "failed":
            kind = "kept" if result.outcome in ("kept", "planned") else "done"
            self.by_kind[kind].append(place)
            return
        kind = "failed"
        if error.get("code") in FOR_A_PERSON:
            kind = "waiting for a person"
        elif error.get("code") in NOT_LIVE:
            kind = "renewed but not live" if result.fingerprint else "failed"
        next_step = f" -- {error['next_step']}" if error.get("next_step") else ""
        line = f"{place}: {error.get('code')}: {error.get('message')}{next_step}"
        self.by_kind[kind].append(redact(line))

    @property
    def counts(self) -> RunCounts:
        """What the metrics say of it."""
        by_kind = {kind: len(lines) for kind, lines in self.by_kind.items()}
        due = sum(by_kind.values()) - by_kind["kept"]
        return RunCounts(
            self.command,
            due=due,
            failed=due - by_kind["done"],
            for_a_person=by_kind["waiting for a person"],
            not_live=by_kind["renewed but not live"],
            is_good=not self.ended and due == by_kind["done"],
        )

    def message(self) -> tuple[str, str, notify.Kind]:
        """Return the title, the text and the kind of the one message."""
        counts = [f"{len(lines)} {kind}" for kind, lines in self.by_kind.items() if lines]
        title = f"pixelmint {self.command}: {', '.join(counts) or 'nothing was due'}"
        parts = [f"The run ended early: {redact(self.ended)}"] if self.ended else []
        for kind, lines in self.by_kind.items():
            if lines and kind != "kept":
                more = len(lines) - _MOST_LINES
                shown = [*lines[:_MOST_LINES], *([f"and {more} more"] if more > 0 else [])]
                parts.append("\n".join([f"{kind}:", *(f"- {each}" for each in shown)]))
        kind_of_all: notify.Kind = "warning"
        if self.counts.is_good:
            kind_of_all = "success"
        elif self.ended or self.by_kind["failed"]:
            kind_of_all = "failure"
        return title, "\n\n".join(parts) or "Nothing was due.", kind_of_all


def _tell(workshop: Workshop, run: Run, tell: Callable[[str], None]) -> None:
    settings = workshop.settings
    if settings.metrics is not None:
        try:
            write_metrics(workshop, settings.metrics, run.counts)
        except Exception as problem:  # whatever it is, the results have been told
            says = problem.message if isinstance(problem, AutomationError) else ""
            tell(f"warning: the metrics were not written: {says or type(problem).__name__}")
    if settings.notify:
        for line in notify.send(settings.notify, *run.message()):
            tell(f"warning: {line}")

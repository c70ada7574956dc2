"""Rows as durable jobs, each account in a lane of its own: what `provision` and `rotate` share."""

import contextlib
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from automation.errors import FOR_A_PERSON, AlreadyRunning, AutomationError, UsageError
from automation.jobs import Batch, DoRow, Jobs
from automation.report import Result
from automation.signals import held_back
from flows.console import Console
from flows.generate import Wish, generate_one, prepare
from flows.rotation import rotate_one
from flows.status import renewed_since
from flows.workshop import Workshop, own_fault

log = logging.getLogger(__name__)

_LOCK_WAIT_S = 3600.0
_SLOWEST_S = 300.0
_NEAR = 4
"""How many of the rows that come next a row knows, so that their pages can be opened ahead."""

Json = dict[str, Any]


@dataclass(frozen=True)
class Todo:
    """One row on its way into the queue. Holds no secret: it is written to the jobs' database."""

    pixel: str
    account: str = ""
    """Empty where it is not known; the records are asked then."""
    profile: str = ""
    """Empty means the workshop's own."""
    wish: Mapping[str, Any] = field(default_factory=dict)
    """What its kind of work reads beside; plain JSON."""


def queued(
    workshop: Workshop,
    todo: Sequence[Todo],
    kind: str,
    *,
    lanes: int,
    options: Mapping[str, Any] | None = None,
) -> Iterator[Result]:
    """Queue rows, work on them here unless another process does, and yield what comes of each.

    Args:
        workshop: what the run works with.
        todo: the rows; those of one account and profile become one batch.
        kind: "generate" or "rotate", by which whoever takes a batch knows what to do.
        lanes: how many accounts are worked on at a time.
        options: what all rows share, plain JSON, e.g. `{"dry_run": True}`.

    Raises:
        KeyboardInterrupt: Ctrl-C came; the tokens that were in hand are stored and told of.
    """
    workshop.lock_wait_s = _LOCK_WAIT_S
    jobs = Jobs(workshop.home, workshop.settings.database_url)
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(jobs.working(partial(_lane, workshop, jobs), lanes))
        except AlreadyRunning as problem:
            # The one that works here takes these rows too; they are followed.
            workshop.say(f"{problem.message}; the rows are handed to it")
        came = stack.enter_context(_stopping(workshop, jobs))
        batches = list(_batches(workshop, todo, {**(options or {}), "kind": kind}))
        ids = jobs.add(batches)
        names = {each: batch.key for each, batch in zip(ids, batches, strict=True)}
        rows: Counter[str] = Counter()
        for batch in batches:
            rows[batch.key] += len(batch.rows)
        workshop.watch.begin(rows)
        waiting = {row.pixel for row in todo}
        for of, _at, told in jobs.follow(ids):
            waiting.discard(told["pixel"])
            result = Result(**told)
            workshop.watch.note(names[of], result)
            yield result
        stopped = jobs.stopping.is_set()
    if came:
        raise KeyboardInterrupt
    for pixel in sorted(waiting):
        # A lane's own rows never fail so: either all was stopped, or the lane itself broke.
        error = _stopped() if stopped else own_fault(RuntimeError())
        yield Result(pixel, None, "failed", error=error)


def work(workshop: Workshop, *, lanes: int) -> None:
    """Take jobs from the queue until Ctrl-C; the token in hand is stored first.

    Raises:
        AlreadyRunning: on SQLite another process takes them.
        KeyboardInterrupt: Ctrl-C came.
    """
    prepare(workshop)
    workshop.lock_wait_s = _LOCK_WAIT_S
    jobs = Jobs(workshop.home, workshop.settings.database_url)
    lane = partial(_lane, workshop, jobs)
    with jobs.working(lane, lanes, hands_over=True), _stopping(workshop, jobs):
        workshop.say(f"taking jobs, {lanes} accounts at a time; Ctrl-C ends it")
        pause = threading.Event()
        while not jobs.stopping.is_set():
            pause.wait(0.5)
    raise KeyboardInterrupt


def workshop_for(
    workshop: Workshop,
    *,
    profile: str | None = None,
    stores: Iterable[str] = (),
    say: Callable[[str], None] | None = None,
) -> Workshop:
    """Return the workshop of a row's own profile and stores; what is not named stays as it is."""
    settings = workshop.settings
    if named := tuple(stores):
        settings = settings.model_copy(update={"store": named})
    same = settings is workshop.settings and say is None
    if same and profile in (None, "", workshop.profile):
        return workshop
    made = replace(
        workshop,
        settings=settings,
        profile=profile or workshop.profile,
        say=say or workshop.say,
    )
    # One key, one journal and one set of records for all.
    for shared in ("sealer", "leases", "escrow", "database", "records", "history", "wording"):
        made.__dict__[shared] = getattr(workshop, shared)
    return made


def _stopping(workshop: Workshop, jobs: Jobs) -> contextlib.AbstractContextManager[list[int]]:
    """Let Ctrl-C end every lane after the token in its hand."""

    def heard(line: str) -> None:
        jobs.stopping.set()
        workshop.say(line)

    return held_back(heard)


def _stopped() -> AutomationError:
    return UsageError("the run was stopped before this row", next_step="run it again")


def _batches(workshop: Workshop, todo: Iterable[Todo], options: Json) -> Iterator[Batch]:
    """Put the rows of one account and profile together; those of unknown account by profile."""
    found: dict[tuple[str, str], list[Json]] = {}
    for row in todo:
        profile = row.profile or workshop.profile
        known = None if row.account else workshop.records.get(row.pixel)
        account = row.account or (known.account if known else "")
        found.setdefault((account, profile), []).append(
            {**row.wish, "pixel": row.pixel, "account": account}
        )
    for (account, profile), wishes in found.items():
        for at, wish in enumerate(wishes):
            wish["then"] = [each["pixel"] for each in wishes[at + 1 : at + 1 + _NEAR]]
        own = {**options, "account": account, "profile": profile}
        yield Batch(_key(own), wishes, own)


def _key(options: Json) -> str:
    """Return what must not be worked on twice at a time, as people are told it."""
    return str(options["account"] or f"profile {options['profile']}")


@contextlib.contextmanager
def _lane(workshop: Workshop, jobs: Jobs, options: Json) -> Iterator[DoRow]:
    """Open one account in a browser of its own, for as many rows as it has."""
    account = options["account"] or None
    own = workshop_for(workshop, profile=options["profile"], say=_saying(workshop, _key(options)))
    with Console(own, account=account, visible=False) as console:
        yield _InTurn(own, jobs, console, options).do
        console.keep_session()


def _saying(workshop: Workshop, key: str) -> Callable[[str], None]:
    """Return where a lane tells what it does: into its own place, where there is a display."""

    def say(line: str) -> None:
        if workshop.watch.is_live:
            workshop.watch.doing(key, line)
        else:
            workshop.say(line)

    return say


class _InTurn:
    """The rows of one account, one after the other."""

    def __init__(self, workshop: Workshop, jobs: Jobs, console: Console, options: Json) -> None:
        self._workshop, self._jobs, self._console = workshop, jobs, console
        self._options, self._do_one = options, _KINDS[options["kind"]]
        self._asks: dict[str, str | None] | None = None
        """What waits for a person in this account: the rows after it are not tried."""
        self._slow_s = 0.0

    def do(self, row: Json) -> Json:
        """Do one row and return the contract's object."""
        if self._asks is not None:
            return Result(
                row["pixel"], row["account"] or None, "failed", error=self._asks
            ).as_json()
        if self._slow_s:
            self._jobs.stopping.wait(self._slow_s)
        told = self._done(row).as_json()
        code = (told["error"] or {}).get("code")
        if code in FOR_A_PERSON:
            self._asks = told["error"]
            self._workshop.say(f"account {told['account'] or '?'} waits for a person: {code}")
        busy = code == "site_busy"
        self._slow_s = min(_SLOWEST_S, 2 * (self._slow_s or self._pace_s())) if busy else 0.0
        return told

    def _pace_s(self) -> float:
        return max(1.0, self._workshop.settings.pace)

    def _done(self, row: Json) -> Result:
        at = workshop_for(self._workshop, stores=row.get("stores", ()))
        try:
            return self._do_one(at, row, self._options, self._console)
        except AutomationError as problem:  # what stops the whole run
            log.error("stopping after the rows in hand: %s", problem.message)
            self._jobs.stopping.set()
            return Result(row["pixel"], row["account"] or None, "failed", error=problem)


DoOne = Callable[[Workshop, Json, Json, Console], Result]
"""Does one row: its workshop, the row, the batch's options, the lane's browser.

Raises nothing but what stops the whole run.
"""


def _generate(workshop: Workshop, row: Json, options: Json, console: Console) -> Result:
    if row["replace"] and not options["dry_run"]:
        # Done again after a stop: what is newer than the token to be replaced is its work.
        renewed = renewed_since(workshop, row["pixel"], row["before"])
        if renewed is not None:
            return renewed
    wish = Wish(
        row["account"] or None,
        replace=row["replace"],
        dry_run=options["dry_run"],
        deliver=tuple(row.get("deliver", ())),
    )
    return generate_one(workshop, row["pixel"], wish, console, then=row.get("then", ()))


_KINDS: dict[str, DoOne] = {"generate": _generate, "rotate": rotate_one}

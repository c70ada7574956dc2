"""`generate` for every row of a list: durable, each account in a lane of its own.

Safe to run again: a row whose token every wanted store holds is `kept` and costs no browser.
"""

import contextlib
import logging
import threading
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from automation.errors import AlreadyRunning, AutomationError, HumanCheck, SignInNeeded, UsageError
from automation.jobs import Batch, DoRow, Jobs
from automation.manifest import Row, load
from automation.report import Result
from automation.signals import held_back
from flows.console import Console
from flows.filing import every_last_stored
from flows.generate import Wish, generate_one, is_kept, prepare
from flows.workshop import Workshop, check_names, own_fault

log = logging.getLogger(__name__)

_LOCK_WAIT_S = 3600.0
_SLOWEST_S = 300.0
_FOR_A_PERSON = (SignInNeeded.code, HumanCheck.code)


def provision(workshop: Workshop, source: str, *, lanes: int, dry_run: bool) -> Iterator[Result]:
    """Yield one result a row, as it comes; every row is tried.

    Args:
        workshop: what the run works with; a row may name another profile and other stores.
        source: a manifest's path, or `-`.
        lanes: how many accounts are worked on at a time.
        dry_run: everything but the click.

    Raises:
        UsageError: the manifest, a setting or the key is wrong. Nothing was touched.
        EscrowFailed, StoreFailed: no token could be kept safe. Nothing was clicked.
        KeyboardInterrupt: Ctrl-C came; the tokens that were in hand are stored and told of.
    """
    rows = load(source, partial(_faults, workshop))
    for stores in {row.stores for row in rows}:
        prepare(_for(workshop, stores=stores))
    known = every_last_stored(workshop)
    left: list[Row] = []
    for row in rows:
        result = Result(row.pixel, row.account, "failed")
        at = _for(workshop, profile=row.profile, stores=row.stores)
        if not row.replace and row.pixel in known and is_kept(at, *known[row.pixel], result):
            yield result
        else:
            left.append(row)
    if left:
        workshop.say(f"{len(left)} of {len(rows)} rows to do, {lanes} accounts at a time")
        yield from _queued(workshop, left, lanes, dry_run)


def _queued(workshop: Workshop, rows: list[Row], lanes: int, dry_run: bool) -> Iterator[Result]:
    workshop.lock_wait_s = _LOCK_WAIT_S
    jobs = Jobs(workshop.home, workshop.settings.database_url)
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(jobs.working(partial(_lane, workshop, jobs), lanes))
        except AlreadyRunning as problem:
            # The one that works here takes these rows too; they are followed.
            workshop.say(f"{problem.message}; the rows are handed to it")
        came = stack.enter_context(_stopping(workshop, jobs))
        ids = jobs.add(list(_batches(workshop, rows, dry_run)))
        waiting = {row.pixel for row in rows}
        for _id, _at, told in jobs.follow(ids):
            waiting.discard(told["pixel"])
            yield Result(**told)
    if came:
        raise KeyboardInterrupt
    for pixel in sorted(waiting):
        # A lane's own rows never fail so: either all was stopped, or the lane itself broke.
        error = _stopped() if jobs.stopping.is_set() else own_fault(RuntimeError())
        yield Result(pixel, None, "failed", error=error)


def _stopping(workshop: Workshop, jobs: Jobs) -> contextlib.AbstractContextManager[list[int]]:
    """Let Ctrl-C end every lane after the token in its hand."""

    def heard(line: str) -> None:
        jobs.stopping.set()
        workshop.say(line)

    return held_back(heard)


def _stopped() -> AutomationError:
    return UsageError("the run was stopped before this row", next_step="run it again")


def _faults(workshop: Workshop, row: Row) -> Iterator[str]:
    """What is wrong with a row beyond its form."""
    try:
        check_names([row.pixel], row.account)
    except UsageError as problem:
        yield problem.message
    profile = row.profile or workshop.profile
    if profile not in workshop.sessions.profiles():
        yield f"no session of profile {profile}; `pixelmint sign-in --profile {profile}` makes one"
    for url in row.stores:
        try:
            workshop.store(url)
        except UsageError as problem:
            yield problem.message
    if row.deliver:
        yield "deliver: no destination is known yet"


def _for(workshop: Workshop, *, profile: str | None = None, stores: Iterable[str] = ()) -> Workshop:
    """Return the workshop of a row's own profile and stores."""
    settings = workshop.settings
    if named := tuple(stores):
        settings = settings.model_copy(update={"store": named})
    if settings is workshop.settings and profile in (None, workshop.profile):
        return workshop
    made = replace(workshop, settings=settings, profile=profile or workshop.profile)
    # One key, one journal and one set of records for all.
    for shared in ("sealer", "escrow", "records", "wording"):
        made.__dict__[shared] = getattr(workshop, shared)
    return made


def _batches(workshop: Workshop, rows: Iterable[Row], dry_run: bool) -> Iterator[Batch]:
    """Put the rows of one account and profile together; those of unknown account by profile."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        profile = row.profile or workshop.profile
        known = None if row.account else workshop.records.get(row.pixel)
        account = row.account or (known.account if known else "")
        wish = {"pixel": row.pixel, "account": account, "stores": row.stores,
                "replace": row.replace}  # fmt: skip
        found.setdefault((account, profile), []).append(wish)
    for (account, profile), wishes in found.items():
        options = {"account": account, "profile": profile, "dry_run": dry_run}
        yield Batch(account or f"profile {profile}", wishes, options)


@contextlib.contextmanager
def _lane(workshop: Workshop, jobs: Jobs, options: dict[str, Any]) -> Iterator[DoRow]:
    """Open one account in a browser of its own, for as many rows as it has."""
    account = options["account"] or None
    own = _for(workshop, profile=options["profile"])
    with Console(own, account=account, visible=False) as console:
        yield _InTurn(own, jobs, console, dry_run=options["dry_run"]).do
        console.keep_session()


class _InTurn:
    """The rows of one account, one after the other."""

    def __init__(self, workshop: Workshop, jobs: Jobs, console: Console, *, dry_run: bool) -> None:
        self._workshop, self._jobs, self._console = workshop, jobs, console
        self._dry_run = dry_run
        self._asks: dict[str, str | None] | None = None
        """What waits for a person in this account: the rows after it are not tried."""
        self._slow_s = 0.0

    def do(self, row: dict[str, Any]) -> dict[str, Any]:
        """Do one row and return the contract's object."""
        if self._asks is not None:
            return Result(
                row["pixel"], row["account"] or None, "failed", error=self._asks
            ).as_json()
        if self._slow_s:
            self._jobs.stopping.wait(self._slow_s)
        told = self._generated(row).as_json()
        code = (told["error"] or {}).get("code")
        if code in _FOR_A_PERSON:
            self._asks = told["error"]
            self._workshop.say(f"account {told['account'] or '?'} waits for a person: {code}")
        busy = code == "site_busy"
        self._slow_s = min(_SLOWEST_S, 2 * (self._slow_s or self._pace_s())) if busy else 0.0
        return told

    def _pace_s(self) -> float:
        return max(1.0, self._workshop.settings.pace)

    def _generated(self, row: dict[str, Any]) -> Result:
        at = _for(self._workshop, stores=row["stores"])
        wish = Wish(row["account"] or None, replace=row["replace"], dry_run=self._dry_run)
        try:
            return generate_one(at, row["pixel"], wish, self._console)
        except AutomationError as problem:  # what stops the whole run
            self._jobs.stopping.set()
            return Result(row["pixel"], wish.account, "failed", error=problem)


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
    with jobs.working(lane, lanes), _stopping(workshop, jobs):
        workshop.say(f"taking jobs, {lanes} accounts at a time; Ctrl-C ends it")
        pause = threading.Event()
        while not jobs.stopping.is_set():
            pause.wait(0.5)
    raise KeyboardInterrupt

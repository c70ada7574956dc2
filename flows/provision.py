"""`generate` for every row of a list: durable, each account in a lane of its own.

Safe to run again: a row whose token every wanted store holds is `kept` and costs no browser.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from automation.errors import UsageError
from automation.manifest import Row, load
from automation.report import Result
from flows.batches import Todo, queued, workshop_for
from flows.deliver import owing
from flows.destinations.hook import is_hook
from flows.destinations.registry import check_destinations
from flows.filing import every_last_stored
from flows.generate import is_kept, prepare
from flows.status import standing_of
from flows.workshop import Workshop, check_names


def provision(
    workshop: Workshop,
    source: str,
    *,
    lanes: int,
    dry_run: bool,
    deliver: Sequence[str] = (),
    hooks: Sequence[str] = (),
) -> Iterator[Result]:
    """Yield one result a row, as it comes; every row is tried.

    Args:
        workshop: what the run works with; a row may name another profile and other stores.
        source: a manifest's path, or `-`.
        lanes: how many accounts are worked on at a time.
        dry_run: everything but the click.
        deliver: destinations of the rows that name none.
        hooks: of all rows: destinations that are told of the tokens this run makes.

    Raises:
        UsageError: the manifest, a setting or the key is wrong. Nothing was touched.
        EscrowFailed, StoreFailed: no token could be kept safe. Nothing was clicked.
        KeyboardInterrupt: Ctrl-C came; the tokens that were in hand are stored and told of.
    """
    deliver, hooks = (check_destinations(each, workshop) for each in (deliver, hooks))
    rows = load(source, partial(_faults, workshop, set(workshop.sessions.profiles())))
    for stores in {row.stores for row in rows}:
        prepare(workshop_for(workshop, stores=stores))
    known, given = every_last_stored(workshop), workshop.deliveries.by_pixel()
    late = set() if dry_run else set(owing(workshop, known, given))
    left: list[Row] = []
    for row in rows:
        result = Result(row.pixel, row.account, "failed")
        at = workshop_for(workshop, profile=row.profile, stores=row.stores)
        if not row.replace and row.pixel in known and is_kept(at, *known[row.pixel], result):
            there = given.get(row.pixel, ())
            result.delivered = [d.destination for d in there if d.holds(result.fingerprint)]
            to = [each for each in _destinations(workshop, row, deliver) if not is_hook(each)]
            if dry_run or (row.pixel not in late and set(to) <= set(result.delivered)):
                yield result
                continue
        left.append(row)
    if left:
        workshop.say(f"{len(left)} of {len(rows)} rows to do, {lanes} accounts at a time")
        wanted = [(*_destinations(workshop, each, deliver), *hooks) for each in left]
        todo = [_todo(workshop, *each) for each in zip(left, wanted, strict=True)]
        yield from queued(workshop, todo, "generate", lanes=lanes, options={"dry_run": dry_run})


def _destinations(workshop: Workshop, row: Row, otherwise: tuple[str, ...]) -> tuple[str, ...]:
    return check_destinations(row.deliver, workshop) if row.deliver else otherwise


def _todo(workshop: Workshop, row: Row, deliver: tuple[str, ...]) -> Todo:
    # Named here, because whoever takes the row may keep its own tokens elsewhere.
    stores = row.stores or workshop.settings.store
    wish: dict[str, Any] = {"stores": stores, "replace": row.replace, "deliver": deliver}
    if row.replace:
        wish["before"] = standing_of(workshop, row.pixel).result.fingerprint
    return Todo(row.pixel, row.account or "", row.profile or "", wish)


def _faults(workshop: Workshop, profiles: set[str], row: Row) -> Iterator[str]:
    """What is wrong with a row beyond its form."""
    try:
        check_names([row.pixel], row.account)
    except UsageError as problem:
        yield problem.message
    profile = row.profile or workshop.profile
    if profile not in profiles:
        yield f"no session of profile {profile}; `pixelmint sign-in --profile {profile}` makes one"
    for url in row.stores:
        try:
            workshop.store(url)
        except UsageError as problem:
            yield problem.message
    try:
        check_destinations(row.deliver, workshop)
    except UsageError as problem:
        yield problem.message

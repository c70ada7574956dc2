"""Renew what is due: find it here, then a turn for each pixel, each account in a lane of its own.

Safe to run again at any time: what is not due is `kept`, what a crash left is finished first.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

from automation.backoff import Backoff
from automation.errors import AutomationError, StoreFailed, UsageError
from automation.report import Result
from automation.session import DEFAULT_PROFILE
from flows.batches import Todo, queued, workshop_for
from flows.deliver import owing
from flows.destinations.registry import check_destinations
from flows.due import Renewal, has_token, need_of
from flows.filing import every_last_stored
from flows.generate import prepare
from flows.status import Standing, status
from flows.workshop import Workshop, check_names


def rotate(
    workshop: Workshop,
    renewal: Renewal,
    *,
    lanes: int,
    tell: Callable[[str], None] | None = None,
) -> Iterator[Result]:
    """Yield one result for every pixel that has a token here: what is not due first, as `kept`.

    Args:
        workshop: what the run works with. Each pixel is reached by the profile it was last
            reached by, unless this one's is another than the default.
        renewal: what is due, and when.
        lanes: how many accounts are worked on at a time.
        tell: takes what must be read; by default what takes progress.

    Raises:
        UsageError: a pixel, a setting or the key is wrong. Nothing was touched.
        EscrowFailed: no token could be kept safe. Nothing was clicked.
        KeyboardInterrupt: Ctrl-C came; the tokens that were in hand are stored and told of.
    """
    renewal = replace(renewal, hooks=check_destinations(renewal.hooks, workshop))
    now = datetime.now(UTC)
    standings = list(_chosen(workshop, renewal))
    if renewal.window is not None and not renewal.window.is_open(now):
        opens = renewal.window.opens(now).astimezone().isoformat(" ", "minutes")
        (tell or workshop.say)(f"outside the window {renewal.window}, which opens {opens}")
        yield from map(_kept, standings)
        return
    late = set(owing(workshop))
    resting = {} if renewal.pixels else Backoff(workshop.database).resting(now)
    due: list[tuple[Standing, str]] = []
    for standing in standings:
        need = need_of(standing, renewal, now, owes=standing.result.pixel in late)
        if need == "nothing":
            yield _kept(standing)
        elif until := resting.get(standing.result.pixel or ""):
            yield _rests(standing, until)
        else:
            due.append((standing, need))
    if due:
        workshop.say(f"{len(due)} of {len(standings)} pixels are due")
        yield from _turns(workshop, renewal, due, lanes, now)


def _chosen(workshop: Workshop, renewal: Renewal) -> Iterator[Standing]:
    """Yield what is known of the pixels that are asked for and have a token here."""
    check_names(renewal.pixels, None)
    found = {each.result.pixel: each for each in status(workshop) if has_token(each)}
    if strangers := [each for each in renewal.pixels if each not in found]:
        raise UsageError(
            f"no token of {', '.join(strangers)} is known here",
            next_step=f"pixelmint generate {' '.join(strangers)}",
        )
    yield from (found[each] for each in renewal.pixels or found)


def _turns(
    workshop: Workshop,
    renewal: Renewal,
    due: list[tuple[Standing, str]],
    lanes: int,
    now: datetime,
) -> Iterator[Result]:
    last = every_last_stored(workshop)
    mute: dict[tuple[str, ...], AutomationError | None] = {}
    todo = []
    for standing, need in due:
        pixel = standing.result.pixel or ""
        stores = renewal.stores or (last[pixel][0].stores if pixel in last else ())
        stores = stores or tuple(standing.result.stored_in) or workshop.settings.store
        if stores not in mute:
            mute[stores] = _trouble(workshop_for(workshop, stores=stores))
        if need == "token" and (problem := mute[stores]) is not None:
            # With nowhere to put it a new token would do nothing but stop the current one.
            yield _failed(standing, problem)
            continue
        now_ = standing.result.as_json()
        wish = {"need": need, "stores": stores, "now": now_, "deliver": renewal.hooks}
        asked_for = workshop.profile != DEFAULT_PROFILE
        profile = workshop.profile if asked_for else standing.profile
        todo.append(Todo(pixel, standing.result.account or "", profile, wish))
    until = None if renewal.window is None else renewal.window.closes(now).isoformat()
    options = {"dry_run": renewal.dry_run, "until": until}
    if todo:
        yield from queued(workshop, todo, "rotate", lanes=lanes, options=options)


def _trouble(workshop: Workshop) -> AutomationError | None:
    try:
        prepare(workshop)
    except StoreFailed as problem:
        return problem
    return None


def _kept(standing: Standing) -> Result:
    return Result(**{**standing.result.as_json(), "outcome": "kept", "error": None})


def _failed(standing: Standing, problem: AutomationError | dict[str, str | None]) -> Result:
    return Result(**{**standing.result.as_json(), "outcome": "failed", "error": problem})


def _rests(standing: Standing, until: datetime) -> Result:
    """Return the failure that it rests after: it stays one until it is mended."""
    error = dict(standing.result.as_json()["error"] or {"code": "verify_failed"})
    error["message"] = f"still failing: {error.get('message') or 'its last rotation failed'}"
    at = until.isoformat(" ", "minutes")
    error["next_step"] = f"not tried before {at}; `--pixel {standing.result.pixel}` tries it now"
    return _failed(standing, error)

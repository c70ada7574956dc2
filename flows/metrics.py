"""What a monitoring system is told: each pixel's age and state, and how the last runs went."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from automation import metrics
from automation.metrics import Gauge
from flows.recover import open_intents
from flows.status import Standing, status
from flows.workshop import Workshop

FOR_A_PERSON = ("sign_in_needed", "human_check")
_NAMED = ("pixel", "account")


@dataclass(frozen=True)
class RunCounts:
    """How one run went."""

    command: str
    due: int
    """Pixels that were not merely kept."""
    failed: int
    """Of those, all that are not done, whatever for."""
    for_a_person: int
    not_live: int
    """There is a new token, and it is not in use everywhere, or does not work."""
    is_good: bool
    """The run came to its end, and all that was due is done."""


def write_metrics(workshop: Workshop, path: Path, run: RunCounts | None = None) -> None:
    """Write what is known of every pixel and session, and how a run went that has just ended.

    What a file that is there says of the runs of other commands is carried over.

    Raises:
        EscrowFailed: the disk would not take it; the file is as it was.
        UsageError: the extra is not installed.
    """
    metrics.write(path, [*_pixels(workshop), *_sessions(workshop), *_runs(path, run)])


def _runs(path: Path, run: RunCounts | None) -> Iterator[Gauge]:
    now = datetime.now(UTC).timestamp()
    for name, says, value in (
        ("last_run_timestamp_seconds", "When a command last ended, Unix time.", now),
        (
            "last_success_timestamp_seconds",
            "When a command last ended with all done, Unix time.",
            now if run is not None and run.is_good else None,
        ),
        ("run_due", "Pixels a command's last run had to do.", run.due if run else None),
        (
            "run_failed",
            "Pixels of its last run that are not done, whatever for.",
            run.failed if run else None,
        ),
        (
            "run_waiting_for_person",
            "Pixels of its last run that wait for a person.",
            run.for_a_person if run else None,
        ),
        (
            "run_not_live",
            "Pixels of its last run that were renewed and are not live.",
            run.not_live if run else None,
        ),
    ):
        values = metrics.read(path, f"pixelmint_{name}", "command")
        if run is not None and value is not None:
            values[run.command] = float(value)
        gauge = Gauge(f"pixelmint_{name}", says, ("command",))
        gauge.values.update({(command,): each for command, each in values.items()})
        yield gauge


def _pixels(workshop: Workshop) -> Iterator[Gauge]:
    age = Gauge("pixelmint_token_age_seconds", "Age when this file was written.", _NAMED)
    since = Gauge(
        "pixelmint_token_generated_timestamp_seconds",
        "When the current token was shown, Unix time: time() less this never goes stale.",
        _NAMED,
    )
    verified = Gauge(
        "pixelmint_token_verified", "1: it works, 0: it does not, absent: not asked.", _NAMED
    )
    failed = Gauge("pixelmint_pixel_failed", "1: failed when last handled.", (*_NAMED, "code"))
    now, person, known = datetime.now(UTC), 0, 0
    for each in status(workshop):
        known += 1
        labels = (each.result.pixel or "", each.result.account or "")
        if each.generated_at is not None:
            shown = datetime.fromisoformat(each.generated_at)
            age.values[labels] = (now - shown).total_seconds()
            since.values[labels] = shown.timestamp()
        if each.result.verified is not None:
            verified.values[labels] = float(each.result.verified)
        code = _code(each)
        if code is not None:
            failed.values[(*labels, code)] = 1
            person += code in FOR_A_PERSON
    yield from (age, since, verified, failed)
    escrow = len(open_intents(workshop))
    for name, says, value in (
        ("pixelmint_pixels", "Pixels known here.", known),
        ("pixelmint_pixels_failed", "Pixels that failed when last handled.", len(failed.values)),
        ("pixelmint_pixels_waiting_for_person", "Pixels that wait for a person.", person),
        ("pixelmint_escrow_open", "Intents that recover may finish.", escrow),
    ):
        yield Gauge(name, says, (), {(): float(value)})


def _code(standing: Standing) -> str | None:
    if standing.result.outcome != "failed":
        return None
    return (standing.result.as_json()["error"] or {}).get("code") or "unknown"


def _sessions(workshop: Workshop) -> Iterator[Gauge]:
    age = Gauge("pixelmint_session_age_seconds", "Since a person signed in.", ("profile",))
    ended = Gauge("pixelmint_session_ended", "1: it was found to have ended.", ("profile",))
    for profile in workshop.sessions.profiles():
        facts = workshop.sessions.facts(profile)
        if facts.signed_in_at is not None:
            since = datetime.now(UTC) - datetime.fromisoformat(facts.signed_in_at)
            age.values[(profile,)] = since.total_seconds()
        ended.values[(profile,)] = float(facts.ended_at is not None)
    yield from (age, ended)

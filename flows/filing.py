"""From escrow to the stores: put, read back, compare, and only then close the intent."""

import contextlib
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from automation.errors import AutomationError, EscrowFailed, StoreFailed, TokenUnread
from automation.escrow import Intent
from automation.evidence import Agreement, Sighting, agree
from automation.records import Known
from automation.secret import Secret
from automation.stores.base import HoldsPending, NoReadBack, NotStored, Ref, put_and_prove
from flows.workshop import Workshop, is_pixel_code

log = logging.getLogger(__name__)

_OF_ONE_MACHINE = ("local", "keyring", "dotenv")


@dataclass
class Filed:
    """Where a token now lies."""

    fingerprint: str
    stored_in: list[str] = field(default_factory=list)
    error: AutomationError | None = None
    """Why not all stores have it; it stays in escrow then."""
    verified: bool | None = None
    """What the Events API said of it; None where it was not asked, or could not tell."""


def reference(intent: Intent) -> Ref:
    """Return whose token an intent is about."""
    return Ref(intent.pixel, intent.account, intent.profile, intent.name)


def agreed(workshop: Workshop, intent: Intent, sightings: list[Sighting]) -> Agreement | None:
    """Make one token of what was seen, if it is surely this pixel's.

    Raises:
        TokenUnread: the answer that holds it speaks of another pixel.
    """

    def is_known(text: str) -> bool:
        return text in (intent.pixel, intent.account) or is_pixel_code(text)

    agreement = agree(sightings, is_known, workshop.wording.token_words)
    if agreement is not None:
        _refuse_foreign(intent, agreement.token, sightings)
    return agreement


def _refuse_foreign(intent: Intent, token: Secret, sightings: list[Sighting]) -> None:
    for sighting in sightings:
        if sighting.kind not in ("answer", "socket") or token.reveal() not in sighting.text:
            continue
        spoken = {each for each in _words(sighting.text) if is_pixel_code(each)}
        if spoken and intent.pixel not in spoken:
            raise TokenUnread(
                f"the console answered with a token of pixel {', '.join(sorted(spoken))}",
                where=f"pixel {intent.pixel}",
                next_step="it is sealed in escrow and filed under no pixel; look at both pixels "
                "in Events Manager before generating again",
            )


def _words(text: str) -> list[str]:
    return "".join(each if each.isalnum() else " " for each in text).split()


def outcome_of(intent: Intent) -> Literal["generated", "rotated"]:
    """Return what a token's being stored is called in results."""
    return "rotated" if intent.rotates else "generated"


def file_token(
    workshop: Workshop, intent: Intent, token: Secret, *, verified: bool | None = None
) -> Filed:
    """Put a token in every store it is meant for, read it back, and settle its intent.

    Every store is tried. What fails stays in escrow for `recover`. A renewed token is filed by
    `flows.renewal`, which comes here when it is proven.
    """
    filed = Filed(token.fingerprint, verified=verified)
    problems: list[str] = []
    for url in intent.stores:
        try:
            store, ref = workshop.store(url), reference(intent)
            if intent.rotates and isinstance(store, HoldsPending):
                with contextlib.suppress(StoreFailed):  # it does not lie there: it is put
                    store.promote(ref, intent=intent.id)
            if not put_and_prove(store, ref, token, intent=intent.id):
                log.info("%s cannot give back what it took", url)
        except AutomationError as problem:
            problems.append(f"{url}: {problem.message}")
        except Exception as problem:  # a store of someone else's may raise anything
            log.debug("a store failed", exc_info=True)
            problems.append(f"{url}: {type(problem).__name__}")
        else:
            filed.stored_in.append(url)
    if problems:
        filed.error = StoreFailed(
            "; ".join(problems),
            next_step="the token is safe in escrow: mend the store, then run `pixelmint recover`",
        )
    else:
        _settle(workshop, intent, filed)
    note(workshop, intent, filed)
    return filed


def _settle(workshop: Workshop, intent: Intent, filed: Filed) -> None:
    try:
        workshop.escrow.settle(
            intent, "stored", fingerprint=filed.fingerprint, stored_in=filed.stored_in,
            verified=filed.verified,
        )  # fmt: skip
    except EscrowFailed as problem:  # the stores have it; `recover` will see that and settle
        log.warning("%s; the token is stored all the same", problem.message)


def note(workshop: Workshop, intent: Intent, filed: Filed) -> None:
    """Write down what is known of the pixel now. Nothing depends on it: escrow knows more."""
    error = filed.error.as_json() if filed.error else None
    verified_at = None if filed.verified is None else datetime.now(UTC)
    try:
        if intent.rotates and not filed.stored_in:  # the one before is the current one
            workshop.records.note(intent.pixel, outcome="failed", error=error)
            return
        workshop.records.note(
            intent.pixel,
            account=intent.account,
            profile=intent.profile,
            name=intent.name,
            outcome="failed" if filed.error else outcome_of(intent),
            fingerprint=filed.fingerprint,
            generated_at=datetime.fromisoformat(intent.at),
            stored_in=filed.stored_in,
            verified=filed.verified,
            verified_at=verified_at,
            delivered=[],
            error=error,
            intent=intent.id,
        )
    except AutomationError as problem:
        log.warning("%s; the token is stored all the same", problem.message)


Stored = tuple[Intent, dict[str, Any]]
"""An intent whose token was stored, and how it was settled."""


def last_stored(workshop: Workshop, pixel: str) -> Stored | None:
    """Return the newest intent of a pixel whose token was stored, by whichever machine."""
    found: Stored | None = None
    for intent in reversed(workshop.escrow.intents(pixel)):
        ending = workshop.escrow.settled(intent)
        if ending is not None and ending["outcome"] == "stored":
            found = intent, ending
            break
    known = workshop.records.get(pixel) if workshop.leases else None
    return _newer(found, known)


def every_last_stored(workshop: Workshop) -> dict[str, Stored]:
    """Return, by pixel, what `last_stored` returns for one, in one reading of each."""
    found: dict[str, Stored] = {}
    for intent in workshop.escrow.intents():
        ending = workshop.escrow.settled(intent)
        if ending is not None and ending["outcome"] == "stored":
            found[intent.pixel] = intent, ending
    for known in workshop.records.all() if workshop.leases else []:
        last = _newer(found.get(known.pixel), known)
        if last is not None:
            found[known.pixel] = last
    return found


def _newer(here: Stored | None, known: Known | None) -> Stored | None:
    """Return what the shared records tell of another machine's, where that is newer."""
    if known is None or not (known.intent and known.fingerprint and known.stored_in):
        return here
    if here is not None and here[0].id >= known.intent:
        return here
    at = known.generated_at.isoformat() if known.generated_at else ""
    intent = Intent(known.intent, known.pixel, known.account, known.profile, at, name=known.name)
    return intent, {"outcome": "stored", "fingerprint": known.fingerprint,
                    "stored_in": known.stored_in, "elsewhere": True}  # fmt: skip


def stored(workshop: Workshop, intent: Intent, ending: dict[str, Any]) -> dict[str, str]:
    """Return the fingerprint of the token each of the wanted stores holds for a pixel, by URL.

    Args:
        workshop: whose stores are asked.
        intent: the last that was stored.
        ending: how it was settled; it speaks for a store that cannot give back what it took.
    """
    found: dict[str, str] = {}
    for store in workshop.stores:
        try:
            found[store.url] = store.get(reference(intent)).fingerprint
        except NoReadBack:
            if store.url in ending["stored_in"]:
                found[store.url] = ending["fingerprint"]
        except NotStored:
            # What another machine keeps for itself cannot be read here: its word is taken.
            of_there = ending.get("elsewhere") and store.name in _OF_ONE_MACHINE
            if of_there and store.url in ending["stored_in"]:
                found[store.url] = ending["fingerprint"]
    return found

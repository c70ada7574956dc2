"""The stored token of one pixel."""

from collections.abc import Sequence

from automation.errors import StoreFailed, UsageError
from automation.secret import Secret
from automation.stores.base import NoReadBack, NotStored, Ref
from flows.filing import last_stored, reference
from flows.recover import open_intents, unread
from flows.workshop import Workshop, check_names


def fetch(workshop: Workshop, pixel: str, *, only: Sequence[str] = ()) -> Secret:
    """Return a pixel's token from the store that was last known to hold it.

    Args:
        workshop: whose escrow, records and stores are asked.
        pixel: its code.
        only: URLs of the stores to look in, and no others; none for all that may hold it.

    Raises:
        StoreFailed: it still waits in escrow, or its store does not answer.
        TokenUnread: the console was asked and no token could be captured.
        UsageError: no token of this pixel was ever stored here.
    """
    check_names([pixel], None)
    known = workshop.records.get(pixel)
    waiting = open_intents(workshop, pixel)
    held = waiting and workshop.escrow.token(waiting[-1]) is not None
    if held and not waiting[-1].rotates:  # beside a renewed one the current one stays
        raise StoreFailed(
            "its token waits in escrow",
            where=f"pixel {pixel}",
            next_step="run `pixelmint recover`",
        )
    last = last_stored(workshop, pixel)
    if last is not None:  # escrow knows more than the records after a crash
        ref, urls = reference(last[0]), last[1]["stored_in"]
    elif known is not None:
        ref, urls = Ref(pixel, known.account, known.profile, known.name), known.stored_in
    else:
        ref, urls = Ref(pixel), []
    urls = dict.fromkeys(only or [*urls, *workshop.settings.store])
    mute: list[str] = []
    for url in urls:
        try:
            return workshop.store(url).get(ref)
        except NoReadBack:
            mute.append(url)
        except NotStored:
            continue
    if waiting:
        raise unread(waiting[-1])
    if last is not None and mute:
        raise UsageError(
            f"{', '.join(mute)} took the token and cannot give it back",
            where=f"pixel {pixel}",
            next_step="ask where that program put it, or add ?get=PROGRAM to the store's URL",
        )
    raise UsageError(
        "no token is stored",
        where=f"pixel {pixel}",
        next_step=f"pixelmint generate {pixel}",
    )

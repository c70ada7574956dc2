"""Upstack Data's Events Destination: find a pixel's destination, else make it; give it a token.

Leans on: "+ New Destination" > TikTok > "Next" > fields > "Create Configuration", and Healthy or
Unhealthy in the list (one guide and its Snapchat twin). How an existing one is edited is described
nowhere. All of it is drawn; a look that is not clear is refused, with nothing saved.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from playwright.sync_api import Error, Page

from automation.controls import Found, Region, dialogs, look
from automation.controls_score import ENOUGH, MARGIN
from automation.errors import PageChanged
from automation.relay import Relay
from automation.secret import Secret
from flows.pages.upstack_form import Form
from flows.pages.upstack_list import REFUSE, DestinationList, is_signed_in, page_url
from flows.pages.upstack_rows import HEALTHY, UNHEALTHY, Row, opener
from flows.pages.upstack_send import Sending, sending
from flows.pages.upstack_verdict import not_taken, told
from flows.pages.waiting import press, until
from flows.wording import Wording

__all__ = ["EventDestinations", "is_signed_in", "page_url"]

log = logging.getLogger(__name__)

_BELIEVED_S = 5.0
"""How long a status that was there before must stay, to be taken for that of the new token."""
_LOOK_S = 2.0
_SEVERAL = 5
"""So many looks in a row must find the same complaint."""
_MOST_LOOKED_INTO = 20

_STEPS = 4
_PRESSES = 3
_HEARD_S = 3.0
"""How long a page may take to show that it has heard a press."""


@dataclass(frozen=True)
class _Step:
    """One step towards a form: the form itself, what to press, or None where it was done."""

    to: Form | Found | None


class EventDestinations:
    """The destinations, on one page of a lane."""

    def __init__(
        self,
        page: Page,
        origin: str,
        wording: Wording,
        *,
        patience_s: float,
        say: Callable[[str], None],
        relay: Relay | None = None,
    ) -> None:
        """Work on a page.

        Args:
            page: opened with a session.
            origin: PIXELMINT_UPSTACK_URL.
            wording: labels, obstacles, what is never clicked.
            patience_s: most seconds to wait for any one thing.
            say: takes progress.
            relay: where the page's traffic goes through one; see `automation.relay`.
        """
        self._page, self._wording, self._patience_s, self._say = page, wording, patience_s, say
        self._list = DestinationList(page, origin, wording, patience_s=patience_s)
        self._relay = relay
        self._at: int | None = None
        """Which of the rows that show no code was found to be the pixel's."""

    def open(self) -> int:
        """Open the list; return how many rows it shows. Raises as `DestinationList.open` does."""
        self._list.open()
        return len(self._list.rows())

    def _find(self, pixel: str) -> Row | None:
        """Return the one destination of a pixel, by its code; None where there surely is none.

        Raises:
            PageChanged: there are two, or it cannot be told.
        """
        found = [each for each in self._list.rows() if pixel in each.codes]
        if not found and any(each.codes for each in self._list.rows()):
            found = self._list.on_further_pages(pixel)
        if not found:
            self._list.refuse_unread()
            self._at = self._looked_into(pixel) if self._at is None else self._at
            return self._shown(pixel)
        self._refuse_several(len(found), pixel)
        return found[0]

    def _shown(self, pixel: str) -> Row | None:
        """Return what `_find` has found, from the page as it shows now."""
        found = [each for each in self._list.rows() if pixel in each.codes]
        unclear = self._list.unclear() if not found and self._at is not None else []
        if self._at is not None and self._at < len(unclear):
            return unclear[self._at]
        return found[0] if len(found) == 1 else None

    def _refuse_several(self, number: int, pixel: str) -> None:
        if number > 1:
            raise PageChanged(
                f"{number} destinations are of pixel {pixel}",
                where="Upstack",
                next_step="delete the one that is not needed there yourself, then run this again",
            )

    def _looked_into(self, pixel: str) -> int | None:
        """Open one after the other what may be TikTok's and does not say whose; save nothing.

        Returns:
            Which of them is the pixel's; None where none is.
        """
        unclear = self._list.unclear()
        if len(unclear) > _MOST_LOOKED_INTO:
            raise PageChanged(
                f"{len(unclear)} destinations do not say of which pixel they are",
                where="Upstack",
                next_step=REFUSE,
            )
        found: list[int] = []
        for number in range(len(unclear)):
            if self._open_form(self._list.unclear()[number], pixel).pixel() == pixel:
                found.append(number)
            self._list.open()
        self._refuse_several(len(found), pixel)
        return found[0] if found else None

    # ------------------------------------------------------------------------- giving a token

    def deliver(self, pixel: str, token: Secret) -> str:
        """Give a pixel's destination this token, and wait for its verdict.

        Raises:
            DeliveryFailed: it is Unhealthy with it, or nothing was said in time.
            AutomationError: it could not be given; nothing of any other destination was changed.
        """
        self._at = None
        self._list.open()
        row = self._find(pixel)
        if row is None:
            self._say("there is no destination of this pixel yet; making one")
            form = self._open_new()
            form.fill_new(pixel, token)
        else:
            self._say("there is a destination of this pixel; putting the token into it")
            form = self._open_form(row, pixel)
            form.fill_token(pixel, token)
        names = ("create",) if row is None else ("save", "create")
        complaint = self._save(form, pixel, token, names)
        return self._verdict(pixel, row.status if row else "", complaint)

    def _save(self, form: Form, pixel: str, token: Secret, names: Sequence[str]) -> str:
        """Press what saves, and wait until the form is closed; return its complaint.

        A press after which no request with the token left, and nothing was said, had no effect, and
        alone may be made again.
        """
        with sending(self._page, token, self._relay) as watch:
            for _ in range(_PRESSES):
                self._tidy()
                form.save(pixel, token, names)
                complaint = self._saved(form, watch)
                if watch.left or complaint or form.gone():
                    break
        return complaint

    def _open_new(self) -> Form:
        """Go from the list to an empty form for TikTok.

        Raises:
            PageChanged: the way is not clear. Nothing was saved.
        """
        stood = look(self._page, self._wording.meaning("upstack.platform")).candidates
        self._press_new(stood)
        chosen = False
        for _ in range(_STEPS):
            step = until(self._page, partial(self._onward, stood, chosen), self._patience_s)
            if step is None:
                break
            if isinstance(step.to, Form):
                return step.to
            if step.to is not None:
                press(self._page, step.to, self._tidy, self._patience_s)
            chosen = True
        raise PageChanged(
            "the way to a new destination for TikTok is not clear",
            where="Upstack",
            next_step=REFUSE,
        )

    def _press_new(self, stood: Sequence[Found]) -> None:
        """Press it until something comes of it: a page that still loads may not have heard it."""
        deadline = time.monotonic() + self._patience_s

        def new() -> Found | None:
            self._list.clear()
            return self._list.new()

        def came() -> bool | None:
            gone = self._list.new() is None
            return (
                gone or bool(dialogs(self._page)) or self._onward(stood, False) is not None or None
            )

        while True:
            button = until(self._page, new, self._patience_s)
            if button is None:
                raise PageChanged("the way to a new destination is gone", next_step=REFUSE)
            press(self._page, button, self._list.clear, self._patience_s)
            if until(self._page, came, _HEARD_S) or time.monotonic() > deadline:
                return

    def _onward(self, stood: Sequence[Found], chosen: bool) -> _Step | None:
        """Return the form, else what a person would press next; None while neither is there."""
        self._tidy()
        form = self._form()
        if form is not None:
            return _Step(form)
        over = dialogs(self._page)
        place: Page | Region = over[-1] if over else self._page
        if chosen:
            found = look(place, self._wording.meaning("upstack.next")).found
            return _Step(found) if found is not None else None
        seen = look(place, self._wording.meaning("upstack.platform"))
        found = seen.found or _the_new_one(seen.candidates, stood)
        if found is not None and not _among(found, stood):
            return _Step(found)
        here = Form(self._page, place, self._wording, patience_s=self._patience_s)
        return _Step(None) if here.choose() else None

    def _form(self) -> Form | None:
        """Return the form that is open, None where none is."""
        places: list[Page | Region] = [*reversed(dialogs(self._page)), self._page]
        for place in places:
            form = Form(self._page, place, self._wording, patience_s=self._patience_s)
            if form.there():
                return form
        return None

    def _open_form(self, row: Row, pixel: str) -> Form:
        """Open a destination's own form: by its edit control, a menu's, or the row itself.

        Raises:
            PageChanged: there is no one way that is clear. Nothing was saved.
        """
        control = self._list.edits(row)
        if control is None and pixel in row.codes:
            control = opener(self._page, row, pixel, self._wording.row(pixel))
        if control is None:
            seen = row.region.look(self._wording.meaning("upstack.edit"))
            raise PageChanged(
                f"how the destination is edited is not clear: {seen.why}",
                where="Upstack",
                next_step=REFUSE,
            )
        stood = look(self._page, self._wording.meaning("upstack.edit")).candidates
        press(self._page, control, self._list.clear, self._patience_s)
        if control.meaning.name == "upstack.more":
            self._press_in_menu(stood)

        def opened() -> Form | None:
            self._tidy()
            return self._form()

        form = until(self._page, opened, self._patience_s)
        if form is None:
            raise PageChanged(
                "no form came when the destination was to be edited",
                where="Upstack",
                next_step=REFUSE,
            )
        self._list.rest(self._tidy)  # some draw a form anew when the rest of it has come
        return form

    def _press_in_menu(self, stood: Sequence[Found]) -> None:
        """Press the menu's entry to edit; what stood there before it opened is none of it."""

        def entry_of_menu() -> Found | None:
            self._tidy()
            meaning = self._wording.meaning("upstack.edit")
            return _the_new_one(look(self._page, meaning).candidates, stood)

        entry = until(self._page, entry_of_menu, min(self._patience_s, 5.0))
        if entry is None:
            raise PageChanged(
                "the destination's menu has no one entry to edit it",
                where="Upstack",
                next_step=REFUSE,
            )
        press(self._page, entry, self._tidy, self._patience_s)

    # ------------------------------------------------------------------------- the verdict

    def _saved(self, form: Form, watch: Sending) -> str:
        complaint: list[str] = []
        pressed = time.monotonic()

        def ended() -> bool | None:
            self._tidy()
            if form.gone():
                return True
            complaint[:] = [*complaint, form.complaint()][-_SEVERAL:]
            said = len(complaint) == _SEVERAL and all(complaint)
            unheard = not watch.left and time.monotonic() - pressed >= _HEARD_S
            return said or unheard or None

        if until(self._page, ended, self._patience_s) and not form.gone():
            return complaint[-1] if all(complaint) else ""
        self._list.rest(self._tidy)
        return ""

    def _tidy(self) -> None:
        """Look for obstacles; close pop-ups unless a box that is open may be ours."""
        ours = ("upstack.platform", "upstack.next")
        for box in dialogs(self._page):
            form = Form(self._page, box, self._wording, patience_s=self._patience_s)
            if form.there() or any(box.look(self._wording.meaning(n)).candidates for n in ours):
                return self._list.notice()
        return self._list.clear()

    def _verdict(self, pixel: str, before: str, complaint: str) -> str:
        """Read the list again and again until it says how healthy the destination is."""
        self._say("waiting for Upstack's verdict")
        begun = time.monotonic()
        fresh = not before
        status = ""

        def decided() -> str | None:
            nonlocal status, fresh
            row = self._shown(pixel)
            status = row.status if row is not None else ""
            # A status that was there before may still be that of the token before.
            fresh = fresh or (bool(status) and status != before)
            return status if status in (HEALTHY, UNHEALTHY) and fresh else None

        while True:
            self._list.open()
            there = self._find(pixel) is not None
            if not there or (complaint and before):
                raise not_taken(pixel, complaint)
            said = until(self._page, decided, _LOOK_S)
            took_s = time.monotonic() - begun
            if said is None and status == HEALTHY and took_s >= min(_BELIEVED_S, self._patience_s):
                said = status
            if said is not None or took_s >= self._patience_s:
                return told(pixel, said or status, self._patience_s)


def _the_new_one(seen: Sequence[Found], stood: Sequence[Found]) -> Found | None:
    """Return the one that is clearly meant among those that did not stand there before."""
    new = [each for each in seen if each.score >= ENOUGH and each.enabled]
    new = [each for each in new if not _among(each, stood)]
    clear = len(new) == 1 or (len(new) > 1 and new[0].score - new[1].score >= MARGIN)
    return new[0] if clear else None


def _among(found: Found, others: Sequence[Found]) -> bool:
    return any(_same(found, each) for each in others)


def _same(one: Found, other: Found) -> bool:
    try:
        return bool(one.element.evaluate("(a, b) => a === b", other.element))
    except Error:  # of another document, or gone
        return False

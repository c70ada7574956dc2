"""The click and what comes of it: steps 7 to 10 of the order in DESIGN.md.

One click. Made again only when it provably had no effect: no request left the page and nothing on
it changed, as when a page is drawn before its scripts listen.
"""

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Protocol

from playwright.sync_api import Page

from automation.browser import BrowserGone, wait_until
from automation.capture import Capture
from automation.controls import NotClicked
from automation.controls_tree import glance
from automation.errors import AutomationError, PageChanged, SiteRefused, TokenUnread
from automation.evidence import Agreement, Sighting
from flows.answers import problem_in

log = logging.getLogger(__name__)

_TICK_S = 0.2
_NO_EFFECT_S = 2.5
"""How long after a click nothing may have happened before it is taken for swallowed."""
_CLICKS = 4
_REVEAL_S = 0.6
"""How long the page has been quiet when its copy control is looked for."""
_SOLE_S = 2.5
"""How long a token that only one source shows waits for a second one."""
_LAST_WORD_S = 1.0
"""How long after an error answer a token may still appear."""
_AFTER_DROP_S = 3.0


class NotAsked(PageChanged):
    """The console was provably not asked: the intent may be closed as if it had never been."""


class Asked(Protocol):
    """What the page object of a pixel's settings offers while a token is asked for."""

    page: Page

    def click(self) -> None:
        """Click the control, once. Raises PageChanged when it cannot be clicked."""

    def clear(self) -> None:
        """Look for obstacles, as before every action; close harmless pop-ups."""

    def look(self) -> str:
        """Return what the section and the dialogs show, to see whether anything changed."""

    def confirm(self) -> bool:
        """Confirm a dialog of the known kind; False when there is none."""

    def copy(self) -> bool:
        """Click the copy control beside the token; False when there is none for sure."""

    def refusal(self) -> AutomationError | None:
        """Return what a message that is new on the page says, if it is a refusal."""

    def obstacle(self) -> AutomationError | None:
        """Return what on the page waits for a person, as the error that says so."""


def ask(
    asked: Asked,
    capture: Capture,
    agree: Callable[[list[Sighting]], Agreement | None],
    *,
    patience_s: float,
    by_hand: bool = False,
) -> Agreement:
    """Click, and wait for a token that is surely the one.

    Args:
        asked: the pixel's settings, found and checked a moment ago.
        capture: armed.
        agree: makes one token of what was seen, or none.
        patience_s: how long to wait at most after the last sign of life.
        by_hand: a person clicks; nothing here does.

    Raises:
        NotAsked: no request left the page.
        TokenUnread: the console was asked, and what it answered holds no token for sure.
        AutomationError: the console declined; no token came of it.
    """
    return _Asking(asked, capture, agree, patience_s, by_hand).run()


class _Asking:
    """One question and its state."""

    def __init__(
        self,
        asked: Asked,
        capture: Capture,
        agree: Callable[[list[Sighting]], Agreement | None],
        patience_s: float,
        by_hand: bool,
    ) -> None:
        self._asked, self._capture, self._agree = asked, capture, agree
        self._patience_s, self._by_hand = patience_s, by_hand
        self._agreement: Agreement | None = None
        self._counted = 0
        self._news_at = self._clicked_at = time.monotonic()
        self._clicks = 0
        self._copied = self._confirmed = False
        self._before = ""

    def run(self) -> Agreement:
        """Click and wait; see `ask`."""
        self._before = asked_look = self._asked.look()
        log.debug("the section shows %d characters", len(asked_look))
        self._capture.clicking()
        try:
            if not self._by_hand:
                self._click()
            self._wait()
        except BrowserGone:
            # Whatever was sealed before it went may be enough.
            if self._decided() is None and not self._capture.asked:
                raise
        return self._outcome()

    def _click(self) -> None:
        self._clicks += 1
        try:
            self._clicked()
        except PageChanged as problem:
            log.debug("the click was reported as failed: %s", problem.message)
            if wait_until(self._asked.page, lambda: bool(self._capture.asked), 1.0):
                return
            # Something may have come over it in between. Once that is gone and nothing else has
            # changed, it is clicked again as after any click without effect.
            self._asked.clear()
            if self._clicks > 1:
                return
            if isinstance(problem, NotClicked) or self._asked.look() != self._before:
                raise NotAsked(problem.happened, next_step=problem.next_step) from None

    def _clicked(self) -> None:
        try:
            self._asked.click()
        finally:  # not before: on a slow machine the click itself takes its time
            self._clicked_at = self._news_at = time.monotonic()

    def _wait(self) -> None:
        while not self._done():
            news = partial(self._firm_news, len(self._capture.sightings))
            wait_until(self._asked.page, news, _TICK_S)
            if self._capture.left:
                return self._after_leaving()
            if self._decided() is None or not self._firm():
                self._help()
        return None

    def _after_leaving(self) -> None:
        """The page went elsewhere. What it was answered before is sealed; a little may come."""
        wait_until(self._asked.page, self._firm, _LAST_WORD_S)

    def _firm_news(self, count: int) -> bool:
        return len(self._capture.sightings) != count and self._firm()

    def _decided(self) -> Agreement | None:
        seen = self._capture.sightings
        if len(seen) != self._counted:
            self._counted, self._news_at = len(seen), time.monotonic()
            self._agreement = self._agree(seen)
        return self._agreement

    def _firm(self) -> bool:
        decided = self._decided()
        return decided is not None and decided.firm

    def _quiet_s(self) -> float:
        return time.monotonic() - self._news_at

    def _done(self) -> bool:
        quiet_s, decided = self._quiet_s(), self._decided()
        if decided is not None:
            return decided.firm or quiet_s >= _SOLE_S
        if self._declined() is not None and quiet_s >= _LAST_WORD_S:
            return True
        if self._capture.dropped and quiet_s >= _AFTER_DROP_S:
            return True
        return quiet_s >= self._patience_s

    def _declined(self) -> AutomationError | None:
        return problem_in(self._capture.sightings, self._capture.asked)

    def _help(self) -> None:
        with glance(self._asked.page):
            self._helped()

    def _helped(self) -> None:
        """Do what a person would now: confirm, press copy, click again, or see a refusal."""
        obstacle = self._asked.obstacle()
        if obstacle is not None and not self._by_hand:
            raise obstacle
        if self._by_hand:
            return
        if not self._confirmed and not self._capture.answered and self._asked.confirm():
            self._confirmed, self._news_at = True, time.monotonic()
        elif not self._copied and self._capture.answered and self._quiet_s() >= _REVEAL_S:
            self._copied = self._declined() is None and self._asked.copy()
        elif self._no_effect():
            if self._clicks >= _CLICKS:
                raise NotAsked(
                    "the click had no effect: no request left the page and nothing changed",
                    next_step="run `pixelmint doctor`, or use --guided and click yourself",
                )
            log.info("the click had no effect; clicking again")
            self._click()
        elif not self._capture.asked and (refusal := self._asked.refusal()):
            raise refusal

    def _no_effect(self) -> bool:
        return (
            not self._capture.asked
            and not self._confirmed
            and time.monotonic() - self._clicked_at >= _NO_EFFECT_S
            and self._asked.look() == self._before
        )

    def _outcome(self) -> Agreement:
        decided = self._decided()
        if decided is not None:
            return decided
        declined = self._declined()
        if isinstance(declined, SiteRefused):
            # A number alone says little; the page may say in words that permission lacks.
            raise self._asked.refusal() or declined
        if declined is not None:
            raise declined
        if not self._capture.asked:
            self._raise_unasked()
        dropped = ", ".join(f"{each.where} ({each.reason})" for each in self._capture.dropped)
        raise TokenUnread(
            "the console was asked for a token and none could be captured"
            + (f"; no answer came to {dropped}" if dropped else ""),
            next_step="look at the pixel's Events API section: if a token is listed as active "
            "there, nobody holds it; `pixelmint generate PIXEL --replace` makes another",
        )

    def _raise_unasked(self) -> None:
        if self._by_hand:
            raise NotAsked("nobody clicked", next_step="run it again and click the button there")
        refusal = self._asked.refusal()
        if refusal is not None:
            raise refusal
        if self._asked.look() != self._before:
            raise TokenUnread(
                "the page changed after the click, sent nothing that was seen, and shows no token",
                next_step="look at the pixel's Events API section, or use --guided",
            )
        raise NotAsked("the click had no effect", next_step="use --guided and click yourself")

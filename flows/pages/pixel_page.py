"""A pixel's Settings tab: its Events API section, the button, and what comes after the click.

Leans on: Settings tab > "Events API" > "Generate access token" (sure). Unknown, and so met as it
comes: whether a dialog asks again, what stands there once a token exists, whether the copy icon has
a name, whether the token is text or a field. All recordings are drawn.
"""

import logging
from collections.abc import Callable

from playwright.sync_api import Dialog, Error, Page

from automation.browser import step
from automation.controls import (
    Found,
    Look,
    Region,
    dialogs,
    region,
)
from automation.controls_tree import glance
from automation.errors import (
    AutomationError,
    PageChanged,
    PermissionDenied,
    WrongPixel,
)
from flows.answers import problem_in_words
from flows.pages import obstacles
from flows.pages.existing import sign_of_token
from flows.pages.identity import (
    Identity,
    codes_near,
    codes_on,
    in_address,
    read_account,
    shows_code,
)
from flows.pages.pressable import any_control
from flows.pages.section import SECTION, SectionFinder
from flows.pages.waiting import click_once, steady, until
from flows.wording import Wording

log = logging.getLogger(__name__)

_OFF_S = 6.0
"""How long a control that is switched off has to be switched on; pages take 8 s to settle."""
_ANEW_S = 3.0
"""How long a control that is drawn anew at this moment is looked for."""
_ROLE = "ask for the Admin role (in some accounts Operator) on this pixel in the Business Center"


class PixelPage:
    """One pixel's Settings tab, on a page where that pixel was opened."""

    def __init__(
        self,
        page: Page,
        wording: Wording,
        pixel: str,
        account: str | None,
        *,
        patience_s: float,
        clear: Callable[[], None],
    ) -> None:
        """Look at a page.

        Args:
            page: shows the pixel.
            wording: labels, obstacles, what is never clicked.
            pixel: the code it should be.
            account: the account it should be, or None for the one it is in.
            patience_s: most seconds to wait for any one thing.
            clear: looks for obstacles; called before every action.
        """
        self.page = page
        self._wording, self._pixel, self._account = wording, pixel, account
        self._patience_s, self._clear = patience_s, clear
        self._finder = SectionFinder(page, wording, patience_s=patience_s, clear=clear)
        self._section: Region | None = None
        self._control: Found | None = None
        self._shown_before = ""
        self._seen_code = self._rested = False
        self.identity = Identity(pixel, account or "")
        page.on("dialog", self._answer)

    @property
    def heading(self) -> Found | None:
        """The heading by which the Events API section is known, once the tab is open."""
        return self._section.heading if self._section else None

    @property
    def control(self) -> Found | None:
        """The control that `find_generate` found."""
        return self._control

    # -- before the click, reading only -----------------------------------------------------

    @step("opening the Settings tab")
    def open_settings(self) -> None:
        """Open the Settings tab and find the Events API section.

        Raises:
            PageChanged: the section is missing, or there are two.
            SiteBusy, PermissionDenied: the page says why it is missing.
        """
        self._seen_code = shows_code(self.page, self._pixel)
        self._section = self._finder.open()
        if self._section is None:
            raise self._no_section()

    def _no_section(self) -> AutomationError:
        told = problem_in_words(obstacles.said_on(self.page), self._wording)
        if told is not None:
            return told
        try:
            region(self.page, self._wording.meaning(SECTION))
        except PageChanged as problem:
            return problem
        return PageChanged("the Events API section appeared too late")

    @step("reading pixel and account")
    def read(self) -> Identity:
        """Read pixel and account off the page.

        Raises:
            WrongPixel: they are not those that were asked for.
        """
        account = read_account(self.page, self._account, self._wording.account_words)
        self._refuse_other_pixel()
        self.identity = Identity(self._pixel, account, self.identity.name)
        return self.identity

    def _refuse_other_pixel(self) -> None:
        near = codes_near(self._the_section())
        if near == [self._pixel]:
            return
        if not near and in_address(self.page, self._pixel) and self._seen_code:
            return  # its code was read on the way, and nothing here says otherwise
        if not near and shows_code(self.page, self._pixel) and not self._others():
            return  # a code of an unusual form, such as a placeholder
        shown = ", ".join(near or self._others()) or "no pixel code"
        raise WrongPixel(
            f"the Settings tab shows {shown} where {self._pixel} should stand",
            next_step="open that pixel in the console yourself and see what it shows",
        )

    def _others(self) -> list[str]:
        return [each for each in codes_on(self.page) if each != self._pixel]

    def _the_section(self) -> Region:
        if self._section is None or not self._section.there():
            self._section = until(self.page, self._finder.cleared, self._patience_s)
        if self._section is None:
            raise self._no_section()
        return self._section

    @step("looking for an existing token")
    def token_exists(self) -> str:
        """Return the sign by which a token is known to exist already; empty where there is none."""

        def settled() -> tuple[str] | None:
            self._clear()
            section = self._the_section()
            sign = sign_of_token(section, self._wording)
            return (sign,) if sign or self._control_of(section) else None

        # What had come to rest before, when it was read ahead, is looked at once more only.
        wait = until if self._rested else steady
        return (wait(self.page, settled, self._patience_s) or ("",))[0]

    def rest(self, *, replace: bool) -> None:
        """Look through the page ahead of its turn, so that the looks of its turn find it at rest.

        Raises:
            AutomationError: as those looks do.
        """
        exists = self.token_exists()
        self._rested = True
        if replace or not exists:  # else it ends there, and there may be no button to wait for
            self.find_generate(replace=replace)

    def _control_of(self, section: Region) -> bool:
        seen = section.look(self._wording.meaning("generate"))
        return bool(seen.found or seen.disabled)

    def find_generate(self, *, replace: bool) -> None:
        """Find the one control that generates.

        Args:
            replace: take the control that replaces a token, where it stands instead.

        Raises:
            PageChanged: it is missing, or two stand equally.
            PermissionDenied: it is switched off, or missing for want of permission.
        """
        names = ("generate", "replace") if replace else ("generate",)
        last: list[Look] = []

        def found() -> Found | None:
            self._clear()
            last[:] = [self._the_section().look(self._wording.meaning(each)) for each in names]
            return next((each.found for each in last if each.found), None)

        patience_s = self._patience_s
        self._control = until(self.page, found, min(2.0, patience_s))
        if self._control is None and not self._says_no_permission():
            off = any(each.disabled for each in last)  # it may be so while the page is drawn
            self._control = until(self.page, found, min(_OFF_S, patience_s) if off else patience_s)
        if self._control is None:
            raise self._missing(last)

    def _says_no_permission(self) -> bool:
        told = problem_in_words(self._the_section().text(), self._wording)
        return isinstance(told, PermissionDenied)

    def _missing(self, last: list[Look]) -> AutomationError:
        section = self._the_section()
        if any(each.disabled for each in last):
            return PermissionDenied(
                "the button is there and switched off", where="Events API", next_step=_ROLE
            )
        if self._says_no_permission():
            return PermissionDenied(
                "the section says that permission lacks", where="Events API", next_step=_ROLE
            )
        rivals = [each for seen in last for each in seen.candidates]
        if not rivals and not any_control(section):
            return PermissionDenied(
                "the section holds no control at all, as it does where permission lacks",
                where="Events API",
                next_step=_ROLE,
            )
        return PageChanged(
            f"generate: {last[0].why}",
            where="Events API",
            next_step="run `pixelmint doctor`, or use --guided and click yourself; without the "
            "Admin role the button may be missing",
        )

    @step("looking once more before the click")
    def check_again(self) -> None:
        """Look once more, an instant before the click: obstacles, identity, and the control.

        Raises:
            AutomationError: something is not as it was. Nothing was clicked.
        """
        with glance(self.page):
            self._clear()
            again = read_account(self.page, self.identity.account, self._wording.account_words)
            self._refuse_other_pixel()
            if again != self.identity.account:
                raise WrongPixel("the account changed while the page was read")
            if self._control is None or not self._control.still():
                self._control = self._again()
            self._shown_before = self._shown()

    def _again(self) -> Found:
        """Find the control once more, between two drawings of a page that draws all the time."""
        meaning = self._wording.meaning(self._meaning_name())
        within_s = min(_ANEW_S, self._patience_s)
        found = until(self.page, lambda: self._the_section().look(meaning).found, within_s)
        return found or self._the_section().find(meaning)

    def _meaning_name(self) -> str:
        return self._control.meaning.name if self._control else "generate"

    # -- the click and after ----------------------------------------------------------------

    @step("clicking the button")
    def click(self) -> None:
        """Click the control, once; raises as `click_once` and `check_again` do."""
        click_once(lambda: self._control, self._look_again, self._patience_s)

    def _look_again(self) -> None:
        """Clear what came over the button; where it was drawn anew, take the new one."""
        if self._control is not None and self._control.still():
            self.check_again()
        elif not self._control_stands():
            self._control = None

    @step("looking for obstacles")
    def clear(self) -> None:
        """Look for obstacles; close harmless pop-ups."""
        self._clear()

    @step("looking at the section")
    def look(self) -> str:
        """Return what the section and what lies over the page show."""
        try:
            return self._shown()
        except (Error, AutomationError):
            return ""

    def _shown(self) -> str:
        with glance(self.page):
            section = self._section.text() if self._section is not None else ""
            over = [each.text() for each in dialogs(self.page)]
            stands = self._control_stands()
        return "\n".join([section, *over, str(stands)])

    def _control_stands(self) -> bool:
        """Tell whether the control is as it was; where the page drew it anew, take that one."""
        if self._control is None or self._control.still():
            return self._control is not None
        if self._section is None:
            return False
        anew = self._section.look(self._control.meaning).found
        if anew is None or anew.text != self._control.text:
            return False
        self._control = anew
        return True

    @step("looking for a dialog to confirm")
    def confirm(self) -> bool:
        """Confirm a dialog that asks whether to generate; no other."""
        try:
            for dialog in dialogs(self.page):
                found = self._confirmation(dialog)
                if found is not None:
                    log.info("confirming the dialog that asks whether to generate")
                    found.click(self._patience_s * 1000)
                    return True
        except (Error, PageChanged) as problem:
            log.debug("no dialog was confirmed: %s", type(problem).__name__)
        return False

    def _confirmation(self, dialog: Region) -> Found | None:
        text = dialog.text().lower()
        speaks = any(each in text for each in self._wording.token_words)
        return dialog.look(self._wording.meaning("confirm")).found if speaks else None

    @step("pressing the copy control")
    def copy(self) -> bool:
        """Click the copy control beside the token, in a dialog or in the section."""
        places: list[Region] = []
        try:
            places = dialogs(self.page)
            if self._section is not None:
                places.append(self._section)
            for place in places:
                found = place.look(self._wording.meaning("copy")).found
                if found is not None:
                    log.info("pressing the copy control beside the token")
                    found.click(self._patience_s * 1000)
                    return True
        except (Error, PageChanged) as problem:
            log.debug("nothing was copied: %s", type(problem).__name__)
        return False

    @step("reading what the page says")
    def refusal(self) -> AutomationError | None:
        """Return what words that are new on the page say, if that is a refusal."""
        known = set(self._shown_before.split())
        fresh = " ".join(each for each in self.look().split() if each not in known)
        whole = self.look()
        if not fresh or problem_in_words(self._shown_before, self._wording) is not None:
            return None
        return problem_in_words(whole, self._wording)

    @step("looking for what waits for a person")
    def obstacle(self) -> AutomationError | None:
        """Return what on the page waits for a person, as the error that says so."""
        try:
            return obstacles.kind_of(self.page, self._wording)
        except Error:
            return None

    @step("reading the pixel's code again")
    def other_pixel(self) -> str:
        """Return the code of another pixel where the page has come to speak of it, else empty.

        Asked once the token is seen. A page that has nothing to say any more says no other.
        """
        try:
            section = self._finder.now()
            near = codes_near(section) if section is not None else []
        except Error:
            near = []
        return "" if self._pixel in near else ", ".join(near)

    def _answer(self, dialog: Dialog) -> None:
        """Say yes to the page's own `confirm()` where it speaks of the token, else no."""
        text, words = dialog.message.lower(), self._wording.token_words
        known = dialog.type == "confirm" and any(each in text for each in words)
        try:
            dialog.accept() if known else dialog.dismiss()
        except Error:
            log.debug("a dialog had gone before it was answered")

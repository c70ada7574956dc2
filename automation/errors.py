"""What can go wrong, one class for each code of the contract, and the exit code of each.

    AutomationError                     exit   code
    ├── UsageError                      2      usage
    │   └── AlreadyRunning
    ├── SignInNeeded                    3      sign_in_needed
    ├── HumanCheck                      3      human_check
    ├── StoreFailed                     4      store_failed
    ├── DeliveryFailed                  4      delivery_failed
    ├── TokenUnread                     5      token_unread
    ├── PixelNotFound                   1      pixel_not_found
    ├── WrongPixel                      1      wrong_pixel
    ├── TokenExists                     1      token_exists
    ├── PermissionDenied                1      permission_denied
    ├── PageChanged                     1      page_changed
    ├── SiteBusy                        1      site_busy
    ├── SiteRefused                     1      site_refused
    ├── EscrowFailed                    1      escrow_failed
    └── VerifyFailed                    1      verify_failed

A message never holds a token: what Playwright or a library said is dropped at the border (see
`automation.browser.step`), and only the kind of the error is kept.
"""

from typing import ClassVar


class AutomationError(Exception):
    """Something a person or a scheduler has to know, with the next step to take."""

    code: ClassVar[str] = ""
    exit_code: ClassVar[int] = 1
    safe_to_repeat: ClassVar[bool] = False
    """True where trying again by itself is right: nothing was changed and time may mend it."""
    stops_the_run: ClassVar[bool] = False
    """True where the remaining pixels of a run must not be tried."""

    def __init__(self, happened: str, *, where: str = "", next_step: str = "") -> None:
        """Say what happened.

        Args:
            happened: one sentence.
            where: account, pixel or page, never an address with its query.
            next_step: one instruction the operator can carry out.
        """
        super().__init__(happened)
        self.happened = happened
        self.where = where
        self.next_step = next_step

    @property
    def message(self) -> str:
        """What happened and where, on one line."""
        return f"{self.where}: {self.happened}" if self.where else self.happened

    def as_json(self) -> dict[str, str | None]:
        """Return the contract's error object: code, message, next_step."""
        return {"code": self.code, "message": self.message, "next_step": self.next_step or None}


class UsageError(AutomationError):
    """Arguments, settings or manifest are wrong. Nothing was touched."""

    code, exit_code, stops_the_run = "usage", 2, True


class AlreadyRunning(UsageError):
    """Another process works on this account. Nothing was touched; the other rows of a run go on."""

    stops_the_run = False


class SignInNeeded(AutomationError):
    """There is no session, or it has ended."""

    code, exit_code = "sign_in_needed", 3


class HumanCheck(AutomationError):
    """The console asks for a person: a puzzle, a verification code, a consent."""

    code, exit_code = "human_check", 3


class StoreFailed(AutomationError):
    """A store did not take the token, which is safe in escrow."""

    code, exit_code = "store_failed", 4


class DeliveryFailed(AutomationError):
    """A destination did not take the token, which is safe."""

    code, exit_code = "delivery_failed", 4


class TokenUnread(AutomationError):
    """The console was asked for a token and none could be captured."""

    code, exit_code = "token_unread", 5


class PixelNotFound(AutomationError):
    """The pixel is not where this profile can see it. Nothing was clicked."""

    code = "pixel_not_found"


class WrongPixel(AutomationError):
    """The page shows another pixel or account than the one asked for. Nothing was clicked."""

    code = "wrong_pixel"


class TokenExists(AutomationError):
    """The pixel has a token already, and replacing it was not asked for. Nothing was clicked."""

    code = "token_exists"


class PermissionDenied(AutomationError):
    """The signed-in person may not generate a token here. No token came of it."""

    code = "permission_denied"


class PageChanged(AutomationError):
    """A control is missing or not unique. Nothing was clicked."""

    code = "page_changed"


class SiteBusy(AutomationError):
    """The console asks for patience, or has trouble of its own."""

    code, safe_to_repeat = "site_busy", True


class SiteRefused(AutomationError):
    """The console answered with an error; its words are passed on."""

    code = "site_refused"


class EscrowFailed(AutomationError):
    """The disk would not take a token. Nothing was clicked."""

    code, stops_the_run = "escrow_failed", True


class VerifyFailed(AutomationError):
    """The stored token does not work."""

    code = "verify_failed"


FOR_A_PERSON = (SignInNeeded.code, HumanCheck.code)
"""The codes of what only a person can mend; the account it came up in waits."""

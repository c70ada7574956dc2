"""What a destination is: a product that is given a token so that it can send events with it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

from automation.secret import Secret
from automation.stores.base import Ref

if TYPE_CHECKING:
    from flows.workshop import Workshop


@dataclass(frozen=True)
class Parcel:
    """One token and whose it is."""

    ref: Ref
    token: Secret
    intent: str
    """The id it was generated under; the same for the same token, whenever it is delivered."""


class Destination(Protocol):
    """Is given tokens, and says what became of each. Used in one thread; closed at its end."""

    name: ClassVar[str]
    """The scheme of its URLs."""
    url: str
    """As the operator wrote it; goes into results and records, so it may hold no secret."""

    @classmethod
    def open(cls, url: str, workshop: "Workshop") -> "Destination":
        """Build from a URL without touching anything.

        Raises:
            UsageError: the URL or its own settings are wrong; all faults in one message.
        """

    def check(self) -> str:
        """Find out, changing nothing, whether `deliver` could work now; say so in words.

        Raises:
            AutomationError: it could not, and why.
        """

    def deliver(self, parcel: Parcel) -> str:
        """Give it a token and wait for its verdict; return that in words.

        May be asked again with the same parcel, whatever became of the time before: then too the
        pixel has one entry there, which holds this token.

        Raises:
            DeliveryFailed: it refuses the token, or gave no verdict in time.
            SignInNeeded, HumanCheck: it asks for a person. The token is untouched.
            AutomationError: it could not be given; the message says why.
        """

    def close(self) -> None:
        """Let go of what was opened; called once, at the end."""

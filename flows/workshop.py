"""What every command works with, opened once and only when it is needed."""

import re
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from secrets import token_hex

from automation import rekey
from automation.browser import Choice, Lane, find_browser
from automation.claims import Claims, SharedEscrow
from automation.database import Database
from automation.deliveries import Deliveries
from automation.errors import AutomationError, EscrowFailed, PageChanged, UsageError
from automation.escrow import Escrow
from automation.files import held, private_folder
from automation.history import History
from automation.leases import Leases
from automation.records import Records
from automation.seal import Sealer, open_sealer
from automation.session import Sessions
from automation.stores.base import Store
from automation.stores.registry import open_store
from automation.verdicts import Verdicts
from flows.display import Board, Watch
from flows.settings import ConsoleSettings
from flows.wording import Wording, load

PIXEL = re.compile(r"[A-Z0-9]{18,24}")
"""What is accepted as a pixel's code; see `is_pixel_code` for what one really looks like."""
ACCOUNT = re.compile(r"[0-9]{15,20}")


def is_pixel_code(text: str) -> bool:
    """Tell a well-formed pixel code: an upper-cased base32hex `xid`.

    Fair, not sure: holds for every real example in public code, none of it checked live.
    """
    return bool(re.fullmatch(r"[C-F][0-9A-V]{18}[0G]", text))


def check_names(pixels: Sequence[str], account: str | None) -> None:
    """Refuse malformed or doubled pixels and a malformed account, all in one message.

    Raises:
        UsageError: naming each of them.
    """
    faults = [f"{each!r} is no pixel code" for each in pixels if not PIXEL.fullmatch(each)]
    faults += [f"{each} is named twice" for each in dict.fromkeys(pixels) if pixels.count(each) > 1]
    if account is not None and not ACCOUNT.fullmatch(account):
        faults.append(f"{account!r} is no account: an advertiser id has 15 to 20 digits")
    if faults:
        raise UsageError(
            "; ".join(faults),
            next_step="copy the pixel's 20-character code, or the account's digits, from Events "
            "Manager",
        )


def own_fault(problem: Exception) -> AutomationError:
    """Return the error for what nobody foresaw: its kind, and none of its words."""
    return PageChanged(
        f"pixelmint itself failed ({type(problem).__name__})",
        next_step="run the same command with -v and report what it says; it holds no token",
    )


@dataclass
class Workshop:
    """Settings, and the parts of one home folder that are made from them."""

    settings: ConsoleSettings
    profile: str
    say: Callable[[str], None]
    """Takes progress, one line a call."""
    lock_wait_s: float = 0
    """Seconds to wait for an account that another process works on, before saying so."""
    watch: Watch = field(default_factory=lambda: Watch(Board()))
    """Is told how a run over many pixels goes on."""
    run: str = field(default_factory=lambda: f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{token_hex(3)}")
    """Names this invocation in the history; workshops made of this one have the same."""

    @cached_property
    def home(self) -> Path:
        """PIXELMINT_HOME, created 0700.

        Raises:
            EscrowFailed: it cannot be created or written.
        """
        try:
            return private_folder(self.settings.home)
        except OSError as problem:
            reason = problem.strerror or type(problem).__name__
        raise EscrowFailed(
            f"{self.settings.home} cannot be used ({reason})",
            next_step="make it a folder you can write to, or set PIXELMINT_HOME to one",
        )

    @cached_property
    def sealer(self) -> Sealer:
        """What seals here; makes the key on first use.

        Raises:
            AlreadyRunning: the key is being changed.
        """
        in_use = rekey.in_use(self.home)
        sealer = open_sealer(self.home, self.settings.key)
        # For as long as this process may seal with it.
        weakref.finalize(sealer, in_use.close)
        return sealer

    @cached_property
    def escrow(self) -> Escrow:
        """The sealed journal; where machines share a database, what it asks is claimed there."""
        if self.leases is None:
            return Escrow(self.home, self.sealer)
        return SharedEscrow(self.home, self.sealer, Claims(self.database), self.leases)

    @cached_property
    def leases(self) -> Leases | None:
        """The locks among machines; None where there is no database they share."""
        url = self.settings.database_url
        return Leases(url) if url else None

    @cached_property
    def database(self) -> Database:
        """Where records and all other tables are, shared by them."""
        return Database(self.settings.database_url or self.home)

    @cached_property
    def records(self) -> Records:
        """What is known of each pixel."""
        return Records(self.database)

    @cached_property
    def history(self) -> History:
        """What was done, one row each time."""
        return History(self.database)

    @cached_property
    def deliveries(self) -> Deliveries:
        """What was to be delivered where, and what became of it."""
        return Deliveries(self.database)

    @cached_property
    def verdicts(self) -> Verdicts:
        """What was said of each token when somebody asked."""
        return Verdicts(self.database)

    @cached_property
    def sessions(self) -> Sessions:
        """The sealed sign-ins."""
        return Sessions(self.home, self.sealer)

    @cached_property
    def wording(self) -> Wording:
        """The consoles' labels, with the user's own laid over."""
        own = self.settings.home / "wording.toml"
        return load(own if own.is_file() else None)

    @cached_property
    def stores(self) -> list[Store]:
        """The stores that tokens go to, in the order they were named."""
        return [self.store(each) for each in self.settings.store]

    def store(self, url: str) -> Store:
        """Open any store by its URL."""
        return open_store(url, home=self.home, sealer=self.sealer)

    @cached_property
    def browser(self) -> Choice:
        """The browser for work without a window, installed where there is none."""
        return find_browser(self.settings.browser, self.say)

    @cached_property
    def visible_browser(self) -> Choice:
        """The browser for a person to look at, installed where there is none."""
        return find_browser(self.settings.browser, self.say, visible=True)

    @contextmanager
    def account_lock(self, account: str) -> Iterator[None]:
        """Hold an account for one process; raises AlreadyRunning where another has it.

        Of this home at once, and of all machines where they share a database.
        """
        lock, what = self.home / "locks" / f"account-{account}", f"account {account}"
        with held(lock, what, wait_s=self.lock_wait_s), ExitStack() as shared:
            if self.leases is not None:
                shared.enter_context(self.leases.held(what, wait_s=self.lock_wait_s))
            yield

    def lane(self, *, visible: bool = False) -> Lane:
        """Return a lane, not yet started."""
        headless = self.settings.headless and not visible
        choice = self.browser if headless else self.visible_browser
        return Lane(choice, headless, patience_s=self.settings.patience)

"""What the stores behind a network, or behind another program, have in common.

Each of them says how one place is looked at and how one is written; the order in which that is
done, the refusals and the words of the errors are the same for all and stand here.
"""

import hashlib
import logging
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self, TypeVar

from automation.errors import AutomationError, StoreFailed, UsageError
from automation.secret import Secret
from automation.stores.base import NotStored, Ref, Template

LIMIT_S = 10.0
"""Most seconds to wait for any one answer of a service."""

_RACES = 20
"""How often a place may change between our look and our write before we give up."""

_SEVERAL = 20
"""How many intents a place without versions of its own remembers."""

SAMPLE = Ref("PIXELMINTCHECK000000", "1000000000000000", "pixelmint-check", "pixelmint-check")
"""Whose place is looked at before a pixel is known. Nothing is ever kept there."""

T = TypeVar("T")


class About(NamedTuple):
    """What is written beside a token. Holds no secret."""

    pixel: str
    account: str
    intent: str
    fingerprint: str
    before: str = ""
    """Intents whose tokens were current here before, newest first, separated by spaces."""


@dataclass(frozen=True)
class Kept:
    """What lies at one place."""

    token: Secret | None
    """None where the place exists and holds no token."""
    pixel: str = ""
    """Empty where a person or another program put the token there."""
    account: str = ""
    intent: str = ""
    before: tuple[str, ...] = ()
    """Intents whose tokens were current here before, newest first."""
    mark: Any = None
    """What a store needs of its look to write safely, e.g. a version's number."""

    @classmethod
    def labelled(
        cls,
        text: object,
        labels: Mapping[str, object],
        *,
        before: tuple[str, ...] | None = None,
        mark: Any = None,
    ) -> Self:
        """Build from a token's text and what stands beside it by the names of `About`."""
        told = {each: str(labels.get(each) or "") for each in About._fields}
        return cls(
            Secret(text) if isinstance(text, str) and text else None,
            told["pixel"],
            told["account"],
            told["intent"],
            tuple(told["before"].split()) if before is None else before,
            mark,
        )


class Trouble(NamedTuple):
    """What a library's error means to a person; the library's own words are dropped."""

    reason: str
    next_step: str


class RemoteStore(ABC):
    """Put and get as every store promises, made of a look at one place and a write to it."""

    name: ClassVar[str]
    talkative: ClassVar[tuple[str, ...]] = ()
    """Loggers of libraries that print what they send, tokens and keys included."""

    def __init__(self, place: Template, *, url: str) -> None:
        """Use these places."""
        self.url = url
        self._template = place
        # Remembered, so that two pixels in one place are refused before anything is generated.
        self._promised: dict[str, str] = {}

    def where(self, ref: Ref) -> str:
        """Return the place this token goes to; refuse one that another pixel was told of."""
        place = self._place(ref)
        if self._promised.setdefault(place, ref.pixel) != ref.pixel:
            raise UsageError(
                f"{place} is the place of pixel {self._promised[place]} already",
                where=f"pixel {ref.pixel}",
                next_step="put {pixel} into the store's URL",
            )
        return place

    def _place(self, ref: Ref) -> str:
        return self._template.fill(ref)

    def check(self) -> None:
        """Find out, without writing a token, whether the service would take one."""
        self._told("cannot be written", self._prove)

    def put(self, ref: Ref, token: Secret, *, intent: str) -> None:
        """Look first; write only what is not there yet."""
        place = self._place(ref)
        self._told("token not written", lambda: self._put(place, ref, token, intent))

    def get(self, ref: Ref) -> Secret:
        """Return the current token, unless it is labelled as somebody else's."""
        place = self._place(ref)
        kept = self._told("token not read", lambda: self._look(place))
        if kept is None or kept.token is None:
            raise NotStored("no token here", where=f"{self.url} {place}", next_step="generate one")
        self._refuse_foreign(kept, ref, place)
        if "" not in (ref.account, kept.account) and ref.account != kept.account:
            raise StoreFailed(
                f"the token here was generated in account {kept.account}",
                where=f"{self.url} {place}",
                next_step="ask for that account, or generate one in this account",
            )
        return kept.token

    def _put(self, place: str, ref: Ref, token: Secret, intent: str) -> None:
        known_as = self._known_as(intent)
        for _ in range(_RACES):
            kept = self._look(place)
            about = self._about(kept, ref, token, known_as)
            if kept is not None:
                self._refuse_foreign(kept, ref, place)
                if kept.token == token:
                    return self._label(place, kept, about)  # a killed write may lack its labels
                self._refuse_second(kept, known_as, intent)
                if known_as in self._earlier(place, kept):
                    return None  # stored once, replaced since: a late repeat must not undo that
            if self._write(place, kept, token.reveal(), about):
                return None
        raise StoreFailed(
            "others keep writing to the same place",
            where=f"{self.url} {place}",
            next_step="give each pixel a place of its own, then run `pixelmint recover`",
        )

    def _about(self, kept: Kept | None, ref: Ref, token: Secret, known_as: str) -> About:
        earlier = (kept.intent, *kept.before) if kept else ()
        before = " ".join([each for each in earlier if each not in ("", known_as)][:_SEVERAL])
        return About(ref.pixel, ref.account, known_as, token.fingerprint, before)

    def _refuse_foreign(self, kept: Kept, ref: Ref, place: str) -> None:
        if kept.pixel not in ("", ref.pixel):
            raise StoreFailed(
                f"the token here is pixel {kept.pixel}'s, not pixel {ref.pixel}'s",
                where=f"{self.url} {place}",
                next_step="put {pixel} into the store's URL, then run `pixelmint recover`",
            )

    def _refuse_second(self, kept: Kept, known_as: str, intent: str) -> None:
        if kept.intent == known_as:
            raise StoreFailed(
                f"intent {intent} has stored another token already",
                where=self.url,
                next_step="look at both: `pixelmint token` prints the stored one",
            )

    def _told(self, doing: str, act: Callable[[], T]) -> T:
        """Call a library, and let none of its words out: they may hold what was sent."""
        quiet(*self.talkative)
        known: AutomationError | None = None
        trouble = Trouble("", "")
        try:
            return act()
        except AutomationError as problem:
            known = problem
        except Exception as problem:  # libraries raise whatever the ones below them raise
            trouble = self._explain(problem)
        if known is not None:
            known.__context__ = None  # a library's error, where this one was raised handling it
            raise known
        raise StoreFailed(
            f"{doing} ({trouble.reason})", where=self.url, next_step=trouble.next_step
        )

    def _known_as(self, intent: str) -> str:
        """Return what the service calls an intent."""
        return intent

    def _earlier(self, place: str, kept: Kept) -> Collection[str]:
        """Return every intent whose token was current here before, as the service calls them."""
        return kept.before

    def _label(  # noqa: B027  most stores write labels and token in one go
        self, place: str, kept: Kept, about: About
    ) -> None:
        """Complete what a killed write of this token may have left undone; by default nothing."""

    @abstractmethod
    def _prove(self) -> None:
        """Do what `check` promises; raise anything."""

    @abstractmethod
    def _look(self, place: str) -> Kept | None:
        """Return what lies at a place, None where nothing does; raise anything."""

    @abstractmethod
    def _write(self, place: str, kept: Kept | None, text: str, about: About) -> bool:
        """Make a token the current one; False where somebody else changed the place meanwhile."""

    @abstractmethod
    def _explain(self, problem: Exception) -> Trouble:
        """Say what a library's error means, without its words."""


def quiet(*names: str) -> None:
    """Keep libraries from logging what they send: bodies hold tokens, headers hold credentials."""
    there = [
        each
        for each in logging.root.manager.loggerDict
        if any(each == name or each.startswith(f"{name}.") for name in names)
    ]
    for name in {*names, *there}:
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.WARNING))


def setting(name: str, environ: Mapping[str, str] = os.environ) -> str:
    """Return a variable, or what the file `NAME_FILE` holds; empty where there is neither.

    Raises:
        UsageError: the file cannot be read.
    """
    if environ.get(name) or not environ.get(f"{name}_FILE"):
        return environ.get(name, "")
    return read_setting(Path(environ[f"{name}_FILE"]).expanduser(), f"{name}_FILE")


def read_setting(path: Path, called: str) -> str:
    """Return a file's text without white space around it.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError) as problem:
        kind = type(problem).__name__
    raise UsageError(
        f"the file cannot be read ({kind})", where=called, next_step="correct the path or the file"
    )


def refuse_missing(store: str, missing: Collection[str], next_step: str) -> None:
    """Name every setting that is missing in one message.

    Raises:
        UsageError: unless none is.
    """
    if missing:
        verb = "are" if len(missing) > 1 else "is"
        raise UsageError(
            f"{' and '.join(missing)} {verb} not set", where=store, next_step=next_step
        )


def refuse_odd_name(template: Template, allowed: str, url: str, said: str) -> None:
    """Refuse a URL whose names the service would not take.

    Args:
        template: of the name; tried with a sample.
        allowed: a regular expression for the whole name.
        url: for the message.
        said: what is allowed, in words.

    Raises:
        UsageError: the sample's name does not fit.
    """
    name = template.fill(SAMPLE)
    if not re.fullmatch(allowed, name):
        raise UsageError(
            f"{name or 'nothing'} is no name there: {said}",
            where=url,
            next_step="correct the store's URL",
        )


def digest(text: str) -> str:
    """Return 64 hexadecimal digits that stand for a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def is_untrusted(problem: Exception) -> bool:
    """Tell a certificate that was refused from a connection that was cut: one class for both."""
    return "CERTIFICATE_VERIFY_FAILED" in str(problem)

"""What a store is. Each passes `tests/store_contract.py`; their users need not tell them apart."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from string import Formatter
from typing import ClassVar, Protocol, runtime_checkable
from urllib.parse import parse_qsl, unquote

from automation.errors import StoreFailed, UsageError
from automation.secret import Secret


@dataclass(frozen=True)
class Ref:
    """Whose token it is. Only the pixel is always known; the others may be empty."""

    pixel: str
    """The pixel's code."""
    account: str = ""
    """The advertiser id. Empty in a question means any account."""
    profile: str = ""
    """The sign-in it was generated with."""
    name: str = ""
    """What people call the pixel; may hold anything."""


class NotStored(StoreFailed):
    """The store answers, and has no token for this pixel."""


class NoReadBack(NotStored):
    """The store takes tokens and has no way to give one back: nothing is known of what it has."""


class Sealing(Protocol):
    """What a store needs of `automation.seal.Sealer`."""

    def seal(self, kind: str, about: Mapping[str, str], body: bytes) -> bytes:
        """Encrypt `body` together with its kind and what it is about."""

    def open_any(self, blob: bytes, kind: str) -> tuple[dict[str, str], bytes]:
        """Decrypt, or raise UsageError; return what it is about, and the body."""


class Store(Protocol):
    """Keeps tokens somewhere that outlives this program."""

    name: ClassVar[str]
    """The scheme of its URLs."""
    url: str
    """As the operator wrote it; goes into results, so it may hold no secret."""

    @classmethod
    def open(cls, url: str, *, home: Path, sealer: Sealing) -> "Store":
        """Build from a URL without touching anything.

        Raises:
            UsageError: the URL or its own settings are wrong; all faults in one message.
        """

    def where(self, ref: Ref) -> str:
        """Return the place this token goes to, for people and for `--dry-run`.

        Raises:
            UsageError: a placeholder of the URL is empty for this pixel. Asked before the click.
        """

    def check(self) -> None:
        """Find out whether `put` could work now. Changes nothing lasting.

        Raises:
            StoreFailed: it could not, and why.
            UsageError: it could not for want of the right key.
        """

    def put(self, ref: Ref, token: Secret, *, intent: str) -> None:
        """Keep a token as the current one of its pixel; once per intent, however often asked.

        Raises:
            StoreFailed: not known to be kept. What was there before is whole.
        """

    def get(self, ref: Ref) -> Secret:
        """Return the current token.

        Raises:
            NotStored: there is none for this pixel.
            StoreFailed: it cannot be read, or belongs to another account.
            UsageError: another key sealed it.
        """


@runtime_checkable
class HoldsPending(Protocol):
    """What a store may offer beside `Store`: a token laid beside the current one until proven.

    Few services have a place for it, so whoever rotates asks `isinstance(store, HoldsPending)`
    and else leaves the token in escrow until it is proven, then puts it.
    """

    def put_pending(self, ref: Ref, token: Secret, *, intent: str) -> None:
        """Keep a token beside the current one; once per intent, however often asked.

        Raises:
            NotStored: there is no current one yet; use `put`.
            StoreFailed: not known to be kept. The current token is untouched.
        """

    def promote(self, ref: Ref, *, intent: str) -> None:
        """Make the token of this intent the current one; once, however often asked.

        Raises:
            StoreFailed: it is not known here, or not known to be current now.
        """


def put_and_prove(store: Store, ref: Ref, token: Secret, *, intent: str) -> bool:
    """Put a token, read it back and compare.

    Returns:
        bool: False where the store took it and cannot give it back.

    Raises:
        StoreFailed: as `put`, or what comes back is something else.
    """
    store.put(ref, token, intent=intent)
    try:
        same = store.get(ref) == token
    except NoReadBack:
        return False
    if not same:
        raise StoreFailed(
            "what the store gives back is not what it was given",
            where=store.url,
            next_step="look at what else writes there, then run `pixelmint recover`",
        )
    return True


def parse_url(url: str, *options: str) -> tuple[str, dict[str, str]]:
    """Split `scheme:body?option=value` into body and options, `%20` and the like decoded.

    Args:
        url: the store's URL.
        options: the names that may follow the question mark.

    Raises:
        UsageError: an option is unknown or given twice.
    """
    body, _, query = url.partition(":")[2].partition("?")
    # `+` is itself here: it is common in names, and white space is written %20 in a path too.
    pairs = parse_qsl(query.replace("+", "%2B"), keep_blank_values=True)
    names = [name for name, _ in pairs]
    wrong = sorted({each for each in names if each not in options or names.count(each) > 1})
    if wrong:
        allowed = ", ".join(options) or "none"
        raise UsageError(
            f"unknown or doubled option {', '.join(wrong)}; there may be: {allowed}",
            where=url,
            next_step="correct the store's URL",
        )
    return unquote(body), dict(pairs)


class Template:
    """A text with `{pixel}`, `{account}`, `{profile}` or `{name}` in it.

    Values are put in so that they can neither leave the place meant for them nor meet each other:
    what holds other characters than `[A-Za-z0-9_]` (and inner `.` and `-`, where allowed) gets
    them replaced by `_` and 12 digits of its hash added. Two values standing side by side with
    nothing between them (`{profile}{name}`) may still read the same: put a separator there.
    """

    joiner: ClassVar[str] = "_"
    """Stands for what may not stand; a service that knows no `_` has a subclass with another."""

    _fields: ClassVar[tuple[str, ...]] = tuple(each.name for each in fields(Ref))

    def __init__(self, text: str, *, url: str, only_word: bool = False) -> None:
        """Read a template.

        Args:
            text: the template.
            url: the store's URL, for messages.
            only_word: allow no `.` and `-` in what is filled in, as in a variable's name.

        Raises:
            UsageError: braces do not match, or a placeholder is unknown.
        """
        self.text = text
        self._url = url
        self._plain = re.compile(r"\w+" if only_word else r"\w(?:[\w.-]*\w)?", re.ASCII)
        self.placeholders = self._parse(text)

    def _parse(self, text: str) -> frozenset[str]:
        try:
            parts = list(Formatter().parse(text))
        except ValueError:
            parts = [("", "{", "", None)]
        # A conversion or a format would let the URL reach into objects: no placeholder of ours.
        asked = {
            f"{name}{'!' + how if how else ''}{':' + form if form else ''}"
            for _, name, form, how in parts
            if name is not None
        }
        unknown = sorted(asked - set(self._fields))
        if unknown:
            raise UsageError(
                f"unknown placeholder {', '.join(unknown)}",
                where=self._url,
                next_step=f"use {', '.join('{' + each + '}' for each in self._fields)}",
            )
        return frozenset(asked)

    def fill(self, ref: Ref) -> str:
        """Put the values in.

        Raises:
            UsageError: one that is asked for is empty.
        """
        values = {each: getattr(ref, each) for each in self.placeholders}
        empty = sorted(each for each, value in values.items() if not value)
        if empty:
            raise UsageError(
                f"{self._url} asks for the {' and '.join(empty)}, which is not known",
                where=f"pixel {ref.pixel}",
                next_step="give it in the manifest or as an option, or take it out of the URL",
            )
        return self.text.format(**{each: self._safe(value) for each, value in values.items()})

    def _safe(self, value: str) -> str:
        # What already ends like a hash of ours is hashed too, or it could be made to meet another.
        if self._plain.fullmatch(value) and not re.search(rf"{self.joiner}[0-9a-f]{{12}}\Z", value):
            return value
        digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:12]
        word = re.sub(r"[^A-Za-z0-9]+", self.joiner, value)[:40].strip(self.joiner)
        return f"{word}{self.joiner}{digest}"

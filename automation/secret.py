"""A token in the hand: prints as its fingerprint and leaves only through `reveal`."""

import hashlib
import hmac
import logging
import os
import re
import weakref
from collections.abc import MutableMapping
from typing import NoReturn

from automation.errors import UsageError

_alive: "weakref.WeakValueDictionary[int, Secret]" = weakref.WeakValueDictionary()
"""By identity. A set would take two of one text for one, and forget both with the first."""


def fingerprint(text: str) -> str:
    """Return the first 12 hex digits of SHA-256 over the text's UTF-8 bytes."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


class Secret:
    """A text that must not be seen. Its `repr`, `str` and format are its fingerprint."""

    __slots__ = ("__weakref__", "_text", "fingerprint")

    def __init__(self, text: str) -> None:
        """Take the text in; from here on the redacting log filter knows it."""
        self._text = text
        self.fingerprint = fingerprint(text)
        _alive[id(self)] = self

    def reveal(self) -> str:
        """Return the text itself. The call sites are counted by a test."""
        return self._text

    def __repr__(self) -> str:
        """Show the fingerprint, never the text."""
        return f"Secret({self.fingerprint})"

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        """Show the fingerprint in f-strings too."""
        return repr(self)

    def __eq__(self, other: object) -> bool:
        """Compare in constant time."""
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        """Hash by fingerprint."""
        return hash(self.fingerprint)

    def __reduce__(self) -> NoReturn:
        """Refuse pickling and copying: a job record or a core dump of one would hold the text."""
        raise TypeError("a Secret cannot be pickled or copied")


def redact(text: str) -> str:
    """Replace every secret alive in this process by its fingerprint."""
    # Longest first, so that one secret inside another does not leave the rest of the longer one.
    for secret in sorted(_alive.values(), key=lambda each: len(each._text), reverse=True):
        if secret._text:
            text = text.replace(secret._text, repr(secret))
    return text


class RedactingFilter(logging.Filter):
    """Rewrites a log record so that no living secret is in its message or its traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact in place; always lets the record through."""
        record.msg, record.args = redact(record.getMessage()), None
        if record.exc_info:
            record.exc_text = redact(logging.Formatter().formatException(record.exc_info))
        return True


_LEAKY = ("PWDEBUG", "DEBUG_FILE", "SSLKEYLOGFILE", "PYTHONASYNCIODEBUG", "NODE_DEBUG")
"""Variables that make Playwright's driver, Node or Chromium write what passes through them.

They change nothing a user of this program wants, so they are dropped instead of refused."""


def guard_environment(environ: MutableMapping[str, str] = os.environ) -> None:
    """Make sure that no debugging output of the browser's driver can hold a token.

    Raises:
        UsageError: `DEBUG` asks Playwright's driver to print its protocol, tokens included.
    """
    for pattern in re.split(r"[\s,]+", environ.get("DEBUG", "")):
        if re.match(r"(\*|pw|p\*)", pattern):
            raise UsageError(
                f"DEBUG={pattern} makes the browser's driver print everything it sees, tokens too",
                next_step="unset DEBUG and run again",
            )
    for name in _LEAKY:
        environ.pop(name, None)

"""One message to a person, by whatever service its URL names. The URLs hold secrets."""

import logging
import re
from collections.abc import Sequence
from typing import Any, Literal

from automation.errors import UsageError
from automation.secret import Secret, redact

Kind = Literal["success", "warning", "failure"]
_ADVICE = "pip install 'pixelmint[notify]'"


def check(urls: Sequence[Secret]) -> None:
    """Make sure that each URL is of a service that is known. Nothing is sent.

    Raises:
        UsageError: the library is missing, or naming each URL by its place and scheme alone.
    """
    wrong = [
        f"number {at} ({_scheme(url)}) is no address of a service known to apprise"
        for at, url in enumerate(urls, 1)
        if not _sender(url)
    ]
    if wrong:
        raise UsageError(
            f"--notify: {'; '.join(wrong)}",
            next_step="write it as https://appriseit.com/services/ shows, best in PIXELMINT_NOTIFY",
        )


def send(urls: Sequence[Secret], title: str, body: str, kind: Kind) -> list[str]:
    """Send one message to each.

    Returns:
        What did not go through, by place and scheme; empty where all did. Never raises.
    """
    failed = []
    for at, url in enumerate(urls, 1):
        says = ""
        try:
            sent = _sender(url).notify(redact(body), redact(title), notify_type=kind)
        except Exception as problem:  # its words may repeat the URL
            sent, says = False, f": {type(problem).__name__}"
        if not sent:
            failed.append(f"notification {at} ({_scheme(url)}) was not delivered{says}")
    return failed


def _sender(url: Secret) -> Any:
    """Return what sends there; false where no service is known by that URL."""
    sender = _library().Apprise()
    sender.add(url.reveal())
    return sender


def _scheme(url: Secret) -> str:
    found = re.match(r"[A-Za-z][A-Za-z0-9+-]{0,15}(?=://)", url.reveal())
    return f"{found[0]}://..." if found else "without a scheme"


def _library() -> Any:
    try:
        import apprise
    except ImportError:
        pass
    else:
        # It writes addresses, parts of them hidden and parts not.
        logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
        return apprise
    raise UsageError("--notify needs an extra that is not installed", next_step=_ADVICE)

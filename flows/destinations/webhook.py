"""`webhook:https://host/path`: the token as a signed POST to a service of the operator's own.

The body is JSON: pixel, account, profile, name, token, fingerprint, intent. It is signed with
HMAC-SHA256 over `<timestamp>.<body>`, so that the receiver can tell that it comes from here and is
not old. docs/destinations.md says how it is checked.
"""

import hashlib
import hmac
import ipaddress
import json
import re
import threading
import time
from collections.abc import Callable
from typing import ClassVar, Self
from urllib.parse import urlsplit

from automation.errors import DeliveryFailed, UsageError
from automation.secret import Secret
from flows.destinations.base import Parcel
from flows.workshop import Workshop

_TIMEOUT_S = 10.0
_BACK_OFF_S = (1.0, 3.0)
"""How long to wait before each further try."""
_AGAIN = (408, 425, 429)
"""With 500 and above: answers after which another try may help."""


_ODD = re.compile(r"[\s\x00-\x1f\x7f]")


class Webhook:
    """One address that takes tokens."""

    name: ClassVar[str] = "webhook"

    def __init__(
        self, url: str, secret: Secret, waiting: Callable[[float], object] | None = None
    ) -> None:
        """Take a URL that was checked, and what signs; `waiting` is for tests."""
        self.url = url
        self._address = url.partition(":")[2]
        self._secret = secret
        self._waiting = waiting or threading.Event().wait

    @classmethod
    def open(cls, url: str, workshop: Workshop) -> Self:
        """Build from `webhook:https://host/path`, and PIXELMINT_WEBHOOK_SECRET."""
        secret = workshop.settings.webhook_secret
        faults = _faults(url.partition(":")[2])
        if secret is None:
            faults.append("PIXELMINT_WEBHOOK_SECRET is not set")
        if faults or secret is None:
            raise UsageError(
                " and ".join(faults),
                where="destination webhook",
                next_step="write webhook:https://HOST/PATH, and put a long random secret into "
                "PIXELMINT_WEBHOOK_SECRET or the file PIXELMINT_WEBHOOK_SECRET_FILE names",
            )
        return cls(url, secret)

    def check(self) -> str:
        """Nothing can be asked of it without a token."""
        return "its address and secret are there; it is asked for nothing without a token"

    def deliver(self, parcel: Parcel) -> str:
        """Post it, at most three times, until a 2xx answer comes."""
        body = _body(parcel)
        said = ""
        for pause_s in (*_BACK_OFF_S, None):
            status = self._post(body, parcel.intent)
            if isinstance(status, int) and 200 <= status < 300:
                return f"accepted (HTTP {status})"
            said = f"HTTP {status}" if isinstance(status, int) else status
            again = isinstance(status, str) or status >= 500 or status in _AGAIN
            if not again or pause_s is None:
                break
            self._waiting(pause_s)
        raise DeliveryFailed(
            f"the receiver did not take the token ({said})",
            where=self.url,
            next_step="mend the receiver, then run the same command again",
        )

    def close(self) -> None:
        """Nothing stays open between two deliveries."""

    def _post(self, body: bytes, intent: str) -> int | str:
        """Post once; return the answer's status, or what kept it from coming."""
        import httpx

        at = str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": intent,
            "Pixelmint-Timestamp": at,
            "Pixelmint-Signature": f"sha256={signature(self._secret, at, body)}",
        }
        try:
            # Streamed and left unread: an answer may repeat what it was sent, and may have no end.
            with httpx.stream(
                "POST", self._address, content=body, headers=headers,
                timeout=_TIMEOUT_S, follow_redirects=False,
            ) as answer:  # fmt: skip
                return answer.status_code
        except (httpx.HTTPError, httpx.InvalidURL) as problem:
            return type(problem).__name__


def signature(secret: Secret, timestamp: str, body: bytes) -> str:
    """Return the HMAC-SHA256, in hexadecimal, of `<timestamp>.<body>`."""
    return hmac.new(
        secret.reveal().encode(), timestamp.encode() + b"." + body, hashlib.sha256
    ).hexdigest()


def _body(parcel: Parcel) -> bytes:
    ref = parcel.ref
    facts = {
        "pixel": ref.pixel,
        "account": ref.account,
        "profile": ref.profile,
        "name": ref.name,
        "token": parcel.token.reveal(),
        "fingerprint": parcel.token.fingerprint,
        "intent": parcel.intent,
    }
    return json.dumps(facts).encode()


def _faults(address: str) -> list[str]:
    """Say what is wrong with an address, without repeating it."""
    try:
        parts = urlsplit(address)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        return ["it is no address"]
    faults = [] if address.isascii() and not _ODD.search(address) else ["it is no address"]
    if parts.scheme not in ("https", "http") or not host:
        faults.append("it is no https address")
    elif parts.scheme == "http" and not _loopback(host):
        faults.append("it must begin with https:// (plain http on loopback alone)")
    if "@" in parts.netloc or parts.query or parts.fragment or "?" in address:
        faults.append("it may hold no user, query or fragment: they would be printed with it")
    return faults


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

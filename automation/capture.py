"""Hold what a page is answered until it is sealed, and catch what it shows and copies.

`page.on("response")` is too late when a page leaves right after reading its answer: the body is
gone. CDP's Fetch domain, paused at the Response stage, holds each answer until it is on disk.
The clipboard is never read: all contexts of a browser share one. Copies are caught in the page.
"""

import contextlib
import json
import logging
import re
import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from playwright.sync_api import CDPSession, Error, Frame, Page, Request, WebSocket

from automation.browser import step
from automation.errors import AutomationError
from automation.evidence import Sighting
from automation.relay import Relay

log = logging.getLogger(__name__)

_SCRIPT = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
_SAFE = ("GET", "HEAD", "OPTIONS")
_BACKGROUND = ("ping", "image", "font", "media", "stylesheet", "manifest", "other")
"""Resource types that tell nothing about whether a click had an effect."""
_PASSING = re.compile(
    r"(^|_)(ts|t|time|timestamp|nonce|rand|random|seq|uuid|sign|signature|bogus)$"
)
"""Names of values that differ between two sendings of one and the same request."""
_ANSWER_LIMIT = 8 << 20


@dataclass(frozen=True)
class Dropped:
    """A request that left the page and was never answered."""

    where: str
    """Method and path."""
    reason: str
    """Chromium's word for it: Failed, TimedOut, Aborted..."""


class Capture:
    """Everything one page is answered, shows and copies, from `arm` to `disarm`.

    Made right after the page was opened and before it goes anywhere.
    """

    def __init__(self, page: Page, relay: Relay | None = None) -> None:
        """Put the hooks in place; nothing is caught before `arm`.

        Args:
            page: a fresh page of its own context.
            relay: where the page's traffic goes through one; see `automation.relay`.
        """
        self._page, self._relay = page, relay
        self._cdp: CDPSession | None = None
        self._keep: Callable[[bytes], None] | None = None
        self._clicked = False
        self._before: set[str] = set()
        self._sent: dict[str, dict[str, Any] | None] = {}
        self._repeats: dict[str, list[str]] = {}
        self.sightings: list[Sighting] = []
        self.dropped: list[Dropped] = []
        self.asked: list[str] = []
        """Requests since the click that can have had an effect: method and path."""
        self.left = False
        """Whether the page went elsewhere, or closed, since the click."""
        self.trouble: AutomationError | None = None
        """Why something seen could not be sealed; it is still in `sightings`."""
        self._name = f"_{secrets.token_hex(6)}"
        page.expose_binding(self._name, self._from_page)
        page.add_init_script(f"({_SCRIPT.strip()})({json.dumps(self._name)})")
        page.on("request", self._note)
        page.on("websocket", self._listen)
        # Not "framenavigated": a page that only changes its address would seem to have left.
        page.on("domcontentloaded", self._moved)
        page.on("close", self._moved)

    @property
    def answered(self) -> bool:
        """Whether an answer to something asked since the click is in."""
        return any(each.kind == "answer" and each.where in self.asked for each in self.sightings)

    @property
    def unanswered(self) -> bool:
        """Whether something was asked since the click that no answer has come to."""
        answers = [each.where for each in self.sightings if each.kind == "answer"]
        return any(each not in answers for each in self.asked)

    @step("holding the page's answers")
    def arm(self, keep: Callable[[bytes], None]) -> None:
        """Hold every answer from here on until `keep` has put it on disk.

        Args:
            keep: seals one sighting and forces it to disk.
        """
        self.sightings, self.dropped, self.asked = [], [], []
        self._sent, self._repeats = {}, {}
        self._clicked, self.left, self.trouble, self._keep = False, False, None, keep
        self._cdp = self._page.context.new_cdp_session(self._page)
        self._cdp.on("Fetch.requestPaused", self._paused)
        stages = [(kind, at) for kind in ("XHR", "Fetch") for at in ("Request", "Response")]
        patterns = [{"resourceType": kind, "requestStage": at} for kind, at in stages]
        self._cdp.send("Fetch.enable", {"patterns": patterns})
        before = [text for frame in self._page.frames for text in self._call(frame, "arm")]
        self._see(Sighting("before", "\n".join(before)))
        if self.trouble is not None:
            raise self.trouble

    def clicking(self) -> None:
        """Say that the click comes now: what the page asks from here on is its effect."""
        self._clicked = True

    def disarm(self) -> None:
        """Let everything go again. Never fails: the page may be gone."""
        self._keep, self._clicked = None, False  # what the page asks for now is nobody's effect
        if self._relay is not None:
            self._relay.allow_reuse()
        cdp, self._cdp = self._cdp, None
        try:
            if cdp is not None:
                for held in [each for same in self._repeats.values() for each in same]:
                    # Disabling would let it out after all.
                    cdp.send("Fetch.failRequest", {"requestId": held, "errorReason": "Aborted"})
                cdp.send("Fetch.disable")
                cdp.detach()
            for frame in self._page.frames:
                self._call(frame, "disarm")
        except (Error, RuntimeError):
            log.debug("the page was gone before it could be let go")

    def _call(self, frame: Frame, what: str) -> list[str]:
        try:
            return frame.evaluate(f"window[{json.dumps(self._name + '_')}]?.{what}()") or []
        except Error:
            if frame == self._page.main_frame and what == "arm":
                raise
            return []  # a frame that is just leaving, or has no document yet

    # -- what the page asks -----------------------------------------------------------------

    def _note(self, request: Request) -> None:
        """Remember what left the page, to know whether a click had an effect."""
        if request.resource_type in _BACKGROUND:
            return
        where = _where(request.method, request.url)
        if not self._clicked:
            self._before.add(where)
        elif request.method not in _SAFE or where not in self._before:
            self.asked.append(where)

    def _moved(self, _page: Page) -> None:
        self.left |= self._clicked

    def _paused(self, event: dict[str, Any]) -> None:
        at_response = "responseStatusCode" in event or "responseErrorReason" in event
        try:
            (self._at_response if at_response else self._at_request)(event)
        except (Error, RuntimeError) as problem:
            # The page or the browser went away while its answer was held.
            log.debug("a held request is gone: %s", type(problem).__name__)

    def _at_request(self, event: dict[str, Any]) -> None:
        request = event["request"]
        redirected = "redirectedRequestId" in event  # the first one, sent on by its answer
        if self._clicked and request["method"] not in _SAFE and not redirected:
            same = _identity(request)
            if same in self._sent and not _only_reads(request):
                log.warning("the page asked the same again; it was not let out a second time")
                self._repeats.setdefault(same, []).append(event["requestId"])
                self._answer_repeats(same)
                return
            self._sent.setdefault(same, None)
            if self._relay is not None:
                # Chromium repeats a POST on a reused connection that drops, below this hold.
                self._relay.drop_idle()
        self._send("Fetch.continueRequest", requestId=event["requestId"])

    def _at_response(self, event: dict[str, Any]) -> None:
        request, release = event["request"], partial(self._send, requestId=event["requestId"])
        where = _where(request["method"], request["url"])
        status, same = event.get("responseStatusCode", 0), _identity(request)
        given = event.get("responseHeaders", [])
        headers = {each["name"].lower(): each["value"].lower() for each in given}
        if "responseErrorReason" in event:
            self.dropped.append(Dropped(where, event["responseErrorReason"]))
            self._sent[same] = {"errorReason": event["responseErrorReason"]}
        elif not 300 <= status < 400 and "event-stream" not in headers.get("content-type", ""):
            answer = self._read(event, where, status)
            if same in self._sent and answer is not None:
                self._sent[same] = answer
        release("Fetch.continueRequest")
        self._answer_repeats(same)

    def _read(self, event: dict[str, Any], where: str, status: int) -> dict[str, Any] | None:
        """Seal an answer; return it in the form in which a repeat can be given it."""
        try:
            got = self._send("Fetch.getResponseBody", requestId=event["requestId"])
        except Error:
            log.debug("an answer has no body that could be read")  # it must be let go all the same
            return None
        raw = b64decode(got["body"]) if got["base64Encoded"] else got["body"].encode()
        text = raw[:_ANSWER_LIMIT].decode("utf-8", "replace")
        self._see(Sighting("answer" if self._clicked else "before", text, where, status))
        return {
            "responseCode": status,
            "responseHeaders": event.get("responseHeaders", []),
            "body": b64encode(raw).decode(),
        }

    def _answer_repeats(self, same: str) -> None:
        """Give a repeated request the answer of the first, once that is there."""
        answer = self._sent.get(same)
        while answer is not None and self._repeats.get(same):
            method = "Fetch.failRequest" if "errorReason" in answer else "Fetch.fulfillRequest"
            self._send(method, requestId=self._repeats[same].pop(), **answer)

    def _send(self, method: str, **params: Any) -> Any:
        if self._cdp is None:
            raise Error("disarmed")
        return self._cdp.send(method, params)

    # -- what the page shows ----------------------------------------------------------------

    def _listen(self, socket: WebSocket) -> None:
        socket.on("framereceived", lambda data: self._from_socket(socket.url, data))
        socket.on("framesent", lambda _data: self._socket_sent(socket.url))

    def _from_socket(self, url: str, data: str | bytes) -> None:
        if self._keep is not None and self._clicked:
            text = data if isinstance(data, str) else data.decode("utf-8", "replace")
            self._see(Sighting("socket", text, _where("SOCKET", url)))

    def _socket_sent(self, url: str) -> None:
        where = _where("SOCKET", url)
        if self._clicked and where not in self._before:
            self.asked.append(where)
        elif not self._clicked:
            self._before.add(where)

    def _from_page(self, source: dict[str, Any], message: dict[str, str]) -> bool:
        """Take what the page's script reports; its answer says whether this page is armed."""
        armed = self._keep is not None and source["page"] == self._page
        if armed and message["kind"] != "hello":
            kind: Any = message["kind"] if self._clicked else "before"
            self._see(Sighting(kind, message["text"], label=message["label"]))
        return armed

    def _see(self, sighting: Sighting) -> None:
        self.sightings.append(sighting)
        if self._keep is not None:
            try:
                self._keep(sighting.to_bytes())
            except AutomationError as problem:
                self.trouble = problem


def _where(method: str, url: str) -> str:
    parts = urlsplit(url)
    return f"{method} {parts.netloc}{parts.path}"


def _identity(request: dict[str, Any]) -> str:
    """Return what makes two sendings the same request: method, address and body.

    Times, nonces and signatures, which differ between two sendings of one request, do not count.
    """
    parts, body = urlsplit(request["url"]), _body(request)
    query = [] if body else [each for each in parse_qsl(parts.query) if not _passing(each[0])]
    what = [request["method"], parts.netloc, parts.path, query, _lasting(body)]
    return json.dumps(what, sort_keys=True)


def _body(request: dict[str, Any]) -> str:
    # `postData` leaves out what is no UTF-8: two bodies that differ would look the same.
    parts = [b64decode(each.get("bytes", "")) for each in request.get("postDataEntries", [])]
    return b"".join(parts).decode("latin-1") or str(request.get("postData", ""))


def _lasting(body: str) -> Any:
    """Return what a body says, without what differs between two sendings of it."""
    with contextlib.suppress(ValueError):
        return _steady(json.loads(body))
    if body.startswith("--"):  # a multipart boundary, drawn anew each time
        return body.replace(body.partition("\r\n")[0], "")
    if re.fullmatch(r"[^\s=&]+=\S*", body):
        return [each for each in parse_qsl(body, keep_blank_values=True) if not _passing(each[0])]
    return body


def _steady(value: Any) -> Any:
    if isinstance(value, list):
        return [_steady(each) for each in value]
    if isinstance(value, dict):
        return {name: _steady(each) for name, each in value.items() if not _passing(name)}
    return value


def _passing(name: str) -> bool:
    return bool(_PASSING.search(re.sub(r"(?<=[a-z])(?=[A-Z])|-", "_", name).lower()))


def _only_reads(request: dict[str, Any]) -> bool:
    """Tell a GraphQL query, which is sent by POST and may well be asked again."""
    try:
        query = json.loads(request.get("postData", "")).get("query", "")
    except (ValueError, AttributeError):
        return False
    return isinstance(query, str) and bool(re.match(r"\s*(query\b|\{)", query))

"""What a page is answered, shows and copies is caught whole, in a real browser, and asked once."""

import base64
import contextlib
import gzip
import hashlib
import json
import os
import re
import secrets
import signal
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pyrage
import pytest
from playwright.sync_api import Error, Frame, Page

from automation.browser import Choice, Lane, find_browser, wait_until
from automation.capture import Capture
from automation.errors import AutomationError, EscrowFailed, PageChanged
from automation.escrow import Escrow
from automation.evidence import Sighting, agree
from automation.seal import Sealer
from automation.secret import Secret
from tests.conftest import Answer, Request, Site, until
from tests.store_contract import started

PIXEL, ACCOUNT = "D69ESQRC77U0KGAU8B90", "7654321098765432109"
OLDER = "77aa0b1c2d3e4f5061728394a5b6c7d8e9f00112"
LONG_S = 15
"""Limit of every wait; reached only where something is broken."""


class Console:
    """A page with a button, and an address that issues a token for each POST."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.tokens: list[str] = []
        self.during: Callable[[], None] = lambda: None
        site.routes["/token"] = self.issue
        site.routes["/elsewhere"] = "<p>elsewhere</p>"
        site.routes["/got"] = Answer()

    def issue(self, _request: Request) -> Answer:
        """Answer with a new token, in clear and turned round."""
        self.tokens.append(secrets.token_hex(20))
        self.during()
        body = {"code": 0, "data": {"token": self.tokens[-1]}}
        if self.turned_round:
            body = {"code": 0, "data": {"turned": self.tokens[-1][::-1]}}
        return Answer(json.dumps(body).encode(), kind="application/json")

    turned_round = False
    """Whether the answer is of no use, so that only what the page does with it tells the token."""

    def show(self, page: Page | None, then: str, more: str = "") -> None:
        """Open the page.

        Args:
            page: where; None where another process opens it.
            then: a script that is run with the token as `t`; `more(html)` appends to the page.
            more: HTML.
        """
        read = "[...r.data.turned].reverse().join('')" if self.turned_round else "r.data.token"
        self.site.routes["/"] = f"""<h1>Events API</h1><p>Older: {OLDER}</p>
        <button id=go>Generate</button><div id=out></div>{more}<script>
        const more = (html) => out.insertAdjacentHTML('beforeend', html);
        const find = (what) => out.querySelector(what), label = '<p>Access token</p>';
        const root = (tag) => {{ more(`<${{tag}}></${{tag}}>`);
          return out.lastChild.attachShadow({{mode: 'open'}}) }};
        const json = JSON.stringify;
        const tens = (t) => t.match(/.{{1,10}}/g).map((x) => `<span>${{x}}</span>`).join('');
        const post = (body) => fetch('/token', {{method: 'POST', body: json(body)}});
        go.onclick = () => post({{pixel: '{PIXEL}'}}).then((r) => r.json()).then((r) => {{
          const t = {read}; {then} }});</script>"""
        if page is not None:
            page.goto(self.site.url)


@pytest.fixture
def console(site: Site) -> Console:
    """A console of this test's own."""
    return Console(site)


class Kept(list[bytes]):
    """What was sealed, in order: stands for the escrow."""

    def __call__(self, sealed: bytes) -> None:
        """Keep one."""
        self.append(sealed)

    @property
    def sightings(self) -> list[Sighting]:
        """What comes back."""
        return [Sighting.from_bytes(each) for each in self]


@pytest.fixture
def kept() -> Kept:
    """An escrow of this test's own."""
    return Kept()


@pytest.fixture
def capture(page: Page, lane: Lane) -> Iterator[Capture]:
    """A capture of this test's page, not armed."""
    capture = Capture(page, lane.relay)
    yield capture
    capture.disarm()


def click(capture: Capture, page: Page, what: str = "#go") -> None:
    """Say that the click comes now, and click."""
    capture.clicking()
    page.click(what)


def texts(capture: Capture, *kinds: str) -> list[str]:
    """Return the texts seen, of some kinds."""
    return [each.text for each in capture.sightings if each.kind in kinds]


def has(capture: Capture, text: str, *kinds: str) -> Callable[[], bool]:
    """Return a condition: that a text was seen in one of these kinds."""
    return lambda: any(text in each for each in texts(capture, *kinds))


def done(page: Page) -> str:
    """Wait until the page calls itself done, and return what it says of itself."""
    page.wait_for_function("window.done !== undefined")
    return str(page.evaluate("window.done"))


class TestHeld:
    """An answer reaches the page only once it is sealed."""

    def test_the_page_gets_no_answer_before_it_is_sealed(
        self, page: Page, capture: Capture, console: Console, kept: Kept
    ) -> None:
        """A slow disk holds the page up, and nothing else."""
        early: list[int] = []
        console.show(page, "fetch('/got').then(() => { window.done = t })")

        def slow(sealed: bytes) -> None:
            kept(sealed)
            if console.tokens:
                threading.Event().wait(0.3)
                early.append(len(console.site.asked("/got")))

        capture.arm(slow)
        click(capture, page)
        assert done(page) == console.tokens[0]
        assert early[0] == 0
        answers = [each for each in kept.sightings if each.kind == "answer"]
        assert console.tokens[0] in answers[0].text

    def test_killed_right_after_sealing_it_is_on_disk(self, console: Console, home: Path) -> None:
        """SIGKILL inside the hold: the token is in escrow, and was asked for once."""
        console.show(None, "")
        key = pyrage.x25519.Identity.generate()
        child = started(killed_while_holding, url=console.site.url, home=str(home), key=str(key))
        child.communicate(timeout=90)
        assert child.returncode == -signal.SIGKILL
        assert len(console.tokens) == 1
        escrow = Escrow(home, Sealer(key, "a test"))
        (intent,) = escrow.unsettled()
        agreement = agree([Sighting.from_bytes(each) for each in escrow.seen(intent)])
        assert agreement is not None
        assert agreement.token == Secret(console.tokens[0])

    def test_a_page_that_goes_right_after_reading_is_caught_a_hundred_times_of_a_hundred(
        self, choice: Choice, console: Console
    ) -> None:
        """To another address, to itself, or by closing: nothing is left to luck.

        Without the hold it is caught three times of ten at best.
        """
        ways = {
            "location.href = '/?' + Math.random()": 40,
            "location.reload()": 40,
            "window.close()": 20,
        }
        caught = 0
        with Lane(choice, relay=False, patience_s=LONG_S) as lane:
            for way, times in ways.items():
                page, capture = opened(lane, console, way)
                for _ in range(times):
                    if page.is_closed():
                        page, capture = opened(lane, console, way)
                    caught += caught_while_leaving(page, capture, console)
        assert caught == len(console.tokens) == 100

    def test_an_answer_that_cannot_be_sealed_is_told_of_and_not_lost(
        self, page: Page, capture: Capture, console: Console
    ) -> None:
        """The page goes on, what was seen stays in memory, what comes later is tried again."""
        full = EscrowFailed("escrow could not take what the page showed")
        refused: list[bytes] = []

        def refusing(sealed: bytes) -> None:
            if b'"answer"' in sealed:
                refused.append(sealed)
                raise full

        console.show(page, "window.done = t; more('<p>' + t)")
        capture.arm(refusing)
        click(capture, page)
        assert done(page) == console.tokens[0]
        wait_until(page, has(capture, console.tokens[0], "text"), LONG_S)
        assert len(refused) == 1
        assert capture.trouble is full
        agreement = agree(capture.sightings)
        assert agreement is not None
        assert (agreement.token, agreement.firm) == (Secret(console.tokens[0]), True)

    def test_what_cannot_be_sealed_before_the_click_stops_there(
        self, page: Page, capture: Capture, console: Console
    ) -> None:
        """Arming says so; nothing was clicked yet."""

        def refusing(_sealed: bytes) -> None:
            raise EscrowFailed("full")

        console.show(page, "")
        with pytest.raises(EscrowFailed, match="full"):
            capture.arm(refusing)

    @pytest.mark.parametrize("which", ["page", "frame"])
    def test_a_page_that_cannot_be_told_stops_there_and_a_frame_that_leaves_does_not(
        self, page: Page, capture: Capture, console: Console, monkeypatch: pytest.MonkeyPatch,
        which: str,
    ) -> None:  # fmt: skip
        """A frame may be between two documents; its next one reports by itself."""
        console.show(page, "", "<iframe srcdoc='<p>within'></iframe>")
        evaluate = Frame.evaluate

        def failing(self: Frame, *given: object) -> object:
            if (self == page.main_frame) == (which == "page"):
                raise Error("Execution context was destroyed")
            return evaluate(self, *given)

        monkeypatch.setattr(Frame, "evaluate", failing)
        refused = pytest.raises(PageChanged) if which == "page" else contextlib.nullcontext()
        with refused:
            capture.arm(lambda _sealed: None)
        assert bool(capture.sightings) == (which == "frame")

    def test_what_was_asked_is_unanswered_until_its_answer_is_in(
        self, page: Page, capture: Capture, console: Console
    ) -> None:
        """By which a silence is told from a refusal."""
        console.show(page, "")
        may_answer = threading.Event()
        console.during = lambda: may_answer.wait(LONG_S) and None
        capture.arm(lambda _sealed: None)
        assert not capture.unanswered and not capture.answered
        click(capture, page)
        assert wait_until(page, lambda: bool(capture.asked), LONG_S)
        assert capture.unanswered and not capture.answered
        may_answer.set()
        assert wait_until(page, lambda: capture.answered, LONG_S)
        assert not capture.unanswered

    def test_a_page_that_is_gone_cannot_be_armed(self, page: Page, capture: Capture) -> None:
        """And the error is one of ours."""
        page.close()
        with pytest.raises(AutomationError, match="holding the page's answers"):
            capture.arm(lambda _sealed: None)


def opened(lane: Lane, console: Console, then: str) -> tuple[Page, Capture]:
    """Open the console's page in a context of its own, with its capture."""
    with lane.open().expect_popup() as popup:
        # A page may close itself only where another one opened it.
        lane.context.pages[0].evaluate("open('about:blank') && null")
    page = popup.value
    capture = Capture(page, lane.relay)
    console.show(page, then)
    return page, capture


def caught_while_leaving(page: Page, capture: Capture, console: Console) -> bool:
    """Click, let the page leave, and say whether what it was answered was caught."""
    capture.arm(lambda _sealed: None)
    click(capture, page)
    assert wait_until(page, lambda: capture.left and capture.answered, LONG_S)
    capture.disarm()
    return console.tokens[-1] in texts(capture, "answer")[-1]


def killed_while_holding(url: str, home: str, key: str) -> None:
    """Generate, and die once the answer is sealed and while it is still held."""
    escrow = Escrow(Path(home), Sealer(pyrage.x25519.Identity.from_str(key), "a test"))
    intent = escrow.intend(PIXEL, ACCOUNT, "agency")

    def seal_and_die(sealed: bytes) -> None:
        escrow.see(intent, sealed)
        if Sighting.from_bytes(sealed).kind == "answer":
            os.kill(os.getpid(), signal.SIGKILL)

    with Lane(find_browser(os.environ.get("PIXELMINT_BROWSER"), install=False)) as lane:
        page = lane.open()
        capture = Capture(page, lane.relay)
        page.goto(url)
        capture.arm(seal_and_die)
        click(capture, page)
        wait_until(page, lambda: False, LONG_S)


REVEALS = {
    "text": "more(`${label}<b>${t}</b>`)",
    "a sentence": "more(`<p>Your access token is ${t}.</p>`)",
    "padded": "more(`${label}<b>\\n \\u200b ${t.slice(0, 9)}\\u200b${t.slice(9)} \\n</b>`)",
    "split": "more(`${label}<p>${t.match(/.{1,7}/g).map((x) => `<i>${x}</i>`).join('')}</p>`)",
    "split after its label": "more(`<p><b>Access Token: </b>${tens(t)}<i></i></p>`)",
    "split between words": "more(`<p>Access token <b>is</b>: ${tens(t)}<em>, shown</em>once</p>`)",
    "field": "more('<label>Access token <input readonly></label>'); find('input').value = t",
    "password field": "more(`<input type=password name=access_token>`); find('input').value = t",
    "textarea": "more(`<textarea placeholder='Token'></textarea>`); find('textarea').value = t",
    "shadow root": "root('x-y').innerHTML = `${label}<ks-1-1-1m>${t}</ks-1-1-1m>`",
    "shadow root in a shadow root": "const s = root('x-y'); s.innerHTML = '<x-z></x-z>';"
    " s.firstChild.attachShadow({mode: 'open'}).innerHTML = `Access token <b>${t}</b>`",
    "slotted": "root('x-y').innerHTML = `${label}<slot name=a></slot>`;"
    " find('x-y').innerHTML = `<b slot=a>${t}</b>`",
    "a frame that was there": "frames[0].document.body.innerHTML = `${label}<b>${t}</b>`",
    "a frame that comes with it": "more('<iframe></iframe>');"
    " find('iframe').srcdoc = `${label}<b>${t}</b>`",
    "dialog": "more(`<dialog>${label}<b>${t}</b></dialog>`); find('dialog').showModal()",
    "hidden first": "more(`<div style='display: none'>Access token <b>${t}</b></div>`);"
    " setTimeout(() => { out.firstChild.style.display = 'block' }, 250)",
    "gone after a moment": "more(`${label}<b>${t}</b>`);"
    " setTimeout(() => out.replaceChildren(), 200)",
    "gone at once": "more(`${label}<b>${t}</b>`);"
    " requestAnimationFrame(() => out.replaceChildren())",
    "changed in place": "out.textContent = 'Access token: ' + '\\u2022'.repeat(40);"
    " setTimeout(() => { out.firstChild.data = 'Access token: ' + t }, 50)",
    "a new document": "document.open(); document.write(`${label}<b>${t}</b>`); document.close()",
}

_COPY = "document.execCommand('copy')"
_ELEMENT = "const a = document.createElement('{}'); a.value = a.textContent = t;"
_ON_COPY = (
    "addEventListener('copy', (e) => {{ const set = (kind, text) =>"
    " e.clipboardData.setData(kind, text); {}; e.preventDefault() }}, {{once: true}})"
)
COPIES = {
    "writeText": "navigator.clipboard.writeText(t)",
    "clipboard.write": "navigator.clipboard.write([new ClipboardItem("
    "{'text/plain': new Blob([t], {type: 'text/plain'})})])",
    "clipboard.write of a promise": "navigator.clipboard.write([new ClipboardItem("
    "{'text/plain': Promise.resolve(new Blob([t], {type: 'text/plain'}))})])",
    "execCommand from a textarea": _ELEMENT.format("textarea")
    + f"document.body.append(a); a.select(); {_COPY}; a.remove()",
    "execCommand from a field": _ELEMENT.format("input")
    + f"document.body.append(a); a.select(); {_COPY}; a.remove()",
    "execCommand from a selection": _ELEMENT.format("span")
    + f"document.body.append(a); getSelection().selectAllChildren(a); {_COPY}; a.remove()",
    "execCommand in a shadow root": _ELEMENT.format("textarea")
    + f"root('x-y').append(a); a.select(); {_COPY}; find('x-y').remove()",
    "a copy event": "document." + _ON_COPY.format("set('text/plain', t)") + f"; {_COPY}",
    "a copy event of two kinds": "document."
    + _ON_COPY.format("set('text/html', `<b>${t}</b>`); set('text/plain', t)")
    + f"; {_COPY}",
    "a copy event on the window": "window." + _ON_COPY.format("set('text', t)") + f"; {_COPY}",
}


class TestShown:
    """The answer is of no use; the page shows the token."""

    @pytest.mark.parametrize("reveal", REVEALS.values(), ids=REVEALS)
    def test_the_token_is_read_off_the_page_and_sealed(
        self, page: Page, capture: Capture, console: Console, kept: Kept, reveal: str
    ) -> None:
        """However it is put there; what stood there before is not it."""
        console.turned_round = True
        console.show(page, reveal, "<iframe srcdoc='<p>empty</p>'></iframe>")
        capture.arm(kept)
        click(capture, page)
        assert wait_until(page, lambda: agreed(capture) is not None, LONG_S)
        assert agreed(capture) == console.tokens[0]
        wait_until(page, has(capture, console.tokens[0][::-1], "answer"), LONG_S)
        assert agreed(capture) == console.tokens[0]
        assert kept.sightings == capture.sightings
        assert any(OLDER in each for each in texts(capture, "before"))
        assert not any(OLDER in each for each in texts(capture, "text", "field"))

    def test_a_field_s_words_come_with_it(
        self, page: Page, capture: Capture, console: Console, kept: Kept
    ) -> None:
        """Label, name, placeholder and accessible name say what it is."""
        console.turned_round = True
        console.show(page, "out.querySelector('input').value = t", "")
        page.evaluate(
            """out.innerHTML = `<label for=i1>Secret word</label><input id=i1 name=n1
            placeholder="Paste here" aria-label="Access token">`"""
        )
        capture.arm(kept)
        click(capture, page)
        assert wait_until(page, lambda: bool(texts(capture, "field")), LONG_S)
        (field,) = [each for each in capture.sightings if each.kind == "field"]
        assert field.text == console.tokens[0]
        for word in ("Secret word", "n1", "Paste here", "Access token", "i1"):
            assert word in field.label

    def test_what_nobody_can_see_is_not_shown(
        self, page: Page, capture: Capture, console: Console, kept: Kept
    ) -> None:
        """Scripts, templates and hidden boxes hold what they like."""
        hidden = secrets.token_hex(20)
        console.turned_round = True
        console.show(
            page,
            f"""more(`<template>{hidden}</template><script>/* {hidden} */<\\/script>
            <style>/* {hidden} */</style><noscript>{hidden}</noscript><p hidden>{hidden}</p>
            <p style="visibility: hidden">{hidden}</p><input type=hidden value={hidden}>`);
            more(`${{label}}<b>${{t}}</b>`)""",
        )
        capture.arm(kept)
        click(capture, page)
        assert wait_until(page, lambda: agreed(capture) is not None, LONG_S)
        assert not any(hidden in each.text for each in capture.sightings)

    def test_each_thing_is_reported_once_and_only_if_it_has_the_form(
        self, page: Page, capture: Capture, console: Console, kept: Kept
    ) -> None:
        """A clock that ticks and a list that grows make no sightings."""
        console.turned_round = True
        console.show(
            page,
            """more(`<p>Access token</p><b>${t}</b>`); let n = 0;
            const tick = setInterval(() => { more(`<p>tick ${n}</p>`);
              if ((n += 1) > 20) { clearInterval(tick); window.done = n } }, 5)""",
        )
        capture.arm(kept)
        click(capture, page)
        done(page)
        wait_until(page, lambda: agreed(capture) is not None, LONG_S)
        assert texts(capture, "text") == [console.tokens[0]]

    def test_a_page_left_for_another_is_watched_on(
        self, page: Page, capture: Capture, console: Console, kept: Kept
    ) -> None:
        """The token may be shown on the next page, without its own script asking for it."""
        token = secrets.token_hex(20)
        console.show(page, "location.href = '/elsewhere'")
        console.site.routes["/elsewhere"] = f"<p>Access token</p><b>{token}</b>"
        capture.arm(kept)
        click(capture, page)
        assert wait_until(page, has(capture, token, "text"), LONG_S)


class TestCopied:
    """What the page copies comes here and goes nowhere else."""

    @pytest.mark.parametrize("copy", COPIES.values(), ids=COPIES)
    def test_a_copy_is_caught_in_its_page_and_does_not_reach_the_clipboard(
        self, page: Page, capture: Capture, console: Console, kept: Kept, copy: str
    ) -> None:
        """All contexts of a browser share one clipboard. Disarmed, the page has its own again."""
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        console.turned_round = True
        console.show(page, f"window.copying = () => {{ {copy} }}; window.done = 1",
                     "<button id=copy onclick='copying()'></button>")  # fmt: skip
        page.evaluate("navigator.clipboard.writeText('as it was')")
        capture.arm(kept)
        click(capture, page)
        done(page)
        page.click("#copy", force=True)
        assert wait_until(page, has(capture, console.tokens[0], "copy"), LONG_S)
        assert set(texts(capture, "copy")) == {console.tokens[0]}
        assert agreed(capture) == console.tokens[0]
        assert page.evaluate("navigator.clipboard.readText()") == "as it was"
        capture.disarm()
        seen = len(capture.sightings)
        page.click("#copy", force=True)
        page.wait_for_function(
            "(t) => navigator.clipboard.readText().then((now) => now === t)", arg=console.tokens[0]
        )
        assert len(capture.sightings) == seen

    @pytest.mark.parametrize("handler", [True, False])
    def test_a_person_s_own_keys_are_caught_too(
        self, page: Page, capture: Capture, console: Console, kept: Kept, handler: bool
    ) -> None:
        """Ctrl-C runs the page's handlers one by one, unlike a script's copy."""
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        console.turned_round = True
        handle = (
            "document.addEventListener('copy', (e) => { e.clipboardData.setData('text/plain', t);"
            " e.preventDefault() }); getSelection().selectAllChildren(document.querySelector('h1'))"
            if handler
            else "more('<b>' + t); getSelection().selectAllChildren(out)"
        )
        console.show(page, handle + "; window.done = 1")
        page.evaluate("navigator.clipboard.writeText('as it was')")
        capture.arm(kept)
        click(capture, page)
        done(page)
        page.keyboard.press("ControlOrMeta+c")
        assert wait_until(page, lambda: bool(texts(capture, "copy")), LONG_S)
        assert texts(capture, "copy") == [console.tokens[0]]
        assert page.evaluate("navigator.clipboard.readText()") == "as it was"

    def test_a_copy_is_sealed_before_the_page_knows(
        self, page: Page, capture: Capture, console: Console, kept: Kept
    ) -> None:
        """The page may leave as soon as it believes that it was copied."""
        console.turned_round = True
        console.show(page, "navigator.clipboard.writeText(t).then(() => { location.href ="
                           " '/elsewhere' })")  # fmt: skip
        capture.arm(kept)
        click(capture, page)
        page.wait_for_url("**/elsewhere")
        assert texts(capture, "copy") == [console.tokens[0]]
        assert kept.sightings == capture.sightings

    def test_another_page_s_copies_do_not_arrive(
        self, page: Page, capture: Capture, console: Console, kept: Kept
    ) -> None:
        """Not even from a page of the same context that is being captured itself."""
        console.turned_round = True
        copying = "navigator.clipboard.writeText(t).then(() => { window.done = t })"
        other = page.context.new_page()
        other_capture, other_kept = Capture(other), Kept()
        console.show(page, copying)
        console.show(other, copying)
        capture.arm(kept)
        other_capture.arm(other_kept)
        click(other_capture, other)
        theirs = done(other)
        assert texts(capture, "copy", "text", "answer") == []
        click(capture, page)
        mine = done(page)
        assert mine != theirs
        assert texts(capture, "copy") == [mine]
        assert texts(other_capture, "copy") == [theirs]
        assert not any(theirs.encode() in each for each in kept)
        assert not any(mine.encode() in each for each in other_kept)
        other_capture.disarm()

    def test_a_copy_that_is_no_text_is_no_sighting(
        self, page: Page, capture: Capture, console: Console, kept: Kept
    ) -> None:
        """An empty one neither."""
        console.turned_round = True
        console.show(
            page,
            "const png = new Blob([t], {type: 'image/png'});"
            "navigator.clipboard.write([new ClipboardItem({'image/png': png})]).then(() => {"
            " getSelection().removeAllRanges(); document.execCommand('copy'); window.done = 1 })",
        )
        capture.arm(kept)
        click(capture, page)
        done(page)
        wait_until(page, lambda: capture.answered, LONG_S)
        assert texts(capture, "copy") == []


def agreed(capture: Capture) -> str | None:
    """Return what evidence makes of everything seen."""
    agreement = agree(capture.sightings, lambda text: text in (PIXEL, ACCOUNT))
    return None if agreement is None else agreement.token.reveal()


READ = "window.got = []; const take = (r) => r.text().then((x) => got.push(x));"
"""For pages that send more than one request and keep what each was answered."""


class TestOnce:
    """The console is asked at most once, whatever the page sends."""

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ("json({p: 1})", "json({p: 1})"),
            ("json({p: 1, ts: 1, nonce: 'a'})", "json({p: 1, ts: 2, nonce: 'b'})"),
            ("json({p: 1, requestTime: 1})", "json({requestTime: 2, p: 1})"),
            ("json({d: [{p: 1, ts: 1}]})", "json({d: [{p: 1, ts: 2}]})"),
            ("new URLSearchParams({p: 1, time: 1})", "new URLSearchParams({p: 1, time: 2})"),
            ("form({p: 1})", "form({p: 1})"),
            ("undefined", "undefined"),
            ("new Uint8Array([1, 255, 2])", "new Uint8Array([1, 255, 2])"),
            ("'{broken'", "'{broken'"),
        ],
    )  # fmt: skip
    def test_a_request_sent_twice_goes_out_once_and_both_get_the_answer(
        self, page: Page, capture: Capture, console: Console, kept: Kept, first: str, second: str
    ) -> None:
        """Times, nonces and the order of names make no other request of it."""
        ask = f"""{READ} const form = (o) => {{ const f = new FormData();
          for (const k in o) f.append(k, o[k]); return f }};
          const send = (body) => fetch('/token?n=' + (body ? Math.random() : ''),
                                       {{method: 'POST', body}}).then(take);
          go.onclick = () => Promise.all([send({first}), send({second})]).then(
            () => {{ window.done = 1 }})"""
        console.show(page, "", f"<script>addEventListener('load', () => {{ {ask} }})</script>")
        capture.arm(kept)
        click(capture, page)
        done(page)
        assert len(console.tokens) == 1
        answers = page.evaluate("got")
        assert len(answers) == 2
        assert answers[0] == answers[1]
        assert console.tokens[0] in answers[0]

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ("json({p: 1})", "json({p: 2})"),
            ("json({d: [{p: 1}]})", "json({d: [{p: 2}]})"),
            ("new URLSearchParams({p: 1})", "new URLSearchParams({p: 2})"),
            ("new URLSearchParams({p: ''})", "new URLSearchParams({q: ''})"),
            ("new Uint8Array([1, 255, 2])", "new Uint8Array([1, 254, 2])"),
            ("'{broken'", "'{broken}'"),
            ("json({query: 'query A { a }'})", "json({query: 'query A { a }'})"),
            ("json({query: ' { a }'})", "json({query: ' { a }'})"),
        ],
    )  # fmt: skip
    def test_requests_that_differ_and_those_that_only_read_all_go_out(
        self, page: Page, capture: Capture, console: Console, kept: Kept, first: str, second: str
    ) -> None:
        """A GraphQL query is sent by POST and may well be asked again."""
        ask = f"""const send = (body) => fetch('/token', {{method: 'POST', body}});
          go.onclick = () => send({first}).then(() => send({second})).then(
            () => {{ window.done = 1 }})"""
        console.show(page, "", f"<script>addEventListener('load', () => {{ {ask} }})</script>")
        capture.arm(kept)
        click(capture, page)
        done(page)
        assert len(console.tokens) == 2

    def test_a_graphql_mutation_goes_out_once(
        self, page: Page, capture: Capture, console: Console, kept: Kept
    ) -> None:
        """Unlike a query, however it begins."""
        ask = f"""{READ} const send = () => fetch('/token', {{method: 'POST', body: JSON.stringify(
          {{query: 'mutation query {{ generate }}'}})}}).then(take);
          go.onclick = () => send().then(send).then(() => {{ window.done = 1 }})"""
        console.show(page, "", f"<script>addEventListener('load', () => {{ {ask} }})</script>")
        capture.arm(kept)
        click(capture, page)
        done(page)
        assert len(console.tokens) == 1
        assert page.evaluate("got[0] === got[1] && got.length === 2")

    def test_polling_by_get_goes_on(
        self, page: Page, capture: Capture, console: Console, kept: Kept
    ) -> None:
        """What was asked before the click and is asked again is no effect of it either."""
        poll = """window.got = 0; go.onclick = null; const poll = () =>
          fetch('/got?n=' + got).then(() => { got += 1;
            if (got === 5) window.done = 1; else setTimeout(poll, 20) });
          fetch('/got').then(() => { go.onclick = poll })"""
        console.show(page, "", f"<script>addEventListener('load', () => {{ {poll} }})</script>")
        page.wait_for_function("!!go.onclick")
        capture.arm(kept)
        click(capture, page)
        done(page)
        polls = [each for each in console.site.seen if each.path.startswith("/got?")]
        assert len(polls) == 5
        assert capture.asked == []
        assert not capture.answered

    def test_what_a_page_asks_between_two_clicks_is_no_effect_of_the_second(
        self, page: Page, capture: Capture, console: Console, kept: Kept
    ) -> None:
        """The page of a next pixel reads on its own; the same reading later means nothing."""
        console.show(page, "")
        capture.arm(kept)
        capture.clicking()
        capture.disarm()
        page.evaluate("fetch('/got')")
        until(lambda: console.site.asked("/got"))
        page.title()
        capture.arm(kept)
        capture.clicking()
        page.evaluate("fetch('/got').then((r) => r.text())")
        until(lambda: len(console.site.asked("/got")) == 2)
        page.title()
        assert capture.asked == []

    @pytest.mark.parametrize("times", [1, 2])
    def test_a_connection_dropped_after_issuing_was_asked_once(
        self, page: Page, capture: Capture, console: Console, kept: Kept, times: int
    ) -> None:
        """Chromium would repeat it by itself; the page may, and is told the same again."""

        def drop(_request: Request) -> Answer | None:
            console.tokens.append("issued")
            return None

        console.site.routes["/token"] = drop
        ask = f"""window.failed = 0;
          const send = () => post({{p: 1}}).catch(() => {{ failed += 1 }});
          const all = () => Promise.all(Array.from({{length: {times}}}, send));
          go.onclick = () => fetch('/got').then(all).then(() => {{ window.done = failed }})"""
        console.show(page, "", f"<script>addEventListener('load', () => {{ {ask} }})</script>")
        capture.arm(kept)
        click(capture, page)
        assert done(page) == str(times)
        assert console.tokens == ["issued"]
        where = f"POST {console.site.url.partition('//')[2]}/token"
        assert [each.where for each in capture.dropped] == [where]
        assert capture.dropped[0].reason
        assert where in capture.asked
        assert agreed(capture) is None

    def test_letting_go_lets_no_repeat_out(
        self, page: Page, capture: Capture, console: Console, kept: Kept
    ) -> None:
        """A first request that is never answered, a second that waits for it, and the end."""
        asked, answer_now = threading.Event(), threading.Event()

        def wait() -> None:
            asked.set()
            answer_now.wait(LONG_S)

        console.during = wait
        ask = """window.ended = []; const send = (name) => post({p: 1}).then(
          () => ended.push(name), () => ended.push(name + ' failed'));
          go.onclick = () => { send('first'); send('second') }"""
        console.show(page, "", f"<script>addEventListener('load', () => {{ {ask} }})</script>")
        capture.arm(kept)
        click(capture, page)
        assert wait_until(page, lambda: asked.is_set() and held(capture) == 1, LONG_S)
        capture.disarm()
        page.wait_for_function("ended.length === 1")
        answer_now.set()
        page.wait_for_function("ended.length === 2")
        assert page.evaluate("ended") == ["second failed", "first"]
        assert len(console.tokens) == 1

    @pytest.mark.parametrize("to", ["/token2", "/token"])
    def test_a_redirected_request_reaches_its_end(
        self, page: Page, capture: Capture, console: Console, kept: Kept, to: str
    ) -> None:
        """Sent on by 307, to elsewhere or, once a cookie is set, to the same address."""

        def send_on(request: Request) -> Answer:
            if "sent=on" in request.headers.get("Cookie", ""):
                return console.issue(request)
            headers = {"Location": to, "Set-Cookie": "sent=on; Path=/"}
            return Answer(status=307, headers=headers)

        console.site.routes |= {"/token": send_on, "/token2": console.issue}
        console.show(page, "window.done = t")
        capture.arm(kept)
        click(capture, page)
        assert done(page) == console.tokens[0]
        assert len(console.tokens) == 1
        assert agreed(capture) == console.tokens[0]

    def test_what_was_sent_before_the_click_does_not_count(
        self, page: Page, capture: Capture, console: Console, kept: Kept
    ) -> None:
        """Neither as the first of two, nor as an answer to the click."""
        console.show(page, "window.done = t")
        capture.arm(kept)
        page.evaluate(f"post({{pixel: '{PIXEL}'}}).then((r) => r.text())")
        assert wait_until(page, has(capture, console.tokens[0], "before"), LONG_S)
        assert not capture.answered
        click(capture, page)
        assert done(page) == console.tokens[1]
        assert capture.answered
        assert agreed(capture) == console.tokens[1]


def held(capture: Capture) -> int:
    """Return how many repeats wait for the answer of the first."""
    return sum(len(each) for each in capture._repeats.values())


class TestAnswers:
    """What kinds of answer there are."""

    @pytest.mark.parametrize("status", [200, 201, 204, 404, 429, 500])
    def test_any_status_is_seen_and_given_to_the_page(
        self, page: Page, capture: Capture, console: Console, kept: Kept, status: int
    ) -> None:
        """With or without a body."""
        body = b"" if status == 204 else b'{"message": "it says"}'
        console.site.routes["/token"] = Answer(body, status, "application/json")
        show_answer(console, page, "r.text().then((x) => { window.done = r.status + x })")
        capture.arm(kept)
        click(capture, page)
        assert done(page) == str(status) + body.decode()
        wait_until(page, lambda: capture.answered, LONG_S)
        seen = [each for each in capture.sightings if each.kind == "answer"]
        assert [(each.status, each.text) for each in seen] == [(status, body.decode())]
        assert seen[0].where == f"POST {console.site.url.partition('//')[2]}/token"

    @pytest.mark.parametrize(
        "body",
        [bytes(range(256)), b"\xff\xfe" + "täken".encode("utf-16-le"), "täken".encode("latin-1")],
    )
    def test_binary_answers_reach_the_page_exactly_and_the_escrow_readably(
        self, page: Page, capture: Capture, console: Console, kept: Kept, body: bytes
    ) -> None:
        """Whatever their kind says."""
        console.site.routes["/token"] = Answer(body, kind="application/octet-stream")
        show_answer(console, page, "r.arrayBuffer().then((x) => { window.done = "
                                   "Array.from(new Uint8Array(x)).join() })")  # fmt: skip
        capture.arm(kept)
        click(capture, page)
        assert done(page) == ",".join(str(each) for each in body)
        assert texts(capture, "answer") == [body.decode("utf-8", "replace")]

    def test_of_a_huge_answer_the_first_eight_mebibytes_are_sealed(
        self, page: Page, capture: Capture, console: Console, kept: Kept
    ) -> None:
        """The page gets all of it."""
        console.site.routes["/token"] = Answer(b"x" * (9 << 20), kind="text/plain")
        show_answer(console, page, "r.text().then((x) => { window.done = x.length })")
        capture.arm(kept)
        click(capture, page)
        assert done(page) == str(9 << 20)
        assert [len(each) for each in texts(capture, "answer")] == [8 << 20]

    def test_a_compressed_answer_is_read_and_repeated_in_clear(
        self, page: Page, capture: Capture, console: Console, kept: Kept
    ) -> None:
        """Both sendings can read it."""
        body = json.dumps({"data": {"token": OLDER[::-1]}}).encode()
        console.site.routes["/token"] = Answer(
            gzip.compress(body), kind="application/json", headers={"Content-Encoding": "gzip"}
        )
        show_answer(console, page, "r.text().then((x) => post({pixel: 1}).then((s) => s.text())"
                                   ".then((y) => { window.done = x + y }))")  # fmt: skip
        capture.arm(kept)
        click(capture, page)
        assert done(page) == body.decode() * 2
        assert texts(capture, "answer") == [body.decode()]
        assert len(console.site.asked("/token")) == 1

    def test_a_redirect_is_followed_and_its_end_is_seen(
        self, page: Page, capture: Capture, console: Console, kept: Kept
    ) -> None:
        """302 after a POST leads to a GET; the redirect itself has no body to seal."""
        console.site.routes["/token"] = Answer(status=302, headers={"Location": "/end"})
        console.site.routes["/end"] = Answer(b'{"token": "at the end"}')
        show_answer(console, page, "r.text().then((x) => { window.done = x })")
        capture.arm(kept)
        click(capture, page)
        assert done(page) == '{"token": "at the end"}'
        assert texts(capture, "answer") == ['{"token": "at the end"}']
        assert capture.answered

    def test_an_answer_by_xhr_is_held_like_any(
        self, page: Page, capture: Capture, console: Console, kept: Kept
    ) -> None:
        """XMLHttpRequest, synchronous too."""
        ask = """go.onclick = () => { const x = new XMLHttpRequest();
          x.open('POST', '/token', false);
          x.send('{}'); window.done = JSON.parse(x.responseText).data.token }"""
        console.show(page, "", f"<script>addEventListener('load', () => {{ {ask} }})</script>")
        capture.arm(kept)
        click(capture, page)
        assert done(page) == console.tokens[0]
        assert agreed(capture) == console.tokens[0]

    def test_a_stream_of_events_is_not_held_for_its_end(
        self, page: Page, capture: Capture, console: Console, kept: Kept
    ) -> None:
        """It has none: the page reads its first event while armed."""
        with Stream() as stream:
            ask = f"""go.onclick = async () => {{ const r = await fetch('{stream.url}');
              const first = await r.body.getReader().read();
              window.done = new TextDecoder().decode(first.value) }}"""
            console.show(page, "", f"<script>addEventListener('load', () => {{ {ask} }})</script>")
            capture.arm(kept)
            click(capture, page)
            assert done(page) == "data: one\n\n"
            page.goto("about:blank")

    def test_a_socket_s_messages_are_seen_after_the_click_and_its_sending_is_an_effect(
        self, page: Page, capture: Capture, console: Console, kept: Kept
    ) -> None:
        """Text and bytes; what came before the click is not."""
        with Socket() as talk:
            ask = f"""const s = new WebSocket('{talk.url}'); s.binaryType = 'arraybuffer';
              window.n = 0; s.onmessage = () => {{ n += 1 }}; go.onclick = () => s.send('go')"""
            console.show(page, "", f"<script>addEventListener('load', () => {{ {ask} }})</script>")
            page.wait_for_function("n === 1")
            capture.arm(kept)
            assert texts(capture, "socket") == []
            click(capture, page)
            page.wait_for_function("n === 3")
            assert wait_until(page, lambda: len(texts(capture, "socket")) == 2, LONG_S)
            assert texts(capture, "socket") == [
                '{"token": "as text"}',
                '{"token": "as bytes\ufffd"}',
            ]
            where = f"SOCKET {talk.url.partition('//')[2]}/"
            assert {each.where for each in capture.sightings if each.kind == "socket"} == {where}
            assert capture.asked == [where]
            assert kept.sightings == capture.sightings
            page.goto("about:blank")

    def test_a_socket_that_was_busy_before_the_click_is_no_effect_of_it(
        self, page: Page, capture: Capture, console: Console, kept: Kept
    ) -> None:
        """A heartbeat goes on as before."""
        with Socket() as talk:
            ask = f"""const s = new WebSocket('{talk.url}'); window.n = 0;
              s.onmessage = () => {{ n += 1; if (n === 1) s.send('beat') }};
              go.onclick = () => {{ s.send('beat'); window.done = 1 }}"""
            console.show(page, "", f"<script>addEventListener('load', () => {{ {ask} }})</script>")
            page.wait_for_function("n === 3")
            capture.arm(kept)
            click(capture, page)
            done(page)
            assert wait_until(page, lambda: len(texts(capture, "socket")) == 2, LONG_S)
            assert capture.asked == []
            page.goto("about:blank")

    def test_beacons_and_images_are_no_effect_of_a_click(
        self, page: Page, capture: Capture, console: Console, kept: Kept
    ) -> None:
        """They tell somebody of it; the console was not asked. A request to a new address was."""
        ask = """go.onclick = () => { navigator.sendBeacon('/beacon', 'clicked');
          const i = new Image(); i.onerror = () => { window.done = 1 }; i.src = '/image' }"""
        console.show(page, "", f"<script>addEventListener('load', () => {{ {ask} }})</script>")
        capture.arm(kept)
        click(capture, page)
        done(page)
        until(lambda: console.site.asked("/beacon"))
        assert capture.asked == []
        page.evaluate("fetch('/got')")
        assert capture.asked == [f"GET {console.site.url.partition('//')[2]}/got"]

    @pytest.mark.parametrize(
        ("way", "left"),
        [
            ("history.pushState({}, '', '/somewhere')", False),
            ("location.hash = 'here'", False),
            ("more('<iframe src=/elsewhere></iframe>')", False),
            ("location.href = '/elsewhere'", True),
            ("location.reload()", True),
        ],
    )
    def test_a_page_has_left_only_when_its_document_is_another(
        self, page: Page, capture: Capture, console: Console, kept: Kept, way: str, left: bool
    ) -> None:
        """A change of address alone is what such consoles do all the time."""
        console.show(page, way)
        capture.arm(kept)
        click(capture, page)
        wait_until(page, lambda: capture.answered, LONG_S)
        if left:
            assert wait_until(page, lambda: capture.left, LONG_S)
        else:
            page.evaluate("fetch('/elsewhere')")
            assert not capture.left


def show_answer(console: Console, page: Page, read: str) -> None:
    """Open a page that sends one POST and does this with the answer, called `r`."""
    ask = f"go.onclick = () => post({{pixel: 1}}).then((r) => {read})"
    console.show(page, "", f"<script>addEventListener('load', () => {{ {ask} }})</script>")


class Stream:
    """A server for one conversation at a time, in a thread."""

    scheme = "http"

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"{self.scheme}://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> "Stream":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with connection, contextlib.suppress(OSError):
                    connection.settimeout(LONG_S)
                    self.talk(connection, connection.recv(65536))

    def talk(self, connection: socket.socket, _request: bytes) -> None:
        """Send one event, and then nothing until the other side goes."""
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Type: Text/Event-Stream; charset=utf-8\r\n"
            b"Access-Control-Allow-Origin: *\r\nConnection: close\r\n\r\ndata: one\n\n"
        )
        connection.recv(1)


class Socket(Stream):
    """A WebSocket server that greets, and answers what it is sent by text and by bytes."""

    scheme = "ws"

    def talk(self, connection: socket.socket, request: bytes) -> None:
        """Shake hands, and answer until the other side goes."""
        found = re.search(rb"Sec-WebSocket-Key: (\S+)", request)
        assert found is not None
        magic = found[1] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(magic, usedforsecurity=False).digest())
        connection.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n" + frame(1, b"hello")
        )
        while (sent := connection.recv(4096)) and sent[0] & 15 == 1:
            connection.sendall(frame(1, b'{"token": "as text"}'))
            connection.sendall(frame(2, b'{"token": "as bytes\xff"}'))


def frame(kind: int, body: bytes) -> bytes:
    """Return one unmasked WebSocket frame."""
    return struct.pack("!BB", 0x80 | kind, len(body)) + body


class TestArming:
    """From arm to disarm, and nothing outside of it."""

    def test_nothing_is_caught_before_and_after(
        self, page: Page, capture: Capture, console: Console, kept: Kept
    ) -> None:
        """Neither answers nor texts nor copies nor sockets; the page works as ever."""
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        with Socket() as talk:
            ask = f"""const s = new WebSocket('{talk.url}'); window.n = 0;
              s.onmessage = () => {{ n += 1 }}; window.all = async () => {{ s.send('go');
              const t = (await (await post({{p: 1}})).json()).data.token;
              more(`Access token <b>${{t}}</b>`);
              await navigator.clipboard.writeText(t); return t }}"""
            console.show(page, "", f"<script>addEventListener('load', () => {{ {ask} }})</script>")
            page.wait_for_function("n === 1")
            assert page.evaluate("all()") == console.tokens[0]
            assert capture.sightings == []
            capture.arm(kept)
            before = texts(capture, "before")
            assert len(before) == 1
            assert console.tokens[0] in before[0]
            capture.disarm()
            seen = len(kept)
            assert page.evaluate("all()") == console.tokens[1]
            page.wait_for_function("n === 5")
            page.wait_for_function("new Promise((r) => setTimeout(() => r(true), 250))")
            assert len(kept) == len(capture.sightings) == seen == 1
            assert page.evaluate("navigator.clipboard.readText()") == console.tokens[1]
            page.goto("about:blank")

    def test_armed_again_it_begins_anew(
        self, page: Page, capture: Capture, console: Console, kept: Kept
    ) -> None:
        """Two pixels one after the other share nothing; the first one's token is known then."""
        console.show(page, "more(`Access token <b>${t}</b>`)")
        for number in range(2):
            capture.arm(kept)
            assert capture.asked == []
            assert capture.dropped == []
            assert (capture.answered, capture.left, capture.trouble) == (False, False, None)
            click(capture, page)
            assert wait_until(page, lambda: agreed(capture) is not None, LONG_S)
            assert agreed(capture) == console.tokens[number]
            capture.disarm()

    def test_text_that_stands_there_is_before_and_hidden_text_is_not(
        self, page: Page, capture: Capture, console: Console, kept: Kept
    ) -> None:
        """In frames too; what is unhidden by the click is news."""
        hidden, framed = secrets.token_hex(20), secrets.token_hex(20)
        console.show(
            page,
            "document.getElementById('h').hidden = false",
            f"<p id=h hidden>{hidden}</p><iframe srcdoc='<p>{framed}</p>'></iframe>",
        )
        page.frame_locator("iframe").get_by_text(framed).wait_for()
        capture.arm(kept)
        (before,) = texts(capture, "before")
        assert OLDER in before
        assert framed in before
        assert hidden not in before
        click(capture, page)
        assert wait_until(page, has(capture, hidden, "text"), LONG_S)

    def test_what_appears_between_arming_and_the_click_was_there_before(
        self, page: Page, capture: Capture, console: Console, kept: Kept
    ) -> None:
        """A page may still be drawing itself."""
        late = secrets.token_hex(20)
        console.show(page, "")
        capture.arm(kept)
        page.evaluate(f"more('<p>Access token</p><b>{late}</b>')")
        assert wait_until(page, has(capture, late, "before"), LONG_S)
        click(capture, page)
        assert wait_until(page, lambda: capture.answered, LONG_S)
        assert agreed(capture) == console.tokens[0]

    def test_disarming_twice_or_never_armed_is_no_trouble(
        self, page: Page, capture: Capture, console: Console, kept: Kept
    ) -> None:
        """`finally` may come to it at any time."""
        capture.disarm()
        console.show(page, "window.done = t")
        capture.arm(kept)
        capture.disarm()
        capture.disarm()
        page.click("#go")
        assert done(page) == console.tokens[0]
        assert texts(capture, "answer") == []

    @pytest.mark.parametrize("end", ["page", "context", "browser", "process"])
    def test_disarming_what_is_gone_is_no_trouble(
        self, choice: Choice, site: Site, kept: Kept, end: str
    ) -> None:
        """With an answer held, a closed page, context or browser, or a killed one."""
        held_up = threading.Event()
        console = Console(site)
        console.during = held_up.set
        with Lane(choice, patience_s=10) as lane:
            page = lane.open()
            capture = Capture(page, lane.relay)
            console.show(page, "")
            capture.arm(kept)
            click(capture, page)
            until(held_up.is_set)
            if end == "page":
                page.close()
            elif end == "context":
                lane.context.close()
            elif end == "browser":
                assert lane.context.browser is not None
                lane.context.browser.close()
            else:
                kill_browsers(lane)
            capture.disarm()
            capture.disarm()

    def test_arming_and_letting_go_ask_the_console_nothing(
        self, page: Page, capture: Capture, console: Console, kept: Kept
    ) -> None:
        """No request beside those the page makes by itself."""
        console.show(page, "")
        capture.arm(kept)
        capture.disarm()
        assert {each.path for each in console.site.seen} <= {"/", "/favicon.ico"}
        assert len(console.site.asked("/")) == 1

    def test_a_capture_without_a_relay_works(
        self, page: Page, console: Console, kept: Kept
    ) -> None:
        """As with a remote browser."""
        capture = Capture(page)
        console.show(page, "window.done = t")
        capture.arm(kept)
        click(capture, page)
        assert done(page) == console.tokens[0]
        assert agreed(capture) == console.tokens[0]
        capture.disarm()


def kill_browsers(lane: Lane) -> None:
    """Kill the browser's main process."""
    browser = lane.context.browser
    assert browser is not None
    info = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")
    (pid,) = [each["id"] for each in info["processInfo"] if each["type"] == "browser"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: not lane.alive)


class TestSeveralAtOnce:
    """One browser, one clipboard, four accounts."""

    def test_of_a_hundred_copies_none_arrives_under_another_s_name(
        self, choice: Choice, tmp_path: Path
    ) -> None:
        """Four threads, each a context of the same browser; the token is copied and not shown."""
        with shared_browser(choice, tmp_path) as address:
            wrong: dict[int, list[str]] = {}
            threads = [
                threading.Thread(target=copy_many, args=(address, number, wrong))
                for number in range(4)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert wrong == {number: [] for number in range(4)}


def copy_many(address: str, number: int, wrong: dict[int, list[str]]) -> None:
    """Generate ten times as one account; note every token that is not the one issued."""
    site = Site()
    console = Console(site)
    console.turned_round = True
    found: list[str] = []
    ways = list(COPIES.values())[number::4]
    try:
        with Lane(find_browser(address), patience_s=60) as lane:
            page = lane.open()
            capture = Capture(page)
            copying = ", ".join(f"() => {{ {each} }}" for each in ways)
            button = "<button id=copy onclick='copying[n % copying.length]()'></button>"
            console.show(page, f"window.t = t; window.copying = [{copying}]", button)
            for turn in range(25):
                page.evaluate(f"window.copying = null; window.n = {turn}")
                capture.arm(lambda _sealed: None)
                click(capture, page)
                page.wait_for_function("window.copying")
                page.click("#copy", force=True)
                wait_until(page, lambda: bool(texts(capture, "copy")), 60)
                if agreed(capture) != console.tokens[turn]:
                    found.append(f"{turn}: {agreed(capture)}, {texts(capture, 'copy')}")
                capture.disarm()
        wrong[number] = found
    finally:
        site.close()


@contextlib.contextmanager
def shared_browser(choice: Choice, folder: Path) -> Iterator[str]:
    """Start a browser that several programs may use; yield its address for PIXELMINT_BROWSER."""
    browser = subprocess.Popen(
        [choice.value, "--headless", "--remote-debugging-port=0", f"--user-data-dir={folder}",
         *(["--no-sandbox"] if os.geteuid() == 0 else []), "about:blank"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        port = folder / "DevToolsActivePort"
        until(lambda: port.exists() and "\n" in port.read_text())
        yield f"cdp+http://127.0.0.1:{port.read_text().splitlines()[0]}"
    finally:
        os.killpg(browser.pid, signal.SIGKILL)
        browser.wait()

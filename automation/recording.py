"""A live page as one self-contained, redacted HTML file that runs nothing and loads nothing.

Taken in memory (`take`), read by the redactor (`learn_from`), written out and proven
(`write_page`): only what that returns is fit for a disk. Scripts, handlers and foreign addresses
stay away; open shadow roots become declarative ones, frames documents of their own, values and
ticks attributes. Not kept: scroll positions, closed shadow roots, pictures, drawn canvases.
"""

import html
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import CDPSession, ElementHandle, Frame, JSHandle, Page
from playwright.sync_api import Error as BrowserError

from automation.browser import step
from automation.recording_proof import prove, prove_inert
from automation.recording_redact import IDENTIFIERS, UNSPOKEN, Redactor

_SCRIPT = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
_INDEX = "(kept, frame) => kept.frames.indexOf(frame)"
_VOID = frozenset("area br col embed hr img input wbr".split())
_STILL = (
    "*,::before,::after{animation-duration:0s!important;animation-delay:0s!important;"
    "transition:none!important}"
)
"""So that what moved has arrived when the file is opened."""

Mark = tuple[ElementHandle, str]


@dataclass(frozen=True)
class Snapshot:
    """One document as data, not redacted: for memory only."""

    root: dict[str, Any] = field(repr=False)
    title: str = field(repr=False)
    language: str
    """What its html element says, or empty."""
    quirks: bool
    traits: frozenset[str] = field(repr=False)
    """Signs of how it is built: custom elements' tags, "react", "vue", ".xx" of class names."""
    frames: tuple["Snapshot | None", ...] = field(default=(), repr=False)


@step("taking the page down")
def take(page: Page, marks: Sequence[Mark] = ()) -> Snapshot:
    """Take a page down as it is now.

    Args:
        page: any open page; nothing on it is touched.
        marks: elements that lead on, each with the name of where to; kept as `data-leads`.

    Raises:
        PageChanged: the page went away meanwhile.
    """
    taken = _take(page.main_frame, marks, {})
    if taken[1]:
        taken = _take(page.main_frame, marks, _foreign_sheets(page))
    return taken[0]


def learn_from(snapshot: Snapshot, redactor: Redactor) -> None:
    """Let a redactor read everything a snapshot says."""
    redactor.learn(snapshot.title)
    for element in _elements(snapshot.root):
        for name, value in element["a"]:
            if name != "src":  # our own blank picture
                redactor.learn(value, identifier=name in UNSPOKEN)
        for each in element["c"]:
            if isinstance(each, str) and element["t"] != "style":
                redactor.learn(each)
        for pieces in _split(element):
            redactor.learn_pieces(pieces)
    for inner in snapshot.frames:
        if inner is not None:
            learn_from(inner, redactor)


def write_page(
    snapshot: Snapshot, redactor: Redactor, counts: dict[str, int], *, head: str = ""
) -> bytes:
    """Return a snapshot as an HTML file, redacted and proven.

    Args:
        snapshot: as `take` returned it.
        redactor: has read this snapshot and all that belong to it.
        counts: how often each kind was replaced; added to.
        head: elements to put first into the file's head.

    Raises:
        NotRedacted: something of the session would have remained.
    """
    data = _Writer(redactor, counts).document(snapshot, head).encode("utf-8", "replace")
    prove(data, redactor.originals(), "recording")
    prove_inert(data, "recording")
    return data


# ------------------------------------------------------------------------------------- taking


def _take(
    frame: Frame, marks: Sequence[Mark], sheets: dict[str, str]
) -> tuple[Snapshot, list[str]]:
    """Return a frame's document, and the style sheets that could not be read."""
    mine = [[each, word] for each, word in marks if each.owner_frame() == frame]
    kept = frame.evaluate_handle(_SCRIPT, {"sheets": sheets, "marks": mine})
    try:
        told = json.loads(kept.evaluate("kept => kept.data"))
        unread: list[str] = told["unread"]
        inner: list[Snapshot | None] = [None] * kept.evaluate("kept => kept.frames.length")
        for child in frame.child_frames:
            at = _place_of(child, kept)
            if at >= 0:
                inner[at], more = _take(child, marks, sheets)
                unread += more
    finally:
        kept.dispose()
    snapshot = Snapshot(
        told["html"], told["title"], told["language"], told["quirks"],
        frozenset(told["traits"]), tuple(inner),
    )  # fmt: skip
    return snapshot, unread


def _place_of(child: Frame, kept: JSHandle) -> int:
    try:
        return int(kept.evaluate(_INDEX, child.frame_element()))
    except BrowserError:
        return -1  # it left meanwhile


def _foreign_sheets(page: Page) -> dict[str, str]:
    """Return the texts of the style sheets that come from other origins, by address."""
    session = page.context.new_cdp_session(page)
    ids: dict[str, str] = {}
    session.on("CSS.styleSheetAdded", lambda event: _note(event["header"], ids))
    try:
        session.send("DOM.enable")
        session.send("CSS.enable")
        return {address: _sheet(session, number) for address, number in ids.items()}
    finally:
        session.detach()


def _note(header: dict[str, Any], ids: dict[str, str]) -> None:
    if header.get("sourceURL"):
        ids[header["sourceURL"]] = header["styleSheetId"]


def _sheet(session: CDPSession, number: str) -> str:
    try:
        return str(session.send("CSS.getStyleSheetText", {"styleSheetId": number})["text"])
    except BrowserError:
        return ""  # the page has taken it away


# ------------------------------------------------------------------------------------ reading


def _elements(element: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield element
    for child in (*element.get("s", ()), *element["c"]):
        if isinstance(child, dict):
            yield from _elements(child)


def _split(element: dict[str, Any]) -> Iterator[list[str]]:
    """Give the texts of neighbouring children that hold nothing but a short text each."""
    pieces: list[str] = []
    for child in (*element["c"], ""):
        only = child["c"][0] if isinstance(child, dict) and len(child["c"]) == 1 else child
        piece = only.strip() if isinstance(only, str) else ""
        if piece and " " not in piece:
            pieces.append(piece)
            continue
        if isinstance(child, str) and not child.strip() and child:
            continue  # white space between elements
        if len(pieces) > 1:
            yield pieces
        pieces = []


# ------------------------------------------------------------------------------------ writing


class _Writer:
    """Writes documents with everything replaced."""

    def __init__(self, redactor: Redactor, counts: dict[str, int]) -> None:
        self._redactor, self._counts = redactor, counts

    def document(self, snapshot: Snapshot, head: str = "") -> str:
        """Write one document; its frames become documents within attributes."""
        texts: list[tuple[list[Any], int]] = []
        root = self._clean(snapshot.root, snapshot.frames, texts)
        pieces = [children[at] for children, at in texts]
        whole = self._redactor.across(pieces, self._counts)
        for (children, at), text in zip(texts, whole, strict=True):
            children[at] = text
        title = html.escape(self._redacted(snapshot.title), quote=False)
        first = (
            f'<meta charset="utf-8">{head}<title>{title}</title>'
            f'<link rel="icon" href="data:,"><style>{_STILL}</style>'
        )
        doctype = "" if snapshot.quirks else "<!doctype html>\n"
        return doctype + _written(root, first) + "\n"

    def _redacted(self, text: str, *, spoken: bool = True) -> str:
        return self._redactor.text(text, self._counts, spoken=spoken)

    def _clean(
        self,
        element: dict[str, Any],
        frames: Sequence[Snapshot | None],
        texts: list[tuple[list[Any], int]],
    ) -> dict[str, Any]:
        """Return a copy with everything replaced; `texts` is told where its texts stand."""
        style = element["t"] == "style"
        kept: dict[str, Any] = {"t": element["t"], "a": self._attributes(element, frames)}
        for part in ("s", "c"):
            if part not in element:
                continue
            kept[part] = []
            for child in element[part]:
                if isinstance(child, dict):
                    kept[part].append(self._clean(child, frames, texts))
                    continue
                kept[part].append(self._redacted(child, spoken=not style))
                if not style:
                    texts.append((kept[part], len(kept[part]) - 1))
        return kept

    def _attributes(
        self, element: dict[str, Any], frames: Sequence[Snapshot | None]
    ) -> list[tuple[str, str]]:
        kept = [
            (name, self._redacted(value, spoken=name not in IDENTIFIERS))
            for name, value in element["a"]
        ]
        inner = frames[element["f"]] if "f" in element else None
        if inner is not None:
            kept.append(("srcdoc", self.document(inner)))
        return kept


def _written(element: dict[str, Any], first: str = "") -> str:
    tag = element["t"]
    attributes = "".join(f' {name}="{html.escape(value)}"' for name, value in element["a"])
    if tag in _VOID:
        return f"<{tag}{attributes}>"
    if tag == "style":
        inner = "".join(element["c"]).replace("</", "<\\/")
    else:
        inner = "".join(
            html.escape(each, quote=False) if isinstance(each, str) else _written(each, first)
            for each in element["c"]
        )
    if "s" in element:
        inside = "".join(
            html.escape(each, quote=False) if isinstance(each, str) else _written(each)
            for each in element["s"]
        )
        inner = f'<template shadowrootmode="open">{inside}</template>{inner}'
    if tag == "head":
        inner = first + inner
    return f"<{tag}{attributes}>{inner}</{tag}>"

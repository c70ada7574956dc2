"""One look at a page: what could be seen, as a tree across shadow roots, slots and frames."""

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import ElementHandle, Frame, JSHandle, Page
from playwright.sync_api import Error as BrowserError

log = logging.getLogger(__name__)

_GATHER = Path(__file__).with_name("controls.js").read_text(encoding="utf-8")
_FIELD, _RECORD = "\x1f", "\x1e"
_INDEX = "(page, el) => { for (let i = 0; i < page.elements.length; i++)"
_INDEX += " if (page.elements[i] === el) return i; return -1; }"
_VERSION = re.compile(r"(-v?\d[0-9a-z]*)+$")

VISIBLE, DISABLED, POINTER, FOCUSABLE, HANDLER, WRAPPER = 1, 2, 4, 8, 16, 32
FIXED, ABSOLUTE, STICKY, MODAL, CLOSED, OPEN = 64, 128, 256, 512, 1024, 2048
EDITABLE, SCROLLER, BOLD, READONLY, SHADOW = 4096, 8192, 16384, 32768, 65536

LONG = 400
"""Texts longer than this are no control's and are not put together."""


class Node:
    """One element of the page as it was at the look."""

    __slots__ = (
        "aria", "at", "box", "clickable", "depth", "end", "flags", "font_px", "frame", "full",
        "hint", "href", "index", "input_type", "known", "label", "look", "opens_elsewhere", "own",
        "parent", "placeholder", "role", "tag", "told", "value",
    )  # fmt: skip

    def __init__(self, at: int, parent: "Node | None", frame: int, index: int, fields: list[str]):
        """Take over one record of the script."""
        fields += [""] * (20 - len(fields))
        self.at, self.parent, self.frame, self.index = at, parent, frame, index
        self.depth: int = parent.depth + 1 if parent else 0
        self.end = at + 1
        """One past the last node of its subtree."""
        self.tag = _VERSION.sub("", fields[2]) if "-" in fields[2] else fields[2]
        """Its tag without a version: `ks-button` for `ks-button-1-1-1m`."""
        self.flags = int(fields[3])
        self.box = _box(fields)
        self.font_px = float(fields[9].removesuffix("px") or 0) if fields[9] else 0.0
        self.look = (self.tag, fields[8], fields[9], bool(self.flags & BOLD))
        """What elements drawn by one template share."""
        self.role = fields[10].split(" ", 1)[0].lower()
        self.input_type = fields[11]
        self.aria = fields[12].strip()
        """Its aria-label, or what aria-labelledby refers to."""
        self.told = fields[13].strip()
        """The text of a field's label elements."""
        self.hint = fields[14].strip()
        """Title, else alternative text, placeholder or tooltip."""
        self.value = fields[15]
        """The caption of an input that is a button; a field's value where that was asked for."""
        self.known = fields[16].strip()
        """Its id, name and test ids."""
        self.href = fields[17]
        self.opens_elsewhere = fields[18] == "1"
        self.placeholder = fields[19].strip()
        self.full: str | None = None
        """Visible text of the subtree, None where that is long."""
        self.label = ""
        """The same with what only assistive technology is told."""
        self.own = ""
        """Visible text directly inside it."""
        self.clickable = False

    @property
    def visible(self) -> bool:
        """Whether a person could see it, scrolling allowed."""
        return bool(self.flags & VISIBLE)

    @property
    def enabled(self) -> bool:
        """Whether nothing on this element itself says that it is switched off."""
        return not self.flags & DISABLED

    def above(self) -> Iterator["Node"]:
        """Its ancestors, nearest first, across shadow roots and frames."""
        node = self.parent
        while node:
            yield node
            node = node.parent

    def holds(self, other: "Node") -> bool:
        """Whether the other is this one or inside it."""
        return self.at <= other.at < self.end


def _box(fields: list[str]) -> tuple[int, int, int, int]:
    if not fields[4]:
        return (0, 0, 0, 0)
    return (int(fields[4]), int(fields[5]), int(fields[6]), int(fields[7]))


_shared: dict[Page, list["Tree"]] = {}
"""The looks of pages that are in the middle of one glance."""


@contextmanager
def glance(page: Page) -> Iterator[None]:
    """Let all that is asked inside be answered from one look, and so of one instant.

    Ends early, so that the next question looks again, where something is clicked; see `forget`.
    """
    if page in _shared:
        yield
        return
    _shared[page] = []
    try:
        yield
    finally:
        forget(page)
        del _shared[page]


def forget(page: Page) -> None:
    """Say that a page may have changed: what comes next looks at it anew."""
    for tree in _shared.get(page, ()):
        tree.let_go()
    if page in _shared:
        _shared[page] = []


def look_at(page: Page, *, selectors: Sequence[str] = (), values: bool = False) -> "Tree":
    """Look at a page, or take over the look of the glance one is in. Close it when done."""
    kept = _shared.get(page)
    if kept is None:
        return Tree(page, selectors=selectors, values=values)
    for tree in kept:
        if tree.serves(selectors, values):
            return tree
    tree = Tree(page, selectors=selectors, values=values)
    if tree.nodes:  # else the page is changing, and may have come to rest for the next question
        tree.shared = True
        kept.append(tree)
    return tree


class Tree:
    """All nodes of one look, in the order of the composed tree. Close it when done."""

    def __init__(self, page: Page, *, selectors: Sequence[str] = (), values: bool = False) -> None:
        """Look at the page once.

        Args:
            page: a page that is open; frames of other documents are looked at too.
            selectors: CSS selectors to report in `hits` where something visible matches.
            values: also take the values of fields (never of password fields).
        """
        self.nodes: list[Node] = []
        self.words: list[tuple[Node, str, bool]] = []
        """Every text with its element and whether it could be seen, in order."""
        self.hits: set[str] = set()
        self.size = (0, 0)
        self._frames: list[tuple[Frame, JSHandle]] = []
        self._selectors = list(selectors)
        self._values = values
        self.shared = False
        """Whether its glance closes it."""
        self.units: list[Any] | None = None
        """Its controls, once somebody has put them together; see `controls_units`."""
        self._take(page.main_frame, None)
        self._put_texts_together()

    def __enter__(self) -> "Tree":
        """Give the tree itself."""
        return self

    def __exit__(self, *_problem: object) -> None:
        """Let go of the page's elements."""
        self.close()

    def serves(self, selectors: Sequence[str], values: bool) -> bool:
        """Whether this look answers what another one would be taken for."""
        return self._values == values and set(selectors) <= set(self._selectors)

    def close(self) -> None:
        """Let go of the page's elements, unless its glance still needs them."""
        if not self.shared:
            self.let_go()

    def let_go(self) -> None:
        """Let go of the page's elements; handles already given out stay good."""
        for _, handle in self._frames:
            try:
                handle.dispose()
            except BrowserError:
                log.debug("a frame left before its look was put away")
        self._frames.clear()

    def handle(self, node: Node) -> ElementHandle | None:
        """Return the browser's element of a node, None where its frame has gone."""
        try:
            held = self._frames[node.frame][1].evaluate_handle(
                "(page, i) => page.elements[i]", node.index
            )
            return held.as_element()
        except BrowserError:
            return None

    def node_of(self, element: ElementHandle) -> Node | None:
        """Return the node of an element, None where it is not (or no longer) rendered."""
        for frame, (_, handle) in enumerate(self._frames):
            try:
                index = handle.evaluate(_INDEX, element)
            except BrowserError:  # of another document, or gone
                continue
            if index >= 0:
                return next(n for n in self.nodes if n.frame == frame and n.index == index)
        return None

    def frame_of(self, node: Node) -> Frame:
        """Return the frame a node is in."""
        return self._frames[node.frame][0]

    def script(self, node: Node) -> JSHandle:
        """Return the page's side of this look, for the frame of a node."""
        return self._frames[node.frame][1]

    def inside(self, node: Node) -> Sequence[Node]:
        """Return a node and all nodes in it."""
        return self.nodes[node.at : node.end]

    def text(self, node: Node, joint: str = " ") -> str:
        """Return the whole visible text of a node's subtree."""
        return joint.join(
            text.strip() for owner, text, seen in self.words if seen and node.holds(owner)
        )

    def line(self, node: Node) -> str:
        """Return the visible text of a subtree, run together where its pieces touch on a line."""
        joined, last = "", None
        for owner, text, seen in self.words:
            if seen and node.holds(owner):
                touches = last is not None and _touch(last.box, owner.box)
                joined += text.strip() if touches or not joined else f"\n{text.strip()}"
                last = owner
        return joined

    def _take(self, frame: Frame, parent: Node | None) -> None:
        ask: dict[str, Any] = {"values": self._values}
        if self._selectors:
            ask["selectors"] = self._selectors
        try:
            gathered = frame.evaluate_handle(_GATHER, ask)
            data: str = gathered.evaluate("page => page.data")
        except BrowserError as problem:
            if parent is None and not _leaving(problem):
                raise
            log.debug("a frame could not be looked at")
            return
        number = len(self._frames)
        self._frames.append((frame, gathered))
        inner = self._inner_frames(frame, gathered)
        head, *records = data.split(_RECORD)
        width, height, *hits = head.split(_FIELD)
        if parent is None:
            self.size = (int(width), int(height))
        self.hits.update(self._selectors[int(hit)] for hit in hits)
        self._read(records, number, parent, inner)

    def _read(
        self, records: list[str], number: int, parent: Node | None, inner: dict[int, Frame]
    ) -> None:
        here: list[Node] = []
        dx, dy = parent.box[:2] if parent else (0, 0)
        for record in records:
            fields = record.split(_FIELD)
            above = here[int(fields[1])] if fields[1] != "-1" else parent
            if fields[0] == "t":
                if above is not None:
                    self.words.append((above, fields[3], fields[2] == "1"))
                continue
            node = Node(len(self.nodes), above, number, len(here), fields)
            if parent:
                node.box = (node.box[0] + dx, node.box[1] + dy, node.box[2], node.box[3])
            here.append(node)
            self.nodes.append(node)
            if node.index in inner and node.visible:
                self._take(inner[node.index], node)

    def _inner_frames(self, frame: Frame, gathered: JSHandle) -> dict[int, Frame]:
        found: dict[int, Frame] = {}
        for child in frame.child_frames:
            try:
                index = gathered.evaluate(_INDEX, child.frame_element())
            except BrowserError:
                continue
            if index >= 0:
                found[index] = child
        return found

    def _put_texts_together(self) -> None:
        for node in reversed(self.nodes):
            parent = node.parent
            if parent:
                parent.end = max(parent.end, node.end)
                # A wrapper, or one without a box of its own, is as big as what it holds.
                bare = parent.flags & WRAPPER or not parent.box[2] * parent.box[3]
                if bare and node.visible:
                    parent.flags |= VISIBLE
                    parent.box = _around(parent.box, node.box)
        lengths = [0] * len(self.nodes)
        parts: list[list[tuple[str, bool]]] = [[] for _ in self.nodes]
        for owner, text, seen in self.words:
            if seen:
                owner.own = f"{owner.own} {text}".strip()
            at: Node | None = owner
            while at and lengths[at.at] <= LONG:  # what is above a long one is as long already
                lengths[at.at] += len(text)
                parts[at.at].append((text, seen))
                at = at.parent
        for node in self.nodes:
            if lengths[node.at] <= LONG:
                node.full = " ".join(" ".join(t for t, seen in parts[node.at] if seen).split())
                node.label = " ".join(" ".join(t for t, _ in parts[node.at]).split())


def _leaving(problem: BrowserError) -> bool:
    return "context was destroyed" in problem.message or "navigat" in problem.message


def _around(
    one: tuple[int, int, int, int], other: tuple[int, int, int, int]
) -> tuple[int, int, int, int]:
    if not one[2]:
        return other
    left, top = min(one[0], other[0]), min(one[1], other[1])
    right = max(one[0] + one[2], other[0] + other[2])
    return (left, top, right - left, max(one[1] + one[3], other[1] + other[3]) - top)


def _touch(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> bool:
    """Whether the second box goes on where the first ends, or one holds the other."""
    level = one[1] < other[1] + other[3] and other[1] < one[1] + one[3]
    ends, begins = one[0] + one[2], other[0]
    return level and (abs(begins - ends) <= 4 or (begins < ends and other[0] + other[2] > one[0]))

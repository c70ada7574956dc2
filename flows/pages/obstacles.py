"""What may stand in the way on any page: a person's matters are reported, harmless pop-ups closed.

Source: DOMAIN's notes on sign-in, puzzles, consents and pop-ups, partly thin; all of it is data in
`flows/wording.toml`. Tried on drawn pages only.
"""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from playwright.sync_api import ElementHandle, Page
from playwright.sync_api import Error as BrowserError

from automation.controls_probe import probe
from automation.controls_regions import overlays
from automation.controls_score import ENOUGH, candidates
from automation.controls_tree import ABSOLUTE, FIXED, MODAL, Node, Tree, forget, look_at
from automation.controls_units import Unit, units
from automation.controls_words import FILLED, Meaning, fold, match, mentions, quote, tight
from automation.errors import HumanCheck, SignInNeeded
from flows.wording import Obstacle, Popup, Wording

_MOST_POPUPS = 6
_CLOSED_WITHIN_MS = 2000
_SECRETIVE = re.compile(r"[A-Za-z0-9_.\-]{20,}|[*•●∙]{4,}")
"""A token, whole or masked, may stand in the box: it is not ours to close."""
_CROSSES = {"\u00d7", "x", "\u2715", "\u2716", "\u2717", "\u2a2f", "\u2573"}


@dataclass(frozen=True)
class Seen:
    """An obstacle that only a person can take away."""

    obstacle: Obstacle
    sign: str
    """What showed it, in words; no page value that could be a secret."""

    def error(self) -> HumanCheck | SignInNeeded:
        """Return the error that says what was seen and what the person should do."""
        known = SignInNeeded if self.obstacle.code == SignInNeeded.code else HumanCheck
        return known(f"{self.obstacle.says} ({self.sign})", next_step=self.obstacle.next_step)


@dataclass(frozen=True)
class _View:
    """One look at a page, and what all the questions below need of it."""

    page: Page
    tree: Tree
    everything: Sequence[Unit]
    boxes: Sequence[Node]
    wording: Wording

    def inside(self, box: Node) -> list[Unit]:
        return [unit for unit in self.everything if box.holds(unit.target)]


def clear(page: Page, wording: Wording, log: logging.Logger) -> None:
    """Make the page free for the next action.

    Closes harmless pop-ups it knows, each logged. A box it does not know is left alone: what that
    covers will be refused by the finder. Never touches a consent, a never-word, or a box that may
    show a token.

    Raises:
        SignInNeeded: the page asks to sign in.
        HumanCheck: the page asks for a person; the message says what was seen and what to do.
    """
    tried: set[str] = set()
    for _ in range(_MOST_POPUPS):
        with _look(page, wording) as tree:
            view = _view(page, tree, wording)
            seen = _seen(view)
            if seen:
                raise seen.error()
            closing = _closable(view, tried)
        if closing is None:
            return
        popup, says, element = closing
        tried.add(f"{popup.name}:{says}")
        forget(page)
        if _close(element):
            log.info("closed a pop-up: %s (%s)", popup.name, says)
        else:
            log.info("a pop-up would not close: %s (%s)", popup.name, says)


def kind_of(page: Page, wording: Wording) -> HumanCheck | SignInNeeded | None:
    """Return the error for what only a person can take away, without touching anything."""
    with _look(page, wording) as tree:
        seen = _seen(_view(page, tree, wording))
    return seen.error() if seen else None


def harmless(page: Page, wording: Wording) -> str:
    """Return the name of the pop-up that `clear` would close now, empty for none; touch nothing."""
    with _look(page, wording) as tree:
        closing = _closable(_view(page, tree, wording), set())
    return closing[0].name if closing else ""


def said_on(page: Page) -> str:
    """Return everything a page says that can be seen."""
    with look_at(page) as tree:
        return " \n ".join(text for _, text, seen in tree.words if seen)


def _look(page: Page, wording: Wording) -> Tree:
    return look_at(page, selectors=[s for each in wording.obstacles for s in each.selectors])


def _view(page: Page, tree: Tree, wording: Wording) -> _View:
    everything = units(tree)
    boxes = overlays(tree)
    closers = [label.text for popup in wording.popups for label in popup.close.labels]
    known = {tight(text) for text in closers}
    for unit in everything:
        if tight(unit.text) in known and not any(box.holds(unit.target) for box in boxes):
            box = next((n for n in unit.target.above() if _floats(n)), None)
            if box:
                boxes.append(box)
    return _View(page, tree, everything, boxes, wording)


def _floats(node: Node) -> bool:
    return bool(node.flags & (FIXED | ABSOLUTE)) and node.box[2] >= 120 and node.box[3] >= 40


# ------------------------------------------------------------------- what only a person may answer


def _seen(view: _View) -> Seen | None:
    for obstacle in view.wording.obstacles:
        sign = _by_place(view, obstacle) or _by_text(view, obstacle)
        if sign:
            return Seen(obstacle, sign)
    return None


def _by_place(view: _View, obstacle: Obstacle) -> str | None:
    path = urlsplit(view.page.url).path
    for address in obstacle.addresses:
        if path == address or path.startswith((address + "/", address + "?")):
            return f"address {address}"
    for selector in obstacle.selectors:
        if selector in view.tree.hits:
            return f"element {selector}"
    title = fold(view.page.title()) if obstacle.titles else ""
    if title and any(fold(known) in title for known in obstacle.titles):
        return "the page's title"
    if obstacle.code == SignInNeeded.code and _asks_password(view):
        return "a password field beside a sign-in button"
    return None


def _asks_password(view: _View) -> bool:
    if not any(n.input_type == "password" and n.visible for n in view.tree.nodes):
        return False
    words = view.wording.words("log_in")
    return any(u.clickable and _says_one(u, words) for u in view.everything)


def _says_one(unit: Unit, words: Sequence[str], fillers: frozenset[str] = frozenset()) -> bool:
    return any(match(word, unit.text or unit.name, fillers) >= FILLED for word in words)


def _by_text(view: _View, obstacle: Obstacle) -> str | None:
    if not obstacle.texts:
        return None
    if "overlay" in obstacle.needs:
        return _by_overlay(view, obstacle)
    if "control" in obstacle.needs:
        for unit in view.everything:
            if unit.kind not in ("text", "heading") and _says_one(unit, obstacle.texts):
                return quote(unit.text)
        return None
    if "field" in obstacle.needs and not any(u.kind == "textbox" for u in view.everything):
        return None
    said = " \n ".join(text for _, text, seen in view.tree.words if seen)
    return mentions(obstacle.texts, said)


def _by_overlay(view: _View, obstacle: Obstacle) -> str | None:
    cookies = next(popup for popup in view.wording.popups if popup.name == "cookies")
    agree = view.wording.words("consent_control")
    for box in view.boxes:
        said = view.tree.text(box)
        if not _stands_in_front(view.tree, box) or mentions(cookies.texts, said):
            continue
        if not any(
            u.clickable and _says_one(u, agree, cookies.close.fillers) for u in view.inside(box)
        ):
            continue
        word = mentions(obstacle.texts, said)
        if word:
            return word
    return None


def _stands_in_front(tree: Tree, box: Node) -> bool:
    width, height = box.box[2:]
    named = box.role in ("dialog", "alertdialog") or bool(box.flags & MODAL)
    return named or width * height >= 0.1 * tree.size[0] * tree.size[1]


# ------------------------------------------------------------------------- what may be closed


def _closable(view: _View, tried: set[str]) -> tuple[Popup, str, ElementHandle] | None:
    for box in view.boxes:
        said = view.tree.text(box)
        for popup in view.wording.popups:
            if not mentions(popup.texts, said) or not _harmless(view, box, popup, said):
                continue
            unit = _closer(view, box, popup)
            says = quote(unit.text or unit.name) or "the cross" if unit else ""
            if unit is None or f"{popup.name}:{says}" in tried:
                continue
            element = view.tree.handle(unit.target)
            if element:
                return popup, says, element
    return None


def _harmless(view: _View, box: Node, popup: Popup, said: str) -> bool:
    """Whether a box shows nothing that must be kept, typed or decided."""
    if _SECRETIVE.search(said) or mentions(view.wording.words("keep_open"), said):
        return False
    inside = view.inside(box)
    if popup.name != "assistant" and any(u.kind == "textbox" for u in inside):
        return False
    agree = view.wording.words("consent_control")
    return popup.name == "cookies" or not any(u.clickable and _says_one(u, agree) for u in inside)


def _closer(view: _View, box: Node, popup: Popup) -> Unit | None:
    """Find what closes a box: by its words, best ones first, else the one cross in its corner."""
    inside = view.inside(box)
    ranked = [
        c for c in candidates(view.tree, inside, popup.close)
        if c.score >= ENOUGH and c.wording >= FILLED and c.fit >= 0.5 and c.unit.enabled
    ]  # fmt: skip
    ranked.sort(key=lambda c: _preference(popup.close, c.label.text if c.label else ""))
    named = [c.unit for c in ranked] or _crosses(view, box, inside)
    for unit, said in zip(named, probe(view.tree, [u.target for u in named]), strict=True):
        if said.reach == "free":
            return unit
    return None


def _preference(close: Meaning, text: str) -> int:
    """Order the closing words as the list of their language does."""
    at = next((i for i, label in enumerate(close.labels) if label.text == text), 0)
    language = close.labels[at].language
    return at - next(i for i, label in enumerate(close.labels) if label.language == language)


def _crosses(view: _View, box: Node, inside: Sequence[Unit]) -> list[Unit]:
    left, top, width, height = box.box
    crosses = [
        u
        for u in inside
        if (u.clickable or u.kind in ("inherits", "text"))
        and (not tight(u.text) or u.text.strip().casefold() in _CROSSES)
        and (not tight(u.name) or u.name.strip().casefold() in _CROSSES)
        and max(u.target.box[2:]) <= 64
        and u.target.box[0] > left + 0.6 * width
        and u.target.box[1] < top + min(80, 0.5 * height)
    ]
    return crosses if len(crosses) == 1 else []


def _close(element: ElementHandle) -> bool:
    try:
        element.click(timeout=_CLOSED_WITHIN_MS)
        element.wait_for_element_state("hidden", timeout=_CLOSED_WITHIN_MS)
    except BrowserError:
        return False
    return True

"""Where a section begins and ends, and what lies over the page."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from automation.controls_tree import ABSOLUTE, FIXED, MODAL, Node, Tree
from automation.controls_units import Unit, kind_of
from automation.controls_words import FILLED, Meaning, best, tight

_OVER_WORDS = {"dialog", "modal", "popup", "popover", "drawer"}


@dataclass(frozen=True)
class Extent:
    """A stretch of the page, in the order of its nodes."""

    first: Node
    """Where it begins."""
    end: int
    """One past its last node."""
    wide: int
    """How far it may reach at most: up to the next heading of its rank."""

    def covers(self, node: Node) -> bool:
        """Whether a node lies in it."""
        return self.first.at <= node.at < self.end

    def widened(self) -> "Extent":
        """The same, as far as it may reach."""
        return Extent(self.first, self.wide, self.wide)


def extent(units: Sequence[Unit], heading: Unit, meaning: Meaning) -> Extent:
    """Find how far the section of a heading reaches.

    It ends where the next heading of the same rank begins. Rank is told by the heading's level,
    else by its look: elements of one template share it, and all stand out from ordinary text.
    """
    peers = [p for p in _peers(units, heading) if not _held(p, meaning)]
    if not peers:
        return _unbounded(units, heading)
    spots = [peer.target for peer in peers]
    top = heading.members[0]
    while top.parent and not any(top.parent.holds(spot) for spot in spots):
        top = top.parent
    after = [spot for spot in spots if spot.at > heading.target.at]
    limit = top.parent.end if top.parent and not _has_content(units, heading, top) else top.end
    if after and top.parent:
        following = min(after, key=lambda node: node.at)
        limit = _branch(following, top.parent).at
    end = top.end if _has_content(units, heading, top) else limit
    return Extent(top, end, max(limit, end))


def _held(peer: Unit, meaning: Meaning) -> bool:
    return best(meaning.holds, peer.text, meaning.fillers)[0] >= FILLED


def _branch(node: Node, root: Node) -> Node:
    """Return the ancestor-or-self of a node that is a child of the root."""
    while node.parent and node.parent is not root:
        node = node.parent
    return node


def _level(unit: Unit) -> int:
    for node in unit.members:
        if len(node.tag) == 2 and node.tag[0] == "h" and node.tag[1].isdigit():
            return int(node.tag[1])
    return 0


def _peers(units: Sequence[Unit], heading: Unit) -> list[Unit]:
    """Return what has the rank of a heading or a higher one.

    By level, by role, by the look of its template; and, since one heading's markup may change
    alone, whatever stands out from ordinary text as much as it does.
    """
    others = [u for u in units if u is not heading and u.kind in ("heading", "text", heading.kind)]
    ordinary = _ordinary_px(units)
    if not _stands_out(heading, ordinary):
        return []
    like = [u for u in others if _as_prominent(u, heading, ordinary)]
    level = _level(heading)
    if level:
        ranked = [u for u in others if 0 < _level(u) <= level]
        like = [u for u in like if not _level(u)]
    elif heading.kind == "heading":
        ranked = [u for u in others if u.kind == "heading" and _px(u) >= 0.8 * _px(heading)]
    else:
        look = _looks(heading)
        ranked = [
            u
            for u in others
            if _looks(u) & look or (u.kind == "heading" and _px(u) >= 0.8 * _px(heading))
        ]
    return sorted({id(u): u for u in [*ranked, *like]}.values(), key=lambda u: u.target.at)


def _px(unit: Unit) -> float:
    return max(node.font_px for node in unit.members)


def _as_prominent(unit: Unit, heading: Unit, ordinary: float) -> bool:
    """Whether a text stands out as a heading does: by size where that one does, else by weight."""
    if unit.within is not None and heading.within is None:
        return False
    if heading.folds:  # one of several that open and close what is below them
        return unit.folds and _px(unit) >= 0.9 * _px(heading)
    if _px(heading) > 1.05 * ordinary:
        return _px(unit) > 1.05 * ordinary and _px(unit) >= 0.9 * _px(heading)
    bold = any(node.look[3] for node in heading.members)
    return bold and any(node.look[3] for node in unit.members) and _px(unit) >= 0.9 * _px(heading)


def _looks(unit: Unit) -> set[tuple[str, str, str, bool]]:
    """Return how a heading is drawn: by the classes of what says just it, else by its own look."""
    return {node.look for node in unit.members if node.look[1]} or {unit.target.look}


def _ordinary_px(units: Sequence[Unit]) -> float:
    sizes = [u.target.font_px for u in units if u.kind == "text" and u.target.font_px]
    return statistics.median(sizes) if sizes else 0.0


def _stands_out(heading: Unit, ordinary: float) -> bool:
    """Whether a heading looks different from ordinary text, or is one by role."""
    if heading.kind == "heading" or _level(heading):
        return True
    target = heading.target
    if heading.folds or target.look[3] or target.font_px > ordinary:
        return True
    return any(node.look[1] for node in heading.members[-2:])


def _has_content(units: Sequence[Unit], heading: Unit, top: Node) -> bool:
    """Whether a part of the page holds more than a heading and an icon beside it."""
    inside = [u for u in units if u is not heading and top.holds(u.target)]
    if any(u.clickable and tight(u.text) for u in inside) or any(
        u.kind == "textbox" for u in inside
    ):
        return True
    return sum(len(u.text) for u in inside if u.within is None) >= 60


def _unbounded(units: Sequence[Unit], heading: Unit) -> Extent:
    """Bound a section that nothing like it follows or precedes."""
    top = heading.members[0]
    while top.parent and not _has_content(units, heading, top):
        top = top.parent
    return Extent(top, top.end, top.end)


def overlays(tree: Tree) -> list[Node]:
    """Return what lies over the page: dialogs by role, else boxes that stay where they are."""
    named = [n for n in tree.nodes if n.visible and _is_named_overlay(n)]
    by_place = [n for n in tree.nodes if n.visible and _lies_over(tree, n)]
    found = list(named)
    for node in by_place:
        if not any(node.holds(other) or other.holds(node) for other in found):
            found.append(node)
    return [n for n in found if not any(o is not n and n.holds(o) and o in named for o in found)]


def _is_named_overlay(node: Node) -> bool:
    if node.role in ("dialog", "alertdialog") or node.flags & MODAL or node.tag == "dialog":
        return True
    return "-" in node.tag and bool(_OVER_WORDS & set(node.tag.split("-")[1:])) and node.box[2] > 0


def _lies_over(tree: Tree, node: Node) -> bool:
    left, top, width, height = node.box
    if not (node.flags & FIXED or (node.flags & ABSOLUTE and node.depth <= 4)):
        return False
    if width < 120 or height < 20 or kind_of(node):
        return False
    wide, high = width >= 0.9 * tree.size[0], height >= 0.85 * tree.size[1]
    if wide and not high and top <= 0 and height < 0.25 * tree.size[1]:
        return False  # the console's own header
    if high and not wide and left <= 0 and width < 0.25 * tree.size[0]:
        return False  # its side menu
    inside = sum(len(text) for owner, text, seen in tree.words if seen and node.holds(owner))
    whole = sum(len(text) for _, text, seen in tree.words if seen)
    return 0 < inside < 0.8 * whole or (inside > 0 and not (wide and high))

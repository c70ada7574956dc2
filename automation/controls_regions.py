"""Where a section begins and ends, and what lies over the page."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from automation.controls_tree import ABSOLUTE, FIXED, MODAL, Node, Tree
from automation.controls_units import Unit, kind_of
from automation.controls_words import FILLED, Meaning, best, tight

_LANDMARKS = {"region", "tabpanel", "dialog", "alertdialog", "form", "main", "group"}
_LANDMARK_TAGS = {"section", "article", "main", "form", "fieldset", "dialog"}
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


def extent(tree: Tree, units: Sequence[Unit], heading: Unit, meaning: Meaning) -> Extent:
    """Find how far the section of a heading reaches.

    It ends where the next heading of the same rank begins. Rank is told by the heading's level,
    else by its look (elements of one template share it), else by repetition of its surroundings.
    """
    peers = [p for p in _peers(units, heading) if not _held(p, meaning)]
    if not peers:
        return _unbounded(tree, units, heading)
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
    others = [u for u in units if u is not heading and u.kind in ("heading", "text", heading.kind)]
    level = _level(heading)
    if level:
        return [u for u in others if 0 < _level(u) <= level]
    if heading.kind == "heading":
        return [
            u for u in others if u.kind == "heading" and u.target.font_px >= heading.target.font_px
        ]
    if not _stands_out(units, heading):
        return []
    look = _looks(heading)
    return [
        u
        for u in others
        if _looks(u) & look or (u.kind == "heading" and u.target.font_px >= heading.target.font_px)
    ]


def _looks(unit: Unit) -> set[tuple[str, str, str, bool]]:
    """Return how a heading is drawn: by the classes of what says just it, else by its own look."""
    return {node.look for node in unit.members if node.look[1]} or {unit.target.look}


def _stands_out(units: Sequence[Unit], heading: Unit) -> bool:
    """Whether a heading without a role looks different from ordinary text."""
    sizes = [u.target.font_px for u in units if u.kind == "text" and u.target.font_px]
    ordinary = statistics.median(sizes) if sizes else 0.0
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


def _unbounded(tree: Tree, units: Sequence[Unit], heading: Unit) -> Extent:
    """Bound a section that nothing like it follows or precedes."""
    top = heading.members[0]
    while top.parent:
        if _is_landmark(top) and _has_content(units, heading, top):
            break
        if _repeats(tree, top) and _has_content(units, heading, top):
            break
        top = top.parent
    return Extent(top, top.end, top.end)


def _is_landmark(node: Node) -> bool:
    return node.role in _LANDMARKS or node.tag in _LANDMARK_TAGS


def _repeats(tree: Tree, node: Node) -> bool:
    """Whether a node has siblings made just like it."""
    parent = node.parent
    if not parent or node.tag in ("span", "a", "button"):
        return False
    at = parent.at + 1
    while at < parent.end:
        sibling = tree.nodes[at]
        if sibling is not node and sibling.look == node.look and sibling.visible:
            mine, other = _shape(tree, node), _shape(tree, sibling)
            if mine[:3] == other[:3] and len(mine) > 2:
                return True
        at = sibling.end
    return False


def _shape(tree: Tree, node: Node) -> list[tuple[str, int]]:
    return [(n.tag, n.depth - node.depth) for n in tree.inside(node)[:8]]


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

"""The rows of Upstack's list of destinations: whose each is, and how healthy it says it is.

How the list is built is not public. A row is known as the largest part of the page that speaks of
one pixel and has one status, or as what the page itself calls a row.
"""

import re
from dataclasses import dataclass, field

from playwright.sync_api import Page

from automation.controls import Found, Meaning, Region, quote
from automation.controls_decide import found_of
from automation.controls_score import Candidate
from automation.controls_tree import Node, Tree
from automation.controls_units import Unit, units
from automation.controls_words import EXACT, fold, mentions, tight
from flows.wording import PIXEL_LIKE, Wording

_CODE = re.compile(PIXEL_LIKE)
_OURS = re.compile(r"tik[ -]?tok", re.IGNORECASE)
_DOTS = {"\u22ee", "\u22ef", "\u2026", "...", "\u2022\u2022\u2022", "\u00b7\u00b7\u00b7"}
_SHORT = 60
"""More text than this in one piece is no status."""

HEALTHY, UNHEALTHY, CHECKING = "healthy", "unhealthy", "checking"
_STATES = (UNHEALTHY, CHECKING, HEALTHY)
"""The first that a row says counts."""


@dataclass(frozen=True)
class Row:
    """One destination of the list."""

    region: Region = field(repr=False)
    codes: tuple[str, ...]
    """What looks like a pixel's code in it; empty where the list does not show codes."""
    status: str
    """healthy, unhealthy, checking, or empty."""
    ours: bool
    """Whether it says that it is TikTok's."""
    others: bool
    """Whether it says that it is another platform's."""
    marked: bool
    """Whether the page's own markup calls it a row."""


def read_rows(page: Page, wording: Wording, stop: Found | None) -> list[Row]:
    """Return the rows that the page shows, in order. Touches nothing.

    Args:
        page: shows the list.
        wording: the words for each status, and the names of platforms.
        stop: the control above the list, which no row holds.
    """
    statuses = _patterns(wording)
    with Tree(page) as tree:
        end = tree.node_of(stop.element) if stop is not None else None
        rows: list[Node] = []
        for anchor in _anchors(tree, statuses):
            row = _row_of(tree, anchor, end, statuses)
            if row is not None and not any(each.holds(row) for each in rows):
                rows = [each for each in rows if not row.holds(each)] + [row]
        made = [_made(page, tree, each, wording, statuses) for each in rows]
    return [each for each in made if each is not None]


def opener(page: Page, row: Row, code: str, meaning: Meaning) -> Found | None:
    """Return what opens a row as a whole: its one link, or its code where all of it can be clicked.

    The code, because in the middle of the row another control of it may stand. None where it is
    not so clear.
    """
    with Tree(page) as tree:
        everything, whole = units(tree), tree.node_of(row.region.element)
        if whole is None:
            return None
        inside = [u for u in everything if whole.holds(u.target)]
        links = [u for u in inside if u.kind == "link" and _names_it(u, code)]
        if len(links) == 1:
            return _found(page, tree, meaning, links[0], "it is the only link that names it")
        spots = [n for n in tree.inside(whole) if n.visible and n.own.strip() == code]
        if links or len(spots) != 1:
            return None
        way = [spots[0], *(n for n in spots[0].above() if whole.holds(n))]
        if sum(n.clickable for n in way) != 1 or way[0].clickable:
            return None
        unit = Unit(way[:1], way[0], "inherits", code, code)
        return _found(page, tree, meaning, unit, "its row can be clicked")


def _names_it(link: Unit, code: str) -> bool:
    """Tell a link that is the destination from one that does something to it."""
    return code in link.target.href or link.text.strip() == code or bool(_OURS.search(link.text))


def icon(page: Page, row: Row, meaning: Meaning, *, dotted: bool) -> Found | None:
    """Return the one small picture of a row whose id says what is meant; None for none.

    A picture that says nothing at all may be anything, and is nobody's.

    Args:
        page: shows the row.
        row: where it stands.
        meaning: what is meant, with its ids.
        dotted: three dots mean it too.
    """
    with Tree(page) as tree:
        everything, whole = units(tree), tree.node_of(row.region.element)
        found = []
        for unit in everything:
            if whole is None or not whole.holds(unit.target) or tight(unit.text):
                continue
            nodes = [*unit.members, *tree.inside(unit.target)]
            known = " ".join(each.known for each in nodes)
            dots = dotted and any(each.own.strip() in _DOTS for each in nodes if each.own)
            words = fold(" ".join(re.sub(r"([a-z])([A-Z])", r"\1 \2", known).split("-"))).split()
            says = dots or any(all(w in words for w in each.split()) for each in meaning.ids)
            harmless = not mentions(meaning.never, f"{unit.name} {' '.join(words)}")
            if says and harmless and (unit.clickable or unit.kind == "inherits"):
                found.append(unit)
        if len(found) != 1:
            return None
        return _found(page, tree, meaning, found[0], "its id or its dots say so")


def _found(page: Page, tree: Tree, meaning: Meaning, unit: Unit, how: str) -> Found | None:
    return found_of(page, tree, meaning, Candidate(unit, 0.8, EXACT, 1.0, None, [how]), [])


def _patterns(wording: Wording) -> dict[str, re.Pattern[str]]:
    made = {}
    for name in _STATES:
        words = "|".join(re.escape(each.lower()) for each in wording.words(f"upstack.{name}"))
        made[name] = re.compile(rf"(?<![a-z-])(?<!not )(?:{words})(?![a-z-])", re.IGNORECASE)
    return made


def _said(node: Node) -> list[str]:
    """Return what a node itself says: its text, and what an icon is called."""
    return [each for each in (node.own, node.hint, node.aria) if each]


def _is_row(node: Node) -> bool:
    return node.tag in ("tr", "li", "article") or node.role in ("row", "listitem")


def _anchors(tree: Tree, statuses: dict[str, re.Pattern[str]]) -> list[Node]:
    """Return the nodes that speak of a destination."""
    found = []
    for node in tree.nodes:
        if not node.visible:
            continue
        for said in _said(node):
            short = len(said) <= _SHORT
            is_status = short and any(each.search(said) for each in statuses.values())
            in_row = _OURS.search(said) and any(_is_row(each) for each in (node, *node.above()))
            if is_status or _CODE.search(said) or in_row:
                found.append(node)
                break
    return found


def _row_of(
    tree: Tree, anchor: Node, end: Node | None, statuses: dict[str, re.Pattern[str]]
) -> Node | None:
    row = None
    for node in (anchor, *anchor.above()):
        if node.tag in ("body", "html", "main", "table", "tbody", "ul", "ol"):
            break
        if (end is not None and node.holds(end)) or _speaks_of_several(tree, node, statuses):
            break
        row = node
        if _is_row(node):
            break
    return row


def _speaks_of_several(tree: Tree, node: Node, statuses: dict[str, re.Pattern[str]]) -> bool:
    codes: set[str] = set()
    marks: set[int] = set()
    for inner in tree.inside(node):
        if not inner.visible:
            continue
        for said in _said(inner):
            codes.update(_CODE.findall(said))
            if len(said) <= _SHORT and any(each.search(said) for each in statuses.values()):
                marks.add(inner.at)
    # One status may be said by an icon and by the text in it.
    apart = [at for at in marks if not any(_holds(tree, at, other) for other in marks - {at})]
    return len(codes) > 1 or len(apart) > 1


def _holds(tree: Tree, outer: int, inner: int) -> bool:
    return tree.nodes[outer].holds(tree.nodes[inner])


def _made(
    page: Page, tree: Tree, node: Node, wording: Wording, statuses: dict[str, re.Pattern[str]]
) -> Row | None:
    handle = tree.handle(node)
    if handle is None:
        return None
    said = [each for inner in tree.inside(node) if inner.visible for each in _said(inner)]
    short = [each for each in said if len(each) <= _SHORT]
    status = next((n for n in _STATES if any(statuses[n].search(each) for each in short)), "")
    others = [re.escape(each.lower()) for each in wording.words("upstack.others")]
    other = re.compile(rf"(?<![a-z])(?:{'|'.join(others)})(?![a-z])", re.IGNORECASE)
    codes = dict.fromkeys(code for each in said for code in _CODE.findall(each))
    return Row(
        region=Region(page, quote(tree.text(node), 40) or "a row", handle),
        codes=tuple(codes),
        status=status,
        ours=any(_OURS.search(each) for each in said),
        others=any(other.search(each) for each in said),
        marked=_is_row(node),
    )

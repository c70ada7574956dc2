"""Controls known by their place: the row that shows a code, the icon beside a text."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from automation.controls_tree import Node, Tree
from automation.controls_units import Unit, is_real, kind_of
from automation.controls_words import EXTRA, FILLED, INSIDE, Meaning, best, fold, mentions, tight

_ROW_TEXT = 600
"""More text than this is no row's."""
_ICON_PX = 72


@dataclass(frozen=True)
class Place:
    """What was found by place, or why not."""

    units: tuple[Unit, ...]
    """One where it is clear; several that stand equally; none."""
    how: str = ""


def row(tree: Tree, units: Sequence[Unit], meaning: Meaning) -> Place:
    """Find what opens the row that shows the label, in exactly that row."""
    label = meaning.labels[0].text
    spots = [n for n in tree.nodes if n.visible and _shows(n, label)]
    rows: list[Node] = []
    for spot in spots:
        whole = _row_of(tree, spot, label, meaning)
        if whole and not any(r.holds(whole) for r in rows):
            rows = [r for r in rows if not whole.holds(r)] + [whole]
    if len(rows) != 1:
        texts = tuple(_as_unit(units, r) for r in rows)
        return Place(texts, f"{len(rows)} rows show it" if rows else "")
    inside = [s for s in spots if rows[0].holds(s)]
    chosen, how = _opener(units, rows[0], inside, label, meaning)
    return Place(tuple(chosen), how)


def _shows(node: Node, label: str) -> bool:
    for said in (node.own, node.hint, node.aria, node.href):
        if label in said and re.search(rf"(?<![0-9A-Za-z]){re.escape(label)}(?![0-9A-Za-z])", said):
            return True
    return False


def _row_of(tree: Tree, spot: Node, label: str, meaning: Meaning) -> Node | None:
    """Climb from the code to the largest part of the page that is about this code only."""
    node, whole = spot, None
    while True:
        if _is_about_another(tree, node, label, meaning):
            break
        if node.tag in ("body", "html", "main", "ul", "ol", "table", "tbody"):
            break
        if node.full is None and len(tree.text(node)) > _ROW_TEXT:
            break
        whole = node
        if kind_of(node) == "row" or (node.role == "option" and node.clickable):
            break
        if node.parent is None:
            break
        node = node.parent
    return whole


def _is_about_another(tree: Tree, node: Node, label: str, meaning: Meaning) -> bool:
    if not meaning.rivals:
        return False
    pattern = re.compile(meaning.rivals)
    for inner in tree.inside(node):
        for said in (inner.own, inner.hint, inner.href):
            if said and any(found != label for found in pattern.findall(said)):
                return True
    return False


def _opener(
    units: Sequence[Unit], whole: Node, spots: Sequence[Node], label: str, meaning: Meaning
) -> tuple[list[Unit], str]:
    inside = [u for u in units if whole.holds(u.target) and not mentions(meaning.never, u.name)]
    inside = [u for u in inside if u.kind not in ("textbox", "choice")]
    to_it = [u for u in inside if label in u.target.href]
    if to_it:
        return to_it[:1], "its link leads to it"
    links = [u for u in inside if u.kind == "link" and tight(u.text)]
    if len(links) == 1:
        return links, "the only link of its row"
    if links:
        return links, ""
    box = next((n for n in (*_up(spots[0]), whole) if n.clickable and whole.holds(n)), None)
    if box and any(n.clickable and n is not box for n in _up(box) if whole.holds(n)):
        box = next(n for n in reversed(list(_up(box))) if n.clickable and whole.holds(n))
    named = [
        u
        for u in inside
        if tight(u.text) and (u.clickable or u.kind == "inherits") and label not in u.text
    ]
    if box and box.full is not None and not is_real(box):
        texts = [u for u in inside if u.within is box or u.target is box]
        texts = [u for u in texts if u.target in spots or u.target is box] or texts
        if texts:
            return texts[:1], "its row is clickable"
    if box and is_real(box):
        return [u for u in inside if u.target is box][:1], "its row is one control"
    clickable = [u for u in named if u.kind == "clickable"]
    if len(clickable) == 1:
        return clickable, "the only clickable text of its row"
    if clickable:
        return clickable, ""
    return [u for u in inside if u.target in spots][:1], "nothing else in its row can be clicked"


def _up(node: Node) -> Iterator[Node]:
    yield node
    yield from node.above()


def _as_unit(units: Sequence[Unit], node: Node) -> Unit:
    inside = next((u for u in units if node.holds(u.target)), None)
    return inside or Unit([node], node, "row", node.full or "", node.full or "")


def icon(tree: Tree, units: Sequence[Unit], meaning: Meaning) -> Place:
    """Find the one small picture to click beside a text.

    Climbs from the text until something holds small clickable pictures. One that has the meaning's
    own name wins; else there must be exactly one without any name.
    """
    anchors = [
        u
        for u in units
        if best(meaning.beside, u.text, meaning.fillers)[0] >= INSIDE and len(u.text) <= 80
    ]
    exact = [u for u in anchors if best(meaning.beside, u.text, meaning.fillers)[0] >= FILLED]
    found: dict[int, Unit] = {}
    for anchor in exact or anchors:
        for each in _icons_beside(tree, units, anchor, meaning):
            found[each.target.at] = each
    return Place(tuple(found.values()), "the icon beside its text")


def _icons_beside(tree: Tree, units: Sequence[Unit], anchor: Unit, meaning: Meaning) -> list[Unit]:
    for around in anchor.target.above():
        if around.full is None or len(around.full) > 300:
            return []
        near = [u for u in units if around.holds(u.target) and _is_icon(u) and u is not anchor]
        near = [u for u in near if not mentions(meaning.never, _says(tree, u))]
        named = [u for u in near if _means(tree, u, meaning)]
        if named:
            return named
        nameless = _first_after(units, anchor, [u for u in near if not tight(u.name)])
        if nameless:
            return nameless
        if near:  # only icons that say they are something else
            continue
    return []


def _first_after(units: Sequence[Unit], anchor: Unit, icons: list[Unit]) -> list[Unit]:
    """Return the icons with the fewest texts between the anchor and them, in reading order."""

    def between(icon: Unit) -> int:
        low, high = sorted((anchor.target.at, icon.target.at))
        return sum(1 for u in units if low < u.target.at < high and tight(u.text))

    after = [u for u in icons if u.target.at > anchor.target.at] or icons
    least = min((between(u) for u in after), default=0)
    return [u for u in after if between(u) == least] if least <= 2 else []


def _says(tree: Tree, unit: Unit) -> str:
    return f"{unit.name} {_known(tree, unit)}"


def _known(tree: Tree, unit: Unit) -> str:
    """Return the ids of an icon and of what it is made of: pictures are referred to by name."""
    inside = [n.known for n in (*unit.members, *tree.inside(unit.target)) if n.known]
    return " ".join(dict.fromkeys(inside))


def _means(tree: Tree, unit: Unit, meaning: Meaning) -> bool:
    if best(meaning.labels, unit.name, meaning.fillers)[0] >= EXTRA:
        return True
    words = fold(_known(tree, unit)).split()
    return any(all(word in words for word in known.split()) for known in meaning.ids)


def _is_icon(unit: Unit) -> bool:
    width, height = unit.target.box[2:]
    small = 0 < width <= _ICON_PX and 0 < height <= _ICON_PX
    return small and not tight(unit.text) and (unit.clickable or unit.kind == "inherits")

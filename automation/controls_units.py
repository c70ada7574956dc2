"""From elements to controls: nested elements that are one thing to a person become one unit."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from automation.controls_tree import (
    CLOSED,
    EDITABLE,
    FOCUSABLE,
    HANDLER,
    OPEN,
    POINTER,
    Node,
    Tree,
)
from automation.controls_words import tight

SHORT = 160
"""A control says no more than this; what says more is a container."""

_BY_ROLE = {
    "button": "button",
    "link": "link",
    "tab": "tab",
    "menuitem": "menuitem",
    "menuitemradio": "menuitem",
    "menuitemcheckbox": "menuitem",
    "option": "menuitem",
    "treeitem": "menuitem",
    "textbox": "textbox",
    "searchbox": "textbox",
    "combobox": "textbox",
    "checkbox": "choice",
    "radio": "choice",
    "switch": "choice",
    "slider": "choice",
    "row": "row",
    "listitem": "row",
    "heading": "heading",
}
_BY_TAG = {
    "button": "button",
    "summary": "button",
    "a": "link",
    "textarea": "textbox",
    "select": "choice",
    "tr": "row",
    "li": "row",
    "legend": "heading",
}
_BY_TAG |= {f"h{level}": "heading" for level in range(1, 7)}
_BUTTON_INPUTS = {"button", "submit", "reset", "image"}
_CHOICE_INPUTS = {"checkbox", "radio", "range", "color", "file"}
_BY_WORD = {"button": "button", "btn": "button", "link": "link", "tab": "tab", "option": "menuitem"}
_GROUPS = {"panel", "list", "group", "bar", "pane", "container", "wrapper", "content"}
_REAL = {"button", "link", "tab", "menuitem", "textbox", "choice"}


def kind_of(node: Node) -> str:
    """Say what kind of element a node is by role and tag, empty where they do not tell."""
    if node.role in _BY_ROLE:
        return _BY_ROLE[node.role]
    if node.tag == "input":
        if node.input_type in _BUTTON_INPUTS:
            return "button"
        return "choice" if node.input_type in _CHOICE_INPUTS else "textbox"
    if node.tag in _BY_TAG:
        return _BY_TAG[node.tag]
    if node.flags & EDITABLE:
        return "textbox"
    if "-" in node.tag:
        return _kind_by_words(node.tag.split("-")[1:])
    return ""


def _kind_by_words(words: list[str]) -> str:
    if _GROUPS & set(words):
        return ""
    if "menu" in words and "item" in words:
        return "menuitem"
    for word in reversed(words):  # the last word says what it is: "link-button" is a button
        if word in _BY_WORD:
            return _BY_WORD[word]
    return ""


def is_real(node: Node) -> bool:
    """Whether role or tag says that it can be operated."""
    return kind_of(node) in _REAL


def shows_click(node: Node) -> bool:
    """Whether it shows another sign that it can be clicked: focus, a handler, a pointing hand."""
    if node.tag in ("html", "body", "label"):
        return False
    if node.flags & HANDLER or (node.flags & FOCUSABLE and not node.role):
        return True
    return bool(node.flags & POINTER) and not (node.parent and node.parent.flags & POINTER)


@dataclass
class Unit:
    """One control, or one text: nested elements that a person takes for one thing."""

    members: list[Node]
    """Outermost first; they all say the same."""
    target: Node
    """What a click must reach."""
    kind: str
    """button, link, ... by role or tag; else `clickable`, `inherits`, `heading`, `row`, `text`."""
    text: str
    """Visible text."""
    name: str
    """What assistive technology would call it."""
    parts: list[str] = field(default_factory=list)
    """Texts of the pieces inside it, where there are several."""
    within: Node | None = None
    """The clickable container it lies in, where it is not itself the control."""

    @property
    def enabled(self) -> bool:
        """Whether neither the control nor what wraps just it says it is switched off."""
        near = [m for m in self.members if self.target.depth - m.depth <= 4]
        return all(member.enabled for member in near) and self.target.enabled

    @property
    def clickable(self) -> bool:
        """Whether anything says that it can be clicked."""
        return self.kind in _REAL or self.kind == "clickable"

    @property
    def folds(self) -> bool:
        """Whether it opens and closes something below it."""
        return any(member.flags & (CLOSED | OPEN) for member in self.members)

    @property
    def folded(self) -> bool:
        """Whether what it opens is closed now."""
        return any(member.flags & CLOSED for member in self.members)


def units(tree: Tree) -> list[Unit]:
    """Return every control and every short text of a tree, in the order of the page."""
    if tree.units is None:
        tree.units = _put_together(tree)
    return tree.units


def _put_together(tree: Tree) -> list[Unit]:
    carriers = [n for n in tree.nodes if n.visible and (is_real(n) or shows_click(n))]
    for node in carriers:
        node.clickable = True
    crowded = _containers(carriers)
    found: dict[int, Unit] = {}
    for node in carriers:
        if node.full is not None and len(node.full) <= SHORT and node.at not in found:
            for unit in _carried(tree, node):
                for member in unit.members:
                    found[member.at] = unit
    for node in tree.nodes:
        if node.own and node.visible and node.at not in found:
            _add_text(tree, node, found, crowded)
    seen: set[int] = set()
    ordered = [found[at] for at in sorted(found)]
    return [u for u in ordered if not (id(u) in seen or seen.add(id(u)))]  # type: ignore[func-returns-value]  # set.add as a filter


def _containers(carriers: list[Node]) -> set[int]:
    """Return which carriers hold another one that says something else."""
    crowded = set()
    for node in carriers:
        for above in node.above():
            if above.clickable and tight(above.full or "…") != tight(node.full or ""):
                crowded.add(above.at)
    return crowded


def _carried(tree: Tree, top: Node) -> Iterator[Unit]:
    """Give the unit of an outermost clickable node: it and the nodes inside that say the same."""
    says = tight(top.full or "")
    chain = [top]
    rest = tree.inside(top)[1:]
    if says:
        chain += [n for n in rest if n.visible and tight(n.full or "") == says]
    else:  # an icon: one clickable thing, however deep
        inner = [n for n in rest if n.clickable]
        if not any(tight(n.full or "") for n in inner) and _nested(inner):
            chain += inner
    real = [n for n in chain if is_real(n)]
    signs = [n for n in chain if n.clickable]
    target = real[-1] if real else signs[-1]
    kind = kind_of(target) if real else "clickable"
    if kind in ("button", "clickable"):  # a tab made of a button is a tab
        outer = [kind_of(n) for n in [*chain, *_shell(top)] if kind_of(n) in ("tab", "menuitem")]
        kind = outer[0] if outer else kind
    if kind == "clickable" and any(kind_of(n) == "heading" for n in chain):
        kind = "heading"
    parts = [n.own for n in rest if n.own and n.visible and tight(n.own) != says]
    yield Unit(
        chain, target, kind, top.full or target.value, _name(tree, target, chain), parts=parts
    )


def _nested(nodes: list[Node]) -> bool:
    return all(outer.holds(inner) for outer, inner in pairwise(nodes))


def _shell(node: Node) -> list[Node]:
    """Return the few ancestors that say just the same as a node."""
    shell: list[Node] = []
    for above in node.above():
        if len(shell) >= 3 or tight(above.full or "…") != tight(node.full or ""):
            break
        shell.append(above)
    return shell


def _name(tree: Tree, target: Node, chain: list[Node]) -> str:
    """Return the accessible name of a control: told by attributes, else its text, else a hint."""
    for node in [target, *chain]:
        if node.aria or node.told:
            return node.aria or node.told
    inside = [*chain, *tree.inside(target)]
    return (
        target.label
        or target.value
        or next((n.hint for n in inside if n.hint), "")
        or next((n.aria for n in inside if n.aria), "")
    )


def _add_text(tree: Tree, node: Node, found: dict[int, Unit], crowded: set[int]) -> None:
    text = node.full if node.full is not None else node.own
    if not text or len(text) > SHORT:
        return
    carrier = next((n for n in node.above() if n.clickable), None)
    if carrier and (carrier.full is None or len(carrier.full) > 2 * SHORT):
        carrier = None  # a handler on a whole part of the page says nothing about this text
    if carrier and carrier.at in found and carrier.at not in crowded:
        return  # a piece of that control, which knows its pieces
    members = [*reversed(_shell(node)), node]
    kinds = [kind_of(n) for n in members]
    kind = "heading" if "heading" in kinds else "inherits" if carrier else "text"
    if carrier and carrier.full and len(tight(text)) >= 0.6 * len(tight(carrier.full)):
        kind = kind_of(carrier) or "clickable"
        members.insert(0, carrier)
    parts = [node.own] if node.own != text else []
    unit = Unit(members, node, kind, text, _name(tree, node, []) or text, parts, carrier)
    for member in members:
        if not member.clickable:
            found.setdefault(member.at, unit)

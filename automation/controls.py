"""Find a control by what it means: exactly one, or refuse.

One pass over the page gathers what a person could see (`controls_tree`), nested elements become
units (`controls_units`), each is scored on several kinds of evidence (`controls_score`), the best
are tried for reach (`controls_probe`), and one is taken only if it stands clear of all others.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from playwright.sync_api import ElementHandle, Page

from automation.controls_decide import Found, Look, NotClicked, decide, found_of, nobody
from automation.controls_regions import Extent, extent, overlays
from automation.controls_score import ENOUGH, MARGIN, Candidate, candidates
from automation.controls_tree import Node, Tree, look_at
from automation.controls_units import Unit, units
from automation.controls_words import (
    FILLED,
    Label,
    Meaning,
    best,
    fold,
    match,
    mentions,
    quote,
    with_analogies,
)
from automation.errors import PageChanged, PermissionDenied

__all__ = [
    "Found",
    "Label",
    "Look",
    "Meaning",
    "NotClicked",
    "Region",
    "Spot",
    "dialogs",
    "find",
    "fold",
    "look",
    "match",
    "mentions",
    "nearest",
    "quote",
    "region",
    "texts",
]  # fmt: skip

_BUTTON = frozenset({"button"})


@dataclass(frozen=True)
class Region:
    """A part of a page: a section under its heading, or a dialog."""

    page: Page = field(repr=False)
    name: str
    element: ElementHandle = field(repr=False)
    """What it begins with, or is."""
    heading: Found | None = field(default=None, repr=False)
    """Its heading; a dialog has none."""
    folded: bool = False
    """True where its heading opens it and it is closed: click the heading first."""

    def look(self, meaning: Meaning) -> Look:
        """Look for a control in this region; see `look`."""
        return look(self, meaning)

    def find(self, meaning: Meaning) -> Found:
        """Find a control in this region; see `find`."""
        return find(self, meaning)

    def text(self) -> str:
        """Return its visible text, across shadow roots and frames; empty where it has gone."""
        with look_at(self.page) as tree:
            part = _part(tree, units(tree), self)
            if part is None:
                return ""
            return " ".join(
                text.strip() for owner, text, seen in tree.words if seen and part.covers(owner)
            )

    def there(self) -> bool:
        """Say whether it is still on the page and visible."""
        with look_at(self.page) as tree:
            part = _part(tree, units(tree), self)
            return part is not None and part.first.visible


@dataclass(frozen=True)
class Spot:
    """One place where a pattern occurs."""

    text: str
    """What matched."""
    source: str
    """text, value, title or name."""
    element: ElementHandle = field(repr=False)


def look(where: Page | Region, meaning: Meaning) -> Look:
    """Look for the one control that is meant. Never raises because it is not there."""
    page = where.page if isinstance(where, Region) else where
    if meaning.strict and meaning.kinds == _BUTTON:  # a pop-up's words, with "all", are no play
        meaning = replace(meaning, labels=with_analogies(meaning.labels, meaning.built))
    with look_at(page, values=bool(meaning.unless)) as tree:
        if not tree.nodes:
            return Look(None, None, (), "the page is changing")
        everything = units(tree)
        part = None
        if isinstance(where, Region):
            meaning = _within(meaning, where)
            part = _part(tree, everything, where)
            if part is None:
                return Look(None, None, (), f"the section {where.name} has gone")
        if meaning.unless and _shows(tree, part, meaning.unless):
            return Look(None, None, (), "what stands there with it rules it out")
        result = decide(page, tree, _in(everything, part), meaning)
        if part and part.wide > part.end and not (result.candidates or result.found):
            result = decide(page, tree, _in(everything, part.widened()), meaning)
        return result


def _within(meaning: Meaning, where: Region) -> Meaning:
    """Let the words of a section's name stand idle inside it: there they tell nothing apart."""
    if where.heading is None or where.heading.label is None:
        return meaning
    named = frozenset(fold(where.heading.label.text).split())
    return replace(meaning, fillers=meaning.fillers | named)


def find(where: Page | Region, meaning: Meaning) -> Found:
    """Find the one control that is meant.

    Raises:
        PageChanged: it is missing, or two stand equally; the message names both.
        PermissionDenied: the only clear candidate is switched off.
    """
    seen = look(where, meaning)
    if seen.found:
        return seen.found
    if seen.disabled:
        raise PermissionDenied(
            f"{meaning.name}: the control is there and switched off",
            next_step="ask an admin of the account for the permission, or wait and run again",
        )
    raise PageChanged(
        f"{meaning.name}: {seen.why}",
        next_step="run `doctor`; a wording of your own can be added without a new release",
    )


def region(page: Page, meaning: Meaning) -> Region:
    """Return the section whose heading says what is meant.

    Raises:
        PageChanged: no section does, or two do.
    """
    with look_at(page) as tree:
        everything = units(tree)
        sections = _sections(tree, everything, meaning) or _proven(tree, everything, meaning)
        if len(sections) == 1:
            heading, _ = sections[0]
            found = found_of(page, tree, meaning, heading, [])
            if found:
                return Region(page, meaning.name, found.element, found, heading.unit.folded)
    names = " / ".join(quote(each.unit.text) for each, _ in sections)
    raise PageChanged(
        f"{meaning.name}: " + (f"two stand equally: {names}" if sections else nobody(meaning)),
        next_step="run `doctor`; a wording of your own can be added without a new release",
    )


def dialogs(page: Page) -> list[Region]:
    """Return what lies over the page: dialogs, pop-ups, banners."""
    with look_at(page) as tree:
        found = [(node, tree.handle(node)) for node in overlays(tree)]
    return [Region(page, quote(node.aria or "dialog"), handle) for node, handle in found if handle]


def texts(page: Page, pattern: str | re.Pattern[str]) -> list[Spot]:
    """Return every visible occurrence of a pattern: in texts, field values, titles and names."""
    with look_at(page, values=True) as tree:
        spots = [(node, text, source) for node, text, source in _spots(tree, pattern)]
        held = [(text, source, tree.handle(node)) for node, text, source in spots]
    return [Spot(text, source, handle) for text, source, handle in held if handle]


def nearest(where: Region | Found | ElementHandle, pattern: str | re.Pattern[str]) -> list[str]:
    """Return the distinct matches nearest to an element, in visible text or field values.

    Climbs from the element until something around it holds a match.
    """
    frame = None if isinstance(where, Region | Found) else where.owner_frame()
    page = where.page if isinstance(where, Region | Found) else frame.page if frame else None
    if page is None:  # the element has left its page
        return []
    with look_at(page, values=True) as tree:
        spots = [s for s in _spots(tree, pattern) if s[2] in ("text", "value")]
        if isinstance(where, Region):
            part = _part(tree, units(tree), where)
            inside = [text for node, text, _ in spots if part and part.covers(node)]
            if inside or part is None:
                return list(dict.fromkeys(inside))
            node: Node | None = part.first
        else:
            node = tree.node_of(where.element if isinstance(where, Found) else where)
        while node:
            inside = [text for at, text, _ in spots if node.holds(at)]
            if inside:
                return list(dict.fromkeys(inside))
            node = node.parent
    return []


def _spots(tree: Tree, pattern: str | re.Pattern[str]) -> list[tuple[Node, str, str]]:
    """Return every match with its node and where it stood."""
    find_in = re.compile(pattern)
    found: list[tuple[Node, str, str]] = []
    for owner, text, seen in tree.words:
        if seen:
            found += [(owner, m.group(), "text") for m in find_in.finditer(text)]
    held = {node.at for node, _, _ in found}
    for node in tree.nodes:
        if not node.visible:
            continue
        for said, source in ((node.value, "value"), (node.hint, "title"), (node.aria, "name")):
            found += [(node, m.group(), source) for m in find_in.finditer(said)] if said else []
        split = node.full and not node.own and 1 < node.end - node.at < 40 and len(node.full) <= 120
        if split and not any(node.at <= at < node.end for at in held):
            joined = tree.line(node)  # one text in several elements
            matches = [(node, m.group(), "text") for m in find_in.finditer(joined)]
            found += matches
            held |= {node.at for _ in matches}
    return found


def _shows(tree: Tree, part: Extent | None, pattern: str) -> bool:
    spots = [s for s in _spots(tree, pattern) if s[2] in ("text", "value")]
    return any(part is None or part.covers(node) for node, _, _ in spots)


def _in(everything: Sequence[Unit], part: Extent | None) -> list[Unit]:
    return [u for u in everything if part is None or part.covers(u.target)]


def _part(tree: Tree, everything: Sequence[Unit], where: Region) -> Extent | None:
    """Find a region again in a fresh look; by its heading's meaning where the page was redrawn."""
    node = tree.node_of(where.element)
    if where.heading is None:
        return Extent(node, node.end, node.end) if node else None
    unit = next((u for u in everything if node and u.target is node), None)
    meaning = where.heading.meaning
    renamed = where.heading.label in meaning.also
    sections = _sections(tree, everything, meaning) if renamed or not unit else []
    if unit and not sections:
        return extent(everything, unit, meaning)
    if renamed and sections:  # the one of the right name came late
        return None
    return sections[0][1] if len(sections) == 1 else None


def _sections(
    tree: Tree, everything: Sequence[Unit], meaning: Meaning
) -> list[tuple[Candidate, Extent]]:
    """Return the sections whose headings say it equally well, without empty and inner ones."""
    headings = [c for c in candidates(tree, everything, meaning) if c.score >= ENOUGH - 0.05]
    parts = [(c, extent(everything, c.unit, meaning)) for c in headings]
    filled = [
        (c, part)
        for c, part in parts
        if c.unit.folded or _filled(everything, c.unit, part.widened())
    ]
    if not filled:
        return []
    top = [(c, part) for c, part in filled if c.score > filled[0][0].score - MARGIN]
    return [one for one in top if not any(_replaces(everything, other, one) for other in top)]


def _proven(
    tree: Tree, everything: Sequence[Unit], meaning: Meaning
) -> list[tuple[Candidate, Extent]]:
    """Return the sections under another name that hold exactly one control of this one's own."""
    renamed, proven = replace(meaning, labels=meaning.also), []
    for heading, part in _sections(tree, everything, renamed) if meaning.also else ():
        inside = [u for u in _in(everything, part.widened()) if u.clickable]
        said = [best(meaning.proof, u.text, meaning.fillers) for u in inside]
        told = [label for how_well, label in said if label and how_well >= FILLED]
        if heading.wording >= FILLED and len(told) == 1:
            heading.how.append(f"a control in it says {told[0].text!r} ({told[0].language})")
            proven.append((heading, part))
    return proven


def _replaces(
    everything: Sequence[Unit], one: tuple[Candidate, Extent], other: tuple[Candidate, Extent]
) -> bool:
    """Whether of two sections, one inside the other, the first is the one to keep.

    The inner one where it holds something to operate; else the outer one, of which it is a line.
    """
    heading, part = one
    other_heading, other_part = other
    if heading is other_heading:
        return False
    if other_part.covers(heading.unit.target) and not part.covers(other_heading.unit.target):
        return _operable(everything, heading.unit, part)
    if part.covers(other_heading.unit.target) and not other_part.covers(heading.unit.target):
        return not _operable(everything, other_heading.unit, other_part)
    return False


def _operable(everything: Sequence[Unit], heading: Unit, part: Extent) -> bool:
    inside = [u for u in _in(everything, part) if u is not heading]
    return any(u.kind == "textbox" or (u.clickable and u.text.strip()) for u in inside)


def _filled(everything: Sequence[Unit], heading: Unit, part: Extent) -> bool:
    """Whether a section holds more than its heading: what only points to a section does not."""
    inside = [
        u for u in _in(everything, part) if u is not heading and u.target is not heading.target
    ]
    return any(u.clickable or u.kind == "textbox" for u in inside) or any(
        len(u.text) > 12 for u in inside
    )

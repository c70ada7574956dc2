"""Find a control by what it means: exactly one, or refuse.

One pass over the page gathers what a person could see (`controls_tree`), nested elements become
units (`controls_units`), each is scored on several kinds of evidence (`controls_score`), the best
are tried for reach (`controls_probe`), and one is taken only if it stands clear of all others.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from playwright.sync_api import ElementHandle, Page
from playwright.sync_api import Error as BrowserError

from automation import controls_places as places
from automation.controls_probe import Probe, probe
from automation.controls_regions import Extent, extent, overlays
from automation.controls_score import ENOUGH, KIND, MARGIN, NAME, TEXT, Candidate, candidates
from automation.controls_tree import Node, Tree
from automation.controls_units import Unit, units
from automation.controls_words import EXACT, Label, Meaning, fold, match, mentions, quote
from automation.errors import PageChanged, PermissionDenied

__all__ = [
    "Found",
    "Label",
    "Look",
    "Meaning",
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

_PROBED = 12
_STRICT_WORDING, _STRICT_FIT = 0.8, 0.5


@dataclass(frozen=True)
class Found:
    """The one control that is meant, and why it is taken for it."""

    meaning: Meaning
    label: Label | None
    """The wording that matched, None where place or id told."""
    score: float
    margin: float
    """Distance to the next best."""
    runner_up: str
    """The next best in words, empty where there is none."""
    how: tuple[str, ...]
    """The evidence in words."""
    text: str
    """Its own visible text, at most 80 characters."""
    enabled: bool
    element: ElementHandle = field(repr=False)
    """What a click must reach."""
    page: Page = field(repr=False)

    def click(self, timeout_ms: float) -> None:
        """Click it once, as a person would; never by force.

        Playwright first waits until it is visible, steady, enabled and not covered.

        Raises:
            PageChanged: it cannot be clicked; the message says whether a click may have happened.
        """
        name = self.meaning.name
        for trial, problem in ((True, "nothing was clicked"), (False, "it may have been clicked")):
            try:
                self.element.click(timeout=timeout_ms, trial=trial)
                continue
            except BrowserError as reported:
                kind = type(reported).__name__
            # Raised outside the except block: Playwright's own message may hold page values.
            raise PageChanged(f"{name}: clicking failed ({kind}), {problem}")

    def still(self) -> bool:
        """Say whether it is still there, visible, enabled and says the same."""
        try:
            with Tree(self.page) as tree:
                node = tree.node_of(self.element)
                unit = next((u for u in units(tree) if node and u.target is node), None)
        except BrowserError:
            return False
        return bool(unit and unit.target.visible and unit.enabled and unit.text[:80] == self.text)


@dataclass(frozen=True)
class Look:
    """What a look for one control brought."""

    found: Found | None
    disabled: Found | None
    """The clear candidate where that one is switched off."""
    candidates: tuple[Found, ...]
    """All that came into question, best first."""
    why: str
    """Why nothing was found, in words."""


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
        with Tree(self.page) as tree:
            part = _part(tree, units(tree), self)
            if part is None:
                return ""
            return " ".join(
                text.strip() for owner, text, seen in tree.words if seen and part.covers(owner)
            )

    def there(self) -> bool:
        """Say whether it is still on the page and visible."""
        with Tree(self.page) as tree:
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
    with Tree(page) as tree:
        if not tree.nodes:
            return Look(None, None, (), "the page is changing")
        everything = units(tree)
        part = None
        if isinstance(where, Region):
            part = _part(tree, everything, where)
            if part is None:
                return Look(None, None, (), f"the section {where.name} has gone")
        result = _look(page, tree, _in(everything, part), meaning)
        if part and part.wide > part.end and not (result.candidates or result.found):
            result = _look(page, tree, _in(everything, part.widened()), meaning)
        return result


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
    with Tree(page) as tree:
        everything = units(tree)
        sections = _sections(tree, everything, meaning)
        if len(sections) == 1:
            heading, _ = sections[0]
            found = _found(page, tree, meaning, heading, sections=[])
            if found:
                return Region(page, meaning.name, found.element, found, heading.unit.folded)
    names = " / ".join(quote(each.unit.text) for each, _ in sections)
    raise PageChanged(
        f"{meaning.name}: " + (f"two stand equally: {names}" if sections else _nobody(meaning)),
        next_step="run `doctor`; a wording of your own can be added without a new release",
    )


def dialogs(page: Page) -> list[Region]:
    """Return what lies over the page: dialogs, pop-ups, banners."""
    with Tree(page) as tree:
        found = [(node, tree.handle(node)) for node in overlays(tree)]
    return [Region(page, quote(node.aria or "dialog"), handle) for node, handle in found if handle]


def texts(page: Page, pattern: str | re.Pattern[str]) -> list[Spot]:
    """Return every visible occurrence of a pattern: in texts, field values, titles and names."""
    with Tree(page, values=True) as tree:
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
    with Tree(page, values=True) as tree:
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
            joined = tree.text(node, "")  # one text in several elements
            matches = [(node, m.group(), "text") for m in find_in.finditer(joined)]
            found += matches
            held |= {node.at for _ in matches}
    return found


def _in(everything: Sequence[Unit], part: Extent | None) -> list[Unit]:
    return [u for u in everything if part is None or part.covers(u.target)]


def _part(tree: Tree, everything: Sequence[Unit], where: Region) -> Extent | None:
    """Find a region again in a fresh look; by its heading's meaning where the page was redrawn."""
    node = tree.node_of(where.element)
    if where.heading is None:
        return Extent(node, node.end, node.end) if node else None
    unit = next((u for u in everything if node and u.target is node), None)
    if unit:
        return extent(tree, everything, unit, where.heading.meaning)
    sections = _sections(tree, everything, where.heading.meaning)
    return sections[0][1] if len(sections) == 1 else None


def _sections(
    tree: Tree, everything: Sequence[Unit], meaning: Meaning
) -> list[tuple[Candidate, Extent]]:
    """Return the sections whose headings say it equally well, without empty and inner ones."""
    headings = [c for c in candidates(tree, everything, meaning) if c.score >= ENOUGH - 0.05]
    parts = [(c, extent(tree, everything, c.unit, meaning)) for c in headings]
    filled = [
        (c, part)
        for c, part in parts
        if c.unit.folded or _filled(everything, c.unit, part.widened())
    ]
    if not filled:
        return []
    top = [(c, part) for c, part in filled if c.score > filled[0][0].score - MARGIN]
    return [
        (c, part)
        for c, part in top
        if not any(
            o is not c and p.covers(c.unit.target) and o.unit.target.at < c.unit.target.at
            for o, p in top
        )
    ]


def _filled(everything: Sequence[Unit], heading: Unit, part: Extent) -> bool:
    """Whether a section holds more than its heading: what only points to a section does not."""
    inside = [
        u for u in _in(everything, part) if u is not heading and u.target is not heading.target
    ]
    return any(u.clickable or u.kind == "textbox" for u in inside) or any(
        len(u.text) > 12 for u in inside
    )


def _look(page: Page, tree: Tree, among: Sequence[Unit], meaning: Meaning) -> Look:
    if "row" in meaning.kinds:
        return _by_place(page, tree, meaning, places.row(tree, among, meaning))
    ranked = candidates(tree, among, meaning)
    wanted = [c for c in ranked if c.score >= ENOUGH and _plain_enough(c, meaning)]
    if not wanted and meaning.beside:
        return _by_place(page, tree, meaning, places.icon(tree, among, meaning))
    ranked, blocked = _reachable(tree, ranked, meaning)
    return _decide(page, tree, meaning, ranked, blocked)


def _plain_enough(candidate: Candidate, meaning: Meaning) -> bool:
    if not meaning.strict:
        return True
    return candidate.wording >= _STRICT_WORDING and candidate.fit >= _STRICT_FIT


def _reachable(
    tree: Tree, ranked: list[Candidate], meaning: Meaning
) -> tuple[list[Candidate], list[str]]:
    """Drop what a click could not reach; lift plain texts that are drawn as buttons."""
    if not ranked or meaning.kinds & {"heading", "region"}:
        return ranked, []
    asked = ranked[:_PROBED]
    kept, blocked = [], []
    for candidate, said in zip(asked, probe(tree, [c.unit.target for c in asked]), strict=True):
        if not said.reachable:
            blocked.append(f"{quote(candidate.unit.text)!r} is {_blocked(said)}")
            continue
        if said.framed and candidate.unit.kind == "text":
            gain = (0.6 - candidate.fit) * KIND / (NAME + TEXT + KIND)
            candidate = replace(
                candidate, fit=0.6, score=round(candidate.score + gain, 3),
                how=[*candidate.how, "it is drawn as a button"],
            )  # fmt: skip
        kept.append(candidate)
    return sorted([*kept, *ranked[_PROBED:]], key=lambda c: -c.score), blocked


def _blocked(said: Probe) -> str:
    return {
        "nested": "a frame around another control",
        "gone": "gone",
        "through": "not reached by clicks",
    }.get(said.reach, "covered")


def _decide(
    page: Page, tree: Tree, meaning: Meaning, ranked: list[Candidate], blocked: list[str]
) -> Look:
    good = [c for c in ranked if c.score >= ENOUGH]
    shown = tuple(f for c in ranked[:5] if (f := _found(page, tree, meaning, c, ranked)))
    if not good:
        why = "; ".join(blocked[:2]) or (_weak(ranked[0]) if ranked else _nobody(meaning))
        return Look(None, None, shown, why)
    best = good[0]
    rivals = [c for c in ranked[1:] if best.score - c.score < MARGIN]
    if rivals:
        one, two = _describe(best), _describe(rivals[0])
        off = shown[0] if shown and not best.unit.enabled else None
        off = off if all(not c.unit.enabled for c in rivals) else None
        return Look(None, off, shown, f"two stand equally: {one} / {two}")
    if not _plain_enough(best, meaning):
        return Look(None, None, shown, _weak(best))
    found = _found(page, tree, meaning, best, ranked)
    if found is None:
        return Look(None, None, shown, "it went away while being looked at")
    if not best.unit.enabled:
        return Look(None, found, shown, f"{_describe(best)} is switched off")
    return Look(found, None, shown, "")


def _by_place(page: Page, tree: Tree, meaning: Meaning, place: places.Place) -> Look:
    every = [Candidate(u, 0.9, EXACT, 1.0, None, [place.how]) for u in place.units]
    if not every:
        return Look(None, None, (), _nobody(meaning))
    if len(every) > 1:
        shown = tuple(f for c in every[:5] if (f := _found(page, tree, meaning, c, every)))
        both = " / ".join(_describe(c) for c in every[:2])
        return Look(None, None, shown, f"two stand equally: {both}")
    only = probe(tree, [every[0].unit.target])[0]
    if not only.reachable and only.reach != "nested":
        return Look(None, None, (), f"{_describe(every[0])} is {_blocked(only)}")
    return _decide(page, tree, meaning, every, [])


def _found(
    page: Page, tree: Tree, meaning: Meaning, one: Candidate, sections: Sequence[Candidate]
) -> Found | None:
    element = tree.handle(one.unit.target)
    if element is None:
        return None
    others = [c for c in sections if c is not one]
    second = others[0] if others else None
    return Found(
        meaning=meaning,
        label=one.label,
        score=one.score,
        margin=round(one.score - second.score, 3) if second else one.score,
        runner_up=_describe(second) if second else "",
        how=tuple(one.how),
        text=one.unit.text[:80],
        enabled=one.unit.enabled,
        element=element,
        page=page,
    )


def _describe(candidate: Candidate) -> str:
    said = quote(candidate.unit.text or candidate.unit.name) or "an icon"
    kind = candidate.unit.kind
    return f"{said!r} ({kind}, {candidate.score:.2f})"


def _weak(candidate: Candidate) -> str:
    return f"only {_describe(candidate)} comes near it: {', '.join(candidate.how)}"


def _nobody(meaning: Meaning) -> str:
    first = meaning.labels[0].text if meaning.labels else meaning.name
    return f"no visible element says {first!r} in any known wording"  # our word, not the page's

"""How surely a unit is the control that is meant, and in words why."""

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from automation.controls_tree import Node, Tree
from automation.controls_units import Unit, kind_of
from automation.controls_words import (
    APART,
    EXACT,
    EXTRA,
    FILLED,
    INSIDE,
    Label,
    Meaning,
    best,
    fold,
    leads,
    mentions,
    tight,
)

NAME, TEXT, KIND, NEAR, ID = 2.85, 2.80, 3.55, 1.45, 0.5
"""What each evidence weighs: the tuned weights of the 2025 replication of Similo (name, text, type
with tag, neighbours, id). Class weighs nothing. Location is left out: there is no recording to
compare it with on a page never seen."""

ASIDE = 0.9
"""What the name weighs where it says something else than the text, which says just what is meant:
the weight of aria-label there. People see the text, and it is what changes least."""

ENOUGH = 0.70
"""Below this nothing is taken: a wording with a few more words passes on the right kind of element
(0.75); one inside a longer text does not (0.57), nor does exact wording on a heading (0.67)."""

MARGIN = 0.10
"""The least distance to the next best. An exact wording stands 0.12 and more above one on a line of
its own, a control 0.25 above a mere text; a button 0.096 above what is only clickable: unsure."""

BESIDE, CLOSE, FAR = 1.0, 0.6, 0.3
"""How near a word stands, by how much text the smallest part of the page with both in it holds."""

_HOW_NEAR = {
    BESIDE: "its neighbours fit",
    CLOSE: "its surroundings fit",
    FAR: "its wider surroundings fit",
}
_IDLE_IN_IDS = {"btn", "button", "cta", "event", "events", "api", "link", "tab", "icon"}
_WORDS = {
    EXACT: "exactly",
    FILLED: "with idle words",
    APART: "on a line of its own",
    EXTRA: "with a few more",
    INSIDE: "within",
}


@dataclass
class Candidate:
    """One unit that may be what is meant."""

    unit: Unit
    score: float
    wording: float
    fit: float
    label: Label | None
    how: list[str] = field(default_factory=list)


def candidates(tree: Tree, units: Sequence[Unit], meaning: Meaning) -> list[Candidate]:
    """Return the units that say what is meant, best first."""
    twins: dict[str, list[Unit]] = {}
    for unit in units if meaning.near else ():
        twins.setdefault(tight(unit.text), []).append(unit)
    found = [each for unit in units if (each := judge(tree, unit, meaning, twins))]
    return sorted(found, key=lambda each: -each.score)


def judge(
    tree: Tree, unit: Unit, meaning: Meaning, twins: Mapping[str, Sequence[Unit]]
) -> Candidate | None:
    """Score one unit, None where wording or kind rule it out.

    Args:
        tree: the look it is from.
        unit: what may be meant.
        meaning: what is meant.
        twins: all units by their text, to tell whose neighbours are whose.
    """
    name, label = best(meaning.labels, unit.name, meaning.fillers)
    text, text_label = _text(unit, meaning)
    if tight(unit.name) == tight(unit.text):  # named by its text
        name = text
    label = text_label if text > name or label is None else label
    known = _known(unit, meaning)
    if not (name or text or known):
        return None
    if meaning.kinds & {"heading", "region"} and _says_another(
        unit, meaning, max(name, text), label
    ):
        return None
    fit, kind = _fit(unit, meaning)
    if not fit or vetoed(unit, meaning):
        return None
    said = tight(unit.text) or tight(unit.name)
    if not (name or text):
        return _by_id_alone(unit, known, fit) if said else None
    how = []
    if label:
        said_by = "text" if text >= name and tight(unit.text) else "name"
        how = [f"{said_by} says {_WORDS[max(name, text)]} {label.text!r} ({label.language})"]
    evidence = [(KIND, fit), (NAME if name or text < FILLED else ASIDE, name)]
    if len(tight(unit.text)) > 1:  # an x or a cross is an icon
        evidence.append((TEXT, text))
    if meaning.near:
        near = nearness(tree, unit, meaning.near, twins.get(tight(unit.text), ()))
        if meaning.needs_near and not near:
            return None
        evidence.append((NEAR, near))
        how += [_HOW_NEAR[near]] if near else []
    if known:
        evidence.append((ID, 1.0))
        how.append("its id fits")
    score = sum(weight * how_much for weight, how_much in evidence) / sum(w for w, _ in evidence)
    return Candidate(unit, round(score, 3), max(name, text), fit, label, [*how, kind])


def _says_another(unit: Unit, meaning: Meaning, how_well: float, label: Label | None) -> bool:
    """Whether a heading has more words that make it another's: before the label, or around it."""
    said = unit.text or unit.name
    whole = next((n.full for n in unit.members[0].above() if kind_of(n) == "heading"), None)
    if whole and tight(whole) != tight(said):  # the unit is a piece of a heading
        said, (how_well, label) = whole, best(meaning.labels, whole, meaning.fillers)
    return how_well <= EXTRA and not (label and leads(label, said, meaning.fillers))


def _by_id_alone(unit: Unit, known: str, fit: float) -> Candidate | None:
    """Take a control in a language we do not know where its id says just that, on the very kind."""
    if fit < 1:
        return None
    for node in unit.members:
        rest = set(_split(node.known)) - set(known.split()) - _IDLE_IN_IDS
        if node.known and not any(word.isalpha() and len(word) > 2 for word in rest):
            how = [f"its id says {known!r}", "its wording is not known"]
            return Candidate(unit, 0.72, APART, fit, None, how)
    return None


def _text(unit: Unit, meaning: Meaning) -> tuple[float, Label | None]:
    whole = best(meaning.labels, unit.text, meaning.fillers)
    if whole[0] >= FILLED:
        return whole
    part: tuple[float, Label | None] = (0.0, None)
    for piece in unit.parts:
        part = max(part, best(meaning.labels, piece, meaning.fillers), key=lambda each: each[0])
    if part[0] < EXACT:
        return whole
    # The label stands alone in the control beside something else: a badge, or a line below it.
    rest = len(tight(unit.text)) - len(tight(part[1].text if part[1] else ""))
    return (FILLED if rest <= 3 else APART, part[1])


def _known(unit: Unit, meaning: Meaning) -> str:
    """Return the words of an id of the unit that say what is meant."""
    if not meaning.ids:
        return ""
    for node in unit.members:
        words = _split(node.known)
        for wanted in meaning.ids:
            if words and all(word in words for word in wanted.split()):
                return wanted
    return ""


def _split(known: str) -> list[str]:
    spaced = "".join(f" {c}" if c.isupper() else c if c.isalnum() else " " for c in known)
    return fold(spaced).split()


def vetoed(unit: Unit, meaning: Meaning) -> str | None:
    """Return the never-word that the unit's own name, text or id holds."""
    ids = " ".join(" ".join(_split(node.known)) for node in unit.members[-3:])
    for said in (unit.name, unit.text, unit.target.aria, unit.target.hint, ids):
        word = mentions(meaning.never, said)
        if word:
            return word
    return None


def _fit(unit: Unit, meaning: Meaning) -> tuple[float, str]:
    """Say how welcome the unit's kind is, and in words what it is."""
    kind, wanted = unit.kind, meaning.kinds
    if kind in wanted:
        return 1.0, f"it is a {kind}"
    if wanted & {"heading", "region"}:
        return _fit_heading(unit)
    if kind == "link":
        return _fit_link(unit, meaning)
    if kind in ("textbox", "choice") or wanted == {"textbox"}:
        return 0.0, ""
    if kind == "clickable":
        return 0.75, "it is clickable"
    if kind in ("button", "tab", "menuitem"):
        return 0.7, f"it is a {kind}"
    if kind == "inherits":
        return 0.5, "it lies in something clickable"
    if kind == "heading":
        return 0.15, "it is a heading"
    return 0.35, "it is plain text"


def _fit_link(unit: Unit, meaning: Meaning) -> tuple[float, str]:
    target = unit.target
    if not meaning.strict:
        return 0.7, "it is a link"
    if target.opens_elsewhere or "://" in target.href or target.href.startswith("/"):
        return 0.3, "it is a link to another page"
    return 0.8, "it is a link that leads nowhere else"


def _fit_heading(unit: Unit) -> tuple[float, str]:
    if unit.folds:
        return 0.8, "it opens a section"
    if unit.kind in ("clickable", "inherits", "button"):
        return 0.5, "it can be clicked and may open a section"
    if unit.clickable:
        return 0.0, ""
    if unit.target.look[3]:
        return 0.85, "it is bold"
    return 0.6, "it is plain text"


def nearness(tree: Tree, unit: Unit, near: Sequence[Label], twins: Sequence[Unit]) -> float:
    """Say how close to the unit one of the words stands: BESIDE, CLOSE, FAR or 0.

    Climbs until a word is met. What also surrounds a twin of the unit tells nothing.
    """
    others = [t.target for t in twins if t is not unit and not _one_in_other(t, unit)]
    for node in unit.members[0].above():
        text = _around(tree, node)
        if text is None or any(node.holds(other) for other in others):
            return 0.0
        if any(_stands(label, text, unit.text) for label in near):
            return BESIDE if len(text) <= 300 else CLOSE if len(text) <= 1000 else FAR
    return 0.0


def _one_in_other(one: Unit, other: Unit) -> bool:
    return one.members[0].holds(other.target) or other.members[0].holds(one.target)


def _around(tree: Tree, node: Node) -> str | None:
    if node.full is not None:
        return fold(node.full)
    if node.end - node.at > 400:
        return None
    text = fold(tree.text(node))
    return text if len(text) <= 2500 else None


def _stands(label: Label, text: str, own: str) -> bool:
    """Whether a text says a label apart from the unit's own words, idle words between allowed."""
    pattern = _loosely(label.text)
    return len(pattern.findall(text)) > len(pattern.findall(fold(own)))


@functools.lru_cache(maxsize=4096)
def _loosely(label: str) -> re.Pattern[str]:
    words = [re.escape(word) for word in fold(label).split()]
    if not label.isascii():  # words may run together, or have endings
        return re.compile(r"\s?".join(words))
    return re.compile(r"\b" + r"\s(?:\w+\s){0,2}".join(words) + r"\b")

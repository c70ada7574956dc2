"""Words on a page compared with words we know: folding, matching, and what is never touched."""

import functools
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

EXACT, FILLED, EXTRA, INSIDE = 1.0, 0.9, 0.6, 0.3
"""How well a text says a label: just that; with idle words; with a few more; within much more."""

_NO_SPACES = re.compile(r"[\u0e00-\u0eff\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_LETTERS = str.maketrans({"\u0131": "i", "đ": "d", "ł": "l", "ø": "o", "ß": "ss"})
_SECRETIVE = re.compile(r"[\w.\-+/=]{16,}")


@dataclass(frozen=True)
class Label:
    """One wording of a control in one language."""

    text: str
    """As the page shows it."""
    language: str = "en"
    """Language tag."""
    verified: bool = False
    """True where three sources or an official one say so."""
    source: str = ""
    """Who says so."""


@dataclass(frozen=True)
class Meaning:
    """What a control means, and all that tells it from its neighbours. Built from wording data."""

    name: str
    """The name used in records and messages, e.g. `settings_tab`."""
    labels: tuple[Label, ...]
    """Every known wording."""
    kinds: frozenset[str]
    """Welcome kinds: button, link, tab, menuitem, textbox, row, heading, region, icon."""
    never: tuple[str, ...] = ()
    """Any of these in the control's own name or text rules it out."""
    near: tuple[Label, ...] = ()
    """Words that stand close by; they tell it from twins."""
    needs_near: bool = False
    """True: without any of `near` close by it is not it."""
    beside: tuple[Label, ...] = ()
    """For an icon without a name: the text it stands beside."""
    holds: tuple[Label, ...] = ()
    """For a region: headings that may stand inside it without ending it."""
    fillers: frozenset[str] = field(default=frozenset(), repr=False)
    """Folded idle words ("the", "new") that do not change what a label says."""
    ids: tuple[str, ...] = ()
    """Words an id or test id of it would hold, e.g. "generate token"; each stands alone."""
    rivals: str = ""
    """For a row: a pattern of what stands in other rows at the place of this one's label."""
    strict: bool = False
    """True where the click cannot be taken back: exact wording and signs of a control only."""


@functools.lru_cache(maxsize=16384)
def fold(text: str) -> str:
    """Return the text without case, accents, punctuation, icons and invisible characters."""
    text = unicodedata.normalize("NFKD", text.casefold()).casefold().translate(_LETTERS)
    kept = []
    for char in text:
        kind = unicodedata.category(char)
        if kind[0] in "LN" or (kind[0] == "M" and not "\u0300" <= char <= "\u036f"):
            kept.append(char)
        elif kind not in ("Cf", "Mn", "Co"):  # invisible, accents, icon fonts: as if not there
            kept.append(" ")
    # Twice casefolded above because NFKD can bring capitals back (e.g. from letter-like symbols).
    return " ".join(unicodedata.normalize("NFC", "".join(kept)).split())


@functools.lru_cache(maxsize=16384)
def tight(text: str) -> str:
    """Return the folded text without spaces."""
    return fold(text).replace(" ", "")


def match(label: str, text: str, fillers: Iterable[str] = ()) -> float:
    """Say how well a text says a label: EXACT, FILLED, EXTRA, INSIDE or 0."""
    wanted, given = fold(label), fold(text)
    if not wanted or not given:
        return 0.0
    if tight(label) == tight(text):
        return EXACT
    rest = _rest_spaceless(label, text) if _NO_SPACES.search(wanted) else _rest(wanted, given)
    if rest is None:
        return 0.0
    idle = set(fillers)
    if all(word in idle for word in rest):
        return FILLED
    room = len(wanted.split()) + 1
    small = len(rest) <= min(room, 3) and sum(map(len, rest)) <= max(8, len(wanted))
    return EXTRA if small else INSIDE


def _rest(wanted: str, given: str) -> list[str] | None:
    """Return the words of `given` that `wanted` does not use, or None if it is not in there."""
    need, rest = wanted.split(), []
    at = 0
    for word in given.split():
        if at < len(need) and word == need[at]:
            at += 1
        else:
            rest.append(word)
    return rest if at == len(need) else None


def _rest_spaceless(label: str, text: str) -> list[str] | None:
    wanted, given = tight(label), tight(text)
    start = given.find(wanted)
    if start < 0:
        return None
    return [part for part in (given[:start], given[start + len(wanted) :]) if part]


def best(
    labels: Iterable[Label], text: str, fillers: Iterable[str] = ()
) -> tuple[float, Label | None]:
    """Return the best match among the labels, and the label."""
    top: tuple[float, Label | None] = (0.0, None)
    if not fold(text):
        return top
    for label in labels:
        how_well = match(label.text, text, fillers)
        if how_well > top[0]:
            top = (how_well, label)
    return top


def forbidden(never: Iterable[str], text: str) -> str | None:
    """Return the never-word that a text holds, or None.

    A word counts at the start of a word ("deleted" holds "delete"), also where a hyphen or a
    space splits it ("re-generate" holds "regenerate"); in scripts without spaces, anywhere.
    """
    given = fold(text)
    if not given:
        return None
    words = given.split()
    joined = [first + second for first, second in pairwise(words)]
    padded = " " + given
    for word in never:
        bad = fold(word)
        if not bad:
            continue
        if _NO_SPACES.search(bad):
            if tight(word) in tight(text):
                return word
        elif " " + bad in padded if len(bad) > 3 else bad in words:
            return word
        elif bad in joined:
            return word
    return None


def quote(text: str, limit: int = 60) -> str:
    """Return page text fit for a message: short, on one line, long runs of letters masked."""
    text = _SECRETIVE.sub("…", " ".join(text.split()))
    return text if len(text) <= limit else text[: limit - 1] + "…"

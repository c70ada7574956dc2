"""Words on a page compared with words we know: folding, matching, and what is never touched."""

import functools
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, permutations

EXACT, FILLED, APART, EXTRA, INSIDE = 1.0, 0.9, 0.8, 0.6, 0.3
"""How well a text says a label: just that; with idle words; just that on a line of its own; with a
few more words; within much more."""

_CJK = "[\u0e00-\u0eff\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
_NO_SPACES = re.compile(_CJK)
_LETTERS = str.maketrans({"\u0131": "i", "đ": "d", "ł": "l", "ø": "o", "ß": "ss"})
_SCRIPTS = re.compile(rf"(?<=[a-z0-9])(?={_CJK})|(?<={_CJK})(?=[a-z0-9])")
_NOT_WORDS = re.compile(r"[^a-z0-9]+")
_VERB_LAST = {"de", "ja", "ko", "tr"}
_FEW = 12
"""So many letters more are few, whatever the label's own length: one long word, or two short."""
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
    labels: tuple[Label, ...] = field(repr=False)
    """Every known wording."""
    kinds: frozenset[str] = field(repr=False)
    """Welcome kinds: button, link, tab, menuitem, textbox, row, heading, region, icon."""
    never: tuple[str, ...] = field(default=(), repr=False)
    """Any of these in the control's own name or text rules it out."""
    built: tuple[Label, ...] = field(default=(), repr=False)
    """Further wordings of a control, each put together: a verb with a thing."""
    near: tuple[Label, ...] = field(default=(), repr=False)
    """Words that stand close by; they tell it from twins."""
    needs_near: bool = False
    """True: without any of `near` close by it is not it."""
    beside: tuple[Label, ...] = field(default=(), repr=False)
    """For an icon without a name: the text it stands beside."""
    holds: tuple[Label, ...] = field(default=(), repr=False)
    """For a region: headings that may stand inside it without ending it."""
    also: tuple[Label, ...] = field(default=(), repr=False)
    """For a region: other names of it, good only where what it holds proves it."""
    proof: tuple[Label, ...] = field(default=(), repr=False)
    """For a region under another name: what exactly one control in it must say."""
    fillers: frozenset[str] = field(default=frozenset(), repr=False)
    """Folded idle words ("the", "new") that do not change what a label says."""
    ids: tuple[str, ...] = ()
    """Words an id or test id of it would hold, e.g. "generate token"; each stands alone."""
    rivals: str = ""
    """For a row: a pattern of what stands in other rows at the place of this one's label."""
    unless: str = ""
    """A pattern: where the part of the page looked in shows it, in text or fields, it is not it."""
    strict: bool = False
    """True where the click cannot be taken back: exact wording and signs of a control only."""


def fold(text: str) -> str:
    """Return the text without case, accents, punctuation, icons and invisible characters."""
    return _fold_kept(text) if len(text) <= 500 else _fold(text)


def _fold(text: str) -> str:
    if text.isascii():
        return _NOT_WORDS.sub(" ", text.lower()).strip()
    # Casefolded again, because NFKD can bring capitals back (from letter-like symbols).
    text = unicodedata.normalize("NFKD", text.casefold()).casefold().translate(_LETTERS)
    kept = []
    for char in text:
        kind = unicodedata.category(char)
        if kind[0] in "LN" or (kind[0] == "M" and not "\u0300" <= char <= "\u036f"):
            kept.append(char)
        elif kind not in ("Cf", "Mn", "Co"):  # invisible, accents, icon fonts: as if not there
            kept.append(" ")
    folded = unicodedata.normalize("NFC", "".join(kept))
    return " ".join(_SCRIPTS.sub(" ", folded).split())


_fold_kept = functools.lru_cache(maxsize=16384)(_fold)


@functools.lru_cache(maxsize=16384)
def tight(text: str) -> str:
    """Return the folded text without spaces."""
    return fold(text).replace(" ", "")


class _Form:
    """A label made ready to be looked for in many texts."""

    __slots__ = ("dense", "label", "need", "room", "spaceless")

    def __init__(self, label: Label) -> None:
        folded = fold(label.text)
        self.label = label
        self.dense = folded.replace(" ", "")
        self.need = folded.split()
        self.spaceless = bool(_NO_SPACES.search(folded))
        # How much more may stand there: a single word says too little to bear any.
        self.room = min(len(self.need), 3) if len(self.need) > 1 else 0
        if self.spaceless:
            self.room = 2 if len(self.dense) > 2 else 0

    def match(self, dense: str, words: list[str], idle: frozenset[str]) -> float:
        """Say how well a text says it, given without spaces and as words."""
        if not self.dense or not dense:
            return 0.0
        if self.dense == dense:
            return EXACT
        rest = self._rest_of(dense) if self.spaceless else self._rest(words)
        if rest is None:
            return 0.0
        if all(word in idle for word in rest):
            return FILLED
        small = len(rest) <= self.room and sum(map(len, rest)) <= max(_FEW, len(self.dense))
        return EXTRA if small else INSIDE

    def _rest(self, words: list[str]) -> list[str] | None:
        """Return the words that the label does not use, or None where it is not among them."""
        need, at = self.need, 0
        rest = []
        for word in words:
            if at < len(need) and word == need[at]:
                at += 1
            else:
                rest.append(word)
        return rest if at == len(need) else None

    def _rest_of(self, dense: str) -> list[str] | None:
        before, found, after = dense.partition(self.dense)
        return [part for part in (before, after) if part] if found else None


class _Prepared:
    """A list of labels, ordered so that most texts are told from it without trying each."""

    def __init__(self, labels: Sequence[Label]) -> None:
        self.labels = labels
        self.exact: dict[str, Label] = {}
        self.by_first: dict[str, list[_Form]] = {}
        self.spaceless: list[_Form] = []
        for form in (_Form(label) for label in labels):
            if not form.dense:
                continue
            self.exact.setdefault(form.dense, form.label)
            if form.spaceless:
                self.spaceless.append(form)
            else:
                self.by_first.setdefault(form.need[0], []).append(form)

    def worth_trying(self, given: str, words: list[str]) -> Iterator[_Form]:
        """Give the labels that could be in a text."""
        if self.spaceless and not given.isascii():
            yield from self.spaceless
        for word in dict.fromkeys(words):
            yield from self.by_first.get(word, ())


_lists: dict[int, _Prepared] = {}


def _prepared(labels: Sequence[Label]) -> _Prepared:
    """Prepare a list of labels once; it is kept with the result, so its id stays its own."""
    kept = _lists.get(id(labels))
    if kept is None or kept.labels is not labels:
        if len(_lists) > 500:
            _lists.clear()
        kept = _lists[id(labels)] = _Prepared(labels)
    return kept


@functools.lru_cache(maxsize=4096)
def _form(label: str) -> _Form:
    return _Form(Label(label))


def match(label: str, text: str, idle: frozenset[str] = frozenset()) -> float:
    """Say how well a text says a label: EXACT, FILLED, EXTRA, INSIDE or 0.

    Args:
        label: the wording looked for.
        text: what the page says.
        idle: folded words that may stand around it without changing what is said.
    """
    given = fold(text)
    return _form(label).match(given.replace(" ", ""), given.split(), idle)


def best(
    labels: tuple[Label, ...], text: str, idle: frozenset[str] = frozenset()
) -> tuple[float, Label | None]:
    """Return the best match among the labels, and the label."""
    top: tuple[float, Label | None] = (0.0, None)
    given = fold(text)
    if not given:
        return top
    dense, words, known = given.replace(" ", ""), given.split(), _prepared(labels)
    if dense in known.exact:
        return EXACT, known.exact[dense]
    for form in known.worth_trying(given, words):
        how_well = form.match(dense, words, idle)
        if how_well > top[0]:
            top = (how_well, form.label)
    return top


def leads(label: Label, text: str, idle: frozenset[str] = frozenset()) -> bool:
    """Whether a text begins with a label, in a language where more words after it only qualify it.

    "Events settings" is about events; "offline events" and "set up events" are something else,
    and where verbs stand last, so is any more.
    """
    need, words = fold(label.text).split(), fold(text).split()
    while words and words[0] in idle and words[0] != need[0]:
        del words[0]
    return label.language not in _VERB_LAST and words[: len(need)] == need


@functools.lru_cache(maxsize=64)
def with_analogies(labels: tuple[Label, ...], built: tuple[Label, ...] = ()) -> tuple[Label, ...]:
    """Add what follows from the labels: of "create x y", "get x y" and "get y", also "create y".

    In each language by itself, and only from labels of one meaning: halves that stand for one
    another beside one word stand for one another beside the next. Nothing follows from labels
    that were built already; they are put after the others.
    """
    known = {(label.language, fold(label.text)) for label in labels}
    added: list[Label] = []
    for language in dict.fromkeys(label.language for label in labels):
        beside: dict[str, set[str]] = {}  # which ends each beginning has
        for words in (text.split() for spoken, text in known if spoken == language):
            for at in range(1, len(words)):
                beside.setdefault(" ".join(words[:at]), set()).add(" ".join(words[at:]))
        for one, other in permutations(sorted(beside), 2):
            if beside[one] & beside[other]:
                added += [
                    Label(f"{one} {end}", language, source="other labels, by analogy")
                    for end in sorted(beside[other] - beside[one])
                ]
    fresh = {
        each: None
        for each in added
        if (each.language, each.text) not in known
        and len(set(each.text.split())) == len(each.text.split())
    }
    return (*labels, *fresh, *built)


def mentions(words: Iterable[str], text: str) -> str | None:
    """Return the first of some words that a text holds, or None.

    A word counts at the start of a word ("deleted" holds "delete"), also where a hyphen or a
    space splits it ("re-generate" holds "regenerate"); in scripts without spaces, anywhere.
    """
    given = fold(text)
    if not given:
        return None
    spoken = given.split()
    joined = {first + second for first, second in pairwise(spoken)} | set(spoken)
    padded, dense = " " + given, given.replace(" ", "")
    for word in words:
        bad = fold(word)
        if not bad:
            continue
        if _NO_SPACES.search(bad):
            if bad.replace(" ", "") in dense:
                return word
        elif bad in joined or (len(bad) > 3 and " " + bad in padded):
            return word
    return None


def quote(text: str, limit: int = 60) -> str:
    """Return page text fit for a message: short, on one line, long runs of letters masked."""
    text = _SECRETIVE.sub("…", " ".join(text.split()))
    return text if len(text) <= limit else text[: limit - 1] + "…"

"""Stand-ins for what a page says of somebody: the same one for the same original, everywhere.

First everything is read (`learn`, `know`), then everything is written (`text`, `name`, `across`):
what the last page gives away is gone from the first one too.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

_FILLER = "fixturestandin"
_UNSEEN = re.compile("[\\s\u200b-\u200f\u2060\ufeff\u00ad]")
_MIXED = re.compile(r"[A-Za-z](?=\d)|\d(?=[A-Za-z])")
_RUN = re.compile(r"(?:[A-Za-z0-9_\-~+]|%[0-9A-Fa-f]{2}){20,}")
_SOLID_RUN = re.compile(r"[A-Za-z0-9]{20,}")
_PIECE = re.compile(r"[^A-Za-z0-9_\-+/=~]+")
_TAIL = re.compile("(?<=[\u2022\u25cf\u2219\u00b7*\uff0a]{4})[A-Za-z0-9_-]{1,12}")
IDENTIFIERS = frozenset(
    "class id for slot part exportparts name headers list form data-testid data-test data-e2e "
    "data-tid data-cy data-icon data-leads aria-labelledby aria-controls aria-owns "
    "aria-describedby aria-activedescendant jsaction".split()
)
"""Attributes that name elements for programs. Their words are long and full of digits."""
UNSPOKEN = IDENTIFIERS | frozenset(
    "type role style lang dir src width height viewBox d fill stroke xmlns tabindex target rel "
    "content charset".split()
)
"""Attributes that say nothing to people: names are not looked for in them."""
_PERSONAL = re.compile(
    r"(user|nick|first|last|full|display|screen|real|account|org|owner)[_-]?name|^name$|mail|phone",
    re.IGNORECASE,
)
"""Keys under which pages store what a person or a company is called."""


@dataclass(frozen=True)
class Kind:
    """One kind of thing that is replaced, and how its stand-ins are made."""

    name: str
    """What the index calls it, e.g. "mail"."""
    pattern: re.Pattern[str]
    """What is one wherever it stands."""
    stand_in: Callable[[int, str], str]
    """Makes the n-th stand-in of an original, in its form."""
    stands_in: Callable[[str], object]
    """Says whether a text is a stand-in: a recording of a recording leaves it as it is."""


def _digits(number: int, original: str) -> str:
    return "7" + str(number).zfill(len(original) - 1)


def _filled(number: int, original: str) -> str:
    """Keep length and classes of characters, say nothing, and end in the number."""
    filler = (_FILLER * (len(original) // len(_FILLER) + 1))[: len(original)]
    drawn = [_like(char, fill) for char, fill in zip(original, filler, strict=True)]
    end = str(number).zfill(4)
    return "".join(drawn[:-4]) + end if len(original) >= 8 else "".join(drawn)


def _like(char: str, fill: str) -> str:
    if char.isdigit():
        return "0"
    if char.isalpha():
        return fill.upper() if char.isupper() else fill
    return char


def _is_filled(text: str) -> bool:
    end = text[-4:]
    return len(text) >= 8 and end.isdigit() and _filled(int(end), text) == text


NUMBER = Kind(
    "number",
    re.compile(r"(?<!\d)(?<!\d\.)\d{15,20}(?!\d)"),
    _digits,
    re.compile(r"70{6,}\d+").fullmatch,
)
"""Fifteen to twenty digits: accounts, business centres, inner numbers. No decimal fraction."""
MAIL = Kind(
    "mail",
    re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}"),
    lambda number, _original: f"person{number}@example.com",
    re.compile(r"person\d+@example\.com").fullmatch,
)
SECRET = Kind("secret", _RUN, _filled, _is_filled)
"""A long run of letters and digits: a token, a session, a hash. What has no digit is no secret."""
NAME = Kind(
    "name",
    re.compile(r"(?!)"),  # no name is known by its form
    lambda number, _original: f"Sample {number}",
    re.compile(r"Sample \d+").fullmatch,
)
"""What a person, a company or a thing of theirs is called."""


class Redactor:
    """Knows originals and gives each one stand-in. Holds them in memory and nowhere else."""

    def __init__(self, kinds: Sequence[Kind] = (), words: Iterable[str] = ()) -> None:
        """Know the general kinds.

        Args:
            kinds: further ones, more exact than ours.
            words: what the site itself says; no name, whoever is called so.
        """
        self._kinds = (MAIL, *kinds, NUMBER)
        self._words = {each.casefold() for each in words}
        self._known: dict[str, tuple[str, str]] = {}
        self._numbers: dict[str, int] = {}
        self._forms: dict[str, tuple[str, str]] = {}

    def __repr__(self) -> str:
        """Say how much it knows, and nothing of what."""
        return f"Redactor({len(self._known)} originals)"

    # -- reading -----------------------------------------------------------------------------

    def know(self, kind: Kind, originals: Iterable[str]) -> None:
        """Take originals whose kind is told, not recognised."""
        for original in (each.strip() for each in originals):
            if len(original) >= 3 and not (kind is NAME and original.casefold() in self._words):
                self._add(kind, original)

    def know_session(self, state: Mapping[str, Any]) -> None:
        """Take every value that a browser's storage state holds and that could tell a session."""
        for cookie in state.get("cookies", []):
            self._know_value(str(cookie.get("value", "")), 8)
        for origin in state.get("origins", []):
            for entry in origin.get("localStorage", []):
                self._know_stored(str(entry.get("name", "")), entry.get("value", ""))

    def learn(self, text: str, *, identifier: bool = False) -> None:
        """Recognise what is in a text of a page.

        Args:
            text: a text, an attribute's value, an address.
            identifier: it names an element; its words may be long and are no secret.
        """
        if len(text) < 6:
            return
        for kind in self._kinds:
            for found in kind.pattern.finditer(text):
                self._add(kind, found.group())
        known = self._known_in(text)
        left = known.sub("\x00", text) if known else text
        for found in (_SOLID_RUN if identifier else _RUN).finditer(left):
            if _random(found.group(), 3 if identifier else 1):
                self._add(SECRET, found.group())

    def learn_pieces(self, pieces: Sequence[str]) -> None:
        """Recognise a secret that is split over neighbouring elements."""
        joined = "".join(_UNSEEN.sub("", piece) for piece in pieces)
        for kind in self._kinds:
            if kind.pattern.fullmatch(joined):
                self._add(kind, joined)
        if _RUN.fullmatch(joined) and _random(joined, 3) and joined not in self._known:
            self._add(SECRET, joined)

    def _know_stored(self, name: str, value: object) -> None:
        """Take what a page has stored, through whatever JSON it is wrapped in."""
        if isinstance(value, str):
            try:
                inner = json.loads(value)
            except ValueError:
                inner = value
            if inner != value:
                return self._know_stored(name, inner)
            if _PERSONAL.search(name) and 3 <= len(value) <= 60:
                self.know(NAME, [value])
            return self._know_value(value, 12)
        if isinstance(value, dict):
            for key, each in value.items():
                self._know_stored(str(key), each)
        elif isinstance(value, list):
            for each in value:
                self._know_stored(name, each)
        elif isinstance(value, int):
            self._know_value(str(value), 12)
        return None

    def _know_value(self, value: str, least: int) -> None:
        whole = unquote(value)
        for piece in dict.fromkeys([value, whole, *_PIECE.split(whole)]):
            if len(piece) >= least and (_random(piece, 1) or (piece.isdigit() and len(piece) > 8)):
                self.learn(piece)
                if piece not in self._known:
                    self._add(SECRET, piece)

    def _add(self, kind: Kind, original: str) -> None:
        if original in self._known or kind.stands_in(original):
            return
        number = self._numbers[kind.name] = self._numbers.get(kind.name, 0) + 1
        instead = kind.stand_in(number, original)
        self._known[original] = (kind.name, instead)
        for form, other in _forms(original, instead).items():
            self._forms.setdefault(form.lower(), (kind.name, other))

    # -- writing -----------------------------------------------------------------------------

    def text(self, text: str, counts: dict[str, int] | None = None, *, spoken: bool = True) -> str:
        """Return a text with every original replaced, however it is encoded in it.

        Args:
            text: a text, an attribute's value, a style sheet.
            counts: how often each kind was replaced; added to.
            spoken: it is said to people, so that names in it are names.
        """

        def instead(found: re.Match[str]) -> str:
            return self._instead(found.group(), counts, spoken)

        known = self._known_in(text)
        if known:
            text = known.sub(instead, text)
        return _TAIL.sub(lambda tail: "0" * len(tail.group()), text)

    def across(self, pieces: Sequence[str], counts: dict[str, int] | None = None) -> list[str]:
        """Replace what is split over several texts; they are taken to touch."""
        places = [(at, i) for at, piece in enumerate(pieces)
                  for i, char in enumerate(piece) if not _UNSEEN.match(char)]  # fmt: skip
        joined = "".join(pieces[at][i].lower()[:1] for at, i in places)
        written = [list(piece) for piece in pieces]
        for original, (kind, instead) in self._longest_first():
            wanted = _UNSEEN.sub("", original).lower()
            for found in re.finditer(re.escape(wanted), joined):
                spots = places[found.start() : found.end()]
                if kind == NAME.name and not _whole(pieces, spots):
                    continue
                _write(written, spots, _UNSEEN.sub("", instead))
                _count(counts, kind)
        return ["".join(chars) for chars in written]

    def originals(self) -> Iterator[tuple[str, str]]:
        """Yield the kind and the text of every original, for the proof."""
        for original, (kind, _) in self._known.items():
            yield kind, original

    def stand_in_of(self, original: str) -> str:
        """Return what stands for an original; itself where it is not known."""
        return self._known.get(original, ("", original))[1]

    def _longest_first(self) -> list[tuple[str, tuple[str, str]]]:
        return sorted(self._known.items(), key=lambda each: -len(each[0]))

    def _known_in(self, text: str) -> re.Pattern[str] | None:
        """Return a pattern of what is known and stands in a text, in whatever form.

        NOTE: one pattern of everything known took minutes for a page of a megabyte.
        """
        lowered = text.lower()
        there = sorted((each for each in self._forms if each in lowered), key=len, reverse=True)
        parts = [
            rf"(?<!\w){re.escape(form)}(?!\w)"
            if self._forms[form][0] == NAME.name
            else re.escape(form)
            for form in there
        ]
        return re.compile("|".join(parts), re.IGNORECASE) if parts else None

    def _instead(self, found: str, counts: dict[str, int] | None, spoken: bool) -> str:
        # The default: a letter whose small form is written differently.
        kind, instead = self._forms.get(found.lower(), (SECRET.name, "-"))
        if kind == NAME.name and not spoken:
            return found
        _count(counts, kind)
        if instead.isupper() and found.islower():
            return instead.lower()
        return instead


def _forms(original: str, instead: str) -> dict[str, str]:
    """Return an original as it may be written in an address or in JSON, with its stand-in."""
    forms = {original: instead}
    for write in (lambda t: quote(t, safe=""), lambda t: quote(quote(t, safe=""), safe=""),
                  lambda t: json.dumps(t)[1:-1], lambda t: t.replace(" ", "+")):  # fmt: skip
        forms.setdefault(write(original), write(instead))
    return forms


def _random(text: str, least: int) -> bool:
    """Tell a drawn text from words by how often letters and digits take turns."""
    return len(_MIXED.findall(text)) >= least


def _write(written: list[list[str]], spots: Sequence[tuple[int, int]], instead: str) -> None:
    for number, (at, i) in enumerate(spots):
        written[at][i] = instead[number] if number < len(instead) else ""
    if spots and len(instead) > len(spots):
        at, i = spots[-1]
        written[at][i] += instead[len(spots) :]


def _whole(pieces: Sequence[str], spots: Sequence[tuple[int, int]]) -> bool:
    """Whether what stands at some places is a word of its own, not a part of a longer one."""
    (first, start), (last, end) = spots[0], spots[-1]
    before, after = pieces[first][:start][-1:], pieces[last][end + 1 :][:1]
    return not re.match(r"\w", before) and not re.match(r"\w", after)


def _count(counts: dict[str, int] | None, kind: str) -> None:
    if counts is not None:
        counts[kind] = counts.get(kind, 0) + 1

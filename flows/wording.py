"""What the consoles say, as data: `wording.toml`, with a file of the user's laid over it."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from types import MappingProxyType
from typing import Any

from automation.controls_words import Label, Meaning, fold
from automation.errors import UsageError

_OWN = Path(__file__).with_name("wording.toml")
_CONTROLS, _WORDS = ("controls", "upstack"), ("words", "upstack_words")
"""Controls and lists of words of the console, and of a product that is given tokens; the names of
the latter's begin with its own."""
_SECTIONS = ("sources", "idle", "never", *_CONTROLS, *_WORDS, "obstacles", "popups")
_USERS_SOURCE = "your own file"

PIXEL_LIKE = r"(?<![0-9A-Za-z])(?=[A-Z]*[0-9])(?=[0-9]*[A-Z])[A-Z0-9]{18,24}(?![0-9A-Za-z])"
"""What a pixel's code looks like where it is not known which: 18 to 24 capitals and digits."""


@dataclass(frozen=True)
class Obstacle:
    """Something only a person may answer, and how it is noticed."""

    name: str
    code: str
    """The code of the error it raises."""
    says: str
    """What was seen, in words for the user."""
    next_step: str
    addresses: tuple[str, ...] = ()
    """Beginnings of a path."""
    selectors: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    """What must stand there besides a text: field, overlay, consent_control, control."""


@dataclass(frozen=True)
class Popup:
    """A harmless pop-up: how it is known and how it is closed."""

    name: str
    texts: tuple[str, ...]
    """Its box says one of these."""
    close: Meaning
    """What closes it."""


@dataclass(frozen=True)
class Wording:
    """All that is known of the consoles' words. Frozen; built by `load`."""

    meanings: Mapping[str, Meaning] = field(repr=False)
    groups: Mapping[str, tuple[str, ...]] = field(repr=False)
    never: tuple[str, ...] = field(repr=False)
    fillers: frozenset[str] = field(repr=False)
    obstacles: tuple[Obstacle, ...] = field(repr=False)
    popups: tuple[Popup, ...] = field(repr=False)

    def meaning(self, name: str) -> Meaning:
        """Return what a control means.

        Raises:
            KeyError: no control of that name is known; a mistake in the code that asks.
        """
        return self.meanings[name]

    def words(self, name: str) -> tuple[str, ...]:
        """Return a list of words in every language, e.g. `permission_denied`.

        Raises:
            KeyError: no list of that name is known.
        """
        return self.groups[name]

    @property
    def token_words(self) -> tuple[str, ...]:
        """What says "token" in a label or a dialog, in lower case, in every language."""
        return tuple(each.text.lower() for each in self.meaning("access_token").labels)

    @property
    def account_words(self) -> tuple[str, ...]:
        """What stands before an account's id, in lower case, in every language."""
        return tuple(each.lower() for each in self.words("account"))

    def row(self, code: str) -> Meaning:
        """Return the meaning "the row that shows this pixel code"."""
        return Meaning(
            name="pixel_row",
            labels=(Label(code, "", True, "the pixel asked for"),),
            kinds=frozenset({"row", "link"}),
            never=self.never,
            fillers=self.fillers,
            rivals=PIXEL_LIKE,
        )

    def source_of(self, label: Label) -> str:
        """Say in words where a label comes from and whether it is verified."""
        return f"{label.source}, {'verified' if label.verified else 'not verified'}"


def load(user_file: Path | None = None) -> Wording:
    """Read the wording, with a file of the user's laid over it.

    Raises:
        UsageError: the user's file cannot be read, or names something that does not exist.
    """
    own = _read(_OWN)
    sources = own["sources"]
    if user_file is not None:
        _lay_over(own, _read(user_file), user_file.name)
    controls, words = _of_all(own, _CONTROLS), _of_all(own, _WORDS)
    labels = {name: _labels(entry["labels"], sources) for name, entry in controls.items()}
    groups = {name: _group_labels(entry, sources) for name, entry in words.items()}
    never = tuple(dict.fromkeys(word for words in own["never"].values() for word in words))
    fillers = frozenset(fold(word) for word in own["idle"]["words"])
    known = labels | groups
    meanings = {
        name: _meaning(name, entry, known, sources, never, fillers)
        for name, entry in controls.items()
    }
    return Wording(
        meanings=MappingProxyType(meanings),
        groups=MappingProxyType({n: tuple(w.text for w in g) for n, g in groups.items()}),
        never=never,
        fillers=fillers,
        obstacles=tuple(_obstacle(name, entry) for name, entry in own["obstacles"].items()),
        popups=tuple(_popup(name, entry, never, fillers) for name, entry in own["popups"].items()),
    )


def _of_all(own: Mapping[str, Any], sections: tuple[str, str]) -> dict[str, Any]:
    first, second = sections
    return {**own[first], **{f"upstack.{name}": entry for name, entry in own[second].items()}}


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        reason = type(problem).__name__ if isinstance(problem, OSError) else str(problem)
    raise UsageError(
        f"{path.name} cannot be read: {reason}", next_step="correct the file, or leave it out"
    )


def _languages(entry: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    for key, words in entry.items():
        if key not in ("source", "verified"):
            yield key, words


def _group_labels(entry: Mapping[str, Any], sources: Mapping[str, str]) -> tuple[Label, ...]:
    source = sources.get(entry["source"], entry["source"])
    return tuple(
        Label(word, language, bool(entry.get("verified", False)), source)
        for language, words in _languages(entry)
        for word in words
    )


def _labels(groups: list[dict[str, Any]], sources: Mapping[str, str]) -> tuple[Label, ...]:
    return tuple(label for group in groups for label in _group_labels(group, sources))


def _built(groups: list[dict[str, Any]], sources: Mapping[str, str]) -> tuple[Label, ...]:
    """Put labels together: one of each list of parts, in the order of the lists."""
    return tuple(
        Label(" ".join(parts), language, source=sources[group["source"]])
        for group in groups
        for language, lists in _languages(group)
        for parts in product(*lists)
    )


def _meaning(
    name: str,
    entry: Mapping[str, Any],
    known: Mapping[str, tuple[Label, ...]],
    sources: Mapping[str, str],
    never: tuple[str, ...],
    fillers: frozenset[str],
) -> Meaning:
    def together(key: str) -> tuple[Label, ...]:
        return tuple(label for other in entry.get(key, ()) for label in known[other])

    return Meaning(
        name=name,
        labels=known[name],
        built=_built(entry.get("built", []), sources),
        kinds=frozenset(entry["kinds"]),
        never=(*never, *entry.get("never", ())),
        near=together("near"),
        needs_near=entry.get("needs_near", False),
        beside=together("beside"),
        holds=together("holds"),
        also=_labels(entry.get("also", []), sources),
        proof=together("proof"),
        fillers=fillers,
        ids=tuple(entry.get("ids", ())),
        unless=entry.get("unless", ""),
        strict=entry.get("strict", False),
    )


def _every(entry: Mapping[str, list[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for words in entry.values() for word in words))


def _obstacle(name: str, entry: Mapping[str, Any]) -> Obstacle:
    return Obstacle(
        name=name,
        code=entry["code"],
        says=entry["says"],
        next_step=entry["next_step"],
        addresses=tuple(entry.get("addresses", ())),
        selectors=tuple(entry.get("selectors", ())),
        titles=tuple(entry.get("titles", ())),
        texts=_every(entry.get("texts", {})),
        needs=tuple(entry.get("with", ())),
    )


def _popup(
    name: str, entry: Mapping[str, Any], never: tuple[str, ...], fillers: frozenset[str]
) -> Popup:
    close = tuple(
        Label(word, language, source="common wording of web pages")
        for language, words in entry["close"].items()
        for word in words
    )
    meaning = Meaning(
        name=f"close_{name}",
        labels=close,
        kinds=frozenset({"button", "icon", "link"}),
        never=never,
        fillers=fillers,
        ids=("close",),
        strict=True,
    )
    return Popup(name, _every(entry["texts"]), meaning)


def _lay_over(own: dict[str, Any], users: dict[str, Any], file: str) -> None:
    """Add the user's entries to ours. Names must exist; words can be added, not taken away."""
    for section, entries in users.items():
        if section not in _SECTIONS or section == "sources":
            raise _unknown(section, file)
        if not isinstance(entries, dict):
            raise _unknown(section, file)
        if section in ("never", "idle"):
            for language, words in entries.items():
                _add_words(own[section], language, words, f"{section}.{language}", file)
            continue
        for name, entry in entries.items():
            if name not in own[section] or not isinstance(entry, dict):
                raise _unknown(f"{section}.{name}", file)
            _lay_over_one(own[section][name], section, name, entry, file)


def _lay_over_one(
    ours: dict[str, Any], section: str, name: str, users: Mapping[str, Any], file: str
) -> None:
    where = f"{section}.{name}"
    for key, value in users.items():
        if section in _WORDS:
            if key not in ("source", "verified"):
                _add_words(ours, key, value, f"{where}.{key}", file)
        elif section in _CONTROLS and key == "labels":
            groups = value if isinstance(value, list) else [value]
            for group in groups:
                added = {"source": _USERS_SOURCE, **_checked(group, f"{where}.labels", file)}
                ours["labels"].insert(0, added)
        elif key in ("texts", "close") and key in ours and isinstance(value, dict):
            for language, words in value.items():
                _add_words(ours[key], language, words, f"{where}.{key}.{language}", file)
        elif (section in _CONTROLS and key in ("never", "ids")) or (
            section == "obstacles" and key in ("addresses", "selectors", "titles")
        ):
            ours.setdefault(key, [])
            _add_words(ours, key, value, f"{where}.{key}", file)
        else:
            raise _unknown(f"{where}.{key}", file)


def _checked(group: object, where: str, file: str) -> dict[str, Any]:
    if not isinstance(group, dict):
        raise _unknown(where, file)
    for language, words in _languages(group):
        _add_words({}, language, words, f"{where}.{language}", file)
    return group


def _add_words(into: dict[str, Any], key: str, words: object, where: str, file: str) -> None:
    if not isinstance(words, list) or not all(isinstance(w, str) and fold(w) for w in words):
        raise UsageError(f"{file}: {where} must be a list of words", next_step="correct the file")
    into[key] = [*words, *into.get(key, [])]


def _unknown(key: str, file: str) -> UsageError:
    return UsageError(
        f"{file}: unknown key {key}",
        next_step="use the names of flows/wording.toml; it says what may be added",
    )

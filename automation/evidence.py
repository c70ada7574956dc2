"""What a page answered and showed, and which one token all of it speaks of. No browser here.

The same function decides while the page is open and, after a crash, over what escrow sealed.
"""

import base64
import binascii
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from automation.secret import Secret

Kind = Literal["before", "answer", "socket", "text", "field", "copy"]

_FORM = re.compile(r"[A-Za-z0-9_.-]{20,512}")
"""One run of these. The length and alphabet of a token are documented nowhere."""
_HIDE = "*\u2022\u2026\u2217\u2219\u22ef\u25cf\uff0a"
"""Characters that stand for hidden ones."""
_RUN = re.compile(f"[A-Za-z0-9_.{_HIDE}-]+")
_MASKED = re.compile(rf"[{_HIDE}]|\.\.|[xX]{{8}}")
_MASKED_BESIDE = re.compile(rf"([{_HIDE}]\s?){{3}}")
_INVISIBLE = re.compile("[\u00ad\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]")
_OTHER_TOKEN = re.compile(r"csrf|xsrf|page|next|refresh|session|cursor|old|prev|mask|expire", re.I)
_NOT_A_TOKEN = re.compile(
    r"(^|_)(id|ids|logid|requestid|traceid|code|hash|sign|signature|nonce|etag|uuid|url|time|date|message|msg|name|version"
    r"|region|tail|hint|label|title|type|status|trace|log|span|env|build|psm)$",
    re.I,
)
"""Last words of the names under which answers carry what merely looks like a token."""
_SAYS_NOTHING = re.compile(
    r"(^|_)(|data|value|result|key|secret|credentials?|creds?|bearer|content|payload)$"
)
"""Names that would do for a token as well as for anything."""


@dataclass(frozen=True)
class Sighting:
    """One thing that was seen while a page was asked for a token."""

    kind: Kind
    """"answer": a response body; "socket": a message; "text" and "field": what the page showed;
    "copy": what the page put on the clipboard; "before": what stood there before the click."""
    text: str = field(repr=False)
    where: str = ""
    """Method and path of an answer, without its query."""
    status: int = 0
    """HTTP status of an answer."""
    label: str = field(default="", repr=False)
    """Words that stand beside a shown text or name its field."""

    def to_bytes(self) -> bytes:
        """Return the form that escrow seals."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Sighting":
        """Read what `to_bytes` wrote."""
        return cls(**json.loads(data))


@dataclass(frozen=True)
class Agreement:
    """The token, and how it is known."""

    token: Secret
    sources: tuple[str, ...]
    """Kinds of source that showed it: answer, shown, copy."""
    firm: bool
    """True when two of them agree; False when one shows what can be nothing else."""


@dataclass
class _Candidate:
    sources: set[str] = field(default_factory=set)
    named_by: set[str] = field(default_factory=set)
    """Sources that call it a token, in a name or a label."""
    denied: bool = False
    """True when an answer or a label gives it a name that tokens do not have."""
    bare: bool = False
    """True when it stands where a token may stand: on the page, or under a name of no meaning."""


def agree(
    sightings: Iterable[Sighting],
    is_known: Callable[[str], bool] = lambda _text: False,
    token_words: Iterable[str] = ("token",),
) -> Agreement | None:
    """Return the one token that was seen, or None when it is not sure which it is.

    Two independent sources that agree, or one that can be nothing else. Never a guess: two
    possible tokens are none.

    Args:
        sightings: everything seen, before and after the click.
        is_known: tells a text that is something else, such as the pixel's code.
        token_words: words of a label that say "token", in lower case.
    """
    candidates = _candidates(list(sightings), is_known, tuple(token_words))
    for test in (_agreed, _copied, _labelled, _answered, _handed_over, _alone):
        group = {text: each for text, each in candidates.items() if test(each)}
        certain = {text: each for text, each in group.items() if each.named_by} or group
        if len(certain) == 1:
            text, chosen = certain.popitem()
            if test is _answered and any(_stands_there(each) for each in candidates.values()):
                return None  # the page speaks of something else than the answer
            if test is _alone and not chosen.bare:
                return None  # the only one, but under a name that says it is something else
            sources = tuple(sorted(chosen.sources))
            return Agreement(Secret(text), sources, firm=len(sources) > 1)
        if group:
            return None
    return None


def _agreed(each: _Candidate) -> bool:
    return len(each.sources) > 1 and not each.denied


def _copied(each: _Candidate) -> bool:
    # What the console's own copy control hands over is what a person would have pasted.
    return "copy" in each.sources and not each.denied


def _labelled(each: _Candidate) -> bool:
    return "shown" in each.named_by and not each.denied


def _answered(each: _Candidate) -> bool:
    return "answer" in each.named_by


def _handed_over(each: _Candidate) -> bool:
    return "copy" in each.sources


def _alone(each: _Candidate) -> bool:
    return not each.denied


def _stands_there(each: _Candidate) -> bool:
    return "shown" in each.sources and not each.denied


def form_strings(text: str) -> list[str]:
    """Return the parts of a text that have the form of a token, neither masked nor all digits."""
    clean = _INVISIBLE.sub("", text)
    runs = [each for each in _RUN.findall(clean) if not _MASKED.search(each)]
    return [each for each in runs if _FORM.fullmatch(each) and re.search("[A-Za-z]", each)]


def _candidates(
    seen: list[Sighting], is_known: Callable[[str], bool], words: tuple[str, ...]
) -> dict[str, _Candidate]:
    before = {text for each in seen if each.kind == "before" for text in form_strings(each.text)}
    found: dict[str, _Candidate] = defaultdict(_Candidate)
    for sighting in seen:
        if sighting.kind == "before":
            continue
        source = {"answer": "answer", "socket": "answer", "copy": "copy"}
        kind = source.get(sighting.kind, "shown")
        for text, name in _strings(sighting):
            named, denied, bare = _says(name, words, answer=kind == "answer")
            if text not in before and not is_known(text) and (named or _plausible(text)):
                candidate = found[text]
                candidate.sources.add(kind)
                candidate.denied |= denied
                candidate.bare |= bare
                if named:
                    candidate.named_by.add(kind)
    for each in found.values():
        each.denied &= "answer" not in each.named_by
    return _without_fragments(found)


def _without_fragments(found: dict[str, _Candidate]) -> dict[str, _Candidate]:
    """Drop what the page's text alone shows and is a piece of, or glued around, a better one.

    A token split over several elements is seen in pieces, and one beside a label is seen with it.
    """
    better = {text: each for text, each in found.items() if each.sources != {"shown"}}
    for text in [text for text in found if text not in better]:
        for other, candidate in better.items():
            if other in text:
                candidate.sources.add("shown")
            if other in text or text in other:
                found.pop(text, None)
    return found


def _strings(sighting: Sighting) -> Iterator[tuple[str, str]]:
    """Yield each string of the form with what it is called there."""
    if sighting.kind not in ("text", "field", "copy"):
        for name, text in _leaves("", _decoded(sighting.text)):
            yield from ((each, name) for each in form_strings(text))
    elif not _MASKED_BESIDE.search(sighting.label):  # else it is the part in clear
        # The words it stands among say more than those beside them.
        own = re.sub(r"\S*[A-Za-z0-9_.-]{20,}\S*", " ", _INVISIBLE.sub("", sighting.text))
        name = own if re.search(r"\w{2}", own) else sighting.label
        end = "." if sighting.kind == "text" else ""  # of a sentence
        yield from ((each.rstrip(end), name) for each in form_strings(sighting.text))


def _says(name: str, words: tuple[str, ...], *, answer: bool) -> tuple[bool, bool, bool]:
    """Say of a name whether it is a token's, whether it is no token's, and whether it is neither.

    On a page every place is one where a token may stand.
    """
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+", "_", name).strip("_").lower()
    denied = bool(_NOT_A_TOKEN.search(snake))
    if not answer:
        named = any(word in name.lower() for word in words)
        return named, denied and not named, True
    named = "token" in snake and not denied and not _OTHER_TOKEN.search(snake)
    return named, denied or ("token" in snake and not named), bool(_SAYS_NOTHING.search(snake))


def _leaves(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _leaves(str(key), each)
    elif isinstance(value, list):
        for each in value:
            yield from _leaves(name, each)
    elif isinstance(value, str):
        inner = _decoded(value)
        if isinstance(inner, str):
            yield name, inner
        else:
            yield from _leaves(name, inner)


def _decoded(text: str) -> Any:
    """Return what JSON, or base64 of JSON or of a token, says; else the text itself."""
    inner = _json(text)
    if inner is not None:
        return inner
    plain = _from_base64(text.strip())
    if plain is None:
        return text
    inner = _json(plain)
    return plain if inner is None else inner


def _json(text: str) -> Any:
    """Return the object or list that a text holds, also after a prefix or one a line."""
    starts = [at for at in (text.find("{"), text.find("[")) if at >= 0]
    whole = text[min(starts) : 1 + max(text.rfind("}"), text.rfind("]"))] if starts else ""
    for part in (whole, f"[{','.join(line for line in text.splitlines() if line.strip())}]"):
        try:
            value = json.loads(part)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) or (isinstance(value, list) and starts):
            return value
    return None


def _from_base64(text: str) -> str | None:
    if len(text) < 28 or not re.fullmatch(r"[A-Za-z0-9+/_-]+={0,2}", text):
        return None
    try:
        raw = base64.b64decode(text.translate(str.maketrans("-_", "+/")).rstrip("=") + "==")
        plain = raw.decode("ascii")
    except (binascii.Error, ValueError):
        return None
    return plain if _json(plain) is not None or _FORM.fullmatch(plain) else None


def _plausible(text: str) -> bool:
    """Tell a token from words, host names and file names of the same length."""
    if re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+\.?", text):
        return False
    parts = [each for each in re.split(r"[_.-]", text) if each]
    letters = [
        each
        for each in parts
        if re.fullmatch(r"([A-Z]?[a-z]+)+|[A-Z]+|[0-9]+|[a-z]+[0-9]{1,2}", each)
    ]
    if letters != parts:
        return True
    vowels = sum(each in "aeiouyAEIOUY" for each in text)
    return len(parts) == 1 and vowels * 4 <= len(text)

"""Proof that a redacted text holds none of the originals, in any form it is likely to be in."""

import html
import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from urllib.parse import quote, quote_plus, unquote

from automation.errors import PageChanged
from automation.recording_redact import NAME, UNSPOKEN
from automation.secret import redact

_TAGS = re.compile(r"<[^>]*>")
_ATTRIBUTE = re.compile(r'([\w:-]+)="([^"]*)"')
_STYLE = re.compile(r"<style[^>]*>.*?</style>", re.DOTALL)
_UNSEEN = re.compile("[\\s\u200b-\u200f\u2060\ufeff\u00ad]+")
_LOADING = re.compile(
    r"(?:https?:)?//(?!elsewhere\.invalid/$)|javascript:|blob:|file:", re.IGNORECASE
)
_LOADS = frozenset("src href xlink:href action formaction srcset data poster background".split())


class NotRedacted(PageChanged):
    """Something of the session would have been written; nothing was."""


def prove(data: bytes, originals: Iterable[tuple[str, str]], where: str) -> None:
    """Search every byte for every original: raw, in JSON, in an address, in HTML, base64 or hex.

    Args:
        data: what is about to be written.
        originals: kind and text of each, as `Redactor.originals` gives them.
        where: what it is called in the message.

    Raises:
        NotRedacted: one is there still. The message names its kind, never the original.
    """
    text = data.decode()
    if redact(text) != text:
        raise _refused("a token", where)
    views, said = _views(text), _said(text)
    for kind, original in originals:
        if kind == NAME.name:
            there = _holds_name(said, original)
        else:
            forms = {form.lower() for form in _forms(original)}
            there = any(form in view for form in forms for view in dict.fromkeys(views))
            there = there or any(form in view for form in _spelled(original) for view in views[:2])
        if there or any(form in text for form in _coded(original)):
            raise _refused(f"a {kind}", where)


def prove_inert(data: bytes, where: str) -> None:
    """See that a page would load and run nothing.

    Raises:
        NotRedacted: it holds a script, a handler or an address of somebody else's.
    """
    reader = _Acts()
    reader.feed(data.decode())
    reader.close()
    if reader.acts:
        raise _refused("a script, a handler or a foreign address", where)


class _Acts(HTMLParser):
    """Reads a page and its frames, and notes whether anything in it would act or load."""

    acts = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at one element."""
        for name, value in [(tag, ""), *((name, value or "") for name, value in attrs)]:
            if name == "srcdoc":
                inner = _Acts()
                inner.feed(value)
                inner.close()
                self.acts |= inner.acts
            self.acts |= name == "script" or (name.startswith("on") and name != tag)
            self.acts |= name in _LOADS and _LOADING.match(value.strip()) is not None


def _views(text: str) -> list[str]:
    """Return a text as it is, as its reader sees it, and with all pieces run together."""
    plain = html.unescape(text)
    shown = _UNSEEN.sub("", html.unescape(_TAGS.sub("", _STYLE.sub("", text))))
    return [each.lower() for each in (text, plain, unquote(plain), unquote(unquote(plain)), shown)]


def _said(text: str) -> str:
    """Return what is said to people: texts, and the attributes that hold such."""
    bare = _STYLE.sub("", text)
    values = [value for name, value in _ATTRIBUTE.findall(bare) if name not in UNSPOKEN]
    said = html.unescape("\n".join([_TAGS.sub(" ", bare), _TAGS.sub("", bare), *values]))
    return f"{said}\n{unquote(said)}".lower()


def _forms(original: str) -> Iterator[str]:
    yield original
    yield json.dumps(original)[1:-1]
    yield json.dumps(original, ensure_ascii=False)[1:-1]
    yield quote(original, safe="")
    yield quote_plus(original)
    yield html.escape(original)
    yield _UNSEEN.sub("", original)


def _spelled(original: str) -> Iterator[str]:
    """Return an original written out character by character."""
    yield "".join(f"&#{ord(char)};" for char in original)
    yield "".join(f"&#x{ord(char):x};" for char in original)
    yield "".join(f"\\u{ord(char):04x}" for char in original)
    yield original.encode().hex()


def _coded(original: str) -> Iterator[str]:
    """Return what base64 shows of an original at each of the three places it may begin."""
    raw = original.encode()
    if len(raw) < 6:  # too little is left of it to be told from chance
        return
    for before in range(3):
        coded = b64encode(bytes(before) + raw).decode().rstrip("=")
        inner = coded[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6]
        yield inner
        yield inner.replace("+", "-").replace("/", "_")


def _holds_name(said: str, original: str) -> bool:
    """Look for a name as words of its own, however the space between them is made."""
    words = r"\s*".join(map(re.escape, original.lower().split()))
    return re.search(rf"(?<!\w){words}(?!\w)", said) is not None


def _refused(what: str, where: str) -> NotRedacted:
    return NotRedacted(
        f"{what} would have remained in the recording; nothing was written",
        where=where,
        next_step="report this with -v; what remained is not shown, since it may be personal",
    )

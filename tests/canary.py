"""Whether an issued token lies anywhere in clear: every file of a run is searched.

What a console issues is written into a book in the run's own folder, by whatever process has the
console. `leaks` then looks for each token raw, in base64, in hexadecimal, escaped as JSON may
escape it, and in UTF-16, in plain files and inside zip and gzip ones; a part of 16 characters from
either end is enough.
"""

import base64
import gzip
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path

from fixtures.console.ledger import Ledger

BOOK = "issued.canary"
"""The only name that is not searched, beside those of `BY_DESIGN`."""
BY_DESIGN = (".env",)
"""Ends of names of files that hold a token in clear because that is what they are for."""
_PART = 16
_WORD = re.compile(rb"[A-Za-z0-9_.+/=-]{%d,}" % _PART)
_WIDE = re.compile(rb"(?:[A-Za-z0-9_.+/=-]\x00){%d,}" % _PART)
_ESCAPED = re.compile(rb"(?:\\+u00[0-9A-Fa-f]{2}){%d,}" % _PART)
_FOLDED = re.compile(rb"(?<=[A-Za-z0-9+/])\r?\n(?=[A-Za-z0-9+/])")
_LARGEST = 64 << 20


def write_down_in(folder: Path) -> None:
    """Write every token that a console of this process issues into the book of a folder."""
    book, note_issue = folder / BOOK, Ledger.note_issue

    def noted(self: Ledger, token: str, pixel: str, account: str, request: int) -> int:
        with book.open("a") as file:
            file.write(token + "\n")
        return note_issue(self, token, pixel, account, request)

    Ledger.note_issue = noted  # type: ignore[method-assign]  # for the tests' own consoles


def issued(folder: Path) -> set[str]:
    """Return every token in the books under a folder."""
    return {line for book in folder.rglob(BOOK) for line in book.read_text().split()}


def leaks(folder: Path, more: Iterable[bytes] = ()) -> list[str]:
    """Search every file under a folder, and `more`; return what holds a token, by name.

    Args:
        folder: of a whole run, with its books.
        more: other output of the run, such as pytest's own.
    """
    parts = {part for token in issued(folder) for part in _parts(token)}
    found = [
        f"{path.relative_to(folder)}"
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
        if path.name != BOOK and not path.name.endswith(BY_DESIGN)
        if _holds(path.read_bytes(), parts)
    ]
    return found + [f"output {n}" for n, each in enumerate(more, 1) if _holds(each, parts)]


def _parts(token: str) -> Iterator[bytes]:
    """Yield both ends of a token in each of its forms."""
    raw = token.encode()
    forms = [raw, raw.hex().encode(), raw.hex().upper().encode()]
    for lead in range(3):
        # A token inside of something longer begins at any of three places of a group, and what
        # stands before and after it shares the first and last characters.
        coded = base64.b64encode(bytes(lead) + raw)
        coded = coded[4 if lead else 0 :][: len(raw) * 4 // 3 - 4]
        forms += [coded, coded.translate(bytes.maketrans(b"+/", b"-_"))]
    for form in forms:
        yield from {form[:_PART], form[-_PART:]}


def _holds(data: bytes, parts: set[bytes]) -> bool:
    return any(_in_clear(each, parts) for each in _unpacked(data[:_LARGEST]))


def _in_clear(data: bytes, parts: set[bytes]) -> bool:
    words = [each.group() for each in _WORD.finditer(data)]
    words += [each.group().replace(b"\0", b"") for each in _WIDE.finditer(data)]
    words += [_unescaped(each.group()) for each in _ESCAPED.finditer(data)]
    words += [each.group() for each in _WORD.finditer(_FOLDED.sub(b"", data))]
    return any(
        word[at : at + _PART] in parts for word in set(words) for at in range(len(word) - _PART + 1)
    )


def _unescaped(text: bytes) -> bytes:
    return bytes(int(each, 16) for each in re.findall(rb"u00([0-9A-Fa-f]{2})", text))


def _unpacked(data: bytes) -> Iterator[bytes]:
    """Yield the data, and what is inside where it is an archive: a browser's trace is a zip."""
    yield data
    if data.startswith(b"PK\x03\x04"):
        try:
            with zipfile.ZipFile(BytesIO(data)) as archive:
                for name in archive.namelist():
                    yield archive.read(name)
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError):
            return  # cut short; its own bytes were searched
    elif data.startswith(b"\x1f\x8b"):
        try:
            yield gzip.decompress(data)
        except (OSError, EOFError, zlib.error):
            return

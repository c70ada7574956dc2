"""One variable in the bytes of a `.env` file: read as python-dotenv reads it, set in place.

python-dotenv's own `set_key` is not used: it rewrites quotes, and loses concurrent writes.
"""

import io
import re

from dotenv import dotenv_values
from dotenv.parser import Binding, parse_stream


class Unfit(Exception):
    """The file cannot be understood, or cannot hold this value. Says where, never what."""


_BOM = "\ufeff"
_LINE_ENDS = re.compile(r"\r\n|\n|\r")
_PLAIN = re.compile(r"[A-Za-z0-9_./+:@%,=~-]+")
"""What needs no quotes, for python-dotenv and for a shell."""
_HEAD = re.compile(r"(\s*(?:export[^\S\r\n]+)?(?:'[^']+'|[^=#\s]+))([^\S\r\n]*)(=?)([^\S\r\n]*)")
_QUOTED = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\"""", re.DOTALL)
_BARE = re.compile(r"[^\r\n]*?(?=\s+#|\s*$|[\r\n])")


def parse(data: bytes) -> list[Binding]:
    """Split into python-dotenv's bindings; joined, their originals are the text.

    Raises:
        Unfit: not UTF-8, or a line that is neither a variable nor a comment.
    """
    return _bindings(_text(data))


def get_value(data: bytes, name: str) -> str | None:
    """Return a variable's value as it stands, or None."""
    text = _text(data)
    _bindings(text)
    return dotenv_values(stream=io.StringIO(text, newline=""), interpolate=False).get(name)


def set_value(data: bytes, name: str, value: str) -> bytes:
    """Return the file with one variable set and every other byte as it was.

    Where the name stands several times, the last one counts for readers and is the one set.

    Raises:
        Unfit: the file cannot be understood, or cannot hold this value.
    """
    if get_value(data, name) == value:
        return data
    if re.search(r"[\r\n\0]", value):
        raise Unfit("a value with line breaks does not go into one line")
    text = _text(data)
    bindings = _bindings(text)
    lines = [each.original.string for each in bindings]
    found = [at for at, each in enumerate(bindings) if each.key == name]
    if found:
        lines[found[-1]] = _reset(lines[found[-1]], value)
    else:
        lines.append(_appended(text, name, value))
    after = "".join(lines)
    _prove(bindings, after, name, value)
    bom = _BOM if data.startswith(_BOM.encode()) else ""
    return (bom + after).encode()


def _text(data: bytes) -> str:
    try:
        return data.decode().removeprefix(_BOM)
    except UnicodeDecodeError as problem:
        at = problem.start
    raise Unfit(f"byte {at} is not UTF-8")


def _bindings(text: str) -> list[Binding]:
    bindings = list(parse_stream(io.StringIO(text, newline="")))
    for each in bindings:
        if each.error:
            # The binding begins with the blank lines before it; the fault is at its last line.
            whole = each.original.string
            blank = whole[: len(whole) - len(whole.lstrip())]
            line = each.original.line + len(_LINE_ENDS.findall(blank))
            raise Unfit(f"line {line} is not a variable or a comment")
    return bindings


def _reset(line: str, value: str) -> str:
    """Exchange the value of one binding; its comment, spaces and line end stay."""
    head = _HEAD.match(line)
    if head is None:
        raise Unfit("a line that names the variable has an unknown form")
    key, before, equals, after = head.groups()
    rest = line[head.end() :]
    if not equals:
        return f"{key}={_quoted(value)}{before}{rest}"
    if after and rest.startswith("#"):
        return f"{key}{before}={_quoted(value)}{after}{rest}"
    old = _QUOTED.match(rest) or _BARE.match(rest)
    if old is None:
        raise Unfit("the line that holds the variable has an unknown form")
    return f"{key}{before}={after}{_quoted(value, like=old[0])}{rest[old.end() :]}"


def _appended(text: str, name: str, value: str) -> str:
    """Return a last line; it ends as the last line before it did, in nothing if need be."""
    ends = _LINE_ENDS.findall(text)
    end = ends[-1] if ends else "\n"
    line = f"{name}={_quoted(value)}"
    return end + line if text and not text.endswith(("\r", "\n")) else line + end


def _quoted(value: str, like: str = "") -> str:
    if _PLAIN.fullmatch(value):
        quote = like[:1] if like[:1] in ("'", '"') else ""
        return f"{quote}{value}{quote}"
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _prove(before: list[Binding], text: str, name: str, value: str) -> None:
    """Read the new text back: this variable as wanted, all others as they were."""
    after = [(each.key, each.value) for each in _bindings(text)]
    was = [(each.key, each.value) for each in before]
    others = [each for each in after if each[0] not in (name, None)]
    last = [found for key, found in after if key == name][-1:]
    if last != [value] or others != [each for each in was if each[0] not in (name, None)]:
        raise Unfit("python-dotenv would read the changed file otherwise")

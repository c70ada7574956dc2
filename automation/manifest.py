"""A bulk list to checked rows: CSV, TSV, JSON, JSON Lines or YAML.

A list is refused whole, with every fault and its row, before anything is touched.
"""

import codecs
import csv
import io
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from automation.errors import UsageError

COLUMNS = ("pixel", "account", "profile", "name", "store", "deliver", "replace")
_YES, _NO = ("true", "yes", "y", "1"), ("false", "no", "n", "0", "")
_BLANK = re.compile(r"[\s\u200b-\u200d\u2060\ufeff]+")
_SPREADSHEET = re.compile(r"\d[.,]\d+E\+?\d+", re.IGNORECASE)
"""What a spreadsheet makes of a long number; its last digits are lost."""
_BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_MOST_TOLD = 50


@dataclass(frozen=True)
class Row:
    """One pixel of a list, and what is wanted for it."""

    number: int
    """Where it stands: the line of a CSV, TSV or JSONL file, else its place from 1."""
    pixel: str
    account: str | None = None
    profile: str | None = None
    name: str = ""
    stores: tuple[str, ...] = ()
    """Store URLs; none means the settings' own."""
    deliver: tuple[str, ...] = ()
    replace: bool = False


Check = Callable[[Row], Iterable[str]]
"""Yields what is wrong with a row, in words."""


def load(source: str, check: Check) -> list[Row]:
    """Read a list and check every row.

    Args:
        source: a file's path, its format told by its ending; `-` is stdin, told by its content.
        check: what else a row must meet.

    Raises:
        UsageError: all that is wrong, with row numbers. Nothing was touched.
    """
    text = _decoded(_bytes(source), source)
    return rows(_records(text, _kind(source, text)), check)


def rows(records: Iterable[tuple[int, Mapping[str, Any]]], check: Check) -> list[Row]:
    """Make rows of what a file holds, or refuse it with every fault.

    Raises:
        UsageError: all that is wrong, with row numbers.
    """
    made: list[Row] = []
    faults: list[tuple[int, str]] = []
    first: dict[str, int] = {}
    unknown: set[str] = set()
    for number, record in records:
        unknown |= {name for name in record if name not in COLUMNS}
        try:
            row = _row(number, record)
        except ValueError as problem:
            faults.append((number, str(problem)))
            continue
        if (before := first.setdefault(row.pixel, number)) != number:
            faults.append((number, f"pixel {row.pixel} stands in row {before} already"))
        faults += [(number, each) for each in check(row)]
        made.append(row)
    said = [f"unknown column {each!r}" for each in sorted(unknown)]
    said += [f"row {number}: {fault}" for number, fault in faults]
    if not made and not said:
        said.append("it has no rows")
    if said:
        _refuse(said)
    return made


def _refuse(said: list[str]) -> None:
    more = [f"and {len(said) - _MOST_TOLD} more"] if len(said) > _MOST_TOLD else []
    raise UsageError(
        "the manifest is refused, nothing was touched:\n  " + "\n  ".join(said[:_MOST_TOLD] + more),
        next_step=f"mend these and run it again; the columns are {', '.join(COLUMNS)}",
    )


def _row(number: int, record: Mapping[str, Any]) -> Row:
    texts = {name: _text(name, record.get(name)) for name in COLUMNS}
    return Row(
        number,
        texts["pixel"],
        texts["account"] or None,
        texts["profile"] or None,
        texts["name"],
        tuple(texts["store"].split()),
        tuple(texts["deliver"].split()),
        _truth(texts["replace"]),
    )


def _text(name: str, value: Any) -> str:
    if isinstance(value, list) and name in ("store", "deliver"):
        value = value if any(map(_is_nested, value)) else " ".join(map(str, value))
    if _is_nested(value):
        raise ValueError(f"{name} is no plain value; a text with a colon needs quotes")
    if isinstance(value, float):
        raise ValueError(f"{name} {value} is a number that lost its digits; write it as a text")
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**63:
        raise ValueError(f"{name} {value} is no text")
    text = _BLANK.sub(" ", "" if value is None else str(value)).strip()
    if _SPREADSHEET.fullmatch(text):
        raise ValueError(f"{name} {text!r} lost its digits in a spreadsheet; format it as text")
    if name == "pixel" and not text:
        raise ValueError("no pixel")
    return text


def _is_nested(value: Any) -> bool:
    return isinstance(value, dict | list)


def _truth(text: str) -> bool:
    if text.lower() in _YES + _NO:
        return text.lower() in _YES
    raise ValueError(f"replace {text!r} is neither true nor false")


def _bytes(source: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    except OSError as problem:
        reason = problem.strerror or type(problem).__name__
    raise UsageError(
        f"the manifest {source} cannot be read ({reason})",
        next_step="give the path of a CSV, TSV, JSON, JSONL or YAML file, or - for stdin",
    )


def _decoded(raw: bytes, source: str) -> str:
    encoding = next((name for bom, name in _BOMS.items() if raw.startswith(bom)), "utf-8")
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as problem:
        line = raw[: problem.start].count(b"\n") + 1
    raise UsageError(
        f"the manifest {source} is not {encoding.removesuffix('-sig').upper()} (line {line})",
        next_step='save it as UTF-8, in a spreadsheet as "CSV UTF-8"',
    )


def _kind(source: str, text: str) -> str:
    ending = Path(source).suffix.lower().lstrip(".")
    if ending in _READERS:
        return ending
    if source != "-":
        raise UsageError(
            f"the manifest {source} has none of the endings .{', .'.join(_READERS)}",
            next_step="name it after what it holds, or pipe it in with -",
        )
    start = text.lstrip()
    if start.startswith("["):
        return "json"
    if start.startswith("{"):
        return "jsonl"
    head = start.partition("\n")[0]
    return "tsv" if "\t" in head else "yaml" if head.startswith(("-", "#")) else "csv"


def _records(text: str, kind: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        yield from _READERS[kind](text)
    except UsageError:
        raise
    except (ValueError, csv.Error) as problem:
        _refuse([str(problem)])


def _read_csv(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    head = text.partition("\n")[0]
    # What a spreadsheet writes where the comma is the decimal sign.
    yield from _table(text, ";" if ";" in head and "," not in head else ",")


def _read_tsv(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    yield from _table(text, "\t")


def _table(text: str, delimiter: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    names = [each.strip().lower() for each in next(lines, [])]
    doubled = {each for each in names if names.count(each) > 1}
    if doubled:
        raise ValueError(f"the column {', '.join(sorted(doubled))} stands there twice")
    if "pixel" not in names:
        raise ValueError("row 1: there is no column `pixel`")
    for cells in lines:
        if not any(each.strip() for each in cells):
            continue
        if len(cells) > len(names):
            raise ValueError(f"row {lines.line_num}: more cells than columns")
        yield lines.line_num, dict(zip(names, cells, strict=False))


def _read_json(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    yield from _list(json.loads(text))


def _read_yaml(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    import yaml

    try:
        # Every value as the text that stands there: 0123 and 1e9 are no numbers, no is no truth.
        loaded = yaml.load(text, yaml.BaseLoader)  # noqa: S506  the base loader makes texts only
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        raise ValueError(f"{where}this is no YAML; a text with a colon needs quotes") from None
    yield from _list(loaded)


def _list(loaded: Any) -> Iterator[tuple[int, Mapping[str, Any]]]:
    if not isinstance(loaded, list):
        raise ValueError("it is no list of rows")
    for number, each in enumerate(loaded, 1):
        if not isinstance(each, dict):
            raise ValueError(f"row {number}: this is no row")
        yield number, each


def _read_jsonl(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError:
            raise ValueError(f"row {number}: this is no JSON") from None
        if not isinstance(record, dict):
            raise ValueError(f"row {number}: this is no row")
        yield number, record


_READERS: dict[str, Callable[[str], Iterator[tuple[int, Mapping[str, Any]]]]] = {
    "csv": _read_csv,
    "tsv": _read_tsv,
    "json": _read_json,
    "jsonl": _read_jsonl,
    "ndjson": _read_jsonl,
    "yaml": _read_yaml,
    "yml": _read_yaml,
}

"""A bulk list to checked rows: CSV, TSV, JSON, JSON Lines or YAML.

A list is refused whole, with every fault and its row, before anything is touched.
"""

import codecs
import csv
import difflib
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
Record = tuple[int, Mapping[str, Any] | str]
"""What stands at a place of a file, by column; or, as a text, what is wrong there. 0 is no row."""


def load(source: str, check: Check) -> list[Row]:
    """Read a list and check every row.

    Args:
        source: a file's path, its format told by its ending; `-` is stdin, told by its content.
        check: what else a row must meet.

    Raises:
        UsageError: all that is wrong, with row numbers. Nothing was touched.
    """
    text = _decoded(_bytes(source), source)
    records = _records(text, _kind(source, text)) if text.strip() else [(0, "it is empty")]
    return rows(records, check, where="stdin" if source == "-" else source)


def rows(records: Iterable[Record], check: Check, *, where: str = "") -> list[Row]:
    """Make rows of what a file holds, or refuse it with every fault.

    Args:
        records: what stands there, in its order.
        check: what else a row must meet.
        where: the file, for the message.

    Raises:
        UsageError: all that is wrong, with row numbers.
    """
    made: list[Row] = []
    faults: list[tuple[int, str]] = []
    first: dict[str, int] = {}
    unknown: set[str] = set()
    for number, record in records:
        if isinstance(record, str):
            faults.append((number, record))
            continue
        strange = [name for name in record if name not in COLUMNS and name not in unknown]
        faults += [(number, _unknown(name)) for name in strange]
        unknown.update(strange)
        wrong: list[str] = []
        row = _row(number, record, wrong)
        if (before := first.setdefault(row.pixel or f"row {number}", number)) != number:
            wrong.append(f"pixel {row.pixel} stands in row {before} already")
        if row.pixel:
            wrong += check(row)
        faults += [(number, each) for each in wrong]
        made.append(row)
    said = [f"row {number}: {fault}" if number else fault for number, fault in faults]
    if not made and not said:
        said.append("it has no rows")
    if said:
        _refuse(said, where)
    return made


def _refuse(said: list[str], where: str) -> None:
    more = [f"and {len(said) - _MOST_TOLD} more"] if len(said) > _MOST_TOLD else []
    raise UsageError(
        "the manifest is refused, nothing was touched:\n  " + "\n  ".join(said[:_MOST_TOLD] + more),
        where=where,
        next_step=f"mend these and run it again; the columns are {', '.join(COLUMNS)}",
    )


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name.lower(), COLUMNS, n=1)
    return f"unknown column {name!r}" + (f", did you mean {near[0]}?" if near else "")


def _row(number: int, record: Mapping[str, Any], wrong: list[str]) -> Row:
    """Return the row, what is wrong in it left empty and told."""
    texts = dict.fromkeys(COLUMNS, "")
    for name in COLUMNS:
        try:
            texts[name] = _text(name, record.get(name))
        except ValueError as problem:
            wrong.append(str(problem))
    if texts["replace"].lower() not in _YES + _NO:
        wrong.append(f"replace {texts['replace']!r} is neither true nor false")
    return Row(
        number,
        texts["pixel"],
        texts["account"] or None,
        texts["profile"] or None,
        texts["name"],
        tuple(texts["store"].split()),
        tuple(texts["deliver"].split()),
        texts["replace"].lower() in _YES,
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


def _records(text: str, kind: str) -> Iterator[Record]:
    try:
        yield from _READERS[kind](text)
    except (ValueError, csv.Error) as problem:  # from here on it cannot be read
        yield 0, str(problem)


def _read_csv(text: str) -> Iterator[Record]:
    head = text.partition("\n")[0]
    # What a spreadsheet writes where the comma is the decimal sign.
    yield from _table(text, ";" if ";" in head and "," not in head else ",")


def _read_tsv(text: str) -> Iterator[Record]:
    yield from _table(text, "\t")


def _table(text: str, delimiter: str) -> Iterator[Record]:
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    names = [each.strip().lower() for each in next(lines, [])]
    for name in dict.fromkeys(names):
        if name and names.count(name) > 1:
            yield 1, f"the column {name} stands there twice"
        if name and name not in COLUMNS:
            yield 1, _unknown(name)
    if "pixel" not in names:
        yield 1, "there is no column `pixel`; the first line names the columns"
        return
    try:
        for cells in lines:
            if not any(each.strip() for each in cells):
                continue
            beyond = [*cells[len(names) :], *_under(cells, names, "")]
            if any(each.strip() for each in beyond):
                yield lines.line_num, "more cells than columns"
            cells_of = dict(zip(names, cells, strict=False))
            yield lines.line_num, {name: cells_of.get(name, "") for name in COLUMNS}
    except csv.Error as problem:
        yield lines.line_num, str(problem)


def _under(cells: list[str], names: list[str], name: str) -> list[str]:
    return [cell for each, cell in zip(names, cells, strict=False) if each == name]


def _read_json(text: str) -> Iterator[Record]:
    try:
        loaded = json.loads(text)
    except json.JSONDecodeError as problem:
        yield 0, f"line {problem.lineno}: this is no JSON ({problem.msg})"
        return
    yield from _list(loaded)


def _read_yaml(text: str) -> Iterator[Record]:
    import yaml

    try:
        # Every value as the text that stands there: 0123 and 1e9 are no numbers, no is no truth.
        loaded = yaml.load(text, yaml.BaseLoader)  # noqa: S506  the base loader makes texts only
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        yield 0, f"{where}this is no YAML; a text with a colon needs quotes"
        return
    yield from _list(loaded)


def _list(loaded: Any) -> Iterator[Record]:
    if not isinstance(loaded, list):
        yield 0, "it is no list of rows"
        return
    for number, each in enumerate(loaded, 1):
        yield number, each if isinstance(each, dict) else "this is no row"


def _read_jsonl(text: str) -> Iterator[Record]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError:
            yield number, "this is no JSON"
            continue
        yield number, record if isinstance(record, dict) else "this is no row"


_READERS: dict[str, Callable[[str], Iterator[Record]]] = {
    "csv": _read_csv,
    "tsv": _read_tsv,
    "json": _read_json,
    "jsonl": _read_jsonl,
    "ndjson": _read_jsonl,
    "yaml": _read_yaml,
    "yml": _read_yaml,
}

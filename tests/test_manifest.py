"""A bulk list: every format gives the same rows, and what is wrong is refused whole."""

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automation.errors import UsageError
from automation.manifest import COLUMNS, Row, load, rows

PIXEL, OTHER = "D69ESQRC77U0KGAU8B90", "D69ESQRC77U0KGAU8B9G"
ACCOUNT = "7654321098765432109"
ROWS = [
    Row(2, PIXEL, ACCOUNT, "ann", "Müller & Söhne", ("local:", "dotenv:a.env?name=T"), (), False),
    Row(3, OTHER, None, None, "", (), ("upstack",), True),
]
COMMA = (
    "pixel,account,profile,name,store,deliver,replace\n"
    f'{PIXEL},{ACCOUNT},ann,"Müller & Söhne",local: dotenv:a.env?name=T,,no\n'
    f"{OTHER},,,,,upstack,TRUE\n"
)
LISTED = [
    {
        "pixel": PIXEL, "account": ACCOUNT, "profile": "ann", "name": "Müller & Söhne",
        "store": ["local:", "dotenv:a.env?name=T"],
    },
    {"pixel": OTHER, "deliver": "upstack", "replace": True},
]  # fmt: skip
YAML = (
    f"- pixel: {PIXEL}\n  account: {ACCOUNT}\n  profile: ann\n  name: Müller & Söhne\n"
    "  store: ['local:', 'dotenv:a.env?name=T']\n"
    f"- {{pixel: {OTHER}, deliver: upstack, replace: yes}}\n"
)
FILES = {
    "a.csv": COMMA,
    "semicolons.csv": COMMA.replace(",", ";"),
    "windows.csv": COMMA.replace("\n", "\r\n"),
    "a.tsv": COMMA.replace(",", "\t"),
    "a.json": json.dumps(LISTED),
    "a.jsonl": "\n" + "\n".join(map(json.dumps, LISTED)),
    "a.yaml": YAML,
    "a.yml": YAML,
}


def no_check(_row: Row) -> Iterator[str]:
    """Find nothing wrong."""
    yield from ()


def told(path: Path) -> str:
    """What is said of a list that is refused."""
    with pytest.raises(UsageError) as caught:
        load(str(path), no_check)
    assert caught.value.next_step
    return caught.value.message


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_every_format_gives_the_same_rows(tmp_path: Path, name: str, encoding: str) -> None:
    """Only where a row stands differs: its line, or its place in the list."""
    (tmp_path / name).write_text(FILES[name], encoding=encoding, newline="")
    first = 1 if name.endswith(("json", "yaml", "yml")) else 2
    wanted = [Row(first + at, *list(vars(row).values())[1:]) for at, row in enumerate(ROWS)]
    assert load(str(tmp_path / name), no_check) == wanted


@pytest.mark.parametrize("name", FILES)
def test_stdin_is_told_by_what_it_holds(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """As `pixelmint pixels --json | pixelmint provision -` needs it."""
    given = SimpleNamespace(buffer=io.BytesIO(FILES[name].encode()))
    monkeypatch.setattr(sys, "stdin", given)
    assert [each.pixel for each in load("-", no_check)] == [PIXEL, OTHER]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.csv", f"pixel,colour\n{PIXEL},red\n", ["row 1: unknown column 'colour'"]),
        (
            "a.csv",
            "acount\nx\n",
            [
                "row 1: unknown column 'acount', did you mean account?",
                "row 1: there is no column `pixel`",
            ],
        ),
        ("a.csv", f"pixel,acc\n{PIXEL},1,2\nx,1,2,3\n", ["row 1: unk", "row 2: m", "row 3: m"]),
        (
            "a.csv",
            f"pixel,account,replace\n{PIXEL},7E+18,7.5E+18\n{PIXEL},7.5E+18,perhaps\n",
            ["row 2: replace '7.5E", "row 3: account", "row 3: replace 'per", "row 3: pixel"],
        ),
        ("a.csv", f"pixel,\n{PIXEL},x\n", ["row 2: more cells"]),
        ("a.csv", "account\n1\n", ["no column `pixel`"]),
        ("a.csv", f"pixel,pixel\n{PIXEL},{PIXEL}\n", ["twice"]),
        ("a.csv", f"pixel\n{PIXEL},1\n", ["row 2: more cells"]),
        ("a.csv", "pixel\n", ["no rows"]),
        ("a.csv", "\n", ["it is empty"]),
        ("a.csv", f'pixel\n"{PIXEL}\n', ["refused"]),
        ("a.csv", f"pixel,account\n{PIXEL},7.65432E+18\n", ["row 2", "spreadsheet"]),
        ("a.csv", f"pixel,replace\n{PIXEL},perhaps\n\n,no\n", ["row 2", "perhaps", "row 4: no p"]),
        ("a.csv", f"pixel\n{PIXEL}\n{OTHER}\n{PIXEL}\n", ["row 4", "row 2 already"]),
        ("a.json", f'[{{"pixel": "{PIXEL}", "account": 7.5e18}}]', ["row 1", "lost its digits"]),
        ("a.json", f'{{"pixel": "{PIXEL}"}}', ["no list"]),
        ("a.json", "[1]", ["row 1: this is no row"]),
        ("a.json", "[", ["line 1: this is no JSON"]),
        (
            "a.json",
            f'[{{"pixel": "{PIXEL}"}}, 1, {{"x": 2}}]',
            ["row 2: this is no row", "row 3: unknown column 'x'", "row 3: no pixel"],
        ),
        ("a.json", f'[{{"pixel": {{"code": "{PIXEL}"}}}}]', ["row 1: pixel is no plain"]),
        ("a.jsonl", f'x\n{{"pixel": "{PIXEL}"}}\nx\n', ["row 1: this is no", "row 3: this is no"]),
        ("a.jsonl", "[]\n", ["row 1: this is no row"]),
        ("a.yaml", "- pixel: [\n", ["line", "no YAML"]),
        ("a.yaml", f"- {{pixel: {PIXEL}, store: [local:, x]}}", ["row 1: store", "quotes"]),
        ("a.txt", PIXEL, ["endings"]),
    ],
)
def test_what_is_wrong_is_told_with_its_row(
    tmp_path: Path, name: str, text: str, says: list[str]
) -> None:
    """All of it in one message."""
    (tmp_path / name).write_text(text)
    message = told(tmp_path / name)
    assert [each for each in says if each not in message] == []


def test_a_column_without_a_name_and_without_cells_is_none(tmp_path: Path) -> None:
    """Spreadsheets leave them at the right."""
    (tmp_path / "a.csv").write_text(f"pixel,,\n{PIXEL},,\n{OTHER}, ,\n")
    assert [each.pixel for each in load(str(tmp_path / "a.csv"), no_check)] == [PIXEL, OTHER]


def test_a_text_of_another_encoding_is_refused_with_its_line(tmp_path: Path) -> None:
    """Guessing would misspell a client's name."""
    (tmp_path / "a.csv").write_bytes(COMMA.encode("cp1252"))
    assert "not UTF-8 (line 2)" in told(tmp_path / "a.csv")
    assert "cannot be read" in told(tmp_path / "none.csv")


def test_every_fault_of_every_row_is_in_one_message(tmp_path: Path) -> None:
    """The caller's own checks among them; of very many, the number."""
    (tmp_path / "a.csv").write_text("pixel\n" + "\n".join(f"P{n}" for n in range(80)))
    with pytest.raises(UsageError) as caught:
        load(str(tmp_path / "a.csv"), lambda row: [f"{row.pixel} is odd"])
    assert "row 2: P0 is odd" in caught.value.message and "and 30 more" in caught.value.message


def test_blanks_around_and_inside_of_a_cell_do_not_count(tmp_path: Path) -> None:
    """Pasted cells bring spaces, line ends and signs of no width along."""
    (tmp_path / "a.csv").write_text(f'pixel,name\n"\u200b {PIXEL}\n ","Shop\u00a0 one"\n')
    (row,) = load(str(tmp_path / "a.csv"), no_check)
    assert (row.pixel, row.name) == (PIXEL, "Shop one")


@settings(deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from([*COLUMNS, "x"]), st.text() | st.none())))
def test_anything_is_made_rows_of_or_refused(records: list[dict[str, str | None]]) -> None:
    """And never fails in any other way."""
    try:
        made = rows(enumerate(records, 1), no_check)
    except UsageError:
        return
    assert [each.number for each in made] == list(range(1, len(records) + 1))

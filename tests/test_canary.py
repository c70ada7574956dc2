"""The search for tokens in clear finds what it is to find, and nothing in what ran so far.

The whole run is searched by `python -m tests`, once every test has ended.
"""

import base64
import gzip
import json
import secrets
import sqlite3
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fixtures.console.ledger import Ledger
from tests.canary import BOOK, issued, leaks
from tests.flows_helpers import LIMIT_S, MakeUser

pytest_plugins = ("tests.flows_fixtures",)
pytestmark = pytest.mark.timeout(LIMIT_S + 20)

TOKEN = "Qx7Zr2Lw9Tb4Vn6Kc1Md8Fh3Gj5Ps0Ay2Eu7Io4B"
AROUND = {"account": "7654321098765432109", "said": [f"token {TOKEN}."]}


def as_zip(path: Path) -> None:
    """Write what a browser's trace is."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("trace.network", json.dumps(AROUND))


def as_database(path: Path) -> None:
    """Write a row that holds a pickle in base64, as an engine of jobs keeps its inputs."""
    with sqlite3.connect(path) as database:
        database.execute("create table jobs (inputs text)")
        body = base64.b64encode(f"x{TOKEN}y".encode()).decode()
        database.execute("insert into jobs values (?)", (body,))
    database.close()


FORMS: dict[str, Callable[[Path], object]] = {
    "raw": lambda path: path.write_text(f"token {TOKEN}."),
    "among binary": lambda path: path.write_bytes(b"\x00\xff" + TOKEN.encode() + b"\x80"),
    "cut at its end": lambda path: path.write_text(TOKEN[:20] + "..."),
    "cut at its start": lambda path: path.write_text("..." + TOKEN[-20:]),
    "in an address": lambda path: path.write_text(f"https://x.example/?access_token={TOKEN}&a=1"),
    "in JSON": lambda path: path.write_text(json.dumps(AROUND)),
    "escaped": lambda path: path.write_text("".join(f"\\u{ord(c):04x}" for c in TOKEN)),
    "escaped twice": lambda path: path.write_text("".join(f"\\\\u{ord(c):04X}" for c in TOKEN)),
    "UTF-16": lambda path: path.write_text(f"token {TOKEN}.", encoding="utf-16-le"),
    "UTF-16, the other way round": lambda path: path.write_text(TOKEN, encoding="utf-16-be"),
    "hexadecimal": lambda path: path.write_text(TOKEN.encode().hex()),
    "base64, first place": lambda path: path.write_bytes(base64.b64encode(TOKEN.encode())),
    "base64, second place": lambda path: path.write_bytes(base64.b64encode(f"?{TOKEN}??".encode())),
    "base64, third place": lambda path: path.write_bytes(base64.b64encode(f"??{TOKEN}?".encode())),
    "base64 in lines": lambda path: path.write_bytes(
        base64.encodebytes(b"?" * 40 + TOKEN.encode())
    ),
    "gzip": lambda path: path.write_bytes(gzip.compress(TOKEN.encode())),
    "a trace": as_zip,
    "a database": as_database,
}


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A folder outside of the run's own, which must hold nothing that the search would find."""
    with tempfile.TemporaryDirectory(prefix="pixelmint-canary-") as folder:
        yield Path(folder)


@pytest.mark.parametrize("form", FORMS)
def test_a_planted_token_is_found_in_each_form(elsewhere: Path, form: str) -> None:
    """Or the search of the whole run could not fail."""
    (elsewhere / BOOK).write_text(TOKEN + "\n")
    (elsewhere / "deep").mkdir()
    FORMS[form](elsewhere / "deep" / "file")
    assert leaks(elsewhere) == ["deep/file"]


def test_what_holds_no_token_is_not_taken_for_one(elsewhere: Path) -> None:
    """Its fingerprint, its last characters and other random texts may stand anywhere."""
    (elsewhere / BOOK).write_text(TOKEN + "\n")
    other = base64.b64encode(TOKEN[::-1].encode()).decode()
    (elsewhere / "log").write_text(f"{TOKEN[-4:]} {other} {TOKEN[:12]} 9f86d081884c")
    (elsewhere / "cut.zip").write_bytes(b"PK\x03\x04 cut short")
    (elsewhere / "cut.gz").write_bytes(b"\x1f\x8b cut short")
    (elsewhere / "wanted.env").write_text(f"TOKEN={TOKEN}")
    assert leaks(elsewhere, [b"1 passed"]) == []
    assert leaks(elsewhere, [b"1 passed", TOKEN.encode()]) == ["output 2"]


def test_every_console_of_this_process_writes_into_the_book(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """So that no test's token is left out of the search."""
    before = issued(tmp_path_factory.getbasetemp())
    ledger = Ledger()
    token = secrets.token_hex(20)
    ledger.note_issue(token, "pixel", "account", 1)
    assert issued(tmp_path_factory.getbasetemp()) - before == {token}


def test_a_run_that_says_all_it_can_says_no_token(
    make_user: MakeUser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """With -v, on success and failure; then all that ran so far in this process is searched."""
    user = make_user()
    pixel, other = (each.code for each in user.console.accounts[0].pixels)
    target = f"dotenv:{user.folder}/file?name=T"
    said = user.run("-v", "generate", pixel, "--json", PIXELMINT_HEADLESS="true")
    assert said.code == 0 and "DEBUG" in said.err
    at_first = user.run("generate", other, "-v", "--store", target)
    assert at_first.code == 0, "a dotenv target that is not named so is a leak the search sees"
    for command in ("status", "recover", "doctor"):
        user.run("-v", command)
    token = user.issues(pixel)[0].token
    assert token not in said.out + said.err
    basetemp = tmp_path_factory.getbasetemp()
    planted = str((user.folder / "file").relative_to(basetemp))
    found = leaks(basetemp)
    (user.folder / "file").unlink()
    assert found == [planted]

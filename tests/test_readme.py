"""Every command block of the README is run, in its order, as a reader would: or says why not.

A block of commands stands between ```sh and ```. One that cannot run here has a comment on the
line before it, `<!-- not run: needs an account -->`. The others run in an empty folder against the
bundled console, signed in, with a `pixelmint` on the path; PIXEL and ID, and the codes of the
examples, are a pixel and an account of that console. The block that sets up the tests is what CI
itself runs, so it is compared with that.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.flows_helpers import ROOT, MakeUser, User

pytest_plugins = ("tests.flows_fixtures",)
pytestmark = pytest.mark.timeout(580)

_BLOCK = re.compile(
    r"(?:<!--\s*(?P<why>.*?)\s*-->\s*\n\s*)?^```sh\n(?P<text>.*?)^```$", re.M | re.S
)
_NOT_RUN = re.compile(r"\s*not run:\s*(\S.{4,}?)\s*", re.S)
_SET_UP = "python3 -m venv"
_LIMIT_S = 240


@dataclass(frozen=True)
class Block:
    """One block of commands."""

    line: int
    text: str
    why_not: str = ""
    """Why it is not run; empty where it is."""


def blocks_of(text: str) -> list[Block]:
    """Return the command blocks of a page, in order."""
    found = []
    for each in _BLOCK.finditer(text):
        reason = _NOT_RUN.fullmatch(each["why"] or "")
        line = text.count("\n", 0, each.start("text"))
        found.append(Block(line, each["text"], reason[1] if reason else ""))
    return found


BLOCKS = blocks_of((ROOT / "README.md").read_text())


def test_a_block_is_left_out_for_a_reason_alone() -> None:
    """A comment that gives none leaves nothing out; neither does one that stands elsewhere."""
    page = (
        "```sh\none\n```\n<!-- not run: needs an account -->\n```sh\ntwo\n  2\n```\n"
        "<!-- not run: -->\n```sh\nthree\n```\n<!-- not run: far away -->\nwords\n"
        "```sh\nfour\n```\n"
        "```json\nfive\n```\n"
    )
    assert blocks_of(page) == [
        Block(1, "one\n"),
        Block(5, "two\n  2\n", "needs an account"),
        Block(10, "three\n"),
        Block(15, "four\n"),
    ]


def test_there_are_blocks_and_ci_runs_the_one_that_sets_up_the_tests() -> None:
    """Word for word: the README's two commands are what everything else rests on."""
    set_up = [each.text.strip() for each in BLOCKS if each.text.startswith(_SET_UP)]
    assert len(set_up) == 2
    demo, tests = sorted(set_up, key=len)
    assert demo.endswith("pixelmint demo")
    assert tests in (ROOT / ".ci" / "run").read_text().splitlines()


def test_every_block_that_can_run_here_does(make_user: MakeUser) -> None:
    """In one folder and one home, so that what one leaves is there for the next."""
    user = make_user(pixels=3)
    with tempfile.TemporaryDirectory(prefix="pixelmint-readme-") as name:
        folder, environ = _prepared(Path(name), user)
        failed = []
        for block in BLOCKS:
            if block.why_not or _is_for_ci(block):
                continue
            says = _run(_filled_in(block.text, user), folder, environ)
            if says:
                failed.append(f"README.md:{block.line}: {says}\n{block.text}")
    assert not failed, "\n".join(failed)


def _is_for_ci(block: Block) -> bool:
    return block.text.startswith(_SET_UP) and "-m tests" in block.text


def _filled_in(text: str, user: User) -> str:
    """Put the console's own pixel and account in the place of the page's."""
    account = user.console.accounts[0]
    # What the set-up before it did is done: the program is on the path.
    text = re.sub(rf"^{_SET_UP}.*&& (\.venv/bin/)?(?=pixelmint )", "", text, flags=re.M)
    text = re.sub(r"(?<![\w/])\.venv/bin/(?=(pixelmint|python)\b)", "", text)
    text = re.sub(r"\bPIXEL\b|\bD69ESQRC77U0KGAU8B90\b", account.pixels[0].code, text)
    return re.sub(r"(?<=--account )ID\b|\b7654321098765432109\b", account.aadvid, text)


def _prepared(folder: Path, user: User) -> tuple[Path, dict[str, str]]:
    """Lay out what a reader has by now: the program, a manifest, a session from elsewhere."""
    programs, here = folder / "bin", folder / "here"
    for each in (programs, here):
        each.mkdir()
    for name, arguments in (("pixelmint", "-m flows"), ("python", ""), ("python3", "")):
        script = programs / name
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
        script.chmod(0o700)
    account = user.console.accounts[0]
    rows = [f"{each.code},{account.aadvid}" for each in account.pixels]
    (here / "list.csv").write_text("\n".join(["pixel,account", *rows]) + "\n")
    (here / "pixels.txt").write_text("\n".join(each.code for each in account.pixels))
    (here / "state.json").write_text(json.dumps(user.console.storage_state()))
    environ = {name: text for name, text in os.environ.items() if "PIXELMINT" not in name}
    environ |= user.settings | {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PIXELMINT_UPSTACK_URL": user.console.upstack.url,
        "TMPDIR": str(user.temporary),
    }
    return here, environ


def _run(script: str, folder: Path, environ: dict[str, str]) -> str:
    """Run a script to its end; return what was wrong with it, without what it printed."""
    try:
        done = subprocess.run(
            ["/bin/sh", "-eu", "-c", script],
            cwd=folder, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=_LIMIT_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"it runs longer than {_LIMIT_S} s; does it need a `not run` comment?"
    # Not its stdout: `pixelmint token` prints one there.
    return "" if done.returncode == 0 else f"exit {done.returncode}: {done.stderr.strip()[-500:]}"

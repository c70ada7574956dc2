"""What the command line says of itself: help, examples, completion, and how little that costs."""

import os
import shlex
import subprocess
import sys
from typing import Any

import pytest
import typer

from flows.cli import _globals_first, app
from flows.cli_examples import EXAMPLES
from tests.flows_helpers import LIMIT_S, ROOT

COMMANDS: dict[str, Any] = getattr(typer.main.get_command(app), "commands")  # noqa: B009 -- its type hides them
SLOW = ("playwright", "dbos", "sqlalchemy", "httpx", "pyrage", "jinja2", "rich.console")


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a window of eighty columns, without a home."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT, env={**os.environ, "COLUMNS": "80", "PIXELMINT_HOME": "/dev/null/x", **environ},
        capture_output=True, text=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip


def test_every_command_has_examples_and_nothing_else_has() -> None:
    """A command nobody shows is a command nobody finds."""
    assert set(EXAMPLES) == set(COMMANDS)


@pytest.mark.parametrize("line", [each for lines in EXAMPLES.values() for each in lines])
def test_an_example_is_taken_as_it_stands(line: str) -> None:
    """Its command, its options, and what they hold; fitted to eighty columns."""
    assert len(line) <= 76, "four columns are its indent"
    for part in line.split(" | "):
        words = shlex.split(part.partition(" < ")[0])
        if words[0] != "pixelmint":
            continue
        words = _globals_first(words[1:])
        while words[0].startswith("-"):
            words = words[2 if words[0] == "--profile" else 1 :]
        context = COMMANDS[words[0]].make_context(words[0], words[1:])
        if words[0] == "schedule":
            COMMANDS["rotate"].make_context("rotate", list(context.args))


def test_the_list_of_commands_is_whole_in_eighty_columns_and_imports_little() -> None:
    """No summary ends in dots; what is slow to import is imported inside its command."""
    said = run("-X", "importtime", "-m", "flows", "--help")
    assert said.returncode == 0
    listed = said.stdout[said.stdout.index("Commands:") :].splitlines()[1:]
    assert [each.split()[0] for each in listed] == list(COMMANDS)
    assert [each for each in listed if each.endswith("...")] == []
    imported = {each.rpartition("|")[2].strip() for each in said.stderr.splitlines()}
    assert imported & {*SLOW, "pydantic", "rich"} == set()


def test_help_of_a_command_shows_its_examples_and_imports_little() -> None:
    """Named by the name on the path, as `python -m flows` too."""
    said = run("-X", "importtime", "-m", "flows", "generate", "--help")
    assert said.stdout.startswith("Usage: pixelmint generate")
    for each in EXAMPLES["generate"]:
        assert f"    {each}\n" in said.stdout
    imported = {each.rpartition("|")[2].strip() for each in said.stderr.splitlines()}
    assert imported & set(SLOW) == set()


def test_the_version_is_told() -> None:
    """On stdout, and nothing beside it."""
    said = run("-m", "flows", "--version")
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.startswith("pixelmint")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_told_how_to_complete(shell: str) -> None:
    """The script asks the program on the path, however it was itself asked for."""
    said = run("-m", "flows", "--show-completion", shell)
    assert (said.returncode, said.stderr) == (0, "")
    assert "_PIXELMINT_COMPLETE" in said.stdout


def test_what_bash_asks_is_answered() -> None:
    """Commands that begin so, one a line."""
    asked = {
        "_PIXELMINT_COMPLETE": "complete_bash",
        "COMP_WORDS": "pixelmint re",
        "COMP_CWORD": "1",
    }
    answer = run("-m", "flows", **asked).stdout.split()
    assert sorted(answer) == sorted(each for each in COMMANDS if each.startswith("re"))

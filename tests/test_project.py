"""The house itself: who may import whom, what may not be written, and what must be there."""

import ast
import re
import subprocess
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
import typer

from flows.cli import app

ROOT = Path(__file__).parent.parent
SHIPPED = ("automation", "flows", "fixtures")
PACKAGES = (*SHIPPED, "tests")
MAY_IMPORT = {
    "automation": {"automation"},
    "fixtures": {"fixtures"},
    "flows": {"flows", "automation", "fixtures"},  # the demo runs against the bundled console
    "tests": set(PACKAGES),
}
MOST_LINES = 400

REVEALS = {
    "automation/escrow.py": 1,  # sealed
    "automation/notify.py": 2,  # an address, to its library; its scheme, for a message
    "automation/seal.py": 1,  # the key itself, on its way to the library
    "automation/stores/aws.py": 1,  # laid beside the current one, in a rotation
    "automation/stores/command.py": 1,  # on the program's stdin
    "automation/stores/dotenv.py": 1,  # stored
    "automation/stores/local.py": 1,  # sealed
    "automation/stores/remote.py": 1,  # stored, whatever the service
    "flows/cli.py": 1,  # `token` prints it, alone
    "flows/demo.py": 1,  # the key, for the run of pixelmint that the demo kills
    "flows/filing.py": 1,  # looked for in what was seen, to agree on one
    "flows/destinations/webhook.py": 2,  # posted; and the secret that signs it
    "flows/events_api.py": 1,  # sent to the Events API
    "flows/pages/upstack_form.py": 2,  # typed into its field, and read back from there
    "flows/pages/upstack_send.py": 1,  # looked for in what leaves the page, to let it out once
}
"""Every place a token's text is taken out of its `Secret`. A new one needs its reason here."""

NOT_PUBLIC = r"(?:127|10|0)\.|192\.168\.|169\.254\.|192\.0\.2\.|198\.51\.100\.|203\.0\.113\."
SECRET_SHAPES = {
    "an e-mail address": r"[\w.+-]+@(?!(?:[\w-]+\.)*(?:example|invalid|test|localhost)\b)"
    r"[\w-]+\.[a-z]{2,}",
    "a session cookie": r"(?:sessionid|sid_tt|sid_guard)\w*[\"']?\s*[:=]\s*[\"']?[0-9a-f]{32}",
    "a token in forty hexadecimal digits": r"(?<![0-9a-f])(?=[0-9]*[a-f])(?=[a-f]*[0-9])"
    r"[0-9a-f]{40}(?![0-9a-f])",
    "a bearer token": r"[Bb]earer\s+[A-Za-z0-9_.-]{20,}",
    "a public network address": rf"(?<![\d.])(?!{NOT_PUBLIC})"
    r"(?:\d{1,3}\.){3}\d{1,3}(?![\d.])",
    "an age key": r"AGE-SECRET-KEY-1[A-Z0-9]{50,}",
}


def tracked(*patterns: str) -> list[Path]:
    """Return the files of the project, whether or not a version-control system is at hand."""
    named = [each for pattern in patterns for each in ROOT.glob(pattern)]
    kept = (each for each in named if each.is_file() and "__pycache__" not in each.parts)
    return sorted(kept)


def modules(*packages: str) -> list[Path]:
    """Return the Python files of some packages."""
    found = tracked(*(f"{each}/**/*.py" for each in packages))
    assert found, packages
    return found


def said(path: Path) -> str:
    """Return a path as the project's own people write it."""
    return path.relative_to(ROOT).as_posix()


def named(path: Path) -> str:
    """Return a module's dotted name."""
    return said(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imports(path: Path, *, at_once: bool = False) -> Iterator[str]:
    """Yield every dotted name a module imports; at once, those it needs to be imported itself."""
    tree = ast.parse(path.read_text())
    nodes: list[ast.AST] = list(tree.body) if at_once else list(ast.walk(tree))
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{said(path)}: imports are written in full"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{each.name}" for each in node.names)


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_point_one_way(package: str) -> None:
    """Tests know flows, flows know automation, and nobody knows what stands above."""
    wrong = [
        f"{said(path)} imports {name}"
        for path in modules(package)
        for name in imports(path)
        if (top := name.partition(".")[0]) in PACKAGES and top not in MAY_IMPORT[package]
    ]
    assert wrong == []


def test_no_import_goes_round_in_a_circle() -> None:
    """Each module can be read after those it needs. Raises CycleError, naming the circle."""
    known = {named(path): path for path in modules(*PACKAGES)}
    needs = {
        # A package and what it exports is one thing to those outside, two to those inside.
        name: {each for each in imports(path, at_once=True) if each in known and each != name}
        - {package for package in known if name.startswith(f"{package}.")}
        for name, path in known.items()
    }
    assert len(list(TopologicalSorter(needs).static_order())) == len(known)


def test_automation_names_no_site() -> None:
    """So that a third console can be added without touching it; scripts in it likewise."""
    wrong = [
        f"{said(path)}:{number}"
        for path in tracked("automation/**/*.*")
        if path.suffix in (".py", ".js", ".toml", ".json", ".html")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(r"tik[ -]?tok|upstack", line, re.IGNORECASE)
    ]
    assert wrong == []


def test_no_module_is_longer_than_can_be_read() -> None:
    """Four hundred lines is the ceiling, for scripts too; a test is as long as its module needs."""
    long = {
        said(path): lines
        for path in tracked(*(f"{each}/**/*.{kind}" for each in SHIPPED for kind in ("py", "js")))
        if (lines := len(path.read_text().splitlines())) > MOST_LINES
    }
    assert long == {}


def test_nothing_waits_by_the_clock() -> None:
    """A page is waited for by what can be seen on it."""
    forbidden = re.compile(
        r"\btime\.sleep\b|from time import.*\bsleep\b|wait_for_timeout|networkidle"
    )
    wrong = [
        f"{said(path)}:{number}"
        for path in modules("automation", "flows")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if forbidden.search(line)
    ]
    assert wrong == []


def test_every_reveal_is_known() -> None:
    """A token's text leaves its Secret at these places and no others."""
    found: dict[str, int] = {}
    for path in modules("automation", "flows"):
        calls = sum(
            isinstance(node, ast.Attribute) and node.attr in ("reveal", "_text")
            for node in ast.walk(ast.parse(path.read_text()))
        )
        if calls and said(path) != "automation/secret.py":
            found[said(path)] = calls
    assert found == REVEALS


def test_every_silenced_checker_has_its_reason_beside_it() -> None:
    """Text after the code, or a comment on the line before."""
    silenced = re.compile(
        r"#\s*(?:noqa(?::\s*[A-Z0-9, ]+)?|type:\s*ignore(?:\[[\w, -]+\])?)\s*(.*)$"
    )
    wrong = []
    for path in modules(*PACKAGES):
        if path == Path(__file__):
            continue  # the pattern itself stands here
        lines = path.read_text().splitlines()
        for number, line in enumerate(lines):
            found = silenced.search(line)
            above = lines[number - 1].strip() if number else ""
            if found and len(found[1]) < 8 and not above.startswith("#"):
                wrong.append(f"{said(path)}:{number + 1}")
    assert wrong == []


@pytest.mark.parametrize("shape", SECRET_SHAPES)
def test_no_fixture_holds_anything_of_a_real_person(shape: str) -> None:
    """By shape: what a recording would carry over if its redaction failed."""
    pattern = re.compile(SECRET_SHAPES[shape])
    wrong = []
    for path in tracked("fixtures/**/*", "tests/drawn/**/*"):
        if path.suffix in (
            ".py",
            ".html",
            ".js",
            ".json",
            ".jsonl",
            ".toml",
            ".txt",
            ".css",
            ".svg",
        ):
            found = pattern.search(path.read_text(encoding="utf-8"))
            if found:
                wrong.append(f"{said(path)}: {found[0][:20]}")
    assert wrong == []


@pytest.mark.parametrize(
    ("shape", "text"),
    [
        ("an e-mail address", "ann@corp.com"),
        ("a session cookie", '"sessionid_ads": "0123456789abcdef0123456789abcdef"'),
        ("a token in forty hexadecimal digits", "x=" + "0a1b" * 10),
        ("a bearer token", "Bearer abcdefghijklmnopqrstuv"),
        ("a public network address", "at 8.8.8.8 "),
        ("an age key", "AGE-SECRET-KEY-1" + "Q" * 58),
    ],
)
def test_each_shape_finds_what_it_is_for(shape: str, text: str) -> None:
    """Or the test above could not fail."""
    assert re.search(SECRET_SHAPES[shape], text)


@pytest.mark.parametrize(
    "name",
    [
        ".ci/run",
        ".gitignore",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "LICENSE",
        "pyproject.toml",
        "requirements.lock",
    ],
)
def test_what_every_project_has_is_there(name: str) -> None:
    """And is not empty."""
    assert (ROOT / name).read_text().strip()


def test_the_lock_file_holds_every_dependency_with_its_hashes_and_no_host() -> None:
    """So that a fresh machine installs what was tested, from the registry it is set to."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = {
        re.split(r"[\[><=~! ]", each)[0].lower()
        for each in (*project["dependencies"], *extras["test"], *extras["keyring"])
    }
    lock = (ROOT / "requirements.lock").read_text()
    locked = re.findall(
        r"^([\w.-]+)==\S+(.*(?:\n    --hash=sha256:[0-9a-f]{64}.*)*)", lock, re.MULTILINE
    )
    assert wanted <= {name for name, _ in locked}
    assert [name for name, hashes in locked if "--hash" not in hashes] == []
    assert not re.search(r"://|--index|--find-links", lock)


def test_no_path_of_somebody_s_machine_is_written_anywhere() -> None:
    """It works there alone."""
    place = re.compile(r"/(?:home|Users)/\w+/|/work/\w|/tmp/venv")
    texts = tracked("*.md", "*.toml", ".ci/*", *(f"{each}/**/*.*" for each in PACKAGES))
    wrong = [
        said(path)
        for path in texts
        if path != Path(__file__) and path.suffix in (".md", ".toml", ".py", ".js", ".html", "")
        if place.search(path.read_text())
    ]
    assert wrong == []


def test_the_test_command_runs_without_anybody_to_answer() -> None:
    """It can be started, and a shell can parse it."""
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o100
    subprocess.run(["sh", "-n", str(script)], check=True)


def test_the_readme_prints_the_command_that_is_run_here() -> None:
    """The last line of `.ci/run`; the README may break it with backslashes."""
    command = (ROOT / ".ci" / "run").read_text().splitlines()[-1]
    assert command.endswith(".venv/bin/python -m tests")
    readme = (ROOT / "README.md").read_text()
    assert command in re.sub(r"\s*\\\n\s*", " ", readme)


def test_every_command_has_help_and_stands_in_the_readme() -> None:
    """Its parameters have help too."""
    command = typer.main.get_command(app)
    assert isinstance(command, typer.core.TyperGroup)
    readme = (ROOT / "README.md").read_text()
    assert command.commands
    for name, each in command.commands.items():
        assert each.help, name
        assert re.search(rf"`(?:pixelmint )?{re.escape(name)}\b", readme), f"{name} not in README"
        for parameter in each.params:
            assert getattr(parameter, "help", None), f"{name}: {parameter.name} has no help"

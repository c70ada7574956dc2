"""A recording on disk: the screens' files and `index.toml`, which says what each of them is."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from automation.errors import UsageError
from automation.files import private_folder, write_private

INDEX = "index.toml"
_HEAD = """\
# Screens of a console, saved read-only and redacted: what was somebody's own is replaced by a
# stand-in, the same one for the same original throughout.
format = 1
"""
_ORDER = ("file", "address", "made", "day", "language", "look", "state")


@dataclass(frozen=True)
class Screen:
    """One saved screen, as the index tells it."""

    name: str
    """Short and unlike the others' of its folder, e.g. "settings"."""
    file: str
    address: str
    """Where it was seen, with stand-ins."""
    made: str
    """`drawn`: a page somebody drew by hand; `recorded`: a console's own."""
    day: str
    """When it was saved, ISO 8601."""
    language: str
    look: str
    """How its page is built, in a few words."""
    state: str
    """What it shows, in words."""
    replaced: Mapping[str, int] = field(default_factory=dict)
    """How often each kind of original was replaced."""
    leads: Mapping[str, str] = field(default_factory=dict)
    """Which control of it leads to which other screen."""
    shows: Mapping[str, Any] = field(default_factory=dict)
    """What the page objects saw on it when it was saved; strings, lists, true or false."""

    def as_toml(self) -> str:
        """Return its table."""
        lines = [f"[screens.{_key(self.name)}]"]
        lines += [f"{name} = {_value(getattr(self, name))}" for name in _ORDER]
        for name in ("replaced", "leads", "shows"):
            table: Mapping[str, Any] = getattr(self, name)
            if table:
                inner = ", ".join(f"{_key(key)} = {_value(table[key])}" for key in table)
                lines.append(f"{name} = {{ {inner} }}")
        return "\n".join(lines) + "\n"


def open_folder(folder: Path) -> Path:
    """Return a folder that a recording can be written into, created private where it is not there.

    Raises:
        UsageError: it holds something that is no recording, or cannot be written.
    """
    try:
        held = sorted(each.name for each in folder.iterdir()) if folder.exists() else []
    except OSError as problem:
        raise _unusable(folder, problem) from None
    if held:
        read_index(folder)  # refuses what is no recording
        strange = [name for name in held if not name.endswith((".html", ".toml"))]
        if strange:
            raise _no_recording(folder, f"it holds {strange[0]}")
        return folder
    try:
        return private_folder(folder)
    except OSError as problem:
        raise _unusable(folder, problem) from None


def read_index(folder: Path) -> list[Screen]:
    """Return every screen of a recording.

    Raises:
        UsageError: the folder holds none, or its index cannot be read.
    """
    path = folder / INDEX
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
        if told.get("format") != 1:
            raise _no_recording(folder, f"{INDEX} is not of format 1")
        return [Screen(name=name, **entry) for name, entry in told.get("screens", {}).items()]
    except FileNotFoundError:
        reason = f"it has no {INDEX}"
    except (OSError, ValueError, TypeError, AttributeError) as problem:
        reason = f"{INDEX} cannot be read ({type(problem).__name__})"
    raise _no_recording(folder, reason)


def index_of(screens: list[Screen]) -> bytes:
    """Return the index of some screens, to be proven before it is written."""
    return "\n".join([_HEAD, *(each.as_toml() for each in screens)]).encode()


def write_folder(folder: Path, files: Mapping[str, bytes], index: bytes) -> None:
    """Write a recording in place of the one that may be there; files 0600.

    Raises:
        UsageError: the disk would not take it.
    """
    try:
        for stale in folder.glob("*.html"):
            if stale.name not in files:
                stale.unlink()
        for name, data in files.items():
            write_private(folder / name, data)
        write_private(folder / INDEX, index)  # last, so that it names no file that is not there
    except OSError as problem:
        raise _unusable(folder, problem) from None


def _key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() else json.dumps(name)


def _value(value: object) -> str:
    """Return a value as TOML, whose strings are JSON's but for one character."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _no_recording(folder: Path, reason: str) -> UsageError:
    return UsageError(
        f"{folder} is not empty and no recording: {reason}",
        next_step="name a new or an empty folder",
    )


def _unusable(folder: Path, problem: OSError) -> UsageError:
    return UsageError(f"{folder} cannot be written ({problem.strerror})")

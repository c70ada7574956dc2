"""`dotenv:PATH?name=TEMPLATE` keeps each token as one line of a `.env` file, in clear.

The file belongs to somebody's application: all but the one line stays byte for byte as it was,
owner and mode too. It is replaced whole, under a lock beside it (`.env.lock`).
"""

import contextlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Self

from filelock import FileLock, Timeout

from automation.errors import StoreFailed, UsageError
from automation.files import write_private
from automation.secret import Secret
from automation.stores import envfile
from automation.stores.base import NotStored, Ref, Sealing, Template, parse_url

DEFAULT_NAME = "EVENTS_API_ACCESS_TOKEN_{pixel}"
"""The variable a token gets when the URL names none."""

_WAIT_S = 30
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class DotenvStore:
    """One variable a pixel in one file, or in several where PATH has placeholders.

    A `.env` file says nothing of pixels, accounts and intents. So a name that is the same for two
    pixels is refused only among the pixels this one store object was given; and a token is
    filed under its variable whatever account it came from.
    """

    name: ClassVar[str] = "dotenv"

    def __init__(self, path: str, variable: str = DEFAULT_NAME, *, url: str = "") -> None:
        """Use this file and this variable, both of them templates.

        Raises:
            UsageError: no path, an unknown placeholder, or not a variable's name.
        """
        self.url = url or f"dotenv:{path}"
        if not path:
            raise self._wrong("names no file", "write dotenv:PATH, e.g. dotenv:.env")
        self._file = Template(path, url=self.url)
        self._variable = Template(variable, url=self.url, only_word=True)
        if not _NAME.fullmatch(self._variable.fill(Ref("P", "1", "p", "n"))):
            raise self._wrong(f"{variable} is no variable's name", "use letters, digits and _")
        # Remembered, because the file cannot say whose token a variable holds.
        self._given: dict[tuple[Path, str], str] = {}

    @classmethod
    def open(cls, url: str, *, home: Path, sealer: Sealing) -> Self:
        """Build from `dotenv:PATH?name=TEMPLATE`; a relative PATH begins where we stand."""
        path, options = parse_url(url, "name")
        return cls(path, options.get("name", DEFAULT_NAME), url=url)

    def where(self, ref: Ref) -> str:
        """Return `PATH NAME`."""
        path, name = self._place(ref)
        return f"{path} {name}"

    def _place(self, ref: Ref) -> tuple[Path, str]:
        name = self._variable.fill(ref)
        if not _NAME.fullmatch(name):  # a pixel's name may begin with a digit
            raise self._wrong(f"{name} is no variable's name", "put a letter before it in ?name=")
        return Path(self._file.fill(ref)).expanduser().absolute(), name

    def check(self) -> None:
        """Parse the file, and write as much as it holds beside it.

        A PATH with placeholders is known pixel by pixel: then only the folder before the first
        of them is looked at, or the nearest one there is.
        """
        with self._explained("cannot be written"):
            if self._file.placeholders:
                fixed = Path(self._file.text.partition("{")[0] + "x").expanduser().absolute()
                there = next(each for each in fixed.parents if each.exists())
                return _try_writing(there, 1024)
            path = _target(Path(self._file.fill(Ref(""))).expanduser().absolute())
            before = _read(path) or b""
            envfile.parse(before)
            return _try_writing(path.parent, len(before) + 1024)

    def put(self, ref: Ref, token: Secret, *, intent: str) -> None:
        """Write one line, unless it says the same already; `intent` cannot be kept here."""
        link, name = self._place(ref)
        with self._explained(f"{name} not written"):
            path = _target(link)
            if self._file.placeholders:
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _alone(path):
                self._refuse_another_pixel(path, name, ref)
                before = _read(path)
                after = envfile.set_value(before or b"", name, token.reveal())
                if after != before:
                    _replace(path, after)
                self._given[path, name] = ref.pixel

    def get(self, ref: Ref) -> Secret:
        """Read the variable as python-dotenv does, without filling in other variables."""
        path, name = self._place(ref)
        with self._explained(f"{name} not read"):
            value = envfile.get_value(_read(_target(path)) or b"", name)
        if not value:
            raise NotStored(f"{name} is not set", where=self.url, next_step="generate a token")
        return Secret(value)

    def _refuse_another_pixel(self, path: Path, name: str, ref: Ref) -> None:
        pixel = self._given.get((path, name), ref.pixel)
        if pixel != ref.pixel:
            raise StoreFailed(
                f"{name} was given to pixel {pixel} just now; it cannot be pixel {ref.pixel}'s too",
                where=self.url,
                next_step="put {pixel} into ?name=, then run `pixelmint recover`",
            )

    @contextlib.contextmanager
    def _explained(self, failing: str) -> Iterator[None]:
        try:
            yield
        except envfile.Unfit as problem:
            reason, next_step = str(problem), "correct the file"
        except Timeout:
            reason, next_step = "another process holds its lock", "wait for it to end"
        except OSError as problem:
            reason = problem.strerror or type(problem).__name__
            next_step = "make room or make the folder writable"
        else:
            return
        raise StoreFailed(
            f"{failing} ({reason})",
            where=self.url,
            next_step=f"{next_step}, then run `pixelmint recover`",
        )

    def _wrong(self, what: str, next_step: str) -> UsageError:
        return UsageError(what, where=self.url, next_step=next_step)


def _target(path: Path) -> Path:
    """Follow symbolic links: the file is replaced, never the link to it."""
    # Not `resolve`, which raises RuntimeError on a loop of links; reading reports that as OSError.
    return Path(os.path.realpath(path))


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    # Not `files.held`: that makes the lock's folder private, and this one is not ours.
    with FileLock(path.with_name(f"{path.name}.lock"), timeout=_WAIT_S, mode=0o600):
        yield


def _read(path: Path) -> bytes | None:
    """Return the file's bytes, None where there is none.

    Raises:
        envfile.Unfit: it cannot be replaced: no regular file, or somebody else's.
    """
    try:
        about = path.stat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(about.st_mode):  # reading a pipe would wait for ever
        raise envfile.Unfit("not a regular file")
    if about.st_uid != os.geteuid() and os.geteuid() != 0:
        raise envfile.Unfit("it belongs to another user, who would lose it by the change")
    return path.read_bytes()


def _try_writing(folder: Path, size_bytes: int) -> None:
    part = folder / f".pixelmint.{os.getpid()}.check"
    try:
        write_private(part, b" " * size_bytes)
    finally:
        part.unlink(missing_ok=True)


def _replace(path: Path, data: bytes) -> None:
    """Put new bytes in the file's place, its mode and owner kept; a new file is 0600."""
    for part in path.parent.glob(f".{_literal(path.name)}.*.part"):
        part.unlink()  # of a writer that was killed; it holds a token in clear
    try:
        before = path.stat()
    except FileNotFoundError:
        write_private(path, data)
        return
    write_private(path, data, mode=stat.S_IMODE(before.st_mode))
    after = path.stat()
    if (before.st_uid, before.st_gid) != (after.st_uid, after.st_gid):
        with contextlib.suppress(PermissionError):  # a group we are not in; the token is kept
            os.chown(path, before.st_uid, before.st_gid)


def _literal(name: str) -> str:
    return re.sub(r"([\[*?])", r"[\1]", name)

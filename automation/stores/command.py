"""`command:PROGRAM` hands the token to a program of the operator's own, on its stdin.

The program is started without a shell and without arguments, and its exit code decides. Stdin holds
the token and nothing else; whose it is stands in the environment (`VARIABLES`). What it
prints is dropped, for it may hold the token.

A program that only takes tokens has no way to give one back, so nothing can be read back from it.
`command:PROGRAM?get=OTHER` names one that can: it prints the token, or nothing where there is none.
"""

import contextlib
import os
import shutil
import signal
import stat
import subprocess
from pathlib import Path
from typing import ClassVar, Self

from automation.errors import StoreFailed, UsageError
from automation.secret import Secret
from automation.stores.base import NoReadBack, NotStored, Ref, Sealing, Template, parse_url
from automation.stores.remote import SAMPLE

VARIABLES = (
    "TOKEN_PIXEL",
    "TOKEN_ACCOUNT",
    "TOKEN_PROFILE",
    "TOKEN_NAME",
    "TOKEN_INTENT",
    "TOKEN_FINGERPRINT",
)
"""What a program finds in its environment. The getter knows no intent and no fingerprint.

Not `PIXELMINT_...`: a program that calls pixelmint in its turn would give it unknown settings.
"""

LIMIT_S = 60.0
"""Most seconds a program may run; then it and all it started are killed."""


class CommandStore:
    """One program that takes, and perhaps one that gives back."""

    name: ClassVar[str] = "command"

    def __init__(self, program: str, getter: str = "", *, url: str) -> None:
        """Use these programs: paths, or names to be found on PATH; placeholders are filled in."""
        self.url = url
        if not program:
            raise UsageError("names no program", where=url, next_step="write command:PROGRAM")
        self._program = Template(program, url=url)
        self._getter = Template(getter, url=url) if getter else None

    @classmethod
    def open(cls, url: str, *, home: Path, sealer: Sealing) -> Self:
        """Build from `command:PROGRAM?get=PROGRAM`."""
        program, options = parse_url(url, "get")
        return cls(program, options.get("get", ""), url=url)

    def where(self, ref: Ref) -> str:
        """Return the program as it will be called."""
        return self._program.fill(ref)

    def check(self) -> None:
        """See that the programs are there and may be run; none is."""
        for template in filter(None, (self._program, self._getter)):
            if not template.placeholders:
                self._found(template, SAMPLE)

    def put(self, ref: Ref, token: Secret, *, intent: str) -> None:
        """Run the program, unless the getter gives this very token back already.

        Without a getter a repeat runs it again, with the same TOKEN_INTENT.
        """
        if self._getter is not None and self._given(self._getter, ref) == token:
            return
        about = {"TOKEN_INTENT": intent, "TOKEN_FINGERPRINT": token.fingerprint}
        self._run(self._program, ref, about, token.reveal())

    def get(self, ref: Ref) -> Secret:
        """Run the getter.

        Raises:
            NoReadBack: none was named.
            NotStored: it printed nothing.
        """
        if self._getter is None:
            raise NoReadBack(
                "the program takes tokens and cannot give one back",
                where=self.url,
                next_step="name one that can: command:PROGRAM?get=OTHER",
            )
        token = self._given(self._getter, ref)
        if token is None:
            where = f"{self.url} pixel {ref.pixel}"
            raise NotStored("no token here", where=where, next_step="generate one")
        return token

    def _given(self, getter: Template, ref: Ref) -> Secret | None:
        text = self._run(getter, ref, {}, "").removesuffix("\n")
        return Secret(text) if text else None

    def _run(self, template: Template, ref: Ref, about: dict[str, str], text: str) -> str:
        """Run a program to its end and return what it printed.

        Raises:
            StoreFailed: it is not there, ran too long, or ended with another code than 0.
        """
        program = self._found(template, ref)
        environment = {**os.environ, **_about(ref), **about}
        pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
        # Only a getter is listened to: what a taker leaves running would keep the pipe open.
        printing = nowhere if text else pipe
        try:
            with subprocess.Popen(
                [program], env=environment, stdin=pipe,stdout=printing, stderr=nowhere,
                start_new_session=True,
            ) as running:  # fmt: skip
                out = _waited_for(running, text.encode())
            code = running.returncode
            printed = "" if out is None else out.decode()
            reason = "" if code == 0 else f"exit {code}" if code > 0 else f"signal {-code}"
            reason = f"still running after {LIMIT_S:g} s" if out is None else reason
        except UnicodeDecodeError:
            reason = "it printed no text"
        except OSError as problem:
            reason = problem.strerror or type(problem).__name__
        if reason:
            raise self._failed(f"{program} failed ({reason})", "run it by hand and mend it")
        return printed

    def _found(self, template: Template, ref: Ref) -> str:
        """Return a program's path; refuse one that anybody may change."""
        name = os.path.expanduser(template.fill(ref))
        path = shutil.which(name)
        if path is None:
            raise self._failed(f"{name} is no program that can be run", "correct the path or mode")
        if Path(path).stat().st_mode & stat.S_IWOTH:
            raise self._failed(f"anybody may change {path}", f"chmod o-w {path}")
        return str(Path(path).absolute())

    def _failed(self, what: str, next_step: str) -> StoreFailed:
        return StoreFailed(
            what, where=self.url, next_step=f"{next_step}, then run `pixelmint recover`"
        )


def _about(ref: Ref) -> dict[str, str]:
    values = (ref.pixel, ref.account, ref.profile, ref.name, "", "")
    # A name may hold what no environment can: NUL, and halves of surrogate pairs.
    fit = (each.replace("\0", "").encode(errors="replace").decode() for each in values)
    return dict(zip(VARIABLES, fit, strict=True))


def _waited_for(running: "subprocess.Popen[bytes]", text: bytes) -> bytes | None:
    """Return what a program printed; None where it, and all it started, had to be killed."""
    try:
        return running.communicate(text, timeout=LIMIT_S)[0] or b""
    except subprocess.TimeoutExpired:
        with contextlib.suppress(
            ProcessLookupError
        ):  # gone, and what it left has a group of its own
            os.killpg(running.pid, signal.SIGKILL)
    return None

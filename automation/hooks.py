"""A program of the operator's own, run after something was done: told what, never the secret.

No shell, no argument, nothing on its standard input; what it prints goes to stderr, redacted.
"""

import contextlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import IO

from automation.errors import DeliveryFailed, UsageError
from automation.secret import redact

LIMIT_S = 120.0
"""How long it may run; it and all it started are ended then."""
_MOST_SHOWN = 16_384
"""Bytes of what it printed that are passed on, from the end."""


def find_hook(name: str) -> str:
    """Return a program's absolute path.

    Args:
        name: an absolute path, or a name that is looked for on PATH.

    Raises:
        UsageError: it is not there, may not be run, or anybody may change it.
    """
    named = Path(name).expanduser()
    if not name or "\0" in name or (os.sep in name and not named.is_absolute()):
        raise _refused(name, "is no absolute path and no name on PATH")
    path = shutil.which(named)
    if path is None:
        raise _refused(name, "is no program that can be run")
    if Path(path).stat().st_mode & stat.S_IWOTH:
        raise _refused(path, "may be changed by anybody")
    return str(Path(path).absolute())


def run_hook(
    program: str,
    about: Mapping[str, str],
    *,
    without: Collection[str] = (),
    tell: Callable[[str], None] | None = None,
) -> None:
    """Run it to its end.

    Args:
        program: as `find_hook` returns it.
        about: variables it finds in its environment, beside the ones this process has.
        without: variables it does not find there: what is secret.
        tell: takes each line it printed; by default stderr.

    Raises:
        DeliveryFailed: it ended with another code than 0, or not in time, or could not be started.
    """
    kept = {name: text for name, text in os.environ.items() if name not in without}
    # A name may hold what no environment can: NUL, and halves of surrogate pairs.
    told = {name: text.replace("\0", "").encode(errors="replace").decode()
            for name, text in about.items()}  # fmt: skip
    # A file and no pipe: what it leaves running in the background may keep its output open.
    with tempfile.TemporaryFile() as output:
        reason = _waited_for(program, {**kept, **told}, output)
        for line in _printed(output):
            (tell or _to_stderr)(f"{Path(program).name}: {redact(line)}")
    if reason:
        raise DeliveryFailed(
            f"the deploy hook failed ({reason})",
            where=program,
            next_step="the token is stored; mend the program, and the next run, or `pixelmint "
            "recover`, runs it again",
        )


def _waited_for(program: str, environment: dict[str, str], output: IO[bytes]) -> str:
    try:
        with subprocess.Popen(
            [program], env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True,
        ) as running:  # fmt: skip
            try:
                code = running.wait(LIMIT_S)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
                    os.killpg(running.pid, signal.SIGKILL)
                return f"still running after {LIMIT_S:g} s"
    except OSError as problem:
        return problem.strerror or type(problem).__name__
    return "" if code == 0 else f"exit {code}" if code > 0 else f"signal {-code}"


def _printed(output: IO[bytes]) -> list[str]:
    size = output.seek(0, os.SEEK_END)
    output.seek(max(0, size - _MOST_SHOWN))
    text = output.read().decode(errors="replace")
    return [each for each in text.splitlines() if each.strip()]


def _to_stderr(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _refused(name: str, why: str) -> UsageError:
    return UsageError(
        f"{name or 'nothing'} {why}",
        where="--deploy-hook",
        next_step="name a program by its absolute path or by its name on PATH, without arguments",
    )

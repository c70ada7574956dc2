"""`python -m tests.killed WHOM PIXEL=BOUNDARY...`: a run of `generate` with a kill in each pixel.

The program is as it is shipped. What stands on both sides of a boundary is wrapped here, and at
the boundary this process, its browser or the browser's driver is killed.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from automation.capture import Capture
from automation.errors import AutomationError
from automation.escrow import Escrow
from automation.evidence import Sighting
from automation.records import Records
from automation.report import json_line
from automation.settings import load
from automation.stores.local import LocalStore
from flows import filing, generate
from flows.pages.pixel_page import PixelPage
from flows.settings import ConsoleSettings
from flows.workshop import Workshop
from tests.processes import family, kill_one

Told = Callable[[str], None]


def before_and_after(holder: Any, name: str, what: str, told: Told) -> None:
    """Tell of every call that begins, and of every one that has returned something."""
    method = getattr(holder, name)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        called = _name(what, args)
        told(f"before {called}")
        returned = method(*args, **kwargs)
        if returned is not None or what != "agree":  # an agreement was reached, not looked for
            told(f"after {called}")
        return returned

    setattr(holder, name, wrapped)


def _name(what: str, args: tuple[Any, ...]) -> str:
    """Tell the sealing of an answer from that of anything else; a message by what it says."""
    if what == "seal":
        return f"seal {Sighting.from_bytes(args[2]).kind}"
    return str(args[1]) if what == "send" else what


def wrap_everything(told: Told) -> None:
    """Wrap each step of the order, from the intent to the record."""
    before_and_after(Escrow, "intend", "intend", told)
    before_and_after(Capture, "arm", "arm", told)
    before_and_after(Escrow, "ask", "ask", told)
    before_and_after(PixelPage, "click", "click", told)
    before_and_after(Escrow, "see", "seal", told)
    before_and_after(Capture, "_send", "send", told)
    before_and_after(filing, "agree", "agree", told)
    before_and_after(Escrow, "keep", "keep", told)
    before_and_after(LocalStore, "put", "put", told)
    before_and_after(LocalStore, "get", "read back", told)
    before_and_after(Escrow, "settle", "settle", told)
    before_and_after(Records, "note", "note", told)


class Killer:
    """Kills at one boundary of each pixel."""

    def __init__(self, whom: str, boundaries: dict[str, str]) -> None:
        """Take whom to kill and, by pixel, when."""
        self._whom, self._boundaries = whom, boundaries
        self._pixel, self._answered = "", False

    def begin(self, pixel: str) -> None:
        """Say which pixel is next."""
        self._pixel, self._answered = pixel, False

    def told(self, what: str) -> None:
        """Hear of a boundary; kill if it is the one."""
        if what == "after seal answer":
            self._answered = True
        if what == "after Fetch.continueRequest" and self._answered:
            what = "after release"
        if what == self._boundaries.get(self._pixel):
            del self._boundaries[self._pixel]
            if self._whom == "pixelmint":
                os.kill(os.getpid(), signal.SIGKILL)
            assert kill_one(family(os.getpid()), self._whom), f"no {self._whom} runs here"


def main(whom: str, pairs: list[str]) -> None:
    """Generate for every pixel in turn; a row a pixel on stdout."""
    boundaries = dict(each.split("=", 1) for each in pairs)
    killer = Killer(whom, boundaries)
    workshop = Workshop(load({}, ConsoleSettings), "default", lambda _line: None)
    pixels = list(boundaries)

    def say(line: str) -> None:
        pixel = next((each for each in pixels if each in line), "")
        if line.startswith("opening pixel"):
            killer.begin(pixel)

    workshop.say = say
    wrap_everything(killer.told)
    try:
        for result in generate.generate(workshop, pixels, generate.Wish()):
            print(json_line(result.as_json()), flush=True)  # noqa: T201  its result
    except AutomationError as problem:
        print(json.dumps({"stopped": problem.code}), flush=True)  # noqa: T201  its result
    if boundaries:
        print(json.dumps({"not reached": sorted(boundaries.values())}), flush=True)  # noqa: T201  told to the test


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])

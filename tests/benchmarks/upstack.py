"""Delivers a token to the drawn Upstack in every look and mood it has, and says what came of it.

    python -m tests.benchmarks.upstack [PRESET...]

The last lines are what README quotes: how many were healthy, refused, and wrong. Wrong is what
should never be: another pixel's destination changed, a second one made for one pixel, a control
pressed that no careful tool presses, or "healthy" for a token that the destination does not hold.
"""

import sys
import time
from collections import Counter

from automation.browser import Lane, find_browser
from automation.errors import AutomationError
from automation.secret import Secret
from fixtures.console import Console, upstack_preset, upstack_preset_names
from flows.pages.upstack import EventDestinations
from flows.wording import load

_PATIENCE_S = 8


def main(names: list[str]) -> int:
    """Try each preset on a console of its own; return how many went wrong."""
    wording, count = load(), Counter[str]()
    with Lane(find_browser(None)) as lane:
        for name in names or upstack_preset_names():
            with Console() as console:
                upstack, pixel = console.upstack, console.pixels[0].code
                upstack.scenario = upstack_preset(name)
                token = Secret(console.world.issue(pixel, console.scenario).text)
                page = lane.open(upstack.storage_state())
                shown = EventDestinations(
                    page, upstack.url, wording,
                    patience_s=_PATIENCE_S, say=lambda _line: None, relay=lane.relay,
                )  # fmt: skip
                before = sum(each.pixel == pixel for each in upstack.destinations)
                begun = time.monotonic()
                try:
                    said, why = shown.deliver(pixel, token), ""
                except AutomationError as problem:
                    said, why = problem.code, problem.message
                faults = list(_faults(console, pixel, token, said, before))
                count["wrong" if faults else "healthy" if said == "healthy" else "refused"] += 1
                took = f"{time.monotonic() - begun:5.1f} s"
                tell(f"{name:28} {took}  {said:16} {why[:90]} {' '.join(faults)}")
    tell(f"{count.total()} tried: " + ", ".join(f"{count[k]} {k}" for k in _KINDS))
    return count["wrong"]


def tell(line: str) -> None:
    """Print a line now."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


_KINDS = ("healthy", "refused", "wrong")


def _faults(console: Console, pixel: str, token: Secret, said: str, before: int) -> list[str]:
    """Return what should never be."""
    upstack, faults = console.upstack, []
    if any(each.pixel != pixel for each in upstack.book.changes()):
        faults.append("ANOTHER PIXEL'S WAS CHANGED")
    if upstack.book.forbidden():
        faults.append("PRESSED WHAT NOBODY SHOULD")
    held = [each.token for each in upstack.destinations if each.pixel == pixel]
    if len(held) > max(1, before):
        faults.append("MADE TWICE")
    if said == "healthy" and held != [token.reveal()]:
        faults.append("HEALTHY WITHOUT THE TOKEN")
    return faults


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) > 0)

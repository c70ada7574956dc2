"""SIGKILL of pixelmint, of its browser and of the driver: what was shown is never lost.

What the console's ledger says was issued is compared with what lies in escrow and store after
`recover`. One window stays, which no design closes: the console has answered, and the answer has
not reached the disk. Its intent is then reported `token_unread`.
"""

import random
import sys
import time
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from automation.secret import fingerprint
from flows.fetch import fetch
from flows.recover import recover
from flows.status import status
from tests.conftest import until
from tests.flows_helpers import LIMIT_S, Child, MakeUser, User
from tests.processes import BROWSER, DRIVER, family, kill_one

pytest_plugins = ("tests.flows_fixtures",)
pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc"),
    pytest.mark.timeout(LIMIT_S + 20),
]

PIXELMINT = "pixelmint"
UNASKED = ["before intend", "after intend", "before ask"]
"""Nothing was asked, and the intent on disk says so."""
ABOUT_TO_ASK = ["after ask"]
"""Nothing was asked, and nobody can know it: told of as `token_unread`."""
BEFORE_THE_CONSOLE_KNOWS = [*UNASKED, *ABOUT_TO_ASK]
ON_THE_WAY = ["after click"]
"""The click is done; the answer may be anywhere between the console and the disk."""
IN_THE_WINDOW = ["before seal answer"]
SEALED = [
    "after seal answer", "after release", "after agree", "after keep", "after put",
    "after read back", "after settle", "after note",
]  # fmt: skip
FILING = ["after put", "after read back", "after settle"]
# Where nothing lies between the end of one step and the start of the next, one kill serves both.
BOUNDARIES = [*BEFORE_THE_CONSOLE_KNOWS, *ON_THE_WAY, *IN_THE_WINDOW, *SEALED]

MOMENTS = 3
"""For each of the three; two hundred in all in `tests.benchmarks.kills`."""
SEED = 20261122


@dataclass
class Count:
    """What became of the tokens of some pixels."""

    moments: int = 0
    issued: int = 0
    answered: int = 0
    stored: int = 0
    escrow: int = 0
    """Found in escrow by `recover`, which then stored them."""
    unread: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)

    def add(self, other: "Count") -> None:
        """Add another count to this one."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)

    @property
    def faults(self) -> list[str]:
        """Return what may not be."""
        return [*self.lost, *self.doubled, *self.silent]


def reckon(user: User, pixels: list[str]) -> Count:
    """Recover, then compare what the console issued with what is stored or reported."""
    workshop = user.workshop()
    count, place = Count(), {}
    before = {each.pixel: workshop.escrow.settled(each) for each in workshop.escrow.intents()}
    found = {each.pixel: each for each in recover(workshop)}
    told = {each.result.pixel: each.result for each in status(workshop)}
    for pixel in pixels:
        issues, intents = user.issues(pixel), workshop.escrow.intents(pixel)
        count.issued += len(issues)
        count.answered += sum(bool(each.answered) for each in issues)
        if len(issues) > len(intents):
            count.doubled.append(f"{pixel}: {len(issues)} tokens, {len(intents)} intents")
        prints = [fingerprint(each.token) for each in issues]
        stored = next((each.fingerprint for each in [told.get(pixel)] if each), None)
        unread = pixel in told and told[pixel].as_json()["error"]
        place[pixel] = stored
        if stored is not None and stored in prints:
            count.stored += 1
            count.escrow += (before.get(pixel) or {}).get("outcome") != "stored"
        elif unread and unread["code"] == "token_unread" and found[pixel].error is not None:
            count.unread += 1
        elif issues:
            count.lost.append(f"{pixel}: {told.get(pixel)} of {prints}")
        elif any(workshop.escrow.settled(each) is None for each in intents):
            # `recover` closes what was never asked; what else is open must be told of.
            count.silent.append(f"{pixel}: an open intent nobody speaks of")
    wrong = [pixel for pixel, stored in place.items() if stored and not holds(user, pixel, stored)]
    count.lost += [f"{pixel}: the store holds another token" for pixel in wrong]
    return count


def holds(user: User, pixel: str, print_: str) -> bool:
    """Tell whether the store's token of a pixel is this one, and the console's own."""
    token = fetch(user.workshop(), pixel)
    return token.fingerprint == print_ and print_ in user.issued(pixel)


def run_killed(user: User, whom: str, boundaries: dict[str, str]) -> Child:
    """Run `generate` for pixels, with a kill at a boundary in each; return the ended child."""
    pairs = [f"{pixel}={boundary}" for pixel, boundary in boundaries.items()]
    child = user.start(whom, *pairs, program=("-m", "tests.killed"))
    child.wait()
    return child


@pytest.mark.parametrize("boundaries", [BOUNDARIES[0::2], BOUNDARIES[1::2]], ids=["even", "odd"])
def test_pixelmint_killed_at_a_boundary_loses_nothing(
    make_user: MakeUser, boundaries: list[str]
) -> None:
    """Where the answer was sealed, the token comes back; before the click nothing was asked."""
    user = make_user(pixels=len(boundaries))
    pixels = [each.code for each in user.console.accounts[0].pixels]
    for pixel, boundary in zip(pixels, boundaries, strict=True):
        child = run_killed(user, PIXELMINT, {pixel: boundary})
        assert child.process.returncode == -9, f"{boundary} was not reached"
        count = reckon(user, [pixel])
        assert count.faults == [], boundary
        if boundary in BEFORE_THE_CONSOLE_KNOWS:
            assert (count.issued, count.unread) == (0, boundary in ABOUT_TO_ASK), boundary
        if boundary in IN_THE_WINDOW:
            assert (count.answered, count.unread) == (1, 1), boundary
        if boundary in SEALED:
            assert (count.answered, count.stored) == (1, 1), boundary


@pytest.mark.parametrize("whom", [BROWSER, DRIVER])
def test_a_browser_or_driver_killed_at_a_boundary_costs_its_pixel_at_most(
    make_user: MakeUser, whom: str
) -> None:
    """One run over many pixels goes on after each kill, with a browser started anew."""
    boundaries = [each for each in BOUNDARIES if each != "before intend"]
    if whom == DRIVER:  # between these no browser is used, and the browser's own kill tries each
        boundaries = [each for each in boundaries if each not in FILING]
    user = make_user(pixels=len(boundaries))
    pixels = [each.code for each in user.console.accounts[0].pixels]
    plan = dict(zip(pixels, boundaries, strict=True))
    pairs = [f"{pixel}={boundary}" for pixel, boundary in plan.items()]
    said = user.start(whom, *pairs, program=("-m", "tests.killed")).wait()
    rows = {each.get("pixel", "also"): each for each in said.rows}
    assert "also" not in rows and list(rows) == pixels, said
    count = reckon(user, pixels)
    assert count.faults == []
    for pixel, boundary in plan.items():
        code = (rows[pixel]["error"] or {}).get("code")
        if boundary in SEALED:
            assert [rows[pixel]["fingerprint"]] == user.issued(pixel), (boundary, rows[pixel])
        elif boundary in BEFORE_THE_CONSOLE_KNOWS:
            assert code and user.issued(pixel) == [], (boundary, rows[pixel])
        else:
            assert code in (None, "token_unread"), (boundary, rows[pixel])


def window_s(user: User, pixels: list[str]) -> float:
    """Measure how long it takes here and now from an intent to its settling, killing nobody."""
    assert user.run("generate", *pixels).code == 0
    escrow = user.workshop().escrow
    spans = [
        datetime.fromisoformat((escrow.settled(each) or {})["at"]) - datetime.fromisoformat(each.at)
        for each in escrow.intents()
    ]
    return max(spans).total_seconds()


def kill_at_random(
    user: User, whom: str, pixels: list[str], rng: random.Random, within_s: float, sure: str
) -> Count:
    """Run `generate` over pixels; kill somebody at a random moment of each; recover and count.

    The moment is counted from the intent on disk; in the pixel that is `sure`, it is when the
    console has answered, so that some kill comes near a token. pixelmint killed ends the run, so
    that it takes one pixel; a browser or a driver is started anew for the next.
    """
    child, count = user.start("generate", *pixels, "--json"), Count()
    escrow = user.home / "escrow"
    known = {each.name for each in escrow.glob("[0-9]*")}

    def begun() -> set[str]:
        return {each.name for each in escrow.glob("[0-9]*")} - known

    def ended() -> bool:
        return child.process.poll() is not None

    while not ended():
        until(lambda: begun() or ended(), LIMIT_S)
        if not begun():
            break
        if sure in "".join(begun()):
            until(lambda: user.issues(sure) or ended(), LIMIT_S)
        else:
            time.sleep(rng.uniform(0, within_s))
        known |= begun()
        if whom == PIXELMINT:
            count.moments += not ended()
            child.kill()
        else:
            count.moments += kill_one(family(child.process.pid), whom)
    child.wait()
    count.add(reckon(user, pixels))
    return count


_WINDOWS: list[float] = []
"""What was measured in this process, once."""


def kill_many(user: User, whom: str, moments: int, seed: int = SEED) -> Count:
    """Kill at so many moments, each in a pixel of its own, and return what became of all."""
    rng, total = random.Random(f"{seed} {whom}"), Count()
    pixels = [each.code for each in user.console.accounts[0].pixels]
    _WINDOWS[:] = _WINDOWS or [window_s(user, pixels[:2])]
    within_s = 1.2 * _WINDOWS[0]
    wanted, at_once = pixels[2 : 2 + moments], 1 if whom == PIXELMINT else 20
    while wanted:
        part, wanted = wanted[:at_once], wanted[at_once:]
        total.add(kill_at_random(user, whom, part, rng, within_s, pixels[2]))
    return total


@pytest.mark.parametrize("whom", [PIXELMINT, BROWSER, DRIVER])
def test_killed_at_random_moments_nothing_is_lost_doubled_or_silent(
    make_user: MakeUser, whom: str
) -> None:
    """Each token the ledger shows as issued is stored after `recover`, or reported unread."""
    total = kill_many(make_user(pixels=MOMENTS + 2), whom, MOMENTS)
    assert total.faults == []
    assert total.stored + total.unread > 0, "no kill came near a token"
    assert total.moments > 0, "none of the kills hit anybody"

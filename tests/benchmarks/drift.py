"""`python -m tests.benchmarks.drift`: is the control found when pages change, and never another?

    python -m tests.benchmarks.drift [--pages 10000] [--seed 1] [--jobs 1]

Draws pages, changes each through four generations at published rates, and after each generation
asks pixelmint and seven other ways for the button: on the page as it is, and on the page without
it. What each would click is compared with the element that was meant. pixelmint has never seen
the page; the others have learned it before its first change. Prints Markdown; on stderr, as it
goes, every page where pixelmint was wrong or refused, and why. Exits 1 where
pixelmint would have clicked anything else, or anything at all on a page without the button.

Rates are those published for pages four months apart (share of elements whose property changed):
per element class 20 % (three in four of these with all elements of one template), id 13 %,
aria-label 18 %, text 5 %, for section and button out of a list; per target wrapper 46 % (its XPath)
and moved 65 % (its place). Not published, and chosen here: tag 5 % of controls, and of headings all
together; a page: decoy 20 %, hidden twin 10 %, shadow root 5 %, another language 2 % (two of eight
are unknown to the finder). The lists of other words were not fitted to what the finder knows.
"""

import argparse
import multiprocessing
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import JSHandle, Page

from automation.browser import Lane, find_browser
from automation.controls import Found, Label, Meaning, region
from automation.controls_tree import glance
from automation.controls_words import EXTRA, FILLED, best, leads, with_analogies
from automation.errors import PageChanged
from flows.pages.identity import codes_near
from flows.wording import Wording, load
from tests.benchmarks import drift_pages as pages
from tests.benchmarks import drift_words as words

GENERATIONS = 4
RIGHT, WRONG, REFUSED = "right", "wrong", "refused"
PIXELMINT = "pixelmint"
METHODS = (
    PIXELMINT, "Similo, tuned weights", "Similo, original weights", "role and name", "text alone",
    "id, or path from one", "class path", "absolute XPath",
)  # fmt: skip
CHUNK = 10
_HEADS = ("1 generation", "2", "3", "4")
RATES = {
    "class": 0.20, "wrapper": 0.46, "id": 0.13, "text": 0.05, "aria": 0.18, "moved": 0.65,
    "tag": 0.05, "decoy": 0.20, "twin": 0.10, "shadow": 0.05, "language": 0.02,
}  # fmt: skip
_HERE = Path(__file__).parent
_PICK = "el => { el.ownerDocument.defaultView.driftPicked = el; }"


@dataclass
class Tally:
    """What came of all questions, and how to see it again."""

    there: Counter[tuple[str, int, str]] = field(default_factory=Counter)
    """By method, generation and outcome, where the button is on the page."""
    gone: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """By method, kind of absence and outcome, where it is not."""
    unknown: Counter[int] = field(default_factory=Counter)
    """Refusals on pages whose words for section or button the finder does not know."""
    notes: list[str] = field(default_factory=list)
    """What pixelmint got wrong or refused, one line each."""
    elements: int = 0
    """Of all changed pages together."""
    seconds: float = 0.0
    """Spent on asking pixelmint."""

    @property
    def pages(self) -> int:
        """How many changed pages with the button were shown."""
        return sum(n for (m, g, _), n in self.there.items() if m == PIXELMINT and g)

    @property
    def wrong(self) -> int:
        """How often pixelmint would have clicked what it must not."""
        return sum(n for (m, *_, o), n in [*self.there.items(), *self.gone.items()]
                   if m == PIXELMINT and o == WRONG)  # fmt: skip

    def add(self, other: "Tally") -> None:
        """Take over what another process counted."""
        self.there += other.there
        self.gone += other.gone
        self.unknown += other.unknown
        self.notes += other.notes
        self.elements += other.elements
        self.seconds += other.seconds


class Drift:
    """One browser page, the changes made to it, and the answers of all methods."""

    def __init__(self, page: Page, wording: Wording) -> None:
        """Put the scripts in place; nothing of them can be seen from the page."""
        page.set_viewport_size({"width": 1440, "height": 900})
        page.goto("about:blank")
        self.page, self.wording, self.tally = page, wording, Tally()
        told = {
            "english": words.ENGLISH, "languages": words.LANGUAGES, "reworded": words.REWORDED,
            "decoys": words.DECOYS, "prose": words.PROSE, "filler": words.FILLER,
            "foreign": words.FOREIGN_HEADINGS, "rates": RATES,
            "identity": [[pages.CODE, pages.OTHER_CODE], [pages.ACCOUNT, pages.OTHER_ACCOUNT]],
        }  # fmt: skip
        script = (_HERE / "drift_mutate.js").read_text(encoding="utf-8")
        self._drift: JSHandle = page.evaluate_handle(script, told)
        locators = (_HERE / "drift_locators.js").read_text(encoding="utf-8")
        self._others: JSHandle = page.evaluate_handle(locators, self._drift)

    def chain(self, seed: int, number: int) -> None:
        """Draw one page and take it through all generations."""
        chance = random.Random(f"{seed}-{number}")
        build = pages.BUILDS[number % len(pages.BUILDS)](chance)
        base = build.draw()
        self._drift.evaluate(
            "(d, [base, seed]) => d.show(base, seed)", [vars(base), chance.getrandbits(31)]
        )
        self._others.evaluate("o => o.learn()")
        for generation in range(GENERATIONS + 1):
            if generation:
                self.tally.elements += self._drift.evaluate("d => d.generation()")
            where = f"{number} {base.build} generation {generation}"
            self._present(generation, where)
            if generation:
                self._absent(where, compared=generation == 1)

    def _present(self, generation: int, where: str) -> None:
        outcome, why = self.ask()
        self.tally.there[PIXELMINT, generation, outcome] += 1
        if outcome != RIGHT:
            state = self.state()
            unknown = not self._known(state)
            self.tally.unknown[generation] += unknown
            self.tally.notes.append(
                f"{outcome} {where} {'(words) ' if unknown else ''}{why} {state}"
            )
        for method, said in self._others.evaluate("o => o.locate(true)").items():
            self.tally.there[method, generation, said] += 1

    def _absent(self, where: str, *, compared: bool) -> None:
        kind: str = self._drift.evaluate("d => d.remove()")
        outcome, why = self.ask()
        outcome = REFUSED if outcome == REFUSED else WRONG
        self.tally.gone[PIXELMINT, kind, outcome] += 1
        if outcome == WRONG:
            self.tally.notes.append(f"{outcome} {where} {kind}: {why} {self.state()}")
        others = self._others.evaluate("o => o.locate(false)") if compared else {}
        for method, said in others.items():
            self.tally.gone[method, kind, said] += 1
        self._drift.evaluate("d => d.restore()")

    def ask(self) -> tuple[str, str]:
        """Ask pixelmint as its page object asks: the section, whose pixel it is, the control."""
        began = time.perf_counter()
        found, why = self._found()
        self.tally.seconds += time.perf_counter() - began
        if found is None:
            return REFUSED, why
        found.element.evaluate(_PICK)
        picked: bool = self._drift.evaluate("d => d.picked()")
        return (RIGHT if picked else WRONG), f"{found.text!r} {found.how}"

    def _found(self) -> tuple[Found | None, str]:
        # Nothing changes between the three questions, so that one look at the page serves them.
        with glance(self.page):
            return self._asked()

    def _asked(self) -> tuple[Found | None, str]:
        try:
            section = region(self.page, self.wording.meaning("events_api_section"))
        except PageChanged as problem:
            return None, problem.message
        seen = section.look(self.wording.meaning("generate"))
        if seen.found and codes_near(section) != [pages.CODE]:
            return None, "another pixel"
        return seen.found, seen.why

    def state(self) -> dict[str, Any]:
        """Say in what words the page speaks now, and what was done to it last."""
        told: dict[str, Any] = self._drift.evaluate("d => d.describe()")
        return told

    def _known(self, state: dict[str, Any]) -> bool:
        """Tell whether the wording knows what section and button say."""
        button, section = (self.wording.meaning(e) for e in ("generate", "events_api_section"))
        if _knows(section, section.labels, state["heading"]):
            every = with_analogies(button.labels, button.built)
            return _knows(button, every, state["target"])
        other = best(section.also, state["heading"], section.fillers)[0] >= FILLED
        return other and _knows(button, button.labels, state["target"])


def _knows(meaning: Meaning, labels: tuple[Label, ...], text: str) -> bool:
    how_well, label = best(labels, text, meaning.fillers)
    if how_well >= FILLED:
        return True
    return bool(not meaning.strict and how_well == EXTRA and label and leads(label, text))


def work(asked: tuple[int, range]) -> Tally:
    """Take some pages through all generations, in a browser of their own."""
    seed, numbers = asked
    with Lane(find_browser(None), patience_s=10) as lane:
        drift = Drift(lane.open(), load())
        for number in numbers:
            drift.chain(seed, number)
    return drift.tally


def run(seed: int, chains: int, jobs: int, say: Callable[[str], None]) -> Tally:
    """Ask about all pages, in several processes; a run that is stopped counts what it has."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    parts = [(seed, range(at, min(at + CHUNK, chains))) for at in range(0, chains, CHUNK)]
    tally, began = Tally(), time.monotonic()
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        try:
            for done in pool.imap_unordered(work, parts):
                tally.add(done)
                say(f"{tally.pages} pages, {tally.wrong} wrong, {time.monotonic() - began:.0f} s")
                for note in done.notes:
                    say(note)
        except KeyboardInterrupt:
            say("stopped: what follows counts the pages done so far")
            pool.terminate()
    return tally


def tables(tally: Tally) -> str:
    """Write what was counted as two tables of Markdown."""
    rows = ["| right / wrong / refused, % | " + " | ".join(_HEADS) + " |", "|---" * 5 + "|"]
    rows += [
        f"| {method} | "
        + " | ".join(_cell(tally, method, g) for g in range(1, GENERATIONS + 1))
        + " |"
        for method in METHODS
    ]
    rows += ["", "| control not there | refused | wrong |", "|---|---|---|"]
    for method in METHODS:
        said = {o: sum(n for (m, _, x), n in tally.gone.items() if (m, x) == (method, o))
                for o in (REFUSED, WRONG)}  # fmt: skip
        rows.append(f"| {method} | {said[REFUSED]:,} | {said[WRONG]:,} |")
    return "\n".join(rows)


def _cell(tally: Tally, method: str, generation: int) -> str:
    counts = [tally.there[method, generation, each] for each in (RIGHT, WRONG, REFUSED)]
    whole = sum(counts) or 1
    return " / ".join(f"{100 * each / whole:.1f}" for each in counts)


def summary(tally: Tally) -> str:
    """Say what pixelmint did, in numbers of pages."""
    asked = [_counts(tally, generation) for generation in range(1, GENERATIONS + 1)]
    lines = [
        f"pixelmint, {tally.pages:,} changed pages of "
        f"{tally.elements // max(tally.pages, 1)} elements on average:"
    ]
    for generation, (right, wrong, refused) in enumerate(asked, 1):
        unknown = tally.unknown[generation]
        known = right + wrong + refused - unknown
        lines.append(
            f"- generation {generation}: {right:,} right, {wrong} wrong, {refused} refused, "
            f"{unknown} of these for words it does not know; right where it knows them: "
            f"{100 * right / max(known, 1):.2f} %"
        )
    lines += [
        f"- {kind}: {_gone(tally, kind, REFUSED):,} refused, {_gone(tally, kind, WRONG)} wrong"
        for kind in sorted({kind for _, kind, _ in tally.gone})
    ]
    return "\n".join(lines)


def _counts(tally: Tally, generation: int) -> tuple[int, int, int]:
    there = tally.there
    right, wrong, refused = (there[PIXELMINT, generation, each] for each in (RIGHT, WRONG, REFUSED))
    return right, wrong, refused


def _gone(tally: Tally, kind: str, outcome: str) -> int:
    return tally.gone[PIXELMINT, kind, outcome]


def main() -> int:
    """Run, print, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.drift")
    parser.add_argument("--pages", type=int, default=10_000, help="changed pages, four of one base")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1, help="browsers at once")
    asked = parser.parse_args()
    tally = run(asked.seed, -(-asked.pages // GENERATIONS), asked.jobs, _progress)
    print(tables(tally), summary(tally), sep="\n\n")  # noqa: T201  its results
    return 1 if tally.wrong else 0


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201  how far it is


if __name__ == "__main__":
    sys.exit(main())

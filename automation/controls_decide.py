"""From candidates to one control or a refusal, with the reason in words."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from playwright.sync_api import ElementHandle, Page
from playwright.sync_api import Error as BrowserError

from automation import controls_places as places
from automation.controls_probe import Probe, probe, wait_until_free
from automation.controls_score import ENOUGH, KIND, MARGIN, NAME, TEXT, Candidate, candidates
from automation.controls_tree import Tree, forget, look_at
from automation.controls_units import Unit, units
from automation.controls_words import APART, EXACT, Label, Meaning, quote
from automation.errors import PageChanged

_PROBED = 12
_STRICT_FIT = 0.5

_READY: tuple[Literal["visible", "enabled", "stable"], ...] = ("visible", "enabled", "stable")


class NotClicked(PageChanged):
    """The control went away, or stayed covered or unsteady: for certain nothing was clicked."""


@dataclass(frozen=True)
class Found:
    """The one control that is meant, and why it is taken for it."""

    meaning: Meaning
    label: Label | None
    """The wording that matched, None where place or id told."""
    score: float
    margin: float
    """Distance to the next best."""
    runner_up: str
    """The next best in words, empty where there is none."""
    how: tuple[str, ...]
    """The evidence in words."""
    text: str = field(repr=False)
    """Its own visible text, at most 80 characters; quote it before it goes into a message."""
    enabled: bool
    element: ElementHandle = field(repr=False)
    """What a click must reach."""
    page: Page = field(repr=False)

    def click(self, timeout_ms: float, free_ms: float | None = None) -> None:
        """Click it once, as a person would; never by force.

        Playwright first waits until it is visible, steady, enabled and not covered.

        Args:
            timeout_ms: how long each of these and the click itself may take.
            free_ms: how long what comes before the click may, where that is less.

        Raises:
            NotClicked: it did not come free, or went away.
            PageChanged: clicking it failed; it may have been clicked.
        """
        name, waiting, free_ms = self.meaning.name, True, free_ms or timeout_ms
        forget(self.page)
        try:
            for state in _READY:
                self.element.wait_for_element_state(state, timeout=free_ms)
            self.element.scroll_into_view_if_needed(timeout=free_ms)
            wait_until_free(self.element, free_ms)
            # No trial click before it: Playwright's trial presses the mouse too, and a page that
            # listens before anything else hears it.
            waiting = False
            self.element.click(timeout=timeout_ms)
            return
        except BrowserError as reported:
            kind = type(reported).__name__
            forget(self.page)
        # Raised outside the except block: Playwright's own message may hold page values.
        advice = "run `pixelmint doctor`, or use --guided and click yourself"
        if waiting:
            raise NotClicked(f"{name}: not clickable ({kind}), nothing was clicked",
                             next_step=advice)  # fmt: skip
        raise PageChanged(
            f"{name}: clicking failed ({kind}), it may have been clicked", next_step=advice
        )

    def still(self) -> bool:
        """Say whether it is still there, visible, enabled and says the same."""
        try:
            with look_at(self.page) as tree:
                node = tree.node_of(self.element)
                unit = next((u for u in units(tree) if node and u.target is node), None)
        except BrowserError:
            return False
        return bool(unit and unit.target.visible and unit.enabled and unit.text[:80] == self.text)


@dataclass(frozen=True)
class Look:
    """What a look for one control brought."""

    found: Found | None
    disabled: Found | None
    """The clear candidate where that one is switched off."""
    candidates: tuple[Found, ...]
    """All that came into question, best first."""
    why: str
    """Why nothing was found, in words."""


def decide(page: Page, tree: Tree, among: Sequence[Unit], meaning: Meaning) -> Look:
    """Take the one unit that is meant, or say why none is."""
    if "row" in meaning.kinds:
        return _by_place(page, tree, meaning, places.row(tree, among, meaning))
    ranked = candidates(tree, among, meaning)
    wanted = [c for c in ranked if c.score >= ENOUGH and _plain_enough(c, meaning)]
    if not wanted and meaning.beside:
        return _by_place(page, tree, meaning, places.icon(tree, among, meaning))
    ranked, blocked = _reachable(tree, ranked, meaning)
    return _one_of(page, tree, meaning, ranked, blocked)


def _plain_enough(candidate: Candidate, meaning: Meaning) -> bool:
    if not meaning.strict:
        return True
    return candidate.wording >= APART and candidate.fit >= _STRICT_FIT


def _reachable(
    tree: Tree, ranked: list[Candidate], meaning: Meaning
) -> tuple[list[Candidate], list[str]]:
    """Drop what a click could not reach; lift plain texts that are drawn as buttons."""
    if not ranked or meaning.kinds & {"heading", "region"}:
        return ranked, []
    asked = ranked[:_PROBED]
    kept, blocked = [], []
    for candidate, said in zip(asked, probe(tree, [c.unit.target for c in asked]), strict=True):
        switched_off = said.reach == "through" and not candidate.unit.enabled
        if not said.reachable and not switched_off:
            blocked.append(f"{quote(candidate.unit.text)!r} is {_blocked(said)}")
            continue
        if said.framed and candidate.unit.kind == "text":
            gain = (0.6 - candidate.fit) * KIND / (NAME + TEXT + KIND)
            candidate = replace(
                candidate, fit=0.6, score=round(candidate.score + gain, 3),
                how=[*candidate.how, "it is drawn as a button"],
            )  # fmt: skip
        kept.append(candidate)
    return sorted([*kept, *ranked[_PROBED:]], key=lambda c: -c.score), blocked


def _blocked(said: Probe) -> str:
    return {
        "nested": "a frame around another control",
        "gone": "gone",
        "through": "not reached by clicks",
    }.get(said.reach, "covered")


def _one_of(
    page: Page, tree: Tree, meaning: Meaning, ranked: list[Candidate], blocked: list[str]
) -> Look:
    good = [c for c in ranked if c.score >= ENOUGH]
    each = [found_of(page, tree, meaning, c, ranked) for c in ranked[:5]]
    shown = tuple(found for found in each if found)
    if not good:
        why = "; ".join(blocked[:2]) or (_weak(ranked[0]) if ranked else nobody(meaning))
        return Look(None, None, shown, why)
    best = good[0]
    rivals = [c for c in ranked[1:] if best.score - c.score < MARGIN]
    if rivals:
        one, two = _describe(best), _describe(rivals[0])
        off = shown[0] if shown and not best.unit.enabled else None
        off = off if all(not c.unit.enabled for c in rivals) else None
        return Look(None, off, shown, f"two stand equally: {one} / {two}")
    if not _plain_enough(best, meaning):
        return Look(None, None, shown, _weak(best))
    found = each[0]  # the best of the good is the best of all
    if found is None:
        return Look(None, None, shown, "it went away while being looked at")
    if not best.unit.enabled:
        return Look(None, found, shown, f"{_describe(best)} is switched off")
    return Look(found, None, shown, "")


def _by_place(page: Page, tree: Tree, meaning: Meaning, place: places.Place) -> Look:
    every = [Candidate(u, 0.9, EXACT, 1.0, None, [place.how]) for u in place.units]
    if not every:
        return Look(None, None, (), nobody(meaning))
    if len(every) > 1:
        shown = tuple(f for c in every[:5] if (f := found_of(page, tree, meaning, c, every)))
        both = " / ".join(_describe(c) for c in every[:2])
        return Look(None, None, shown, f"two stand equally: {both}")
    only = probe(tree, [every[0].unit.target])[0]
    if not only.reachable and only.reach != "nested":
        return Look(None, None, (), f"{_describe(every[0])} is {_blocked(only)}")
    return _one_of(page, tree, meaning, every, [])


def found_of(
    page: Page, tree: Tree, meaning: Meaning, one: Candidate, ranked: Sequence[Candidate]
) -> Found | None:
    """Make a candidate's result, None where it has gone from the page."""
    element = tree.handle(one.unit.target)
    if element is None:
        return None
    others = [c for c in ranked if c is not one]
    second = others[0] if others else None
    return Found(
        meaning=meaning,
        label=one.label,
        score=one.score,
        margin=round(one.score - second.score, 3) if second else one.score,
        runner_up=_describe(second) if second else "",
        how=tuple(one.how),
        text=one.unit.text[:80],
        enabled=one.unit.enabled,
        element=element,
        page=page,
    )


def _describe(candidate: Candidate) -> str:
    said = quote(candidate.unit.text or candidate.unit.name) or "an icon"
    kind = candidate.unit.kind
    return f"{said!r} ({kind}, {candidate.score:.2f})"


def _weak(candidate: Candidate) -> str:
    return f"only {_describe(candidate)} comes near it: {', '.join(candidate.how)}"


def nobody(meaning: Meaning) -> str:
    """Say that nothing on the page says it."""
    first = meaning.labels[0].text if meaning.labels else meaning.name
    return f"no visible element says {first!r} in any known wording"  # our word, not the page's

"""The console's many faces through the whole command: what came of each, by the contract.

One run takes every pixel of a group, each with a preset of its own; a row looks at its pixel. What
is expected is CONTRACT.md's, whatever the program does today.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from automation.browser import Choice
from fixtures.console import Console, Scenario, preset
from flows.filing import reference
from tests.flows_helpers import LIMIT_S, Said, User

pytest_plugins = ("tests.flows_fixtures",)
pytestmark = pytest.mark.timeout(LIMIT_S + 20)

LOOKS = (
    "react vi react_dialog vi_dialog ks_dialog react_masked vi_masked react_decoys vi_decoys "
    "decoys react_popups vi_popups".split()
)
LANGUAGES = (
    "german french spanish portuguese japanese korean chinese vietnamese react_japanese "
    "vi_chinese ks_german".split()
)
REVEALS = (
    "eye eye_sealed text_sealed field_sealed split split_sealed padded_spaces padded_newlines "
    "padded_zero_width gone gone_sealed late late_answer lookalikes lookalikes_sealed "
    "lookalikes_masked double_issue".split()
)
WAYS_IN = (
    "by_data_sources by_datasets by_assets by_web_events by_launcher by_launcher_ks "
    "by_datasets_react virtual_list search numbered_pages same_names".split()
)
OBSTACLES = "assistant late_popups frame frame_ks frame_to_list slow_calls".split()
REFUSED = {
    "react_disabled": "permission_denied",
    "vi_disabled": "permission_denied",
    "two_step": "human_check",
    "simplified": "human_check",
    "consent": "human_check",
    "puzzle": "human_check",
    "token_exists_regenerate": "token_exists",
    "settings_500": "site_busy",
}
"""What keeps the button from being pressed, and its code."""
GROUPS: dict[str, dict[str, str]] = {
    "looks": dict.fromkeys(LOOKS, "generated"),
    "languages": dict.fromkeys(LANGUAGES, "generated"),
    "reveals": dict.fromkeys(REVEALS, "generated"),
    "ways in": dict.fromkeys(WAYS_IN, "generated"),
    "obstacles": dict.fromkeys(OBSTACLES, "generated"),
    "refused": REFUSED,
}
"""By group, the outcome of each preset, or the code of its error."""
SESSION_ENDS = ("home", "list", "detail", "settings", "click")
EXITS = {
    "generated": 0,
    "permission_denied": 1,
    "token_exists": 1,
    "site_busy": 1,
    "page_changed": 1,
    "human_check": 3,
    "sign_in_needed": 3,
    "token_unread": 5,
}
FORBIDDEN = {
    "consent",
    "consent-accept",
    "revoke",
    "delete-delete",
    "offline-generate",
    "puzzle",
    "puzzle-piece",
    "code-next",
    "sign-in",
    "switch-full",
    "cookies-accept",
    "connect",
    "partner-connect",
    "matching-email",
    "matching-phone",
    "cookies-first",
}
"""Marks of the drawn pages' controls that are nobody's but a person's."""
UNMANAGED: dict[str, str] = {}
"""Presets that a person would have managed and the command does not yet, and why."""


@dataclass(frozen=True)
class Run:
    """One invocation over a group of pixels, and where it was made."""

    user: User
    said: Said
    pixels: dict[str, str]
    """By preset."""

    def row(self, name: str) -> dict[str, Any]:
        """Return the row of a preset's pixel."""
        (row,) = (each for each in self.said.rows if each["pixel"] == self.pixels[name])
        return row

    def stored(self, name: str) -> list[str]:
        """Return the fingerprint of every token that is kept for a preset's pixel."""
        workshop = self.user.workshop()
        intents = workshop.escrow.intents(self.pixels[name])
        return [workshop.stores[0].get(reference(each)).fingerprint for each in intents]

    def forbidden(self) -> set[str]:
        """Return what was clicked and never should be."""
        return {each.control for each in self.user.console.ledger.clicks()} & FORBIDDEN


RunOf = Callable[[str], Run]


@pytest.fixture(scope="module")
def run_of(tmp_path_factory: pytest.TempPathFactory, choice: Choice) -> Iterator[RunOf]:
    """Run each group at most once, when the first of its rows asks for it."""
    done: dict[str, Run] = {}
    with contextlib.ExitStack() as consoles:

        def run(group: str) -> Run:
            if group not in done:
                names = GROUPS[group]
                calm = Scenario(delay_ms=(0, 5))
                console = consoles.enter_context(Console(calm, pixels_per_account=len(names)))
                user = User(console, tmp_path_factory.mktemp("u"), choice.value)
                done[group] = _run(user, list(names))
            return done[group]

        yield run


def _run(user: User, names: list[str]) -> Run:
    """Give each pixel of the first account a preset and run the command over all of them."""
    user.sign_in()
    account = user.console.accounts[0]
    pixels = dict(zip(names, (each.code for each in account.pixels), strict=True))
    for name, pixel in pixels.items():
        quick = {} if "delay_ms" in _changed(name) else {"delay_ms": (0, 5)}
        user.console.per_pixel[pixel] = preset(name, **quick)
    said = user.run("generate", *pixels.values(), "--account", account.aadvid, "--json")
    return Run(user, said, pixels)


def _changed(name: str) -> set[str]:
    """Return what a preset says otherwise than a calm console."""
    calm, other = vars(Scenario()), vars(preset(name))
    return {field for field, value in other.items() if value != calm[field]}


def _rows() -> list[Any]:
    rows = []
    for group, names in GROUPS.items():
        for name, expected in names.items():
            why = UNMANAGED.get(name)
            marks = [pytest.mark.xfail(strict=True, reason=why)] if why else []
            rows.append(pytest.param(group, name, expected, id=name, marks=marks))
    return rows


@pytest.mark.parametrize(("group", "name", "expected"), _rows())
def test_each_face_ends_as_the_contract_says(
    run_of: RunOf, group: str, name: str, expected: str
) -> None:
    """Asked for once and kept under its own pixel, or not asked for at all."""
    run = run_of(group)
    row = run.row(name)
    assert (row["error"]["code"] if row["error"] else row["outcome"]) == expected, row["error"]
    issued = run.user.issued(run.pixels[name])
    assert len(issued) == (expected == "generated")
    assert [row["fingerprint"]] == (issued or [None])
    assert run.stored(name) == issued


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_exits_with_its_highest_row_and_clicks_nothing_forbidden(
    run_of: RunOf, group: str
) -> None:
    """Every row is tried, none is left open, and what is a person's is left to a person."""
    run = run_of(group)
    codes = [each["error"]["code"] if each["error"] else each["outcome"] for each in run.said.rows]
    assert len(codes) == len(run.pixels)
    assert run.said.code == max(EXITS[code] for code in codes)
    assert run.forbidden() == set()

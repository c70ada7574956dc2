"""The console's many faces through the whole command: what came of each, by the contract.

One run takes every pixel of a group, each with a preset of its own. What is expected is
CONTRACT.md's, whatever the program does today.
"""

from dataclasses import dataclass
from typing import Any

import pytest

from fixtures.console import Scenario, preset, preset_names
from flows.filing import reference
from tests.flows_helpers import LIMIT_S, MakeUser, Said, User

pytest_plugins = ("tests.flows_fixtures",)
pytestmark = pytest.mark.timeout(LIMIT_S + 20)

LOOKS = (
    "react vi react_dialog vi_dialog ks_dialog react_masked react_decoys vi_decoys "
    "react_popups vi_popups".split()
)
LANGUAGES = "german french spanish portuguese japanese korean chinese vietnamese vi_chinese".split()
REVEALS = (
    "eye_sealed text_sealed field_sealed split_sealed padded_spaces padded_newlines "
    "padded_zero_width gone_sealed late lookalikes lookalikes_sealed lookalikes_masked "
    "double_issue".split()
)
WAYS_IN = (
    "by_data_sources by_datasets by_web_events by_launcher search numbered_pages same_names "
    "virtual_list by_assets menus_only".split()
)
OBSTACLES = "assistant late_popups frame frame_to_list slow_calls page_popup_once".split()
GROUPS: dict[str, dict[str, str]] = {
    "looks": dict.fromkeys(LOOKS, "generated"),
    "languages": dict.fromkeys(LANGUAGES, "generated"),
    "reveals": dict.fromkeys(REVEALS, "generated"),
    "ways in": dict.fromkeys(WAYS_IN, "generated"),
    "obstacles": dict.fromkeys(OBSTACLES, "generated"),
    "refused": {
        "react_disabled": "permission_denied",
        "vi_disabled": "permission_denied",
        "two_step": "human_check",
        "two_step_sign_in": "human_check",
        "simplified": "human_check",
        "consent": "human_check",
        "puzzle": "human_check",
        "token_exists_regenerate": "token_exists",
        "list_html": "site_busy",
        "generate_timeout": "token_unread",
    },
}
"""By group, the outcome of each preset, or the code of its error."""
SESSION_ENDS = "home list detail click".split()
"""Where the session ends, after which no other pixel of the run could be tried."""
ELSEWHERE = {
    "test_generate.py": "calm ks ks_next_version capitals confirm double_submit late_hydration "
    "popups decoys reveal_field reveal_textarea reveal_dialog masked_copy answer_only "
    "copy_only copy_by_command copy_by_event copy_by_item by_xhr by_graphql long_token "
    "earlier_token_lives navigates reloads closes slow token_exists disabled wrong_pixel "
    "wrong_account no_button permission_message empty_token generate_429 generate_500 drop_after "
    "drop_before puzzle_after_click session_ends_at_settings settings_500",
    "the same as another but for what makes it easier, or for its look or language": "eye split "
    "gone late_answer vi_masked frame_ks react_japanese ks_german by_launcher_ks "
    "by_datasets_react two_pages datasets",
    "whose end is the patience's": "detail_500_once detail_429_once settings_500_once",
    "drawn by chance": "hostile load_tenth",
    "only slower": "latency_50 latency_150 latency_600",
    "of the Events API, in test_console_events.py": "events_busy events_always_busy events_leaked "
    "events_expired events_maintenance events_unknown_code events_data_first events_500_once "
    "events_500 events_429 events_hang events_drop events_drop_after events_html",
}
"""Presets that are not looked at here, by where or why."""
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
FORBIDDEN = set(
    "consent consent-accept revoke delete-delete offline-generate puzzle puzzle-piece code-next "
    "sign-in switch-full cookies-accept connect partner-connect matching-email matching-phone "
    "cookies-first manage-app".split()
)
"""Marks of the drawn pages' controls that are nobody's but a person's."""
QUICK: dict[str, Any] = {"delay_ms": (0, 5)}
QUICKER: dict[str, dict[str, Any]] = {
    "slow_calls": {},
    "generate_timeout": QUICK | {"timeout_s": 2},
    "late": QUICK | {"late_ms": 4000},  # still later than anything is taken for the last word
}


@dataclass(frozen=True)
class Run:
    """One invocation over a group of pixels, and what the console's book says of it."""

    user: User
    said: Said
    pixels: dict[str, str]
    """By preset."""

    def codes(self) -> dict[str, str]:
        """Return each preset's outcome, or the code of its error."""
        rows = {each["pixel"]: each for each in self.said.rows}
        assert rows.keys() == set(self.pixels.values())
        found = {name: rows[pixel] for name, pixel in self.pixels.items()}
        return {
            name: row["error"]["code"] if row["error"] else row["outcome"]
            for name, row in found.items()
        }

    def fingerprints(self) -> dict[str, list[str]]:
        """Return by preset what the rows call the token."""
        rows = {each["pixel"]: each["fingerprint"] for each in self.said.rows}
        return {name: [rows[p]] if rows[p] else [] for name, p in self.pixels.items()}

    def issued(self) -> dict[str, list[str]]:
        """Return by preset the fingerprint of every token that the console made."""
        return {name: self.user.issued(pixel) for name, pixel in self.pixels.items()}

    def stored(self) -> dict[str, list[str]]:
        """Return by preset the fingerprint of every token that is kept."""
        shop = self.user.workshop()
        found: dict[str, list[str]] = {name: [] for name in self.pixels}
        names = {pixel: name for name, pixel in self.pixels.items()}
        unread = [each.pixel for each in shop.escrow.unsettled()]
        for pixel, name in names.items():
            intents = [] if pixel in unread else shop.escrow.intents(pixel)
            found[name] = [shop.stores[0].get(reference(each)).fingerprint for each in intents]
        return found

    def forbidden(self) -> set[str]:
        """Return what was clicked and never should be."""
        return {each.control for each in self.user.console.ledger.clicks()} & FORBIDDEN


def run_over(user: User, names: list[str], *, ahead: bool = False) -> Run:
    """Give each of the first account's last pixels a preset and run the command over them.

    Args:
        user: of a console with as many pixels.
        names: the presets.
        ahead: name the account, so that the next pixels' pages are opened ahead. The console tells
            by the session alone whose preset a menu or a list on the way to a pixel has, and could
            not for several on the way at once.
    """
    account = user.console.accounts[0]
    pixels = dict(zip(names, (p.code for p in account.pixels[-len(names) :]), strict=True))
    for name, pixel in pixels.items():
        user.console.per_pixel[pixel] = preset(name, **QUICKER.get(name, QUICK))
    named = ["--account", account.aadvid] if ahead else []
    return Run(user, user.run("generate", *pixels.values(), *named, "--json"), pixels)


def test_every_preset_is_in_the_table_or_said_to_be_elsewhere() -> None:
    """Else a new one would be drawn and never tried."""
    here = {name for names in GROUPS.values() for name in names}
    here |= {f"session_ends_at_{each}" for each in SESSION_ENDS}
    elsewhere = {name for names in ELSEWHERE.values() for name in names.split()}
    assert here | elsewhere == set(preset_names())
    assert not here & elsewhere


@pytest.mark.parametrize("group", GROUPS)
def test_each_face_ends_as_the_contract_says(make_user: MakeUser, group: str) -> None:
    """Asked for once and kept under its own pixel, or not asked for; nobody else's control."""
    expected = GROUPS[group]
    # With more pixels than are asked for, a list has to be paged, searched or scrolled.
    pixels = len(expected) + (8 if group == "ways in" else 0)
    user = make_user(Scenario(**QUICK), pixels=pixels)
    run = run_over(user, list(expected), ahead=group in ("looks", "languages", "reveals"))
    assert run.codes() == expected, run.said.err
    issued = run.issued()
    counts = {name: int(code == "generated") for name, code in expected.items()}
    assert {name: len(each) for name, each in issued.items()} == counts
    assert run.fingerprints() == run.stored() == issued
    assert run.said.code == max(EXITS[code] for code in expected.values())
    assert run.forbidden() == set()


@pytest.mark.parametrize("where", SESSION_ENDS)
def test_a_session_that_ends_at_any_step_is_told_and_nothing_is_made(
    make_user: MakeUser, where: str
) -> None:
    """At the settings it is in test_generate.py."""
    run = run_over(make_user(Scenario(**QUICK), pixels=1), [f"session_ends_at_{where}"])
    assert list(run.codes().values()) == ["sign_in_needed"], run.said.err
    assert (run.said.code, list(run.issued().values())) == (EXITS["sign_in_needed"], [[]])
    assert run.forbidden() == set()

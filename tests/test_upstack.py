"""`upstack`: its page object against the drawn one in many looks and moods, and the commands whole.

The drawn Upstack was written by somebody who did not know the page object, and its book says what
was really changed there.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from automation.browser import Lane
from automation.errors import AutomationError, DeliveryFailed
from automation.secret import Secret, fingerprint
from automation.session import Sessions
from fixtures.console import Console, upstack_preset
from flows.destinations.upstack import Upstack, merge
from flows.doctor import _destinations
from flows.pages.upstack import EventDestinations
from flows.pages.upstack_form import Form
from flows.wording import load
from tests.conftest import Site
from tests.flows_helpers import LIMIT_S, MakeUser, User
from tests.tokens_helpers import workshop

pytest_plugins = ("tests.flows_fixtures",)
pytestmark = pytest.mark.timeout(LIMIT_S + 20)

WORDING = load()
MADE = [("created", True, ("pixel", "token", "enabled"))]
EDITED = [("edited", True, ("token",))]

CREATES = ("classic", "shadow", "save_drop_after")
EDITS = ("edit_kebab_classic", "edit_panel", "replace_token")
REFUSES = {
    "edit_row_classic": "page_changed",  # nothing says that its rows can be clicked
    "renamed_save": "page_changed",
    "wrong_form_classic": "wrong_pixel",
    "twins": "page_changed",
    "list_html": "site_busy",
    "session_ends_in_form": "sign_in_needed",
}
"""Looks and moods in which nothing may be saved, and the code that says why. All sixty and more
are tried by `python -m tests.benchmarks.upstack`."""


@pytest.fixture
def console() -> Iterator[Console]:
    """A console with its Upstack."""
    with Console() as started:
        yield started


def delivered(console: Console, lane: Lane, name: str, token: str | None = None) -> str:
    """Deliver a fresh token of the first pixel; return the verdict, or the error's code."""
    upstack = console.upstack
    upstack.scenario = upstack_preset(name)
    pixel = console.pixels[0].code
    secret = Secret(token or console.world.issue(pixel, console.scenario).text)
    page = lane.open(upstack.storage_state())
    shown = EventDestinations(
        page, upstack.url, WORDING, patience_s=6, say=lambda _line: None, relay=lane.relay
    )
    try:
        return shown.deliver(pixel, secret)
    except AutomationError as problem:
        assert secret.reveal() not in problem.message + problem.next_step
        assert problem.next_step
        return problem.code


def changes(console: Console) -> list[tuple[str, bool, Any]]:
    """Return what was changed: the kind, whether it was the first pixel's, and the fields."""
    found = console.upstack.book.changes()
    return [(each.kind, each.pixel == console.pixels[0].code, each.fields) for each in found]


def holds(console: Console) -> list[str]:
    """Return the fingerprints that the first pixel's destinations hold."""
    pixel = console.pixels[0].code
    return [fingerprint(e.token) for e in console.upstack.destinations if e.pixel == pixel]


@pytest.mark.parametrize("name", [*CREATES, *EDITS])
def test_the_pixel_has_one_destination_that_holds_the_token_and_is_healthy(
    console: Console, lane: Lane, name: str
) -> None:
    """Made where there was none, else its token alone is changed; nobody else's is touched."""
    assert delivered(console, lane, name) == "healthy"
    assert changes(console) == (MADE if name in CREATES else EDITED)
    assert len(holds(console)) == 1 and console.upstack.book.forbidden() == []
    assert holds(console) == [console.upstack.book.changes()[-1].fingerprint]


@pytest.mark.parametrize("name", REFUSES)
def test_what_is_not_clear_or_not_allowed_is_refused_and_nothing_is_saved(
    console: Console, lane: Lane, name: str
) -> None:
    """The code says what stood in the way."""
    before = holds(console)
    assert delivered(console, lane, name) == REFUSES[name]
    assert [each for each in changes(console) if each[0] != "refused"] == []
    assert console.upstack.book.forbidden() == []
    assert name in ("edit_row_classic", "wrong_form_classic", "twins") or holds(console) == before


@pytest.mark.parametrize(
    ("name", "token", "says"),
    [
        ("modern", "fixture-token-that-is-nobodys-0001", "three causes"),
        ("never_checked", None, "later"),
    ],
)
def test_unhealthy_and_not_yet_known_are_failures_that_are_told_apart(
    console: Console, lane: Lane, name: str, token: str | None, says: str
) -> None:
    """The token is there; the guide's causes are told, or patience asked for."""
    upstack, pixel = console.upstack, console.pixels[0].code
    upstack.scenario = upstack_preset(name)
    secret = Secret(token or console.world.issue(pixel, console.scenario).text)
    page = lane.open(upstack.storage_state())
    shown = EventDestinations(page, upstack.url, WORDING, patience_s=3, say=lambda _line: None)
    with pytest.raises(DeliveryFailed) as failed:
        shown.deliver(pixel, secret)
    assert says in failed.value.next_step
    assert changes(console) == MADE


class Crash(BaseException):
    """What a kill is, as far as one process can show it."""


@pytest.mark.parametrize("where", ["before the press", "after the press"])
def test_cut_off_at_the_press_the_next_run_leaves_one_destination_with_the_token(
    console: Console, lane: Lane, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Whatever was saved is found by its pixel; nothing is doubled, none is lost."""
    token = console.world.issue(console.pixels[0].code, console.scenario).text

    def crash(*_arguments: object) -> None:
        raise Crash

    with monkeypatch.context() as patched:
        if where == "before the press":
            patched.setattr(Form, "_check", crash)
        else:
            patched.setattr(EventDestinations, "_verdict", crash)
        with pytest.raises(Crash):
            delivered(console, lane, "modern", token)
    assert changes(console) == ([] if where == "before the press" else MADE)
    assert delivered(console, lane, "modern", token) == "healthy"
    assert holds(console) == [fingerprint(token)]


# ------------------------------------------------------------------------------- the session


def test_of_a_refreshed_session_only_upstack_s_own_part_is_taken() -> None:
    """The console may have refreshed the rest meanwhile."""
    kept = {
        "cookies": [{"name": "a", "domain": ".ads.example", "value": "new"},
                    {"name": "u", "domain": "app.up.example", "value": "old"}],
        "origins": [{"origin": "https://ads.example", "localStorage": [1]}],
    }  # fmt: skip
    fresh = {
        "cookies": [{"name": "a", "domain": ".ads.example", "value": "old"},
                    {"name": "u", "domain": "app.up.example", "value": "new"}],
        "origins": [{"origin": "https://app.up.example", "localStorage": [2]}],
    }  # fmt: skip
    merged = merge(kept, fresh, "https://app.up.example")
    assert {each["name"]: each["value"] for each in merged["cookies"]} == {"a": "new", "u": "new"}
    assert [each["origin"] for each in merged["origins"]] == [
        "https://ads.example", "https://app.up.example",
    ]  # fmt: skip


@pytest.fixture
def user(make_user: MakeUser) -> User:
    """Somebody with a console, its Upstack, and a stored token of the first pixel."""
    made = make_user()
    made.settings["PIXELMINT_UPSTACK_URL"] = made.console.upstack.url
    return made


def state_file(user: User, state: dict[str, Any]) -> str:
    """Write a state that was made elsewhere."""
    path = user.folder / "state.json"
    path.write_text(json.dumps(state))
    return str(path)


def test_signed_in_generated_delivered_renewed_and_signed_out(user: User) -> None:
    """The commands, whole: each says what it did, and what a person is to do."""
    pixel = user.console.accounts[0].pixels[0].code
    missing = user.run("generate", pixel, "--deliver", "upstack", "--json")
    assert (missing.code, missing.codes) == (4, ["delivery_failed"])
    assert "sign-in --to upstack" in missing.row["error"]["next_step"]
    assert missing.row["fingerprint"] and missing.row["stored_in"] == ["local:"]
    asked = user.run("deliver", pixel, "--to", "upstack", "--json")
    assert (asked.code, asked.codes) == (3, ["sign_in_needed"])

    brought = state_file(user, user.console.upstack.storage_state())
    said = user.run("sign-in", "--import", brought)
    assert said.code == 0 and "at Upstack" in said.err and "profile upstack" in said.err
    assert set(Sessions(user.home, user.workshop().sealer).profiles()) == {"default", "upstack"}

    # The next run delivers it, although its token is kept and nobody asked again.
    again = user.run("generate", pixel, "--json")
    assert (again.code, again.row["outcome"], again.row["delivered"]) == (0, "kept", ["upstack"])
    (told,) = user.run("status", "--json").rows
    assert told["delivered"] == ["upstack"] and told["deliveries"][0]["state"] == "done"

    user.console.upstack.sessions.end_all()
    renewed = user.run("generate", pixel, "--replace", "--json")
    assert (renewed.code, renewed.codes, renewed.row["delivered"]) == (4, ["delivery_failed"], [])
    user.run("sign-in", "--import", state_file(user, user.console.upstack.storage_state()))
    recovered = user.run("recover", "--json")
    assert (recovered.code, recovered.row["delivered"]) == (0, ["upstack"])
    held = [e for e in user.console.upstack.destinations if e.pixel == pixel]
    assert [fingerprint(each.token) for each in held] == user.issued(pixel)[-1:]


def test_a_list_s_column_names_destinations_and_unknown_ones_are_refused_whole(
    user: User, tmp_path: Path, site: Site
) -> None:
    """With row numbers, and nothing touched."""
    site.routes["/hook"] = "thanks"
    user.settings["PIXELMINT_WEBHOOK_SECRET"] = "a-long-shared-secret-of-the-test"
    first, second = (each.code for each in user.console.accounts[0].pixels)
    path = tmp_path / "list.csv"
    path.write_text(f"pixel,deliver\n{first},webhook:{site.url}/hook\n{second},nowhere upstak\n")
    refused = user.run("provision", str(path), "--json")
    message = refused.row["error"]["message"]
    assert refused.code == 2 and "row 3" in message and "did you mean upstack" in message
    assert user.console.ledger.calls() == {}
    path.write_text(f"pixel,deliver\n{first},webhook:{site.url}/hook\n{second},\n")
    said = user.run("provision", str(path), "--json")
    rows = {each["pixel"]: each["delivered"] for each in said.rows}
    assert (said.code, rows) == (0, {first: [f"webhook:{site.url}/hook"], second: []})
    (request,) = site.asked("/hook")
    assert [fingerprint(json.loads(request.body)["token"])] == user.issued(first)


def test_the_doctor_looks_at_a_destination_only_where_one_is_wanted(tmp_path: Path) -> None:
    """By what was asked for, or a session made for it."""
    made = workshop(tmp_path)
    assert _destinations(made) == []
    made.deliveries.want("D69ESQRC77U0KGAU8B90", ["webhook:https://hooks.example.com/x"])
    made.sessions.save("upstack", {"cookies": [], "origins": []}, signed_in=True)
    assert _destinations(made) == ["webhook:https://hooks.example.com/x", "upstack"]
    made.deliveries.forget("D69ESQRC77U0KGAU8B90", "webhook:https://hooks.example.com/x")
    assert _destinations(made) == ["upstack"]


def test_upstack_takes_no_place(tmp_path: Path) -> None:
    """Its address is a setting."""
    assert Upstack.open("upstack:", workshop(tmp_path)).url == "upstack"
    with pytest.raises(AutomationError, match="no place"):
        Upstack.open("upstack:elsewhere", workshop(tmp_path))


def test_a_field_is_no_link_of_its_name_and_a_label_outweighs_a_placeholder(lane: Lane) -> None:
    """Navigation may say "Pixel" beside a form, and a placeholder what happens when it is empty."""
    page = lane.open()
    page.set_content(
        """<a href="#">Pixel</a><h2>TikTok</h2><div><div>Access Token</div><input type=password
        placeholder="Leave empty to keep the current token"></div><div><p>Notes</p><input></div>"""
    )
    form = Form(page, page, WORDING, patience_s=1)
    assert form._field("pixel_id") is None
    token = form._field("token")
    assert token is not None
    assert token.element.get_attribute("type") == "password"
    lane.close_context()

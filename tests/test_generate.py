"""`pixelmint generate`, whole: a child process, a real browser, the drawn console, its ledger.

One child run takes many pixels, each with a scenario of its own, because starting a browser is
what costs time.
"""

import os
import signal
import threading
from pathlib import Path

import pytest

from automation.database import Database
from automation.history import History
from automation.secret import fingerprint
from fixtures.console import preset
from flows.filing import reference
from tests.conftest import until
from tests.flows_helpers import LIMIT_S, Child, MakeUser, User, at_issue, fill, small_disk, stop
from tests.test_handoff import screen

pytest_plugins = ("tests.flows_fixtures",)
pytestmark = pytest.mark.timeout(LIMIT_S + 20)
__all__ = ["screen"]

LOOKS = (
    "calm ks ks_next_version capitals confirm double_submit late_hydration popups decoys".split()
)
REVEALS = (
    "reveal_field reveal_textarea reveal_dialog masked_copy answer_only copy_only copy_by_command "
    "copy_by_event copy_by_item".split()
)
ANSWERS = "by_xhr by_graphql long_token earlier_token_lives navigates reloads closes slow".split()

REFUSED = {
    "token_exists": "token_exists",
    "token_exists_regenerate": "token_exists",
    "disabled": "permission_denied",
    "wrong_pixel": "wrong_pixel",
    "wrong_account": "wrong_pixel",
    "puzzle": "human_check",
    "consent": "human_check",
}
"""Scenario by scenario, the code of what keeps the button from being pressed."""
DECLINED = {
    "permission_message": "permission_denied",
    "empty_token": "permission_denied",
    "generate_429": "site_busy",
    "generate_500": "site_busy",
}
"""What the console answers the click with instead of a token, and its code."""


def per_pixel(user: User, scenarios: list[str]) -> dict[str, str]:
    """Give each pixel of the first account a scenario; return the pixels by scenario."""
    pixels = [each.code for each in user.console.accounts[0].pixels]
    named = dict(zip(scenarios, pixels, strict=True))
    for name, pixel in named.items():
        user.console.per_pixel[pixel] = preset(name)
    return named


@pytest.mark.parametrize("scenarios", [LOOKS, REVEALS, ANSWERS], ids=["look", "reveal", "answer"])
def test_every_kind_of_console_gives_one_token_that_is_filed_under_its_pixel(
    make_user: MakeUser, scenarios: list[str]
) -> None:
    """Whatever it looks like, shows, answers or does next: asked once, captured, stored."""
    user = make_user(pixels=len(scenarios))
    named = per_pixel(user, scenarios)
    account = user.console.accounts[0].aadvid
    said = user.run("generate", *named.values(), "--account", account, "--json")
    rows = {each["pixel"]: each for each in said.rows}
    outcomes = {name: (rows[p]["error"] or rows[p]["outcome"]) for name, p in named.items()}
    assert outcomes == dict.fromkeys(named, "generated")
    prints = {name: [rows[pixel]["fingerprint"]] for name, pixel in named.items()}
    assert prints == {name: user.issued(pixel) for name, pixel in named.items()}
    assert {(each["account"], *each["stored_in"]) for each in said.rows} == {(account, "local:")}
    assert (said.code, user.open_intents()) == (0, [])
    assert [line for line in said.err.splitlines() if "not let out a second time" not in line] == []
    clicked = {each.control for each in user.console.ledger.clicks()}
    assert not clicked & {"delete-delete", "revoke", "offline-generate", "consent-accept"}
    workshop = user.workshop()
    for name, pixel in named.items():
        (intent,) = workshop.escrow.intents(pixel)
        assert [workshop.stores[0].get(reference(intent)).fingerprint] == user.issued(pixel), name


def test_what_the_console_does_not_allow_is_told_by_code_and_nothing_is_clicked(
    make_user: MakeUser,
) -> None:
    """Every row is tried; the exit is the highest of the rows'."""
    user = make_user(pixels=len(REFUSED))
    named = per_pixel(user, list(REFUSED))
    unknown = "D000000000000000000G"
    account = user.console.accounts[0].aadvid
    said = user.run("generate", *named.values(), unknown, "--account", account, "--json")
    assert dict(zip(REFUSED, said.codes, strict=False)) == REFUSED
    assert said.codes[-1] == "pixel_not_found"
    assert (said.code, len(said.rows)) == (3, len(REFUSED) + 1)
    assert all(each["outcome"] == "failed" and each["error"]["next_step"] for each in said.rows)
    assert not user.clicked()
    assert user.open_intents() == []


def test_what_does_not_come_in_time_is_told_with_its_reason(make_user: MakeUser) -> None:
    """Without permission there is no button; a page that says it is busy is no changed page."""
    user = make_user()
    named = per_pixel(user, ["no_button", "settings_500"])
    said = user.run("generate", *named.values(), "--json", PIXELMINT_PATIENCE="8")
    assert (said.code, said.codes) == (1, ["permission_denied", "site_busy"])
    assert not user.clicked()


def test_what_the_console_declines_leaves_no_open_intent(make_user: MakeUser) -> None:
    """It was asked once and gave none: nothing is lost, and the same command may be run again."""
    user = make_user(pixels=len(DECLINED))
    named = per_pixel(user, list(DECLINED))
    said = user.run("generate", *named.values(), "--json")
    assert dict(zip(DECLINED, said.codes, strict=True)) == DECLINED
    assert said.code == 1
    assert user.console.ledger.issued() == []
    assert user.console.ledger.calls()["generate"] == len(DECLINED)
    assert user.open_intents() == []
    user.console.per_pixel.clear()
    again = user.run("generate", named["generate_429"], "--json")
    assert (again.code, again.row["outcome"]) == (0, "generated")


def test_a_token_nobody_could_read_is_never_asked_for_again_and_never_forgotten(
    make_user: MakeUser,
) -> None:
    """Silence after the click is `token_unread`: until a later generation it is told everywhere."""
    user = make_user(pixels=3)
    dropped, puzzle, before = (each.code for each in user.console.accounts[0].pixels)
    user.console.per_pixel[dropped] = preset("drop_after")
    user.console.per_pixel[puzzle] = preset("puzzle_after_click")
    user.console.per_pixel[before] = preset("drop_before")
    said = user.run("generate", dropped, puzzle, before, "--json")
    assert (said.code, said.codes[0], said.codes[2]) == (5, "token_unread", "token_unread")
    assert said.codes[1] in ("human_check", "token_unread")
    assert user.console.ledger.calls()["generate"] == 3
    assert len(user.issues(dropped)) == 1
    assert dropped in user.open_intents()

    for command in ("status", "recover"):
        told = {each["pixel"]: each for each in user.run(command, "--json").rows}
        assert told[dropped]["outcome"] == "failed"
        assert told[dropped]["error"]["code"] == "token_unread"
    assert user.run("recover").code == 5
    assert user.run("token", dropped).code == 5

    user.console.per_pixel.clear()
    again = user.run("generate", dropped, "--json")
    assert (again.code, again.codes) == (1, ["token_exists"])
    assert "could not be read" in again.row["error"]["next_step"]
    assert len(user.issues(dropped)) == 1

    replaced = user.run("generate", dropped, "--replace", "--json")
    assert replaced.row["fingerprint"] == user.issued(dropped)[-1]
    told = {each["pixel"]: each for each in user.run("status", "--json").rows}
    assert (told[dropped]["outcome"], told[dropped]["error"]) == ("generated", None)


def test_a_second_run_keeps_what_the_first_one_stored(make_user: MakeUser) -> None:
    """A dry run asks for nothing, a second run keeps, --replace makes another, `token` prints."""
    user = make_user()
    pixel, other = (each.code for each in user.console.accounts[0].pixels)
    account = user.console.accounts[0].aadvid

    planned = user.run("generate", pixel, "--dry-run", "--json")
    assert (planned.code, planned.row["outcome"]) == (0, "planned")
    assert planned.row["account"] == account
    assert not user.clicked()

    given = f"{pixel}\n{other}\n"
    first = user.run("generate", "-", "--json", "--account", account, given=given)
    assert [each["outcome"] for each in first.rows] == ["generated", "generated"]
    assert user.token(pixel) == user.issues(pixel)[0].token + "\n"

    kept = user.run("--json", "generate", pixel, other)
    assert (kept.code, [each["outcome"] for each in kept.rows]) == (0, ["kept", "kept"])
    prints = [each["fingerprint"] for each in first.rows]
    assert [each["fingerprint"] for each in kept.rows] == prints

    replaced = user.run("generate", "--replace", pixel, "--json")
    assert (replaced.code, replaced.row["outcome"]) == (0, "generated")
    assert [prints[0], replaced.row["fingerprint"]] == user.issued(pixel)
    assert fingerprint(user.token(pixel).strip()) == replaced.row["fingerprint"]

    with Database(user.home) as database:
        done = History(database).all()
    assert [each.pixel for each in done] == [pixel, other, pixel]
    assert len({each.run for each in done}) == 2
    for each in done:
        assert (each.command, each.outcome, each.account) == ("generate", "generated", account)
        assert list(each.phases) == ["look up", "open", "find", "wait", "ask", "store"]
        assert 0 < each.phases["ask"] <= each.seconds

    table = user.run("status")
    assert table.code == 0
    assert replaced.row["fingerprint"] in table.out and prints[1] in table.out
    elsewhere = user.run("generate", other, "--store", f"dotenv:{user.folder}/x.env", "--json")
    assert elsewhere.codes == ["token_exists"]
    assert f"`pixelmint token {other}`" in elsewhere.row["error"]["next_step"]


def test_an_ended_session_stops_at_the_first_page_and_is_told_for_every_pixel(
    make_user: MakeUser,
) -> None:
    """It is not tried again and again; what to do is said."""
    user = make_user()
    pixels = [each.code for each in user.console.accounts[0].pixels]
    user.console.sessions.end_all()
    said = user.run("generate", *pixels, "--json")
    assert (said.code, said.codes) == (3, ["sign_in_needed"] * 2)
    assert "sign-in" in said.rows[0]["error"]["next_step"]
    assert not user.clicked()
    assert user.workshop().sessions.facts("default").ended_at

    user.sign_in()
    user.console.scenario = preset("session_ends_at_settings")
    said = user.run("generate", *pixels, "--json")
    assert (said.code, said.codes) == (3, ["sign_in_needed"] * 2)
    assert not user.clicked()


def test_nobody_signed_in_is_told_without_a_browser(make_user: MakeUser) -> None:
    """And so it is with a profile of another name."""
    user = make_user(signed_in=False)
    pixel = user.console.pixels[0].code
    assert user.run("generate", pixel, "--json").codes == ["sign_in_needed"]
    said = user.run("generate", pixel, "--profile", "ann", "--json")
    assert (said.code, said.codes) == (3, ["sign_in_needed"])
    assert "--profile ann" in said.row["error"]["next_step"]
    assert user.console.ledger.calls() == {}


def test_a_store_that_fails_costs_no_token(make_user: MakeUser) -> None:
    """It stays in escrow; the other store has it; `recover` finishes once the store is mended."""
    user = make_user()
    pixel = user.console.accounts[0].pixels[0].code
    target = user.folder / "later.env"
    stores = ("--store", f"dotenv:{target}?name=TOKEN_{{pixel}}", "--store", "local:")

    def break_store() -> None:
        target.unlink(missing_ok=True)
        target.mkdir()

    at_issue(user.console, break_store)
    said = user.run("generate", pixel, *stores, "--json")
    assert (said.code, said.codes) == (4, ["store_failed"])
    assert said.row["stored_in"] == ["local:"]
    assert [said.row["fingerprint"]] == user.issued(pixel)
    told = user.run("status", "--json").row
    assert (told["outcome"], told["waits_in_escrow"]) == ("failed", True)
    assert told["error"]["code"] == "store_failed"
    assert user.run("token", pixel).code == 4

    target.rmdir()
    mended = user.run("recover", "--json")
    assert (mended.code, mended.row["outcome"]) == (0, "generated")
    assert target.read_text().strip() == f"TOKEN_{pixel}={user.issues(pixel)[0].token}"
    assert user.run("recover", "--json").out == ""
    assert len(user.issues(pixel)) == 1


def test_a_store_that_cannot_be_written_is_noticed_before_the_click(make_user: MakeUser) -> None:
    """Its check fails, so nothing is asked for."""
    user = make_user()
    (user.folder / "file").write_text("")
    pixel = user.console.pixels[0].code
    said = user.run("generate", pixel, "--store", f"dotenv:{user.folder}/file/x.env", "--json")
    assert (said.code, said.codes) == (4, ["store_failed"])
    assert user.console.ledger.calls() == {}


def test_a_disk_that_is_full_is_noticed_before_the_click(make_user: MakeUser) -> None:
    """And a disk that fills up at the worst moment costs no token: the reserve is there for it."""
    user = make_user()
    first, second = (each.code for each in user.console.accounts[0].pixels)
    with small_disk(user.folder / "disk") as disk:
        user.home = disk / "home"
        user.settings["PIXELMINT_HOME"] = str(user.home)
        user.sign_in()
        at_issue(user.console, lambda: fill(disk))
        said = user.run("generate", first, second, "--json")
        assert (said.code, said.codes) == (1, [None, "escrow_failed"])
        assert [said.rows[0]["fingerprint"]] == user.issued(first)
        assert len(user.issues(first)) == 1 and user.issues(second) == []

        (disk / "filler").unlink()
        assert user.token(first) == user.issues(first)[0].token + "\n"
        assert user.run("generate", second, "--json").code == 0


def test_a_home_that_cannot_be_one_is_told_before_anything_is_touched(
    make_user: MakeUser, tmp_path: Path
) -> None:
    """A regular file stands in the way; a file system that only reads; no right to write."""
    user = make_user(signed_in=False)
    pixel = user.console.pixels[0].code
    (tmp_path / "file").write_text("")
    said = user.run("generate", pixel, "--json", PIXELMINT_HOME=str(tmp_path / "file" / "home"))
    assert (said.code, said.codes) == (1, ["escrow_failed"])
    assert said.row["error"]["next_step"]
    if os.geteuid() != 0:
        (tmp_path / "closed").mkdir(mode=0o500)
        said = user.run("generate", pixel, "--json", PIXELMINT_HOME=str(tmp_path / "closed"))
        assert (said.code, said.codes) == (1, ["escrow_failed"])
    assert user.console.ledger.calls() == {}


def test_a_missing_or_wrong_key_is_noticed_before_anything_is_touched(make_user: MakeUser) -> None:
    """Whatever else could be done with another key would lose what lies sealed here."""
    import pyrage

    user = make_user()
    pixel = user.console.pixels[0].code
    other = str(pyrage.x25519.Identity.generate())
    said = user.run("generate", pixel, "--json", PIXELMINT_KEY=other)
    assert (said.code, said.codes) == (2, ["usage"])
    assert other not in said.out + said.err
    (user.home / "key").unlink()
    said = user.run("generate", pixel, "--json")
    assert (said.code, said.codes) == (2, ["usage"])
    assert "key" in said.row["error"]["message"] and said.row["error"]["next_step"]
    assert user.console.ledger.calls() == {}


def test_of_two_runs_on_one_account_the_second_says_who_is_first(make_user: MakeUser) -> None:
    """It clicks nothing, and the first is not disturbed."""
    user = make_user()
    first, second = (each.code for each in user.console.accounts[0].pixels)
    account = user.console.accounts[0].aadvid
    asked, may_answer = threading.Event(), threading.Event()

    def hold_back() -> None:
        asked.set()
        may_answer.wait(LIMIT_S)

    at_issue(user.console, hold_back)
    child = user.start("generate", first, "--account", account, "--json")
    try:
        assert asked.wait(LIMIT_S)
        said = user.run("generate", second, "--account", account, "--json")
        unnamed = user.run("generate", second, "--json")
    finally:
        may_answer.set()
    assert (said.code, said.codes) == (2, ["usage"])
    assert f"process {child.process.pid} " in said.row["error"]["message"]
    assert (unnamed.code, unnamed.codes) == (2, ["usage"])
    done = child.wait()
    assert (done.code, done.row["fingerprint"]) == (0, user.issued(first)[0])
    assert user.issues(second) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_stopped_run_finishes_the_token_in_its_hand(
    make_user: MakeUser, number: signal.Signals
) -> None:
    """The signal is heard, waits, and ends the run before the next pixel."""
    user = make_user()
    first, second = (each.code for each in user.console.accounts[0].pixels)
    children: list[Child] = []
    at_issue(user.console, lambda: stop(children[0], number))
    children.append(user.start("generate", first, second, "--json"))
    said = children[0].wait()
    assert said.code == 130
    assert "stopped" in said.err and "Traceback" not in said.err
    assert len(user.issues(first)) == 1 and user.issues(second) == []
    assert user.open_intents() == []
    assert user.token(first) == user.issues(first)[0].token + "\n"


def test_a_person_may_click_and_the_token_is_captured_from_there(
    screen: None, make_user: MakeUser
) -> None:
    """--guided: a visible browser, and nothing is clicked by the program."""
    user = make_user()
    pixel = user.console.accounts[0].pixels[0].code
    environ = {"DISPLAY": os.environ["DISPLAY"]}
    child = user.start("generate", pixel, "--guided", "--json", environ=environ)
    try:
        intents = user.home / "escrow"
        until(lambda: list(intents.glob("[0-9]*")) or child.process.poll() is not None, LIMIT_S)
        assert not user.clicked()
        stop(child)
        said = child.wait()
    finally:
        child.kill()
    assert said.code == 130
    assert user.open_intents() == []
    assert not user.clicked()


def test_a_store_that_cannot_give_back_is_trusted_for_what_escrow_saw_it_take(
    make_user: MakeUser,
) -> None:
    """`command:` runs a program; a second run keeps, and `token` says where to ask."""
    user = make_user()
    pixel = user.console.accounts[0].pixels[0].code
    program, target = user.folder / "take", user.folder / "taken.env"
    program.write_text(f'#!/bin/sh\ncat > "{target}"\n')
    program.chmod(0o700)
    store = {"PIXELMINT_STORE": f"command:{program}"}
    said = user.run("generate", pixel, "--json", **store)
    assert (said.code, said.row["stored_in"]) == (0, [store["PIXELMINT_STORE"]])
    assert fingerprint(target.read_text()) == said.row["fingerprint"]
    kept = user.run("generate", pixel, "--json", **store)
    assert (kept.row["outcome"], kept.row["fingerprint"]) == ("kept", said.row["fingerprint"])
    asked = user.run("token", pixel, **store)
    assert (asked.code, asked.out) == (2, "") and "cannot give it back" in asked.err
    assert len(user.issues(pixel)) == 1

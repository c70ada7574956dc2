"""`pixelmint provision`, whole: a list, lanes, a real browser, the drawn console, its ledger."""

import json
import os
import signal
from pathlib import Path

import pytest

from fixtures.console import preset
from tests.conftest import Site, until
from tests.decoding import address, cells, faults
from tests.flows_helpers import LIMIT_S, MakeUser, User, at_issue

pytest_plugins = ("tests.flows_fixtures",)
pytestmark = pytest.mark.timeout(LIMIT_S + 20)


def manifest(user: User, *more: str) -> Path:
    """Write a list of all pixels of both accounts."""
    path = user.folder / "list.csv"
    rows = [f"{p.code},{a.aadvid}" for a in user.console.accounts for p in a.pixels]
    path.write_text("\n".join(["pixel,account", *rows, *more]) + "\n")
    return path


def test_every_row_is_tried_and_a_second_run_keeps_what_is_done(
    make_user: MakeUser, site: Site
) -> None:
    """A row that fails costs no other; what waits for a person pauses its own account alone.

    The run is told of: in metrics, and in one message, whose address nothing repeats.
    """
    user = make_user(pixels=3)
    first, second = ([each.code for each in a.pixels] for a in user.console.accounts)
    user.console.per_pixel[first[0]] = preset("generate_500")
    user.console.per_pixel[second[1]] = preset("puzzle")
    path, metrics = manifest(user), user.folder / "pixelmint.prom"
    site.routes["/hook"] = "taken"
    place = site.url.replace("http://", "json://user:pa55word@") + "/hook"
    telling = ("--metrics", str(metrics), "--notify", place)
    said = user.run("provision", str(path), "--json", *telling)
    codes = {each["pixel"]: (each["error"] or {}).get("code") for each in said.rows}
    assert codes == {
        **dict.fromkeys(first[1:]), first[0]: "site_busy",
        second[0]: None, second[1]: "human_check", second[2]: "human_check",
    }  # fmt: skip
    assert said.code == 3
    assert said.err.count("human_check: ") == 1  # of two rows that wait for it
    assert user.open_intents() == [] and user.issues(second[2]) == []
    (message,) = (json.loads(each.body) for each in site.asked("/hook"))
    assert "2 waiting for a person, 1 failed, 3 done" in message["title"]
    lines = metrics.read_text().splitlines()
    assert 'pixelmint_run_waiting_for_person{command="provision"} 2.0' in lines
    ages = [each for each in lines if each.startswith("pixelmint_token_age_seconds{")]
    assert len(ages) == 3
    kept_files = [each.read_text(errors="replace") for each in user.home.rglob("*.*")
                  if each.is_file()]  # fmt: skip
    assert not any("pa55word" in each for each in [said.err, said.out, *kept_files])

    user.console.per_pixel.clear()
    again = user.run("provision", str(path), "--json")
    assert again.code == 0
    outcomes = {each["pixel"]: each["outcome"] for each in again.rows}
    kept = [*first[1:], second[0]]
    assert outcomes == dict.fromkeys([*first, *second], "generated") | dict.fromkeys(kept, "kept")
    prints = {each["pixel"]: [each["fingerprint"]] for each in again.rows}
    assert prints == {pixel: user.issued(pixel) for pixel in [*first, *second]}
    tokens = [each.token for each in user.console.ledger.issued()]
    for name in ("jobs.db", "records.db"):
        assert faults(cells(address(user.home / name)), tokens) == [], name


def test_on_postgresql_another_machine_keeps_what_the_first_stored_and_no_cell_holds_a_token(
    make_user: MakeUser, database_url: str
) -> None:
    """A store that both reach; the second machine has neither escrow nor session of the first's."""
    one = make_user(pixels=1)
    one.settings |= {"PIXELMINT_DATABASE_URL": database_url,
                     "PIXELMINT_STORE": f"dotenv:{one.folder}/tokens.env"}  # fmt: skip
    path = manifest(one)
    said = one.run("provision", str(path), "--json")
    assert [each["outcome"] for each in said.rows] == ["generated", "generated"], said.err
    two = User(one.console, one.folder / "two")
    two.settings |= {name: one.settings[name] for name in one.settings if name != "PIXELMINT_HOME"}
    two.sign_in()
    again = two.run("provision", str(path), "--json")
    assert [each["outcome"] for each in again.rows] == ["kept", "kept"], again.err
    assert all([row["fingerprint"]] == one.issued(row["pixel"]) for row in again.rows)
    tokens = [each.token for each in one.console.ledger.issued()]
    found = list(cells(database_url))
    assert len(tokens) == 2 and faults(found, tokens) == []
    assert any(str(said.rows[0]["fingerprint"]).encode() in each for each in found)


def test_a_list_is_refused_whole_with_its_rows(make_user: MakeUser) -> None:
    """All faults in one message, and not one call to the console."""
    user = make_user()
    path = manifest(user, "nonsense,1", f"{user.console.pixels[0].code},", "D000000000000000000G,,")
    path.write_text(path.read_text().replace("pixel,account", "pixel,account,profile"))
    said = user.run("provision", str(path), "--json")
    assert (said.code, said.codes) == (2, ["usage"])
    message = said.row["error"]["message"]
    assert "row 6: 'nonsense' is no pixel code" in message and "row 7" in message
    assert user.console.ledger.calls() == {}


def test_killed_on_the_way_the_next_run_finishes_and_asks_for_nothing_twice(
    make_user: MakeUser,
) -> None:
    """Whatever was in hand is in escrow, or was not asked for, or is said to be unread."""
    user = make_user(pixels=3)
    path = manifest(user)
    child = user.start("provision", str(path), "--json", "--jobs", "1")
    until(lambda: len(user.console.ledger.issued()) >= 2 or child.process.poll() is not None)
    os.kill(child.process.pid, signal.SIGKILL)
    child.wait()
    said = user.run("provision", str(path), "--json")
    rows = {each["pixel"]: each for each in said.rows}
    assert len(rows) == len(said.rows) == 6
    for pixel, row in rows.items():
        lost = row["error"] and row["error"]["code"] == "token_exists"
        assert len(user.issues(pixel)) == 1, row
        assert lost or [row["fingerprint"]] == user.issued(pixel), row


def test_a_stop_finishes_the_token_in_hand_and_leaves_the_rest(make_user: MakeUser) -> None:
    """The next run takes what is left."""
    user = make_user(pixels=2)
    path = manifest(user)
    children = []
    at_issue(user.console, lambda: os.kill(children[0].process.pid, signal.SIGINT))
    children.append(user.start("provision", str(path), "--json", "--jobs", "1"))
    said = children[0].wait()
    assert said.code == 130 and "stopped" in said.err
    assert [each["outcome"] for each in said.rows] == ["generated"]
    assert len(user.console.ledger.issued()) == 1 and user.open_intents() == []


def test_a_dry_run_clicks_nothing_and_the_listing_is_a_list(make_user: MakeUser) -> None:
    """`pixels --json` feeds `provision -`; its rows go to the stores that the command names."""
    user = make_user()
    account = user.console.accounts[0]
    written = f"dotenv:{user.folder / 'tokens.env'}?name=T_{{pixel}}"
    listed = user.run("pixels", "--account", account.aadvid, "--json")
    said = user.run("provision", "-", "--dry-run", "--json", given=listed.out)
    assert (said.code, [each["outcome"] for each in said.rows]) == (0, ["planned", "planned"])
    assert [json.loads(each)["pixel"] for each in listed.out.splitlines()] == [
        each.code for each in account.pixels
    ]
    assert not user.clicked()
    only = listed.out.splitlines()[0]
    said = user.run("provision", "-", "--json", "--store", "local:", "--store", written, given=only)
    assert (said.code, said.row["stored_in"]) == (0, ["local:", written])

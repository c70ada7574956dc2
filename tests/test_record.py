"""`pixelmint record`: read-only, private, and nothing of the session in what it writes."""

import base64
from pathlib import Path

import pytest

from automation.browser import Lane
from automation.errors import HumanCheck, SignInNeeded, UsageError
from automation.recording_folder import read_index
from automation.recording_redact import Redactor
from fixtures.console import preset
from flows.record import PIXEL, _without_ids, record
from flows.wording import load
from flows.workshop import is_pixel_code
from tests.flows_helpers import MakeUser, User
from tests.replay import Replay, seen, walked

pytest_plugins = ("tests.flows_fixtures",)

MAIL, PERSON = "ann.smith@corp.example", "Ann Smith"
TOKEN = "Zk3TqW8rLm2XvB9dNp4cHs6yJf1aGe7uKo5iPb0t"


def planted(make_user: MakeUser) -> tuple[User, list[str]]:
    """Return a user whose console shows what must not be written, and a list of that."""
    user = make_user(signed_in=False)
    state = user.console.storage_state()
    user.sign_in(state)
    cookies = sorted({each["value"] for each in state["cookies"]})
    account, pixel = user.console.accounts[0], user.console.accounts[0].pixels[0]
    labels = {
        "home_intro": f"{PERSON} ({MAIL}) in {cookies[0]}",
        "events_api_text": f"The token {TOKEN} of {account.org_id}",
        "overview_none": base64.b64encode(f"who={MAIL};".encode()).decode(),
        "partner_text": f"/send?to={cookies[-1]}&mail={MAIL.replace('@', '%40')}",
    }
    user.console.scenario = preset("ks", labels=labels)
    return user, [MAIL, PERSON, TOKEN, *cookies, account.aadvid, account.org_id, account.name,
                  pixel.code, pixel.name]  # fmt: skip


def test_a_console_is_recorded_and_the_recording_passes_the_suite(
    make_user: MakeUser, tmp_path: Path, lane: Lane
) -> None:
    """What was planted is gone, nothing was clicked but the way, and each screen is seen again."""
    user, secrets = planted(make_user)
    folder = tmp_path / "mine"
    said = user.run("record", str(folder), "--redact", PERSON, "--json", "-v")
    assert said.code == 0, said.err
    assert [each["screen"] for each in said.rows] == ["home", "menu", "list", "pixel", "settings"]
    assert {each["made"] for each in said.rows} == {"drawn"}, "the console's pages say so"
    assert "proving" in said.err and not user.clicked()

    written = {each.name: each.read_bytes() for each in folder.iterdir()}
    for secret in secrets:
        raw = secret.encode()
        forms = [raw, base64.b64encode(raw)[:-4], raw.hex().encode(), raw.replace(b"@", b"%40")]
        held = [name for name, data in written.items() for form in forms if form in data]
        assert held == [], "what was planted is there"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {each.stat().st_mode & 0o777 for each in folder.iterdir()} == {0o600}

    replay, wording = Replay(lane.open()), load()
    replay.take(folder)
    assert walked(replay, wording) == {each.name: each.shows for each in read_index(folder)}
    assert replay.unlisted == []
    screen = replay.show("list")
    assert seen(replay.page, screen, wording)[0] == screen.shows
    assert screen.leads == {"pixel_row": "pixel"}
    lane.close_context()


def test_a_folder_of_something_else_is_refused_before_anything_is_opened(
    make_user: MakeUser, tmp_path: Path
) -> None:
    """Likewise a pixel that is none; the console is not asked for anything."""
    user = make_user()
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(UsageError, match="no recording"):
        record(user.workshop(), tmp_path)
    with pytest.raises(UsageError, match="no pixel code"):
        record(user.workshop(), tmp_path / "new", pixel="x")
    assert [each.name for each in tmp_path.iterdir()] == ["letter.txt"]
    assert user.console.ledger.calls() == {}


def test_a_walk_that_ends_early_saves_what_it_saw_and_says_why(
    make_user: MakeUser, tmp_path: Path
) -> None:
    """A consent lies over everything: a person's matter, and worth a look."""
    user = make_user(preset("consent"))
    with pytest.raises(HumanCheck):
        record(user.workshop(), tmp_path / "new")
    (screen,) = read_index(tmp_path / "new")
    assert (screen.name, screen.shows["stopped"]) == ("stopped", "human_check")


def test_without_a_session_nothing_is_written(make_user: MakeUser, tmp_path: Path) -> None:
    """Neither where there is none nor where it has ended."""
    user = make_user(signed_in=False)
    with pytest.raises(SignInNeeded, match="no session"):
        record(user.workshop(), tmp_path / "new")
    user.sign_in()
    user.console.sessions.end_all()
    with pytest.raises(SignInNeeded, match="sign-in page"):
        record(user.workshop(), tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []
    assert user.workshop().sessions.facts("default").ended_at


def test_a_stand_in_of_a_pixel_is_a_well_formed_pixel() -> None:
    """So that page objects take it for one; of an odd length, it keeps that."""
    redactor = Redactor([PIXEL])
    for code in ("D69ESQRC77U0KGAU8B90", "A1T8T4UYGVIQA8ORZMX9", "C5TQ2J3C77U7L8BG1LIG4A"):
        redactor.learn(f"ID: {code}")
        assert len(redactor.stand_in_of(code)) == len(code)
    assert is_pixel_code(redactor.stand_in_of("D69ESQRC77U0KGAU8B90"))
    assert "d69esq" not in redactor.text("row-d69esqrc77u0kgau8b90")


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Account ID: 7312345678901234567", ""),
        ("Ad account 7312345678901234567", ""),
        ("Harbour Lamp Co (7312345678901234567)", "Harbour Lamp Co"),
        ("Harbour Lamp Co", "Harbour Lamp Co"),
        ("99+", ""),
    ],
)
def test_the_header_s_words_are_names_where_they_are_no_ids(said: str, name: str) -> None:
    """What stands in the right half of the header is somebody's own."""
    assert _without_ids(said, load().account_words) == name

"""The command line, as a child process: what it takes, what it prints, how it ends."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from automation.secret import fingerprint
from fixtures.console import Scenario, preset
from flows.doctor import doctor
from tests.flows_helpers import LIMIT_S, ROOT, MakeUser
from tests.test_handoff import screen

pytest_plugins = ("tests.flows_fixtures",)
pytestmark = pytest.mark.timeout(LIMIT_S + 20)
__all__ = ["screen"]

FIELDS = {"pixel", "account", "outcome", "fingerprint", "stored_in", "verified", "delivered",
          "seconds", "error"}  # fmt: skip


def test_results_go_to_stdout_and_progress_to_stderr(make_user: MakeUser) -> None:
    """Piped it is quiet; -v says each step; the table is for people, JSON Lines for programs."""
    user = make_user()
    pixel, other = (each.code for each in user.console.accounts[0].pixels)
    said = user.run("generate", "-", "--json", given=f"{pixel}\n")
    assert (said.code, said.err) == (0, "")
    assert set(said.row) == FIELDS
    assert re.fullmatch(r"[0-9a-f]{12}", said.row["fingerprint"])
    assert (said.row["verified"], said.row["delivered"]) == (None, [])

    loud = user.run("generate", other, "-v", "--store", "local:")
    assert loud.code == 0
    steps = ["checking escrow", "starting the browser", "opening pixel", "generating for"]
    assert [each for each in steps if each not in loud.err] == []
    assert other in loud.out and "generating" not in loud.out

    row = {each["pixel"]: each for each in user.run("--json", "status").rows}[pixel]
    assert set(row) > FIELDS and row["waits_in_escrow"] is False
    assert row["fingerprint"] == said.row["fingerprint"]
    nothing = user.run("recover", "--json", "-q")
    assert (nothing.code, nothing.out) == (0, "")


def test_a_reader_that_goes_away_ends_the_command_quietly(make_user: MakeUser) -> None:
    """As `pixelmint status | head -0` does."""
    user = make_user(signed_in=False)
    pixel = user.console.pixels[0].code
    user.workshop().records.note(pixel, outcome="failed", account="7654321098765432109")
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "flows", "status"],
        cwd=ROOT, env={**os.environ, **user.settings}, stdout=write, stderr=subprocess.PIPE,
        text=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip
    os.close(write)
    assert done.returncode != 0, "what was asked for did not arrive"
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "environ", "says"),
    [
        (["generate", "d69esqrc77u0kgau8b90"], {}, "is no pixel code"),
        (["generate", "D69ESQRC77U0KGAU8B90", "D69ESQRC77U0KGAU8B90"], {}, "named twice"),
        (["generate", "D69ESQRC77U0KGAU8B90", "--account", "12"], {}, "is no account"),
        (["generate", "D69ESQRC77U0KGAU8B90", "--store", "vualt:x"], {}, "no such store"),
        (["generate", "-"], {}, "no pixel was named"),
        (["token", "nonsense"], {}, "is no pixel code"),
        (["token", "D69ESQRC77U0KGAU8B90"], {}, "no token is stored"),
        (["status"], {"PIXELMINT_PATIANCE": "3"}, "PIXELMINT_PATIENCE"),
        (["status"], {"PIXELMINT_PACE": "soon"}, "PIXELMINT_PACE"),
        (["status"], {"PIXELMINT_CONSOLE_URL": "http://ads.example"}, "https"),
        (["status"], {"DEBUG": "pw:*"}, "DEBUG"),
        (["generate", "D69ESQRC77U0KGAU8B90"], {"DEBUG": "pw:api"}, "DEBUG"),
        (["generate", "D69ESQRC77U0KGAU8B90"], {"PIXELMINT_BROWSER": "/no/such"}, "browser"),
    ],
)
def test_what_is_wrong_is_refused_before_anything_is_touched(
    make_user: MakeUser, arguments: list[str], environ: dict[str, str], says: str
) -> None:
    """Code `usage`, exit 2, a next step, and not one call to the console."""
    user = make_user()
    said = user.run(*arguments, "--json", **environ)
    assert said.code == 2
    assert said.codes == ["usage"] * len(said.rows)
    (error,) = {json.dumps(each["error"]) for each in said.rows}
    assert says in error and json.loads(error)["next_step"]
    assert "usage" in said.err and "Traceback" not in said.err
    assert user.console.ledger.calls() == {}


def test_arguments_nobody_knows_are_refused_with_the_same_exit(make_user: MakeUser) -> None:
    """The command line's own parser says so."""
    user = make_user(signed_in=False)
    for arguments in (["generate"], ["no-such"], ["generate", "--no-such"], ["status", "extra"]):
        said = user.run(*arguments)
        assert (said.code, said.out) == (2, ""), arguments
        first, second = said.err.splitlines()
        assert first.startswith("usage: ") and "--help` says what is taken" in second
        said = user.run(*arguments, "--json")
        assert (said.code, said.codes) == (2, ["usage"]), arguments


def test_a_stdout_that_takes_no_more_is_told_once_and_costs_no_token(make_user: MakeUser) -> None:
    """As a full disk under a redirection; and a stream the caller closed is no other file's."""
    if not os.path.exists("/dev/full"):
        pytest.skip("/dev/full is Linux's")
    user = make_user(signed_in=False)
    user.workshop().records.note(user.console.pixels[0].code, outcome="failed")
    environ = {**os.environ, **user.settings}
    for more in ([], ["--json"]):
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                [sys.executable, "-m", "flows", "status", *more],
                cwd=ROOT, env=environ, stdout=full, stderr=subprocess.PIPE, text=True,
                timeout=LIMIT_S, check=False,
            )  # fmt: skip
        assert done.returncode == 1
        (line,) = done.stderr.splitlines()
        assert "cannot be printed (No space left on device)" in line
    shell = f"exec {sys.executable} -m flows no-such --json 2>&- <&-"
    done = subprocess.run(
        ["/bin/sh", "-c", shell],
        cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip
    assert (done.returncode, json.loads(done.stdout)["error"]["code"]) == (2, "usage")


def test_help_needs_nothing_and_names_every_command(make_user: MakeUser) -> None:
    """Not even a home."""
    user = make_user(signed_in=False)
    said = user.run("--help", PIXELMINT_HOME="/dev/null/x")
    assert said.code == 0
    for command in ("demo", "sign-in", "pixels", "generate", "token", "status", "recover"):
        assert command in said.out


def test_a_sign_in_brought_along_is_proven_and_sealed(make_user: MakeUser, tmp_path: Path) -> None:
    """--import: good, ended, and not one at all; then the pixels are listed with it."""
    user = make_user(preset("two_pages"), pixels=3, signed_in=False)
    file = tmp_path / "state.json"
    file.write_text(json.dumps(user.console.storage_state()))
    said = user.run("sign-in", "--import", str(file), "--profile", "ann")
    assert (said.code, said.out) == (0, "")
    assert "profile ann" in said.err

    account = user.console.accounts[1]
    listed = user.run("pixels", "--account", account.aadvid, "--profile", "ann", "--json")
    assert listed.code == 0
    assert [(each["pixel"], each["name"]) for each in listed.rows] == [
        (each.code, each.name) for each in account.pixels
    ]
    assert {(each["account"], each["profile"]) for each in listed.rows} == {(account.aadvid, "ann")}

    user.console.sessions.end_all()
    ended = user.run("sign-in", "--import", str(file), PIXELMINT_PATIENCE="5")
    assert ended.code == 3
    assert "default" not in user.workshop().sessions.profiles()
    file.write_text("[]")
    assert user.run("sign-in", "--import", str(file)).code == 2


def test_a_person_signs_in_in_a_window(screen: None, make_user: MakeUser) -> None:
    """The console signs in by itself here, as if somebody had typed; then the session works."""
    user = make_user(Scenario(auto_sign_in_s=1), signed_in=False)
    said = user.run("sign-in", DISPLAY=os.environ["DISPLAY"])
    assert (said.code, said.out) == (0, "")
    assert "proven" in said.err
    user.console.scenario = Scenario()
    checked = user.run("doctor", "--json")
    assert checked.code == 0
    assert all(each["ok"] for each in checked.rows)


def test_doctor_says_what_is_missing_and_clicks_nothing(make_user: MakeUser) -> None:
    """One line a check; a failing one does not hide the next."""
    user = make_user(signed_in=False)
    store = {"PIXELMINT_STORE": f"local: dotenv:{user.folder}/no/such/folder/x.env"}
    said = user.run("doctor", "--json", **store)
    checks = {each["check"].split(":")[0]: each["ok"] for each in said.rows}
    assert said.code == 4, "the highest of its checks"
    assert checks == {
        "home": True, "key": True, "escrow": True, "store local": True, "store dotenv": False,
        "browser": True, "session default": False,
    }  # fmt: skip
    assert not user.clicked()
    people = user.run("doctor", **store)
    assert "FAIL  session default" in people.out and "next: pixelmint sign-in" in people.out


def test_doctor_tells_how_each_control_up_to_the_button_is_found(
    make_user: MakeUser, tmp_path: Path
) -> None:
    """With the wording that matched, the score and what comes next; screens are saved if asked."""
    user = make_user()
    pixel, account = user.console.accounts[1].pixels[1].code, user.console.accounts[1].aadvid
    asked = ("--pixel", pixel, "--account", account, "--save", str(tmp_path / "report"))
    said = user.run("doctor", "--json", *asked)
    assert said.code == 0, said.out
    rows = {each["check"]: each for each in said.rows}
    assert [each.removeprefix("control ") for each in rows if each.startswith("control")] == [
        "tools_menu", "data_sources", "events_menu", "pixel_row", "settings_tab",
        "events_api_section", "generate",
    ]  # fmt: skip
    assert pixel in rows["pixel"]["says"]
    button = rows["control generate"]
    assert button["label"]["text"] == "Generate access token" and button["label"]["verified"]
    assert button["score"] > 0.9 and button["margin"] > 0.3 and button["how"]
    assert {"runner_up", "screen"} <= button.keys()
    saved = {each.name for each in (tmp_path / "report").iterdir()}
    assert {"index.toml", "settings.html"} <= saved
    assert pixel not in (tmp_path / "report" / "settings.html").read_text()
    assert not user.clicked()


def test_doctor_says_page_changed_where_a_control_is_unsure(make_user: MakeUser) -> None:
    """Here the button says nothing that is known; the other controls are told all the same."""
    user = make_user(Scenario(labels={"generate": "Frobnicate"}))
    user.settings["PIXELMINT_PATIENCE"] = "3"
    checks = {each.what: each for each in doctor(user.workshop())}
    assert checks["control settings_tab"].error is None
    unsure = checks["control generate"].error
    assert unsure is not None and (unsure.code, unsure.exit_code) == ("page_changed", 1)
    assert not user.clicked()


def test_doctor_says_where_no_pixel_can_be_reached(make_user: MakeUser) -> None:
    """As a check of its own, after those of the controls before it."""
    user = make_user()
    user.settings["PIXELMINT_PATIENCE"] = "3"
    *before, last = doctor(user.workshop(), pixel="D69ESQRC77U0KGAU8B90")
    assert all(each.error is None for each in before)
    assert last.what == "screen pixel" and last.error is not None
    assert last.error.code == "pixel_not_found"


def test_the_demo_does_the_whole_job(make_user: MakeUser) -> None:
    """Three pixels in two accounts, one of them through a kill -9, each verified."""
    user = make_user(signed_in=False)
    noted = (
        "import sys; from pathlib import Path; from tests import canary; "
        f"canary.write_down_in(Path({str(user.folder)!r})); "
        "from flows.cli import main; main()"
    )
    for name in [name for name in user.settings if name != "PIXELMINT_BROWSER"]:
        del user.settings[name]
    child = user.start("demo", "--json", program=("-c", noted))
    said = child.wait()
    assert said.code == 0, said.err
    assert [each["outcome"] for each in said.rows] == ["generated"] * 3
    assert all(each["verified"] for each in said.rows)
    assert len({each["account"] for each in said.rows}) == 2
    tokens = (user.folder / "issued.canary").read_text().split()
    assert [fingerprint(each) for each in tokens] == [each["fingerprint"] for each in said.rows]
    assert "killed" in said.err and "drawn" in said.err

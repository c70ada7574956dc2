"""Settings: precedence, files, refusals, and that the key is neither shown nor inherited."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from automation.errors import UsageError
from automation.secret import Secret
from automation.settings import Settings, load
from flows.settings import ConsoleSettings

KEY = "AGE-SECRET-KEY-1FIXTUREFIXTURE"


@pytest.fixture(autouse=True)
def stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in an empty folder, so that no `.env` of the developer's takes part."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(flags: dict[str, object] | None = None, /, **environ: str) -> ConsoleSettings:
    """Load with these flags and `PIXELMINT_*` variables."""
    named = {f"PIXELMINT_{name}": value for name, value in environ.items()}
    return load(flags or {}, ConsoleSettings, environ=named)


def refusal(flags: dict[str, object] | None = None, /, **environ: str) -> str:
    """Load, expect to be refused, and return the message."""
    with pytest.raises(UsageError) as refused:
        read(flags, **environ)
    assert refused.value.next_step
    assert refused.value.__context__ is None
    return refused.value.message


def test_the_defaults_are_the_contract_s() -> None:
    """With nothing set at all."""
    settings = read()
    assert settings.model_dump(exclude={"home"}) == {
        "key": None,
        "store": ("local:",),
        "database_url": None,
        "browser": None,
        "headless": True,
        "pace": 5,
        "patience": 30,
        "metrics": None,
        "notify": (),
        "console_url": "https://ads.tiktok.com",
        "events_api_url": "https://business-api.tiktok.com",
        "upstack_url": "https://app.upstackdata.com",
        "test_event_code": None,
        "webhook_secret": None,
    }
    assert settings.home.is_absolute()
    assert settings.home.name == "pixelmint"


def test_flag_beats_environment_beats_dotenv_beats_default(stand: Path) -> None:
    """One step of the ladder after the other."""
    assert read().pace == 5
    (stand / ".env").write_text("PIXELMINT_PACE=4\nSOMEBODY_ELSES=1\n")
    assert read().pace == 4
    assert read(PACE="3").pace == 3
    assert read({"pace": 2}, PACE="3").pace == 2


@pytest.mark.parametrize("nothing", [None, "", (), []])
def test_a_flag_not_given_leaves_the_word_to_the_others(nothing: object) -> None:
    """As the command line hands it in."""
    assert read({"store": nothing}, STORE="dotenv:x").store == ("dotenv:x",)


def test_an_empty_text_is_not_set(stand: Path) -> None:
    """In the environment the next source is asked."""
    (stand / ".env").write_text("PIXELMINT_PACE=4\nPIXELMINT_PATIENCE=\n")
    settings = read(PACE="", PATIENCE="", KEY="", KEY_FILE="")
    assert (settings.pace, settings.patience, settings.key) == (4, 30, None)


def test_zero_is_set() -> None:
    """A pace of nothing is a pace."""
    assert read({"pace": 0, "headless": False}).pace == 0
    assert read({"headless": False}, HEADLESS="true").headless is False


def test_stores_are_split_at_white_space_and_none_is_doubled() -> None:
    """By environment as text, by flag as a list."""
    assert read(STORE=" local:  dotenv:.env\tlocal: ").store == ("local:", "dotenv:.env")
    assert read({"store": ["local:", "local:"]}).store == ("local:",)


def test_where_messages_go_is_secret_and_taken_from_the_environment(tmp_path: Path) -> None:
    """Several by white space or lines; no browser inherits them, and no message repeats them."""
    places = "json://user:pa55word@127.0.0.1/ slack://T1/B1/x"
    environ = {"PIXELMINT_NOTIFY": places}
    settings = load({}, ConsoleSettings, environ=environ)
    assert environ == {}
    assert [each.reveal() for each in settings.notify] == places.split()
    assert "pa55word" not in repr(settings) + str(settings.notify)
    (tmp_path / "notify").write_text(places.replace(" ", "\n"))
    assert read(NOTIFY_FILE=str(tmp_path / "notify")).notify == settings.notify
    assert read({"notify": ["json://other"]}, NOTIFY=places).notify == (Secret("json://other"),)


def test_home_is_made_absolute(stand: Path) -> None:
    """Nothing depends on where we stand later."""
    assert read(HOME="here").home == stand / "here"
    assert read(HOME="~/there").home == Path.home() / "there"
    assert not (stand / "here").exists()


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("0", False), ("no", False), ("ON", True), ("False", False)],
)
def test_a_boolean_is_written_as_people_do(text: str, value: bool) -> None:
    """In any case."""
    assert read(HEADLESS=text).headless is value


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://example.com/", "https://example.com"),
        ("https://EXAMPLE.com:8443", "https://example.com:8443"),
        ("http://127.0.0.1:9", "http://127.0.0.1:9"),
        ("http://127.9.9.9", "http://127.9.9.9"),
        ("http://[::1]:80/", "http://[::1]:80"),
        ("http://localhost:5", "http://localhost:5"),
    ],
)
def test_an_origin_is_https_or_loopback(text: str, origin: str) -> None:
    """A trailing slash is dropped."""
    assert read(CONSOLE_URL=text).console_url == origin


@pytest.mark.parametrize(
    "text",
    [
        "http://example.com",
        "http://128.0.0.1",
        "http://localhost.example.com",
        "https://",
        "example.com",
        "ftp://example.com",
        "https://example.com/path",
        "https://example.com?q",
        "https://example.com/?",
        "https://example.com#f",
        "https://hidden-user@example.com",
        "https://hidden-user:hidden@example.com",
        "https://@example.com",
        "https://example.com:99999",
        "https://[::1",
        "javascript:alert(1)",
    ],
)
def test_anything_but_an_origin_is_refused(text: str) -> None:
    """And not repeated: it may hold a password."""
    message = refusal(UPSTACK_URL=text)
    assert "PIXELMINT_UPSTACK_URL" in message
    assert "hidden" not in message


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "soon"])
def test_a_pace_that_is_no_waiting_time_is_refused(text: str) -> None:
    """By the name the operator used."""
    assert "PIXELMINT_PACE " in refusal(PACE=text)
    assert "--pace " in refusal({"pace": text})


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf"])
def test_patience_is_more_than_nothing(text: str) -> None:
    """Or every page would be too slow."""
    assert "PIXELMINT_PATIENCE" in refusal(PATIENCE=text)


def test_all_faults_come_in_one_message(stand: Path) -> None:
    """So that they are mended in one go."""
    (stand / ".env").write_text("PIXELMINT_STOER=x\nPIXELMINT_PATIENCE=never\n")
    message = refusal(
        {"headless": "perhaps"},
        PACE="-1",
        HOEM="/x",
        KEY_FILE="/no/such/file",
        UPSTACK_URL="http://example.com",
        BROWSER="a",
        BROWSER_FILE="b",
    )
    for part in (
        "PIXELMINT_STOER in .env is not a setting, did you mean PIXELMINT_STORE?",
        "PIXELMINT_HOEM is not a setting, did you mean PIXELMINT_HOME?",
        "PIXELMINT_PATIENCE in .env ",
        "PIXELMINT_PACE ",
        "--headless ",
        "PIXELMINT_KEY_FILE: the file cannot be read (FileNotFoundError)",
        "PIXELMINT_UPSTACK_URL ",
        "PIXELMINT_BROWSER and PIXELMINT_BROWSER_FILE are both set",
    ):
        assert part in message


def test_an_unknown_name_like_no_other_is_refused_without_a_suggestion() -> None:
    """Lower case too, and empty too: somebody meant us."""
    assert "PIXELMINT_XYZZY_QWERTY is not a setting" in refusal(XYZZY_QWERTY="1")
    assert "did you mean" not in refusal(XYZZY_QWERTY="")
    with pytest.raises(UsageError, match="pixelmint_home is not a setting, did you mean"):
        load({}, ConsoleSettings, environ={"pixelmint_home": "/x"})


def test_a_console_s_setting_is_unknown_where_that_console_is_not_meant() -> None:
    """The shared settings know no site."""
    with pytest.raises(UsageError, match="PIXELMINT_CONSOLE_URL is not a setting"):
        load({}, Settings, environ={"PIXELMINT_CONSOLE_URL": "https://example.com"})


def test_names_of_others_are_left_alone() -> None:
    """Whatever they hold."""
    assert load({}, Settings, environ={"PIXEL": "1", "HOME": "", "KEY": "x"}).key is None


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"value", "value"),
        (b"value\n", "value"),
        (b"value\r\n", "value"),
        (b"value\n\n", "value\n"),
        (b" value ", " value "),
        (b"two\nlines\n", "two\nlines"),
    ],
)
def test_a_file_gives_its_content_without_one_line_end(
    stand: Path, content: bytes, text: str
) -> None:
    """As editors and secret mounts write it."""
    (stand / "secret").write_bytes(content)
    key = read(KEY_FILE="secret").key
    assert key is not None
    assert key.reveal() == text


@pytest.mark.parametrize("content", [None, b"", b"\n", b"hidden\xff"])
def test_a_file_that_gives_nothing_is_named_and_not_quoted(
    stand: Path, content: bytes | None
) -> None:
    """An empty key file above all must not lead to a new key."""
    if content is not None:
        (stand / "secret").write_bytes(content)
    message = refusal(KEY_FILE="secret")
    assert "PIXELMINT_KEY_FILE" in message
    assert "hidden" not in message


def test_a_file_named_in_dotenv_is_read_unless_a_stronger_word_is_there(stand: Path) -> None:
    """A source's `NAME_FILE` counts as much as its `NAME`."""
    (stand / "pace").write_text("7\n")
    (stand / ".env").write_text("PIXELMINT_PACE_FILE=pace\n")
    assert read().pace == 7
    assert read(PACE="3").pace == 3
    (stand / "pace").unlink()
    assert read(PACE="3").pace == 3
    assert "PIXELMINT_PACE_FILE in .env: the file cannot be read" in refusal()


def test_the_key_leaves_the_environment_even_where_settings_are_refused() -> None:
    """No browser or other child inherits it."""
    for extra in ({}, {"PIXELMINT_PACE": "-1"}, {"PIXELMINT_KEY_FILE": "x"}):
        environ = {"PIXELMINT_KEY": KEY, **extra}
        if extra:
            with pytest.raises(UsageError):
                load({}, Settings, environ=environ)
        else:
            load({}, Settings, environ=environ)
        assert "PIXELMINT_KEY" not in environ


def test_a_child_of_the_real_environment_does_not_inherit_the_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Seen from a child process."""
    monkeypatch.setenv("PIXELMINT_KEY", KEY)
    for name in [each for each in os.environ if each.startswith("PIXELMINT_")]:
        if name != "PIXELMINT_KEY":
            monkeypatch.delenv(name)
    assert load({}, Settings).key == Secret(KEY)
    asked = [sys.executable, "-c", "import os; print(os.environ.get('PIXELMINT_KEY'))"]
    assert subprocess.check_output(asked, text=True).strip() == "None"


def test_neither_key_nor_database_password_is_in_any_rendering() -> None:
    """Representation, text and format."""
    settings = read(KEY=KEY, DATABASE_URL="postgresql://u:hidden-password@h/d")
    for shown in (repr(settings), str(settings), f"{settings}", repr(settings.model_dump()["key"])):
        assert KEY not in shown
        assert "hidden-password" not in shown
    assert settings.key is not None
    assert settings.key.reveal() == KEY


@settings(deadline=None)  # a busy machine is no fault
@given(value=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=6))
def test_a_refused_value_is_never_quoted(value: str) -> None:
    """Whatever is put in the wrong place, a key for one, stays out of the message."""
    marked = f"hidden-{value}"
    for name in ("PACE", "PATIENCE", "HEADLESS", "CONSOLE_URL"):
        message = refusal(**{name: marked})
        assert "hidden" not in message


@pytest.mark.parametrize(
    "make",
    [lambda path: path.mkdir(), lambda path: path.write_bytes(b"PIXELMINT_PACE=\xff")],
)
def test_a_dotenv_that_cannot_be_read_is_reported(stand: Path, make: Callable[[Path], Any]) -> None:
    """A folder holds no settings and hides none; broken text may hide some."""
    make(stand / ".env")
    if (stand / ".env").is_dir():
        assert read().pace == 5
    else:
        assert ".env cannot be read (UnicodeDecodeError)" in refusal()


def test_settings_do_not_change_once_built() -> None:
    """Built once, passed down."""
    settings = read()
    with pytest.raises(ValidationError):
        settings.pace = 1


def test_an_unknown_flag_is_refused() -> None:
    """A slip in the command line's own code shows at once."""
    assert "--no-such-thing " in refusal({"no_such_thing": 1})


def test_every_setting_says_what_it_means() -> None:
    """The docstring beneath each field."""
    for name, field in ConsoleSettings.model_fields.items():
        assert field.description, name

"""`pixelmint schedule`: by a moved clock with a stand-in for its run; whole, in two processes."""

import signal
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from automation.cron import parse
from automation.errors import AutomationError, StoreFailed, UsageError
from automation.nights import Night, Nights
from automation.secret import Secret
from automation.settings import load
from flows import schedule as scheduling
from flows.filing import file_token
from flows.schedule import Plan, schedule
from flows.settings import ConsoleSettings
from flows.workshop import Workshop
from tests.conftest import until
from tests.flows_helpers import LIMIT_S, Child, MakeUser, stop
from tests.keeper import Jumping

pytest_plugins = ("tests.flows_fixtures",)
pytestmark = pytest.mark.timeout(LIMIT_S + 20)

BERLIN = "Europe/Berlin"
NIGHTLY = parse("30 2 * * *", BERLIN)
AUTUMN = datetime(2026, 10, 23, 12, tzinfo=UTC)
"""Before the night of 24 to 25 October, in which clocks go back."""


@pytest.fixture
def workshop(home: Path) -> Iterator[Workshop]:
    """A workshop of an empty home."""
    settings = load({"home": home}, ConsoleSettings, environ={})
    made = Workshop(settings, "default", lambda _line: None)
    yield made
    made.database.close()


class Nightly:
    """What a schedule said and did."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.failures: list[AutomationError] = []
        self.runs = 0

    def keep(self, workshop: Workshop, run: Callable[[], int], days: int = 3) -> None:
        """Keep it for some simulated days."""

        def counted() -> int:
            self.runs += 1
            return run()

        class Ending(Jumping):
            def wait(self, until: datetime, stop: threading.Event) -> None:
                super().wait(until, stop)
                if until >= self._end:
                    stop.set()

        clock = Ending(AUTUMN, AUTUMN + timedelta(days=days), threading.Event())
        with pytest.raises(KeyboardInterrupt):
            schedule(
                workshop, Plan(NIGHTLY, "key", counted), self.told.append, self.failures.append,
                clock,
            )  # fmt: skip


def test_three_nights_across_the_change_of_the_clocks(workshop: Workshop) -> None:
    """One run a night; a night that fails costs none after it; each next time is told."""
    nightly = Nightly()
    ends: Iterator[int | Exception] = iter([UsageError("the key is gone"), OSError("x"), 4])

    def run() -> int:
        end = next(ends)
        if isinstance(end, Exception):
            raise end
        return end

    nightly.keep(workshop, run)
    assert nightly.runs == 3
    assert [each.code for each in nightly.failures] == ["usage", "page_changed"]
    assert nightly.told == [
        "the next run is on Sat 2026-10-24 02:30 CEST (Europe/Berlin)",
        "the run of Sat 2026-10-24 02:30 CEST begins",
        "the run of Sat 2026-10-24 02:30 CEST has ended with exit code 2",
        "the next run is on Sun 2026-10-25 02:30 CEST (Europe/Berlin)",
        "the run of Sun 2026-10-25 02:30 CEST begins",
        "the run of Sun 2026-10-25 02:30 CEST has ended with exit code 1",
        "the next run is on Mon 2026-10-26 02:30 CET (Europe/Berlin)",
        "the run of Mon 2026-10-26 02:30 CET begins",
        "the run of Mon 2026-10-26 02:30 CET has ended with exit code 4",
        "the next run is on Tue 2026-10-27 02:30 CET (Europe/Berlin)",
    ]


def test_an_old_session_is_told_of_before_the_wait(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As old as it will be then, not as it is."""
    workshop.sessions.save("default", {"cookies": []}, signed_in=True)
    nightly = Nightly()
    facts = workshop.sessions.facts("default")
    aged = AUTUMN - timedelta(days=1)
    monkeypatch.setattr(
        workshop.sessions, "facts", lambda _: type(facts)(signed_in_at=aged.isoformat())
    )
    nightly.keep(workshop, lambda: 0)
    warned = [at for at, line in enumerate(nightly.told) if line.startswith("warning")]
    due = [nightly.told[at - 1] for at in warned]
    assert due == [
        "the next run is on Mon 2026-10-26 02:30 CET (Europe/Berlin)",
        "the next run is on Tue 2026-10-27 02:30 CET (Europe/Berlin)",
    ]
    assert "will then be 3.6 days old" in nightly.told[warned[0]]


def test_ctrl_c_in_a_run_ends_it_and_the_next_start_goes_on(workshop: Workshop) -> None:
    """The run itself has held it back until its token was safe."""
    nightly = Nightly()

    def stopped() -> int:
        raise KeyboardInterrupt

    nightly.keep(workshop, stopped)
    nightly.keep(workshop, lambda: 0, days=1)
    assert nightly.runs == 2


def test_what_would_fail_every_night_fails_at_once(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that does not answer, an escrow that cannot be written."""

    def prepare(_workshop: Workshop) -> None:
        raise StoreFailed("the store does not answer")

    monkeypatch.setattr(scheduling, "prepare", prepare)
    with pytest.raises(StoreFailed):
        schedule(workshop, Plan(NIGHTLY, "key", lambda: 0), print, print)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "--cron"),
        (["--cron", "61 2 * * *"], "the minute '61' is not in 0 to 59"),
        (["--cron", "@daily", "--timezone", "Mars/Olympus"], "no zone"),
        (["--cron", "@daily", "--older-than", "soon"], "'soon'"),
        (["--cron", "@daily", "--older-then", "60d"], "such option"),
        (["--cron", "@daily", "nightly"], "unexpected extra argument"),
        (["--cron", "@daily", "--notify", "nowhere"], "--notify"),
        (["--cron", "@daily", "--print", "launchd"], "launchd"),
    ],
)
def test_bad_options_are_refused_at_once(
    make_user: MakeUser, arguments: list[str], says: str
) -> None:
    """Those of `rotate` too, which would fail only in the night."""
    said = make_user(signed_in=False).run("schedule", *arguments, "--json")
    assert (said.code, said.codes) == (2, ["usage"])
    assert says in said.row["error"]["message"]


def test_units_carry_the_options_of_rotate_and_no_secret(
    make_user: MakeUser, tmp_path: Path
) -> None:
    """On stdout, or in files; the defaults are left out."""
    user = make_user(signed_in=False)
    options = ("--cron", "@daily", "--timezone", BERLIN, "--older-than", "30d", "--jobs", "4",
               "--window", "00:00-05:00 Europe/Berlin", "--spread", "0m", "--profile", "ann",
               "--notify", "json://pa55word@127.0.0.1/")  # fmt: skip
    said = user.run("schedule", *options, "--print", "cron")
    assert said.code == 0
    assert said.out.splitlines()[-2].endswith(
        "--profile ann rotate --older-than 30d --window '00:00-05:00 Europe/Berlin' --jobs 4"
    )
    assert "pa55word" not in said.out + said.err and "PIXELMINT_NOTIFY" in said.err
    (row,) = user.run("schedule", *options, "--print", "cron", "--json").rows
    assert (row["unit"], row["text"].strip()) == (
        "pixelmint-rotate.crontab", said.out.partition("\n")[2].strip()
    )  # fmt: skip
    for kind, names in (
        ("systemd", ["pixelmint-rotate.service", "pixelmint-rotate.timer"]),
        ("kubernetes", ["pixelmint-rotate.yaml"]),
    ):
        folder = tmp_path / kind
        said = user.run("schedule", *options, "--print", kind, "--to", str(folder))
        assert said.out.splitlines() == [str(folder / name) for name in names]
        texts = [(folder / name).read_text() for name in names]
        assert "30d" in texts[0] and not any("pa55word" in text for text in texts)


def _says(child: Child, words: str) -> bool:
    return words in child._err.read_text() or child.process.poll() is not None


def test_a_missed_night_is_made_up_for_by_one_of_two_processes(make_user: MakeUser) -> None:
    """Whole: one token is renewed once. SIGTERM ends what waits, and says so."""
    user = make_user(pixels=1)
    account = user.console.accounts[0]
    here = user.workshop()
    intent = here.escrow.intend(
        account.pixels[0].code, account.aadvid, "default", stores=("local:",)
    )
    here.escrow.ask(intent)
    token = Secret("fixture-token-of-long-ago")
    here.escrow.keep(intent, token)
    file_token(here, intent, token)
    options = ("--cron", "30 2 * * *", "--timezone", BERLIN, "--older-than", "0d")
    nights = Nights(here.home, here.database, f"30 2 * * * | {BERLIN} | default | --older-than 0d")
    nights.write(Night(datetime.now(UTC) - timedelta(days=3), "done"))
    here.database.close()

    children = [user.start("schedule", *options, "--json") for _ in range(2)]
    for each in children:
        until(lambda each=each: _says(each, "the next run is on"), LIMIT_S)
    for each in children:
        stop(each, signal.SIGTERM)
    said = [each.wait() for each in children]
    assert [each.code for each in said] == [130, 130], said
    rows = [row for each in said for row in each.rows]
    assert [each["outcome"] for each in rows] == ["rotated"], said
    assert [each["fingerprint"] for each in rows] == user.issued(account.pixels[0].code)
    lines = "".join(each.err for each in said)
    assert lines.count("was missed, or cut short; it is made up for now") == 1
    assert lines.count("stopped") == 2

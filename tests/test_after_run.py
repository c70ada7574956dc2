"""What follows a run: metrics, one message, and a word about old sign-ins. No result is lost."""

import json
import logging
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families as families

from automation import metrics, notify
from automation.errors import (
    DeliveryFailed,
    EscrowFailed,
    HumanCheck,
    PageChanged,
    SignInNeeded,
    UsageError,
)
from automation.metrics import Gauge
from automation.report import Result
from automation.secret import Secret
from automation.session import Facts
from automation.session_life import outlook
from automation.settings import load
from flows.after_run import Run, told
from flows.metrics import write_metrics
from flows.settings import ConsoleSettings
from flows.sign_ins import warnings
from flows.workshop import Workshop
from tests.conftest import Answer, Site

PIXEL, OTHER, THIRD = (f"D69ESQRC77U0KGAU8B{each}0" for each in "789")
ACCOUNT = "7654321098765432109"
FINGERPRINT = "9f86d081884c"
SECRET = "pa55word-of-notify"


def workshop(home: Path, **flags: object) -> Workshop:
    """Return a workshop of this home."""
    settings = load({"home": home, **flags}, ConsoleSettings, environ={})
    return Workshop(settings, "default", lambda _line: None)


def result(pixel: str, error: Exception | None = None, *, made: bool = False) -> Result:
    """Return a result: rotated, or failed with an error."""
    return Result(
        pixel, ACCOUNT, "failed" if error else "rotated", FINGERPRINT if made else None, error=error
    )  # type: ignore[arg-type]  # every error here is one of ours


NOT_LIVE = result(PIXEL, DeliveryFailed("Unhealthy", next_step="look there"), made=True)
FAILED = result(OTHER, PageChanged("the button is not there"))
PERSON = result(THIRD, HumanCheck("a puzzle"))


def values(path: Path) -> dict[str, dict[tuple[str, ...], float]]:
    """Read a file as Prometheus does."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in families(path.read_text()):
        for each in family.samples:
            found.setdefault(each.name, {})[tuple(each.labels.values())] = each.value
    return found


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # apprise's own
class TestOneMessage:
    """Sent by apprise to a server on loopback."""

    @pytest.fixture
    def place(self, site: Site) -> str:
        """An address that holds a secret."""
        site.routes["/hook"] = Answer(b"ok")
        return site.url.replace("http://", f"json://user:{SECRET}@") + "/hook"

    @staticmethod
    def sent(site: Site) -> list[dict[str, str]]:
        """Return what came."""
        return [json.loads(each.body) for each in site.seen]

    def test_renewed_but_not_live_stands_apart_and_first(
        self, home: Path, site: Site, place: str
    ) -> None:
        """One message for the whole run, whatever became of its pixels."""
        run = [result("D69ESQRC77U0KGAU8B60", made=True), FAILED, PERSON, NOT_LIVE]
        here, lines = workshop(home, notify=[place]), []
        assert list(told(here, "rotate", run, lines.append)) == run
        (message,) = self.sent(site)
        assert message["title"] == (
            "pixelmint rotate: 1 renewed but not live, 1 waiting for a person, 1 failed, 1 done"
        )
        assert message["type"] == "failure"
        parts = message["message"].split("\n\n")
        assert [part.split(":")[0] for part in parts] == [
            "renewed but not live", "waiting for a person", "failed", "done"
        ]  # fmt: skip
        assert PIXEL in parts[0] and "Unhealthy -- look there" in parts[0]
        assert lines == []

    @pytest.mark.parametrize(
        ("run", "kind", "title"),
        [
            ([result(PIXEL)], "success", "1 done"),
            ([], "success", "nothing was due"),
            ([Result(PIXEL, ACCOUNT, "kept")], "success", "1 kept"),
            ([NOT_LIVE], "warning", "1 renewed but not live"),
            ([PERSON, result(PIXEL)], "warning", "1 waiting for a person, 1 done"),
            ([FAILED], "failure", "1 failed"),
            ([result(PIXEL, DeliveryFailed("x"))], "failure", "1 failed"),
        ],
    )
    def test_its_kind_and_title_say_how_it_went(
        self, run: list[Result], kind: str, title: str
    ) -> None:
        """A delivery that failed without a new token is a failure like others."""
        counted = Run("rotate")
        for each in run:
            counted.seen(each)
        assert counted.message()[0] == f"pixelmint rotate: {title}"
        assert counted.message()[2] == kind

    def test_a_long_list_is_cut(self) -> None:
        """The title has the whole count."""
        counted = Run("rotate")
        for _ in range(300):
            counted.seen(FAILED)
        title, text, _ = counted.message()
        assert "300 failed" in title and "and 280 more" in text and len(text) < 4000

    def test_a_run_that_ends_early_is_told_of_too(self, home: Path, site: Site, place: str) -> None:
        """By an error, or because it was stopped; the error goes on its way."""

        def run(error: BaseException) -> Iterator[Result]:
            yield result(PIXEL, made=True)
            raise error

        here = workshop(home, notify=[place])
        for error in (EscrowFailed("the disk is full"), KeyboardInterrupt(), RuntimeError(SECRET)):
            with pytest.raises(type(error)):
                list(told(here, "rotate", run(error), lambda _line: None))
        texts = [each["message"].splitlines()[0] for each in self.sent(site)]
        assert "the disk is full" in texts[0] and "stopped" in texts[1]
        assert "RuntimeError" in texts[2] and SECRET not in texts[2]

    def test_what_does_not_arrive_is_a_warning_without_the_address(
        self, home: Path, site: Site, place: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        """And every result is there."""
        caplog.set_level(logging.DEBUG)
        site.routes["/hook"] = Answer(b"no", 500)
        here, lines = workshop(home, notify=[place, f"slack://{SECRET}"]), []
        with pytest.raises(UsageError, match="number 2") as refused:
            list(told(here, "rotate", [result(PIXEL)], lines.append))
        here = workshop(home, notify=[place])
        assert len(list(told(here, "rotate", [result(PIXEL)], lines.append))) == 1
        assert lines == ["warning: notification 1 (json://...) was not delivered"]
        assert SECRET not in f"{refused.value.message}{refused.value.next_step}{caplog.text}"

    def test_without_the_extra_it_says_what_to_install(
        self, home: Path, place: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Before anything is touched."""
        monkeypatch.setitem(sys.modules, "apprise", None)
        touched: list[int] = []
        run = (touched.append(each) for each in range(1))
        with pytest.raises(UsageError) as refused:
            list(told(workshop(home, notify=[place]), "rotate", run, print))
        assert "pixelmint[notify]" in refused.value.next_step and touched == []
        assert notify.send((Secret(place),), "t", "b", "success") == [
            "notification 1 (json://...) was not delivered: UsageError"
        ]


class TestMetrics:
    """A file as Prometheus' own parser reads it."""

    def test_each_pixel_has_its_age_and_each_run_its_counts(self, home: Path) -> None:
        """With account and code; what waits in escrow and for a person is counted."""
        here = workshop(home, metrics=home / "pixelmint.prom")
        shown = datetime.now(UTC) - timedelta(days=61)
        here.records.note(PIXEL, account=ACCOUNT, outcome="rotated", generated_at=shown,
                          fingerprint=FINGERPRINT, verified=True)  # fmt: skip
        here.records.note(OTHER, account=ACCOUNT, outcome="failed",
                          error=SignInNeeded("ended").as_json())  # fmt: skip
        intent = here.escrow.intend(THIRD, ACCOUNT, "default")
        here.escrow.ask(intent)
        here.sessions.save("default", {"cookies": []}, signed_in=True)
        run = [result(PIXEL), NOT_LIVE, PERSON, FAILED, Result(OTHER, ACCOUNT, "kept")]
        list(told(here, "rotate", run, print))
        found = values(home / "pixelmint.prom")
        place = (ACCOUNT, PIXEL)  # labels are written in the order of their names
        assert found["pixelmint_token_age_seconds"][place] == pytest.approx(61 * 86400, abs=60)
        stamp = "pixelmint_token_generated_timestamp_seconds"
        assert found[stamp][place] == pytest.approx(shown.timestamp(), abs=1)
        assert found["pixelmint_token_verified"] == {place: 1}
        assert found["pixelmint_pixel_failed"] == {
            (ACCOUNT, "sign_in_needed", OTHER): 1,
            (ACCOUNT, "token_unread", THIRD): 1,
        }
        assert found["pixelmint_pixels"] == {(): 3}
        assert found["pixelmint_pixels_waiting_for_person"] == {(): 1}
        assert found["pixelmint_escrow_open"] == {(): 1}
        counts = {name: found[f"pixelmint_run_{name}"][("rotate",)]
                  for name in ("due", "failed", "waiting_for_person", "not_live")}  # fmt: skip
        assert counts == {"due": 4, "failed": 3, "waiting_for_person": 1, "not_live": 1}
        assert found["pixelmint_session_ended"] == {("default",): 0}
        assert found["pixelmint_session_age_seconds"][("default",)] < 60
        assert "pixelmint_last_success_timestamp_seconds" not in found

    def test_the_last_success_outlives_failures_and_other_commands(self, home: Path) -> None:
        """It is read from the file that is there."""
        path = home / "pixelmint.prom"
        here = workshop(home, metrics=path)
        last = "pixelmint_last_success_timestamp_seconds"
        list(told(here, "rotate", [result(PIXEL)], print))
        first = values(path)[last]
        assert list(first) == [("rotate",)]
        list(told(here, "rotate", [FAILED], print))
        list(told(here, "provision", [result(PIXEL)], print))
        write_metrics(here, path)
        found = values(path)
        assert found[last][("rotate",)] == first[("rotate",)]
        assert set(found[last]) == {("rotate",), ("provision",)}
        assert found["pixelmint_run_failed"] == {("rotate",): 1, ("provision",): 0}

    def test_the_collector_may_read_it_and_never_sees_half(self, home: Path) -> None:
        """Whoever it runs as; a file that cannot be replaced stays as it was."""
        path = home / "x.prom"
        metrics.write(path, [Gauge("a", "A.", (), {(): 1})])
        assert path.stat().st_mode & 0o777 == 0o644
        odd = ('quo"te', "back\\slash", "line\nbreak")
        metrics.write(path, [Gauge("b", 'Says "x".', ("l",), {(each,): 2 for each in odd})])
        assert set(values(path)["b"]) == {(each,) for each in odd}
        assert [each.name for each in home.iterdir()] == ["x.prom"]

    @pytest.mark.parametrize("content", ["", "not metrics {", "a{", "\x00"])
    def test_a_damaged_file_is_replaced(self, home: Path, content: str) -> None:
        """Only the last success is lost with it."""
        path = home / "x.prom"
        path.write_text(content)
        list(told(workshop(home, metrics=path), "rotate", [result(PIXEL)], print))
        assert values(path)["pixelmint_run_due"] == {("rotate",): 1}

    def test_what_cannot_be_written_is_a_warning(self, home: Path) -> None:
        """After the results; a folder that is not there is refused before them."""
        path = home / "x.prom"
        path.mkdir()
        lines: list[str] = []
        here = workshop(home, metrics=path)
        assert len(list(told(here, "rotate", [result(PIXEL)], lines.append))) == 1
        assert len(lines) == 1 and "metrics were not written" in lines[0]
        with pytest.raises(UsageError, match="no folder"):
            list(told(workshop(home, metrics=home / "no" / "x"), "rotate", [], print))


AT = datetime(2026, 6, 10, 0, 30, tzinfo=UTC)


def facts(days: float, *lifetimes_d: float, ended: bool = False) -> Facts:
    """Return the dates of a sign-in so many days before `AT`."""
    signed_in = (AT - timedelta(days=days)).isoformat()
    lasted = tuple(24 * each for each in lifetimes_d)
    return Facts(signed_in_at=signed_in, ended_at=AT.isoformat() if ended else None,
                 lifetimes_h=lasted)  # fmt: skip


class TestSessionLife:
    """An old sign-in is warned of ahead of its night, in words that promise little."""

    @pytest.mark.parametrize(
        ("known", "is_old", "says"),
        [
            (facts(2.9), False, "will then be 2.9 days old; none was seen to end here yet"),
            (facts(3.1), True, "about 3 days were reported (thin)"),
            (facts(3.1, 8), False, "the one before was noticed to have ended after 8.0 days"),
            (facts(8.5, 8), True, "8.5 days old"),
            (facts(4, 1, 1, 9, 9, 9, 9, 5), False, "the last 5 were noticed to have ended after "
             "5.0 days to 9.0 days"),
            (facts(0.5, 0.4, 0.4), True, "will then be 12 hours old; the last 2 were noticed"),
            (facts(0.1, 30, ended=True), True, "was found to have ended at 2026-06-10 00:30 UTC"),
        ],
    )  # fmt: skip
    def test_its_age_is_held_against_the_shortest_seen(
        self, known: Facts, is_old: bool, says: str
    ) -> None:
        """Of the latest five; with three days where nothing was seen."""
        found = outlook("default", known, AT)
        assert found is not None
        assert (found.is_old, says in found.says) == (is_old, True), found.says
        assert found.next_step == ("pixelmint sign-in" if is_old else "")

    def test_nothing_is_said_where_nobody_signed_in(self, home: Path) -> None:
        """Nor of profiles no pixel here is reached with."""
        assert outlook("default", Facts(), AT) is None
        here = workshop(home)
        here.sessions.save("somebody", {"cookies": []}, signed_in=True)
        soon, late = datetime.now(UTC), datetime.now(UTC) + timedelta(days=4)
        assert list(warnings(here, late)) == []
        here.records.note(PIXEL, account=ACCOUNT, profile="somebody")
        (line,) = warnings(here, late)
        assert "profile somebody" in line and "pixelmint sign-in --profile somebody" in line
        assert list(warnings(here, soon)) == []

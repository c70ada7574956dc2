"""The rows of one account in turn: whom a failure stops, whom it slows, and who does not mind."""

import threading
from pathlib import Path
from typing import Any, cast

import pytest

from automation.errors import AutomationError, EscrowFailed, HumanCheck, SiteBusy
from automation.jobs import Jobs
from automation.report import Result
from automation.settings import load
from flows import batches
from flows.settings import ConsoleSettings
from flows.workshop import Workshop

ONE, TWO = "7094548966450686471", "7187244670084704729"


class Pause(threading.Event):
    """Waits no time, and notes how long it was to be."""

    def __init__(self) -> None:
        """Start with nothing."""
        super().__init__()
        self.waited: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        """Note."""
        self.waited.append(timeout)
        return False


class Account:
    """One account's lane, whose rows end as they are told to."""

    def __init__(
        self, home: Path, name: str, monkeypatch: pytest.MonkeyPatch, *, pace: str = "5"
    ) -> None:
        """Set one up."""
        self.name, self.said, self.tried = name, list[str](), list[str]()
        settings = load({"home": str(home), "pace": pace}, ConsoleSettings, environ={})
        workshop = Workshop(settings, "default", self.said.append)
        self.jobs = Jobs(home)
        self.jobs.stopping = self.pause = Pause()
        monkeypatch.setitem(batches._KINDS, f"of {name}", self._do)
        options = {"kind": f"of {name}", "account": name, "profile": "default"}
        self._rows = batches._InTurn(workshop, self.jobs, cast(Any, None), options)
        self._next: AutomationError | None = None

    def row(self, pixel: str, ends: AutomationError | None = None) -> str | None:
        """Do a row; return the code of its error."""
        self._next = ends
        told = self._rows.do({"pixel": pixel, "account": self.name})
        code: str | None = (told["error"] or {}).get("code")
        return code

    def _do(self, _at: Workshop, row: dict[str, Any], *_: object) -> Result:
        self.tried.append(row["pixel"])
        if isinstance(self._next, EscrowFailed):
            raise self._next
        outcome: Any = "failed" if self._next else "generated"
        return Result(row["pixel"], self.name, outcome, error=self._next)


def test_a_console_that_is_busy_slows_its_account_and_no_other(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice as long each time, up to five minutes; no longer once it answers."""
    one, two = Account(home, ONE, monkeypatch), Account(home, TWO, monkeypatch)
    for number in range(9):
        one.row(f"P{number}", SiteBusy("429"))
    assert one.pause.waited == [10, 20, 40, 80, 160, 300, 300, 300]
    two.row("Q1")
    two.row("Q2")
    assert two.pause.waited == []
    one.row("P9")
    one.row("P10")
    assert one.pause.waited[8:] == [300]


def test_what_waits_for_a_person_pauses_its_account_alone_and_is_said_once(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows after it are told of with the same reason and are not tried."""
    one, two = Account(home, ONE, monkeypatch), Account(home, TWO, monkeypatch)
    assert one.row("P1", HumanCheck("a puzzle")) == "human_check"
    assert [one.row("P2"), one.row("P3")] == ["human_check"] * 2
    assert one.tried == ["P1"] and not one.jobs.stopping.is_set()
    assert len(one.said) == 1 and ONE in one.said[0]
    assert two.row("Q1") is None


def test_a_disk_that_takes_no_token_stops_the_whole_run(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every lane ends after the row in its hand."""
    one = Account(home, ONE, monkeypatch)
    assert one.row("P1", EscrowFailed("full")) == "escrow_failed"
    assert one.jobs.stopping.is_set()

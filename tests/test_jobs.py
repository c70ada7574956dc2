"""Durable jobs on SQLite: rows in turn, one batch of a key at a time, nothing done twice."""

import base64
import contextlib
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from automation.browser import Lane
from automation.errors import AlreadyRunning
from automation.jobs import Batch, DoRow, Jobs
from tests.conftest import until
from tests.decoding import address, cells, decoded, faults
from tests.flows_helpers import ROOT

Json = dict[str, Any]
SECRET = "fixture-token-jobs-0001"


class Work:
    """Notes what is done, in which thread, and what runs side by side."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.overlaps: list[str] = []
        self._open: set[str] = set()
        self._guard = threading.Lock()

    @contextlib.contextmanager
    def open(self, options: Json) -> Iterator[DoRow]:
        """Open a batch."""
        with self._guard:
            self.overlaps += [options["key"]] if options["key"] in self._open else []
            self._open.add(options["key"])

        def do(row: Json) -> Json:
            self.done.append(row["pixel"])
            return {"pixel": row["pixel"], "thread": threading.get_ident()}

        yield do
        with self._guard:
            self._open.discard(options["key"])


def batch(key: str, *pixels: str) -> Batch:
    """Make a batch of rows."""
    return Batch(key, [{"pixel": each} for each in pixels], {"key": key})


def test_rows_are_done_in_turn_and_told_with_their_place(home: Path, lane: Lane) -> None:
    """Each batch in one thread, in its own order; no two of one key at a time.

    Beside a lane of this thread's own, whose loop the engine would refuse to start in.
    """
    jobs, work = Jobs(home), Work()
    batches = [batch("a", "a1", "a2", "a3"), batch("b", "b1"), batch("a", "a4", "a5")]
    with jobs.working(work.open, lanes=3):
        ids = jobs.add(batches)
        told = list(jobs.follow(ids))
    by_batch = {each: [(at, row["pixel"]) for of, at, row in told if of == each] for each in ids}
    assert list(by_batch.values()) == [
        [(0, "a1"), (1, "a2"), (2, "a3")], [(0, "b1")], [(0, "a4"), (1, "a5")],
    ]  # fmt: skip
    threads = {each: {row["thread"] for of, _, row in told if of == each} for each in ids}
    assert [len(each) for each in threads.values()] == [1, 1, 1]
    assert sorted(work.done) == ["a1", "a2", "a3", "a4", "a5", "b1"]
    assert work.overlaps == []


def test_a_stop_ends_after_the_row_in_hand(home: Path) -> None:
    """The rest of the batch is left for the next run."""
    jobs, work = Jobs(home), Work()

    @contextlib.contextmanager
    def stopping(options: Json) -> Iterator[DoRow]:
        with work.open(options) as do:

            def do_and_stop(row: Json) -> Json:
                jobs.stopping.set()
                return do(row)

            yield do_and_stop

    with jobs.working(stopping, lanes=1):
        told = list(jobs.follow(jobs.add([batch("a", "a1", "a2")])))
    assert [row["pixel"] for _, _, row in told] == work.done == ["a1"]


def test_what_a_worker_that_stops_had_in_hand_is_done_by_the_next(home: Path) -> None:
    """From where it stood; whoever follows is told of every row."""
    first, second, work = Jobs(home), Jobs(home), Work()

    @contextlib.contextmanager
    def stopping(options: Json) -> Iterator[DoRow]:
        with work.open(options) as do:

            def do_and_stop(row: Json) -> Json:
                first.stopping.set()
                return do(row)

            yield do_and_stop

    with first.working(stopping, lanes=1, hands_over=True):
        ids = first.add([batch("a", "a1", "a2")])
        until(first.stopping.is_set)
    with second.working(work.open, lanes=1):
        told = list(second.follow(ids))
    assert [row["pixel"] for _, _, row in told] == work.done == ["a1", "a2"]


def test_a_second_process_may_only_hand_over(home: Path) -> None:
    """On SQLite one works; what another adds is done by it."""
    first, second, work = Jobs(home), Jobs(home), Work()
    with first.working(work.open, lanes=1):
        with pytest.raises(AlreadyRunning, match="process"), second.working(work.open, lanes=1):
            pass
        told = list(second.follow(second.add([batch("a", "a1")])))
    assert [row["pixel"] for _, _, row in told] == ["a1"]


def test_who_stops_does_not_wait_for_what_others_have_in_hand(home: Path) -> None:
    """Nor for what nobody has begun; it is done all the same."""
    worker, follower, work = Jobs(home), Jobs(home), Work()
    follower.stopping.set()
    ids = follower.add([batch("a", "a1", "a2")])
    assert list(follower.follow(ids)) == []
    with worker.working(work.open, lanes=1):
        list(worker.follow(ids))
    assert work.done == ["a1", "a2"]


CHILD = """
import contextlib, sys
from pathlib import Path
from automation.jobs import Batch, Jobs

home, log, dies_at = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]

@contextlib.contextmanager
def opened(options):
    def do(row):
        with log.open("a") as file:
            file.write(row["pixel"] + "\\n")
        if row["pixel"] == dies_at:
            import os, signal
            os.kill(os.getpid(), signal.SIGKILL)
        return {"pixel": row["pixel"]}
    yield do

jobs = Jobs(home)
with jobs.working(opened, lanes=2):
    ids = jobs.add([Batch("a", [{"pixel": f"a{n}"} for n in range(4)], {})]) if dies_at else []
    ids = ids or [Path(sys.argv[4]).read_text()]
    Path(sys.argv[4]).write_text(ids[0])
    for _ in jobs.follow(ids):
        pass
"""


def test_after_a_kill_the_batch_goes_on_with_the_row_that_was_in_hand(
    home: Path, tmp_path: Path
) -> None:
    """What was done before it is not done again; the row itself must bear a second time."""
    log, ids = tmp_path / "log", tmp_path / "ids"

    def run(dies_at: str) -> int:
        command = [sys.executable, "-c", CHILD, str(home), str(log), dies_at, str(ids)]
        return subprocess.run(command, cwd=ROOT, timeout=300, check=False).returncode

    assert run("a2") == -signal.SIGKILL
    until(ids.exists)
    assert run("") == 0
    assert log.read_text().split() == ["a0", "a1", "a2", "a2", "a3"]


def test_the_database_is_private_and_holds_plain_json(home: Path) -> None:
    """No pickle, so nothing but what was handed in; an error by its kind alone."""
    jobs = Jobs(home)

    @contextlib.contextmanager
    def failing(_options: Json) -> Iterator[DoRow]:
        def do(row: Json) -> Json:
            raise ValueError(SECRET)

        yield do

    with jobs.working(failing, lanes=1):
        assert list(jobs.follow(jobs.add([batch("a", "a1")]))) == []
    for file in home.glob("jobs.db*"):
        assert file.stat().st_mode & 0o077 == 0
        assert SECRET.encode() not in file.read_bytes()
    found = list(cells(address(home / "jobs.db")))
    assert json.dumps({"args": [[{"pixel": "a1"}], {"key": "a"}], "kwargs": {}}).encode() in found
    assert faults(found, [SECRET]) == []
    assert os.environ.get("DBOS__APPID") is None


@pytest.mark.parametrize(
    "cell",
    [
        SECRET.encode(),
        base64.b64encode(f"a {SECRET} b".encode()),
        json.dumps({"a": [base64.b64encode(SECRET.encode()).decode()]}).encode(),
        SECRET.encode().hex().encode(),
        base64.b64encode(pickle.dumps({"a": 1})),
    ],
)
def test_the_decoding_finds_what_it_is_for(cell: bytes) -> None:
    """Or the tests that decode a database could not fail."""
    assert faults(decoded(cell), [SECRET])

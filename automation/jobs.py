"""Durable jobs: this module and `automation.jobs_engine` alone know the engine (DBOS).

A job is a batch of rows that one lane takes in turn, an account's as a rule. What came of a row is
written down before the next is begun, so that a batch goes on after a crash where it stood. Batches
of one key never run side by side. Inputs and results are plain JSON, never a secret.
"""

import contextlib
import logging
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automation.files import held, private_folder, touch_private
from automation.jobs_engine import (
    NAME,
    QUEUE,
    VERSION,
    DoRow,
    Json,
    OpenBatch,
    Worker,
    make_tables,
    plain_errors,
    plain_json,
)
from automation.leases import LEASE_S, Leases

if TYPE_CHECKING:
    from dbos import DBOSClient, WorkflowStatus

__all__ = ["Batch", "DoRow", "Jobs", "Json", "OpenBatch"]

_LOOK_S = 0.3
_DONE = ("SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")


@dataclass(frozen=True)
class Batch:
    """Rows that are done in turn."""

    key: str
    """No two batches of one key run at a time."""
    rows: Sequence[Json]
    options: Json
    """What all rows share."""


class Jobs:
    """The queue of one home folder, or of one database that many machines share."""

    def __init__(
        self, home: Path, database_url: str | None = None, *, lease_s: float = LEASE_S
    ) -> None:
        """Remember where the jobs lie; nothing is opened before it is used.

        Args:
            home: PIXELMINT_HOME.
            database_url: `postgresql://...`; None for SQLite in the home.
            lease_s: after how many silent seconds a worker of a shared queue is taken for gone.
        """
        self._home, self._url, self._lease_s = home, database_url, lease_s
        self._worker: Worker | None = None
        self.stopping = threading.Event()
        """Set it, and every lane ends after the row in its hand."""

    @property
    def shared(self) -> bool:
        """Whether other machines may work on the same queue."""
        return self._url is not None

    @contextlib.contextmanager
    def working(
        self, open_batch: OpenBatch, lanes: int, *, hands_over: bool = False
    ) -> Iterator[None]:
        """Take batches from the queue, in `lanes` threads, until the block ends.

        Args:
            open_batch: opens what the rows of a batch share.
            lanes: how many batches are in hand at a time.
            hands_over: a batch that is stopped goes back into the queue, with what is left of it.

        Raises:
            AlreadyRunning: on SQLite another process does; see `following`.
        """
        with contextlib.ExitStack() as stack:
            leases = None
            if self.shared:
                leases = stack.enter_context(Leases(self._address, self._lease_s))
            else:
                lock = self._home / "locks" / "worker"
                stack.enter_context(held(lock, "the jobs of this home"))
            worker = Worker(self._address, open_batch, self.stopping, leases, hands_over=hands_over)
            stack.enter_context(worker.working(lanes))
            self._worker = worker
            yield

    def add(self, batches: Sequence[Batch]) -> list[str]:
        """Queue batches; return their ids, in order."""
        run = f"{time.strftime('%Y%m%dT%H%M%S')}-{uuid.uuid4().hex[:8]}"
        ids = []
        if self._worker is None:
            make_tables(self._address)
        with self._client() as client:
            for number, batch in enumerate(batches):
                ids.append(f"{run}-{number}-{batch.key}")
                options: Any = {
                    "workflow_name": "batch",
                    "queue_name": QUEUE,
                    "queue_partition_key": batch.key,
                    "workflow_id": ids[-1],
                    "app_version": VERSION,
                }
                client.enqueue(options, [dict(row) for row in batch.rows], dict(batch.options))
        return ids

    def follow(self, ids: Sequence[str]) -> Iterator[tuple[str, int, Json]]:
        """Yield what came of each row as it comes: batch, place in it, result; until all end.

        A batch that ended early, stopped or cancelled, yields less than it has rows. Once this
        process is `stopping`, what other processes have in hand is followed no longer.
        """
        told = dict.fromkeys(ids, 0)
        pause = threading.Event()
        with self._client() as client:
            while told:
                states = client.list_workflows(
                    workflow_ids=list(told), load_input=False, load_output=False
                )
                for state in states:
                    if state.status == "ENQUEUED":
                        continue
                    steps = client.list_workflow_steps(
                        state.workflow_id, offset=told[state.workflow_id]
                    )
                    for step in steps:
                        if step["output"] is not None:  # else the row broke its lane
                            yield state.workflow_id, told[state.workflow_id], step["output"]
                        told[state.workflow_id] += 1
                    if state.status in _DONE:
                        del told[state.workflow_id]
                if self.stopping.is_set() and not self._is_mine(states):
                    return  # what others do goes on without us
                pause.wait(_LOOK_S)

    def _is_mine(self, states: "Sequence[WorkflowStatus]") -> bool:
        """Tell whether anything is in the hand of this process, or only to be ended by it."""
        if self._worker is not None and not self.shared:
            return True
        me = self._worker.name if self._worker else None
        return any(each.status == "PENDING" and each.executor_id == me for each in states)

    @property
    def _address(self) -> str:
        if self._url is not None:
            return self._url
        path = private_folder(self._home) / "jobs.db"
        if not path.exists():
            # The engine would make it readable for everybody; SQLite's side files take its mode.
            touch_private(path)
            # It lasts, and readers bar no writer then. Where another has just begun, it is its.
            with contextlib.suppress(sqlite3.OperationalError):
                with contextlib.closing(sqlite3.connect(path)) as database:
                    database.execute("PRAGMA journal_mode=WAL")
        return f"sqlite:///{path}"

    @contextlib.contextmanager
    def _client(self) -> "Iterator[DBOSClient]":
        from dbos import DBOSClient

        logging.getLogger("dbos").setLevel(logging.CRITICAL)  # it quotes addresses and values
        with plain_errors():
            client = DBOSClient(
                system_database_url=self._address,
                serializer=plain_json(),
                application_name=NAME,
            )
            try:
                yield client
            finally:
                client.destroy()

"""Durable jobs: the one module that knows the engine (DBOS).

A job is a batch of rows that one lane takes in turn, an account's as a rule. What came of a row is
written down before the next is begun, so that a batch goes on after a crash where it stood. Batches
of one key never run side by side. Inputs and results are plain JSON, never a secret.

Of the engine's traps these are met here: an executor's name is unique and locked, the version is
pinned, on SQLite one process works at a time, whoever died is found by its lock.
"""

import contextlib
import json
import logging
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automation.errors import AlreadyRunning, EscrowFailed
from automation.files import held, private_folder, touch_private

if TYPE_CHECKING:
    from dbos import DBOS, DBOSClient

log = logging.getLogger(__name__)

Json = dict[str, Any]
DoRow = Callable[[Json], Json]
"""Does one row and returns what came of it. Raises nothing but what stops the whole batch."""
OpenBatch = Callable[[Json], contextlib.AbstractContextManager[DoRow]]
"""Opens what the rows of a batch share (a lane, a session); takes the batch's options."""

_NAME = "pixelmint"
_VERSION = "1"
"""The engine's own default is a hash of the code: a release would strand what is queued."""
_QUEUE = "accounts"
_POLL_S = 0.2
_LOOK_S = 0.3
_REAP_S = 5.0
_DONE = ("SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")


@dataclass(frozen=True)
class Batch:
    """Rows that are done in turn."""

    key: str
    """No two batches of one key run at a time."""
    rows: Sequence[Json]
    options: Json
    """What all rows share."""


class _PlainJson:
    """The engine's default is a pickle, which would hold anything; this refuses all but JSON."""

    def serialize(self, data: Any) -> str:
        if isinstance(data, BaseException):
            # By kind alone: an error's own words may hold anything.
            data = {"error": type(data).__name__}
        return json.dumps(data)

    def deserialize(self, serialized_data: str) -> Any:
        return json.loads(serialized_data)

    def name(self) -> str:
        return "pixelmint_json"


def _serializer() -> Any:
    from dbos import Serializer

    return type("PlainJson", (_PlainJson, Serializer), {})()


class Jobs:
    """The queue of one home folder, or of one database that many machines share."""

    def __init__(self, home: Path, database_url: str | None = None) -> None:
        """Remember where the jobs lie; nothing is opened before it is used.

        Args:
            home: PIXELMINT_HOME.
            database_url: `postgresql://...`; None for SQLite in the home.
        """
        self._home, self._url = home, database_url
        self.stopping = threading.Event()
        """Set it, and every lane ends after the row in its hand."""

    @property
    def shared(self) -> bool:
        """Whether other machines may work on the same queue."""
        return self._url is not None

    @contextlib.contextmanager
    def working(self, open_batch: OpenBatch, lanes: int) -> Iterator[None]:
        """Take batches from the queue, in `lanes` threads, until the block ends.

        Raises:
            AlreadyRunning: on SQLite another process does; see `following`.
        """
        with contextlib.ExitStack() as stack:
            lock = self._home / "locks" / "worker"
            me = f"{os.uname().nodename}-{uuid.uuid4().hex[:12]}"
            if not self.shared:
                stack.enter_context(held(lock, "the jobs of this home"))
            # The engine refuses to start in a thread where a browser's loop runs.
            with ThreadPoolExecutor(1) as apart:
                engine = apart.submit(self._launch, me, open_batch, lanes).result()
            stack.callback(self._end, engine)
            lease = stack.enter_context(_Lease(self._address, me)) if self.shared else None
            stack.enter_context(_reaping(engine, me, lease))
            yield

    def add(self, batches: Sequence[Batch]) -> list[str]:
        """Queue batches; return their ids, in order."""
        run = f"{time.strftime('%Y%m%dT%H%M%S')}-{uuid.uuid4().hex[:8]}"
        ids = []
        with self._client() as client:
            for number, batch in enumerate(batches):
                ids.append(f"{run}-{number}-{batch.key}")
                options: Any = {
                    "workflow_name": "batch",
                    "queue_name": _QUEUE,
                    "queue_partition_key": batch.key,
                    "workflow_id": ids[-1],
                    "app_version": _VERSION,
                }
                client.enqueue(options, [dict(row) for row in batch.rows], dict(batch.options))
        return ids

    def follow(self, ids: Sequence[str]) -> Iterator[tuple[str, int, Json]]:
        """Yield what came of each row as it comes: batch, place in it, result; until all end.

        A batch that ended early, stopped or cancelled, yields less than it has rows.
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
                pause.wait(_LOOK_S)

    @property
    def _address(self) -> str:
        if self._url is not None:
            return self._url
        path = private_folder(self._home) / "jobs.db"
        # The engine would make it readable for everybody; SQLite's side files take its mode.
        touch_private(path)
        return f"sqlite:///{path}"

    @contextlib.contextmanager
    def _client(self) -> "Iterator[DBOSClient]":
        from dbos import DBOSClient

        with _plain_errors():
            client = DBOSClient(
                system_database_url=self._address,
                serializer=_serializer(),
                application_name=_NAME,
            )
            try:
                yield client
            finally:
                client.destroy()

    def _launch(self, me: str, open_batch: OpenBatch, lanes: int) -> "type[DBOS]":
        from dbos import DBOS

        with _plain_errors():
            DBOS(
                config={
                    "name": _NAME,
                    "system_database_url": self._address,
                    "application_version": _VERSION,
                    "executor_id": me,
                    "serializer": _serializer(),
                    "log_level": "CRITICAL",
                    "console_log_level": "CRITICAL",
                    "enable_otlp": False,
                }
            )
            _define_batch(DBOS, open_batch, self.stopping)
            DBOS.launch()
            DBOS.register_queue(
                _QUEUE,
                worker_concurrency=lanes,
                partition_concurrency=1,
                polling_interval_sec=_POLL_S,
                on_conflict="always_update",
            )
        return DBOS

    def _end(self, engine: "type[DBOS]") -> None:
        self.stopping.set()  # a lane finishes the row in its hand, then its batch ends
        engine.destroy(workflow_completion_timeout_sec=600, destroy_registry=True)


def _define_batch(engine: "type[DBOS]", open_batch: OpenBatch, stopping: threading.Event) -> None:
    @engine.workflow(name="batch")
    def batch(rows: list[Json], options: Json) -> Json:
        done = 0
        with _Opened(open_batch, options) as do:
            for row in rows:
                if stopping.is_set():
                    return {"done": done, "stopped": True}
                engine.run_step({"name": "row"}, do, row)
                done += 1
        return {"done": done, "stopped": False}


class _Opened:
    """What a batch's rows share, opened for the first row that is not done yet.

    In a thread of its own: a browser's loop runs in it, beside which the engine refuses to work.
    """

    def __init__(self, open_batch: OpenBatch, options: Json) -> None:
        self._open_batch, self._options = open_batch, options
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="lane")
        self._stack = contextlib.ExitStack()
        self._do: DoRow | None = None

    def __enter__(self) -> DoRow:
        return lambda row: self._thread.submit(self._one, row).result()

    def __exit__(self, *_: object) -> None:
        self._thread.submit(self._stack.close).result()
        self._thread.shutdown()

    def _one(self, row: Json) -> Json:
        if self._do is None:
            self._do = self._stack.enter_context(self._open_batch(self._options))
        return self._do(row)


class _Lease:
    """A lock of the shared database that says this worker lives; it goes with the connection."""

    def __init__(self, address: str, me: str) -> None:
        from sqlalchemy import create_engine, pool

        self._me = me
        self._engine = create_engine(
            address.replace("postgresql://", "postgresql+psycopg://", 1), poolclass=pool.NullPool
        )
        self._connection: Any = None

    def __enter__(self) -> "_Lease":
        self._take()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(Exception):  # it is gone with the process at the latest
            self._connection.close()

    def is_dead(self, executor: str) -> bool:
        """Tell whether a worker's lock is free: its process or its machine is gone."""
        if self._ask("select pg_try_advisory_lock(hashtextextended(:name, 7))", executor):
            self._ask("select pg_advisory_unlock(hashtextextended(:name, 7))", executor)
            return True
        return False

    def renew(self) -> None:
        """Take the lock again where the connection was lost."""
        try:
            self._ask("select cast(:name as text) is not null", self._me)
        except Exception:  # whatever the driver calls a lost connection
            log.warning("the connection to the jobs' database was lost; connecting again")
            self._take()

    def _take(self) -> None:
        self._connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        self._ask("select pg_advisory_lock(hashtextextended(:name, 7)) is null", self._me)

    def _ask(self, statement: str, name: str) -> bool:
        from sqlalchemy import text

        return bool(self._connection.execute(text(statement), {"name": name}).scalar())


@contextlib.contextmanager
def _reaping(engine: "type[DBOS]", me: str, lease: _Lease | None) -> Iterator[None]:
    """Give the batches of workers that died to whoever is alive, from time to time."""
    over = threading.Event()

    def reap() -> None:
        while not over.is_set():
            try:
                if lease is not None:
                    lease.renew()
                _reap(engine, me, lease)
            except Exception as problem:  # the database may be away for a while
                log.debug("looking for dead workers failed: %s", type(problem).__name__)
            over.wait(_REAP_S)

    thread = threading.Thread(target=reap, name="reaper", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _reap(engine: "type[DBOS]", me: str, lease: _Lease | None) -> None:
    running = engine.list_workflows(status="PENDING", load_input=False, load_output=False)
    for executor in {str(each.executor_id) for each in running} - {me}:
        if lease is not None and not lease.is_dead(executor):
            continue  # without a lease this process alone works here: all others are dead
        left = [each.workflow_id for each in running if each.executor_id == executor]
        log.info("%d batches of a worker that ended are taken up again", len(left))
        engine.resume_workflows(left, queue_name=_QUEUE)


@contextlib.contextmanager
def _plain_errors() -> Iterator[None]:
    """Cut what the engine and its database say to the kind: their words repeat values."""
    try:
        yield
    except (AlreadyRunning, GeneratorExit):
        raise
    except Exception as problem:
        if not type(problem).__module__.startswith(("dbos", "sqlalchemy", "psycopg", "sqlite3")):
            raise
        log.debug("the jobs' database failed", exc_info=True)
        kind = type(problem).__name__
    else:
        return
    raise EscrowFailed(
        f"the jobs cannot be read or written ({kind})",
        next_step="look at PIXELMINT_DATABASE_URL and its server, or at the room on the disk; "
        "what was done is safe, and the same command goes on from there",
    )

"""What stands behind `automation.jobs`: the engine (DBOS) started, watched and ended.

Of the engine's traps these are met here: an executor's name is unique and locked, the version is
pinned, on SQLite one process works at a time, whoever died is found by its lock, and what a
worker took and never began is given back. A worker whose batch another has taken over ends it.
"""

import contextlib
import json
import logging
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Self

from automation.errors import AlreadyRunning, EscrowFailed
from automation.leases import Leases

if TYPE_CHECKING:
    from dbos import DBOS

log = logging.getLogger(__name__)

Json = dict[str, Any]
DoRow = Callable[[Json], Json]
"""Does one row and returns what came of it. Raises nothing but what stops the whole batch."""
OpenBatch = Callable[[Json], contextlib.AbstractContextManager[DoRow]]
"""Opens what the rows of a batch share (a lane, a session); takes the batch's options."""

NAME = "pixelmint"
VERSION = "1"
"""The engine's own default is a hash of the code: a release would strand what is queued."""
QUEUE = "accounts"
_POLL_S = 0.2
_REAP_S = 5.0


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


def plain_json() -> Any:
    """Return the serializer for all that the engine keeps."""
    from dbos import Serializer

    return type("PlainJson", (_PlainJson, Serializer), {})()


def make_tables(address: str) -> None:
    """Make the engine's tables, where nobody has begun to work there yet."""
    from dbos import DBOS

    with plain_errors():
        DBOS.migrate(address)


class Worker:
    """One executor of the engine: takes batches until it is ended."""

    def __init__(
        self,
        address: str,
        open_batch: OpenBatch,
        stopping: threading.Event,
        leases: Leases | None,
        *,
        hands_over: bool = False,
    ) -> None:
        """Remember what to do; see `start`.

        Args:
            address: the database, as the engine takes it.
            open_batch: opens what the rows of a batch share.
            stopping: set, and every batch ends after the row in its hand.
            leases: the shared locks; None where no other machine works here.
            hands_over: what is stopped goes back into the queue instead of ending.
        """
        self._hands_over = hands_over
        self.name = f"{os.uname().nodename}-{uuid.uuid4().hex[:12]}"
        self._address, self._open_batch = address, open_batch
        self._stopping, self._leases = stopping, leases
        self._engine: type[DBOS]
        self._at_work: set[str] = set()
        self._session = 0
        """In which the own lock is held; lost, a batch may be another's from then on."""

    @contextlib.contextmanager
    def working(self, lanes: int) -> Iterator[None]:
        """Take batches, in `lanes` threads, until the block ends."""
        with contextlib.ExitStack() as stack:
            self._take_lock()
            # The engine refuses to start in a thread where a browser's loop runs.
            with ThreadPoolExecutor(1) as apart:
                apart.submit(self._launch, lanes).result()
            stack.callback(self._end)
            stack.enter_context(self._reaping())
            yield

    def _launch(self, lanes: int) -> None:
        from dbos import DBOS

        with plain_errors():
            config: Any = {
                "name": NAME,
                "system_database_url": self._address,
                "application_version": VERSION,
                "executor_id": self.name,
                "serializer": plain_json(),
                "log_level": "CRITICAL",
                "console_log_level": "CRITICAL",
                "enable_otlp": False,
            }
            if self._leases is not None:
                # Frozen amid a transaction, it bars the others for no longer than its lease.
                config["sys_db_idle_transaction_timeout_sec"] = self._leases.lease_s
            DBOS(config=config)

            @DBOS.workflow(name="batch")
            def batch(rows: list[Json], options: Json) -> Json:
                return self._batch(rows, options)

            DBOS.launch()
            DBOS.register_queue(
                QUEUE,
                worker_concurrency=lanes,
                partition_concurrency=1,
                polling_interval_sec=_POLL_S,
                on_conflict="always_update",
            )
        self._engine = DBOS

    def _end(self) -> None:
        self._stopping.set()  # a lane finishes the row in its hand, then its batch ends
        self._engine.destroy(workflow_completion_timeout_sec=600, destroy_registry=True)

    def _batch(self, rows: list[Json], options: Json) -> Json:
        me, done, session = str(self._engine.workflow_id), 0, self._session
        self._at_work.add(me)
        try:
            with _Opened(self._open_batch, options) as lane:
                for row in rows:
                    if self._stopping.is_set():
                        if self._hands_over:
                            # Another's from now on: what is returned here is not recorded.
                            lane.apart(self._give_back, me)
                        return {"done": done, "stopped": True}
                    if not lane.apart(self._is_mine, me, session):
                        # What is returned is not recorded: the engine asks for the owner's word.
                        log.info("a batch was taken over by another worker")
                        return {"done": done, "stopped": True}
                    self._engine.run_step({"name": "row"}, lane.do, row)
                    done += 1
            return {"done": done, "stopped": False}
        finally:
            self._at_work.discard(me)

    def _is_mine(self, batch: str, session: int) -> bool:
        if self._leases is None or self._leases.alive(session):
            return True
        # Not in the batch's own thread, where the engine would write down what it answers.
        found = self._engine.list_workflows(
            workflow_ids=[batch], load_input=False, load_output=False
        )
        return [(each.status, each.executor_id) for each in found] == [("PENDING", self.name)]

    def _give_back(self, batch: str) -> None:
        self._engine.resume_workflows([batch], queue_name=QUEUE)

    def _take_lock(self) -> None:
        if self._leases is not None and not self._leases.alive(self._session):
            self._session = self._leases.take(_lock(self.name))

    @contextlib.contextmanager
    def _reaping(self) -> Iterator[None]:
        """Give the batches of workers that died to whoever is alive, from time to time."""
        over = threading.Event()
        every_s = self._leases.lease_s / 3 if self._leases else _REAP_S

        def reap() -> None:
            gone = _Gone(2 * every_s if self._leases else 0)
            while not over.is_set():
                try:
                    self._take_lock()
                    self._reap(gone)
                except Exception as problem:  # the database may be away for a while
                    log.debug("looking for dead workers failed: %s", type(problem).__name__)
                over.wait(every_s)

        thread = threading.Thread(target=reap, name="reaper", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _reap(self, gone: "_Gone") -> None:
        running = self._engine.list_workflows(status="PENDING", load_input=False, load_output=False)
        dead = {each for each in {str(each.executor_id) for each in running} if self._dead(each)}
        left = [
            each.workflow_id
            for each in running
            # Its own, taken as the connection broke, may never have begun.
            if each.executor_id in dead or (each.executor_id == self.name and self._leases)
            if each.workflow_id not in self._at_work
        ]
        if take := gone.look(left):
            log.info("%d batches of a worker that ended are taken up again", len(take))
            self._engine.resume_workflows(take, queue_name=QUEUE)

    def _dead(self, executor: str) -> bool:
        if executor == self.name:
            return False
        return self._leases is None or self._leases.is_free(_lock(executor))


def _lock(executor: str) -> str:
    return f"worker {executor}"


class _Gone:
    """What seems to be left behind, and since when: one look may be wrong, as after a restart."""

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._seen: dict[str, float] = {}

    def look(self, now_there: list[str]) -> list[str]:
        """Return what has been there at every look for long enough."""
        now = time.monotonic()
        self._seen = {each: self._seen.get(each, now) for each in now_there}
        return [each for each, since in self._seen.items() if now - since >= self._patience_s]


class _Opened:
    """What a batch's rows share, opened for the first row that is not done yet.

    In a thread of its own: a browser's loop runs in it, beside which the engine refuses to work.
    """

    def __init__(self, open_batch: OpenBatch, options: Json) -> None:
        self._open_batch, self._options = open_batch, options
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="lane")
        self._stack = contextlib.ExitStack()
        self._do: DoRow | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.apart(self._stack.close)
        self._thread.shutdown()

    def apart(self, what: Callable[..., Any], *arguments: Any) -> Any:
        """Call something in the lane's thread."""
        return self._thread.submit(what, *arguments).result()

    def do(self, row: Json) -> Json:
        """Do one row there."""
        told: Json = self.apart(self._one, row)
        return told

    def _one(self, row: Json) -> Json:
        if self._do is None:
            self._do = self._stack.enter_context(self._open_batch(self._options))
        return self._do(row)


@contextlib.contextmanager
def plain_errors() -> Iterator[None]:
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

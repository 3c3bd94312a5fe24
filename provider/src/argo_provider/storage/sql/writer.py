"""Group commit: the writes of all callers, one transaction after the other.

While one transaction is being written, the next one's writes gather. A write somebody waits for goes as soon as the
writer is free; records that nobody waits for may gather first, because a commit costs nearly the same for one record as
for fifty: for `linger` seconds, or longer where commits are slow (a busy machine, a slow disk), so that they take no
more than about a tenth of the time.

When the disk is full or read-only, writes that somebody waits for fail at once with StoreUnavailable; records that
nobody waits for are kept (bounded) and tried again until the store recovers.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

import structlog
from sqlalchemy import Connection

from argo_provider.errors import ArgoError, Overloaded, StorageError, StoreUnavailable, WriteInDoubt
from argo_provider.storage.sql.database import Database

_COMMITS_APART = 9.0  # of a commit's own time
T = TypeVar("T")
log = structlog.get_logger(__name__)

Bulk = Callable[[Connection, Sequence[Any]], Sequence[Any]]
"""Writes many items with few statements; one result an item."""

OnCommit = Callable[[int, float], None]
"""Told of every transaction on the event loop: how many writes it had and how many seconds it took."""


@dataclass(frozen=True, slots=True)
class WriterLimits:
    """`linger` (least and most) and `patience` in seconds. The queue is full when either bound is reached."""

    queued: int = 20_000
    queued_bytes: int = 128 * 1024 * 1024
    batch: int = 1_000
    batch_bytes: int = 8 * 1024 * 1024
    linger: float = 0.02
    longest_linger: float = 0.2
    patience: float = 30.0
    retry_every: float = 0.25


@dataclass(slots=True, eq=False)
class _Write:
    bulk: Bulk | None  # None: `item` is a function of the connection, run in a savepoint of its own
    item: Any
    size: int
    future: asyncio.Future[Any] | None
    committed: Callable[[Any], object] | None


@dataclass(slots=True)
class _Outcome(Generic[T]):
    value: T | None = None
    error: ArgoError | None = None


@dataclass(slots=True)
class _Queue:
    """First in, first out; counts bytes and how many are waited for."""

    writes: deque[_Write] = field(default_factory=deque)
    size: int = 0
    awaited: int = 0

    def append(self, write: _Write) -> None:
        self.writes.append(write)
        self.size += write.size
        self.awaited += write.future is not None

    def take(self, limits: WriterLimits) -> list[_Write]:
        batch: list[_Write] = []
        size = 0
        while self.writes and len(batch) < limits.batch and size < limits.batch_bytes:
            write = self.writes.popleft()
            size += write.size
            self.awaited -= write.future is not None
            batch.append(write)
        self.size -= size
        return batch

    def put_back(self, writes: Sequence[_Write]) -> None:
        self.writes.extendleft(reversed(writes))
        self.size += sum(w.size for w in writes)


class Writer:
    """The one writer of a database. `start` before use, `close` writes what is queued."""

    def __init__(
        self,
        database: Database,
        limits: WriterLimits | None = None,
        on_doubt: Callable[[], None] | None = None,
        on_commit: OnCommit | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """`on_doubt`: called when a transaction failed in a way that may have left it written after all."""
        self._database = database
        self._on_doubt = on_doubt or (lambda: None)
        self._on_commit = on_commit or (lambda _writes, _seconds: None)
        self._clock = clock
        self._limits = limits or WriterLimits()
        self._queue = _Queue()
        self._wake = asyncio.Event()
        self._linger = self._limits.linger
        self._due = False  # records that nobody waits for have gathered long enough
        self._timer: asyncio.TimerHandle | None = None
        self._closing = False
        self._failing = False
        self._in_flight = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="storage-writer")

    async def run(
        self, work: Callable[[Connection], T], *, size: int = 0, committed: Callable[[T], object] | None = None
    ) -> T:
        """Run `work` in a savepoint of the next transaction; its result, when that is durable.

        `committed` is called on the event loop before anybody sees the result, even if the caller has gone away.
        Raises what `work` raises, Overloaded, StorageError.
        """
        return cast("T", await self._wait(None, work, size, cast("Callable[[Any], object] | None", committed)))

    async def write(self, bulk: Bulk, item: Any, size: int) -> Any:
        """The result of `item`, written together with others of the same `bulk`, when it is durable."""
        return await self._wait(bulk, item, size, None)

    def enqueue(self, bulk: Bulk | None, item: Any, size: int, committed: Callable[[Any], object]) -> None:
        """Write `item` soon. `committed` gets its result, or None if the store will never take it.

        `bulk` None: `item` is a function of the connection, run behind all that was submitted before.
        """
        self._submit(_Write(bulk, item, size, None, committed))

    async def flush(self) -> None:
        """Wait until everything enqueued so far is durable."""
        await self._wait(_nothing, None, 0, None)

    async def close(self) -> None:
        """Stop intake and write what is queued, for at most `patience`."""
        self._closing = True
        self._wake.set()
        if self._task is None:
            return
        await asyncio.wait({self._task}, timeout=self._limits.patience)
        if not self._task.done():
            self._task.cancel()
            log.error("records lost: the store did not recover", records=len(self._queue.writes) + self._in_flight)

    async def _wait(self, bulk: Bulk | None, item: Any, size: int, committed: Callable[[Any], object] | None) -> Any:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._submit(_Write(bulk, item, size, future, committed))
        try:
            async with asyncio.timeout(self._limits.patience):
                return await future
        except TimeoutError:
            raise WriteInDoubt("The store did not answer in time; whether it was written is unknown.") from None

    def _submit(self, write: _Write) -> None:
        queue, limits = self._queue, self._limits
        if self._closing or len(queue.writes) >= limits.queued or queue.size + write.size > limits.queued_bytes:
            raise Overloaded
        queue.append(write)
        if write.future is not None or len(queue.writes) >= limits.batch:
            self._wake.set()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._linger, self._lingered)

    def _lingered(self) -> None:
        self._timer = None
        self._due = True
        self._wake.set()

    def _has_reason(self) -> bool:
        queue = self._queue
        return bool(queue.awaited or self._due or self._closing or len(queue.writes) >= self._limits.batch)

    async def _run(self) -> None:
        while not (self._closing and not self._queue.writes):
            if not self._queue.writes or not self._has_reason():
                await self._wake.wait()
                self._wake.clear()
                continue
            self._due = False
            batch = self._queue.take(self._limits)
            self._in_flight = len(batch)
            await self._commit(batch)
            self._in_flight = 0
            if self._failing:
                await asyncio.sleep(self._limits.retry_every)
                self._due = True

    async def _commit(self, batch: list[_Write]) -> None:
        begun = self._clock()
        try:
            outcomes = await self._database.write(lambda connection: _apply(connection, batch))
        except StoreUnavailable as error:
            self._on_doubt()
            self._postpone(batch, error)
        except ArgoError as error:
            self._on_doubt()
            await self._commit_singly(batch, error)
        except Exception:
            log.exception("a write failed unexpectedly")
            self._on_doubt()
            await self._commit_singly(batch, StorageError("The store failed. Nothing was written."))
        else:
            self._recovered()
            taken = self._clock() - begun
            self._linger = max(self._limits.linger, min(self._limits.longest_linger, taken * _COMMITS_APART))
            self._on_commit(len(batch), taken)
            for write, outcome in zip(batch, outcomes, strict=True):
                _settle(write, outcome)

    async def _commit_singly(self, batch: list[_Write], error: ArgoError) -> None:
        """One of them cannot be written: it must not take the others down with it."""
        if len(batch) > 1:
            for write in batch:
                await self._commit([write])
            return
        if batch[0].future is None:
            log.error("activation record refused by the store", error=error.text)
        _settle(batch[0], _Outcome(error=error))

    def _postpone(self, batch: list[_Write], error: StorageError) -> None:
        if not self._failing:
            log.error("the store cannot be written", reason=error.text)
        self._failing = True
        self._queue.put_back([w for w in batch if w.future is None])
        for write in batch:
            if write.future is not None:
                _settle(write, _Outcome(error=error))

    def _recovered(self) -> None:
        if self._failing:
            log.info("the store can be written again")
        self._failing = False


def _apply(connection: Connection, batch: Sequence[_Write]) -> list[_Outcome[Any]]:
    outcomes: dict[_Write, _Outcome[Any]] = {}
    grouped: dict[Bulk, list[_Write]] = {}
    for write in batch:
        if write.bulk is not None:
            grouped.setdefault(write.bulk, []).append(write)
    for bulk, writes in grouped.items():
        for write, value in zip(writes, bulk(connection, [w.item for w in writes]), strict=True):
            outcomes[write] = _Outcome(value)
    for write in batch:
        if write.bulk is None:
            outcomes[write] = _apply_one(connection, write.item)
    return [outcomes[write] for write in batch]


def _apply_one(connection: Connection, work: Callable[[Connection], Any]) -> _Outcome[Any]:
    savepoint = connection.begin_nested()
    try:
        value = work(connection)
    except ArgoError as error:
        savepoint.rollback()
        return _Outcome(error=error)
    savepoint.commit()
    return _Outcome(value)


def _settle(write: _Write, outcome: _Outcome[Any]) -> None:
    if write.committed is not None and (outcome.error is None or write.future is None):
        write.committed(outcome.value)
    future = write.future
    if future is None or future.done():
        return
    if outcome.error is not None:
        future.set_exception(outcome.error)
    else:
        future.set_result(outcome.value)


def _nothing(_connection: Connection, items: Sequence[None]) -> Sequence[None]:
    return items

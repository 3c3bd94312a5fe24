"""The native builds of this machine: one at a time, behind everything else, each with its record and its log."""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import structlog

from argo_provider.errors import ArgoError
from argo_provider.optimizer.model import FailureKind, FunctionId
from argo_provider.optimizer.ports import Artefact, BuildFailed, Desk, NativeTechnology, Subject
from argo_provider.storage.port import Document, DocumentStore

_log = structlog.get_logger(__name__)

BUCKET = "builds"
KEPT = 200  # records of one namespace
LOG_BYTES = 4 * 1024 * 1024  # of one log; the rest is cut
_LOOK_SECONDS = 1.0
_TAIL_BYTES = 4096
_STAGE = re.compile(r"\[(\d{1,2})/(\d{1,2})\] ([^.\[\]\n]{3,60})")
_WAITING_SHARE, _READY_SHARE = 0.05, 0.98


class BuildState(StrEnum):
    """The value is what users see."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        return self not in {BuildState.QUEUED, BuildState.RUNNING}


@dataclass(frozen=True, slots=True)
class BuildRecord:
    """One build. Times are epoch seconds; `progress` is an estimate from 0 to 1."""

    id: str
    function: FunctionId
    fingerprint: str
    round: int
    queued: float
    state: BuildState = BuildState.QUEUED
    started: float | None = None
    ended: float | None = None
    step: str = ""
    progress: float = 0.0
    failure: FailureKind | None = None
    detail: str = ""
    artefact_bytes: int | None = None

    @property
    def seconds(self) -> float:
        """So far, or in all."""
        if self.started is None:
            return 0.0
        return (self.ended or time.time()) - self.started

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "namespace": self.function.namespace,
            "path": self.function.path,
            "fingerprint": self.fingerprint,
            "round": self.round,
            "queued": self.queued,
            "state": self.state.value,
            "started": self.started,
            "ended": self.ended,
            "step": self.step,
            "progress": self.progress,
            "failure": self.failure.value if self.failure else None,
            "detail": self.detail,
            "artefactBytes": self.artefact_bytes,
        }

    @classmethod
    def of_json(cls, value: Mapping[str, Any]) -> BuildRecord:
        """Raises KeyError, ValueError."""
        return cls(
            value["id"],
            FunctionId(value["namespace"], value["path"]),
            value["fingerprint"],
            value["round"],
            value["queued"],
            BuildState(value["state"]),
            value["started"],
            value["ended"],
            value["step"],
            value["progress"],
            FailureKind(value["failure"]) if value["failure"] else None,
            value["detail"],
            value["artefactBytes"],
        )


Ended = Callable[[BuildRecord, Artefact | None], None]


@dataclass(slots=True)
class _Order:
    subject: Subject
    technology: NativeTechnology
    record: BuildRecord
    ended: Ended


class Builds:
    """`folder` is for logs. `changed` hears of every step, `ended` of an order's end unless it was cancelled."""

    def __init__(
        self,
        documents: DocumentStore,
        folder: Path,
        *,
        spawn: Callable[[Coroutine[Any, Any, None]], object],
        changed: Callable[[BuildRecord], None],
    ) -> None:
        self._documents = documents
        self._folder = folder
        self._spawn = spawn
        self._changed = changed
        self._records: dict[str, BuildRecord] = {}  # oldest first
        self._orders: dict[str, _Order] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._turn = asyncio.Semaphore(1)

    async def load(self) -> None:
        """What earlier runs built. What was under way then is asked for again by the policy."""
        self._folder.mkdir(parents=True, exist_ok=True)
        found = []
        for document in await self._documents.list(BUCKET):
            try:
                found.append(BuildRecord.of_json(document.body))
            except (KeyError, ValueError, TypeError):
                _log.warning("build_record_unreadable", id=document.id)
        for record in sorted(found, key=lambda each: each.queued):
            self._records[record.id] = record
            if not record.state.is_over:
                over = replace(record, state=BuildState.CANCELLED, ended=time.time(), detail="The service stopped.")
                self._keep(over)

    # ------------------------------------------------------------ to be read

    def records(self, namespace: str, *, path: str | None = None, limit: int = KEPT) -> list[BuildRecord]:
        """Newest first."""
        chosen = (
            record
            for record in reversed(self._records.values())
            if record.function.namespace == namespace and path in {None, record.function.path}
        )
        return [record for record, _ in zip(chosen, range(limit), strict=False)]

    def get(self, namespace: str, build_id: str) -> BuildRecord | None:
        record = self._records.get(build_id)
        return record if record is not None and record.function.namespace == namespace else None

    def latest(self, function: FunctionId) -> BuildRecord | None:
        """The newest of this function."""
        mine = (record for record in reversed(self._records.values()) if record.function == function)
        return next(mine, None)

    async def log(self, namespace: str, build_id: str, offset: int = 0, limit: int = 1 << 20) -> bytes:
        """Its log from a byte on; b"" where there is none (any more). Raises LookupError for no such build."""
        if self.get(namespace, build_id) is None:
            raise LookupError(build_id)
        return await asyncio.to_thread(_read, self._log_of(build_id), offset, limit)

    # ------------------------------------------------------------ to be done

    def begin(self, subject: Subject, technology: NativeTechnology, *, round_number: int, ended: Ended) -> BuildRecord:
        """Build it when it is its turn; a build of the same function that is under way is cancelled."""
        self.cancel(subject.function)
        record = BuildRecord(secrets.token_hex(8), subject.function, subject.fingerprint, round_number, time.time())
        record = replace(record, step="waiting for its turn")
        self._orders[record.id] = _Order(subject, technology, record, ended)
        self._keep(record)
        self._spawn(self._run(record.id))
        return record

    def cancel(self, function: FunctionId, fingerprint: str | None = None) -> None:
        """End what is under way for this function (of this code)."""
        for build_id, order in tuple(self._orders.items()):
            if order.subject.function == function and fingerprint in {None, order.subject.fingerprint}:
                del self._orders[build_id]
                task = self._tasks.get(build_id)
                if task is not None:
                    task.cancel()
                self._over(order.record, BuildState.CANCELLED, detail="It was not wanted any more.")

    def forget(self, function: FunctionId) -> None:
        """The function is gone."""
        self.cancel(function)
        gone = [record for record in self._records.values() if record.function == function]
        self._drop(gone)

    # ------------------------------------------------------------ inside

    async def _run(self, build_id: str) -> None:
        async with self._turn:
            order = self._orders.get(build_id)
            if order is None:
                return
            order.record = replace(order.record, state=BuildState.RUNNING, started=time.time(), step="starting")
            self._keep(order.record)
            task = asyncio.ensure_future(self._build(order))
            self._tasks[build_id] = task
            try:
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            finally:
                if not task.done():  # the service stops
                    task.cancel()
                    await asyncio.wait([task])
                del self._tasks[build_id]

    async def _build(self, order: _Order) -> None:
        build_id = order.record.id
        log = self._log_of(build_id)
        watching = asyncio.ensure_future(self._watch(order, log))
        try:
            artefact = await order.technology.build(order.subject, Desk(log, lambda step: self._step(order, step)))
        except BuildFailed as failed:
            self._finish(order, None, failed.kind, failed.detail)
        except Exception as error:  # noqa: BLE001 — the guard of one build: it must end with a record
            _log.exception("build_broke", function=order.subject.function.path)
            self._finish(order, None, FailureKind.BUILDER, f"the builder broke: {error!r}")
        else:
            self._finish(order, artefact, None, "")
        finally:
            watching.cancel()

    def _finish(self, order: _Order, artefact: Artefact | None, failure: FailureKind | None, detail: str) -> None:
        if self._orders.pop(order.record.id, None) is None:
            return  # cancelled meanwhile
        state = BuildState.FAILED if artefact is None else BuildState.SUCCEEDED
        size = None if artefact is None else artefact.size
        record = self._over(order.record, state, failure=failure, detail=detail, artefact_bytes=size)
        order.ended(record, artefact)

    async def _watch(self, order: _Order, log: Path) -> None:
        """The stage that the builder's own log names."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            stage = await asyncio.to_thread(_stage, log)
            if stage is not None:
                self._step(order, stage[1], stage[0])

    def _step(self, order: _Order, step: str, progress: float | None = None) -> None:
        record = order.record
        made = replace(record, step=step, progress=record.progress if progress is None else progress)
        if made != record and record.id in self._orders:
            order.record = self._records[record.id] = made
            self._changed(made)

    def _over(self, record: BuildRecord, state: BuildState, **what: Any) -> BuildRecord:
        progress = 1.0 if state is BuildState.SUCCEEDED else record.progress
        over = replace(record, state=state, ended=time.time(), step="", progress=progress, **what)
        self._keep(over)
        return over

    def _keep(self, record: BuildRecord) -> None:
        self._records[record.id] = record
        self._spawn(self._write(record))
        self._changed(record)
        mine = [each for each in self._records.values() if each.function.namespace == record.function.namespace]
        self._drop(mine[: max(0, len(mine) - KEPT)])

    async def _write(self, record: BuildRecord) -> None:
        if self._records.get(record.id) is not record:
            return
        try:
            await self._documents.put(Document(BUCKET, record.function.namespace, record.id, record.as_json()))
        except ArgoError as error:
            _log.warning("build_record_not_kept", id=record.id, text=str(error))

    def _drop(self, records: Iterable[BuildRecord]) -> None:
        for record in records:
            del self._records[record.id]
            self._spawn(self._remove(record))

    async def _remove(self, record: BuildRecord) -> None:
        with contextlib.suppress(ArgoError):
            await self._documents.delete(BUCKET, record.function.namespace, record.id)
        await asyncio.to_thread(self._log_of(record.id).unlink, missing_ok=True)

    def _log_of(self, build_id: str) -> Path:
        return self._folder / f"{build_id}.log"


def _read(path: Path, offset: int, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(min(limit, max(0, LOG_BYTES - offset)))
    except FileNotFoundError:
        return b""


def _stage(log: Path) -> tuple[float, str] | None:
    """The last "[n/m] What it does" of a native-image log."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return None
    stages = _STAGE.findall(text)
    if not stages:
        return None
    number, of, what = stages[-1]
    share = (int(number) - 0.5) / max(int(of), 1)
    return min(_READY_SHARE, _WAITING_SHARE + share * (1 - _WAITING_SHARE)), what.strip()

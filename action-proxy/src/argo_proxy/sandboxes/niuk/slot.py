"""The port `Sandbox` over a shared NIUk: one invocation slot of one function.

A slot becomes a function's at /init, whose body names namespace, action and code. Slots of one function share its
isolates: which isolate serves which slot is the host's business.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from argo_proxy import jsontext
from argo_proxy.sandboxes.niuk import frames, reports
from argo_proxy.sandboxes.niuk.chaining import ChainRun, Performed
from argo_proxy.sandboxes.niuk.client import NiukError, NiukGone, NiukRefused
from argo_proxy.sandboxes.niuk.frames import Flag, IsolatePolicy, Status
from argo_proxy.sandboxes.niuk.house import NiukBanned, NiukHouse
from argo_proxy.sandboxes.niuk.process import Library, NativeFunction
from argo_proxy.sandboxes.niuk.slot_chain import SlotChain
from argo_proxy.sandboxes.port import (
    Answer,
    Answered,
    CollectedLogs,
    Gone,
    Link,
    LogLine,
    Queued,
    SandboxCreationError,
    SandboxKind,
    SandboxSpec,
    SandboxStats,
    Shortfall,
    TimedOut,
)

# What differs from activation to activation: given to each run, never part of a function's identity.
_OF_ACTIVATION = ("__OW_ACTIVATION_ID", "__OW_TRANSACTION_ID", "__OW_DEADLINE", "__OW_API_KEY")
_OF_RUN = {
    "activation_id": "__OW_ACTIVATION_ID",
    "transaction_id": "__OW_TRANSACTION_ID",
    "deadline": "__OW_DEADLINE",
    "api_key": "__OW_API_KEY",
    "namespace": "__OW_NAMESPACE",
    "action_name": "__OW_ACTION_NAME",
    "action_version": "__OW_ACTION_VERSION",
}
_OF_CALL = ("__OW_NAMESPACE", "__OW_ACTION_NAME", "__OW_ACTION_VERSION")
_LONGEST_WAIT_MS = 60_000  # for an isolate, within the run's own time
_LINE_OVERHEAD = len("2026-01-01T00:00:00.000000000Z stdout: \n")  # as the record shows it


@dataclass(frozen=True, slots=True)
class InitRequest:
    """The body of /init, typed. `code`: UTF-8 source, or base64 of an archive where `binary`."""

    namespace: str
    action: str  # "/ns/[pkg/]name"
    name: str
    main: str
    binary: bool
    code: str
    env: Mapping[str, str]

    @classmethod
    def parse(cls, body: bytes) -> InitRequest:
        """Raises ValueError for what the platform would not have sent."""
        value = jsontext.decode(body)["value"]
        env = {str(name): str(text) for name, text in (value.get("env") or {}).items()}
        return cls(
            namespace=env.get("__OW_NAMESPACE", ""),
            action=env.get("__OW_ACTION_NAME", ""),
            name=str(value.get("name", "")),
            main=str(value.get("main", "main")),
            binary=bool(value.get("binary", False)),
            code=str(value.get("code", "")),
            env=env,
        )


@dataclass(frozen=True, slots=True)
class Compiled:
    """What the builder has for a function: its own library, or an engine's library and the code for it."""

    library: Library
    code: bytes = b""  # source or archive; empty where it is compiled in
    defaults: Mapping[str, Any] | None = None  # parameters that a call from another function does not set
    policy: IsolatePolicy = IsolatePolicy()


class CompiledFunctions(Protocol):
    """Where slots find what was built."""

    async def find(self, request: InitRequest) -> Compiled | None:
        """The library for this function, or None where none was built (any more)."""
        ...


@dataclass(frozen=True, slots=True)
class SlotEvents:
    """Whom a slot tells what no `Answer` can say; all optional. Called in the event loop, must not block."""

    on_miss: Callable[[str, Status, bytes], None] | None = None  # action, MISSING or UNSUPPORTED, reply
    on_record: Callable[[str, reports.Record, tuple[reports.Log, ...]], None] | None = None
    """A call inside the NIUk of this namespace."""
    on_run: Callable[[str, str, int], None] | None = None
    """Namespace, action, and how many nanoseconds an invocation was in user code; before it is answered."""


class Houses(Protocol):
    """The NIUks of a machine, by namespace."""

    def house(self, namespace: str, function: str) -> NiukHouse:
        """Which takes one more slot of `function`, as `NativeFunction` names it."""
        ...

    async def leave(self, house: NiukHouse, function: str) -> None:
        """A slot of `function` is gone."""
        ...

    def enter(self, house: NiukHouse, function: str) -> None:
        """A slot of `function` was bound."""
        ...


class NiukSlot:
    """A `Sandbox`. Made by `NiukDriver.create`; nothing runs for it before /init."""

    kind = SandboxKind.NIUK

    def __init__(
        self, identity: str, spec: SandboxSpec, houses: Houses, compiled: CompiledFunctions, events: SlotEvents
    ) -> None:
        self._id = identity
        self._spec = spec
        self._houses = houses
        self._compiled = compiled
        self._events = events
        self._house: NiukHouse | None = None
        self._function: NativeFunction | None = None
        self._logs: list[reports.Log] = []
        self._truncated = False
        self._memory = 0
        self._destroyed = False

    @property
    def id(self) -> str:
        return self._id

    async def init(self, body: bytes, *, timeout: float, limit: int) -> Answer:  # noqa: ASYNC109
        """Bind the slot to the function that `body` describes, and make it ready."""
        request = InitRequest.parse(body)
        found = await self._compiled.find(request)
        if found is None or not request.namespace:
            return _short(503, b'{"error":"No native form of this function is here."}', limit, Shortfall.ABSENT)
        function = self._describe(request, found, timeout)
        house = self._houses.house(request.namespace, function.name)
        self._house, self._function = house, function
        self._houses.enter(house, function.name)
        return await self._guarded(self._define(house, function, limit))

    async def run(self, body: bytes, *, timeout: float, limit: int) -> Answer:  # noqa: ASYNC109
        params, environment = _run_parts(body)
        return await self.run_parts(params, environment, timeout=timeout, limit=limit)

    async def run_parts(self, params: bytes, environment: bytes, *, timeout: float, limit: int) -> Answer:  # noqa: ASYNC109
        """`run` for who has a body's parts; JSON objects."""
        if self._function is None or self._house is None:
            return _answered(502, b'{"error":"Not initialized."}', limit)
        timeout_ms = max(1, round(timeout * 1000))
        run = frames.Run(self._function.name, params, timeout_ms, min(timeout_ms, _LONGEST_WAIT_MS), environment)
        return await self._guarded(self._perform(self._house, run, limit))

    def joins(self, other: object) -> bool:
        """Whether one chain may hold both: their functions are ready in one process."""
        if not isinstance(other, NiukSlot) or other._function is None or self._function is None:
            return False
        house = self._house
        if house is None or house is not other._house:
            return False
        return house.chains(self._function.name) and house.chains(other._function.name)

    def chain(self, links: Sequence[Link], *, limit: int) -> SlotChain:
        """The first link's sandbox is this one; all of them join it."""
        return SlotChain([_slot_of(link) for link in links], links, limit)

    def chained(self, body: bytes, timeout: float) -> frames.Run | None:
        """This slot's part of a chain."""
        if self._function is None:
            return None
        timeout_ms = max(1, round(timeout * 1000))
        params, environment = _run_parts(body)
        return frames.Run(self._function.name, params, timeout_ms, min(timeout_ms, _LONGEST_WAIT_MS), environment)

    async def start_chain(self, chain: frames.Chain) -> ChainRun:
        """Raises `NiukError`, ValueError."""
        if self._house is None:
            raise NiukGone("not initialized")
        return await self._house.chain(chain)

    def link_ended(self, done: Performed, limit: int) -> Answer:
        """What its part of a chain came to."""
        self._keep(done)
        return self._answer(done.result.status, done.result.body, limit, _queued(done), began=True)

    async def collect_logs(self, *, limit: int, wait: float) -> CollectedLogs:
        """Output comes before the result, so there is nothing to wait for."""
        del wait
        logs, self._logs = self._logs, []
        truncated, self._truncated = self._truncated, False
        lines, size = [], 0
        for log in logs:
            size += len(log.line) + _LINE_OVERHEAD
            if size > limit:
                truncated = True
                break
            stream = "stderr" if log.stream == 2 else "stdout"
            lines.append(LogLine(log.unix_ns, stream, log.line.decode(errors="replace")))
        return CollectedLogs(tuple(lines), truncated=truncated)

    async def grow(self, slots: int) -> None:
        """Isolates for so many slots of this function; one that cannot be made comes with its invocation."""
        if self._house is not None and self._function is not None:
            with suppress(NiukError, TimeoutError):
                await self._house.grow(self._function.name, slots)

    async def stats(self) -> SandboxStats:
        """This slot's share: the heap in use after its last invocation."""
        return SandboxStats(self._memory, 0.0, 1)

    async def destroy(self) -> None:
        if self._destroyed:
            return
        self._destroyed = True
        if self._house is not None and self._function is not None:
            await self._houses.leave(self._house, self._function.name)

    def on_exit(self, callback: Callable[[Gone], None]) -> None:
        """A slot does not end by itself: when its NIUk does, the next invocation gets a fresh one."""

    @property
    def _namespace(self) -> str:
        return self._house.namespace if self._house is not None else ""

    def _describe(self, request: InitRequest, found: Compiled, timeout: float) -> NativeFunction:
        env = {name: text for name, text in request.env.items() if name not in _OF_ACTIVATION}
        heap = self._spec.memory_mb << 20
        init = {"name": request.name, "main": request.main, "binary": request.binary, "env": env, "heap": heap}
        encoded = jsontext.encode(dict(sorted(init.items())) | {"env": dict(sorted(env.items()))})
        identity = hashlib.sha256(found.library.digest + hashlib.sha256(found.code).digest() + encoded).hexdigest()
        return NativeFunction(
            name=f"{request.action}@{identity[:24]}",
            library=found.library,
            code=found.code,
            address=request.action,
            request=encoded,
            heap_limit=heap,
            init_timeout_ms=max(1, round(timeout * 1000)),
            log_limit=self._spec.log_buffer_bytes,
            defaults=jsontext.encode(found.defaults) if found.defaults else b"",
            call_environment=jsontext.encode({name: env[name] for name in _OF_CALL if name in env}),
            policy=found.policy,
        )

    async def _define(self, house: NiukHouse, function: NativeFunction, limit: int) -> Answer:
        try:
            await house.define(function)
        except NiukRefused as error:
            return self._answer(error.status, error.body, limit)
        return _answered(200, b'{"ok":true}', limit)

    async def _perform(self, house: NiukHouse, run: frames.Run, limit: int) -> Answer:
        try:
            done = await house.invoke(run)
        except NiukRefused as error:
            return self._answer(error.status, error.body, limit)
        self._keep(done)
        began = Flag.BEGAN in done.result.timing.flags
        return self._answer(done.result.status, done.result.body, limit, _queued(done), began=began)

    def _keep(self, done: Performed) -> None:
        timing = done.result.timing
        self._memory = timing.memory
        self._truncated |= Flag.TRUNCATED in timing.flags
        self._logs += [log for log in done.logs if log.call == 0]
        if self._events.on_run is not None and timing.run_ns and self._function is not None:
            self._events.on_run(self._namespace, self._function.address, timing.run_ns)
        if self._events.on_record is not None:
            for record in done.records:
                self._events.on_record(
                    self._namespace, record, tuple(log for log in done.logs if log.call == record.call)
                )

    async def _guarded(self, answer: Awaitable[Answer]) -> Answer:
        """What has no status of its own: the NIUk ended, could not be started, or does not take this function."""
        try:
            return await answer
        except NiukBanned:
            return _short(503, b'{"error":"This function is not consolidated any more."}', 1024, Shortfall.BANNED)
        except NiukGone as error:
            return Gone(shortfall=Shortfall.CRASHED) if error.began else Gone(sent=False, shortfall=Shortfall.BUSY)
        except (OSError, SandboxCreationError):
            return Gone(sent=False, shortfall=Shortfall.ABSENT)
        except TimeoutError:
            return TimedOut()

    def _answer(
        self, status: Status, body: bytes, limit: int, queued: Queued | None = None, *, began: bool = False
    ) -> Answer:
        if status in (Status.MISSING, Status.UNSUPPORTED) and self._events.on_miss is not None:
            self._events.on_miss(self._function.address if self._function else "", status, body)
        if status is Status.TIMED_OUT:
            return TimedOut()
        if status is Status.OUT_OF_MEMORY:
            return Gone(out_of_memory=True)
        if status in _ENDED:
            return Gone(sent=began, shortfall=Shortfall.CRASHED if status is Status.FATAL else None)
        if status in _ELSEWHERE and not began:
            return _short(503, body, limit, _ELSEWHERE[status])
        if status in _LACKING:
            return _short(502, body, limit, _LACKING[status], began=began)
        return Answered(200 if status is Status.OK else 502, body[:limit], len(body), queued=queued)


def _slot_of(link: Link) -> NiukSlot:
    assert isinstance(link.sandbox, NiukSlot), "it joins another, so it is one"  # noqa: S101
    return link.sandbox


_ENDED = frozenset({Status.CANCELLED, Status.EXITED, Status.FATAL})
_ELSEWHERE = {
    Status.OVERLOADED: Shortfall.BUSY,
    Status.STOPPING: Shortfall.BUSY,
    Status.NOT_CREATED: Shortfall.BUSY,
    Status.UNKNOWN: Shortfall.ABSENT,
    Status.NOT_LOADED: Shortfall.ABSENT,
}
_LACKING = {Status.MISSING: Shortfall.MISSING, Status.UNSUPPORTED: Shortfall.UNSUPPORTED}


def _queued(done: Performed) -> Queued:
    timing = done.result.timing
    return Queued(timing.wait_ns / 1e9, timing.run_ns / 1e9)


def _answered(status: int, body: bytes, limit: int) -> Answered:
    return Answered(status, body[:limit], len(body))


class _RunBody(msgspec.Struct):
    """The body of /run. `value` stays the text that it is."""

    value: msgspec.Raw = msgspec.Raw(b"{}")
    activation_id: str | None = None
    transaction_id: str | None = None
    deadline: str | None = None
    api_key: str | None = None
    namespace: str | None = None
    action_name: str | None = None
    action_version: str | None = None


_run_body = msgspec.json.Decoder(_RunBody)


def _short(status: int, body: bytes, limit: int, shortfall: Shortfall, *, began: bool = False) -> Answered:
    return Answered(status, body[:limit], len(body), shortfall, began)


def _run_parts(body: bytes) -> tuple[bytes, bytes]:
    """The function's parameters and the run's environment, from the body of /run."""
    request = _run_body.decode(body)
    given = ((name, getattr(request, key)) for key, name in _OF_RUN.items())
    environment = jsontext.encode({name: text for name, text in given if text is not None})
    value = bytes(request.value)
    return b"{}" if value == b"null" else value, environment

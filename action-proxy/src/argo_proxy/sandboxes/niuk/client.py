"""Talks to one NIUk's host over a stream: many requests in flight, a time limit on every wait."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar, cast

import structlog

from argo_proxy.deadlines import Deadlines
from argo_proxy.sandboxes.niuk import frames, reports
from argo_proxy.sandboxes.niuk.chaining import GRACE as _GRACE
from argo_proxy.sandboxes.niuk.chaining import Awaited, ChainRun, Performed
from argo_proxy.sandboxes.niuk.frames import Artifact, Request, Status
from argo_proxy.sandboxes.niuk.framing import Decoder, FrameError

_log = structlog.get_logger(__name__)
_WRITE_SECONDS = 30.0  # a host that takes no bytes for so long is stuck
_R = TypeVar("_R", bound=reports.Reply)


class NiukError(Exception):
    """Trouble with a NIUk."""


class NiukGone(NiukError):
    """The connection to the host ended: whatever was in flight did not come back. `began`: user code may have begun."""

    began = True


class NiukRefused(NiukError):
    """The host refused a request; `body` is its JSON object with `error`."""

    def __init__(self, status: Status, body: bytes) -> None:
        super().__init__(f"{status.name}: {body.decode(errors='replace')}")
        self.status = status
        self.body = body


@dataclass(frozen=True, slots=True)
class OutsideCall:
    """A function calls one that is not in its NIUk: who calls, and with what rights."""

    namespace: str
    call: reports.Call
    environment: bytes  # of the calling run, as it was given: JSON with its activation id and, if it has one, API key


_GROWS = (0, 2)  # the first host that knows GROW; a cache may hold an older one
_CHAINS = (0, 3)  # and CHAIN
_TELLS = (0, 5)  # which runs begin


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())


CallServer = Callable[[OutsideCall], Awaitable[tuple[int, bytes]]]  # 0 and a result, or a number and an error object
NoticeListener = Callable[[reports.Notice], None]


@dataclass(slots=True)
class _Pending:
    future: asyncio.Future[reports.Reply]
    environment: bytes = b""
    run_of: str | None = None  # the function, where the host tells of each run when it begins
    logs: list[reports.Log] = field(default_factory=list)
    records: list[reports.Record] = field(default_factory=list)


class NiukClient(asyncio.Protocol):
    """One connection. Make it with `open_unix` or `open_socket`, which shake hands; end it with `close`.

    Every method raises `NiukGone` when the connection ends, `NiukRefused` when the host says no, and TimeoutError when
    the host does not answer within the request's limit and a grace.
    """

    def __init__(self, *, on_call: CallServer | None = None, on_notice: NoticeListener | None = None) -> None:
        self._on_call = on_call
        self._namespace = ""
        self._grows = False
        self.chains = False  # whether the host takes chains
        self._on_notice = on_notice
        self._decoder = Decoder()
        self._numbers = itertools.count(1)
        self._pending: dict[int, _Pending] = {}
        self._deadlines = Deadlines()
        self._begun: dict[str, int] = {}  # of each function, up to which number its runs may have begun
        self.is_local = False  # what the host has written is here, whatever becomes of it
        self._tells = False
        self._calls: set[asyncio.Task[None]] = set()
        self._transport: asyncio.Transport | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._gone: NiukGone | None = None
        self._on_gone: Callable[[], None] | None = None
        self._ended = asyncio.Event()

    # ---------------------------------------------------------------- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but its class

    def data_received(self, data: bytes) -> None:
        try:
            for frame in self._decoder.feed(data):
                self._take(frame.identity, reports.parse(frame))
        except FrameError as error:
            self._break_off(NiukGone(f"the host broke the protocol: {error}"))

    def connection_lost(self, exc: Exception | None) -> None:
        # After an error of this side's writing there may be frames that nobody has read.
        words = "the connection to the host ended" if exc is None else f"connection lost: {exc}"
        self._break_off(NiukGone(words), all_read=exc is None)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    # ---------------------------------------------------------------- requests

    async def hello(self, namespace: str, *, seconds: float) -> reports.Welcome:
        """The handshake; the first request of a connection."""
        self._namespace = namespace
        request = frames.Hello(namespace, serves_calls=self._on_call is not None)
        welcome = await self._ask(request, reports.Welcome, seconds)
        version = _numbers(welcome.host_version)
        self._grows, self.chains = version >= _GROWS, version >= _CHAINS
        self._tells = self.is_local and version >= _TELLS
        return welcome

    async def ping(self, *, seconds: float) -> reports.Pong:
        return await self._ask(frames.Ping(), reports.Pong, seconds)

    async def load_path(self, load: frames.Load, *, seconds: float) -> reports.Loaded:
        """Load a file that the host sees under `load.path`."""
        return await self._ask(load, reports.Loaded, seconds)

    async def load_bytes(self, artifact: Artifact, data: bytes, *, seconds: float) -> reports.Loaded:
        """Stream `data` to the host; its SHA-256 is its name there."""
        load = frames.Load(hashlib.sha256(data).digest(), artifact, size=len(data))
        number = next(self._numbers)
        pending = self._expect_answer(number)
        try:
            async with asyncio.timeout(seconds):
                await self._send(frames.encode(load, number))
                for offset in range(0, len(data), frames.CHUNK_BYTES):
                    if pending.future.done():
                        break
                    chunk = frames.Chunk(offset, data[offset : offset + frames.CHUNK_BYTES])
                    await self._send(frames.encode(chunk, number))
                return _checked(await pending.future, reports.Loaded)
        finally:
            self._pending.pop(number, None)

    async def unload(self, digest: bytes, *, seconds: float) -> None:
        await self._ask(frames.Unload(digest), reports.Ok, seconds)

    async def init(self, init: frames.Init) -> reports.Ready:
        """Make a function; the wait is bounded by its own init limit."""
        return await self._ask(init, reports.Ready, init.init_timeout_ms / 1000 + _GRACE)

    async def run(self, run: frames.Run) -> Performed:
        """Invoke; the wait is bounded by the run's own limits. If this is cancelled, so is the run."""
        number = next(self._numbers)
        seconds = (run.timeout_ms + run.wait_ms) / 1000 + _GRACE
        pending = self._expect_answer(number, run.environment)
        if self._tells:
            pending.run_of = run.function
        try:
            self._deadlines.watch(pending.future, seconds)
            await self._send(frames.encode(run, number))
            return await _performed(pending)
        except (asyncio.CancelledError, TimeoutError):
            self.cancel_behind(number)
            raise
        finally:
            self._deadlines.forget(pending.future)
            self._pending.pop(number, None)

    async def chain(self, chain: frames.Chain) -> ChainRun:
        """Invoke functions one after the other: `ChainRun` says what each came to. Raises ValueError if too long."""
        numbers = [next(self._numbers) for _ in chain.steps]
        frame = frames.encode(chain, numbers[0])
        steps = []
        for number, step in zip(numbers, chain.steps, strict=True):
            pending = self._expect_answer(number, step.environment)
            seconds = (step.timeout_ms + step.wait_ms) / 1000
            steps.append(Awaited(number, step.function, seconds, partial(_performed, pending)))
        try:
            await self._send(frame)
        except BaseException:
            self.forget(numbers)
            raise
        return ChainRun(steps, self)

    async def stats(self, *, seconds: float) -> bytes:
        """Figures as a JSON object; its keys are listed in PROTOCOL.md."""
        return (await self._ask(frames.Stats(), reports.Figures, seconds)).json

    async def drop(self, function: str, *, seconds: float) -> None:
        await self._ask(frames.Drop(function), reports.Ok, seconds)
        if not any(pending.run_of == function for pending in self._pending.values()):
            self._begun.pop(function, None)

    async def grow(self, function: str, isolates: int, *, seconds: float) -> None:
        """Until there are so many isolates of it, or no more can be made. An older host lets them come as invoked."""
        if self._grows:
            await self._ask(frames.Grow(function, isolates), reports.Ok, seconds)

    def resize(self, function: str, isolates: int) -> None:
        """The same without waiting for it; nothing where the host is gone."""
        if self._grows and self._gone is None:
            self._write(frames.encode(frames.Grow(function, isolates), next(self._numbers)))

    async def reseed(self, unix_ns: int, entropy: bytes, *, seconds: float) -> None:
        await self._ask(frames.Reseed(unix_ns, entropy), reports.Ok, seconds)

    async def shutdown(self, *, grace: float) -> None:
        """Let what runs finish for `grace` seconds, then the host ends. A host that is gone already is fine."""
        with contextlib.suppress(NiukGone):
            await self._ask(frames.Shutdown(round(grace * 1000)), reports.Ok, grace + _GRACE)

    async def wait_ended(self, *, seconds: float) -> None:
        """Until the connection has ended."""
        async with asyncio.timeout(seconds):
            await self._ended.wait()

    def tell_when_gone(self, callback: Callable[[], None]) -> None:
        """Call back once when the connection ends, before anyone who waits hears of it."""
        self._on_gone = callback
        if self._gone is not None:
            callback()

    @property
    def in_flight(self) -> int:
        """Requests without an answer."""
        return len(self._pending)

    def close(self) -> None:
        self._break_off(NiukGone("this side closed the connection"))

    # ---------------------------------------------------------------- inside

    def _expect_answer(self, number: int, environment: bytes = b"") -> _Pending:
        if self._gone is not None:
            raise NiukGone(*self._gone.args)
        pending = _Pending(asyncio.get_running_loop().create_future(), environment)
        self._pending[number] = pending
        return pending

    async def _ask(self, request: Request, kind: type[_R], seconds: float) -> _R:
        number = next(self._numbers)
        pending = self._expect_answer(number)
        try:
            async with asyncio.timeout(seconds):
                await self._send(frames.encode(request, number))
                return _checked(await pending.future, kind)
        finally:
            self._pending.pop(number, None)

    async def _send(self, frame: bytes) -> None:
        if not self._writable.is_set():
            async with asyncio.timeout(_WRITE_SECONDS):
                await self._writable.wait()
        self._write(frame)

    def _write(self, frame: bytes) -> None:
        if self._gone is not None:
            raise NiukGone(*self._gone.args)
        if self._transport is None:
            raise NiukGone("not connected")
        self._transport.write(frame)

    def cancel_behind(self, number: int) -> None:
        """Tell the host, whose answer nobody waits for."""
        if self._gone is None:
            self._write(frames.encode(frames.Cancel(number), next(self._numbers)))

    def cut(self, number: int) -> None:
        """Let a step of a chain not begin; the same without waiting."""
        if self._gone is None:
            self._write(frames.encode(frames.Cut(number), next(self._numbers)))

    def forget(self, numbers: Sequence[int]) -> None:
        """Nobody waits for these answers any more."""
        for number in numbers:
            self._pending.pop(number, None)

    def _take(self, identity: int, report: reports.Report) -> None:
        match report:
            case reports.Result():  # first, because nearly all are
                self._answered(identity, report)
            case reports.Log() | reports.Record():
                self._collect(identity, report)
            case reports.Call():
                self._serve(identity, report)
            case reports.Begins(function):
                self._begun[function] = identity
            case reports.Notice():
                if self._on_notice is not None:
                    self._on_notice(report)
            case reports.Error():
                self._break_off(NiukGone(f"the host ended the connection: {report.words}"))
            case _:
                self._answered(identity, report)

    def _answered(self, identity: int, reply: reports.Reply) -> None:
        pending = self._pending.get(identity)
        if pending is not None and not pending.future.done():
            pending.future.set_result(reply)

    def _collect(self, identity: int, report: reports.Log | reports.Record) -> None:
        pending = self._pending.get(identity)
        if pending is None:
            return
        if isinstance(report, reports.Log):
            pending.logs.append(report)
        else:
            pending.records.append(report)

    def _serve(self, identity: int, call: reports.Call) -> None:
        if self._on_call is None:
            return
        calling = self._pending.get(call.run)
        outside = OutsideCall(self._namespace, call, calling.environment if calling else b"")
        served = asyncio.ensure_future(self._answer(identity, outside, self._on_call))
        self._calls.add(served)
        served.add_done_callback(lambda task: self._call_served(identity, task))

    def _call_served(self, identity: int, served: asyncio.Task[None]) -> None:
        self._calls.discard(served)
        if not served.cancelled() and (error := served.exception()) is not None:
            _log.error("serving a call from a NIUk failed", error=repr(error))
            if self._gone is None:
                body = b'{"error":"The called action could not be reached."}'
                self._write(frames.encode(frames.CallResult(Status.FATAL, body), identity))

    async def _answer(self, identity: int, outside: OutsideCall, serve: CallServer) -> None:
        try:
            async with asyncio.timeout(outside.call.left_ms / 1000):
                status, body = await serve(outside)
        except TimeoutError:
            return  # the function was told by the host that its time is over
        if self._gone is None:
            self._write(frames.encode(frames.CallResult(status, body), identity))

    def _break_off(self, gone: NiukGone, *, all_read: bool = False) -> None:
        if self._gone is not None:
            return
        self._gone = gone
        self._deadlines.close()
        if self._on_gone is not None:
            self._on_gone()
        self._ended.set()
        self._writable.set()
        if self._transport is not None:
            self._transport.abort()
        for number, pending in self._pending.items():
            if not pending.future.done():
                lost = NiukGone(*gone.args)
                known = pending.run_of is not None and all_read
                lost.began = not known or number <= self._begun.get(pending.run_of or "", 0)
                pending.future.set_exception(lost)
                pending.future.exception()  # one who was cancelled meanwhile does not ask for it
        for call in self._calls:
            call.cancel()


async def _performed(pending: _Pending) -> Performed:
    result = _checked(await pending.future, reports.Result)
    return Performed(result, tuple(pending.logs), tuple(pending.records))


def _checked(reply: reports.Reply, kind: type[_R]) -> _R:
    if isinstance(reply, kind):
        return reply
    if isinstance(reply, reports.Failed):
        raise NiukRefused(reply.status, reply.body)
    raise NiukGone(f"the host answered {type(reply).__name__} where {kind.__name__} was due")

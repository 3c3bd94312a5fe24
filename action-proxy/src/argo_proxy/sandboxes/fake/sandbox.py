"""A scripted sandbox: what it answers, when, and what it prints are a test's to say."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

from argo_proxy.protocol.logs import SENTINEL, STDERR, STDOUT, LogCapture
from argo_proxy.sandboxes.port import (
    Answer,
    Answered,
    CollectedLogs,
    Gone,
    Residence,
    SandboxKind,
    SandboxSpec,
    SandboxStats,
    TimedOut,
)

Sleep = Callable[[float], Awaitable[None]]
"""`asyncio.sleep`, or a test's own clock."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What comes of one request: `answer` after `after` seconds; None: never. `prints`: (stream, line) before that."""

    answer: Answer | None
    after: float = 0.0
    prints: tuple[tuple[str, str], ...] = ()


Script = Callable[[str, bytes], Reply]
"""Path ("/init", "/run") and body → reply. A reply that is `Gone` ends the sandbox."""


def answered(body: bytes, status: int = 200) -> Answered:
    """A whole answer."""
    return Answered(status, body, len(body))


def succeed(path: str, body: bytes) -> Reply:
    """The default script: initialises, and runs to an empty object."""
    return Reply(answered(b"{}"))


class FakeSandbox:
    """A `Sandbox`. `requests` are the (path, body) it got; `crash()` ends it from the outside."""

    kind = SandboxKind.FAKE

    def __init__(self, identity: str, spec: SandboxSpec, script: Script, sleep: Sleep) -> None:
        self.spec = spec
        self.script = script
        self.requests: list[tuple[str, bytes]] = []
        self.destroyed = False
        self.in_flight = 0
        self.most_in_flight = 0
        self._id = identity
        self._sleep = sleep
        self._gone: Gone | None = None
        self._ended = asyncio.Event()
        self._logs = LogCapture(capacity=spec.log_buffer_bytes)
        self._exit_callback: Callable[[Gone], None] | None = None

    @property
    def id(self) -> str:
        return self._id

    def resize(self, memory_mb: int) -> None:
        self.spec = replace(self.spec, memory_mb=memory_mb)

    async def init(self, body: bytes, *, timeout: float, limit: int) -> Answer:  # noqa: ASYNC109
        return await self._request("/init", body, timeout, limit)

    async def run(self, body: bytes, *, timeout: float, limit: int) -> Answer:  # noqa: ASYNC109
        self._logs.run_started()
        return await self._request("/run", body, timeout, limit)

    async def collect_logs(self, *, limit: int, wait: float) -> CollectedLogs:
        return await self._logs.collect(limit=limit, wait=wait)

    async def stats(self) -> SandboxStats:
        return SandboxStats(self.spec.memory_mb << 20, 0.0, 0 if self._ended.is_set() else 1)

    async def residence(self) -> Residence | None:
        return None if self._ended.is_set() else Residence((), Path("/no/group"))

    async def destroy(self) -> None:
        self.destroyed = True
        self._end(Gone())

    def on_exit(self, callback: Callable[[Gone], None]) -> None:
        self._exit_callback = callback

    def crash(self, gone: Gone | None = None) -> None:
        """The sandbox ends by itself: requests under way get `gone`, or the exit callback does."""
        self._end(gone or Gone(exit_code=1))

    def _end(self, gone: Gone) -> None:
        if self._gone is not None:
            return
        self._gone = gone
        self._ended.set()
        self._logs.end(STDOUT)
        self._logs.end(STDERR)
        if self._exit_callback is not None and not self.in_flight and not self.destroyed:
            self._exit_callback(gone)

    async def _request(self, path: str, body: bytes, timeout: float, limit: int) -> Answer:  # noqa: ASYNC109
        if self._gone is not None:
            return Gone(self._gone.out_of_memory, self._gone.exit_code, sent=False)
        self.requests.append((path, body))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            answer = await self._play(self.script(path, body), path, timeout)
        finally:
            self.in_flight -= 1
        if isinstance(answer, Answered):
            return replace(answer, body=answer.body[:limit])
        return answer

    async def _play(self, reply: Reply, path: str, timeout: float) -> Answer:  # noqa: ASYNC109
        for stream, text in reply.prints:
            self._logs.feed(stream, text.encode() + b"\n")
        late = reply.answer is None or reply.after > timeout
        await self._sleep_unless_ended(timeout if late else reply.after)
        if self._gone is not None:
            return self._gone
        if late or reply.answer is None:
            return TimedOut()
        if isinstance(reply.answer, Gone):
            self._end(reply.answer)
        elif path == "/run":
            self._print_sentinels()
        return reply.answer

    async def _sleep_unless_ended(self, seconds: float) -> None:
        if seconds <= 0:
            return
        sleeping = asyncio.ensure_future(self._sleep(seconds))
        ending = asyncio.ensure_future(self._ended.wait())
        try:
            await asyncio.wait((sleeping, ending), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            ending.cancel()

    def _print_sentinels(self) -> None:
        for stream in (STDOUT, STDERR):
            self._logs.feed(stream, SENTINEL + b"\n")

"""What every sandbox with a runtime behind a socket has in common: the requests, the logs, and the story of its end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from typing import Any

import structlog

from argo_proxy.protocol.channel import Address, RuntimeChannel
from argo_proxy.protocol.logs import LogCapture
from argo_proxy.sandboxes.port import Answer, Answered, CollectedLogs, Gone, TimedOut

_log = structlog.get_logger(__name__)

_LAST_WORDS_SECONDS = 0.5
_RECORDED_SECONDS = 5.0


class Conversation:
    """The requests to one runtime and what it prints.

    `seal` is awaited once, after the launcher has come up and before any user code arrives; where it raises OSError,
    none does. `autopsy` tells how the sandbox ended (exit code, out of memory), if it has; the driver says that it has
    with `ended`.
    """

    def __init__(
        self,
        address: Address,
        logs: LogCapture,
        *,
        seal: Callable[[], Awaitable[None]],
        autopsy: Callable[[], Awaitable[Gone]],
    ) -> None:
        self._channel = RuntimeChannel(address)
        self._logs = logs
        self._seal = seal
        self._sealed = False
        self._unfit = False  # for user code, for ever
        self._autopsy = autopsy
        self._in_flight = 0
        self._over = asyncio.Event()
        self._closed = False
        self._exit_callback: Callable[[Gone], None] | None = None
        self._report: asyncio.Task[None] | None = None

    async def init(self, body: bytes, timeout: float, limit: int) -> Answer:  # noqa: ASYNC109
        return await self._post("/init", body, timeout, limit)

    def run(self, body: bytes, timeout: float, limit: int) -> Coroutine[Any, Any, Answer]:
        self._logs.run_started()
        return self._post("/run", body, timeout, limit)

    async def recorded(self, limit: int) -> bytes:
        """See `RecordingSandbox`."""
        if not self._sealed or self._closed:
            return b"{}"
        answer = await self._channel.post("/recorded", b"{}", timeout=_RECORDED_SECONDS, limit=limit)
        good = isinstance(answer, Answered) and answer.status == 200 and answer.length == len(answer.body)
        return answer.body if good and isinstance(answer, Answered) else b"{}"

    def collect(self, *, limit: int, wait: float) -> Coroutine[Any, Any, CollectedLogs]:
        return self._logs.collect(limit=limit, wait=wait)

    def on_exit(self, callback: Callable[[Gone], None]) -> None:
        self._exit_callback = callback
        self._report_if_over()

    def ended(self) -> None:
        """The sandbox has ended by itself, or is being destroyed and has."""
        if self._over.is_set():
            return
        self._over.set()
        self._channel.close()
        self._report_if_over()

    def close(self) -> None:
        """The sandbox is being destroyed: requests end as `Gone`, and its end is nobody's news."""
        self._closed = True
        self._channel.close()

    @property
    def is_over(self) -> bool:
        return self._over.is_set()

    async def until_over(self, seconds: float) -> bool:
        """Whether the sandbox has ended, waiting for that so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._over.wait()
        except TimeoutError:
            return False
        return True

    async def _post(self, path: str, body: bytes, timeout: float, limit: int) -> Answer:  # noqa: ASYNC109
        self._in_flight += 1
        try:
            if not self._sealed:
                timeout = await self._await_launcher(timeout)
            if self._sealed:
                answer = await self._channel.post(path, body, timeout=timeout, limit=limit)
            else:
                over = self._over.is_set() or self._closed or self._unfit
                answer = Gone(sent=False) if over else TimedOut()
            if isinstance(answer, Gone):  # still under way: who is told otherwise takes away what explains it
                return await self._explain(answer)
        finally:
            self._in_flight -= 1
        self._report_if_over()  # it answered and ended in one breath
        return answer

    async def _await_launcher(self, timeout: float) -> float:  # noqa: ASYNC109
        """Seal the sandbox once its launcher takes connections; what is left of `timeout`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        if await self._channel.reachable(timeout=timeout):
            try:
                await self._seal()
                self._sealed = True
            except OSError as error:
                self._unfit = True
                _log.warning("sandbox_unfit", reason=str(error))
        return deadline - loop.time()

    async def _explain(self, gone: Gone) -> Gone:
        if not self._closed:
            await self.until_over(_LAST_WORDS_SECONDS)
        found = await self._autopsy()
        return replace(gone, out_of_memory=found.out_of_memory, exit_code=found.exit_code)

    def _report_if_over(self) -> None:
        """Tell of the end if nobody else does: a request under way tells its caller."""
        callback = self._exit_callback
        if callback is not None and self._over.is_set() and not self._in_flight and not self._closed:
            self._exit_callback = None
            self._report = asyncio.get_running_loop().create_task(self._report_exit(callback))

    async def _report_exit(self, callback: Callable[[Gone], None]) -> None:
        callback(await self._autopsy())

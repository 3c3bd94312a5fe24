"""Runs what a 202 promised: until user code has begun it is tried again, whatever store or sandboxes do meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from typing import Any

import structlog

from argo_provider.errors import Overloaded, StorageError
from argo_provider.invocation.call import Call, Starter
from argo_provider.model.activation import Activation
from argo_provider.storage.port import ActivationStore

log = structlog.get_logger(__name__)

_PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)  # seconds; the last one for ever


class Promised:
    """Starts journaled calls. One that is given up before it was claimed comes back after a pause.

    `spawn` hands a coroutine to the application's task group; after `stop` nothing is tried again: what is left in the
    journal runs after the next start.
    """

    def __init__(
        self,
        activations: ActivationStore,
        start: Starter,
        spawn: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._activations = activations
        self._start = start
        self._spawn = spawn
        self._stopped = False

    def stop(self) -> None:
        self._stopped = True

    def start(self, call: Call, journaled: Awaitable[bool] | None = None) -> None:
        """Start `call`, whose id is its journal entry's. `journaled`: whether the entry got there; None: it is there.

        Raises Overloaded at once when it cannot be queued; nothing comes back then.
        """
        self._try(_Attempt(call, self._activations, journaled), 0)

    async def resume(self, call: Call) -> None:
        """As `start`, waiting for room: this work was promised before all that comes now."""
        attempt = _Attempt(call, self._activations, None)
        await self._until_started(attempt, 0)

    def _try(self, attempt: _Attempt, number: int) -> None:
        started = self._start(replace(attempt.call, claim=attempt.claim))
        started.done.add_done_callback(lambda done: self._ended(done, attempt, number))

    def _ended(self, done: asyncio.Future[Activation], attempt: _Attempt, number: int) -> None:
        if done.cancelled() and not attempt.lost and not self._stopped:
            self._spawn(self._again(attempt, number + 1))

    async def _again(self, attempt: _Attempt, number: int) -> None:
        await asyncio.sleep(_pause(number))
        log.info("promised_work_tried_again", activation_id=attempt.call.activation_id, times=number)
        await self._until_started(attempt, number)

    async def _until_started(self, attempt: _Attempt, number: int) -> None:
        while not self._stopped:
            try:
                self._try(attempt, number)
            except Overloaded:
                number += 1
                await asyncio.sleep(_pause(number))
            else:
                return


class _Attempt:
    """A call and its claim. `lost`: it is somebody else's, or was never journaled: it must not be tried again.

    A try that is cancelled has not begun user code. It may have been given up while its claim was being written: the
    claim is the next try's then, for nobody else would run what the journal says is taken.
    """

    def __init__(self, call: Call, activations: ActivationStore, journaled: Awaitable[bool] | None) -> None:
        self.call = call
        self.lost = False
        self._won = False
        self._asking = asyncio.Lock()
        self._doubtful = False  # an earlier claim of ours may have been written after all
        self._activations = activations
        self._journaled = journaled

    async def claim(self) -> bool:
        """User code may begin only when the journal has the work, and nobody else took it."""
        if self._journaled is not None and not await self._journaled:
            self.lost = True
            return False
        async with self._asking:
            return self._won or await self._ask()

    async def _ask(self) -> bool:
        try:
            claimed = await self._activations.claim(str(self.call.activation_id))
        except StorageError as error:
            self._doubtful = True
            log.warning("claim_failed", activation_id=self.call.activation_id, reason=error.reason)
            return False
        except asyncio.CancelledError:
            self._doubtful = True
            raise
        self._won = claimed or self._doubtful
        self.lost = not self._won
        return self._won


def _pause(number: int) -> float:
    return _PAUSES[min(number, len(_PAUSES)) - 1] if number else 0.0

"""Deletes what is too old: records past their time, and code that nothing names."""

from __future__ import annotations

import asyncio

import structlog

from argo_provider.errors import StorageError
from argo_provider.model.clock import Clock, Leaps
from argo_provider.storage.collect import collect_blobs
from argo_provider.storage.port import Stores

log = structlog.get_logger(__name__)

_LEAP_S = 3600.0
_DOUBT_S = 86_400.0  # time to set right a clock that was set wrong


class Sweep:
    """By the wall clock, unless that leapt forward: then nothing is old for a day, for deleting cannot be undone."""

    def __init__(self, stores: Stores, clock: Clock, kept_seconds: float) -> None:
        """`kept_seconds`: the age at which records go; 0 keeps all."""
        self._stores = stores
        self._clock = clock
        self._kept_ms = int(kept_seconds * 1000)
        self._leaps = Leaps(clock)
        self._trusted_from = clock.monotonic()

    async def forever(self, every: float) -> None:
        """Ended by cancelling it."""
        while True:
            try:
                records, blobs = await self.once()
            except StorageError as error:  # a full disk now is no reason to stop sweeping for good
                log.warning("sweep_failed", text=error.text)
            else:
                if records or blobs:
                    log.info("swept", activations=records, blobs=blobs)
            await asyncio.sleep(every)

    async def once(self) -> tuple[int, int]:
        """How many records and files of code went. StorageError."""
        if not self._trusts_clock():
            return 0, 0
        oldest = self._clock.now_ms() - self._kept_ms
        records = await self._stores.activations.sweep(oldest) if self._kept_ms else 0
        return records, await collect_blobs(self._stores)

    def _trusts_clock(self) -> bool:
        leapt = self._leaps.look()
        if leapt > _LEAP_S:
            log.warning("clock_leapt", seconds=round(leapt), text="Nothing is deleted for a day; check the clock.")
            self._trusted_from = self._clock.monotonic() + _DOUBT_S
        elif leapt < -_LEAP_S:  # set right again
            self._trusted_from = self._clock.monotonic()
        return self._clock.monotonic() >= self._trusted_from

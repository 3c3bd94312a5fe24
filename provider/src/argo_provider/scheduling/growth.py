"""Sandboxes made ahead of demand. Nobody who waits gives one up for it, and what serves goes on serving."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from argo_provider.scheduling.settings import PoolSettings
from argo_proxy.pool.entry import SandboxEntry
from argo_proxy.pool.job import Job
from argo_proxy.pool.life import SandboxState
from argo_proxy.pool.pool import SandboxPool
from argo_proxy.pool.shape import Key


class Growth:
    """Jobs that want no more than a sandbox of their own, initialised; memory comes from what is free.

    `serve`: have the job served in this sandbox; `refuse`: there will be none.
    """

    def __init__(
        self, settings: PoolSettings, serve: Callable[[SandboxEntry, Job], None], refuse: Callable[[Job], None]
    ) -> None:
        self._settings = settings
        self._serve = serve
        self._refuse = refuse
        self._wanted: deque[Job] = deque()
        self._made: list[tuple[SandboxEntry, Job]] = []  # sandboxes that are being created, and for which job

    def __bool__(self) -> bool:
        return bool(self._wanted or self._made)

    def add(self, job: Job) -> None:
        self._wanted.append(job)

    def count(self, key: Key) -> int:
        """Sandboxes of this key that are on their way and not yet the key's."""
        return sum(job.key == key for job in (*self._wanted, *(job for _, job in self._made)))

    def take(self, entry: SandboxEntry) -> Job | None:
        """The job that this sandbox was being created for; it waits no longer."""
        found = next((pair for pair in self._made if pair[0] is entry), None)
        if found is None:
            return None
        self._made.remove(found)
        return found[1]

    def stop(self) -> None:
        """None of them will be."""
        jobs = [*self._wanted, *(job for _, job in self._made)]
        self._wanted.clear()
        self._made.clear()
        for job in jobs:
            self._refuse(job)

    def step(self, pool: SandboxPool) -> None:
        """Give those that were created to their jobs, and begin what there is room for."""
        for entry, job in tuple(self._made):
            life = entry.life
            if entry.gone or life.retiring:
                self.take(entry)
                self._refuse(job)
            elif life.ready and life.state is SandboxState.COLD:
                self.take(entry)
                self._serve(entry, job)
        table, settings = pool.table, self._settings
        while self._wanted and table.starts_in_flight < max(settings.max_starts - 1, 1):
            job = self._wanted.popleft()
            if job.shape.memory_mb > settings.memory_mb - table.memory_used:
                self._refuse(job)
            else:
                self._made.append((pool.start(job.shape, job.key), job))

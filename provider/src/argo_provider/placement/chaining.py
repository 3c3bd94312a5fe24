"""Which invocations run as one chain: natively, in one NIUk, with a sandbox free for each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import cast

from argo_provider.optimizer.model import Route
from argo_provider.placement.port import Router
from argo_provider.scheduling.loop import Scheduler
from argo_proxy.pool.chain import Part
from argo_proxy.pool.entry import SandboxEntry
from argo_proxy.pool.job import Job, Ways
from argo_proxy.pool.shape import key_of
from argo_proxy.protocol.messages import Executable, Invocation
from argo_proxy.sandboxes.port import ChainingSandbox, SandboxKind

_NATIVELY = SandboxKind.NIUK.value
OrdinaryWays = Callable[[Executable, Route], Ways]


class Chaining:
    """`ordinary`: where an invocation goes when the native way falls short of the ordinary one."""

    def __init__(self, router: Router, scheduler: Scheduler, ordinary: OrdinaryWays) -> None:
        self._router = router
        self._scheduler = scheduler
        self._ordinary = ordinary

    def may_chain(self, executable: Executable) -> bool:
        """Whether a native sandbox of it is warm and has room."""
        entry = self._scheduler.warm(key_of(executable, _NATIVELY))
        return entry is not None and _chaining(entry.sandbox) is not None

    def parts(self, invocations: Sequence[Invocation]) -> list[Part]:
        """Of as many of the first as can be; empty for fewer than two. Asks the router only about these."""
        entries: list[SandboxEntry] = []
        for invocation in invocations:
            entry = self._joining(invocation.executable, entries)
            if entry is None:
                break
            entries.append(entry)
        parts: list[Part] = []
        if len(entries) > 1:
            for invocation, entry in zip(invocations, entries, strict=False):
                part = self._part(invocation, entry)
                if part is None:
                    break
                parts.append(part)
        return parts if len(parts) > 1 else []

    def _joining(self, executable: Executable, before: list[SandboxEntry]) -> SandboxEntry | None:
        """A sandbox for the next one. An init parameter would have to leave a result that only the NIUk sees."""
        entry = self._scheduler.warm(key_of(executable, _NATIVELY))
        if entry is None or entry in before or (before and executable.init_parameters):
            return None
        first = _chaining(before[0].sandbox if before else entry.sandbox)
        return entry if first is not None and first.joins(entry.sandbox) else None

    def _part(self, invocation: Invocation, entry: SandboxEntry) -> Part | None:
        """None: it is on trial, or withdrawn by now."""
        executable = invocation.executable
        route = self._router.route(executable)
        if route.technology != _NATIVELY or route.canary or entry.sandbox is None:
            return None
        loop = asyncio.get_running_loop()
        job = Job(
            invocation,
            entry.shape,
            claim=None,
            answered=loop.create_future(),
            finished=loop.create_future(),
            now=time.monotonic(),
            key=key_of(executable, _NATIVELY),
            ordinary=self._ordinary(executable, route),
        )
        return Part(job, entry, entry.sandbox)


def _chaining(sandbox: object) -> ChainingSandbox | None:
    """Asked once a class: looking a protocol up took longer than all else here."""
    kind = type(sandbox)
    if kind not in _CHAINING:
        _CHAINING[kind] = isinstance(sandbox, ChainingSandbox)
    return cast("ChainingSandbox", sandbox) if _CHAINING[kind] else None


_CHAINING: dict[type, bool] = {}

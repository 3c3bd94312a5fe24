"""What can run in the cluster now: the nodes' provisioning, seen from a replica as if it were one machine's."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

from argo_provider.cluster.messages import About
from argo_provider.cluster.nodes import Node, NodeTable
from argo_provider.insight.services import NodeView
from argo_provider.placement.provisioning import RuntimeState
from argo_proxy.sandboxes.port import DriverReport

_FIRST_NODE_SECONDS = 10.0


class ClusterReadiness:
    """In the place of a `Provisioner`; `told` is called with what nodes say of themselves."""

    def __init__(self, table: NodeTable) -> None:
        self._table = table
        self._ready: set[str] = set()
        self._changed = asyncio.Event()

    def told(self, about: About) -> None:
        self._ready.update(about.kinds)
        self._changed.set()

    hibernation = None  # each node knows its own

    @property
    def states(self) -> list[RuntimeState]:
        return [state for node in self._table for state in node.about.runtimes]

    @property
    def reports(self) -> list[DriverReport]:
        return [report for node in self._table for report in node.about.reports]

    def nodes(self) -> Sequence[NodeView]:
        return [_view(node) for node in self._table if node.beat is not None]

    async def wait_ready(self, kind: str, seconds: float) -> bool:
        """Whether `kind` has been ready on some node; waits for one that is still preparing it, at most `seconds`."""
        if kind in self._ready:  # quick: every invocation asks
            return True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(seconds, _FIRST_NODE_SECONDS)):
                while not len(self._table):  # a replica that has just started has not heard of them yet
                    await self._news()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while kind not in self._ready and any(kind in node.about.coming for node in self._table):
                    await self._news()
        return kind in self._ready

    async def run(self) -> None:
        """Nothing: each node makes its own runtimes usable."""

    async def _news(self) -> None:
        self._changed.clear()
        await self._changed.wait()


def _view(node: Node) -> NodeView:
    about, beat = node.about, node.beat
    assert beat is not None  # noqa: S101  # whoever calls has looked
    state = "silent" if node.suspect else "draining" if beat.draining else "ready"
    return NodeView(
        node.name, state, about.since_ms, beat.memory_mb, beat.memory_used_mb, sum(beat.by_state.values()), node.waiting
    )

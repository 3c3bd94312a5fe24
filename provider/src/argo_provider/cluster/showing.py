"""The node's part of what the API shows of functions: it answers what it has of a namespace, when a replica asks."""

from __future__ import annotations

from argo_provider.cluster import messages
from argo_provider.cluster.bus import Bus
from argo_provider.cluster.messages import LogAsked, Look, Shown, Wished, WishTaken
from argo_provider.insight.port import LogPage, TierView, WishRefused
from argo_provider.insight.services import Optimiser
from argo_provider.optimizer.model import FunctionId
from argo_provider.placement.port import Placement

_MOST_SANDBOXES = 2000
_MOST_TIERS = 1000  # with their histories about 2 KB each: a message takes 8 MB
_MOST_BUILDS = 200


class Showing:
    """Enter it by `start`."""

    def __init__(self, bus: Bus, node: str, placement: Placement, optimiser: Optimiser) -> None:
        self._bus = bus
        self._node = node
        self._placement = placement
        self._optimiser = optimiser

    async def start(self) -> None:
        for part, responder in (("look", self._look), ("log", self._log), ("wish", self._wish)):
            await self._bus.answer(self._bus.subject("node", self._node, part), responder)

    async def _look(self, content: bytes) -> bytes:
        namespace = messages.decode(content, Look).namespace
        found = [s for s in self._placement.snapshot().sandboxes if s.namespace in {"", namespace}]
        return messages.encode(
            Shown(
                found[:_MOST_SANDBOXES],
                self._optimiser.niuks.of(namespace),
                self._tiers(namespace),
                self._optimiser.builds.list(namespace, None, _MOST_BUILDS),
            )
        )

    def _tiers(self, namespace: str) -> list[TierView]:
        paths = [*self._optimiser.tiers.states(namespace)][:_MOST_TIERS]
        views = (self._optimiser.tiers.of(FunctionId(namespace, path)) for path in paths)
        return [view for view in views if view is not None]

    async def _log(self, content: bytes) -> bytes:
        asked = messages.decode(content, LogAsked)
        page = await self._optimiser.builds.log(asked.namespace, asked.build, asked.offset, asked.most)
        return messages.encode(page or LogPage(b"", -1))

    async def _wish(self, content: bytes) -> bytes:
        wished = messages.decode(content, Wished)
        if self._optimiser.tiers.of(wished.function) is None:
            return messages.encode(WishTaken(known=False))
        try:
            await self._optimiser.tiers.wish(wished.function, wished.wish)
        except WishRefused as error:
            return messages.encode(WishTaken(known=True, refused=str(error)))
        return messages.encode(WishTaken(known=True))

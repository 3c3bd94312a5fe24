"""The replica's part of what the API shows of functions: `look` gathers what the nodes have of a namespace.

Between looks everything is as it was at the last one. Each node has an optimiser of its own: of a function that is on
several nodes the one furthest on its way is shown, and its reason says whose it is.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from weakref import WeakValueDictionary

import structlog

from argo_provider.cluster import messages
from argo_provider.cluster.bus import Bus, NoAnswer
from argo_provider.cluster.messages import LogAsked, Look, Shown, Wished, WishTaken
from argo_provider.cluster.nodes import NodeTable
from argo_provider.events import BuildChanged, EventBus, TierChanged
from argo_provider.insight.port import BuildView, LogPage, NiukView, TierView, WishRefused
from argo_provider.insight.services import Optimiser
from argo_provider.optimizer.model import FunctionId, State
from argo_provider.placement.port import SandboxSummary
from argo_provider.storage.cache import LruCache

log = structlog.get_logger(__name__)

_SECONDS = 2.0
_NAMESPACES = 1000
_FURTHEST = (State.ORDINARY, State.PINNED, State.OBSERVED, State.BUILDING, State.CANARY, State.NATIVE)
UNKNOWN = "No node of this cluster has run it yet, so none has an optimiser that knows it: invoke it, then ask again."


@dataclass(frozen=True, slots=True)
class Seen:
    """A namespace as its nodes showed it. `at`: monotonic seconds when they were asked."""

    sandboxes: tuple[SandboxSummary, ...] = ()
    niuks: tuple[NiukView, ...] = ()
    tiers: Mapping[str, TierView] = field(default_factory=dict)  # by path
    builds: Mapping[str, BuildView] = field(default_factory=dict)  # by id, newest first
    at: float = float("-inf")


class Sight:
    """What `optimiser` gives reads what `look` has gathered; changes are published as they are seen."""

    def __init__(self, bus: Bus, table: NodeTable, events: EventBus) -> None:
        self._bus = bus
        self._table = table
        self._events = events
        self._seen: LruCache[str, Seen] = LruCache(_NAMESPACES)
        self._looked = ""
        self._looking: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def look(self, namespace: str) -> None:
        """Ask every node. One that does not answer in time shows nothing.

        A look costs 3 to 40 ms of CPU at 100 nodes, and a page asks for five things at once: who comes while nodes are
        being asked shares the next look with all who wait for it. Not this one: what the caller did before it came,
        nodes may not have known when they answered.
        """
        came = time.monotonic()
        looking = self._looking.setdefault(namespace, asyncio.Lock())
        async with looking:
            if self.of(namespace).at < came:
                await self._look(namespace)

    async def _look(self, namespace: str) -> None:
        began = time.monotonic()
        answers = await self.ask_all("look", messages.encode(Look(namespace)))
        now = together({node: messages.decode(answer, Shown) for node, answer in answers.items()})
        before = self._seen.get(namespace)
        self._seen.put(namespace, replace(now, at=began))
        self._looked = namespace
        if before is not None:
            self._tell(before, now)

    def of(self, namespace: str) -> Seen:
        return self._seen.get(namespace) or Seen()

    def sandboxes(self) -> tuple[SandboxSummary, ...]:
        """Of all namespaces that were looked at; those that are bound to none as of the last look."""
        namespaces = self._seen.keys()
        bound = [s for namespace in namespaces for s in self.of(namespace).sandboxes if s.namespace]
        return (*bound, *(s for s in self.of(self._looked).sandboxes if not s.namespace))

    def optimiser(self) -> Optimiser:
        return Optimiser(_Tiers(self), _Builds(self), _Niuks(self))

    async def ask_all(self, what: str, content: bytes) -> Mapping[str, bytes]:
        """The answers of those that gave one, by node."""
        nodes = sorted(node.name for node in self._table)
        answers = await asyncio.gather(*(self._ask(node, what, content) for node in nodes))
        return {node: answer for node, answer in zip(nodes, answers, strict=True) if answer is not None}

    async def _ask(self, node: str, what: str, content: bytes) -> bytes | None:
        try:
            return await self._bus.request(self._bus.subject("node", node, what), content, _SECONDS)
        except NoAnswer as error:
            log.info("node_shows_nothing", node=node, reason=str(error))
            return None

    def _tell(self, before: Seen, now: Seen) -> None:
        for path, tier in now.tiers.items():
            known = before.tiers.get(path)
            if known is None or (known.since, known.reason) != (tier.since, tier.reason):
                self._events.publish(TierChanged(tier.function))
        for id_, build in now.builds.items():
            if before.builds.get(id_) != build:
                self._events.publish(BuildChanged(build.function, id_))


def together(shown: Mapping[str, Shown]) -> Seen:
    """One picture of what the nodes showed; ids of sandboxes and NIUks begin with their node's name."""
    tiers: dict[str, dict[str, TierView]] = {}
    for node, one in shown.items():
        for view in one.tiers:
            tiers.setdefault(view.function.path, {})[node] = view
    builds = sorted((b for one in shown.values() for b in one.builds), key=lambda b: -b.started)
    return Seen(
        tuple(replace(s, id=f"{node}.{s.id}") for node, one in shown.items() for s in one.sandboxes),
        tuple(replace(n, id=f"{node}.{n.id}") for node, one in shown.items() for n in one.niuks),
        {path: _furthest(views) for path, views in sorted(tiers.items())},
        {build.id: build for build in builds},
    )


def _furthest(views: Mapping[str, TierView]) -> TierView:
    node = max(views, key=lambda name: _FURTHEST.index(views[name].state))
    view = views[node]
    others = "".join(f" On node {name} it is {other.state.value}." for name, other in views.items() if name != node)
    return replace(view, reason=f"On node {node}: {view.reason}{others}")


class _Tiers:
    """The port `Tiers`."""

    def __init__(self, sight: Sight) -> None:
        self._sight = sight

    def of(self, function: FunctionId) -> TierView | None:
        return self._sight.of(function.namespace).tiers.get(function.path)

    def states(self, namespace: str) -> Mapping[str, State]:
        return {path: view.state for path, view in self._sight.of(namespace).tiers.items()}

    async def wish(self, function: FunctionId, wish: str) -> None:
        """Every node that knows the function is asked; each has its own way of it."""
        answers = await self._sight.ask_all("wish", messages.encode(Wished(function, wish)))
        taken = [messages.decode(answer, WishTaken) for answer in answers.values()]
        known = [one for one in taken if one.known]
        if not known:
            raise WishRefused(UNKNOWN)
        if all(one.refused for one in known):
            raise WishRefused(known[0].refused)
        await self._sight.look(function.namespace)


class _Builds:
    """The port `Builds`."""

    def __init__(self, sight: Sight) -> None:
        self._sight = sight

    def list(self, namespace: str, path: str | None, limit: int) -> Sequence[BuildView]:
        return [*self._of(namespace, path)][:limit]

    def _of(self, namespace: str, path: str | None) -> Iterator[BuildView]:
        return (b for b in self._sight.of(namespace).builds.values() if path in {None, b.function.path})

    def get(self, namespace: str, build_id: str) -> BuildView | None:
        return self._sight.of(namespace).builds.get(build_id)

    async def log(self, namespace: str, build_id: str, offset: int, most: int) -> LogPage | None:
        asked = messages.encode(LogAsked(namespace, build_id, offset, most))
        answers = (await self._sight.ask_all("log", asked)).values()
        pages = [messages.decode(answer, LogPage) for answer in answers]
        return next((page for page in pages if page.next_offset >= 0), None)


class _Niuks:
    """The port `Niuks`."""

    def __init__(self, sight: Sight) -> None:
        self._sight = sight

    def of(self, namespace: str) -> Sequence[NiukView]:
        return self._sight.of(namespace).niuks

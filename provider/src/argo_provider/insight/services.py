"""All that the API shows of the running service, wired together once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from argo_provider.events import ActionChanged, ActivationEnded, EventBus, NamespaceChanged
from argo_provider.insight.catalogue import Catalogue
from argo_provider.insight.feed import Feed
from argo_provider.insight.figures import LiveFigures
from argo_provider.insight.functions import Functions
from argo_provider.insight.happenings import Happenings
from argo_provider.insight.machine import MachineFigures, MachineProbe
from argo_provider.insight.port import Builds, Niuks, Tiers
from argo_provider.insight.unwired import NoBuilds, NoNiuks, NoTiers
from argo_provider.model.clock import Clock
from argo_provider.placement.port import PlacementSnapshot
from argo_provider.storage.port import Stores


@dataclass(frozen=True, slots=True)
class NodeView:
    """One machine that runs functions. `since`: epoch milliseconds."""

    id: str
    state: str  # ready, draining, …
    since: int
    memory_mb: int
    memory_used_mb: int
    sandboxes: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Optimiser:
    """The optimiser as the API sees it; by default there is none."""

    tiers: Tiers = NoTiers()
    builds: Builds = NoBuilds()
    niuks: Niuks = NoNiuks()


async def _at_hand(_namespace: str) -> None:
    """Nothing: this machine's sandboxes and optimiser are looked at as they are."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the API shows and nobody in here knows. `degraded`: sentences; `emulated`: microVMs run without KVM.

    `look`: called before what is of a namespace is read from the snapshot or the optimiser.
    """

    snapshot: Callable[[], PlacementSnapshot]
    degraded: Callable[[], Sequence[str]] = tuple
    emulated: Callable[[], bool] = bool
    nodes: Callable[[], Sequence[NodeView]] | None = None  # None: this machine alone
    look: Callable[[str], Awaitable[None]] = _at_hand


@dataclass(frozen=True, slots=True)
class PoolFigures:
    """The pool and the machine under it at one moment."""

    pool: PlacementSnapshot
    machine: MachineFigures


class Insight:
    """Everything behind /api/v1/argo that is not an entity."""

    def __init__(
        self,
        stores: Stores,
        events: EventBus,
        clock: Clock,
        surroundings: Surroundings,
        optimiser: Optimiser | None = None,
    ) -> None:
        optimiser = optimiser or Optimiser()
        self.tiers, self.builds, self.niuks = optimiser.tiers, optimiser.builds, optimiser.niuks
        self.snapshot = surroundings.snapshot
        self.degraded = surroundings.degraded
        self.emulated = surroundings.emulated
        self.look = surroundings.look
        self._nodes = surroundings.nodes
        self._clock = clock
        self._began = clock.monotonic()
        self._began_ms = clock.now_ms()
        self._probe = MachineProbe()
        figures = LiveFigures(clock.monotonic)
        self.catalogue = Catalogue(stores.entities)
        self.functions = Functions(self.catalogue, figures, self.tiers, stores.activations, self.snapshot)
        happenings = Happenings(self.tiers, self.builds)
        self.feed = Feed(happenings, self.snapshot, self._pool_figures, clock.monotonic, look=self.look)
        events.listen(figures.on_event, ActivationEnded)
        events.listen(self.catalogue.on_event, ActionChanged, NamespaceChanged)
        events.listen(self.feed.on_event)

    def now(self) -> PoolFigures:
        return self._pool_figures(self.snapshot())

    def _pool_figures(self, snapshot: PlacementSnapshot) -> PoolFigures:
        return PoolFigures(snapshot, self._probe.sample())

    @property
    def has_optimiser(self) -> bool:
        return not isinstance(self.tiers, NoTiers)

    @property
    def uptime_seconds(self) -> float:
        return self._clock.monotonic() - self._began

    def nodes(self) -> Sequence[NodeView]:
        if self._nodes is not None:
            return self._nodes()
        now = self.snapshot()
        state = "draining" if now.draining else "ready"
        waiting = sum(now.waiting.values())
        used, limit = now.memory_used_mb, now.memory_limit_mb
        return (NodeView("local", state, self._began_ms, limit, used, len(now.sandboxes), waiting),)

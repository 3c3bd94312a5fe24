"""Puts the optimiser together for `app`: policy, pipeline, builds, and everything native of this machine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from typing import Any

import structlog

from argo_provider.entities.access import resolve_action
from argo_provider.errors import UserError
from argo_provider.events import BuildChanged, EventBus
from argo_provider.insight.optimized import PipelineBuilds, PipelineTiers, WatchedNiuks
from argo_provider.insight.services import Optimiser
from argo_provider.invocation.activator import executable_of
from argo_provider.invocation.call import Call
from argo_provider.model.clock import Clock
from argo_provider.model.names import FullName
from argo_provider.native.calls import InsideCalls
from argo_provider.native.stack import LoadCode, NativeStack
from argo_provider.native.sweeping import ArtefactSweep
from argo_provider.native.toolchain import PartState
from argo_provider.native.watch import NiukWatch
from argo_provider.optimizer.builds import Builds
from argo_provider.optimizer.instructions import Instruction
from argo_provider.optimizer.model import FunctionId
from argo_provider.optimizer.pipeline import Pipeline, Surroundings
from argo_provider.optimizer.policy import Policy
from argo_provider.optimizer.shelf import Shelf
from argo_provider.optimizer.snapshot import SnapshotError
from argo_provider.settings import Settings
from argo_provider.storage.port import Stores
from argo_proxy.builder.cache import Cache, default_root
from argo_proxy.builder.port import Exchange
from argo_proxy.pool.events import PoolEvents
from argo_proxy.pool.shape import Shape
from argo_proxy.protocol.messages import Executable, Execution
from argo_proxy.runtimes import Catalogue
from argo_proxy.sandboxes.niuk.slot import SlotEvents
from argo_proxy.sandboxes.port import Shortfall

_log = structlog.get_logger(__name__)
_MOST_NIUK_MB = 4096

Spawn = Callable[[Coroutine[Any, Any, None]], object]


@dataclass(slots=True)
class Optimizer:
    """A service's optimiser. `start` it once the placement, whose router the pipeline is, is attached."""

    pipeline: Pipeline
    policy: Policy
    builds: Builds
    native: NativeStack
    resumed: list[Instruction]
    calls: InsideCalls
    sweep: ArtefactSweep
    sweep_seconds: float
    niuks: WatchedNiuks = field(default_factory=WatchedNiuks)

    def shown(self) -> Optimiser:
        """What the API shows of it."""
        tiers = PipelineTiers(self.pipeline, self.builds, self.policy.states)
        return Optimiser(tiers, PipelineBuilds(self.builds), self.niuks)

    async def start(self, spawn: Spawn) -> None:
        """Take up what an earlier run left, and look after it all."""
        await self.pipeline.start(self.resumed)
        spawn(self.native.open())
        spawn(self.pipeline.tick_forever())
        spawn(self.sweep.run(self.sweep_seconds))
        spawn(NiukWatch(self.native.driver, self.niuks, self.pipeline.tell, self.native.memory_mb).run())

    def status(self) -> list[dict[str, Any]]:
        """How far what native forms take is."""
        return [asdict(state) for state in self.native.toolchain.states]

    def missing(self) -> list[PartState]:
        """What native forms take and could not be had."""
        return [state for state in self.native.toolchain.states if state.state == "failed"]


async def open_optimizer(  # noqa: PLR0917 — as in `app`: where everything meets
    settings: Settings,
    installation: str,
    stores: Stores,
    events: EventBus,
    load_code: LoadCode,
    catalogue: Catalogue,
    clock: Clock,
    spawn: Spawn,
    stack: AsyncExitStack,
    exchange: Exchange | None = None,
) -> Optimizer:
    """Everything but the placement; closed with `stack`. `exchange`: of native libraries with other machines."""
    folder = settings.data_dir / "native"
    calls = InsideCalls(stores, clock, spawn)
    native = NativeStack(
        installation,
        folder,
        settings.optimizer,
        load_code,
        catalogue,
        memory_mb=min(settings.pool.memory_mb, _MOST_NIUK_MB),
        most=max(1, settings.pool.memory_mb // _MOST_NIUK_MB),
        patience_seconds=settings.pool.patience_seconds,
        provision=settings.runtimes.provision,
        on_call=calls.serve,
        events=SlotEvents(
            on_record=calls.recorded,
            on_run=lambda namespace, path, took: pipeline.ran(namespace, path, took),  # noqa: PLW0108 — it comes later
        ),
        exchange=exchange,
    )
    stack.push_async_callback(native.close)
    await native.sweep()
    shelf = Shelf(stores.documents)
    policy, resumed = await _restored(shelf, settings)
    builds = Builds(
        stores.documents,
        folder / "builds",
        spawn=spawn,
        changed=lambda record: events.publish(BuildChanged(record.function, record.id)),
    )
    around = Surroundings(native.technologies, builds, shelf, events, _Lookup(stores), spawn)
    pipeline = Pipeline(policy, settings.optimizer, around)
    stack.push_async_callback(pipeline.close)
    limit = settings.optimizer.artefacts_mb
    sweep = ArtefactSweep(native.libraries, shelf, Cache(default_root()), limit, pipeline.tell)
    every = settings.retention.sweep_every_seconds
    return Optimizer(pipeline, policy, builds, native, resumed, calls, sweep, every)


async def _restored(shelf: Shelf, settings: Settings) -> tuple[Policy, list[Instruction]]:
    state = await shelf.policy()
    if state is not None:
        try:
            policy = await asyncio.to_thread(
                Policy.from_json, state, settings.optimizer, patience_seconds=settings.pool.patience_seconds
            )
        except SnapshotError as error:  # of another version: functions are learnt anew, and nothing is lost but time
            _log.warning("optimizer_state_unreadable", reason=str(error))
        else:
            return policy, policy.resume(time.time())
    return Policy(settings.optimizer, patience_seconds=settings.pool.patience_seconds), []


@dataclass(frozen=True, slots=True)
class _Lookup:
    """The action at a path as a namespace would run it."""

    stores: Stores

    async def __call__(self, function: FunctionId) -> Executable | None:
        record = await self.stores.namespaces.by_name(function.namespace)
        if record is None:
            return None
        try:
            target = await resolve_action(self.stores.entities, record.identity, FullName.parse(function.path))
        except UserError:
            return None
        if target.action.exec.is_sequence:
            return None
        return executable_of(Call(record.identity, target, {}, ""))


class PoolListeners:
    """`PoolEvents` for metrics and the optimiser."""

    def __init__(self, metrics: PoolEvents, pipeline: Pipeline) -> None:
        self._metrics = metrics
        self._pipeline = pipeline

    def executed(self, executable: Executable, execution: Execution) -> None:
        self._metrics.executed(executable, execution)
        self._pipeline.executed(executable, execution)

    def fell_short(self, executable: Executable, shortfall: Shortfall | None, words: str, *, rerun: bool) -> None:
        self._metrics.fell_short(executable, shortfall, words, rerun=rerun)
        self._pipeline.fell_short(executable, shortfall, words, rerun=rerun)

    def started(self, shape: Shape, seconds: float) -> None:
        self._metrics.started(shape, seconds)

    def start_failed(self, shape: Shape, reason: str) -> None:
        self._metrics.start_failed(shape, reason)

    def ended(self, shape: Shape, reason: str) -> None:
        self._metrics.ended(shape, reason)

    def hibernated(self, shape: Shape) -> None:
        self._metrics.hibernated(shape)

    def woke(self, shape: Shape) -> None:
        self._metrics.woke(shape)

    def rejected(self, reason: str) -> None:
        self._metrics.rejected(reason)

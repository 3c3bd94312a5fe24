"""Components of a sequence that live in one NIUk: sent there as one, while nothing about them changes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from argo_provider.entities.access import resolve_action
from argo_provider.errors import ArgoError
from argo_provider.events import ActionChanged, Event, EventBus, NamespaceChanged, PackageChanged
from argo_provider.invocation.activator import Activator
from argo_provider.invocation.call import Budget, Call, Payload, Started
from argo_provider.invocation.sequences import Steps, Trail, step_of
from argo_provider.model.activation import Activation, Status
from argo_provider.model.names import FullName
from argo_provider.placement.port import Cutting
from argo_provider.storage.port import EntityStore


@dataclass(slots=True, eq=False)
class _Watch:
    """Cuts a chain when something of its components' owners changes: they may be others then."""

    owners: set[str]  # namespaces
    cutting: Cutting = field(default_factory=Cutting)
    heard: set[str] = field(default_factory=set)

    def hear(self, namespace: str) -> None:
        self.heard.add(namespace)
        if namespace in self.owners:
            self.cutting.cut()

    def add(self, owner: str) -> None:
        """A binding leads to what another one owns."""
        self.owners.add(owner)
        if owner in self.heard:
            self.cutting.cut()


class Chains:
    """`Together`. What a chain had begun when something stopped it is recorded; what it had not is the service's."""

    def __init__(self, entities: EntityStore, activator: Activator, steps: Steps, events: EventBus) -> None:
        self._entities = entities
        self._activator = activator
        self._steps = steps
        self._watches: set[_Watch] = set()
        events.listen(self._heard, ActionChanged, PackageChanged, NamespaceChanged)

    async def __call__(
        self, call: Call, activation_id: str, components: Sequence[FullName], payload: Payload, trail: Trail
    ) -> int:
        if len(components) < 2 or isinstance(payload, list):
            return 0
        watch = _Watch({call.identity.namespace, *(name.namespace for name in components)})
        self._watches.add(watch)
        try:
            steps = await self._ready(call, activation_id, components, payload, watch)
            if len(steps) < 2 or watch.cutting.is_cut or call.budget is None:
                return 0
            return await self._run(_within(call.budget, steps), call.budget, watch.cutting, trail)
        finally:
            watch.cutting.cut()  # of no effect on what has begun
            self._watches.discard(watch)

    async def _ready(
        self, call: Call, activation_id: str, components: Sequence[FullName], payload: Payload, watch: _Watch
    ) -> list[Call]:
        """As many of the first as may be a chain now."""
        steps: list[Call] = []
        for name in components:
            try:
                target = await resolve_action(self._entities, call.identity, name)
            except ArgoError:
                break  # it has its turn, and is told of then
            step = step_of(call, activation_id, target, {} if steps else payload)
            if not self._activator.may_chain(step):
                break
            watch.add(target.action.name.namespace)
            steps.append(step)
        return steps

    async def _run(self, steps: list[Call], budget: Budget, cutting: Cutting, trail: Trail) -> int:
        begun = 0
        try:
            for started, step in zip(self._activator.start_chain(steps, cutting), steps, strict=False):
                activation = await self._ended(started, step)
                if activation is None:
                    break
                begun += 1
                trail.add(activation)
                if activation.response.status is not Status.SUCCESS:
                    break
        finally:
            for _ in steps[begun:]:
                budget.put_back()
        return begun

    async def _ended(self, started: Started, step: Call) -> Activation | None:
        """None: it did not begin."""
        try:
            return await self._steps.wait(started, step.target)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if started.done.cancelled() and task is not None and not task.cancelling():
                return None
            raise

    def _heard(self, event: Event) -> None:
        if not self._watches:
            return
        match event:
            case ActionChanged(name) | PackageChanged(name):
                namespace = name.namespace
            case NamespaceChanged(namespace):
                pass
            case _:
                return
        for watch in tuple(self._watches):
            watch.hear(namespace)


def _within(budget: Budget, steps: list[Call]) -> list[Call]:
    """As many of the first as the budget allows, and taken from it."""
    taken = []
    for step in steps:
        if not budget.take():
            budget.put_back()
            break
        taken.append(step)
    return taken

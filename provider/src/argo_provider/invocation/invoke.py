"""The use case behind POST …/actions/{name}: checks, start, and either the record or a promise that it will be kept."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from argo_provider.entities.access import ResolvedAction, resolve_action
from argo_provider.errors import BadRequest, NotFound, Overloaded
from argo_provider.invocation.activator import Activator
from argo_provider.invocation.arguments import check_final
from argo_provider.invocation.call import Call, Payload, Prepare, Started
from argo_provider.invocation.journal import encode_call
from argo_provider.invocation.promised import Promised
from argo_provider.invocation.throttle import Throttle
from argo_provider.model.activation import Activation, JournalEntry
from argo_provider.model.clock import Clock
from argo_provider.model.identity import Identity
from argo_provider.model.kinds import KindTable
from argo_provider.model.names import FullName
from argo_provider.model.record import record
from argo_provider.storage.port import ActivationStore, EntityStore
from argo_proxy.deadlines import Deadlines


@record
class Request:
    """One request to invoke. `wait_ms` None: non-blocking."""

    identity: Identity
    name: FullName
    payload: Payload
    transaction_id: str
    wait_ms: int | None = None
    api_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Accepted:
    """Not ended (yet): the id is journaled, so its record will come whatever happens."""

    activation_id: str


class Invoke:
    """Resolves, checks, starts, waits."""

    def __init__(
        self,
        entities: EntityStore,
        activations: ActivationStore,
        activator: Activator,
        throttle: Throttle,
        kinds: KindTable,
        clock: Clock,
        prepare: Prepare,
        *,
        promised: Promised,
    ) -> None:
        self._entities = entities
        self._activations = activations
        self._activator = activator
        self._throttle = throttle
        self._kinds = kinds
        self._clock = clock
        self._prepare = prepare
        self._promised = promised
        self._deadlines = Deadlines()
        self.draining = False  # set once, when the service is stopping: nothing new is taken in

    async def __call__(self, request: Request) -> Activation | Accepted:
        """Throttled, Forbidden, NotFound, BadRequest, Overloaded; failures of the action are in its record."""
        self.check_rate(request.identity)
        target = await resolve_action(self._entities, request.identity, request.name)
        if isinstance(request.payload, Mapping):
            check_final(target.action, target.parameters, request.payload)
        call = Call(
            identity=request.identity,
            target=target,
            payload=request.payload,
            transaction_id=request.transaction_id,
            api_key=request.api_key,
        )
        if request.wait_ms is None:
            return await self.accept(call)
        return await self.wait(call, request.wait_ms)

    def check_rate(self, identity: Identity) -> None:
        """Throttled, or Overloaded while draining; callers that resolve the action themselves start here."""
        if self.draining:
            raise Overloaded("The service is stopping.")
        self._throttle.check_invocation(identity)

    async def wait(self, call: Call, wait_ms: int) -> Activation | Accepted:
        """Run it and wait; Accepted when the wait is over first."""
        self._check(call.target)
        await self._prepare(call.target.action.exec.kind)
        self._throttle.check_room(call.identity)  # others may have started while this one looked things up
        started = self._activator.start(call)
        if await self._ended(started.done, wait_ms / 1000):
            return _result(started)
        entry = self._entry(replace(call, activation_id=started.activation_id))
        await self._activations.accept([replace(entry, claimed=True)])
        return _result(started) if started.done.done() else Accepted(started.activation_id)

    async def _ended(self, done: asyncio.Future[Activation], seconds: float) -> bool:
        """Whether `done` came in time; on the path of every blocking call, so leaner than asyncio.wait."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def wake(_: object) -> None:
            if not waiter.done():
                waiter.set_result(None)

        done.add_done_callback(wake)
        self._deadlines.watch(waiter, seconds)
        try:
            await waiter
        except TimeoutError:
            return done.done()
        finally:
            self._deadlines.forget(waiter)
            done.remove_done_callback(wake)
        return True

    async def accept(self, call: Call) -> Accepted:
        """Journal it, start it, and answer at once: the journal entry is durable on return."""
        (accepted,) = await self.accept_all([call])
        if isinstance(accepted, Exception):
            raise accepted
        return accepted

    async def accept_all(self, calls: list[Call]) -> list[Accepted | BadRequest | NotFound]:
        """Several at once in one commit; a call whose action cannot run is answered with its error instead."""
        results: list[Accepted | BadRequest | NotFound] = []
        ready: list[Call] = []
        for call in calls:
            try:
                self._check(call.target)
            except (BadRequest, NotFound) as error:
                results.append(error)
                continue
            await self._prepare(call.target.action.exec.kind)
            named = replace(call, activation_id=call.activation_id or self._clock.new_id(), deferred=True)
            ready.append(named)
            results.append(Accepted(str(named.activation_id)))
        if ready:
            await self._journal_and_start(ready)
        return results

    async def _journal_and_start(self, calls: list[Call]) -> None:
        journaled: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        try:
            for call in calls:
                self._promised.start(call, journaled)
            await self._activations.accept([self._entry(call) for call in calls])
            journaled.set_result(True)
        finally:
            if not journaled.done():
                journaled.set_result(False)

    def _check(self, target: ResolvedAction) -> None:
        """BadRequest for an action whose kind can no longer be run."""
        info = self._kinds.get(target.action.exec.kind)
        if info is not None:
            info.check_supported()

    def _entry(self, call: Call) -> JournalEntry:
        return JournalEntry(str(call.activation_id), call.identity.namespace, self._clock.now_ms(), encode_call(call))


def _result(started: Started) -> Activation | Accepted:
    """The record; an activation dropped while draining stays a promise of the journal."""
    return Accepted(started.activation_id) if started.done.cancelled() else started.done.result()

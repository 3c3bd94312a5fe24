"""Starts any action, closes its record once, and says so on the event bus."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

import structlog

from argo_provider.errors import Overloaded
from argo_provider.events import ActivationEnded, EventBus
from argo_provider.invocation import records
from argo_provider.invocation.arguments import merge, truthy
from argo_provider.invocation.call import Call, Started
from argo_provider.invocation.throttle import Throttle
from argo_provider.model.activation import Activation, Response, Status
from argo_provider.model.clock import Clock
from argo_provider.model.entities import Action, Parameters
from argo_provider.model.identity import Identity
from argo_provider.model.kinds import BUILTIN
from argo_provider.placement import port
from argo_provider.storage.port import ActivationStore
from argo_proxy.protocol.messages import EGRESS, Executable, Execution, Invocation

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class BuiltinCall:
    """What a builtin action of whisk.system is given. `identity` is the caller's."""

    identity: Identity
    arguments: dict[str, Any]
    transaction_id: str
    api_key: str | None


Builtin = Callable[[BuiltinCall], Awaitable[Response]]
StepRunner = Callable[[Call, str], Awaitable[Activation]]
"""Runs a sequence or composition under the given activation id; its record is not yet kept."""


@dataclass(frozen=True, slots=True)
class Runners:
    """Who runs what is not one function in one sandbox."""

    sequence: StepRunner
    composition: StepRunner
    builtins: Mapping[str, Builtin]  # by "ns/pkg/name"


class Activator:
    """The use case "run this action". `start` returns at once; the record follows.

    `spawn` hands a coroutine to the application's task group.
    """

    def __init__(
        self,
        placement: port.Placement,
        activations: ActivationStore,
        throttle: Throttle,
        events: EventBus,
        clock: Clock,
        spawn: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._placement = placement
        given: object = placement
        self._chaining = given if isinstance(given, port.ChainingPlacement) else None
        self._activations = activations
        self._throttle = throttle
        self._events = events
        self._clock = clock
        self._spawn = spawn
        self._runners: Runners | None = None
        self._executables = Executables()

    def use(self, runners: Runners) -> None:
        """Set once while wiring: sequences start actions and are actions themselves."""
        self._runners = runners

    def start(self, call: Call) -> Started:
        """Raises Overloaded at once; everything later ends up in the record."""
        activation_id = call.activation_id or self._clock.new_id()
        done: asyncio.Future[Activation] = asyncio.get_running_loop().create_future()
        started = Started(activation_id, done)
        steps = self._step_runner(call.target.action)
        if steps is None:
            self._submit(call, started)
        else:
            self._spawn(self._run_steps(call, started, steps))
        self._throttle.enter(call.identity.namespace)
        done.add_done_callback(lambda _: self._throttle.leave(call.identity.namespace))
        return started

    def _step_runner(self, action: Action) -> StepRunner | None:
        assert self._runners is not None, "Activator.use was not called"  # noqa: S101
        if action.exec.is_sequence:
            return self._runners.sequence
        if action.exec.kind == BUILTIN:
            return self._run_builtin
        if truthy(action.annotations.get("conductor")):
            return self._runners.composition
        return None

    def submit_conductor(self, call: Call) -> Started:
        """One call of a conductor as the plain action it also is."""
        started = Started(self._clock.new_id(), asyncio.get_running_loop().create_future())
        self._submit(call, started)
        return started

    def may_chain(self, call: Call) -> bool:
        """Whether `call` could be part of a chain now; constant time."""
        if self._chaining is None or self._step_runner(call.target.action) is not None:
            return False
        return self._chaining.may_chain(self._executables.of(call))

    def start_chain(self, calls: Sequence[Call], cutting: port.Cutting) -> list[Started]:
        """Start as many of the first of these as can run one after the other, each on the result of the one before.

        They are for `may_chain`; none is started where it would be fewer than two. `done` of one that does not begin is
        cancelled. Only the first has a payload: those of the others come from the one before.
        """
        if self._chaining is None:
            return []
        invocations = [self._invocation(call, self._clock.new_id()) for call in calls]
        tickets = self._chaining.chain(invocations, cutting)
        chain = []
        for call, invocation, ticket in zip(calls, invocations, tickets, strict=False):
            started = Started(invocation.activation_id, asyncio.get_running_loop().create_future())
            self._follow(ticket, call, started)
            chain.append(started)
        self._count_one(calls[0].identity.namespace, chain)
        return chain

    def _count_one(self, namespace: str, chain: list[Started]) -> None:
        """One of a chain is in flight at a time."""
        if not chain:
            return
        left = len(chain)

        def ended(_: object) -> None:
            nonlocal left
            left -= 1
            if not left:
                self._throttle.leave(namespace)

        self._throttle.enter(namespace)
        for started in chain:
            started.done.add_done_callback(ended)

    def _invocation(self, call: Call, activation_id: str) -> Invocation:
        arguments = merge(call.target.parameters, call.payload)
        if call.extra_arguments and not isinstance(arguments, list):
            arguments = {**arguments, **call.extra_arguments}
        return Invocation(
            activation_id,
            call.transaction_id,
            self._executables.of(call),
            arguments,
            api_key=call.api_key,
            accepted_at=self._clock.monotonic(),
        )

    def _submit(self, call: Call, started: Started) -> None:
        try:
            ticket = self._placement.submit(self._invocation(call, started.activation_id), claim=call.claim)
        except port.Overloaded as error:
            raise Overloaded(str(error)) from error
        self._follow(ticket, call, started)

    def _follow(self, ticket: port.Ticket, call: Call, started: Started) -> None:
        ticket.outcome.add_done_callback(lambda f: self._answered(call, started, f))
        ticket.execution.add_done_callback(lambda f: self._ended(call, started, f))

    def _answered(self, call: Call, started: Started, future: asyncio.Future[Execution]) -> None:
        if started.done.done():
            return
        if future.cancelled():
            started.done.cancel()
            return
        if (error := future.exception()) is not None:
            if isinstance(error, port.Overloaded):
                started.done.set_exception(Overloaded(str(error)))
                started.done.exception()  # nobody has to listen
            else:
                started.done.cancel()
            return
        started.done.set_result(records.of_execution(call, started.activation_id, future.result(), self._clock.now()))

    def _ended(self, call: Call, started: Started, future: asyncio.Future[Execution]) -> None:
        if future.cancelled():
            return
        if (error := future.exception()) is not None:
            if isinstance(error, port.Overloaded):  # whoever waited may have been answered 202 meanwhile
                now = self._clock.now_ms()
                self.keep(
                    records.of_platform_failure(call, started.activation_id, now, str(error), Status.WHISK_ERROR), call
                )
            return  # dropped before user code began: journaled work is taken up after the next start
        self._answered(call, started, future)
        activation = started.done.result()
        logs = future.result().logs
        self.keep(replace(activation, logs=logs) if logs else activation, call)

    def keep(self, activation: Activation, call: Call) -> None:
        """Write the record behind the caller's back and publish it."""
        if not call.deferred and _unwanted(call.identity, activation):
            self._events.publish(ActivationEnded(activation))
            return
        try:
            self._activations.enqueue(activation)
        except Overloaded:
            self._spawn(self._activations.record(activation))
        self._events.publish(ActivationEnded(activation))

    async def _run_steps(self, call: Call, started: Started, runner: StepRunner) -> None:
        try:
            if call.claim is not None and not await call.claim():
                started.done.cancel()
                return
            activation = await runner(_with_context(call), started.activation_id)
        except asyncio.CancelledError:
            started.done.cancel()
            raise
        except Exception:  # the guard of a loop: the caller must get a record whatever broke
            log.exception("composition_failed", activation_id=started.activation_id)
            activation = records.of_platform_failure(
                call, started.activation_id, self._clock.now_ms(), "Sequence failed.", Status.WHISK_ERROR
            )
        if not started.done.done():
            started.done.set_result(activation)
        self.keep(activation, call)

    async def _run_builtin(self, call: Call, activation_id: str) -> Activation:
        assert self._runners is not None  # noqa: S101
        builtin = self._runners.builtins[str(call.target.action.name)]
        arguments = merge(call.target.parameters, call.payload)
        begun, began = self._clock.now_ms(), self._clock.monotonic()
        response = await builtin(
            BuiltinCall(
                call.identity,
                dict(arguments) if isinstance(arguments, Mapping) else {"value": arguments},
                call.transaction_id,
                call.api_key,
            )
        )
        record = records.of_platform_failure(call, activation_id, begun, "", Status.SUCCESS)
        duration = int((self._clock.monotonic() - began) * 1000)  # the wall clock may have been set meanwhile
        return replace(record, response=response, end=begun + duration, duration=duration)


def _with_context(call: Call) -> Call:
    """A sequence hands all it is called with to its first component."""
    if not call.extra_arguments or isinstance(call.payload, list):
        return call
    return replace(call, payload={**call.payload, **call.extra_arguments}, extra_arguments={})


def _unwanted(identity: Identity, activation: Activation) -> bool:
    """Namespaces may choose not to keep the records of successful calls somebody waited for."""
    return identity.limits.store_activations is False and activation.response.status is Status.SUCCESS


class Executables:
    """Those of the actions called lately: stores hand out the same `Action` until it changes, and nearly always it is
    called with the same bound parameters."""

    def __init__(self, most: int = 1024) -> None:
        self._most = most
        self._kept: dict[int, tuple[Action, Parameters, str | None, Executable]] = {}

    def of(self, call: Call) -> Executable:
        """As `executable_of`."""
        action, parameters = call.target.action, call.target.parameters
        kept = self._kept.get(id(action))
        if kept is not None:
            known, bound, network, executable = kept
            same = known is action and bound == parameters and network == call.identity.limits.network
            if same and executable.namespace == call.identity.namespace:
                return executable
        if len(self._kept) >= self._most:
            self._kept.clear()
        executable = executable_of(call)
        self._kept[id(action)] = (action, parameters, call.identity.limits.network, executable)
        return executable


def executable_of(call: Call) -> Executable:
    """What the node agent needs to know of the action."""
    action = call.target.action
    annotations = {k: v for k, v in action.annotations.items() if k.startswith("argo.")}
    annotations.pop(EGRESS, None)
    revision = f"{action.revision}.{action.updated}"
    if call.identity.limits.offline:
        annotations["argo.network"] = "off"
        revision += ".offline"  # sandboxes of before, which have a network, do not serve it any more
    elif egress := call.identity.limits.egress:
        annotations[EGRESS] = egress
        revision += f".{blake2b(','.join(egress).encode(), digest_size=4).hexdigest()}"
    return Executable(
        namespace=call.identity.namespace,
        path=f"/{action.name}",
        version=action.version,
        revision=revision,
        kind=action.exec.kind,
        main=action.exec.main or "main",
        code_digest=action.exec.code_digest,
        binary=action.exec.binary,
        image=action.exec.image,
        memory_mb=action.limits.memory,
        timeout_ms=action.limits.timeout,
        log_limit_bytes=action.limits.logs * 1024 * 1024,
        concurrency=action.limits.concurrency,
        init_parameters={n: p.value for n, p in call.target.parameters.items() if p.init},
        provide_api_key=truthy(action.annotations.get("provide-api-key", True)),
        annotations=annotations,
    )

"""Running a sequence: components one after the other, each with its own record (contract §1.5)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from argo_provider.entities.access import ResolvedAction, resolve_action
from argo_provider.errors import ArgoError, NotFound, UserError
from argo_provider.invocation import records
from argo_provider.invocation.call import Budget, Call, Payload, Prepare, Started, Starter
from argo_provider.model.activation import Activation, Response, Status
from argo_provider.model.clock import Clock
from argo_provider.model.limits import SystemLimits
from argo_provider.model.names import FullName
from argo_provider.storage.port import EntityStore

MISSING_COMPONENT = "Sequence component does not exist."
_GRACE_S = 60.0  # a component may wait this long for a sandbox before the sequence gives up


@dataclass(slots=True)
class Trail:
    """What has run so far of one sequence or composition."""

    steps: list[Activation] = field(default_factory=list)
    memory: int = 0

    def add(self, activation: Activation) -> None:
        self.steps.append(activation)
        self.memory = max(self.memory, int(activation.annotations.get("limits", {}).get("memory", 0)))


class StepFailed(Exception):
    """A step could not be run at all; the response is what the whole answers."""

    def __init__(self, response: Response) -> None:
        super().__init__(str(response.result))
        self.response = response


class Steps:
    """Starts one step of a sequence or composition and waits for it, within its own limit."""

    def __init__(
        self, entities: EntityStore, start: Starter, prepare: Prepare, limits: SystemLimits, clock: Clock
    ) -> None:
        self.entities = entities
        self.start = start
        self.prepare = prepare
        self.limits = limits
        self.clock = clock

    async def run(self, call: Call, activation_id: str, name: FullName, payload: Payload, trail: Trail) -> Activation:
        """Run `name` for `call`'s identity as a step of `activation_id`; StepFailed, or user errors of resolving it."""
        target = await resolve_action(self.entities, call.identity, name)
        assert call.budget is not None  # noqa: S101
        if not target.action.exec.is_sequence and not call.budget.take():
            raise StepFailed(application_error("Too many actions in the sequence."))
        step = step_of(call, activation_id, target, payload)
        await self.prepare(target.action.exec.kind)
        activation = await self.wait(self.start(step), target)
        trail.add(activation)
        return activation

    async def wait(self, started: Started, target: ResolvedAction) -> Activation:
        """The record of a step under way; StepFailed where it does not come in time."""
        seconds = target.action.limits.timeout / 1000 + _GRACE_S
        if target.action.exec.is_sequence:
            seconds = self.limits.timeout_ms.high / 1000 * self.limits.sequence_length
        try:
            return await asyncio.wait_for(asyncio.shield(started.done), seconds)
        except TimeoutError as error:
            raise StepFailed(
                whisk_error(
                    f"Timeout reached when retrieving activation {started.activation_id} for sequence component."
                )
            ) from error


class Together(Protocol):
    """Runs components that live together without coming back for each."""

    def __call__(
        self, call: Call, activation_id: str, components: Sequence[FullName], payload: Payload, trail: Trail
    ) -> Awaitable[int]:
        """How many of the first have run, and are in the trail; 0 where they do not live together. StepFailed."""
        ...


class Sequences:
    """Runs sequences; a component's result is the next one's payload.

    `together` is asked first, at each component that the one before did not lead to.
    """

    def __init__(self, steps: Steps, together: Together | None = None) -> None:
        self._steps = steps
        self._together = together

    async def run(self, call: Call, activation_id: str) -> Activation:
        """The sequence's own record; never raises for what a component does."""
        begun = self._steps.clock.now_ms()
        trail = Trail()
        if call.budget is None:
            call = with_budget(call, self._steps.limits.sequence_length)
        response = await self._chain(call, activation_id, trail)
        return records.of_steps(call, activation_id, begun, response, trail.steps, memory=trail.memory)

    async def _chain(self, call: Call, activation_id: str, trail: Trail) -> Response:
        payload: Payload = call.payload
        response = Response(Status.SUCCESS, payload)
        left = call.target.action.exec.components
        while left:
            try:
                ran = await self._together(call, activation_id, left, payload, trail) if self._together else 0
                if not ran:
                    await self._steps.run(call, activation_id, left[0], payload, trail)
            except StepFailed as failure:
                return failure.response
            except NotFound:
                return application_error(MISSING_COMPONENT)
            except UserError as error:
                return application_error(error.text)
            except ArgoError:
                return whisk_error("Sequence failed.")
            left = left[max(ran, 1) :]
            response = trail.steps[-1].response
            if response.status is not Status.SUCCESS:
                return response
            payload = response.result if isinstance(response.result, dict | list) else {}
        return response


def step_of(call: Call, activation_id: str, target: ResolvedAction, payload: Payload) -> Call:
    """`target` as a step of `activation_id`, for whom `call` is."""
    return Call(
        identity=call.identity,
        target=target,
        payload=payload,
        transaction_id=call.transaction_id,
        api_key=call.api_key,
        cause=activation_id,
        is_step=True,
        budget=call.budget,
        deferred=call.deferred,
    )


def with_budget(call: Call, actions: int) -> Call:
    """The call with a fresh budget for the whole tree below it."""
    return replace(call, budget=Budget(actions))


def application_error(text: Any) -> Response:
    return Response(Status.APPLICATION_ERROR, {"error": text})


def whisk_error(text: str) -> Response:
    return Response(Status.WHISK_ERROR, {"error": text})

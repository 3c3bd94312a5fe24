"""Running a composition: a conductor action says what to run next, with its state handed through (contract §1.6)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Any

from argo_provider.errors import ArgoError, Forbidden, MalformedRequest, UserError
from argo_provider.invocation import records
from argo_provider.invocation.call import Budget, Call, Payload, Starter
from argo_provider.invocation.sequences import StepFailed, Steps, Trail, application_error, whisk_error
from argo_provider.model.activation import Activation, Response, Status
from argo_provider.model.names import OWN_NAMESPACE, FullName
from argo_proxy import jsontext


@dataclass(frozen=True, slots=True)
class Directive:
    """What a conductor's result asks for. `action` None: the composition ends with `params`."""

    action: Any
    params: Any
    state: dict[str, Any]


def read_directive(result: Any) -> Directive:
    """Pure: `params` and `state` that are no objects are boxed."""
    if not isinstance(result, dict):
        return Directive(None, result, {})
    params = result.get("params", {} if "action" in result else result)
    state = result.get("state", {})
    return Directive(
        result.get("action"),
        params if isinstance(params, dict) else {"value": params},
        state if isinstance(state, dict) else {"state": state},
    )


def component_name(value: Any, namespace: str) -> FullName | None:
    """The action a directive names: fully qualified, or relative to the caller's namespace; None if it is no name."""
    if not isinstance(value, str) or not value.strip("/"):
        return None
    text = value if value.startswith("/") else f"/{OWN_NAMESPACE}/{value}"
    try:
        return FullName.parse(text).in_namespace(namespace)
    except MalformedRequest:
        return None


class Compositions:
    """Alternates between the conductor and the actions it names."""

    def __init__(self, steps: Steps, start_conductor: Starter) -> None:
        self._steps = steps
        self._start_conductor = start_conductor

    async def run(self, call: Call, activation_id: str) -> Activation:
        """The composition's own record; never raises for what a step does."""
        begun = self._steps.clock.now_ms()
        trail = Trail()
        if call.budget is None:
            call = replace(call, budget=Budget(self._steps.limits.sequence_length))
        try:
            response = await self._loop(call, activation_id, trail)
        except StepFailed as failure:
            response = failure.response
        return records.of_steps(call, activation_id, begun, response, trail.steps, memory=trail.memory, conductor=True)

    async def _loop(self, call: Call, activation_id: str, trail: Trail) -> Response:
        payload: Payload = call.payload
        for _ in range(2 * self._steps.limits.sequence_length + 1):
            response = (await self._conduct(call, activation_id, payload, trail)).response
            if response.status is not Status.SUCCESS:
                return response
            directive = read_directive(response.result)
            if directive.action is None:
                return Response(response.status, directive.params, response.size)
            result = await self._component(call, activation_id, directive, trail)
            payload = {**result, **directive.state} if isinstance(result, dict) else {"value": result}
        return application_error("Too many actions in the composition.")

    async def _conduct(self, call: Call, activation_id: str, payload: Payload, trail: Trail) -> Activation:
        step = replace(call, payload=payload, cause=activation_id, is_step=True, activation_id=None, claim=None)
        started = self._start_conductor(step)
        seconds = call.target.action.limits.timeout / 1000 + 60
        try:
            activation = await asyncio.wait_for(asyncio.shield(started.done), seconds)
        except TimeoutError as error:
            text = f"Timeout reached when retrieving activation {started.activation_id} for sequence component."
            raise StepFailed(whisk_error(text)) from error
        trail.add(activation)
        return activation

    async def _component(self, call: Call, activation_id: str, directive: Directive, trail: Trail) -> Any:
        """The component's result, or {"error": …} for the conductor to deal with."""
        name = component_name(directive.action, call.identity.namespace)
        if name is None:
            value = jsontext.encode(directive.action).decode()
            return {"error": f"Failed to parse action name from json value {value} during composition."}
        try:
            activation = await self._steps.run(call, activation_id, name, directive.params, trail)
        except StepFailed as failure:
            if failure.response.status is Status.WHISK_ERROR:
                raise
            raise StepFailed(application_error("Too many actions in the composition.")) from failure
        except Forbidden:
            return {"error": f"Failed entitlement check for action with name '/{name}' during composition."}
        except UserError:
            return {"error": f"Failed to resolve action with name '/{name}' during composition."}
        except ArgoError as error:
            raise StepFailed(whisk_error("Sequence failed.")) from error
        return activation.response.result

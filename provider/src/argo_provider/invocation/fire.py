"""Firing a trigger: its own record, and one journaled invocation for each active rule (contract §3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from argo_provider.entities.access import get_entity, require_owner, resolve_action
from argo_provider.errors import ArgoError
from argo_provider.events import ActivationEnded, EventBus
from argo_provider.invocation.call import Call
from argo_provider.invocation.invoke import Accepted, Invoke
from argo_provider.invocation.throttle import Throttle
from argo_provider.model.activation import Activation, Response, Status
from argo_provider.model.clock import Clock
from argo_provider.model.entities import RuleLink, Trigger, values
from argo_provider.model.identity import Identity
from argo_provider.model.names import FullName
from argo_provider.storage.port import ActivationStore, EntityStore
from argo_proxy import jsontext


@dataclass(frozen=True, slots=True)
class FireRequest:
    """`headers` reach the actions as `__ow_headers`."""

    identity: Identity
    trigger: FullName
    payload: Mapping[str, Any]
    transaction_id: str
    headers: Mapping[str, str] = field(default_factory=dict)
    api_key: str | None = field(default=None, repr=False)


class Fire:
    """Runs the actions of all active rules without waiting for them."""

    def __init__(
        self,
        entities: EntityStore,
        activations: ActivationStore,
        invoke: Invoke,
        throttle: Throttle,
        clock: Clock,
        events: EventBus,
    ) -> None:
        self._entities = entities
        self._activations = activations
        self._invoke = invoke
        self._throttle = throttle
        self._clock = clock
        self._events = events

    async def __call__(self, request: FireRequest) -> str | None:
        """The activation id; None when no rule is active: then nothing is recorded. Durable on return."""
        require_owner(request.identity, request.trigger.namespace, str(request.trigger))
        self._throttle.check_fire(request.identity)
        trigger = await get_entity(self._entities, request.trigger, Trigger)
        rules = trigger.rules or {}
        if not any(link.active for link in rules.values()):
            return None
        activation_id = self._clock.new_id()
        start = self._clock.now_ms()
        logs = await self._run_rules(request, trigger, activation_id)
        record = Activation(
            namespace=request.identity.namespace,
            name=trigger.name.name,
            version=trigger.version,
            subject=request.identity.subject,
            activation_id=activation_id,
            start=start,
            end=0,
            response=Response(Status.SUCCESS, dict(request.payload)),
            logs=tuple(jsontext.encode(entry).decode() for entry in logs),
        )
        await self._activations.record(record)
        self._events.publish(ActivationEnded(record))
        return activation_id

    async def _run_rules(self, request: FireRequest, trigger: Trigger, activation_id: str) -> list[dict[str, Any]]:
        """One log entry per rule, in the order of the rules."""
        payload = {**values(trigger.parameters), "__ow_headers": dict(request.headers), **request.payload}
        entries: list[dict[str, Any]] = []
        pending: list[tuple[dict[str, Any], Call]] = []
        for rule, link in (trigger.rules or {}).items():
            entry: dict[str, Any] = {"rule": rule, "action": str(link.action)}
            entries.append(entry)
            if not link.active:
                text = f"Rule '{rule}' is inactive, action '{link.action}' was not activated."
                entry.update(statusCode=1, success=False, error=text)
                continue
            try:
                pending.append((entry, await self._call(request, link, payload, activation_id)))
            except ArgoError as error:
                entry.update(_failure(error))
        if pending:
            await self._accept(pending)
        return entries

    async def _accept(self, pending: list[tuple[dict[str, Any], Call]]) -> None:
        try:
            accepted = await self._invoke.accept_all([call for _, call in pending])
        except ArgoError as error:
            for entry, _ in pending:
                entry.update(_failure(error))
            return
        for (entry, _), result in zip(pending, accepted, strict=True):
            if isinstance(result, Accepted):
                entry.update(statusCode=0, success=True, activationId=result.activation_id)
            else:
                entry.update(_failure(result))

    async def _call(self, request: FireRequest, link: RuleLink, payload: Mapping[str, Any], activation_id: str) -> Call:
        self._invoke.check_rate(request.identity)
        target = await resolve_action(self._entities, request.identity, link.action)
        return Call(
            identity=request.identity,
            target=target,
            payload=payload,
            transaction_id=request.transaction_id,
            api_key=request.api_key,
            cause=activation_id,
        )


def _failure(error: ArgoError) -> dict[str, Any]:
    return {"statusCode": 1 if error.status < 500 else 3, "success": False, "error": error.text}

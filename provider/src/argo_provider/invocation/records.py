"""Activation records from what happened. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from argo_provider.invocation.call import Call
from argo_provider.model.activation import Activation, Response, Status
from argo_provider.model.limits import ActionLimits
from argo_provider.optimizer.model import NATIVE_TECHNOLOGY
from argo_proxy.protocol.messages import Execution, OutcomeKind

_NATIVE = frozenset(NATIVE_TECHNOLOGY.values())
_STATUS = {
    OutcomeKind.SUCCESS: Status.SUCCESS,
    OutcomeKind.APPLICATION_ERROR: Status.APPLICATION_ERROR,
    OutcomeKind.DEVELOPER_ERROR: Status.DEVELOPER_ERROR,
    OutcomeKind.PLATFORM_ERROR: Status.WHISK_ERROR,
}


def of_execution(call: Call, activation_id: str, execution: Execution, now: float) -> Activation:
    """The record of an atomic action; its logs are the execution's. `now`: epoch seconds, when its answer goes back."""
    outcome = execution.outcome
    phases = execution.phases
    start = int(execution.started_at * 1000)
    end = max(start, int(execution.ended_at * 1000))
    annotations = base_annotations(call, call.target.action.limits)
    annotations["timeout"] = outcome.timed_out
    annotations["waitTime"] = round(phases.queue + phases.start)
    if phases.cold:
        annotations["initTime"] = round(phases.init)
    annotations["argo.sandbox"] = execution.sandbox
    annotations["argo.tier"] = "native" if execution.sandbox in _NATIVE else "ordinary"
    annotations["argo.phases"] = {
        "cold": phases.cold,
        "queue": round(phases.queue, 3),
        "place": round(phases.place, 3),
        "start": round(phases.start, 3),
        "init": round(phases.init, 3),
        "run": round(phases.run, 3),
        "reply": round(max(0.0, now - execution.ended_at) * 1000, 3),
    }
    if execution.canary:
        annotations["argo.canary"] = True
    return _record(
        call,
        activation_id,
        start,
        end,
        Response(_STATUS[outcome.kind], outcome.result, outcome.size),
        annotations,
        logs=execution.logs,
    )


def base_annotations(call: Call, limits: ActionLimits) -> dict[str, Any]:
    """What every action's record carries."""
    action = call.target.action
    annotations: dict[str, Any] = {
        "path": str(action.name),
        "kind": action.exec.kind,
        "limits": limits.as_json(),
    }
    if call.is_step:
        annotations["causedBy"] = "sequence"
    if call.target.binding is not None:
        annotations["binding"] = str(call.target.binding)
    return annotations


def of_steps(
    call: Call,
    activation_id: str,
    start: int,
    response: Response,
    steps: list[Activation],
    *,
    memory: int,
    conductor: bool = False,
) -> Activation:
    """The record of a sequence or composition: its logs are the ids of its steps, its duration their sum."""
    limits = call.target.action.limits
    annotations = base_annotations(call, limits)
    annotations["kind"] = "sequence"
    annotations["limits"] = {**limits.as_json(), "memory": memory or limits.memory}
    if not call.is_step:
        annotations["topmost"] = True
    if conductor:
        annotations["conductor"] = True
    annotations["timeout"] = False
    annotations["waitTime"] = steps[0].annotations.get("waitTime", 0) if steps else 0
    duration = sum(step.duration or 0 for step in steps)
    return _record(
        call,
        activation_id,
        start,
        max([start, *(step.end for step in steps)]),
        response,
        annotations,
        logs=tuple(step.activation_id for step in steps),
        duration=duration,
    )


def of_platform_failure(call: Call, activation_id: str, now: int, text: str, status: Status) -> Activation:
    """A record for work that never came to, or was cut off from, its sandbox."""
    annotations = base_annotations(call, call.target.action.limits)
    annotations["timeout"] = False
    return _record(call, activation_id, now, now, Response(status, {"error": text}), annotations)


def _record(
    call: Call,
    activation_id: str,
    start: int,
    end: int,
    response: Response,
    annotations: Mapping[str, Any],
    *,
    logs: tuple[str, ...] = (),
    duration: int | None = None,
) -> Activation:
    action = call.target.action
    return Activation(
        namespace=call.identity.namespace,
        name=action.name.name,
        version=action.version,
        subject=call.identity.subject,
        activation_id=activation_id,
        start=start,
        end=end,
        response=response,
        duration=end - start if duration is None else duration,
        cause=call.cause,
        logs=logs,
        annotations=annotations,
    )

"""Entities and records as the API prints them (contract §1 to §5). Pure."""

from __future__ import annotations

from typing import Any

from argo_provider.entities.access import ResolvedAction
from argo_provider.entities.packages import PackageView
from argo_provider.entities.rules import RuleView
from argo_provider.model.activation import Activation
from argo_provider.model.entities import Action, Annotations, Entity, Exec, Package, Parameters, Rule, Trigger
from argo_provider.model.names import FullName


def parameters(items: Parameters) -> list[dict[str, Any]]:
    """`init` is printed only when true."""
    return [
        {"key": name, "value": p.value, "init": True} if p.init else {"key": name, "value": p.value}
        for name, p in items.items()
    ]


def key_values(items: Annotations) -> list[dict[str, Any]]:
    return [{"key": name, "value": value} for name, value in items.items()]


def _base(entity: Entity) -> dict[str, Any]:
    return {
        "namespace": entity.name.path,
        "name": entity.name.name,
        "version": entity.version,
        "publish": entity.publish,
        "updated": entity.updated,
        "annotations": key_values(entity.annotations),
    }


def _path(name: FullName) -> dict[str, str]:
    return {"path": name.path, "name": name.name}


def action(found: Action, code: str | None, merged: Parameters | None = None) -> dict[str, Any]:
    """`code` None leaves it out; `merged` replaces the parameters by what the action inherits."""
    return {
        **_base(found),
        "exec": exec_(found.exec, code),
        "parameters": parameters(found.parameters if merged is None else merged),
        "limits": found.limits.as_json(),
    }


def action_with_binding(resolved: ResolvedAction) -> dict[str, Any]:
    """Without code; says through which binding it was reached."""
    body = action(resolved.action, None, resolved.parameters)
    if resolved.binding is not None:
        body["binding"] = {"namespace": resolved.binding.namespace, "name": resolved.binding.name}
    return body


def exec_(found: Exec, code: str | None) -> dict[str, Any]:
    if found.is_sequence:
        return {"kind": found.kind, "components": [f"/{c}" for c in found.components]}
    body: dict[str, Any] = {"kind": found.kind, "binary": found.binary}
    if found.image is not None:
        body["image"] = found.image
    if found.main is not None:
        body["main"] = found.main
    if code is not None:
        body["code"] = code
    return body


def action_item(found: Action) -> dict[str, Any]:
    """List item: no parameters and no kind."""
    return {**_base(found), "limits": found.limits.as_json(), "exec": {"binary": found.exec.binary}}


def package(found: Package) -> dict[str, Any]:
    """As a PUT or DELETE answers: without its contents."""
    return {**_base(found), "parameters": parameters(found.parameters), "binding": _binding(found) or {}}


def package_view(view: PackageView) -> dict[str, Any]:
    """A binding shows its own name over the provider's content, parameters merged."""
    shown = view.resolved.binding or view.resolved.provider
    items = [
        (a, {"name": a.name.name, "version": a.version, "annotations": key_values(a.annotations)}) for a in view.actions
    ]
    return {
        **package(shown),
        "parameters": parameters(view.resolved.parameters),
        "actions": [item for a, item in items if "feed" not in a.annotations],
        "feeds": [item for a, item in items if "feed" in a.annotations],
    }


def package_item(found: Package) -> dict[str, Any]:
    return {**_base(found), "binding": _binding(found) or False}


def _binding(found: Package) -> dict[str, str] | None:
    return {"namespace": found.binding.namespace, "name": found.binding.name} if found.binding else None


def trigger(found: Trigger) -> dict[str, Any]:
    body = {**_base(found), "parameters": parameters(found.parameters), "limits": {}}
    if found.rules is not None:
        body["rules"] = {
            rule: {"action": _path(link.action), "status": _status(active=link.active)}
            for rule, link in found.rules.items()
        }
    return body


def trigger_item(found: Trigger) -> dict[str, Any]:
    return _base(found)


def rule(view: RuleView) -> dict[str, Any]:
    return {**rule_item(view.rule), "status": _status(active=view.active)}


def rule_item(found: Rule) -> dict[str, Any]:
    """List item: no status."""
    return {**_base(found), "trigger": _path(found.trigger), "action": _path(found.action)}


def _status(*, active: bool) -> str:
    return "active" if active else "inactive"


def activation(found: Activation, *, logs: bool = True) -> dict[str, Any]:
    """The full record; `end` and `duration` are left out of one that has not ended."""
    body = _activation_base(found)
    if found.end:
        body["end"] = found.end
        body["duration"] = found.duration
    body["subject"] = found.subject
    body["response"] = response(found)
    body["logs"] = found.logs if logs else []
    return body


def response(found: Activation) -> dict[str, Any]:
    """{status, success, result, size}."""
    body: dict[str, Any] = {
        "status": found.response.status.text,
        "success": found.response.status == 0,
        "result": found.response.result,
    }
    if found.response.size is not None:
        body["size"] = found.response.size
    return body


def activation_item(found: Activation) -> dict[str, Any]:
    """List item: carries `statusCode`, which full records do not."""
    body = _activation_base(found)
    body["statusCode"] = int(found.response.status)
    if found.end:
        body["end"] = found.end
        body["duration"] = found.duration
    return body


def _activation_base(found: Activation) -> dict[str, Any]:
    body: dict[str, Any] = {
        "namespace": found.namespace,
        "name": found.name,
        "version": found.version,
        "publish": found.publish,
        "annotations": key_values(found.annotations),
        "activationId": found.activation_id,
        "start": found.start,
    }
    if found.cause is not None:
        body["cause"] = found.cause
    return body

"""What lists of activations and entities filter by; shared by all adapters."""

from __future__ import annotations

from dataclasses import replace

from argo_provider.model.activation import Activation
from argo_provider.model.entities import Entity, Package
from argo_provider.storage.port import ActivationQuery


def listed_name(activation: Activation) -> str:
    """What `ActivationQuery.name` is compared with: "action", or "package/action" as the caller named the package.

    Called through a binding, an activation is listed under the binding's name.
    """
    binding = activation.annotations.get("binding")
    if isinstance(binding, str):
        return f"{binding.rpartition('/')[2]}/{activation.name}"
    return activation.path.partition("/")[2]


def matches(query: ActivationQuery, namespace: str, name: str, start: int) -> bool:
    """Whether a record of that namespace, listed name and start belongs in the list."""
    return (
        query.namespace == namespace
        and (query.name is None or query.name == name)
        and (query.since is None or start >= query.since)
        and (query.upto is None or start <= query.upto)
    )


def without_details(activation: Activation) -> Activation:
    """As lists show it: no logs, no result."""
    return replace(activation, logs=(), response=replace(activation.response, result=None))


def is_published(entity: Entity) -> bool:
    """Whether strangers see it in lists: shared, and not a binding."""
    if isinstance(entity, Package):
        return entity.publish and entity.binding is None
    return getattr(entity, "publish", False)

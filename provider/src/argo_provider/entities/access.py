"""Who may do what (contract §0.5), and how a name leads to an action through packages and bindings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from argo_provider.errors import BadRequest, Conflict, Forbidden, NotFound
from argo_provider.model.entities import Action, Entity, Package, Parameters
from argo_provider.model.identity import Identity
from argo_provider.model.names import FullName
from argo_provider.model.record import record
from argo_provider.storage.port import EntityStore

E = TypeVar("E", bound=Entity)


def require_owner(identity: Identity, namespace: str, resource: str | None = None) -> None:
    """Forbidden unless the caller owns `namespace`; `resource` is named in the text."""
    if identity.namespace != namespace:
        raise Forbidden.of(resource or namespace)


async def get_entity(store: EntityStore, name: FullName, kind: type[E]) -> E:
    """The entity of that kind; NotFound, or Conflict when another collection has the name."""
    found = await store.get(name)
    if found is None:
        raise NotFound
    if not isinstance(found, kind):
        raise Conflict(Conflict.OTHER_COLLECTION)
    return found


@dataclass(frozen=True, slots=True)
class ResolvedPackage:
    """A package as a caller sees it: `provider` has the content, `binding` is the view it was reached through."""

    provider: Package
    binding: Package | None = None

    @property
    def parameters(self) -> Parameters:
        """provider ← binding."""
        return {**self.provider.parameters, **self.binding.parameters} if self.binding else self.provider.parameters


async def resolve_package(store: EntityStore, identity: Identity, name: FullName) -> ResolvedPackage:
    """The package `name`, readable by the caller.

    Missing: NotFound for the owner and Forbidden for all others, so that nothing leaks.
    """
    owner = identity.namespace == name.namespace
    found = await store.get(name)
    if found is None:
        raise NotFound if owner else Forbidden.of(str(name))
    if not isinstance(found, Package):
        raise Conflict(Conflict.OTHER_COLLECTION) if owner else Forbidden.of(str(name))
    if found.binding is None:
        if not owner and not found.publish:
            raise Forbidden.of(str(name))
        return ResolvedPackage(found)
    if not owner:
        raise Forbidden.of(str(name))
    provider = await resolve_package(store, identity, found.binding)
    if provider.binding is not None:
        raise BadRequest("Cannot bind to another package binding.")
    return ResolvedPackage(provider.provider, found)


@record
class ResolvedAction:
    """An action with the parameters it inherits: package ← binding ← action."""

    action: Action
    parameters: Parameters
    binding: FullName | None = None


async def resolve_action(store: EntityStore, identity: Identity, name: FullName) -> ResolvedAction:
    """The action that `name` means to this caller; Forbidden, NotFound or Conflict otherwise."""
    if name.package is None:
        if identity.namespace != name.namespace:
            raise Forbidden.of(str(name))
        action = await get_entity(store, name, Action)
        return ResolvedAction(action, action.parameters)
    package = await resolve_package(store, identity, name.package_name)
    target = FullName(package.provider.name.namespace, name.name, package.provider.name.name)
    action = await get_entity(store, target, Action)
    return ResolvedAction(
        action,
        {**package.parameters, **action.parameters},
        package.binding.name if package.binding else None,
    )

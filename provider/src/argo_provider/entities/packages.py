"""Use cases of packages and bindings (contract §2)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from argo_provider.entities.access import ResolvedPackage, get_entity, require_owner, resolve_package
from argo_provider.entities.content import CommonChanges, check_sizes, next_version
from argo_provider.entities.history import History
from argo_provider.errors import BadRequest, Conflict, Forbidden, Unprocessable
from argo_provider.events import ActionChanged, EventBus, PackageChanged
from argo_provider.model.clock import Clock
from argo_provider.model.entities import Action, Collection, Package
from argo_provider.model.identity import Identity
from argo_provider.model.limits import SystemLimits
from argo_provider.model.names import DEFAULT_PACKAGE, FullName
from argo_provider.storage.port import Page, Stores

_ALL = Page(0, 1_000_000)


@dataclass(frozen=True, slots=True)
class PackageChanges:
    """A PUT body. `binding` is None when absent or `{}`."""

    common: CommonChanges = CommonChanges()
    binding: FullName | None = None


@dataclass(frozen=True, slots=True)
class PackageView:
    """A package with what is in it: the provider's content where it is a binding."""

    resolved: ResolvedPackage
    actions: tuple[Action, ...]


class Packages:
    """Create, update, read, list and delete packages and bindings."""

    def __init__(self, stores: Stores, limits: SystemLimits, clock: Clock, events: EventBus) -> None:
        self._entities = stores.entities
        self._history = History(stores.documents)
        self._limits = limits
        self._clock = clock
        self._events = events

    async def put(self, identity: Identity, name: FullName, changes: PackageChanges, *, overwrite: bool) -> Package:
        if name.name == DEFAULT_PACKAGE:
            raise BadRequest(f"Package name '{DEFAULT_PACKAGE}' is reserved.")
        require_owner(identity, name.namespace, str(name))
        common = changes.common
        check_sizes(
            common.parameters, common.annotations, self._limits.parameters_bytes, self._limits.annotations_bytes
        )
        old = await self._entities.get(name)
        if old is not None and not isinstance(old, Package):
            raise Conflict(Conflict.OTHER_COLLECTION)
        if old is not None and not overwrite:
            raise Conflict(Conflict.EXISTS)
        if changes.binding is not None:
            await self._check_binding(identity, name, changes.binding, old)
        (stored,) = await self._entities.commit([self._next(name, old, changes)])
        assert isinstance(stored, Package)  # noqa: S101
        self._events.publish(PackageChanged(name))
        return stored

    async def _check_binding(self, identity: Identity, name: FullName, target: FullName, old: Package | None) -> None:
        if old is not None and old.binding is None:
            raise Conflict("Resource is a package and cannot be converted into a binding.")
        if target == name:
            raise Unprocessable(f"Package binding '{name}' contains a circular reference.")
        provider = await self._entities.get(target)
        foreign = identity.namespace != target.namespace
        if foreign and (not isinstance(provider, Package) or not provider.publish or provider.binding is not None):
            raise Forbidden.of(str(target))
        if provider is None:
            raise BadRequest("Binding references a package that does not exist.")
        if not isinstance(provider, Package):
            raise Conflict("Cannot bind to a resource that is not a package.")
        if provider.binding is not None:
            raise BadRequest("Cannot bind to another package binding.")

    def _next(self, name: FullName, old: Package | None, changes: PackageChanges) -> Package:
        base = old or Package(name)
        common = changes.common
        binding = changes.binding or base.binding
        annotations = dict(base.annotations if common.annotations is None else common.annotations)
        annotations.pop("binding", None)
        if binding is not None:
            annotations["binding"] = {"namespace": binding.namespace, "name": binding.name}
        return replace(
            base,
            binding=binding,
            annotations=annotations,
            parameters=base.parameters if common.parameters is None else common.parameters,
            publish=base.publish if common.publish is None else common.publish,
            version=common.version or (next_version(base.version) if old else base.version),
            updated=self._clock.now_ms(),
        )

    async def get(self, identity: Identity, name: FullName) -> PackageView:
        resolved = await resolve_package(self._entities, identity, name)
        provider = resolved.provider.name
        found = await self._entities.list(Collection.ACTIONS, provider.namespace, _ALL, package=provider.name)
        return PackageView(resolved, tuple(a for a in found if isinstance(a, Action)))

    async def delete(self, identity: Identity, name: FullName, *, force: bool) -> Package:
        """Conflict when it holds actions, unless `force`: then they go too."""
        require_owner(identity, name.namespace, str(name))
        package = await get_entity(self._entities, name, Package)
        held = []
        if package.binding is None:
            held = await self._entities.list(Collection.ACTIONS, name.namespace, _ALL, package=name.name)
        if held and not force:
            noun = "entity" if len(held) == 1 else "entities"
            raise Conflict(
                f"Package not empty (contains {len(held)} {noun}). Set force param or delete package contents."
            )
        await self._entities.commit(deletes=[*held, package])
        self._events.publish(PackageChanged(name))
        for action in held:
            self._events.publish(ActionChanged(action.name, deleted=True, version=action.version))
        for action in held:
            await self._history.forget(action.name)
        return package

    async def list(self, identity: Identity, namespace: str, page: Page) -> list[Package]:
        """Anyone may list; others than the owner see published packages only, and no bindings."""
        published = identity.namespace != namespace
        found = await self._entities.list(Collection.PACKAGES, namespace, page, published=published)
        return [p for p in found if isinstance(p, Package)]

    async def count(self, identity: Identity, namespace: str) -> int:
        published = identity.namespace != namespace
        return await self._entities.count(Collection.PACKAGES, namespace, published=published)

"""Use cases of triggers (contract §3), but for firing them."""

from __future__ import annotations

from dataclasses import replace

from argo_provider.entities.access import get_entity, require_owner
from argo_provider.entities.content import CommonChanges, check_sizes, next_version
from argo_provider.errors import BadRequest, Conflict, MalformedRequest
from argo_provider.model.clock import Clock
from argo_provider.model.entities import Collection, Trigger
from argo_provider.model.identity import Identity
from argo_provider.model.limits import SystemLimits
from argo_provider.model.names import OWN_NAMESPACE, FullName
from argo_provider.storage.port import EntityStore, Page


class Triggers:
    """Create, update, read, list and delete triggers."""

    def __init__(self, entities: EntityStore, limits: SystemLimits, clock: Clock) -> None:
        self._entities = entities
        self._limits = limits
        self._clock = clock

    async def put(self, identity: Identity, name: FullName, common: CommonChanges, *, overwrite: bool) -> Trigger:
        require_owner(identity, name.namespace, str(name))
        check_sizes(
            common.parameters, common.annotations, self._limits.parameters_bytes, self._limits.annotations_bytes
        )
        old = await self._entities.get(name)
        if old is not None and not isinstance(old, Trigger):
            raise Conflict(Conflict.OTHER_COLLECTION)
        if old is not None and not overwrite:
            raise Conflict(Conflict.EXISTS)
        if old is None and common.annotations is not None and "feed" in common.annotations:
            _check_feed(common.annotations["feed"])
        base = old or Trigger(name)
        trigger = replace(
            base,
            parameters=base.parameters if common.parameters is None else common.parameters,
            annotations=base.annotations if common.annotations is None else common.annotations,
            publish=base.publish if common.publish is None else common.publish,
            version=common.version or (next_version(base.version) if old else base.version),
            updated=self._clock.now_ms(),
        )
        (stored,) = await self._entities.commit([trigger])
        assert isinstance(stored, Trigger)  # noqa: S101
        return stored

    async def get(self, identity: Identity, name: FullName) -> Trigger:
        require_owner(identity, name.namespace, str(name))
        return await get_entity(self._entities, name, Trigger)

    async def delete(self, identity: Identity, name: FullName) -> Trigger:
        """Its rules stay, and count as inactive from now on."""
        trigger = await self.get(identity, name)
        await self._entities.commit(deletes=[trigger])
        return trigger

    async def list(self, identity: Identity, namespace: str, page: Page) -> list[Trigger]:
        require_owner(identity, namespace)
        found = await self._entities.list(Collection.TRIGGERS, namespace, page)
        return [t for t in found if isinstance(t, Trigger)]

    async def count(self, identity: Identity, namespace: str) -> int:
        require_owner(identity, namespace)
        return await self._entities.count(Collection.TRIGGERS, namespace)


def _check_feed(feed: object) -> None:
    if not isinstance(feed, str):
        raise BadRequest("Feed name is not valid")
    if "//" in feed:
        raise BadRequest("Feed name is not valid")
    try:
        FullName.parse(feed if "/" in feed.strip("/") else f"{OWN_NAMESPACE}/{feed.strip('/')}")
    except MalformedRequest as error:
        raise BadRequest("Feed name is not valid") from error

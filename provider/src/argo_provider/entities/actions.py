"""Use cases of actions (contract §1.1 to §1.3)."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from argo_provider.entities.access import ResolvedAction, get_entity, require_owner, resolve_action, resolve_package
from argo_provider.entities.content import CommonChanges, check_sizes, next_version
from argo_provider.entities.exec_fields import ParsedExec, parse_exec
from argo_provider.entities.history import History, Version
from argo_provider.entities.sequences import check_sequence
from argo_provider.errors import BadRequest, Conflict, Forbidden, NotFound, PreconditionFailed
from argo_provider.events import ActionChanged, EventBus
from argo_provider.model.clock import Clock
from argo_provider.model.entities import SEQUENCE, Action, Annotations, Collection, Exec, Package, Parameter, Parameters
from argo_provider.model.identity import Identity
from argo_provider.model.kinds import KindTable
from argo_provider.model.limits import DEFAULT_ACTION_LIMITS, SystemLimits
from argo_provider.model.names import FullName
from argo_provider.storage.port import Page, Stores

PROVIDE_API_KEY = "provide-api-key"


@dataclass(frozen=True, slots=True)
class ActionChanges:
    """A PUT body. `exec` and `limits` are as the client sent them."""

    common: CommonChanges = CommonChanges()
    exec: Mapping[str, Any] | None = None
    limits: Mapping[str, Any] | None = None
    delete_annotations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ActionListing:
    """Actions of a package seen through a binding are listed under the provider's namespace."""

    namespace: str
    package: str | None = None


class Actions:
    """Create, update, read, list and delete actions."""

    def __init__(
        self, stores: Stores, kinds: KindTable, limits: SystemLimits, clock: Clock, events: EventBus, concurrent: int
    ) -> None:
        self._entities = stores.entities
        self._blobs = stores.blobs
        self._kinds = kinds
        self._limits = limits
        self._clock = clock
        self._events = events
        self._concurrent = concurrent
        self._history = History(stores.documents)

    async def put(
        self,
        identity: Identity,
        name: FullName,
        changes: ActionChanges,
        *,
        overwrite: bool,
        expected: str | None = None,
    ) -> Action:
        """Create, or update where `overwrite`; the stored action.

        `expected`: only if this version (or "*", any) is in force; PreconditionFailed otherwise.
        """
        require_owner(identity, name.namespace, str(name))
        if name.package is not None:
            await self._check_package(name.package_name)
        parsed = None
        if changes.exec is not None:
            parsed = parse_exec(changes.exec, self._kinds, self._limits, identity.namespace)
        check_sizes(
            changes.common.parameters,
            changes.common.annotations,
            self._limits.parameters_bytes,
            self._limits.annotations_bytes,
        )
        old = await self._existing(name)
        if old is not None and not overwrite:
            raise Conflict(Conflict.EXISTS)
        _check_expected(old, expected)
        action = self._next(identity, name, old, changes, parsed)
        if parsed is not None:
            action = await self._with_exec(identity, action, parsed)
        stored = await self._replace(old, action)
        if old is not None:
            await self._history.trim(name)
        return stored

    async def _check_package(self, name: FullName) -> None:
        package = await get_entity(self._entities, name, Package)
        if package.binding is not None:
            raise BadRequest("Operation not permitted on package binding.")

    async def _existing(self, name: FullName) -> Action | None:
        found = await self._entities.get(name)
        if found is not None and not isinstance(found, Action):
            raise Conflict(Conflict.OTHER_COLLECTION)
        return found

    def _next(
        self, identity: Identity, name: FullName, old: Action | None, changes: ActionChanges, parsed: ParsedExec | None
    ) -> Action:
        if old is None and parsed is None:
            raise BadRequest("exec undefined")
        base = old or Action(name, Exec(""), limits=DEFAULT_ACTION_LIMITS)
        exec_ = parsed.exec if parsed else base.exec
        self._check_kind(identity, exec_)
        common = changes.common
        limits = base.limits.merged(changes.limits or {})
        limits.check(self._allowed(identity))
        own = identity.limits.concurrent_invocations
        concurrent = self._concurrent if own is None else own
        if limits.instances is not None and limits.instances > concurrent:
            raise BadRequest(
                f"Max action instance concurrency must not exceed your namespace concurrency of {concurrent}."
            )
        return replace(
            base,
            exec=exec_,
            parameters=_parameters(exec_, common.parameters, base.parameters),
            annotations=_annotations(exec_, old, changes),
            limits=limits,
            publish=base.publish if common.publish is None else common.publish,
            version=common.version or (next_version(base.version) if old else base.version),
            updated=self._clock.now_ms(),
        )

    def _allowed(self, identity: Identity) -> SystemLimits:
        """The installation's limits, narrowed by the namespace's own."""
        memory = identity.limits.memory_mb_max
        if memory is None:
            return self._limits
        return replace(self._limits, memory_mb=replace(self._limits.memory_mb, high=memory))

    def _check_kind(self, identity: Identity, exec_: Exec) -> None:
        kinds = identity.limits.allowed_kinds
        if kinds is not None and exec_.kind not in (*kinds, SEQUENCE):
            raise Forbidden(f"The supplied authentication is not authorized to access actions of kind '{exec_.kind}'.")
        info = self._kinds.get(exec_.kind)
        if info is not None:
            info.check_supported()

    async def _with_exec(self, identity: Identity, action: Action, parsed: ParsedExec) -> Action:
        """With its code in the blob store, or its components found."""
        if action.exec.is_sequence:
            await check_sequence(self._entities, identity, action.name, action.exec, self._limits.sequence_length)
        if parsed.code is None:
            return action
        digest = await self._blobs.put(await asyncio.to_thread(artifact, parsed.code, binary=action.exec.binary))
        return replace(action, exec=replace(action.exec, code_digest=digest))

    async def _replace(self, old: Action | None, action: Action) -> Action:
        """Write it; what it replaces is kept first, and what a namesake left behind goes."""
        if old is None:
            await self._history.forget(action.name)
        else:
            await self._history.keep(old)
        (stored,) = await self._entities.commit([action])
        assert isinstance(stored, Action)  # noqa: S101
        self._events.publish(ActionChanged(stored.name, deleted=False, version=stored.version))
        return stored

    async def versions(self, identity: Identity, name: FullName) -> list[Version]:
        """The last ones, newest first."""
        return await self._history.versions(await self._own(identity, name))

    async def version(self, identity: Identity, name: FullName, version: str) -> Action:
        """The action as it was; NotFound."""
        found = await self._history.find(await self._own(identity, name), version)
        if found is None:
            raise NotFound(f"There is no version {version} of this action, or it is older than those that are kept.")
        return found

    async def restore(self, identity: Identity, name: FullName, version: str) -> Action:
        """A new version with all that an old one had; under the rules of today."""
        old = await self._own(identity, name)
        then = await self.version(identity, name, version)
        self._check_kind(identity, then.exec)
        then.limits.check(self._allowed(identity))
        if then.exec.is_sequence:
            await check_sequence(self._entities, identity, name, then.exec, self._limits.sequence_length)
        new = replace(then, version=next_version(old.version), updated=self._clock.now_ms(), revision=old.revision)
        return await self._replace(old, new)  # nothing is trimmed: the collector may be looking at what was restored

    async def _own(self, identity: Identity, name: FullName) -> Action:
        require_owner(identity, name.namespace, str(name))
        return await get_entity(self._entities, name, Action)

    async def get(self, identity: Identity, name: FullName) -> ResolvedAction:
        return await resolve_action(self._entities, identity, name)

    async def code(self, action: Action) -> str | None:
        """The code as it was sent: source, or base64."""
        if action.exec.code_digest is None:
            return None
        stored = await self._blobs.get(action.exec.code_digest)
        return (base64.b64encode(stored) if action.exec.binary else stored).decode()

    async def delete(self, identity: Identity, name: FullName) -> Action:
        require_owner(identity, name.namespace, str(name))
        if name.package is not None:
            await self._check_package(name.package_name)
        action = await get_entity(self._entities, name, Action)
        await self._entities.commit(deletes=[action])
        self._events.publish(ActionChanged(action.name, deleted=True, version=action.version))
        await self._history.forget(name)
        return action

    async def listing(self, identity: Identity, namespace: str, package: str | None) -> ActionListing:
        """Where to list from; Forbidden, NotFound."""
        if package is None:
            require_owner(identity, namespace)
            return ActionListing(namespace)
        resolved = await resolve_package(self._entities, identity, FullName(namespace, package))
        return ActionListing(resolved.provider.name.namespace, resolved.provider.name.name)

    async def list(self, listing: ActionListing, page: Page) -> list[Action]:
        found = await self._entities.list(Collection.ACTIONS, listing.namespace, page, package=listing.package)
        return [entity for entity in found if isinstance(entity, Action)]

    async def count(self, listing: ActionListing) -> int:
        return await self._entities.count(Collection.ACTIONS, listing.namespace, package=listing.package)


def artifact(code: str, *, binary: bool) -> bytes:
    """What is stored of code: the archive's own bytes, or the source."""
    return base64.b64decode(code) if binary else code.encode()


def _check_expected(old: Action | None, expected: str | None) -> None:
    if expected is None or (old is not None and expected in {"*", old.version}):
        return
    if old is None:
        raise PreconditionFailed(
            "The action does not exist (any more); nothing was saved. To create it, leave out If-Match."
        )
    raise PreconditionFailed(
        f"The action has changed since version {expected}: it is at {old.version} now, and nothing was saved."
        " Read it again, put your change onto it, and save with the new version."
    )


def _parameters(exec_: Exec, given: Parameters | None, old: Parameters) -> Parameters:
    """A sequence's parameters are its components, whatever was sent."""
    if exec_.is_sequence:
        return {"_actions": Parameter([f"/{c}" for c in exec_.components])}
    return old if given is None else given


def _annotations(exec_: Exec, old: Action | None, changes: ActionChanges) -> Annotations:
    """Action annotations merge on update; `exec` is always the system's."""
    kept = {k: v for k, v in (old.annotations if old else {}).items() if k not in changes.delete_annotations}
    merged = {**kept, **(changes.common.annotations or {})}
    if old is None:
        merged.setdefault(PROVIDE_API_KEY, False)
    merged["exec"] = exec_.kind
    return merged


__all__ = ["PROVIDE_API_KEY", "ActionChanges", "ActionListing", "Actions"]

"""Use cases of rules (contract §4). A rule and the trigger that knows it are always written together."""

from __future__ import annotations

from dataclasses import dataclass, replace

from argo_provider.entities.access import get_entity, require_owner, resolve_action
from argo_provider.entities.content import CommonChanges, check_sizes, next_version
from argo_provider.errors import BadRequest, Conflict, NotFound
from argo_provider.model.clock import Clock
from argo_provider.model.entities import Collection, Entity, Rule, RuleLink, Trigger
from argo_provider.model.identity import Identity
from argo_provider.model.limits import SystemLimits
from argo_provider.model.names import FullName
from argo_provider.storage.port import EntityStore, Page


@dataclass(frozen=True, slots=True)
class RuleChanges:
    """A PUT body; `status` in it is ignored, as the contract says."""

    common: CommonChanges = CommonChanges()
    trigger: FullName | None = None
    action: FullName | None = None


@dataclass(frozen=True, slots=True)
class RuleView:
    """A rule with the state its trigger keeps for it."""

    rule: Rule
    active: bool


class Rules:
    """Create, update, read, list, activate, deactivate and delete rules."""

    def __init__(self, entities: EntityStore, limits: SystemLimits, clock: Clock) -> None:
        self._entities = entities
        self._limits = limits
        self._clock = clock

    async def put(self, identity: Identity, name: FullName, changes: RuleChanges, *, overwrite: bool) -> RuleView:
        require_owner(identity, name.namespace, str(name))
        check_sizes(None, changes.common.annotations, self._limits.parameters_bytes, self._limits.annotations_bytes)
        old = await self._entities.get(name)
        if old is not None and not isinstance(old, Rule):
            raise Conflict(Conflict.OTHER_COLLECTION)
        if old is not None and not overwrite:
            raise Conflict(Conflict.EXISTS)
        trigger_name = changes.trigger or (old.trigger if old else None)
        action_name = changes.action or (old.action if old else None)
        if trigger_name is None or action_name is None:
            raise BadRequest("rule requires a valid trigger and a valid action")
        trigger = await self._trigger(identity, trigger_name)
        await self._check_action(identity, action_name)
        active = await self._was_active(old) if old else True
        rule = self._next(name, old, trigger_name, action_name, changes.common)
        linked = _linked(trigger, rule, active=active)
        others = await self._unlink_old(old, trigger_name)
        stored, *_ = await self._entities.commit([rule, linked, *others])
        assert isinstance(stored, Rule)  # noqa: S101
        return RuleView(stored, active)

    async def _trigger(self, identity: Identity, name: FullName) -> Trigger:
        require_owner(identity, name.namespace, str(name))
        found = await self._entities.get(name)
        if not isinstance(found, Trigger):
            raise BadRequest(f"trigger /{name} does not exist")
        return found

    async def _check_action(self, identity: Identity, name: FullName) -> None:
        try:
            await resolve_action(self._entities, identity, name)
        except (NotFound, Conflict) as error:
            raise BadRequest(f"action /{name} does not exist") from error

    def _next(
        self, name: FullName, old: Rule | None, trigger: FullName, action: FullName, common: CommonChanges
    ) -> Rule:
        base = old or Rule(name, trigger, action)
        return replace(
            base,
            trigger=trigger,
            action=action,
            annotations=base.annotations if common.annotations is None else common.annotations,
            publish=base.publish if common.publish is None else common.publish,
            version=common.version or (next_version(base.version) if old else base.version),
            updated=self._clock.now_ms(),
        )

    async def _unlink_old(self, old: Rule | None, new_trigger: FullName) -> list[Entity]:
        """The former trigger without the rule, when the rule moved to another one."""
        if old is None or old.trigger == new_trigger:
            return []
        trigger = await self._entities.get(old.trigger)
        return [_unlinked(trigger, old)] if isinstance(trigger, Trigger) else []

    async def _was_active(self, rule: Rule) -> bool:
        trigger = await self._entities.get(rule.trigger)
        if not isinstance(trigger, Trigger) or trigger.rules is None:
            return False
        link = trigger.rules.get(str(rule.name))
        return link is not None and link.active

    async def get(self, identity: Identity, name: FullName) -> RuleView:
        require_owner(identity, name.namespace, str(name))
        rule = await get_entity(self._entities, name, Rule)
        return RuleView(rule, await self._was_active(rule))

    async def set_active(self, identity: Identity, name: FullName, *, active: bool) -> None:
        """NotFound with the contract's text when the rule's trigger is gone and it should become active."""
        view = await self.get(identity, name)
        trigger = await self._entities.get(view.rule.trigger)
        if not isinstance(trigger, Trigger):
            if active:
                raise NotFound("Only rules with existing triggers can be activated")
            return
        if view.active != active or str(name) not in (trigger.rules or {}):
            await self._entities.commit([_linked(trigger, view.rule, active=active)])

    async def delete(self, identity: Identity, name: FullName) -> Rule:
        require_owner(identity, name.namespace, str(name))
        rule = await get_entity(self._entities, name, Rule)
        trigger = await self._entities.get(rule.trigger)
        puts = [_unlinked(trigger, rule)] if isinstance(trigger, Trigger) else []
        await self._entities.commit(puts, deletes=[rule])
        return rule

    async def list(self, identity: Identity, namespace: str, page: Page) -> list[Rule]:
        require_owner(identity, namespace)
        return [r for r in await self._entities.list(Collection.RULES, namespace, page) if isinstance(r, Rule)]

    async def count(self, identity: Identity, namespace: str) -> int:
        require_owner(identity, namespace)
        return await self._entities.count(Collection.RULES, namespace)


def _linked(trigger: Trigger, rule: Rule, *, active: bool) -> Trigger:
    return replace(trigger, rules={**(trigger.rules or {}), str(rule.name): RuleLink(rule.action, active)})


def _unlinked(trigger: Trigger, rule: Rule) -> Trigger:
    return replace(trigger, rules={k: v for k, v in (trigger.rules or {}).items() if k != str(rule.name)})

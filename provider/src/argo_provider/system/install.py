"""Installs whisk.system: its namespace, packages and builtin actions, as entities that anyone can list and bind."""

from __future__ import annotations

import functools
import hashlib
import secrets
import uuid
from collections.abc import Mapping
from typing import Any

from argo_provider.errors import Conflict
from argo_provider.invocation.activator import Builtin
from argo_provider.model.clock import Clock
from argo_provider.model.entities import Action, Entity, Exec, Package, Parameter
from argo_provider.model.identity import NamespaceRecord
from argo_provider.model.kinds import BUILTIN
from argo_provider.model.names import FullName
from argo_provider.storage.port import EntityStore, NamespaceStore
from argo_provider.system import utils
from argo_provider.system.alarms import FEEDS, Alarms

NAMESPACE = "whisk.system"
_DESCRIPTIONS = {
    "utils": "Building blocks that format and assemble data",
    "alarms": "Alarms and periodic utility",
}


def builtins(alarms: Alarms) -> Mapping[str, Builtin]:
    """What runs behind each of the actions, by full name."""
    found: dict[str, Builtin] = {
        f"{NAMESPACE}/utils/{name}": functools.partial(utils.run, utility) for name, utility in utils.UTILITIES.items()
    }
    found |= {f"{NAMESPACE}/alarms/{feed}": functools.partial(alarms.feed, feed) for feed in FEEDS}
    return found


async def install(entities: EntityStore, namespaces: NamespaceStore, clock: Clock) -> None:
    """Idempotent. The namespace gets a key that nobody is told: `argofn namespace rotate` gives one that is."""
    if await namespaces.by_name(NAMESPACE) is None:
        digest = hashlib.sha256(secrets.token_bytes(48)).digest()
        await namespaces.create(NamespaceRecord(NAMESPACE, NAMESPACE, str(uuid.uuid4()), digest, clock.now_ms()))
    wanted = [_package("utils"), _package("alarms", {"cron": "", "trigger_payload": ""})]
    wanted += [_action("utils", name, {}) for name in utils.UTILITIES]
    wanted += [_action("alarms", feed, {"feed": True}) for feed in FEEDS]
    missing = [entity for entity in wanted if await entities.get(entity.name) is None]
    if missing:
        try:
            await entities.commit(missing)
        except Conflict:
            return  # another replica installs them at the same time


def _package(name: str, defaults: Mapping[str, Any] | None = None) -> Entity:
    return Package(
        FullName(NAMESPACE, name),
        publish=True,
        parameters={k: Parameter(v) for k, v in (defaults or {}).items() if v},
        annotations={"description": _DESCRIPTIONS[name]},
    )


def _action(package: str, name: str, annotations: Mapping[str, Any]) -> Entity:
    return Action(
        FullName(NAMESPACE, name, package),
        Exec(BUILTIN),
        publish=True,
        annotations={"exec": BUILTIN, "provide-api-key": False, **annotations},
    )

"""Names out of the paths of /api/v1/argo: `{name}` or `{package}/{name}`, always of the caller's own namespace."""

from __future__ import annotations

from aiohttp import web

from argo_provider.api.paths import entity_name
from argo_provider.api.state import IDENTITY, SERVICES
from argo_provider.entities.access import get_entity
from argo_provider.model.entities import Action
from argo_provider.model.identity import Identity
from argo_provider.model.names import FullName
from argo_provider.optimizer.model import FunctionId


def own_name(request: web.Request) -> tuple[Identity, FullName]:
    """The caller, and the entity of the path in its namespace."""
    identity = request[IDENTITY]
    return identity, entity_name(request, identity.namespace)


async def own_action(request: web.Request) -> Action:
    """The action of the path; NotFound, Conflict when the name is another entity's."""
    _, name = own_name(request)
    return await get_entity(request.app[SERVICES].stores.entities, name, Action)


def function_of(action: Action) -> FunctionId:
    """As its own namespace runs it."""
    return FunctionId(action.name.namespace, f"/{action.name}")

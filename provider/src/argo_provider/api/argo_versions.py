"""/api/v1/argo/versions: what actions were, and the way back."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from argo_provider.api import render
from argo_provider.api.argo_names import own_name
from argo_provider.api.respond import json_response
from argo_provider.api.state import IDENTITY, SERVICES, Services
from argo_provider.entities.content import parse_version
from argo_provider.entities.history import Version
from argo_provider.model.entities import Action, Package
from argo_provider.model.identity import Identity
from argo_provider.model.names import FullName, check_name


async def list_all(request: web.Request) -> web.Response:
    identity, name = own_name(request)
    return await _listed(request.app[SERVICES], identity, name)


async def get_or_list(request: web.Request) -> web.Response:
    """`versions/{name}/{version}`, or `versions/{package}/{name}`: a name is that of an action or of a package."""
    services, identity = request.app[SERVICES], request[IDENTITY]
    first = FullName(identity.namespace, check_name(request.match_info["name"]))
    second = request.match_info["version"]
    if first.name == "default" or isinstance(await services.stores.entities.get(first), Package):
        package = None if first.name == "default" else first.name
        return await _listed(services, identity, FullName(first.namespace, check_name(second), package))
    return await _shown(services, await services.actions.version(identity, first, parse_version(second)))


async def get(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    identity, name = own_name(request)
    version = parse_version(request.match_info["version"])
    return await _shown(services, await services.actions.version(identity, name, version))


async def restore(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    identity, name = own_name(request)
    version = parse_version(request.match_info["version"])
    return await _shown(services, await services.actions.restore(identity, name, version))


async def _listed(services: Services, identity: Identity, name: FullName) -> web.Response:
    found = await services.actions.versions(identity, name)
    return json_response({"versions": [_version(v) for v in found]})


async def _shown(services: Services, action: Action) -> web.Response:
    return json_response(render.action(action, await services.actions.code(action)))


def _version(version: Version) -> dict[str, Any]:
    return {
        "version": version.version,
        "updated": version.updated,
        "kind": version.kind,
        "codeDigest": version.code_digest,
        "codeBytes": version.code_bytes,
        "binary": version.binary,
        "current": version.current,
    }

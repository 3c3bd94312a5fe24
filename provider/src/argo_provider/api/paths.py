"""Names out of request paths."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from argo_provider.api.state import IDENTITY
from argo_provider.model.identity import Identity
from argo_provider.model.names import DEFAULT_PACKAGE, OWN_NAMESPACE, FullName, check_name, check_namespace

NAMESPACE = "/api/v1/namespaces/{namespace}"
ACTION = "/actions/{name}"
PACKAGED_ACTION = "/actions/{package}/{name}"


def caller(request: web.Request) -> tuple[Identity, str]:
    """The caller and the namespace of the path, `_` resolved; BadRequest for an illegal one."""
    identity = request[IDENTITY]
    namespace = request.match_info["namespace"]
    return identity, identity.namespace if namespace == OWN_NAMESPACE else check_namespace(namespace)


def entity_name(request: web.Request, namespace: str) -> FullName:
    """The entity of the path: `{name}` or `{package}/{name}`."""
    return named(request.match_info, namespace)


def named(match: Mapping[str, str], namespace: str) -> FullName:
    """As `entity_name`, of what the path holds."""
    package = match.get("package")
    name = check_name(match["name"])
    if package is None or package == DEFAULT_PACKAGE:
        return FullName(namespace, name)
    return FullName(namespace, name, check_name(package))

"""The API gateway: APIs of a namespace, kept as swagger documents, served as routes to web actions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from argo_provider.errors import BadRequest, NotFound
from argo_provider.model.identity import Identity
from argo_provider.storage.port import Document, DocumentStore
from argo_provider.system import api_documents
from argo_provider.system.api_documents import Route

_BUCKET = "apis"


@dataclass(frozen=True, slots=True)
class Matched:
    """Where a request goes. `rest`: the path below the API's base path."""

    route: Route
    parameters: Mapping[str, str]
    rest: str


@dataclass(frozen=True, slots=True)
class NoRoute:
    """`path_exists`: only the verb is wrong."""

    path_exists: bool = False


class Gateway:
    """Create, show, delete and match APIs. Routes are kept in memory as they are asked for."""

    def __init__(self, documents: DocumentStore, public_url: str) -> None:
        self._documents = documents
        self._public_url = public_url
        self._compiled: dict[str, list[tuple[str, list[Route]]]] = {}

    async def create(self, identity: Identity, apidoc: Any, response_type: str) -> dict[str, Any]:
        """One endpoint added to an API, or a whole API replaced by a swagger document; BadRequest."""
        if not isinstance(apidoc, dict):
            raise BadRequest("apidoc is required.")
        if apidoc.get("swagger"):
            if apidoc.get("gatewayBasePath"):
                raise BadRequest("swagger and gatewayBasePath are mutually exclusive and cannot be specified together.")
            document = api_documents.validate_swagger(apidoc["swagger"])
        else:
            api_documents.check_endpoint(apidoc)
            document = await self._with_endpoint(identity.namespace, apidoc, response_type)
        await self._put(identity.namespace, document)
        return self._value(identity.namespace, document)

    async def _with_endpoint(self, namespace: str, apidoc: Mapping[str, Any], response_type: str) -> dict[str, Any]:
        base = str(apidoc["gatewayBasePath"])
        if not base.startswith("/"):
            raise BadRequest("gatewayBasePath must begin with a slash")
        stored = await self._documents.get(_BUCKET, namespace, base)
        current = stored.body if stored else api_documents.base_document(base, apidoc.get("apiName"))
        return api_documents.add_endpoint(current, apidoc, response_type)

    async def apis(self, identity: Identity, wanted: str | None) -> list[dict[str, Any]]:
        """All APIs, or those whose base path or title is `wanted`."""
        found = [d.body for d in await self._documents.list(_BUCKET, identity.namespace)]
        return [
            {"id": key, "key": key, "value": self._value(identity.namespace, document)}
            for document in found
            if not wanted or wanted in (document["basePath"], document["info"].get("title"))
            for key in [f"API:{identity.namespace}:{document['basePath']}"]
        ]

    async def delete(self, identity: Identity, wanted: str, path: str | None, verb: str | None) -> None:
        """The whole API, one path of it, or one verb of a path; NotFound, BadRequest."""
        if verb and not path:
            raise BadRequest("When specifying an operation, the path is required.")
        document = await self._find(identity.namespace, wanted)
        if path:
            document = api_documents.remove_endpoint(document, path, verb)
            if document["paths"]:
                await self._put(identity.namespace, document)
                return
        await self._documents.delete(_BUCKET, identity.namespace, document["basePath"])
        self._compiled.pop(identity.namespace, None)

    async def _find(self, namespace: str, wanted: str) -> dict[str, Any]:
        for document in await self._documents.list(_BUCKET, namespace):
            if wanted in (document.body["basePath"], document.body["info"].get("title")):
                return dict(document.body)
        raise NotFound(f"API deletion failure: API '{wanted}' does not exist.")

    async def _put(self, namespace: str, document: dict[str, Any]) -> None:
        await self._documents.put(Document(_BUCKET, namespace, document["basePath"], document))
        self._compiled.pop(namespace, None)

    def _value(self, namespace: str, document: Mapping[str, Any]) -> dict[str, Any]:
        base = document["basePath"].rstrip("/")
        return {
            "namespace": namespace,
            "gwApiUrl": f"{self._public_url}/api/{quote(namespace, safe='')}{base}",
            "gwApiActivated": True,
            "tenantId": namespace,
            "apidoc": api_documents.shown(document),
        }

    async def match(self, namespace: str, path: str, verb: str) -> Matched | NoRoute:
        """The API with the longest base path of `path`."""
        compiled = self._compiled.get(namespace)
        if compiled is None:
            compiled = await self._compile(namespace)
        for base, routes in compiled:
            if path == base or path.startswith(base + "/"):
                rest = path[len(base) :]
                route, parameters, exists = api_documents.match(routes, rest, verb)
                return Matched(route, parameters, rest) if route else NoRoute(exists)
        return NoRoute()

    async def _compile(self, namespace: str) -> list[tuple[str, list[Route]]]:
        compiled = [
            (d.body["basePath"].rstrip("/"), api_documents.routes(d.body, namespace))
            for d in await self._documents.list(_BUCKET, namespace)
        ]
        compiled.sort(key=lambda item: len(item[0]), reverse=True)
        if compiled:  # nothing is kept for names that somebody only tries
            self._compiled[namespace] = compiled
        return compiled

"""API documents: what `wsk api` and the Serverless Framework send, as swagger and as routes. Pure."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import jsonschema

from argo_provider.errors import BadRequest
from argo_provider.model.names import DEFAULT_PACKAGE, OWN_NAMESPACE
from argo_proxy import jsontext

_VERBS = ("get", "put", "post", "delete", "patch", "head", "options")
_SWAGGER_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["basePath", "paths", "info"],
    "properties": {
        "basePath": {"type": "string", "pattern": "^/[^\\s?#]*$", "maxLength": 1024},
        "info": {"type": "object"},
        "paths": {
            "type": "object",
            "maxProperties": 1000,
            "propertyNames": {"pattern": "^/[^\\s?#]*$", "maxLength": 1024},
            "additionalProperties": {"type": "object"},
        },
        "x-ibm-configuration": {"type": "object"},
    },
}
_WEB_PATH = re.compile(r"/api/v1/web/([^/]+)/([^/]+)/([^/]+?)(?:\.(http|json|html|svg|text))?(?:/.*|\$.*)?\Z")


@dataclass(frozen=True, slots=True)
class Route:
    """One verb of one path. `segments`: literal text, or "{name}" for a parameter."""

    segments: tuple[str, ...]
    verb: str
    namespace: str
    package: str
    action: str
    extension: str
    secure_key: str | None = None


def validate_swagger(document: Any) -> dict[str, Any]:
    """A swagger 2 document given as an object or as JSON text; BadRequest says what is wrong and where."""
    if isinstance(document, str):
        try:
            document = jsontext.decode(document)
        except ValueError as error:
            raise BadRequest("swagger field cannot be parsed. Ensure it is valid JSON.") from error
    if not isinstance(document, dict):
        raise BadRequest(f"swagger field is {type(document).__name__} and should be an object or a JSON string.")
    for name in ("basePath", "paths", "info"):
        if not document.get(name):
            raise BadRequest(f"swagger is missing the {name} field.")
    try:
        jsonschema.validate(document, _SWAGGER_SCHEMA)
    except jsonschema.ValidationError as error:
        where = "/".join(str(part) for part in error.absolute_path) or "document"
        raise BadRequest(f"swagger is not valid at {where}: {error.message[:200]}") from error
    return document


def check_endpoint(doc: Mapping[str, Any]) -> None:
    """BadRequest unless `doc` describes one endpoint, as `wsk api create` sends it."""
    for name in ("gatewayBasePath", "gatewayPath", "gatewayMethod"):
        if not doc.get(name):
            raise BadRequest(f"apidoc is missing the {name} field")
    action = doc.get("action")
    if not isinstance(action, dict):
        raise BadRequest("apidoc is missing the action field.")
    for name in ("backendMethod", "backendUrl", "namespace", "name", "authkey"):
        if not action.get(name):
            raise BadRequest(f"action is missing the {name} field.")
    if str(doc["gatewayMethod"]).lower() not in _VERBS:
        raise BadRequest(f"gatewayMethod '{str(doc['gatewayMethod'])[:16]}' is not an HTTP verb")


def base_document(base_path: str, title: str | None) -> dict[str, Any]:
    """An API without endpoints."""
    return {
        "swagger": "2.0",
        "basePath": base_path,
        "info": {"title": title or base_path, "version": "1.0.0"},
        "paths": {},
    }


def add_endpoint(document: Mapping[str, Any], doc: Mapping[str, Any], response_type: str) -> dict[str, Any]:
    """The document with one endpoint added or replaced; its key for secured actions is never shown."""
    changed = copy.deepcopy(dict(document))
    action = doc["action"]
    package, _, name = str(action["name"]).rpartition("/")
    verb = str(doc["gatewayMethod"]).lower()
    operation: dict[str, Any] = {
        "operationId": f"{verb}{doc['gatewayPath']}",
        "responses": {"default": {"description": "Default response"}},
        "x-openwhisk": {
            "namespace": action["namespace"],
            "package": package or DEFAULT_PACKAGE,
            "action": name,
            "url": str(action["backendUrl"]).rsplit(".", 1)[0] + f".{response_type}"
            if str(action["backendUrl"]).endswith((".http", ".json", ".html", ".svg", ".text"))
            else f"{action['backendUrl']}.{response_type}",
        },
    }
    if action.get("secureKey"):
        operation["x-argo-secure-key"] = str(action["secureKey"])
    path = changed["paths"].setdefault(str(doc["gatewayPath"]), {})
    parameters = doc.get("pathParameters")
    if isinstance(parameters, list):
        path["parameters"] = parameters
    path[verb] = operation
    if doc.get("apiName"):
        changed["info"] = {**changed.get("info", {}), "title": doc["apiName"]}
    return changed


def remove_endpoint(document: Mapping[str, Any], path: str, verb: str | None) -> dict[str, Any]:
    """The document without one path, or without one verb of it; BadRequest where there is none."""
    changed = copy.deepcopy(dict(document))
    operations = changed["paths"].get(path)
    if operations is None:
        raise BadRequest(f"API deletion failure: path '{path}' does not exist.")
    if verb is not None:
        if operations.pop(verb.lower(), None) is None:
            raise BadRequest(f"API deletion failure: path '{path}' does not have the operation '{verb}'.")
        if any(v in operations for v in _VERBS):
            return changed
    del changed["paths"][path]
    return changed


def routes(document: Mapping[str, Any], namespace: str) -> list[Route]:
    """What the gateway serves; operations that lead to no action of `namespace` are left out."""
    targets = _execution_targets(document)
    found = []
    for path, operations in document["paths"].items():
        for verb, operation in operations.items():
            if verb.lower() in _VERBS and isinstance(operation, dict):
                route = _route(path, verb.lower(), operation, targets.get(operation.get("operationId", "")), namespace)
                if route is not None:
                    found.append(route)
    return found


def _route(path: str, verb: str, operation: Mapping[str, Any], assembly: Any, namespace: str) -> Route | None:
    described = operation.get("x-openwhisk") or {}
    url = str(described.get("url") or (assembly or {}).get("url") or "")
    found = _WEB_PATH.search(unquote(urlsplit(url).path))
    if found is None:
        return None
    owner, package, action, extension = found.groups()
    if described.get("action"):
        owner = str(described.get("namespace") or owner)
        package, action = str(described.get("package") or DEFAULT_PACKAGE), str(described["action"])
    if owner not in (namespace, OWN_NAMESPACE):
        return None
    key = operation.get("x-argo-secure-key") or (assembly or {}).get("key")
    segments = tuple(path.strip("/").split("/")) if path.strip("/") else ()
    return Route(segments, verb, namespace, package, action, f".{extension or 'http'}", key)


def _execution_targets(document: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """operationId → {url, key} of the gateway assembly that the Serverless Framework writes."""
    found: dict[str, dict[str, Any]] = {}
    assembly = (document.get("x-ibm-configuration") or {}).get("assembly") or {}
    for step in _dicts(assembly.get("execute")):
        for case in _dicts((step.get("operation-switch") or {}).get("case")):
            target = _target(_dicts(case.get("execute")))
            for operation in case.get("operations") or ():
                name = operation if isinstance(operation, str) else str((operation or {}).get("operationId", ""))
                found[name] = target
    return found


def _target(steps: list[dict[str, Any]]) -> dict[str, Any]:
    target: dict[str, Any] = {}
    for step in steps:
        if "invoke" in step:
            target["url"] = (step["invoke"] or {}).get("target-url")
        for action in _dicts((step.get("set-variable") or {}).get("actions")):
            if str(action.get("set", "")).lower() == "message.headers.x-require-whisk-auth":
                target["key"] = str(action.get("value"))
    return target


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def shown(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document as it is answered: without keys of secured actions."""
    return dict(_without_keys(document))


def _without_keys(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _without_keys(v) for k, v in value.items() if k != "x-argo-secure-key"}
    if isinstance(value, list):
        return [_without_keys(item) for item in value]
    return value


def match(found: list[Route], path: str, verb: str) -> tuple[Route | None, dict[str, str], bool]:
    """The route, its path parameters, and whether the path exists under another verb. Literal segments win."""
    segments = path.strip("/").split("/") if path.strip("/") else []
    path_exists = False
    best: tuple[int, Route, dict[str, str]] | None = None
    for route in found:
        parameters = _match_segments(route.segments, segments)
        if parameters is None:
            continue
        path_exists = True
        if route.verb == verb and (best is None or len(parameters) < best[0]):
            best = (len(parameters), route, parameters)
    return (best[1], best[2], True) if best else (None, {}, path_exists)


def _match_segments(template: tuple[str, ...], segments: list[str]) -> dict[str, str] | None:
    parameters: dict[str, str] = {}
    for index, part in enumerate(template):
        if part == "*" and index == len(template) - 1:
            return parameters
        if index >= len(segments):
            return None
        if part.startswith("{") and part.endswith("}"):
            parameters[part[1:-1]] = unquote(segments[index])
        elif part != unquote(segments[index]):
            return None
    return parameters if len(template) == len(segments) else None

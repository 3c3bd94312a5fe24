"""The OpenAPI document: made from one table, so that a test can hold it against the routes."""

from __future__ import annotations

from typing import Any

from argo_provider import __version__
from argo_provider.api import openapi_argo
from argo_provider.api.openapi_links import add_links
from argo_provider.api.openapi_operation import Operation

_NS = "/api/v1/namespaces/{namespace}"
_WEB = "/api/v1/web/{namespace}/{package}/{action}"
_NAME = "^([A-Za-z0-9_]|[A-Za-z0-9_][A-Za-z0-9_@ .&-]{0,254}[A-Za-z0-9_@.&-])$"
_ACTIVATION_ID = "^[0-9a-f]{32}$"
_LIST = ("limit", "skip", "count")
_QUERIES: dict[str, tuple[str, dict[str, Any]]] = {
    "limit": ("How many at the most; 0: 200.", {"type": "integer", "minimum": 0, "maximum": 200, "default": 30}),
    "skip": ("How many to leave out.", {"type": "integer", "minimum": 0, "default": 0}),
    "count": ("Answer the number instead.", {"type": "boolean", "default": False}),
    "overwrite": ("Update what exists.", {"type": "boolean", "default": False}),
    "code": ("With the code.", {"type": "boolean", "default": True}),
    "blocking": ("Wait for the result.", {"type": "boolean", "default": False}),
    "result": ("Answer the result alone.", {"type": "boolean", "default": False}),
    "timeout": ("Milliseconds to wait.", {"type": "integer", "minimum": 1, "maximum": 60000}),
    "force": ("With what is in it.", {"type": "boolean", "default": False}),
    "name": ("Of one action, trigger, or package/action.", {"type": "string"}),
    "since": ("Started at or after, epoch milliseconds.", {"type": "integer"}),
    "upto": ("Started at or before, epoch milliseconds.", {"type": "integer"}),
    "docs": ("Whole records.", {"type": "boolean", "default": False}),
    "basepath": ("Base path or title of an API.", {"type": "string"}),
    "relpath": ("One path of it.", {"type": "string"}),
    "operation": ("One verb of the path.", {"type": "string"}),
    "responsetype": ("Extension of the web action.", {"type": "string", "default": "json"}),
    **openapi_argo.QUERIES,
}


def _entity(collection: str, one: str) -> dict[str, dict[str, Operation]]:
    """List, create or update, read and delete of one collection."""
    answers = {200: one}
    item = {
        "put": Operation(f"Create or update a {one.lower()}", answers, ("overwrite",), f"{one}Put", collection),
        "get": Operation(f"Read a {one.lower()}", answers, (), "", collection),
        "delete": Operation(f"Delete a {one.lower()}", answers, (), "", collection),
    }
    listed = {"get": Operation(f"List {collection}", {200: "ListOrCount"}, _LIST, "", collection)}
    return {f"{_NS}/{collection}": listed, f"{_NS}/{collection}/{{name}}": item}


def _action() -> dict[str, dict[str, Operation]]:
    invoke = Operation(
        "Invoke an action",
        {200: "Activation", 202: "ActivationId", 502: "Activation"},
        ("blocking", "result", "timeout"),
        "Payload",
        "actions",
    )
    paths = _entity("actions", "Action")
    item = paths[f"{_NS}/actions/{{name}}"]
    save = Operation(
        "Create or update an action",
        {200: "Action", 412: "Error"},
        ("overwrite",),
        "ActionPut",
        "actions",
        headers=("If-Match",),
    )
    item |= {"put": save, "post": invoke, "get": Operation("Read an action", {200: "Action"}, ("code",), "", "actions")}
    paths[f"{_NS}/actions/{{package}}/{{name}}"] = dict(item)
    paths[f"{_NS}/actions/{{package}}/"] = paths[f"{_NS}/actions"]
    return paths


def _table() -> dict[str, dict[str, Operation]]:
    paths = {
        "/": {"get": Operation("What this service is, its limits and runtimes", {200: "Object"}, open=True)},
        "/ping": {"get": Operation("Whether it answers", {200: ""}, open=True)},
        "/ready": {"get": Operation("Whether it takes work", {200: "", 503: "Error"}, open=True)},
        "/metrics": {"get": Operation("Prometheus metrics; loopback or token", {200: "", 403: "Error"}, open=True)},
        "/blackbox.tar.gz": {"get": Operation("Skeleton of an action as an image", {200: ""}, open=True)},
        "/api/v1": {"get": Operation("The API's version", {200: "Object"}, open=True)},
        "/api/v1/api-docs": {"get": Operation("This document", {200: "Object"}, open=True)},
        "/api/v1/docs": {"get": Operation("Leads to the readable page", {308: ""}, open=True)},
        "/api/v1/docs/index.html": {"get": Operation("The readable page", {200: ""}, open=True)},
        **openapi_argo.table(),
        "/dashboard": {"get": Operation("The web page", {200: "", 503: ""}, open=True)},
        "/dashboard/assets/{name}": {"get": Operation("A file of the web page", {200: ""}, open=True)},
        "/api/v1/namespaces": {"get": Operation("The caller's namespace", {200: "List"}, tag="namespaces")},
        f"{_NS}/limits": {"get": Operation("Limits of the namespace", {200: "Object"}, tag="namespaces")},
        **_action(),
        **_entity("packages", "Package"),
        **_entity("triggers", "Trigger"),
        **_entity("rules", "Rule"),
        **_activations(),
        **_web(),
    }
    paths[f"{_NS}/packages/{{name}}"]["delete"] = Operation(
        "Delete a package", {200: "Package"}, ("force",), "", "packages"
    )
    fire = Operation("Fire a trigger", {202: "ActivationId", 204: ""}, (), "Payload", "triggers")
    paths[f"{_NS}/triggers/{{name}}"]["post"] = fire
    switch = Operation("Activate or deactivate a rule", {200: ""}, (), "RuleStatus", "rules")
    paths[f"{_NS}/rules/{{name}}"]["post"] = switch
    return paths


def _activations() -> dict[str, dict[str, Operation]]:
    path, tag = f"{_NS}/activations", "activations"
    filters = (*_LIST, "name", "since", "upto", "docs")
    return {
        path: {"get": Operation("List activations", {200: "ListOrCount"}, filters, "", tag)},
        path + "/{id}": {"get": Operation("Read a record", {200: "Activation"}, (), "", tag)},
        path + "/{id}/result": {"get": Operation("Its result", {200: "Object"}, (), "", tag)},
        path + "/{id}/logs": {"get": Operation("Its logs", {200: "Object"}, (), "", tag)},
    }


def _web() -> dict[str, dict[str, Operation]]:
    serve = Operation("Run a web action", {200: "", 202: "Error"}, (), "Payload", "web", open=True)
    manage = "/api/v1/web/whisk.system/apimgmt/"
    return {
        manage + "createApi": {
            "post": Operation("Make an API", {200: "Object"}, ("responsetype",), "Payload", "gateway")
        },
        manage + "getApi": {"get": Operation("Show APIs", {200: "Object"}, ("basepath",), "", "gateway")},
        manage + "deleteApi": {
            "delete": Operation("Delete an API", {200: "Object"}, ("basepath", "relpath", "operation"), "", "gateway")
        },
        _WEB: dict.fromkeys(("get", "post", "put", "patch", "delete"), serve),
        "/api/{namespace}/{path}": {
            verb: Operation("A route of an API somebody made", {200: "", 404: "NoRoute"}, (), "", "gateway", open=True)
            for verb in ("get", "post", "put", "patch", "delete")
        },
    }


def _schemas() -> dict[str, Any]:
    text, key_values = {"type": "string"}, {"type": "array", "items": {"$ref": "#/components/schemas/KeyValue"}}
    version = {"type": "string", "pattern": r"^[0-9]{1,9}\.[0-9]{1,9}\.[0-9]{1,9}$"}
    common = {"version": version, "publish": {"type": "boolean"}, "annotations": key_values}
    stored = {"namespace": text, "name": text, "updated": {"type": "integer"}, **common}
    limits = {
        "type": "object",
        "properties": {n: {"type": "integer"} for n in ("timeout", "memory", "logs", "concurrency")},
    }
    code: dict[str, Any] = dict.fromkeys(("kind", "code", "main", "image"), text)
    code |= {"binary": {"type": "boolean"}, "components": {"type": "array", "items": text}}
    example = {"kind": "nodejs:default", "code": "function main(args) { return args }"}
    action = {
        "exec": {"type": "object", "properties": code, "examples": [example]},
        "parameters": key_values,
        "limits": limits,
    }
    links: dict[str, Any] = {"trigger": {}, "action": {}}
    response = {"status": text, "success": {"type": "boolean"}, "result": {}, "size": {"type": "integer"}}
    record = {
        **dict.fromkeys(("namespace", "name", "version", "subject", "activationId", "cause"), text),
        **{n: {"type": "integer"} for n in ("start", "end", "duration")},
        "response": {"type": "object", "properties": response},
        "logs": {"type": "array", "items": text},
        "annotations": key_values,
    }
    return {
        "Error": _object({"error": text, "code": text}, ("error", "code")),
        "KeyValue": _object({"key": text, "value": {}, "init": {"type": "boolean"}}, ("key",)),
        "Object": {"type": "object"},
        "List": {"type": "array", "items": {}},
        "ListOrCount": {
            "anyOf": [
                {"$ref": "#/components/schemas/List"},
                {"type": "object", "additionalProperties": {"type": "integer"}},
            ]
        },
        "NoRoute": {
            "anyOf": [
                {"$ref": "#/components/schemas/Error"},
                _object({"status": {"const": 404}, "message": text}, ("status", "message")),
            ]
        },
        "Payload": {"type": "object"},
        "ActivationId": _object({"activationId": {"type": "string", "pattern": _ACTIVATION_ID}}, ("activationId",)),
        "Activation": _object(record),
        "ActionPut": _object({**common, **action, "delAnnotations": {"type": "array", "items": text}}),
        "Action": _object({**stored, **action}),
        "PackagePut": _object({**common, "parameters": key_values, "binding": {"type": "object"}}),
        "Package": _object({**stored, "parameters": key_values, "binding": {}}),
        "TriggerPut": _object({**common, "parameters": key_values}),
        "Trigger": _object({**stored, "parameters": key_values, "rules": {"type": "object"}}),
        "RulePut": _object({**common, **links}),
        "Rule": _object({**stored, **links, "status": text}),
        "RuleStatus": _object({"status": {"enum": ["active", "inactive"]}}, ("status",)),
        **openapi_argo.schemas(),
    }


def _object(properties: dict[str, Any], required: tuple[str, ...] = ()) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "object", "properties": properties}
    return {**made, "required": list(required)} if required else made


def _operation(path: str, verb: str, operation: Operation) -> dict[str, Any]:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": _path_schema(path, name)} for name in names
    ]
    for name in operation.queries:
        about, schema = _QUERIES[name]
        parameters.append({"name": name.removeprefix("argo:"), "in": "query", "description": about, "schema": schema})
    for name in operation.headers:
        about, schema = openapi_argo.HEADERS[name]
        parameters.append({"name": name, "in": "header", "description": about, "schema": schema})
    made: dict[str, Any] = {
        "operationId": f"{verb} {path}",
        "summary": operation.summary,
        "tags": [operation.tag or "service"],
        "parameters": parameters,
        "responses": {str(status): _response(operation, name) for status, name in operation.answers.items()},
    }
    made["responses"]["default"] = {"description": "An error", **_json("Error")}
    if operation.body:
        made["requestBody"] = _json(operation.body)
    if operation.open:
        made["security"] = []
    return made


def _path_schema(path: str, name: str) -> dict[str, Any]:
    if name == "namespace":
        return {"type": "string", "examples": ["_"]}  # the key's own
    if path.startswith(f"{_NS}/activations"):
        return {"type": "string", "pattern": _ACTIVATION_ID}
    return {"type": "string", "pattern": _NAME} if path.startswith(_NS) else {"type": "string"}


def _response(operation: Operation, schema: str) -> dict[str, Any]:
    if operation.media:
        return {"description": "Text", "content": {operation.media: {"schema": {"type": "string"}}}}
    return {"description": schema or "No JSON", **(_json(schema) if schema else {})}


def _json(schema: str) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}}


def document() -> dict[str, Any]:
    """The whole, OpenAPI 3.1."""
    paths = {
        path: {verb: _operation(path, verb, operation) for verb, operation in operations.items()}
        for path, operations in _table().items()
    }
    add_links(paths, f"{_NS}/activations")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Argo",
            "version": __version__,
            "description": "The OpenWhisk action API v1, and what Argo adds under /api/v1/argo/.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "basic", "description": "uuid:secret"}},
            "schemas": _schemas(),
        },
    }

"""What can be asked next: an entity that was made can be read, used and deleted; a call that was taken has a record."""

from __future__ import annotations

from typing import Any

_USES = {"get": "Read", "post": "Use", "delete": "Delete"}
_RECORD = ("", "/result", "/logs")


def add_links(paths: dict[str, Any], activations: str) -> None:
    """To the answers of `paths`, as the document has them. `activations`: the path of their list."""
    for path, verbs in paths.items():
        if "put" in verbs and path.endswith("/{name}"):
            _answer(verbs["put"], "200")["links"] = {
                f"{name}It": _link(verbs[verb], _names(path)) for verb, name in _USES.items() if verb in verbs
            }
        for verb in verbs.values():
            for status in ("200", "202"):
                if _schema(verb, status).endswith(("/Activation", "/ActivationId")):
                    _answer(verb, status)["links"] = _records(paths, activations)


def _answer(verb: dict[str, Any], status: str) -> dict[str, Any]:
    found: dict[str, Any] = verb["responses"][status]
    return found


def _schema(verb: dict[str, Any], status: str) -> str:
    content = verb["responses"].get(status, {}).get("content", {}).get("application/json", {})
    return str(content.get("schema", {}).get("$ref", ""))


def _names(path: str) -> dict[str, str]:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    return {f"path.{name}": f"$request.path.{name}" for name in names}


def _link(verb: dict[str, Any], parameters: dict[str, str]) -> dict[str, Any]:
    return {"operationId": verb["operationId"], "parameters": parameters}


def _records(paths: dict[str, Any], activations: str) -> dict[str, Any]:
    parameters = {"path.namespace": "_", "path.id": "$response.body#/activationId"}
    found = {}
    for part in _RECORD:
        name = f"ReadIts{part.removeprefix('/').capitalize() or 'Record'}"
        found[name] = _link(paths[f"{activations}/{{id}}{part}"]["get"], parameters)
    return found

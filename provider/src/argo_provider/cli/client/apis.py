"""`argofn api …`: routes of the API gateway to web actions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from argo_provider.cli.client import options as opt
from argo_provider.cli.client import output
from argo_provider.cli.client.arguments import as_mapping, json_object
from argo_provider.cli.client.failures import Failed, Misused
from argo_provider.cli.client.http import segment
from argo_provider.cli.client.names import parse
from argo_provider.cli.client.session import Session, command

app = typer.Typer(name="api", no_args_is_help=True, help="Routes of the gateway to web functions.")
VERBS = ("get", "put", "post", "delete", "patch", "head", "options")
TYPES = ("http", "json", "html", "text", "svg")
Path1 = Annotated[str | None, typer.Argument(metavar="[BASE_PATH | API_NAME]", show_default=False)]
RelPath = Annotated[str | None, typer.Argument(metavar="[API_PATH]", show_default=False)]
Verb = Annotated[str | None, typer.Argument(metavar="[VERB]", show_default=False)]

ResponseType = Annotated[str, typer.Option("--response-type", metavar="|".join(TYPES), help="Of the answer.")]


@command(
    app,
    "create",
    "argofn api create /shop /hello get page --response-type json",
    "argofn api create /plain get page",
)
def create(
    session: Session,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[BASE_PATH] API_PATH VERB ACTION", help="The route.", show_default=False),
    ] = None,
    apiname: Annotated[str | None, typer.Option("--apiname", "-n", help="Its name.", show_default=False)] = None,
    config_file: Annotated[
        Path | None, typer.Option("--config-file", "-c", metavar="FILE", help="Swagger (JSON).", show_default=False)
    ] = None,
    response_type: Annotated[
        str, typer.Option("--response-type", metavar="|".join(TYPES), help="Of the answer.")
    ] = "http",
) -> None:
    """Create a route; without BASE_PATH below /."""
    if config_file is not None:
        document = {"namespace": _own(session), "swagger": json.dumps(json_object(config_file))}
    else:
        document = _route(session, words or [], apiname, response_type)
    query = _query(session) | {"responsetype": response_type}
    made = session.api.json("POST", _path(session, "createApi"), query=query, body={"apidoc": document})
    if config_file is not None:
        rows = [f"{row[1]} {row[3]}" for row in _routes(made.get("apidoc") or {}, made.get("gwApiUrl", ""))]
        output.emit(session, made, lambda: "\n".join([output.ok(f"created API from {config_file}"), *rows]))
        return
    base, path, verb, action = _split(words or [])
    full = path if base == "/" else f"{base}{path}"
    sentence = f"created API {full} {verb} for action /_/{action.strip('/')}"
    output.emit(session, made, lambda: f"{output.ok(sentence)}\n{made['gwApiUrl']}{path}")


def _split(words: list[str]) -> tuple[str, str, str, str]:
    """Base path, path, verb and action of `[BASE] PATH VERB ACTION`."""
    if len(words) not in {3, 4}:
        raise Misused("a route is made of a path, a verb and an action", "argofn api create /shop /hello get ACTION")
    base = words[0] if len(words) == 4 else "/"
    path, verb, action = words[-3:]
    for each in (base, path):
        if not each.startswith("/"):
            raise Misused(f"the path {each} must begin with a slash", f"/{each}")
    if verb.lower() not in VERBS:
        raise Misused(f"{verb} is no verb of HTTP", f"one of: {', '.join(VERBS)}")
    return base, path, verb.lower(), action


def _route(session: Session, words: list[str], apiname: str | None, response_type: str) -> dict[str, Any]:
    """What createApi takes for one route. The action must be there, and a web action."""
    base, path, verb, action = _split(words)
    if response_type not in TYPES:
        raise Misused(f"{response_type} is no response type", f"one of: {', '.join(TYPES)}")
    name = parse(action, session.properties.namespace)
    found = session.api.json("GET", session.at("actions", name.path, name.namespace), query={"code": False})
    annotations = as_mapping(found.get("annotations"))
    if annotations.get("web-export") is not True:
        raise Misused(f"{name.local} is no web action", f"argofn action update {name.local} --web yes")
    namespace, _, package = found["namespace"].partition("/")
    inside = f"{segment(namespace)}/{segment(package or 'default')}/{segment(found['name'])}.{response_type}"
    secret = annotations.get("require-whisk-auth")
    described: dict[str, Any] = {
        "name": name.local,
        "namespace": namespace,
        "backendMethod": verb,
        "backendUrl": f"{session.properties.url}{session.root}/web/{inside}",
        "authkey": session.properties.auth,
    }
    if secret not in (None, False):
        described["secureKey"] = secret
    return {
        "namespace": namespace,
        "gatewayBasePath": base,
        "gatewayPath": path,
        "gatewayMethod": verb,
        "id": f"API:{namespace}:{base}",
        "apiName": apiname or base,
        "action": described,
    }


def _own(session: Session) -> str:
    return str(session.api.json("GET", f"{session.root}/namespaces")[0])


def _path(session: Session, operation: str) -> str:
    return f"{session.root}/web/whisk.system/apimgmt/{operation}.http"


def _query(session: Session) -> dict[str, Any]:
    return {
        "accesstoken": session.properties.apigw_access_token or "DUMMY_TOKEN",
        "spaceguid": session.properties.auth.partition(":")[0],
    }


@command(app, "list", "argofn api list", "argofn api list /shop")
def list_all(
    session: Session,
    base: Path1 = None,
    path: RelPath = None,
    verb: Verb = None,
    limit: opt.Limit = 30,
    skip: opt.Skip = 0,
    name_sort: Annotated[bool, typer.Option("--name-sort", "-n", help="By name.")] = False,
    full: Annotated[bool, typer.Option("--full", "-f", help="As JSON.")] = False,
) -> None:
    """List routes, those of one base path or name, or one of them."""
    query = _query(session) | {"basepath": base, "relpath": path, "operation": verb, "limit": limit, "skip": skip}
    found = session.api.json("GET", _path(session, "getApi"), query=query)["apis"]
    routes = [row for api in found for row in _routes(api["value"]["apidoc"], api["value"].get("gwApiUrl", ""))]
    kept = [row for row in routes if path in (None, row[4])] if path else routes
    if name_sort:
        kept.sort()
    if full:
        output.emit(session, found, lambda: output.dumped(found))
        return
    data = [dict(zip(("action", "verb", "name", "url"), row[:4], strict=True)) for row in kept]
    columns = ("Action", "Verb", "API Name", "URL")
    shown = [row[:4] for row in kept]
    output.emit(session, data, lambda: f"{output.ok('APIs')}\n{output.aligned(columns, shown)}", lambda row: row["url"])


def _routes(document: dict[str, Any], base_url: str) -> Iterator[tuple[str, ...]]:
    """Action, verb, API name, URL and path of each route in a Swagger document."""
    title = str(document.get("info", {}).get("title", ""))
    for path, verbs in (document.get("paths") or {}).items():
        for verb, operation in verbs.items():
            if verb.lower() not in VERBS:
                continue
            about = operation.get("x-openwhisk") or {}
            package = about.get("package", "default")
            action = about.get("action", "")
            inside = f"{package}/{action}" if package not in ("default", "") else action
            yield f"/{about.get('namespace', '_')}/{inside}", verb, title, f"{base_url}{path}", path


@command(app, "get", "argofn api get /shop")
def get(
    session: Session,
    base: Annotated[str, typer.Argument(metavar="BASE_PATH | API_NAME", show_default=False)],
    form: Annotated[str, typer.Option("--format", metavar="json|yaml", help="Of the document.")] = "json",
) -> None:
    """Print the Swagger document of an API."""
    found = session.api.json("GET", _path(session, "getApi"), query=_query(session) | {"basepath": base})["apis"]
    if not found:
        raise Failed(f"there is no API {base}", "argofn api list")
    document = found[0]["value"]["apidoc"]
    if form == "yaml":
        import yaml  # noqa: PLC0415  # only here

        output.emit(session, document, lambda: str(yaml.safe_dump(document, sort_keys=False)))
    else:
        output.emit(session, document, lambda: output.dumped(document), lambda _: base)


@command(app, "delete", "argofn api delete /shop")
def delete(
    session: Session,
    base: Annotated[str, typer.Argument(metavar="BASE_PATH | API_NAME", show_default=False)],
    path: RelPath = None,
    verb: Verb = None,
) -> None:
    """Delete an API, or one route of it."""
    query = _query(session) | {"basepath": base, "relpath": path, "operation": verb}
    session.api.json("DELETE", _path(session, "deleteApi"), query=query)
    what = " ".join(each for each in (base, path, verb) if each)
    gone = {"basepath": base, "relpath": path, "operation": verb}
    output.emit(session, gone, lambda: output.ok(f"deleted API {what}"), lambda _: what)

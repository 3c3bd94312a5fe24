"""/api/v1/namespaces/{namespace}/actions (contract §1)."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from argo_provider.api import query, render
from argo_provider.api.bodies import MOST_BODY_BYTES, read_object
from argo_provider.api.paths import caller, entity_name
from argo_provider.api.respond import ACTIVATION_HEADER, json_response
from argo_provider.api.schemas import load_action
from argo_provider.api.state import API_KEY, SERVICES, TRANSACTION
from argo_provider.entities.content import parse_version
from argo_provider.errors import MalformedRequest
from argo_provider.invocation.invoke import Accepted, Request
from argo_provider.model.activation import Activation, Status
from argo_provider.model.entities import Action
from argo_provider.model.names import check_name

STATUS = {
    Status.SUCCESS: 200,
    Status.APPLICATION_ERROR: 502,
    Status.DEVELOPER_ERROR: 502,
    Status.WHISK_ERROR: 500,
}


async def put(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    identity, namespace = caller(request)
    name = entity_name(request, namespace)
    overwrite = query.flag(request, "overwrite")
    changes = load_action(await read_object(request, MOST_BODY_BYTES))
    action = await services.actions.put(
        identity, name, changes, overwrite=overwrite, expected=_expected_version(request)
    )
    return json_response(render.action(action, await services.actions.code(action)), headers=_etag(action))


def _expected_version(request: web.Request) -> str | None:
    """Of `If-Match: "0.0.3"`; `*`: any that exists."""
    given = request.headers.get("If-Match")
    if given is None:
        return None
    tag = given.strip().removeprefix("W/").strip('"')
    return tag if tag == "*" else parse_version(tag)


def _etag(action: Action) -> dict[str, str]:
    return {"ETag": f'"{action.version}"'}


async def get(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    identity, namespace = caller(request)
    with_code = query.flag(request, "code", default=True)
    resolved = await services.actions.get(identity, entity_name(request, namespace))
    headers = _etag(resolved.action)
    if not with_code:
        return json_response(render.action_with_binding(resolved), headers=headers)
    code = await services.actions.code(resolved.action)
    return json_response(render.action(resolved.action, code, resolved.parameters), headers=headers)


async def delete(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    identity, namespace = caller(request)
    name = entity_name(request, namespace)
    action = await services.actions.delete(identity, name)
    return json_response(render.action(action, None))


async def list_all(request: web.Request) -> web.Response:
    """All actions of the namespace, or with a package in the path those in it."""
    services = request.app[SERVICES]
    identity, namespace = caller(request)
    package = request.match_info.get("package")
    page = query.page(request, "actions", services.limits.list_limit)
    listing = await services.actions.listing(identity, namespace, check_name(package) if package else None)
    if query.flag(request, "count"):
        return json_response({"actions": max(0, await services.actions.count(listing) - page.skip)})
    return json_response([render.action_item(a) for a in await services.actions.list(listing, page)])


async def invoke(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    identity, namespace = caller(request)
    name = entity_name(request, namespace)
    wait_ms, result_only = waiting(request, services.limits.blocking_wait_ms), query.flag(request, "result")
    payload = await read_object(request, services.limits.payload_bytes)
    answer = await services.invoke(
        Request(identity, name, payload, request[TRANSACTION], wait_ms, api_key=request[API_KEY])
    )
    if isinstance(answer, Accepted):
        return accepted(answer.activation_id)
    return invocation_response(answer, result_only=result_only)


def accepted(activation_id: str) -> web.Response:
    """202: the promise is on disk."""
    return json_response(promise_body(activation_id), 202, {ACTIVATION_HEADER: activation_id})


def promise_body(activation_id: str) -> dict[str, str]:
    return {"activationId": activation_id}


def invocation_response(activation: Activation, *, result_only: bool) -> web.Response:
    headers = {ACTIVATION_HEADER: activation.activation_id}
    body = invocation_body(activation, result_only=result_only)
    return json_response(body, STATUS[activation.response.status], headers)


def invocation_body(activation: Activation, *, result_only: bool) -> Any:
    """The record, or its result; a result that is an array is always answered bare."""
    result = activation.response.result
    return result if result_only or isinstance(result, list) else render.activation(activation, logs=_steps(activation))


def _steps(activation: Activation) -> bool:
    """Logs of functions are collected after the answer; a sequence's are the ids of its steps, known by now."""
    return activation.annotations.get("kind") == "sequence"


def waiting(given: query.Queried, most: int) -> int | None:
    """Milliseconds that the caller waits for the result; None: not at all. MalformedQuery, MalformedRequest."""
    if not query.flag(given, "blocking"):
        return None
    text = given.query.get("timeout")
    if text is None:
        return most
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 0 < int(text) <= most):
        raise MalformedRequest(f"Timeout must be number of milliseconds up to {most}.")
    return int(text)

"""The tenancy matrix: every route of the API document, by callers who do not own what is behind it."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from blackbox.answer import expect_ok, pairs
from blackbox.workspace import API, Workspace

METHODS = ("get", "put", "post", "delete")
BODIES = {
    "actions": {"exec": {"kind": "nodejs:default", "code": "function main() { return {} }"}},
    "rules": {"trigger": "/_/t", "action": "/_/a", "status": "inactive"},
}
SECRET = f"secret-{uuid.uuid4().hex}"


@dataclass(frozen=True, slots=True)
class Victim:
    """What one namespace has; all of it holds SECRET."""

    workspace: Workspace
    values: dict[str, str]  # of the placeholders of a path, by collection and name

    def path(self, template: str) -> str:
        collection = template.removeprefix(f"{API}/namespaces/{{namespace}}").strip("/").split("/")[0]
        found = template.replace("{namespace}", self.workspace.namespace)
        for key in ("package", "name", "id", "action", "version"):
            value = self.values.get(f"{collection}.{key}", self.values.get(key, "x"))
            found = found.replace(f"{{{key}}}", value)
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def victim(shared: Workspace, node: str) -> AsyncIterator[Victim]:
    parameters = {"parameters": pairs({"hidden": SECRET})}
    ow = shared
    package, trigger, rule = ow.name("package"), ow.name("trigger"), ow.name("rule")
    expect_ok(await ow.put("packages", package, parameters))
    action = await ow.action(kind=node, **parameters)
    inner = await ow.action(kind=node, name=f"{package}/act", **parameters)
    expect_ok(await ow.put("triggers", trigger, parameters))
    expect_ok(await ow.put("rules", rule, {"trigger": f"/_/{trigger}", "action": f"/_/{action}"}))
    record = expect_ok(await ow.invoke(action))
    values = {
        "actions.name": action,
        "packages.name": package,
        "triggers.name": trigger,
        "rules.name": rule,
        "id": record["activationId"],
        "package": package,
        "inner": inner,
    }
    yield Victim(ow, values)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def routes(shared: Workspace) -> list[tuple[str, str]]:
    """(method, path) of all that is below a namespace, as the service describes itself."""
    document = expect_ok(await shared.call("GET", f"{API}/api-docs", auth=None))
    if "openapi" not in document:
        pytest.skip("this service does not describe itself by OpenAPI 3")
    below = f"{API}/namespaces/{{namespace}}"
    return [
        (method, path)
        for path, operations in document["paths"].items()
        for method in METHODS
        if path.startswith(below) and method in operations
    ]


async def state(victim: Victim) -> list[Any]:
    """All that the owner sees of it, but for records, which grow by themselves."""
    ow, values = victim.workspace, victim.values
    places = [
        ("actions", values["actions.name"]),
        ("actions", values["inner"]),
        ("packages", values["package"]),
        ("triggers", values["triggers.name"]),
        ("rules", values["rules.name"]),
    ]
    return [expect_ok(await ow.get(collection, name)) for collection, name in places]


@pytest.mark.parametrize("role", ["nobody", "wrong secret", "unknown key", "another namespace"])
async def test_no_route_shows_or_changes_what_belongs_to_another(
    victim: Victim, routes: list[tuple[str, str]], ow: Workspace, ow2: Workspace, role: str
) -> None:
    key, wanted = {
        "nobody": (None, {401}),
        "wrong secret": (f"{ow.key.split(':')[0]}:{'x' * 64}", {401}),
        "unknown key": (f"{uuid.uuid4()}:{'x' * 64}", {401}),
        "another namespace": (ow2.key, {403}),
    }[role]
    before = await state(victim)
    assert len(routes) > 20

    async def attack(method: str, template: str) -> str:
        path = victim.path(template)
        body = BODIES.get(template.split("/")[5] if template.count("/") > 4 else "", {}) if method != "get" else None
        query = {"overwrite": True} if method == "put" else {}
        answer = await ow2.call(method.upper(), path, json=body, query=query, auth=key)
        # Packages may be listed by everybody; the others' private ones are not in the list.
        listing = role == "another namespace" and template.rstrip("/").endswith("/packages") and method == "get"
        fine = answer.status in ({200} if listing else wanted) and SECRET.encode() not in answer.body
        private = listing and victim.values["package"].encode() in answer.body
        return "" if fine and not private else f"{method.upper()} {path}: {answer}"

    found = await asyncio.gather(*(attack(method, template) for method, template in routes))
    assert [text for text in found if text] == []
    assert await state(victim) == before


async def test_our_own_routes_are_closed_as_well(ow: Workspace) -> None:
    """`/api/v1/argo/…` needs a key, but for the machine's status, which is for this machine's own callers."""
    document = expect_ok(await ow.call("GET", f"{API}/api-docs", auth=None))
    ours = [
        (method, path)
        for path, operations in document.get("paths", {}).items()
        for method in METHODS
        if path.startswith(f"{API}/argo/") and not path.endswith("/status") and method in operations
    ]
    for method, path in ours:
        plain = path.replace("{", "").replace("}", "")
        for key in (None, f"{uuid.uuid4()}:{'x' * 64}"):
            answer = await ow.call(method.upper(), plain, json={} if method != "get" else None, auth=key)
            assert answer.status == 401, f"{method.upper()} {plain}: {answer}"

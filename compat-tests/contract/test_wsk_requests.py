"""The requests that `wsk` was recorded to make, in its order and spelling: what holds where `wsk` itself is missing."""

import re
from typing import Any

from blackbox.answer import expect_ok, pairs
from blackbox.workspace import API, ECHO, NODE, Workspace


async def send(ow: Workspace, method: str, path: str, body: Any = None, **options: Any) -> Any:
    """A request below `/api/v1/namespaces`, with wsk's headers; the JSON body of its 200 or 202."""
    headers = {"User-Agent": "OpenWhisk-CLI/1.0 (2026-08-05) linux amd64", "Accept": "application/json"}
    answer = await ow.call(method, f"{API}/namespaces/{path}", json=body, headers=headers, **options)
    assert answer.status in {200, 202}, f"{method} {path}: {answer}"
    return answer.json if answer.media_type == "application/json" else answer.text


async def test_action_create_update_get_and_delete(ow: Workspace) -> None:
    name = ow.name()
    ow.created("actions", name)
    body = {
        "namespace": "_",
        "name": name,
        "exec": {"kind": NODE, "code": ECHO},
        "annotations": pairs({"web-export": True, "raw-http": False, "final": True}),
    }
    await send(ow, "PUT", f"_/actions/{name}?overwrite=false", body)
    await send(ow, "GET", f"_/actions/{name}?code=false")
    update = {"namespace": "_", "name": name, "parameters": pairs({"a": 1}), "limits": {"timeout": 5000}}
    updated = await send(ow, "PUT", f"_/actions/{name}?overwrite=true", update)
    assert updated["exec"]["code"] == ECHO, "an update without exec keeps the code"
    assert (await send(ow, "GET", f"_/actions/{name}?code=true"))["exec"]["code"] == ECHO
    assert await send(ow, "POST", f"_/actions/{name}?blocking=true&result=true", {}) == {"a": 1}
    assert set(await send(ow, "POST", f"_/actions/{name}?blocking=false&result=false", {})) == {"activationId"}
    assert name in [item["name"] for item in await send(ow, "GET", "_/actions?limit=30&skip=0")]
    assert (await send(ow, "DELETE", f"_/actions/{name}"))["name"] == name


async def test_activation_poll(ow: Workspace) -> None:
    name = await ow.action("function main() { console.log('polled'); return {} }")
    newest = await send(ow, "GET", "_/activations?docs=true&limit=1&skip=0")
    since = newest[0]["start"] + 1 if newest else 0
    activation = expect_ok(await ow.invoke(name))["activationId"]
    await ow.log_lines(activation)
    found = await send(ow, "GET", f"_/activations?docs=true&limit=0&name={name}&since={since}&skip=0")
    (record,) = [each for each in found if each["activationId"] == activation]
    assert record["logs"][0].endswith("polled")
    by_path = await send(ow, "GET", f"_/activations?limit=30&name=none%2F{name}&skip=0")
    assert by_path == []


async def test_feed_trigger(ow: Workspace) -> None:
    """`wsk trigger create --feed`, `get`, `update` and `delete`."""
    name = ow.name("trigger")
    ow.created("triggers", name)
    body = {"namespace": "_", "name": name, "annotations": pairs({"feed": "/whisk.system/alarms/alarm"})}
    await send(ow, "PUT", f"_/triggers/{name}?overwrite=false", body)
    feed = "whisk.system/actions/alarms/alarm?blocking=true&result=false"
    event = {"authKey": ow.key, "triggerName": f"/_/{name}"}
    await send(ow, "POST", feed, event | {"lifecycleEvent": "CREATE", "cron": "0 0 1 1 *", "trigger_payload": "{}"})
    assert (await send(ow, "GET", f"_/triggers/{name}"))["annotations"] == body["annotations"]
    read = await send(ow, "POST", feed, event | {"lifecycleEvent": "READ"})
    assert read["response"]["result"]["config"]["cron"] == "0 0 1 1 *"
    await send(ow, "PUT", f"_/triggers/{name}?overwrite=true", {"name": name, "parameters": pairs({"a": 1})})
    await send(ow, "POST", feed, event | {"lifecycleEvent": "UPDATE", "cron": "0 1 1 1 *"})
    await send(ow, "POST", feed, event | {"lifecycleEvent": "DELETE"})
    await send(ow, "DELETE", f"_/triggers/{name}")


async def test_rules(ow: Workspace, echo: str) -> None:
    """`wsk rule create`, `update`, `disable`, `enable`, and `list`, which asks for each rule by itself."""
    trigger, rule = ow.name("trigger"), ow.name("rule")
    expect_ok(await ow.put("triggers", trigger, {}))
    ow.created("rules", rule)
    body = {"name": rule, "status": "", "trigger": f"/_/{trigger}", "action": f"/_/{echo}"}
    assert (await send(ow, "PUT", f"_/rules/{rule}?overwrite=false", body))["status"] == "active"
    assert (await send(ow, "PUT", f"_/rules/{rule}?overwrite=true", body))["status"] == "active"
    for status in ("inactive", "active"):
        await send(ow, "POST", f"_/rules/{rule}", {"status": status, "trigger": None, "action": None})
    listed = await send(ow, "GET", "_/rules?limit=30&skip=0")
    assert rule in [item["name"] for item in listed]
    assert (await send(ow, "GET", f"_/rules/{rule}"))["status"] == "active"


async def test_project_deploy(ow: Workspace) -> None:
    """`wsk project deploy`: the body names the action with its package; then the rule is activated."""
    package, trigger, rule = ow.name("p"), ow.name("t"), ow.name("r")
    for collection, name in (("packages", package), ("triggers", trigger), ("rules", rule)):
        ow.created(collection, name)
    managed = {"file": "manifest.yaml", "projectDeps": [], "projectHash": "0" * 40, "projectName": "compat"}
    annotations = pairs({"whisk-managed": managed})
    for _ in range(2):
        expect_ok(await ow.call("GET", "/", auth=None))
        body: dict[str, Any] = {"namespace": "_", "name": package, "annotations": annotations, "publish": False}
        await send(ow, "PUT", f"_/packages/{package}?overwrite=true", body)
        body = {"namespace": "_", "name": f"{package}/act", "exec": {"kind": NODE, "code": ECHO, "binary": False}}
        stored = await send(ow, "PUT", f"_/actions/{package}/act?overwrite=true", body | {"annotations": annotations})
        assert (stored["namespace"], stored["name"]) == (f"{ow.namespace}/{package}", "act")
        await send(ow, "PUT", f"_/triggers/{trigger}?overwrite=true", {"name": trigger, "annotations": annotations})
        body = {"name": rule, "trigger": f"/_/{trigger}", "action": f"/_/{package}/act", "annotations": annotations}
        await send(ow, "PUT", f"_/rules/{rule}?overwrite=true", body)
        await send(ow, "POST", f"_/rules/{rule}", {"status": "active"})
    (item,) = [each for each in await send(ow, "GET", "_/packages?limit=0&skip=0") if each["name"] == package]
    assert item["annotations"] == annotations
    for path in (f"rules/{rule}", f"triggers/{trigger}", f"actions/{package}/act", f"packages/{package}"):
        await send(ow, "GET", f"_/{path}")
        await send(ow, "DELETE", f"_/{path}")


async def test_namespace_get_and_properties(ow: Workspace) -> None:
    for collection in ("actions", "packages", "triggers", "rules"):
        assert isinstance(await send(ow, "GET", f"_/{collection}?limit=0&skip=0"), list)
    build = expect_ok(await ow.call("GET", API, auth=None))
    assert re.match(r"\S", build["build"])
    assert re.match(r"\S", build["buildno"])

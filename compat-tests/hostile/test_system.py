"""The feeds and the API management with values of the wrong kind: refused, never broken."""

from typing import Any

import pytest
from blackbox.answer import expect_ok
from blackbox.workspace import API, Workspace

WRONG: list[Any] = [None, 5, True, "", "text", ["a"], {"a": 1}, "x" * 5000, "a\x00b"]
MANAGEMENT = f"{API}/web/whisk.system/apimgmt"


ALARM_FIELDS = ("lifecycleEvent", "triggerName", "authKey", "cron", "timezone", "maxTriggers", "startDate")
CRONS = ("* * * *", "* * * * * * *", "60 * * * *", "*/0 * * * *", "1-70 * * * *", "a b c d e", "@reboot", "5 4 31 2 *")
API_FIELDS = ("namespace", "gatewayBasePath", "gatewayPath", "gatewayMethod", "action", "apiName", "id")
QUESTIONS = ({}, {"basepath": ""}, {"basepath": "%00"}, {"limit": "x"}, {"skip": "-1"}, {"relpath": "/a"})


@pytest.mark.parametrize("field", ALARM_FIELDS)
async def test_alarm_fields(ow: Workspace, field: str) -> None:
    trigger = ow.name("trigger")
    expect_ok(await ow.put("triggers", trigger, {}))
    fine = {
        "lifecycleEvent": "CREATE",
        "triggerName": f"/{ow.namespace}/{trigger}",
        "authKey": ow.key,
        "cron": "0 0 1 1 *",
    }
    for value in WRONG:
        answer = await ow.invoke("/whisk.system/alarms/alarm", fine | {field: value})
        assert answer.status in {200, 400, 502}, f"{field} = {value!r}: {answer}"
    await ow.invoke("/whisk.system/alarms/alarm", fine | {"lifecycleEvent": "DELETE"})


@pytest.mark.parametrize("cron", CRONS)
async def test_crons(ow: Workspace, cron: str) -> None:
    """Those that never come, or are none, are told so or taken; no one waits for the first date for ever."""
    trigger = ow.name("trigger")
    expect_ok(await ow.put("triggers", trigger, {}))
    body = {"lifecycleEvent": "CREATE", "triggerName": f"/_/{trigger}", "authKey": ow.key, "cron": cron}
    answer = await ow.invoke("/whisk.system/alarms/alarm", body)
    assert answer.status in {200, 502}, answer
    assert answer.seconds < 20
    await ow.invoke("/whisk.system/alarms/alarm", body | {"lifecycleEvent": "DELETE"})


@pytest.mark.parametrize("name", ["alarm", "interval", "once"])
@pytest.mark.parametrize("event", ["CREATE", "READ", "UPDATE", "DELETE", "PAUSE", "UNPAUSE", "NONSENSE"])
async def test_events_for_a_trigger_that_is_missing(ow: Workspace, name: str, event: str) -> None:
    body = {"lifecycleEvent": event, "triggerName": f"/_/{ow.name()}", "authKey": ow.key, "cron": "* * * * *"}
    answer = await ow.invoke(f"/whisk.system/alarms/{name}", body | {"minutes": 5, "date": 4102444800000})
    assert answer.status in {200, 400, 404, 502}, answer


@pytest.mark.parametrize("field", API_FIELDS)
async def test_fields_of_an_api(ow: Workspace, field: str) -> None:
    fine = {
        "namespace": "_",
        "gatewayBasePath": "/" + ow.name("api"),
        "gatewayPath": "/a",
        "gatewayMethod": "get",
        "action": {
            "name": "none",
            "namespace": "_",
            "backendMethod": "GET",
            "backendUrl": "http://x",
            "authkey": ow.key,
        },
    }
    query = {"accesstoken": "x", "spaceguid": ow.key.split(":")[0]}
    for value in [*WRONG, "/{a", "/a}/{", "/{a}/{a}", "//", "/" + "a/" * 500]:
        body = {"apidoc": fine | {field: value}}
        answer = await ow.call("POST", f"{MANAGEMENT}/createApi.http", query=query, json=body)
        assert answer.status in {200, 400, 404, 409, 502}, f"{field} = {value!r}: {answer}"
        base = str(value) if field == "gatewayBasePath" else fine["gatewayBasePath"]
        await ow.call("DELETE", f"{MANAGEMENT}/deleteApi.http", query=query | {"basepath": base, "force": "true"})


@pytest.mark.parametrize("apidoc", [None, 5, "text", [], {}, {"swagger": 5}, {"swagger": "{not json"}, {"swagger": []}])
async def test_documents_that_are_none(ow: Workspace, apidoc: Any) -> None:
    query = {"accesstoken": "x", "spaceguid": "x"}
    answer = await ow.call("POST", f"{MANAGEMENT}/createApi", query=query, json={"apidoc": apidoc})
    assert answer.status in {400, 404, 502}, answer


@pytest.mark.parametrize("name", ["getApi", "deleteApi"])
@pytest.mark.parametrize("query", QUESTIONS)
async def test_odd_questions(ow: Workspace, name: str, query: dict[str, str]) -> None:
    verb = "GET" if name == "getApi" else "DELETE"
    answer = await ow.call(verb, f"{MANAGEMENT}/{name}.http", query=query)
    assert answer.status in {200, 204, 400, 404, 502}, answer


@pytest.mark.parametrize("action", ["cat", "head", "split", "sort", "date", "namespace", "smash"])
async def test_utils_with_nothing_and_with_nonsense(ow: Workspace, action: str) -> None:
    for body in ({}, {"lines": 5}, {"payload": ["a"], "separator": 5}, {"lines": [1, None, {}], "num": "x"}):
        answer = await ow.invoke(f"/whisk.system/utils/{action}", body)
        assert answer.status in {200, 404, 502}, answer

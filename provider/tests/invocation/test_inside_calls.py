"""Calls from inside a NIUk are served with the caller's own rights, and recorded as any activation is."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from argo_provider.errors import Unauthenticated
from argo_provider.model.activation import Status
from argo_provider.model.clock import Clock
from argo_provider.model.identity import Identity
from argo_provider.native.calls import InsideCalls
from argo_provider.placement.fake import failed
from argo_proxy import jsontext
from argo_proxy.sandboxes.niuk import frames, reports
from argo_proxy.sandboxes.niuk.client import OutsideCall

pytestmark = pytest.mark.unit
KEY = "id:secret"
TIMING = reports.Timing(frames.Flag.BEGAN | frames.Flag.COLD, 5_000_000_000, 1_000_000, 2_000_000, 4_000_000, 0)


@pytest.fixture
async def calls(world: Any) -> InsideCalls:
    async def authenticate(header: str | None) -> tuple[Identity, str]:
        if header != "Basic aWQ6c2VjcmV0":
            raise Unauthenticated
        return world.identity, KEY

    made = InsideCalls(world.stores, Clock(), lambda work: asyncio.get_running_loop().create_task(work))
    made.use(world.invoke, world.activator, authenticate)
    return made


async def serve(calls: InsideCalls, name: str, key: str | None = KEY, params: bytes = b'{"n": 1}') -> tuple[int, Any]:
    environment = {"__OW_TRANSACTION_ID": "tid"} | ({"__OW_API_KEY": key} if key else {})
    call = reports.Call(1, 1, 5000, name, params)
    code, body = await calls.serve(OutsideCall("me", call, jsontext.encode(environment)))
    return code, jsontext.decode(body)


@pytest.mark.parametrize("name", ["other", "/me/other", "/_/other"])
async def test_an_action_elsewhere_is_called_as_over_the_api(world: Any, calls: InsideCalls, name: str) -> None:
    await world.action("other")
    assert await serve(calls, name) == (0, {"n": 1})
    assert world.placement.submitted[-1].api_key == KEY


async def test_its_failure_is_the_callees_own(world: Any, calls: InsideCalls) -> None:
    await world.action("other")
    world.placement.on("/me/other", script=lambda _: failed("mine"))
    code, answer = await serve(calls, "other")
    assert (code, answer["error"]) == (1, "mine")


@pytest.mark.parametrize(
    ("name", "key", "params", "said"),
    [
        ("other", None, b"{}", "provide-api-key"),
        ("other", "id:wrong", b"{}", "authentication"),
        ("missing", KEY, b"{}", "does not exist"),
        ("other", KEY, b"[1]", "object"),
        ("/else/other", KEY, b"{}", "not authorized"),
        ("//", KEY, b"{}", "illegal characters"),
    ],
)
async def test_what_may_not_be_called_is_said(
    world: Any, calls: InsideCalls, name: str, key: str | None, params: bytes, said: str
) -> None:
    await world.action("other")
    code, answer = await serve(calls, name, key, params)
    assert code == 1
    assert said in answer["error"]
    assert not world.placement.submitted


@pytest.mark.parametrize(
    ("status", "result", "kind"),
    [
        (frames.Status.OK, b'{"n": 1}', Status.SUCCESS),
        (frames.Status.OK, b'{"error": "no"}', Status.APPLICATION_ERROR),
        (frames.Status.DEVELOPER_ERROR, b'{"error": "broken"}', Status.DEVELOPER_ERROR),
    ],
)
async def test_a_call_between_isolates_has_a_record(
    world: Any, calls: InsideCalls, status: frames.Status, result: bytes, kind: Status
) -> None:
    await world.action("other")
    activation_id = "a" * 32
    record = reports.Record(1, 0, 1, activation_id, "/me/other@0123", status, TIMING, result)
    calls.recorded("me", record, (reports.Log(1, 2, 5_000_000_000, b"a line"),))
    async with asyncio.timeout(20):
        while (kept := await world.stores.activations.get("me", activation_id)) is None:
            await asyncio.sleep(0.001)
    assert kept.response.status is kind
    assert kept.response.result == jsontext.decode(result)
    assert kept.annotations["argo.tier"] == "native"
    assert kept.annotations["argo.phases"]["init"] == 2.0
    assert kept.logs[0].endswith("stderr: a line")
    assert kept.end - kept.start == 7


async def test_a_record_of_what_was_deleted_meanwhile_is_nobodys(world: Any, calls: InsideCalls) -> None:
    record = reports.Record(1, 0, 1, "b" * 32, "/me/gone@1", frames.Status.OK, TIMING, b"{}")
    calls.recorded("me", record, ())
    calls.recorded("nobody", record, ())
    await asyncio.sleep(0)
    assert await world.stores.activations.get("me", "b" * 32) is None

"""Throttles: only against a namespace with small limits, by --throttled-auth (contract 0.9)."""

import asyncio
import re
import time

import pytest
from blackbox.answer import expect_error, expect_ok
from blackbox.workspace import Workspace

RATE = re.compile(r"Too many requests in the last minute \(count: \d+, allowed: \d+\)\.\Z")
CONCURRENT = re.compile(r"Too many concurrent requests in flight \(count: \d+, allowed: \d+\)\.\Z")


async def limits(throttled: Workspace) -> dict[str, int]:
    found = expect_ok(await throttled.call("GET", "/api/v1/namespaces/_/limits"))
    if found["invocationsPerMinute"] > 10:
        pytest.skip("the namespace of --throttled-auth allows more than 10 invocations a minute")
    return found


async def next_minute(unless_left: float = 60) -> None:
    """The windows are those of the wall clock: wait for the next unless this one has enough seconds left."""
    left = 60 - time.time() % 60
    if left < unless_left:
        await asyncio.sleep(left + 0.2)


async def call(throttled: Workspace, name: str):
    return await throttled.call("POST", throttled.path("actions", name), query={"blocking": True}, json={})


async def test_the_rate_of_invocations(throttled: Workspace) -> None:
    allowed = (await limits(throttled))["invocationsPerMinute"]
    name = await throttled.action()
    await next_minute(unless_left=15)
    if (await call(throttled, name)).status == 429:
        await next_minute()
    answers = [await call(throttled, name) for _ in range(allowed + 1)]
    assert answers[0].status == 200
    expect_error(answers[-1], 429, RATE)
    assert (await throttled.get("actions", name)).status == 200, "reading is not throttled"
    answer = await throttled.post("triggers", throttled.name(), {})
    assert answer.status == 404, "fires are counted apart"


async def test_the_rate_of_fires(throttled: Workspace) -> None:
    allowed = (await limits(throttled))["firesPerMinute"]
    if allowed > 100:
        pytest.skip("the namespace of --throttled-auth allows more than 100 fires a minute")
    trigger = throttled.name("trigger")
    expect_ok(await throttled.put("triggers", trigger, {}))
    await next_minute(unless_left=10)
    answers = [await throttled.post("triggers", trigger, {}) for _ in range(allowed + 1)]
    assert {answer.status for answer in answers} <= {204, 429}
    expect_error(answers[-1], 429, RATE)


@pytest.mark.first
async def test_concurrency(throttled: Workspace) -> None:
    found = await limits(throttled)
    at_once, rate = found["concurrentInvocations"], found["invocationsPerMinute"]
    if at_once >= rate - 2:
        pytest.skip("the namespace of --throttled-auth allows as many at once as a minute")
    slow = await throttled.action("function main() { return new Promise(r => setTimeout(() => r({}), 1500)) }")
    await next_minute(unless_left=5)
    if (await call(throttled, slow)).status == 429:
        await next_minute()
    answers = await asyncio.gather(*(call(throttled, slow) for _ in range(rate - 1)))
    refused = [answer for answer in answers if answer.status == 429]
    assert refused, "more at once than allowed"
    for answer in refused:
        expect_error(answer, 429, CONCURRENT)
    assert 1 <= len(answers) - len(refused) <= at_once


async def test_throttles_come_before_the_question_of_rights(throttled: Workspace, ow: Workspace) -> None:
    allowed = await limits(throttled)
    foreign = await ow.action()
    await next_minute(unless_left=3)
    path = throttled.path("actions", foreign, ow.namespace)
    answers = [await throttled.call("POST", path, json={}) for _ in range(allowed["invocationsPerMinute"] + 1)]
    assert {answer.status for answer in answers} <= {403, 429}
    expect_error(answers[-1], 429, RATE)


async def test_another_namespace_is_not_slowed(throttled: Workspace, ow: Workspace, echo: str) -> None:
    await limits(throttled)
    name = await throttled.action()
    await next_minute(unless_left=5)
    for _ in range(12):
        answer = await call(throttled, name)
    assert answer.status == 429
    assert await ow.result(echo, {"a": 1}) == {"a": 1}

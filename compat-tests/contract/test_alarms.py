"""The feeds whisk.system/alarms/{alarm,interval,once}: schedules that really fire."""

import time
from typing import Any

import pytest
import pytest_asyncio
from blackbox.answer import Answer, expect_ok, pairs
from blackbox.workspace import Workspace, eventually

ALARMS = "/whisk.system/alarms"


class Schedule:
    """A trigger made by a feed, a rule, and the action that it runs."""

    def __init__(self, ow: Workspace, feed: str = "alarm") -> None:
        self.ow = ow
        self.feed = feed
        self.trigger = ow.name("trigger")
        self.action = ""

    async def prepare(self) -> "Schedule":
        self.action = await self.ow.action()
        annotations = pairs({"feed": f"{ALARMS}/{self.feed}"})
        expect_ok(await self.ow.put("triggers", self.trigger, {"annotations": annotations}))
        rule = {"trigger": f"/_/{self.trigger}", "action": f"/_/{self.action}"}
        expect_ok(await self.ow.put("rules", self.ow.name("rule"), rule))
        return self

    async def send(self, event: str, namespace: str = "", **parameters: Any) -> Answer:
        """What `wsk` and the client libraries send for `event`."""
        trigger = f"/{namespace or self.ow.namespace}/{self.trigger}"
        body = {"lifecycleEvent": event, "triggerName": trigger, "authKey": self.ow.key, **parameters}
        return await self.ow.invoke(f"{ALARMS}/{self.feed}", body)

    async def state(self) -> dict[str, Any]:
        return expect_ok(await self.send("READ"))["response"]["result"]

    async def runs(self, wanted: int, seconds: float) -> list[dict[str, Any]]:
        return await self.ow.activations_of(self.action, wanted, seconds)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def minutely(shared: Workspace, node: str):
    """A schedule of the plain five fields: begun with the first test, looked at by the last."""
    schedule = await Schedule(shared).prepare()
    expect_ok(await schedule.send("CREATE", cron="* * * * *", trigger_payload={"from": "minutely"}))
    yield schedule
    await schedule.send("DELETE")


@pytest.mark.first
async def test_a_schedule_is_made(minutely: Schedule) -> None:
    state = await minutely.state()
    assert state["config"]["cron"] == "* * * * *"
    assert state["status"]["active"] is True


@pytest.mark.last
async def test_a_schedule_fires_each_minute(minutely: Schedule) -> None:
    run = (await minutely.runs(1, 75))[-1]
    assert run["response"]["result"]["from"] == "minutely"
    assert run["start"] % 60_000 < 10_000, "at the beginning of a minute"
    fired = await minutely.ow.activations_of(minutely.trigger)
    assert fired[-1]["response"]["result"]["from"] == "minutely"


async def test_once(ow: Workspace) -> None:
    schedule = await Schedule(ow, "once").prepare()
    due = int(time.time() * 1000) + 2000
    expect_ok(await schedule.send("CREATE", date=due, trigger_payload={"a": "once"}))
    (run,) = await schedule.runs(1, 20)
    assert run["response"]["result"]["a"] == "once"
    assert due - 100 <= run["start"] < due + 10_000
    await schedule.send("DELETE")


async def test_seconds_pause_and_go_on(ow: Workspace) -> None:
    schedule = await Schedule(ow).prepare()
    expect_ok(await schedule.send("CREATE", cron="* * * * * *", trigger_payload={"n": 1}))
    await schedule.runs(2, 20)
    expect_ok(await schedule.send("PAUSE"))
    assert (await schedule.state())["status"]["active"] is False
    paused = len(await schedule.runs(1, 5))
    await eventually_later(ow, 2.5)
    assert len(await schedule.runs(1, 5)) <= paused + 1, "one may have been on its way"
    expect_ok(await schedule.send("UNPAUSE"))
    await schedule.runs(paused + 2, 20)
    expect_ok(await schedule.send("DELETE"))


async def eventually_later(ow: Workspace, seconds: float) -> None:
    """Let time pass, by the service's leave: nothing announces that a paused schedule stays quiet."""
    until = time.monotonic() + seconds

    async def passed() -> bool:
        await ow.call("GET", "/ping", auth=None)
        return time.monotonic() > until

    await eventually(passed, "the time", seconds + 10)


async def test_a_text_as_payload_and_the_underscore(ow: Workspace) -> None:
    """As the Serverless Framework sends it: the payload as JSON text, the trigger in `_`."""
    schedule = await Schedule(ow).prepare()
    expect_ok(await schedule.send("CREATE", namespace="_", cron="*/1 * * * * *", trigger_payload='{"a": "text"}'))
    run = (await schedule.runs(1, 20))[0]
    assert run["response"]["result"]["a"] == "text"
    expect_ok(await schedule.send("DELETE", namespace="_"))


async def test_max_triggers(ow: Workspace) -> None:
    schedule = await Schedule(ow).prepare()
    expect_ok(await schedule.send("CREATE", cron="* * * * * *", maxTriggers=2, trigger_payload={}))
    await schedule.runs(2, 20)
    await eventually_later(ow, 2.5)
    assert len(await schedule.runs(2, 5)) == 2
    await schedule.send("DELETE")


async def test_interval(ow: Workspace) -> None:
    schedule = await Schedule(ow, "interval").prepare()
    start = int(time.time() * 1000) + 1500
    expect_ok(await schedule.send("CREATE", minutes=1, startDate=start, trigger_payload={"a": "interval"}))
    run = (await schedule.runs(1, 20))[0]
    assert run["response"]["result"]["a"] == "interval"
    expect_ok(await schedule.send("DELETE"))


async def test_update_and_read(ow: Workspace) -> None:
    schedule = await Schedule(ow).prepare()
    expect_ok(await schedule.send("CREATE", cron="0 0 1 1 *", timezone="Europe/Berlin", trigger_payload={"a": 1}))
    config = (await schedule.state())["config"]
    assert (config["cron"], config["timezone"]) == ("0 0 1 1 *", "Europe/Berlin")
    expect_ok(await schedule.send("UPDATE", cron="* * * * * *", trigger_payload={"a": 2}))
    run = (await schedule.runs(1, 20))[0]
    assert run["response"]["result"]["a"] == 2
    expect_ok(await schedule.send("DELETE"))
    assert (await schedule.send("READ")).status in {404, 502}, "gone"


@pytest.mark.parametrize(
    ("feed", "parameters"),
    [
        ("alarm", {}),
        ("alarm", {"cron": "every now and then"}),
        ("alarm", {"cron": "99 * * * *"}),
        ("alarm", {"cron": "* * * * *", "timezone": "Atlantis/Centre"}),
        ("interval", {}),
        ("interval", {"minutes": 0}),
        ("once", {}),
        ("once", {"date": "someday"}),
        ("once", {"date": 1000}),
    ],
)
async def test_a_schedule_that_is_none(ow: Workspace, feed: str, parameters: dict[str, Any]) -> None:
    schedule = await Schedule(ow, feed).prepare()
    answer = await schedule.send("CREATE", **parameters)
    assert answer.status == 502, answer
    assert "error" in answer.json["response"]["result"]


async def test_anothers_trigger(ow: Workspace, ow2: Workspace) -> None:
    schedule = await Schedule(ow2).prepare()
    body = {
        "lifecycleEvent": "CREATE",
        "triggerName": f"/{ow2.namespace}/{schedule.trigger}",
        "authKey": ow.key,
        "cron": "* * * * * *",
    }
    answer = await ow.invoke(f"{ALARMS}/alarm", body)
    assert answer.status in {403, 502}, answer
    assert expect_ok(await ow2.get("activations", name=schedule.trigger)) == []


async def test_a_deleted_trigger_fires_no_more(ow: Workspace) -> None:
    schedule = await Schedule(ow).prepare()
    expect_ok(await schedule.send("CREATE", cron="* * * * * *", trigger_payload={}))
    await schedule.runs(1, 20)
    expect_ok(await ow.delete("triggers", schedule.trigger))
    await eventually_later(ow, 1.5)
    before = len(await schedule.runs(1, 5))
    await eventually_later(ow, 2)
    assert len(await schedule.runs(1, 5)) == before
    await schedule.send("DELETE")

"""whisk.system/alarms: a scheduler whose schedules outlive the service."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import structlog

from argo_provider.errors import ArgoError, BadRequest, Forbidden, MalformedRequest, NotFound
from argo_provider.invocation.activator import BuiltinCall
from argo_provider.invocation.fire import Fire, FireRequest
from argo_provider.model.activation import Response, Status
from argo_provider.model.clock import Clock, Leaps
from argo_provider.model.names import FullName
from argo_provider.storage.port import Document, DocumentStore, NamespaceStore
from argo_provider.system.schedules import Schedule, ScheduleError, parse

log = structlog.get_logger(__name__)

_BUCKET = "schedules"
_LATEST_WAKE_S = 30.0  # the wall clock may jump: look again at least this often
_SET_BACK_S = 1.0  # a smaller step is the clock being trimmed
FEEDS = ("alarm", "interval", "once")


class Alarms:
    """The feed actions and the loop that fires. One instance a service."""

    def __init__(self, documents: DocumentStore, namespaces: NamespaceStore, fire: Fire, clock: Clock) -> None:
        self._documents = documents
        self._namespaces = namespaces
        self._fire = fire
        self._clock = clock
        self._schedules: dict[tuple[str, str], Schedule] = {}
        self._due: list[tuple[int, tuple[str, str]]] = []
        self._changed = asyncio.Event()
        self.changed: Callable[[tuple[str, str]], None] = lambda _key: None  # told of each (namespace, trigger) written

    async def load(self) -> int:
        """Take up what is kept: from before the last stop, or another replica's; how many schedules there are."""
        self._schedules.clear()
        self._due.clear()
        for document in await self._documents.list(_BUCKET):
            self._schedule(Schedule.from_document(document.body))
        return len(self._schedules)

    async def of(self, namespace: str) -> list[tuple[Schedule, int | None]]:
        """A namespace's schedules and when they fire next, as they are kept: whichever replica it is that fires."""
        now = self._clock.now_ms()
        kept = [Schedule.from_document(d.body) for d in await self._documents.list(_BUCKET, namespace)]
        return [(schedule, schedule.next_after(now)) for schedule in kept]

    async def feed(self, name: str, call: BuiltinCall) -> Response:
        """One lifecycle event of a feed."""
        try:
            result = await self._on_event(name, call)
        except ScheduleError as error:
            return Response(Status.APPLICATION_ERROR, {"error": str(error)})
        except ArgoError as error:
            return Response(Status.APPLICATION_ERROR, {"error": error.text})
        return Response(Status.SUCCESS, result)

    async def _on_event(self, feed: str, call: BuiltinCall) -> dict[str, Any]:
        arguments = call.arguments
        trigger = _trigger(arguments.get("triggerName"), call.identity.namespace)
        event = str(arguments.get("lifecycleEvent", "CREATE")).upper()
        key = (trigger.namespace, trigger.name)
        if event == "CREATE":
            await self._put(parse(feed, *key, arguments, self._clock.now_ms()))
            return {"status": "created", "trigger": f"/{trigger}"}
        current = await self._kept(key)
        if current is None:
            raise NotFound(f"no schedule for trigger /{trigger}")
        if event == "READ":
            return self._describe(current)
        if event == "UPDATE":
            await self._put(parse(current.feed, *key, {**_as_arguments(current), **arguments}, self._clock.now_ms()))
            return {"status": "updated", "trigger": f"/{trigger}"}
        if event == "DELETE":
            await self._delete(key)
            return {"status": "deleted", "trigger": f"/{trigger}"}
        if event in {"PAUSE", "UNPAUSE"}:
            await self._put(_paused(current, paused=event == "PAUSE"))
            return {"status": event.lower() + "d", "trigger": f"/{trigger}"}
        raise BadRequest(f"lifecycleEvent '{event[:32]}' is not one of CREATE, READ, UPDATE, DELETE, PAUSE, UNPAUSE")

    def _describe(self, schedule: Schedule) -> dict[str, Any]:
        """Shaped as OpenWhisk's alarm provider answers READ."""
        return {
            "config": {"name": schedule.trigger, "namespace": schedule.namespace, **_as_arguments(schedule)},
            "status": {"active": not schedule.paused, "fired": schedule.fired, "lastFired": schedule.last_ms},
            "next": schedule.next_after(self._clock.now_ms()),
        }

    async def look_again(self, namespace: str, trigger: str) -> None:
        """Another replica changed this one."""
        schedule = await self._kept((namespace, trigger))
        if schedule is None:
            self._schedules.pop((namespace, trigger), None)
        else:
            self._schedule(schedule)

    async def _kept(self, key: tuple[str, str]) -> Schedule | None:
        """As it is stored: of several replicas one fires, and any may be asked."""
        document = await self._documents.get(_BUCKET, *key)
        return None if document is None else Schedule.from_document(document.body)

    async def _put(self, schedule: Schedule) -> None:
        await self._documents.put(Document(_BUCKET, schedule.namespace, schedule.trigger, schedule.as_document()))
        self._schedule(schedule)
        self.changed((schedule.namespace, schedule.trigger))

    async def _delete(self, key: tuple[str, str]) -> None:
        self._schedules.pop(key, None)
        await self._documents.delete(_BUCKET, *key)
        self.changed(key)

    def _schedule(self, schedule: Schedule) -> None:
        key = (schedule.namespace, schedule.trigger)
        self._schedules[key] = schedule
        due = schedule.next_after(self._clock.now_ms())
        if due is not None:
            heapq.heappush(self._due, (due, key))
            self._changed.set()

    async def run(self) -> None:
        """Fires what is due, for ever. Ended by cancelling it."""
        leaps = Leaps(self._clock)
        while True:
            if leaps.look() < -_SET_BACK_S:
                self._reckon_anew()
            now = self._clock.now_ms()
            while self._due and self._due[0][0] <= now:
                due, key = heapq.heappop(self._due)
                await self._fire_due(due, key)
            wait = (self._due[0][0] - self._clock.now_ms()) / 1000 if self._due else _LATEST_WAKE_S
            self._changed.clear()
            try:
                async with asyncio.timeout(min(max(wait, 0.0), _LATEST_WAKE_S)):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def _reckon_anew(self) -> None:
        """The clock was set back: what was due next lies too far ahead. (Set forward, all that is due fires once.)"""
        log.warning("clock_set_back", schedules=len(self._schedules))
        self._due.clear()
        for schedule in list(self._schedules.values()):
            self._schedule(schedule)

    async def _fire_due(self, due: int, key: tuple[str, str]) -> None:
        schedule = self._schedules.get(key)
        # an update leaves the old time in the heap: fire only if this time still is the schedule's own
        if schedule is None or schedule.next_after(due) != due:
            return
        fired = schedule.after_firing(due)
        try:
            # counted before it fires: a crash in between loses one tick instead of repeating one
            await self._put(fired)
            await self._fire_trigger(fired)
        except NotFound:
            log.info("schedule_without_trigger", trigger=f"{key[0]}/{key[1]}")
            await self._delete(key)
            return
        except ArgoError as error:
            log.warning("alarm_not_fired", trigger=f"{key[0]}/{key[1]}", reason=error.reason, text=error.text)
        if fired.delete_after:
            await self._delete(key)

    async def _fire_trigger(self, schedule: Schedule) -> None:
        record = await self._namespaces.by_name(schedule.namespace)
        if record is None:
            raise NotFound
        await self._fire(
            FireRequest(
                record.identity,
                FullName(schedule.namespace, schedule.trigger),
                dict(schedule.payload),
                transaction_id=f"sid_alarm_{self._clock.new_id()[:16]}",
            )
        )


def _trigger(given: Any, namespace: str) -> FullName:
    if not isinstance(given, str):
        raise BadRequest("'triggerName' must be the trigger's full name, /namespace/trigger")
    try:
        name = FullName.parse(given if "/" in given.strip("/") else f"{namespace}/{given.strip('/')}")
    except MalformedRequest as error:
        raise BadRequest("'triggerName' must be the trigger's full name, /namespace/trigger") from error
    name = name.in_namespace(namespace)
    if name.namespace != namespace:
        raise Forbidden.of(str(name))
    return name


def _as_arguments(schedule: Schedule) -> dict[str, Any]:
    """The schedule as the feed's own parameters."""
    given = {
        "cron": schedule.cron,
        "timezone": schedule.timezone if schedule.cron else None,
        "minutes": schedule.every_ms / 60_000 if schedule.every_ms else None,
        "date": schedule.once_ms,
        "startDate": schedule.start_ms,
        "stopDate": schedule.stop_ms,
        "trigger_payload": dict(schedule.payload),
        "maxTriggers": schedule.max_triggers if schedule.cron else None,
    }
    return {k: v for k, v in given.items() if v is not None}


def _paused(schedule: Schedule, *, paused: bool) -> Schedule:
    return replace(schedule, paused=paused)

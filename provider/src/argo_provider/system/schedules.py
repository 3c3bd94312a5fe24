"""Schedules of triggers: what an alarms feed was asked for, and when it is due next. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import CroniterError, croniter

from argo_proxy import jsontext

_SECOND_MS = 1000
_MINUTE_MS = 60_000
UNLIMITED = -1


class ScheduleError(Exception):
    """What the feed was asked for cannot be scheduled; the text is for the user."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """One trigger's schedule; exactly one of `cron`, `every_ms` and `once_ms` is set. Times are epoch milliseconds."""

    namespace: str
    trigger: str
    feed: str  # alarm, interval, once
    cron: str | None = None
    timezone: str = "UTC"
    every_ms: int | None = None
    once_ms: int | None = None
    start_ms: int | None = None
    stop_ms: int | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)
    max_triggers: int = UNLIMITED
    fired: int = 0
    last_ms: int | None = None
    paused: bool = False
    delete_after: bool = False  # `once` with deleteAfterFire
    created_ms: int = 0

    def next_after(self, now_ms: int) -> int | None:
        """When to fire next, at or after `now_ms`; None: never again, or paused."""
        if self.paused or (self.max_triggers != UNLIMITED and self.fired >= self.max_triggers):
            return None
        due = self._due(max(now_ms, self.start_ms or 0))
        return None if due is None or (self.stop_ms is not None and due > self.stop_ms) else due

    def _due(self, after_ms: int) -> int | None:
        if self.once_ms is not None:
            return None if self.fired else max(self.once_ms, after_ms)
        if self.every_ms is not None:
            base = self.last_ms if self.last_ms is not None else (self.start_ms or self.created_ms)
            if self.last_ms is None and self.start_ms is not None and base >= after_ms:
                return base
            steps = -(-(after_ms - base) // self.every_ms)
            if base - after_ms < self.every_ms:  # else the clock was set back: the same beat, from now on
                steps = max(1, steps)
            return base + steps * self.every_ms
        assert self.cron is not None  # noqa: S101
        if self.last_ms is not None and 0 <= self.last_ms - after_ms < _SECOND_MS:
            after_ms = self.last_ms + 1  # that time has fired, though the clock was trimmed or has not moved on
        start = datetime.fromtimestamp((after_ms - 1) / 1000, ZoneInfo(self.timezone))
        following = croniter(self.cron, start, second_at_beginning=True).get_next(datetime)
        return int(following.timestamp() * 1000)

    def after_firing(self, at_ms: int) -> Schedule:
        return replace(self, fired=self.fired + 1, last_ms=at_ms)

    def as_document(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_document(cls, body: Mapping[str, Any]) -> Schedule:
        return cls(**body)


def parse(feed: str, namespace: str, trigger: str, arguments: Mapping[str, Any], now_ms: int) -> Schedule:
    """The parameters of the alarms feeds, as OpenWhisk documents them; ScheduleError."""
    base = Schedule(
        namespace,
        trigger,
        feed,
        payload=_payload(arguments.get("trigger_payload", {})),
        start_ms=_time(arguments, "startDate"),
        stop_ms=_time(arguments, "stopDate"),
        created_ms=now_ms,
    )
    if base.stop_ms is not None and base.stop_ms <= max(now_ms, base.start_ms or 0):
        raise ScheduleError("'stopDate' must be in the future and after 'startDate'.")
    if feed == "once":
        return _once(base, arguments, now_ms)
    if feed == "interval":
        return _interval(base, arguments)
    return _cron(base, arguments)


def _once(base: Schedule, arguments: Mapping[str, Any], now_ms: int) -> Schedule:
    at = _time(arguments, "date")
    if at is None:
        raise ScheduleError("once trigger feed is missing the 'date' parameter.")
    if at < now_ms - _SECOND_MS:
        raise ScheduleError("'date' must be in the future.")
    delete_after = str(arguments.get("deleteAfterFire")).lower() == "true"
    return replace(base, once_ms=at, max_triggers=1, delete_after=delete_after)


def _interval(base: Schedule, arguments: Mapping[str, Any]) -> Schedule:
    minutes = arguments.get("minutes")
    try:
        every = int(float(minutes) * _MINUTE_MS) if minutes is not None else 0
    except (TypeError, ValueError) as error:
        raise ScheduleError("'minutes' must be a number.") from error
    if every < _SECOND_MS:
        raise ScheduleError("interval trigger feed needs a parameter 'minutes' of at least one second.")
    return replace(base, every_ms=every)


def _cron(base: Schedule, arguments: Mapping[str, Any]) -> Schedule:
    text = arguments.get("cron")
    if not isinstance(text, str) or not text.strip():
        raise ScheduleError("alarms trigger feed is missing the 'cron' parameter.")
    fields = re.split(r"\s+", text.strip())
    zone = str(arguments.get("timezone") or "UTC")
    if len(fields) not in (5, 6):
        raise ScheduleError(f"'cron' must have 5 or 6 fields, not {len(fields)}.")
    try:
        ZoneInfo(zone)
        croniter(" ".join(fields), datetime(2026, 1, 1, tzinfo=ZoneInfo(zone)), second_at_beginning=True).get_next()
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        if isinstance(error, CroniterError):
            raise ScheduleError(f"'cron' is not valid: {error}") from error
        raise ScheduleError(f"'timezone' is not known: {zone}") from error
    return replace(
        base, cron=" ".join(fields), timezone=zone, max_triggers=_whole(arguments.get("maxTriggers", UNLIMITED))
    )


def _whole(value: Any) -> int:
    try:
        count = int(value)
    except (TypeError, ValueError) as error:
        raise ScheduleError("'maxTriggers' must be a whole number.") from error
    return count if count > 0 else UNLIMITED


def _payload(value: Any) -> Mapping[str, Any]:
    if isinstance(value, str):
        try:
            value = jsontext.decode(value) if value.strip() else {}
        except ValueError:
            return {"payload": value}
    return value if isinstance(value, dict) else {"payload": value}


def _time(arguments: Mapping[str, Any], name: str) -> int | None:
    """Epoch milliseconds or ISO 8601."""
    value = arguments.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return int(value)
    text = str(value)
    if text.isascii() and text.isdigit():
        return int(text)
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1000)
    except ValueError as error:
        raise ScheduleError(f"'{name}' is no date: {text[:64]}") from error

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_provider.system.schedules import Schedule, ScheduleError, parse

pytestmark = pytest.mark.unit

NOW = int(datetime(2026, 11, 23, 10, 0, 30, tzinfo=UTC).timestamp() * 1000)


def ms(*when):
    return int(datetime(*when, tzinfo=UTC).timestamp() * 1000)


def alarm(**arguments):
    return parse("alarm", "ns", "t", arguments, NOW)


def test_each_minute():
    assert alarm(cron="* * * * *").next_after(NOW) == ms(2026, 11, 23, 10, 1)


def test_seconds_come_first():
    assert alarm(cron="*/10 * * * * *").next_after(NOW + 1) == ms(2026, 11, 23, 10, 0, 40)


def test_a_timezone():
    assert alarm(cron="0 12 * * *", timezone="Europe/Berlin").next_after(NOW) == ms(2026, 11, 23, 11)


def test_a_time_that_is_due_is_due_now():
    due = ms(2026, 11, 23, 10, 1)
    assert alarm(cron="* * * * *").next_after(due) == due


def test_max_triggers():
    schedule = alarm(cron="* * * * *", maxTriggers=1)
    assert schedule.after_firing(NOW).next_after(NOW) is None


def test_start_and_stop():
    schedule = alarm(cron="* * * * *", startDate="2026-11-23T12:00:00Z", stopDate="2026-11-23T12:01:00Z")
    assert schedule.next_after(NOW) == ms(2026, 11, 23, 12)
    assert schedule.next_after(ms(2026, 11, 23, 12, 1) + 1) is None


def test_once():
    schedule = parse("once", "ns", "t", {"date": NOW + 5000}, NOW)
    assert schedule.next_after(NOW) == NOW + 5000
    assert schedule.next_after(NOW + 60_000) == NOW + 60_000, "one missed while the service was down fires late"
    assert schedule.after_firing(NOW).next_after(NOW) is None


@given(st.integers(1, 10_000_000), st.integers(0, 10_000_000))
def test_intervals_keep_their_step(first, later):
    schedule = parse("interval", "ns", "t", {"minutes": 1}, NOW)
    due = schedule.next_after(NOW + first)
    assert due >= NOW + first
    assert (due - NOW) % 60_000 == 0
    following = schedule.after_firing(due).next_after(due + later)
    assert following > due
    assert (following - due) % 60_000 == 0


@pytest.mark.parametrize(
    ("feed", "arguments", "text"),
    [
        ("alarm", {}, "missing the 'cron'"),
        ("alarm", {"cron": "* * *"}, "5 or 6 fields"),
        ("alarm", {"cron": "61 * * * *"}, "'cron' is not valid"),
        ("alarm", {"cron": "* * * * *", "timezone": "Mars/Olympus"}, "'timezone' is not known"),
        ("alarm", {"cron": "* * * * *", "maxTriggers": "many"}, "'maxTriggers' must be a whole number"),
        ("alarm", {"cron": "* * * * *", "stopDate": NOW - 1}, "'stopDate' must be in the future"),
        ("alarm", {"cron": "* * * * *", "startDate": "soon"}, "'startDate' is no date"),
        ("interval", {}, "parameter 'minutes'"),
        ("interval", {"minutes": "x"}, "'minutes' must be a number"),
        ("once", {}, "missing the 'date'"),
        ("once", {"date": NOW - 60_000}, "'date' must be in the future"),
    ],
)
def test_what_cannot_be_scheduled(feed, arguments, text):
    with pytest.raises(ScheduleError, match=text):
        parse(feed, "ns", "t", arguments, NOW)


def test_a_schedule_survives_its_document():
    schedule = alarm(cron="0 0 * * *", trigger_payload='{"a": 1}')
    assert Schedule.from_document(schedule.as_document()) == schedule
    assert schedule.payload == {"a": 1}


def test_paused_fires_never():
    document = alarm(cron="* * * * *").as_document() | {"paused": True}
    assert Schedule.from_document(document).next_after(NOW) is None

"""Events over breaks: each record once, none missed."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from argo_provider.cli.client import events, follow, poll
from argo_provider.cli.client.failures import Misused, Refused
from argo_provider.cli.client.logs import LONGEST_LINE, cut, span


def record(number: int, **more: Any) -> dict[str, Any]:
    return {"activationId": f"{number:032x}", "name": "a", "start": number, "annotations": [], "logs": []} | more


@dataclass
class Service:
    """Stands for a session: keeps records, and answers like `GET activations`."""

    records: list[dict[str, Any]] = field(default_factory=list)

    @property
    def api(self) -> "Service":
        return self

    def at(self, collection: str, path: str = "") -> str:
        return f"{collection}/{path}"

    def json(self, method: str, path: str, query: Any = None, **_: Any) -> Any:
        if path.endswith("/logs"):
            return {"logs": [f"of {path.split('/')[1][-2:]}"]}
        since, limit, skip = query.get("since") or 0, query["limit"], query["skip"]
        found = [each for each in reversed(self.records) if each["start"] >= since]
        return found[skip : skip + limit]


class Script:
    """A stream that plays events, and does things to the service between them."""

    def __init__(self, *steps: Any) -> None:
        self.steps = steps

    def events(self):
        for step in self.steps:
            if callable(step):
                step()
            else:
                yield step
        raise Refused(401, "the end")


def followed(service: Service, *steps: Any, wanted: follow.Filter | None = None) -> list[str]:
    told: list[str] = []
    records = follow.Follower(service, wanted or follow.Filter(), Script(*steps)).records()
    with pytest.raises(Refused):
        told.extend(each if isinstance(each, str) else each["activationId"][-2:] for each in records)
    return told


def test_what_is_there_already_is_not_told_and_what_comes_is():
    service = Service([record(1), record(2)])
    assert followed(service, events.Event(events.OPENED), events.Event("activation", record(3))) == ["03"]


def test_a_record_that_came_twice_is_told_once():
    event = events.Event("activation", record(3))
    assert followed(Service(), events.Event(events.OPENED), event, event) == ["03"]


@pytest.mark.parametrize("again", [events.OPENED, events.GAP])
def test_what_ran_while_the_stream_was_away_is_told(again):
    service = Service([record(1)])
    told = followed(
        service,
        events.Event(events.OPENED),
        events.Event("activation", record(2)),
        lambda: service.records.extend([record(2), record(3), record(4)]),
        events.Event(events.LOST, {"why": "it was restarted"}),
        events.Event(again),
        events.Event("activation", record(4)),
        events.Event("activation", record(5)),
    )
    assert told == ["02", "the stream broke (it was restarted); waiting for the service", "03", "04", "05"]


def test_more_than_a_page_may_be_missed():
    service = Service()
    many = [record(number) for number in range(1, 2 * poll.PAGE + 2)]
    told = followed(
        service, events.Event(events.OPENED), lambda: service.records.extend(many), events.Event(events.GAP)
    )
    assert len(told) == len(many)


def test_the_logs_of_a_record_are_fetched():
    service = Service()
    follower = follow.Follower(service, follow.Filter(), Script(events.Event("activation", record(7))))
    assert next(iter(follower.records()))["logs"] == ["of 07"]


@pytest.mark.parametrize(
    ("wanted", "passes"),
    [
        (follow.Filter(failed=True), False),
        (follow.Filter(cold=True), False),
        (follow.Filter(tier="native"), False),
        (follow.Filter(tier="ordinary"), True),
        (follow.Filter(), True),
    ],
)
def test_filters(wanted, passes):
    assert wanted.passes(record(1, statusCode=0)) is passes
    cold = record(
        1, statusCode=1, annotations=[{"key": "initTime", "value": 3}, {"key": "argo.tier", "value": "native"}]
    )
    assert wanted.passes(cold) is (wanted.tier != "ordinary")


def test_names():
    of = record(1, annotations=[{"key": "path", "value": "guest/p/a"}])
    assert follow.Filter(action="p/a").names(of)
    assert not follow.Filter(action="q/b").names(of)


def test_events_are_parsed_and_where_they_are_is_noted():
    lines = ["retry: 1000", "id: 1", "", ":", "id: 2", "event: activation", 'data: {"a":', "data: 1}", "", "event: x"]
    ids: list[str] = []
    assert list(events.parse(lines, ids.append)) == [events.Event("activation", {"a": 1})]
    assert ids == ["1", "2"]


@pytest.mark.parametrize("text", ["no json", "[1]"])
def test_data_that_is_no_object_is_an_empty_one(text):
    assert list(events.parse([f"data: {text}", ""], lambda _: None)) == [events.Event("message")]


def test_lines_end_anywhere():
    assert list(events.lines_of([b"a: 1\r\nb", b": 2\n", b"\nrest"])) == ["a: 1", "b: 2", ""]


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30), ("10m", 600), ("2h", 7200), ("1d", 86_400)])
def test_spans(text, seconds):
    assert span(text) == seconds


def test_what_is_no_span():
    with pytest.raises(Misused):
        span("soon")


def test_a_line_of_a_megabyte_is_cut():
    assert len(cut("x" * 1_000_000)) < LONGEST_LINE + 200

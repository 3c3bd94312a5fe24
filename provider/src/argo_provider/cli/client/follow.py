"""Records as they are made, each once, none missed: neither over a break of the stream nor over a restart."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from argo_provider.cli.client import events
from argo_provider.cli.client.arguments import as_mapping
from argo_provider.cli.client.failures import Refused
from argo_provider.cli.client.http import segment
from argo_provider.cli.client.poll import Poll, poll_records, since_then
from argo_provider.cli.client.rows import status_of
from argo_provider.cli.client.session import Session

REMEMBERED = 20_000
# A record is listed by when it began and comes when it ended: as late as the longest function and its logs.
LONGEST_MS = 600_000


@dataclass(frozen=True, slots=True)
class Filter:
    """Which records; None and "" let all through. `text` is looked for in the lines of the log."""

    action: str = ""
    failed: bool = False
    cold: bool = False
    tier: str = ""
    text: str = ""

    def passes(self, record: dict[str, Any]) -> bool:
        """By all but `text` and `action`."""
        annotations = as_mapping(record.get("annotations"))
        if self.failed and status_of(record) == "success":
            return False
        if self.cold and annotations.get("initTime") is None:
            return False
        return not self.tier or annotations.get("argo.tier", "ordinary") == self.tier

    def lines(self, lines: list[str]) -> list[str]:
        return [line for line in lines if self.text in line] if self.text else lines

    def names(self, record: dict[str, Any]) -> bool:
        """Whether it is of the wanted action: `a` or `package/a`."""
        if not self.action:
            return True
        path = str(as_mapping(record.get("annotations")).get("path") or record.get("name", ""))
        return path == self.action or path.endswith("/" + self.action.lstrip("/")) or record["name"] == self.action


class Seen:
    """Ids that were told; the oldest are forgotten."""

    def __init__(self) -> None:
        self._ids: OrderedDict[str, None] = OrderedDict()

    def add(self, activation: str) -> bool:
        """Whether it is new."""
        if activation in self._ids:
            return False
        self._ids[activation] = None
        if len(self._ids) > REMEMBERED:
            self._ids.popitem(last=False)
        return True


class Follower:
    """`records` yields full records; `notices` are told to whoever waits: a break, a resumption."""

    def __init__(self, session: Session, wanted: Filter, stream: events.Stream | None = None) -> None:
        self._session = session
        self._wanted = wanted
        self._stream = stream or events.Stream(session, ("activation",), wanted.action)
        self._seen = Seen()
        self._since = 0
        self._opened = False

    def records(self) -> Iterator[dict[str, Any] | str]:
        """Records, and sentences about the stream itself. Without an event stream it asks again and again."""
        self._baseline()
        try:
            for event in self._stream.events():
                yield from self._of(event)
        except Refused as error:
            if error.http_status != 404:
                raise
        yield from poll_records(self._session, Poll(self._wanted.action or None))  # another OpenWhisk, without events

    def _baseline(self) -> None:
        """What is there already is not told."""
        latest = since_first(self._session, self._wanted.action)
        self._since = max(0, latest - LONGEST_MS)
        for record in since_then(self._session, self._wanted.action or None, self._since):
            self._seen.add(record["activationId"])

    def _of(self, event: events.Event) -> Iterator[dict[str, Any] | str]:
        if event.kind == "activation":
            yield from self._new(event.data)
        elif event.kind == events.LOST:
            if self._opened:
                yield f"the stream broke ({event.data.get('why')}); waiting for the service"
            self._opened = False
        elif event.kind == events.GAP:
            yield from self._missed()
        elif event.kind == events.OPENED:
            self._opened = True
            yield from self._missed()

    def _new(self, record: dict[str, Any]) -> Iterator[dict[str, Any]]:
        if not self._wanted.names(record) or not self._seen.add(record["activationId"]):
            return
        self._since = max(self._since, record["start"] - LONGEST_MS)
        if self._wanted.passes(record):
            yield self._whole(record)

    def _whole(self, record: dict[str, Any]) -> dict[str, Any]:
        """With its logs; without, where the service does not keep them."""
        try:
            found = self._session.api.json(
                "GET", self._session.at("activations", f"{segment(record['activationId'])}/logs")
            )
        except Refused:
            return record | {"logs": []}
        return record | {"logs": found.get("logs") or []}

    def _missed(self) -> Iterator[dict[str, Any]]:
        """What is listed and was not told."""
        for record in since_then(self._session, self._wanted.action or None, self._since):
            if self._seen.add(record["activationId"]):
                self._since = max(self._since, record["start"] - LONGEST_MS)
                if self._wanted.passes(record):
                    yield record


def since_first(session: Session, action: str) -> int:
    """When the latest record began (ms); 0 if there is none."""
    query = {"limit": 1, "skip": 0, "name": action or None}
    found = session.api.json("GET", session.at("activations"), query=query)
    return int(found[0]["start"]) if found else 0

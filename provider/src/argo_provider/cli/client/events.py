"""The service's event stream (`GET …/argo/events`), held open over breaks of any length."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from argo_provider.cli.client.failures import Refused, Unreachable, unreachable
from argo_provider.cli.client.session import Session

SILENCE_SECONDS = 45.0  # the service's heart beats every 15
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0
OPENED, LOST, GAP = "opened", "lost", "gap"  # told beside the service's own kinds


@dataclass(frozen=True, slots=True)
class Event:
    """`kind`: the service's, or OPENED (the stream runs), LOST (it broke; `data` says why), GAP (some are missing)."""

    kind: str
    data: dict[str, Any] = field(default_factory=dict)


def parse(lines: Iterable[str], on_id: Callable[[str], None]) -> Iterator[Event]:
    """Events out of lines without their ends; `on_id` hears where the stream is. Comments are heart beats."""
    kind = "message"
    data: list[str] = []
    for line in lines:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                yield Event(kind, _object("\n".join(data)))
            kind, data = "message", []
        elif name == "event":
            kind = value
        elif name == "data":
            data.append(value)
        elif name == "id":
            on_id(value)


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def lines_of(chunks: Iterable[bytes]) -> Iterator[str]:
    """Lines out of pieces that end anywhere."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.removesuffix(b"\r").decode(errors="replace")


class Stream:
    """Events for ever: after a break it asks for what followed the last one that came."""

    def __init__(
        self, session: Session, kinds: Iterable[str], name: str = "", *, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._session = session
        self._query = {"types": ",".join(kinds), "name": name or None}
        self._pause = pause
        self._last_id = ""

    def events(self) -> Iterator[Event]:
        """Refused if the service does not let us; a service that is away is waited for."""
        wait = FIRST_PAUSE
        while True:
            try:
                for event in self._once():
                    wait = FIRST_PAUSE
                    yield event
                yield Event(LOST, {"why": "the service ended the stream"})
            except Unreachable as error:
                yield Event(LOST, {"why": str(error)})
            except Refused as error:
                if error.http_status < 500:
                    raise
                yield Event(LOST, {"why": str(error)})
            self._pause(wait)
            wait = min(wait * 2, LONGEST_PAUSE)

    def _once(self) -> Iterator[Event]:
        import urllib3  # noqa: PLC0415  # --help answers without it

        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": self._last_id} if self._last_id else {})
        path = self._session.argo("events")
        answer = self._session.api.stream(path, query=self._query, headers=headers, seconds=SILENCE_SECONDS)
        try:
            yield Event(OPENED)
            yield from parse(lines_of(answer.stream()), self._note)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise unreachable(self._session.properties.url, str(error)) from error
        finally:
            answer.close()

    def _note(self, event_id: str) -> None:
        self._last_id = event_id

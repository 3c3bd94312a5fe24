"""Records as they come, by asking again and again: what works with any OpenWhisk."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from argo_provider.cli.client.session import Session

PAUSE_SECONDS = 1.0
PAGE = 200
OVERLAP_MS = 60_000  # a record is written when it ended, and listed by when it began


@dataclass(frozen=True, slots=True)
class Poll:
    """`back`: seconds before now at which to begin; `seconds`: how long, 0 for ever."""

    action: str | None = None
    back: int = 0
    seconds: int = 0


def poll_records(session: Session, wanted: Poll) -> Iterator[dict[str, Any]]:
    """Full records, each once, the oldest first."""
    ends = time.monotonic() + wanted.seconds if wanted.seconds else None
    since = int(time.time() * 1000) - wanted.back * 1000
    seen: set[str] = set()
    if not wanted.back:
        latest = page(session, wanted.action, None, limit=1)
        since = latest[0]["start"] - OVERLAP_MS if latest else 0
        seen = {record["activationId"] for record in since_then(session, wanted.action, since)}
    while ends is None or time.monotonic() < ends:
        for record in since_then(session, wanted.action, since):
            if record["activationId"] not in seen:
                seen.add(record["activationId"])
                since = max(since, record["start"] - OVERLAP_MS)
                yield record
        time.sleep(PAUSE_SECONDS)


def since_then(session: Session, action: str | None, since: int) -> list[dict[str, Any]]:
    """All full records that began at `since` (ms) or later, the oldest first."""
    found: list[dict[str, Any]] = []
    while True:
        more = page(session, action, since, skip=len(found))
        found += more
        if len(more) < PAGE:
            return found[::-1]


def page(
    session: Session, action: str | None, since: int | None, *, limit: int = PAGE, skip: int = 0
) -> list[dict[str, Any]]:
    query = {"docs": True, "limit": limit, "skip": skip, "name": action, "since": since}
    found: list[dict[str, Any]] = session.api.json("GET", session.at("activations"), query=query)
    return found

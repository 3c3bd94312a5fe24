"""What the OpenAPI document says of one verb of one path."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Operation:
    """One verb of one path. `answers`: status → schema name, "" for a body that is no JSON."""

    summary: str
    answers: dict[int, str]
    queries: tuple[str, ...] = ()
    body: str = ""
    tag: str = ""
    open: bool = False  # needs no key
    headers: tuple[str, ...] = ()  # that it takes
    media: str = ""  # of answers that are no JSON

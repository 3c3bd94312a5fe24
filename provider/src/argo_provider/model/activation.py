"""Activation records: what is kept of one invocation or trigger fire (contract §5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from argo_provider.model.record import record


class Status(IntEnum):
    """How it ended; the codes and texts are the API's."""

    SUCCESS = 0
    APPLICATION_ERROR = 1
    DEVELOPER_ERROR = 2
    WHISK_ERROR = 3

    @property
    def text(self) -> str:
        return _STATUS_TEXT[self]


_STATUS_TEXT = {
    Status.SUCCESS: "success",
    Status.APPLICATION_ERROR: "application error",
    Status.DEVELOPER_ERROR: "action developer error",
    Status.WHISK_ERROR: "whisk internal error",
}


@record
class Response:
    """`result` is any JSON value; `size` its bytes, None where it was not measured."""

    status: Status
    result: Any = None
    size: int | None = None


@record
class Activation:
    """One record. `namespace` is the invoker's; `end` 0 means "not ended" (triggers)."""

    namespace: str
    name: str
    version: str
    subject: str
    activation_id: str
    start: int  # epoch milliseconds
    end: int
    response: Response
    duration: int | None = None  # milliseconds; None with end 0
    cause: str | None = None
    logs: tuple[str, ...] = ()
    annotations: Mapping[str, Any] = field(default_factory=dict)
    publish: bool = False

    @property
    def path(self) -> str:
        """The entity's full name, "ns/[pkg/]name", for filters by packaged names."""
        return str(self.annotations.get("path", f"{self.namespace}/{self.name}"))


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """An accepted, not yet ended activation: what a 202 promises to keep.

    `payload` is everything needed to run it after a crash, as the invocation layer encodes it.
    `claimed`: user code may have begun, so it must not be run again.
    """

    activation_id: str
    namespace: str
    accepted: int  # epoch milliseconds
    payload: bytes
    claimed: bool = False

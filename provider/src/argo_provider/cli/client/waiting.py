"""Something to look at while a request takes longer than a person's patience; nothing where nobody looks."""

from __future__ import annotations

import sys
import threading
from types import TracebackType
from typing import Any

PATIENCE_SECONDS = 0.3


class Waiting:
    """A context: after 300 ms in it a spinner on standard error, if that is a terminal. May be entered again."""

    def __init__(self, text: str = "waiting for the service") -> None:
        self.text = text
        self._timer: threading.Timer | None = None
        self._status: Any = None
        self._lock = threading.Lock()

    def __enter__(self) -> Waiting:
        if sys.stderr.isatty():
            self._timer = threading.Timer(PATIENCE_SECONDS, self._show)
            self._timer.daemon = True
            self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is None:
            return
        self._timer.cancel()
        with self._lock:
            self._timer = None
            if self._status is not None:
                self._status.stop()
                self._status = None

    def _show(self) -> None:
        from rich.console import Console  # noqa: PLC0415  # most requests are over before
        from rich.status import Status  # noqa: PLC0415

        with self._lock:
            if self._timer is not None:
                self._status = Status(self.text, console=Console(stderr=True))
                self._status.start()

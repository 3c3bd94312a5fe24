"""What the pool tells whoever counts: metrics, the dashboard, later the optimiser."""

from __future__ import annotations

from typing import Protocol

from argo_proxy.pool.shape import Shape
from argo_proxy.protocol.messages import Executable, Execution
from argo_proxy.sandboxes.port import Shortfall


class PoolEvents(Protocol):
    """Called on the event loop, in the path of invocations: must be quick and must not raise."""

    def executed(self, executable: Executable, execution: Execution) -> None:
        """An invocation left its sandbox; `execution.phases` tells cold from warm and how long it waited."""
        ...

    def fell_short(self, executable: Executable, shortfall: Shortfall | None, words: str, *, rerun: bool) -> None:
        """A way other than the ordinary one failed; None: at /init, in words of the function's own.

        `rerun`: the ordinary runtime serves it instead, so that its caller does not notice.
        """
        ...

    def started(self, shape: Shape, seconds: float) -> None:
        """A sandbox was created."""
        ...

    def start_failed(self, shape: Shape, reason: str) -> None: ...

    def ended(self, shape: Shape, reason: str) -> None:
        """A sandbox is going; `reason` is a short label: idle, memory, forgotten, retired, failed, died, closing."""
        ...

    def hibernated(self, shape: Shape) -> None:
        """The memory of an idle one was put out to swap."""
        ...

    def woke(self, shape: Shape) -> None:
        """One that hibernated is used again."""
        ...

    def rejected(self, reason: str) -> None:
        """An invocation was not accepted, or waited too long; a short label."""
        ...


class NoEvents:
    """Nobody counts."""

    def executed(self, executable: Executable, execution: Execution) -> None: ...

    def fell_short(self, executable: Executable, shortfall: Shortfall | None, words: str, *, rerun: bool) -> None: ...

    def started(self, shape: Shape, seconds: float) -> None: ...

    def start_failed(self, shape: Shape, reason: str) -> None: ...

    def ended(self, shape: Shape, reason: str) -> None: ...

    def hibernated(self, shape: Shape) -> None: ...

    def woke(self, shape: Shape) -> None: ...

    def rejected(self, reason: str) -> None: ...

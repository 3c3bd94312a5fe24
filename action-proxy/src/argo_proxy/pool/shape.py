"""What a sandbox must be like before any action is bound to it."""

from __future__ import annotations

from typing import NamedTuple

from argo_proxy.sandboxes.port import SandboxKind

Key = tuple[str, str, str]
"""`Executable.key`: the invoking namespace, the action's path, its revision."""


class Shape(NamedTuple):
    """Uninitialised sandboxes of equal shape are interchangeable: any action of that shape may take one (a stem cell).

    Memory is part of it because the limit is set at creation: a larger sandbox would not enforce the action's own.
    """

    technology: SandboxKind
    kind: str  # the runtime's kind; "blackbox" for an image of the user's
    memory_mb: int
    concurrency: int = 1
    image: str | None = None

    @property
    def title(self) -> str:
        """For logs, metrics and the dashboard."""
        return self.image or self.kind

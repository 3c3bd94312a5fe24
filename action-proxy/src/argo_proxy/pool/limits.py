"""What bounds the sandboxes of a pool, and what they are made with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from argo_proxy.pool.entry import SandboxEntry
from argo_proxy.pool.hibernation import Hibernator
from argo_proxy.pool.serving import ServingLimits
from argo_proxy.runtimes import Catalogue
from argo_proxy.sandboxes.port import SandboxSpec


def _no_recorder() -> Path | None:
    return None


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """Bounds of what is done to sandboxes; seconds."""

    serving: ServingLimits = field(default_factory=ServingLimits)
    create_seconds: float = 120.0
    claim_seconds: float = 30.0
    destroy_seconds: float = 10.0
    environment: Mapping[str, str] = field(default_factory=dict)  # of every sandbox: __OW_API_HOST, …
    memory_mb_most: int = 512  # that an action may ask for
    recorder: Callable[[], Path | None] = _no_recorder  # what sandboxes of the shape `recorded` get beside them
    patience_seconds: float = 0.02  # that invocations wait for each other in a sandbox that takes more than it serves
    recorded_bytes: int = 4 * 1024 * 1024  # of what one recorder has to say
    hibernator: Hibernator | None = None  # None: memory cannot be put out on this machine
    written_seconds: float = 2.0  # until what was put out leaves memory

    def spec(self, entry: SandboxEntry, catalogue: Catalogue) -> SandboxSpec:
        """What to create for it."""
        shape = entry.shape
        return SandboxSpec(
            runtime=None if shape.image is not None else catalogue.get(shape.kind),
            memory_mb=shape.limit_mb or shape.memory_mb,
            grows_to_mb=self.memory_mb_most if shape.elastic else 0,
            image=shape.image,
            concurrency=shape.concurrency,
            environment=self.environment,
            label=entry.requested_by[1] if entry.requested_by else f"stem:{shape.kind}",
            network=not shape.offline,
            egress=shape.egress,
            recorder=self.recorder() if shape.recorded else None,
        )

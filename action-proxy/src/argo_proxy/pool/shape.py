"""What a sandbox must be like before any action is bound to it."""

from __future__ import annotations

from typing import NamedTuple

from argo_proxy.protocol.messages import Executable
from argo_proxy.sandboxes.port import SandboxKind

_VARIANT = "+"

Key = tuple[str, str, str]
"""The invoking namespace, the action's path, its revision; see `key_of`."""


def key_of(executable: Executable, variant: str = "") -> Key:
    """`Executable.key`, and apart from it the key of sandboxes that serve the same revision another way."""
    return other_way(executable.key, variant)


def other_way(key: Key, variant: str) -> Key:
    """The same of an `Executable.key`."""
    return (key[0], key[1], f"{key[2]}{_VARIANT}{variant}") if variant else key


def revision_of(key: Key) -> str:
    """The revision that sandboxes of this key serve, whatever the way."""
    return key[2].partition(_VARIANT)[0]


def variant_of(key: Key) -> str:
    """ "" for the ordinary way."""
    return key[2].partition(_VARIANT)[2]


class Shape(NamedTuple):
    """Uninitialised sandboxes of equal shape are interchangeable: any action of that shape may take one (a stem cell).

    Memory is part of it because the limit is set at creation: a larger sandbox would not enforce the action's own.
    Where the limit can be set later, too, those made for the stock are `elastic`: they take any, and its shape with it.
    """

    technology: SandboxKind
    kind: str  # the runtime's kind; "blackbox" for an image of the user's
    memory_mb: int
    concurrency: int = 1
    image: str | None = None
    limit_mb: int = 0  # the function's own limit where it is not what is reserved for it: isolates share a process
    recorded: bool = False  # with the recorder beside the function
    offline: bool = False  # without a network
    egress: tuple[str, ...] = ()  # with one, of which it reaches these parts only
    elastic: bool = False  # bound to no action yet; `memory_mb` is what it may use until then

    @property
    def takers(self) -> Shape:
        """Equal for all stem cells that the same actions may take."""
        return self._replace(memory_mb=0) if self.elastic else self

    @property
    def elastic_takers(self) -> Shape:
        """`takers` of the elastic stem cells that an action of this shape may take."""
        return self._replace(memory_mb=0, elastic=True)

    @property
    def queues_inside(self) -> bool:
        """Whether invocations may wait in the sandbox itself: one of its slots is sent more than it serves at once."""
        return self.technology is SandboxKind.NIUK

    @property
    def title(self) -> str:
        """For logs, metrics and the dashboard."""
        return self.image or self.kind

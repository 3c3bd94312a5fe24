"""What a stream tells of an event of the bus: small whatever the event brings, under the names of its namespace."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from argo_provider.events import ActionChanged, ActivationEnded, BuildChanged, TierChanged
from argo_provider.insight.names import shown
from argo_provider.insight.port import Builds, Tiers
from argo_provider.insight.ring import Happening
from argo_provider.model.activation import Activation
from argo_provider.placement.port import PlacementSnapshot, SandboxSummary
from argo_proxy import jsontext

MOST_RESULT_BYTES = 4096
MOST_LOG_CHARACTERS = 64 * 1024
_WEIGHT = 1024  # of a record beside its result


@dataclass(frozen=True, slots=True)
class ShownActivation:
    """A record without its logs. `truncated`: `result` is the beginning of the result's JSON text."""

    activation: Activation
    truncated: bool


@dataclass(frozen=True, slots=True)
class LogLines:
    """What an activation printed. `truncated`: the rest is in its record."""

    activation_id: str
    name: str
    lines: tuple[str, ...]
    truncated: bool


Change = ActivationEnded | ActionChanged | TierChanged | BuildChanged


class Happenings:
    """Looks tiers and builds up when they changed; remembers sandboxes, to see which did."""

    def __init__(self, tiers: Tiers, builds: Builds) -> None:
        self._tiers = tiers
        self._builds = builds
        self._seen: dict[str, SandboxSummary] = {}

    def of(self, event: Change) -> Iterable[Happening]:
        if isinstance(event, ActivationEnded):
            return _of_activation(event.activation)
        if isinstance(event, ActionChanged):
            return (Happening("action", _name(f"/{event.name}", event.name.namespace), event),)
        function = event.function
        name = _name(function.path, function.namespace)
        if isinstance(event, TierChanged):
            tier = self._tiers.of(function)
            return () if tier is None else (Happening("tier", name, tier, 2048),)
        build = self._builds.get(function.namespace, event.build_id)
        return () if build is None else (Happening("build", name, build, 1024),)

    def sandbox(self, namespace: str, sandbox: SandboxSummary) -> Happening:
        return Happening("sandbox", _name(sandbox.path, namespace) if sandbox.path else "", sandbox)

    def saw(self, sandbox: SandboxSummary) -> None:
        """The sandbox was told of as it is now."""
        if sandbox.state == "gone":
            self._seen.pop(sandbox.id, None)
        else:
            self._seen[sandbox.id] = sandbox

    def changed(self, snapshot: PlacementSnapshot) -> list[SandboxSummary]:
        """Sandboxes that are not as they were when last told of; those that are no more are "gone"."""
        now = {sandbox.id: sandbox for sandbox in snapshot.sandboxes}
        gone = [replace(s, state="gone", in_flight=0) for i, s in self._seen.items() if i not in now]
        return [*gone, *(s for i, s in now.items() if _differs(self._seen.get(i), s))]


def _differs(before: SandboxSummary | None, now: SandboxSummary) -> bool:
    return before is None or (before.state, before.in_flight, before.path) != (now.state, now.in_flight, now.path)


def _name(path: str, namespace: str) -> str:
    return shown(path, namespace)


def _of_activation(activation: Activation) -> Iterable[Happening]:
    name = shown(activation.path, activation.namespace)
    yield _record(activation, name)
    if activation.logs:
        lines, truncated = _cut(activation.logs)
        body = LogLines(activation.activation_id, name, lines, truncated)
        yield Happening("log", name, body, 256 + sum(map(len, lines)))


def _record(activation: Activation, name: str) -> Happening:
    response, truncated = activation.response, False
    size = response.size
    if not size or size > MOST_RESULT_BYTES:  # not every outcome is measured
        text = jsontext.encode(response.result)
        size, truncated = len(text), len(text) > MOST_RESULT_BYTES
        if truncated:
            response = replace(response, result=text[:MOST_RESULT_BYTES].decode(errors="ignore"))
            size = MOST_RESULT_BYTES
    body = ShownActivation(replace(activation, logs=(), response=response), truncated)
    return Happening("activation", name, body, _WEIGHT + size)


def _cut(lines: tuple[str, ...]) -> tuple[tuple[str, ...], bool]:
    """The first lines, as many characters as an event may carry."""
    left = MOST_LOG_CHARACTERS
    kept: list[str] = []
    for line in lines:
        if len(line) > left:
            return (*kept, line[:left]), True
        kept.append(line)
        left -= len(line)
    return tuple(kept), False

"""Which sandbox technology serves an action."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from argo_provider.placement.port import Overloaded, OverloadReason
from argo_proxy.pool.shape import Shape
from argo_proxy.protocol.messages import Executable
from argo_proxy.runtimes import Catalogue, Runtime
from argo_proxy.sandboxes.port import ResizingDriver, SandboxDriver, SandboxKind

ANNOTATION = "argo.sandbox"
NETWORK = "argo.network"
BLACKBOX = "blackbox"
# A route's choice alone: what runs there is made first.
NATIVE = frozenset({SandboxKind.NIUK, SandboxKind.ZYGOTE})
_AUTO = "auto"
_LIST = "the networks that its namespace may reach (argofn namespace limits NAME)"
_IN_ONE_LIMIT = {SandboxKind.NIUK: 16, SandboxKind.ZYGOTE: 4}  # that fit, at rest, in the action's own memory limit
_ONLY_ASKED = frozenset({SandboxKind.MICROVM})  # dear: never chosen for an action that does not ask


_KINDS = {kind.value: kind for kind in NATIVE}


class Chooser:
    """`drivers` in the order in which they are preferred; only usable ones. `why_not`: of others, by kind."""

    def __init__(
        self,
        drivers: Mapping[SandboxKind, SandboxDriver],
        catalogue: Catalogue,
        why_not: Mapping[SandboxKind, str] | None = None,
    ) -> None:
        self._drivers = {kind: driver for kind, driver in drivers.items() if kind not in NATIVE}
        self._native = {kind: driver for kind, driver in drivers.items() if kind in NATIVE}
        self._catalogue = catalogue
        self._why_not = why_not or {}

    def shape(self, executable: Executable) -> Shape:
        """What its sandboxes are like. Raises Overloaded (`unprepared`) where nothing here can run it now."""
        image = executable.image
        runtime = self._catalogue.for_image(image) if image else self._catalogue.get(executable.kind)
        if runtime is None and image:
            technology = self._for_image(image)
            if executable.offline:
                raise _unprepared(f"The image '{image}' is spoken to over the network, which is off ({NETWORK}).")
            if executable.egress:
                raise _unprepared(f"The image '{image}' runs in a container, which cannot be held to {_LIST}.")
            return Shape(technology, BLACKBOX, executable.memory_mb, executable.concurrency, image)
        if runtime is None:
            raise _unprepared(f"The kind '{executable.kind}' is not known to this installation.")
        technology = self._for_runtime(runtime, executable.annotations.get(ANNOTATION, _AUTO))
        offline = executable.offline
        egress = () if offline else executable.egress
        if egress:
            technology = self._held(runtime)
        return Shape(
            technology, runtime.kind, executable.memory_mb, executable.concurrency, offline=offline, egress=egress
        )

    def _held(self, runtime: Runtime) -> SandboxKind:
        """What can be held to some networks, whatever was asked for."""
        driver = self._drivers.get(SandboxKind.PROCESS)
        if driver is None or not driver.ready(runtime, None):
            raise _unprepared(f"Only sandboxes of the kind 'process' can be held to {_LIST}, and none is ready here.")
        return SandboxKind.PROCESS

    def native_shape(self, executable: Executable, technology: str) -> Shape | None:
        """A sandbox of a technology that no annotation and no default chooses; None where it cannot run this kind.

        Its memory is a share of what all isolates of a process use; each is held to the action's own limit.
        """
        kind = _KINDS.get(technology)
        if kind is None:
            return None
        driver, runtime = self._native.get(kind), self._catalogue.get(executable.kind)
        if executable.offline or executable.egress:
            return None  # what it would share with the namespace's other functions has a network
        if driver is None or runtime is None or executable.image or not driver.ready(runtime, None):
            return None
        reserved = max(executable.memory_mb // _IN_ONE_LIMIT[kind], 1)
        return Shape(kind, runtime.kind, reserved, 1, limit_mb=executable.memory_mb)

    def stock(self, memory_mb: int, demanded: Collection[tuple[SandboxKind, str]] = ()) -> dict[Shape, int]:
        """How many stem cells of each shape are wanted, of what is ready now.

        `demanded`: technologies and kinds whose functions start cold these days. Of each there is at least one, where
        a function of any memory limit may take it.
        """
        wanted: dict[Shape, int] = {}
        for runtime in self._catalogue.runtimes():
            technology = next(self._ready(runtime), None)
            if technology is None:
                continue
            elastic = self._resizes(technology)
            cells = max(runtime.stem_cells, int(elastic and (technology, runtime.kind) in demanded))
            if cells:
                wanted[Shape(technology, runtime.kind, memory_mb, elastic=elastic)] = cells
        return wanted

    def _resizes(self, technology: SandboxKind) -> bool:
        driver: object = self._drivers[technology]
        return isinstance(driver, ResizingDriver) and driver.resizes

    def _for_image(self, image: str) -> SandboxKind:
        if SandboxKind.CONTAINER in self._drivers:
            return SandboxKind.CONTAINER
        raise _unprepared(f"The image '{image}' needs a container engine, and none is running here: start Docker.")

    def _for_runtime(self, runtime: Runtime, wish: object) -> SandboxKind:
        if wish not in {_AUTO, SandboxKind.NIUK.value}:
            return self._wished(runtime, wish)
        if (technology := next(self._ready(runtime), None)) is not None:
            return technology
        raise _unprepared(f"The runtime of '{runtime.kind}' is not ready here (yet): 'argofn doctor' shows why.")

    def _ready(self, runtime: Runtime) -> Iterator[SandboxKind]:
        """Technologies that may serve it unasked."""
        for kind, driver in self._drivers.items():
            if kind not in _ONLY_ASKED and driver.ready(runtime, None):
                yield kind

    def _wished(self, runtime: Runtime, wish: object) -> SandboxKind:
        for kind, driver in self._drivers.items():
            if kind.value == wish and driver.ready(runtime, None):
                return kind
        usable = ", ".join(sorted(kind.value for kind, driver in self._drivers.items() if driver.ready(runtime, None)))
        asked = f"The action asks for a sandbox of the kind '{wish}' ({ANNOTATION}), which cannot run '{runtime.kind}'"
        raise _unprepared(f"{asked} here; usable now: {usable or 'none'}.{self._reason(wish)}")

    def _reason(self, wish: object) -> str:
        return next((f" {reason}." for kind, reason in self._why_not.items() if kind.value == wish), "")


def _unprepared(message: str) -> Overloaded:
    return Overloaded(OverloadReason.UNPREPARED, message)

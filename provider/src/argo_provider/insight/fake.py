"""A scripted optimiser, for tests of what lies above its ports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from argo_provider.insight.port import BuildView, LogPage, NiukView, TierView, WishRefused
from argo_provider.optimizer.model import FunctionId, State


class FakeTiers:
    """Put views into `views`; `refuse` makes `wish` raise."""

    def __init__(self) -> None:
        self.views: dict[FunctionId, TierView] = {}
        self.wishes: list[tuple[FunctionId, str]] = []
        self.refuse: str | None = None

    def put(self, view: TierView) -> None:
        self.views[view.function] = view

    def of(self, function: FunctionId) -> TierView | None:
        return self.views.get(function)

    def states(self, namespace: str) -> Mapping[str, State]:
        return {f.path: view.state for f, view in self.views.items() if f.namespace == namespace}

    async def wish(self, function: FunctionId, wish: str) -> None:
        if self.refuse is not None:
            raise WishRefused(self.refuse)
        self.wishes.append((function, wish))


class FakeBuilds:
    """Put builds with their logs into `builds`, oldest first."""

    def __init__(self) -> None:
        self.builds: dict[str, tuple[BuildView, bytes]] = {}

    def put(self, build: BuildView, log: bytes = b"") -> None:
        self.builds[build.id] = (build, log)

    def list(self, namespace: str, path: str | None, limit: int) -> Sequence[BuildView]:
        found = [b for b, _ in self.builds.values() if b.function.namespace == namespace]
        return [b for b in reversed(found) if path in {None, b.function.path}][:limit]

    def get(self, namespace: str, build_id: str) -> BuildView | None:
        found = self.builds.get(build_id)
        return found[0] if found is not None and found[0].function.namespace == namespace else None

    async def log(self, namespace: str, build_id: str, offset: int, most: int) -> LogPage | None:
        if self.get(namespace, build_id) is None:
            return None
        data = self.builds[build_id][1][offset : offset + most]
        return LogPage(data, offset + len(data))


class FakeNiuks:
    def __init__(self) -> None:
        self.niuks: list[NiukView] = []

    def of(self, namespace: str) -> Sequence[NiukView]:
        return [niuk for niuk in self.niuks if niuk.namespace == namespace]

"""Where no optimiser runs: nothing is known, and nothing is made up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from argo_provider.insight.port import BuildView, LogPage, NiukView, TierView, WishRefused
from argo_provider.optimizer.model import FunctionId, State


class NoTiers:
    def of(self, function: FunctionId) -> TierView | None:
        return None

    def states(self, namespace: str) -> Mapping[str, State]:
        return {}

    async def wish(self, function: FunctionId, wish: str) -> None:
        raise WishRefused("This service runs without the optimiser: functions stay on their ordinary runtimes.")


class NoBuilds:
    def list(self, namespace: str, path: str | None, limit: int) -> Sequence[BuildView]:
        return ()

    def get(self, namespace: str, build_id: str) -> BuildView | None:
        return None

    async def log(self, namespace: str, build_id: str, offset: int, most: int) -> LogPage | None:
        return None


class NoNiuks:
    def of(self, namespace: str) -> Sequence[NiukView]:
        return ()

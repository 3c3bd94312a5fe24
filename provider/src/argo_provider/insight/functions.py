"""The list of a namespace's functions with their live figures."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from argo_provider.insight.catalogue import Catalogue, FunctionRow
from argo_provider.insight.figures import Figures, LiveFigures
from argo_provider.insight.names import path_of
from argo_provider.insight.port import Tiers
from argo_provider.optimizer.model import State
from argo_provider.placement.port import HIBERNATED, PlacementSnapshot
from argo_provider.storage.cache import LruCache
from argo_provider.storage.port import ActivationQuery, ActivationStore, Page

BADGES = ("cold", "warm", "hot", "native")
TIERS = (*BADGES, *(state.value for state in State))
SORTS = ("name", "updated", "rate", "errors")
_BADGE_OF = {State.NATIVE: "native", State.CANARY: "native", State.OBSERVED: "hot", State.BUILDING: "hot"}
_WARM = frozenset({"warm", HIBERNATED, "busy"})
_REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class FunctionFilter:
    """`search`: part of the name, in any case; `tier`: one of TIERS; `kind`: whole, or its family; `sort`: of SORTS."""

    search: str = ""
    tier: str = ""
    kind: str = ""
    sort: str = "name"


@dataclass(frozen=True, slots=True)
class FunctionView:
    """One function as it is now."""

    row: FunctionRow
    tier: str  # one of BADGES
    state: State
    warm_sandboxes: int
    figures: Figures


class Functions:
    """Reads the catalogue, the figures, the pool and the optimiser; changes nothing."""

    def __init__(
        self,
        catalogue: Catalogue,
        figures: LiveFigures,
        tiers: Tiers,
        activations: ActivationStore,
        snapshot: Callable[[], PlacementSnapshot],
    ) -> None:
        self._catalogue = catalogue
        self._figures = figures
        self._tiers = tiers
        self._activations = activations
        self._snapshot = snapshot
        self._before: LruCache[tuple[str, str], int] = LruCache(_REMEMBERED)  # last invoked before this start; 0: never

    async def page(self, namespace: str, wanted: FunctionFilter, window: Page) -> tuple[list[FunctionView], int]:
        """Those in the window, and how many there are in all."""
        rows = await self._catalogue.rows(namespace)
        states, warm = self._tiers.states(namespace), _warm(self._snapshot(), namespace)
        found = self._sorted([r for r in rows if _matches(r, wanted, states, warm)], namespace, wanted.sort)
        shown = found[window.skip : window.skip + window.limit]
        views = await asyncio.gather(*(self._view(r, namespace, states, warm) for r in shown))
        return [*views], len(found)

    def _sorted(self, rows: list[FunctionRow], namespace: str, sort: str) -> list[FunctionRow]:
        if sort == "updated":
            return sorted(rows, key=lambda row: (-row.updated, -row.revision))
        if sort in {"rate", "errors"}:
            which = 0 if sort == "rate" else 1
            return sorted(rows, key=lambda row: -self._figures.counted(namespace, str(row.full))[which])
        return rows

    async def _view(
        self, row: FunctionRow, namespace: str, states: Mapping[str, State], warm: Mapping[str, int]
    ) -> FunctionView:
        path = path_of(row.full)
        figures = self._figures.of(namespace, str(row.full))
        if figures.last_invoked is None:
            figures = replace(figures, last_invoked=await self._last_invoked(namespace, row.name))
        state = states.get(path, State.ORDINARY)
        return FunctionView(row, badge(state, warm.get(path, 0)), state, warm.get(path, 0), figures)

    async def _last_invoked(self, namespace: str, name: str) -> int | None:
        """From the records, once: what comes later is in the figures."""
        known = self._before.get((namespace, name))
        if known is None:
            newest = await self._activations.list(ActivationQuery(namespace, name), Page(0, 1), docs=False)
            known = newest[0].start if newest else 0
            self._before.put((namespace, name), known)
        return known or None


def badge(state: State, warm_sandboxes: int) -> str:
    """What people see first: native, hot (on its way there), warm, cold."""
    return _BADGE_OF.get(state) or ("warm" if warm_sandboxes else "cold")


def _warm(snapshot: PlacementSnapshot, namespace: str) -> Mapping[str, int]:
    return Counter(s.path for s in snapshot.sandboxes if s.namespace == namespace and s.state in _WARM)


def _matches(row: FunctionRow, wanted: FunctionFilter, states: Mapping[str, State], warm: Mapping[str, int]) -> bool:
    if wanted.search and wanted.search.lower() not in row.lowered:
        return False
    if wanted.kind and wanted.kind not in {row.kind, row.kind.partition(":")[0]}:
        return False
    if not wanted.tier:
        return True
    path = path_of(row.full)
    state = states.get(path, State.ORDINARY)
    return wanted.tier in {state.value, badge(state, warm.get(path, 0))}


__all__ = ["BADGES", "SORTS", "TIERS", "FunctionFilter", "FunctionView", "Functions", "badge"]

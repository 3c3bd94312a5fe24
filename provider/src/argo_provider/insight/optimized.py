"""What the optimiser and its builds show of themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from argo_provider.insight.port import BuildView, LogPage, NiukView, Signals, TierView, WishRefused
from argo_provider.optimizer.builds import BuildRecord, Builds
from argo_provider.optimizer.model import Explanation, FunctionId, State
from argo_provider.optimizer.pipeline import Pipeline


class PipelineTiers:
    """`Tiers` over a running pipeline. `states`: by path, of what the policy knows of a namespace."""

    def __init__(self, pipeline: Pipeline, builds: Builds, states: Callable[[str], Mapping[str, State]]) -> None:
        self._pipeline = pipeline
        self._builds = builds
        self._states = states

    def of(self, function: FunctionId) -> TierView | None:
        explained = self._pipeline.explain(function)
        return None if explained is None else self._view(function, explained)

    def states(self, namespace: str) -> Mapping[str, State]:
        return self._states(namespace)

    async def wish(self, function: FunctionId, wish: str) -> None:
        if self._pipeline.explain(function) is None and not await self._pipeline.meet(function):
            raise WishRefused("There is no such action.")
        try:
            self._pipeline.ask(function, wish)
        except ValueError as error:
            raise WishRefused(str(error)) from error

    def _view(self, function: FunctionId, explained: Explanation) -> TierView:
        figures = explained.figures
        build = self._builds.latest(function)
        return TierView(
            function,
            explained.state,
            explained.since,
            explained.reason,
            explained.next,
            explained.wishes,
            Signals(
                figures.rate_per_minute, figures.rate_per_hour, figures.overlap, figures.cold_share, figures.run_ms
            ),
            None if build is None else view_of(build),
            explained.rounds,
            explained.fingerprint,
            explained.history,
        )


class PipelineBuilds:
    """`Builds` over the registry."""

    def __init__(self, builds: Builds) -> None:
        self._builds = builds

    def list(self, namespace: str, path: str | None, limit: int) -> Sequence[BuildView]:
        return [view_of(record) for record in self._builds.records(namespace, path=path, limit=limit)]

    def get(self, namespace: str, build_id: str) -> BuildView | None:
        record = self._builds.get(namespace, build_id)
        return None if record is None else view_of(record)

    async def log(self, namespace: str, build_id: str, offset: int, most: int) -> LogPage | None:
        try:
            data = await self._builds.log(namespace, build_id, offset, most)
        except LookupError:
            return None
        return LogPage(data, offset + len(data))


class WatchedNiuks:
    """`Niuks` as of the last look; whoever looks calls `put`."""

    def __init__(self) -> None:
        self._views: Sequence[NiukView] = ()

    def put(self, views: Sequence[NiukView]) -> None:
        self._views = views

    def of(self, namespace: str) -> Sequence[NiukView]:
        return [view for view in self._views if view.namespace == namespace]


def view_of(record: BuildRecord) -> BuildView:
    return BuildView(
        record.id,
        record.function,
        record.fingerprint,
        record.state.value,
        record.queued,
        record.ended,
        record.seconds,
        record.round,
        record.step,
        record.progress,
        None if record.failure is None else record.failure.value,
        record.detail,
        record.artefact_bytes,
    )

"""Numbers for Prometheus, in a registry of their own. Labels are bounded: no names of users, actions or activations.

What is counted in the path of requests goes through `counting`, and label values are looked up once and kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Info, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from argo_provider import __version__
from argo_provider.placement.port import PlacementSnapshot
from argo_provider.telemetry.counting import Spread, Spreads, Tallies, Tally

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
LATENCY = (0.00025, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.125, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64)
BATCH = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
_LAG_EVERY = 0.5


class Metrics:
    """All of the service's metrics; one per process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        Info("argo", "This service.", registry=self.registry).info({"version": __version__})
        self.http = HttpMetrics(self.registry)
        self.commits = CommitMetrics(self.registry)
        self.errors = Counter("argo_errors", "Errors answered, by reason.", ["reason"], registry=self.registry)
        lag = Spreads("argo_event_loop_lag_seconds", "How late the event loop woke up.", (), LATENCY, self.registry)
        self.loop_lag = lag.of()
        self.loop_tasks = Gauge("argo_event_loop_tasks", "Tasks of the event loop.", registry=self.registry)

    def watch_pool(self, snapshot: Callable[[], PlacementSnapshot]) -> None:
        """Report the pool and its queues as they are at the time of each scrape."""
        self.registry.register(_PoolCollector(snapshot))

    def render(self) -> bytes:
        """The answer to `GET /metrics`, of type `CONTENT_TYPE`."""
        return generate_latest(self.registry)

    async def watch_loop(self) -> None:
        """Measure the event loop's lag, and count its tasks, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _LAG_EVERY
            await asyncio.sleep(_LAG_EVERY)
            self.loop_lag.observe(max(0.0, loop.time() - due))
            self.loop_tasks.set(len(asyncio.all_tasks(loop)))


class HttpMetrics:
    """Requests by route (its pattern, never the path), method and status."""

    def __init__(self, registry: CollectorRegistry) -> None:
        labels = ("route", "method", "status")
        self._requests = Tallies("argo_http_requests", "Requests answered.", labels, registry)
        self._seconds = Spreads("argo_http_request_seconds", "Time to answer.", ("route",), LATENCY, registry)
        self._kept: dict[tuple[str, str, int], tuple[Tally, Spread]] = {}

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """`route`: the pattern that matched, or "" where none did."""
        key = (route, method if method in METHODS else "other", status)
        kept = self._kept.get(key)
        if kept is None:
            kept = self._kept[key] = (self._requests.of(route, key[1], str(status)), self._seconds.of(route))
        kept[0].value += 1
        kept[1].observe(seconds)


class CommitMetrics:
    """Group commit: how many writes share a transaction, and how long it takes."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._size = Spreads("argo_commit_batch_size", "Writes in one transaction.", (), BATCH, registry).of()
        self._seconds = Spreads("argo_commit_seconds", "Time of one transaction.", (), LATENCY, registry).of()

    def committed(self, writes: int, seconds: float) -> None:
        self._size.observe(writes)
        self._seconds.observe(seconds)


class _PoolCollector(Collector):
    def __init__(self, snapshot: Callable[[], PlacementSnapshot]) -> None:
        self._snapshot = snapshot

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        now = self._snapshot()
        sandboxes = GaugeMetricFamily("argo_sandboxes", "Sandboxes now.", labels=["sandbox", "state"])
        counted: dict[tuple[str, str], int] = {}
        for each in now.sandboxes:
            counted[each.technology, each.state] = counted.get((each.technology, each.state), 0) + 1
        for labels, number in sorted(counted.items()):
            sandboxes.add_metric(labels, number)
        yield sandboxes
        megabyte = 1024 * 1024
        yield _gauge("argo_pool_memory_bytes", "Memory granted to sandboxes.", now.memory_used_mb * megabyte)
        yield _gauge("argo_pool_memory_limit_bytes", "Memory there is for them.", now.memory_limit_mb * megabyte)
        yield _gauge("argo_pool_starting", "Sandboxes being created.", now.starting)
        yield _gauge("argo_queue_length", "Invocations that wait for a sandbox.", sum(now.waiting.values()))
        yield _gauge("argo_queue_namespaces", "Namespaces that have invocations waiting.", len(now.waiting))


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(name, about, value=value)

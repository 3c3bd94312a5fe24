"""What a scrape shows."""

from prometheus_client.parser import text_string_to_metric_families

from argo_provider.placement.port import PlacementSnapshot, SandboxSummary
from argo_provider.settings import Secret
from argo_provider.telemetry.access import may_read_metrics
from argo_provider.telemetry.metrics import Metrics
from argo_provider.telemetry.pool import MOST_KINDS, PoolMetrics
from argo_proxy.pool.events import PoolEvents
from argo_proxy.pool.shape import Shape
from argo_proxy.protocol.messages import Executable, Execution, Outcome, OutcomeKind, Phases
from argo_proxy.sandboxes.port import SandboxKind


def scraped(metrics: Metrics) -> dict[tuple[str, frozenset], float]:
    families = text_string_to_metric_families(metrics.render().decode())
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return scraped(metrics).get((name, frozenset(labels.items())))


def executable(kind: str = "nodejs:20") -> Executable:
    return Executable("ns", "/ns/a", "0.0.1", "1", kind, "main", None, binary=False)


def execution(phases: Phases, outcome: OutcomeKind = OutcomeKind.SUCCESS) -> Execution:
    return Execution(Outcome(outcome, {}), phases, started_at=0.0, ended_at=1.0, sandbox="process")


SHAPE = Shape(SandboxKind.PROCESS, "nodejs:20", 256)


def test_requests_are_counted_by_route_method_and_status():
    metrics = Metrics()
    for method in ("POST", "POST", "BREW"):
        metrics.http.answered("/api/v1/x/{name}", method, 200, 0.003)
    assert value(metrics, "argo_http_requests_total", route="/api/v1/x/{name}", method="POST", status="200") == 2
    assert value(metrics, "argo_http_requests_total", route="/api/v1/x/{name}", method="other", status="200") == 1
    assert value(metrics, "argo_http_request_seconds_count", route="/api/v1/x/{name}") == 3


def test_invocations_are_counted_by_kind_start_and_status_with_their_phases():
    metrics = Metrics()
    pool: PoolEvents = PoolMetrics(metrics.registry)
    pool.executed(executable(), execution(Phases(queue=1, start=100, init=20, run=5, cold=True)))
    pool.executed(executable(), execution(Phases(run=5)))
    pool.executed(executable(), execution(Phases(run=5), OutcomeKind.DEVELOPER_ERROR))
    labels = {"kind": "nodejs:20", "sandbox": "process"}
    assert value(metrics, "argo_invocations_total", **labels, start="cold", status="success") == 1
    assert value(metrics, "argo_invocations_total", **labels, start="warm", status="success") == 1
    assert value(metrics, "argo_invocations_total", **labels, start="warm", status="developer_error") == 1
    assert value(metrics, "argo_invocation_phase_seconds_count", sandbox="process", phase="run") == 3
    assert value(metrics, "argo_invocation_phase_seconds_sum", sandbox="process", phase="init") == 0.02


def test_kinds_do_not_grow_without_bound():
    metrics = Metrics()
    pool = PoolMetrics(metrics.registry)
    for number in range(MOST_KINDS + 10):
        pool.executed(executable(f"kind:{number}"), execution(Phases(run=1)))
    kinds = {dict(labels)["kind"] for name, labels in scraped(metrics) if name == "argo_invocations_total"}
    assert len(kinds) == MOST_KINDS + 1
    others = {"kind": "other", "sandbox": "process", "start": "warm", "status": "success"}
    assert value(metrics, "argo_invocations_total", **others) == 10


def test_the_life_of_sandboxes_is_counted():
    metrics = Metrics()
    pool = PoolMetrics(metrics.registry)
    pool.started(SHAPE, 0.2)
    pool.start_failed(SHAPE, "no such image: x")
    pool.ended(SHAPE, "idle")
    pool.rejected("queue_full")
    assert value(metrics, "argo_sandbox_start_seconds_count", sandbox="process") == 1
    assert value(metrics, "argo_sandbox_start_failures_total", sandbox="process") == 1
    assert value(metrics, "argo_sandbox_ends_total", sandbox="process", reason="idle") == 1
    assert value(metrics, "argo_rejections_total", reason="queue_full") == 1


def test_the_pool_is_shown_as_it_is_when_scraped():
    metrics = Metrics()
    states = ("warm", "warm", "busy")
    sandboxes = tuple(SandboxSummary(str(n), "process", state, "k", 256) for n, state in enumerate(states))
    now = [PlacementSnapshot(memory_limit_mb=1024)]
    metrics.watch_pool(lambda: now[0])
    assert value(metrics, "argo_queue_length") == 0
    now[0] = PlacementSnapshot(1024, memory_used_mb=768, starting=1, waiting={"a": 3, "b": 1}, sandboxes=sandboxes)
    assert value(metrics, "argo_sandboxes", sandbox="process", state="warm") == 2
    assert value(metrics, "argo_sandboxes", sandbox="process", state="busy") == 1
    assert value(metrics, "argo_queue_length") == 4
    assert value(metrics, "argo_pool_memory_bytes") == 768 * 1024 * 1024


def test_commits_and_the_process_itself_are_measured():
    metrics = Metrics()
    metrics.commits.committed(40, 0.002)
    assert value(metrics, "argo_commit_batch_size_bucket", le="64.0") == 1
    assert value(metrics, "argo_commit_batch_size_bucket", le="32.0") == 0
    assert value(metrics, "process_resident_memory_bytes") > 0


def test_two_services_in_one_process_share_no_numbers():
    one, other = Metrics(), Metrics()
    one.commits.committed(1, 0.001)
    assert value(other, "argo_commit_batch_size_count") == 0


def test_metrics_are_for_loopback_callers_or_for_who_has_the_token():
    assert may_read_metrics("127.0.0.1", None, None)
    assert may_read_metrics("::1", None, None)
    assert not may_read_metrics("10.0.0.9", None, None)
    assert not may_read_metrics(None, None, None)
    token = Secret("s3cret")
    assert may_read_metrics("10.0.0.9", "Bearer s3cret", token)
    assert not may_read_metrics("127.0.0.1", None, token)
    assert not may_read_metrics("127.0.0.1", "Bearer s3cre", token)
    assert not may_read_metrics("127.0.0.1", "Basic s3cret", token)

"""`./dev bench cluster`: what many machines cost and give: the bus hop, CPU, throughput at 1 to 3 nodes, fail-over.

The machines are network namespaces of this one, so that throughput cannot grow with them: CPU for each invocation is
the figure that counts. One box and the cluster take turns within a round.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from argo_dev.client import CallError, Client
from argo_dev.cluster import Cluster, Member, cluster, why_no_cluster
from argo_dev.processes import cpu_seconds
from argo_dev.report import Target, document, show
from argo_dev.service import Service, environment_of_clone, fresh_service

CODE = {"kind": "python:3.11", "code": "def main(args):\n    return args\n"}
SLOW = {"kind": "python:3.11", "code": "import time\ndef main(args):\n    time.sleep(0.3)\n    return args\n"}
READY_SECONDS = 120
ACCEPTED = 20  # non-blocking invocations under way when the node is killed
KEPT_SECONDS = 60
BUSY_SECONDS = 1.0


@dataclass(slots=True)
class Subject:
    """What is measured: a service, and the processes that it consists of."""

    name: str
    service: Service
    pids: tuple[int, ...]
    p50_us: list[float] = field(default_factory=list)
    p99_us: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)
    busy_p99_us: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)  # of an invocation, all processes but the load's own

    def row(self) -> dict[str, Any]:
        return {
            "what": self.name,
            "p50_ms": median(self.p50_us) / 1000,
            "p99_ms": median(self.p99_us) / 1000,
            "per_second": median(self.rate),
            "busy_p99_ms": median(self.busy_p99_us) / 1000,
            "cpu_us": median(self.cpu_us),
        }


def main() -> int:
    options = _options()
    reason = why_no_cluster()
    if reason:
        print(f"no cluster can be started here: {reason}", file=sys.stderr)
        return 1
    seconds, rounds = (0.5, 1) if options.quick else (4.0, 5)
    subjects = [_box_and_one(seconds, rounds)]
    subjects += [[_nodes(count, seconds, rounds)] for count in ((2,) if options.quick else (2, 3))]
    flat = [subject for some in subjects for subject in some]
    fail_over = _fail_over(1 if options.quick else 5)
    rows = [subject.row() for subject in flat]
    box, one = rows[0], rows[1]
    hop = one["p50_ms"] - box["p50_ms"]
    lost = sum(each["lost"] for each in fail_over)
    ratios = {"hop_ms_p50": hop, "cpu_over_one_box": one["cpu_us"] / box["cpu_us"]}
    targets = {
        "hop_ms_p50": Target(hop, 1.0, at_most=True),
        "cpu_over_one_box": Target(ratios["cpu_over_one_box"], 1.6, at_most=True),
        "fail_over_seconds": Target(max(each["all_seconds"] for each in fail_over), 3.0, at_most=True),
        "acknowledged_and_lost": Target(lost, 0, at_most=True),
    }
    show(document("cluster", rows, ratios, targets, fail_over=fail_over), rows, as_json=options.json)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench cluster", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="one short round: whether it runs, not how fast")
    return parser.parse_args()


def _box_and_one(seconds: float, rounds: int) -> list[Subject]:
    """One box, and a cluster of one node, in turns."""
    with ExitStack() as stack:
        box = stack.enter_context(fresh_service("--sandbox", "process", "--log-format", "json"))
        made = stack.enter_context(cluster(nodes=1, durable=True, settings=("cluster.lease_seconds=15",)))
        subjects = [Subject("one box", box, (box.pid,)), _of(made, "cluster, 1 node")]
        _measure(subjects, seconds, rounds)
        return subjects


def _nodes(count: int, seconds: float, rounds: int) -> Subject:
    with cluster(nodes=count, durable=True, settings=("cluster.lease_seconds=15",)) as made:
        subject = _of(made, f"cluster, {count} nodes")
        _measure([subject], seconds, rounds)
        return subject


def _of(made: Cluster, name: str) -> Subject:
    members = (*made.replicas, *made.nodes)
    return Subject(name, made.services[0], (made.nats.process.pid, made.postgres.pid, *(m.pid for m in members)))


def _measure(subjects: Sequence[Subject], seconds: float, rounds: int) -> None:
    for subject in subjects:
        client = Client(subject.service)
        client.put_action("echo", CODE)
        client.invoke_once_ready("echo", READY_SECONDS)
        _load(subject, 8, seconds)
    for _ in range(rounds):
        for subject in subjects:
            alone = _load(subject, 1, seconds)
            before = _cpu(subject)
            busy = _load(subject, 8, seconds)
            subject.cpu_us.append((_cpu(subject) - before) / busy["requests"] * 1e6)
            subject.p50_us.append(_share(alone["latencies_us"], 0.5))
            subject.p99_us.append(_share(alone["latencies_us"], 0.99))
            subject.busy_p99_us.append(_share(busy["latencies_us"], 0.99))
            subject.rate.append(busy["requests"] / busy["seconds"])


def _load(subject: Subject, clients: int, seconds: float) -> dict[str, Any]:
    url = f"{subject.service.url}/api/v1/namespaces/_/actions/echo?blocking=true&result=true"
    command = [sys.executable, "-P", "-m", "argo_dev.load", "--url", url, "--body", '{"n": 1}']
    command += ["--clients", str(clients), "--seconds", str(seconds)]
    done = subprocess.run(
        command,
        input=subject.service.auth,
        env=environment_of_clone(),
        capture_output=True,
        text=True,
        check=True,
        timeout=seconds + 120,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    assert not answer["errors"], answer["first_error"]
    return answer


def _cpu(subject: Subject) -> float:
    return sum(cpu_seconds(pid)[1] for pid in subject.pids)


def _share(ordered: Sequence[int], share: float) -> float:
    return float(ordered[min(int(len(ordered) * share), len(ordered) - 1)])


# ---------------------------------------------------------------- fail-over


def _fail_over(times: int) -> list[dict[str, Any]]:
    """`kill -9` of the node that serves, with work under way: seconds until one caller, and all, are served again."""
    return [_one_fail_over() for _ in range(times)]


def _one_fail_over() -> dict[str, Any]:
    with cluster(nodes=2) as made:
        client = Client(made.services[0])
        for name, code in (("echo", CODE), ("slow", SLOW)):
            client.put_action(name, code)
            client.invoke_once_ready(name, READY_SECONDS)
        callers = _Callers(lambda: client.invoke("echo", {"n": 1}))
        with callers:
            victim = _busiest(made.nodes)
            accepted = [client.call("POST", "actions/slow", {"n": n})["activationId"] for n in range(ACCEPTED)]
            killed = time.monotonic()
            victim.kill()
            first, last = callers.served_after(killed)
        seconds = {"seconds": round(first - killed, 3), "all_seconds": round(last - killed, 3)}
        return {**seconds, "lost": _without_record(client, accepted), "accepted": ACCEPTED}


def _busiest(nodes: Sequence[Member]) -> Member:
    """By the processor time of the next second: what nodes say of themselves is of a moment before."""
    before = [cpu_seconds(node.pid)[1] for node in nodes]
    time.sleep(BUSY_SECONDS)
    used = [cpu_seconds(node.pid)[1] - was for node, was in zip(nodes, before, strict=True)]
    return nodes[used.index(max(used))]


def _without_record(client: Client, accepted: Sequence[str]) -> int:
    """How many 202s never end in a record."""
    deadline = time.monotonic() + KEPT_SECONDS
    missing = set(accepted)
    while missing and time.monotonic() < deadline:
        for activation_id in [*missing]:
            try:
                client.call("GET", f"activations/{activation_id}")
            except CallError:
                continue
            missing.discard(activation_id)
        time.sleep(0.1)
    return len(missing)


class _Callers:
    """Calls one after the other in four threads; when those that began after a moment were answered."""

    def __init__(self, call: Callable[[], object]) -> None:
        self._call = call
        self._ended = False
        self._answers: list[list[tuple[float, float]]] = [[] for _ in range(4)]  # begun and answered, of each
        self._threads = [threading.Thread(target=self._run, args=[answers]) for answers in self._answers]

    def __enter__(self) -> _Callers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        for thread in self._threads:
            thread.join()

    def served_after(self, moment: float) -> tuple[float, float]:
        """When the first of them had an answer to a call that began after it, and when all had."""
        deadline = time.monotonic() + KEPT_SECONDS
        while time.monotonic() < deadline:
            firsts = [next((end for begun, end in [*each] if begun >= moment), None) for each in self._answers]
            served = [end for end in firsts if end is not None]
            if len(served) == len(firsts):
                return min(served), max(served)
            time.sleep(0.005)
        raise TimeoutError("some callers had no answer after the node was killed")

    def _run(self, answers: list[tuple[float, float]]) -> None:
        while not self._ended:
            begun = time.monotonic()
            try:
                self._call()
            except CallError:
                continue  # it was on the node that was killed
            answers.append((begun, time.monotonic()))


if __name__ == "__main__":
    sys.exit(main())

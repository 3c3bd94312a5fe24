"""`./dev bench invoke`: blocking warm invocations of a Node.js echo, beside a bare aiohttp echo server."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from argo_dev.client import Client
from argo_dev.processes import cpu_seconds, resident_mb
from argo_dev.report import Target, document, show
from argo_dev.service import Service, free_port, fresh_service, stop

KIND = "nodejs:20"
CODE = {"kind": KIND, "code": "function main(args) { return args }"}
BODY = json.dumps({"name": "argo", "payload": "x" * 64})
CLIENTS = (1, 16, 64)
READY_SECONDS = 300
IDLE_SECONDS = 5
WARM_SECONDS = 2.0  # sandboxes and connections come up, uncounted


Samples = dict[tuple[str, int], "Sample"]
"""By server and number of clients."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server to drive: where, with which key, and the process that answers."""

    name: str
    url: str
    pid: int
    auth: str = ""


@dataclass(slots=True)
class Sample:
    """What one endpoint did at one number of clients, over all rounds."""

    rates: list[float] = field(default_factory=list)
    latencies_us: list[int] = field(default_factory=list)
    cpu_own: float = 0.0
    cpu_tree: float = 0.0
    cpu_client: float = 0.0
    requests: int = 0
    errors: int = 0
    first_error: str = ""

    def summary(self) -> dict[str, Any]:
        """Requests a second (median of the rounds), latencies in milliseconds, CPU in microseconds."""
        ordered = sorted(self.latencies_us)
        each = 1e6 / max(1, self.requests)
        return {
            "requests_per_second": round(median(self.rates), 1),
            "p50_ms": _percentile(ordered, 0.50),
            "p95_ms": _percentile(ordered, 0.95),
            "p99_ms": _percentile(ordered, 0.99),
            "cpu_us_per_request": round(self.cpu_tree * each, 1),
            "cpu_us_per_request_server_process": round(self.cpu_own * each, 1),
            "cpu_us_per_request_client": round(self.cpu_client * each, 1),
            "requests": self.requests,
            "errors": self.errors,
            **({"first_error": self.first_error} if self.errors else {}),
        }


def _percentile(ordered: Sequence[int], share: float) -> float:
    """Of sorted microseconds, in milliseconds."""
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] / 1000, 3) if ordered else 0.0


def main() -> None:
    options = _options()
    began = time.monotonic()
    flags = ["--sandbox", options.sandbox, "--log-level", "warning", "--set", f"runtimes.kinds={KIND}"]
    with fresh_service(*flags) as service, _bare_server() as bare:
        time.sleep(IDLE_SECONDS)
        idle_mb = resident_mb(service.pid)
        client = Client(service)
        client.put_action("echo", CODE, limits={"memory": 128})
        client.put_action("shared", CODE, limits={"memory": 128, "concurrency": 64})
        for name in ("echo", "shared"):
            client.invoke_once_ready(name, READY_SECONDS)
        samples, warming = _measure(_endpoints(service, bare), options)
        kept = _records_kept(client, [*samples.items(), *warming.items()])
    answer = _answer(samples, service, idle_mb, kept, options)
    answer["bench_seconds"] = round(time.monotonic() - began, 1)
    rows = [{"server": name, "clients": n, **s.summary()} for (name, n), s in samples.items()]
    show(answer, [{k: v for k, v in row.items() if k != "first_error"} for row in rows], as_json=options.json)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench invoke", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sandbox", default="process", choices=("process", "container"))
    return parser.parse_args()


@contextmanager
def _bare_server() -> Iterator[Endpoint]:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-P", "-m", "argo_dev.echo_server", str(port)])
    try:
        yield Endpoint("bare", f"http://127.0.0.1:{port}/echo", process.pid)
    finally:
        stop(process, 10)


def _endpoints(service: Service, bare: Endpoint) -> list[Endpoint]:
    def action(label: str, name: str) -> Endpoint:
        url = f"{service.url}/api/v1/namespaces/_/actions/{name}?blocking=true"
        return Endpoint(label, url, service.pid, service.auth)

    return [bare, action("service", "echo"), action("service_shared_sandbox", "shared")]


def _measure(endpoints: Sequence[Endpoint], options: argparse.Namespace) -> tuple[Samples, Samples]:
    """Servers take turns within a round, so that what else the machine does falls on all of them."""
    samples: Samples = {(e.name, clients): Sample() for clients in CLIENTS for e in endpoints}
    warming: Samples = {key: Sample() for key in samples}
    for clients in CLIENTS:
        for endpoint in endpoints:
            _drive(endpoint, clients, WARM_SECONDS, warming[endpoint.name, clients])
        for _ in range(options.rounds):
            for endpoint in endpoints:
                _drive(endpoint, clients, options.seconds, samples[endpoint.name, clients])
    return samples, warming


def _drive(endpoint: Endpoint, clients: int, seconds: float, sample: Sample) -> None:
    command = [sys.executable, "-P", "-m", "argo_dev.load", "--url", endpoint.url, "--body", BODY]
    command += ["--clients", str(clients), "--seconds", str(seconds)]
    own, tree = cpu_seconds(endpoint.pid)
    done = subprocess.run(
        command, input=endpoint.auth + "\n", capture_output=True, text=True, check=True, timeout=seconds + 120
    )
    own_after, tree_after = cpu_seconds(endpoint.pid)
    answer = json.loads(done.stdout)
    sample.rates.append(answer["requests"] / answer["seconds"])
    sample.latencies_us += answer["latencies_us"]
    sample.cpu_own += own_after - own
    sample.cpu_tree += tree_after - tree
    sample.cpu_client += answer["client_cpu_seconds"]
    sample.requests += answer["requests"]
    sample.errors += answer["errors"]
    sample.first_error = sample.first_error or answer["first_error"]


def _records_kept(client: Client, samples: Sequence[tuple[tuple[str, int], Sample]]) -> dict[str, int]:
    """How many invocations were answered, and how many records the service has of them."""
    answered = 2  # the first invocation of each action
    answered += sum(sample.requests for (name, _), sample in samples if name != "bare")
    return {"invocations": answered, "records": client.call("GET", "activations?count=true&limit=0")["activations"]}


def _answer(
    samples: Samples,
    service: Service,
    idle_mb: float,
    kept: dict[str, int],
    options: argparse.Namespace,
) -> dict[str, Any]:
    rate = {key: median(sample.rates) for key, sample in samples.items()}
    ratios = {f"{name}_to_bare_at_{n}": rate[name, n] / rate["bare", n] for name, n in samples if name != "bare"}
    one = samples["service", 1].summary()
    errors = sum(sample.errors for sample in samples.values())
    targets = {
        "service_to_bare_at_16": Target(ratios["service_to_bare_at_16"], 0.12, at_most=False),
        "p50_ms_at_1": Target(one["p50_ms"], 2.5, at_most=True),
        "p99_over_p50_at_1": Target(one["p99_ms"] / one["p50_ms"], 5.0, at_most=True),
        "start_seconds": Target(service.ready_seconds, 2.0, at_most=True),
        "idle_memory_mb": Target(idle_mb, 120.0, at_most=True),
        "errors": Target(errors, 0, at_most=True),
        "records_missing": Target(kept["invocations"] - kept["records"], 0, at_most=True),
    }
    results = {
        "requests": {f"{name}_at_{n}": sample.summary() for (name, n), sample in samples.items()},
        "start_seconds": round(service.ready_seconds, 3),
        "idle_memory_mb": round(idle_mb, 1),
        "kept": kept,
    }
    setup = {"kind": KIND, "sandbox": options.sandbox, "rounds": options.rounds, "seconds": options.seconds}
    return document("invoke", results, ratios, targets, setup=setup)


if __name__ == "__main__":
    main()

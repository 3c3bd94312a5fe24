"""What the stores cost: `python provider/benches/storage.py [--records N]` prints one JSON object.

`cpu_us` is the process's CPU time (all threads) per operation; `fsync_ms` is this disk's floor for one durable commit.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from argo_provider.model.activation import Activation, JournalEntry, Response, Status
from argo_provider.model.entities import Action, Exec
from argo_provider.model.names import FullName, new_activation_id
from argo_provider.storage.port import ActivationQuery, Page, Stores
from argo_provider.storage.sql import open_stores


def record(number: int) -> Activation:
    """As a blocking invocation of an echo leaves it: about 700 bytes."""
    return Activation(
        "guest",
        "echo",
        "0.0.1",
        "guest",
        new_activation_id(),
        1_700_000_000_000 + number,
        1_700_000_000_012 + number,
        Response(Status.SUCCESS, {"payload": "hello", "number": number}, 34),
        12,
        logs=("2026-11-23T10:05:19.123456789Z  stdout: hello",),
        annotations={
            "path": "guest/echo",
            "kind": "nodejs:20",
            "limits": {"concurrency": 1, "logs": 10, "memory": 256, "timeout": 60000},
            "timeout": False,
            "waitTime": 1,
            "argo.sandbox": "process",
            "argo.tier": "ordinary",
            "argo.phases": {"queue": 0.1, "start": 0, "init": 0, "run": 1.2, "reply": 0.1},
        },
    )


@dataclass(frozen=True, slots=True)
class Cost:
    per_second: float
    cpu_us: float
    p50_ms: float | None = None
    p99_ms: float | None = None

    def as_json(self) -> dict[str, float]:
        fields = {name: getattr(self, name) for name in self.__slots__}
        return {name: round(value, 3) for name, value in fields.items() if value is not None}


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def measure(count: int, work: Callable[[], Awaitable[list[float]]]) -> Cost:
    """`work` does `count` operations and returns their latencies in seconds, if it has any."""
    cpu, began = _cpu(), time.perf_counter()
    latencies = await work()
    took, cpu = time.perf_counter() - began, _cpu() - cpu
    if len(latencies) < 2:
        return Cost(count / took, cpu / count * 1e6)
    cuts = statistics.quantiles(latencies, n=100)
    return Cost(count / took, cpu / count * 1e6, cuts[49] * 1e3, cuts[98] * 1e3)


async def enqueue_burst(stores: Stores, records: list[Activation]) -> list[float]:
    """As fast as the writer takes them."""
    for number, activation in enumerate(records):
        stores.activations.enqueue(activation)
        if number % 50 == 49:
            await asyncio.sleep(0)
        if number % 5000 == 4999:
            await stores.activations.flush()
    await stores.activations.flush()
    return []


async def enqueue_paced(stores: Stores, records: list[Activation], per_second: int) -> list[float]:
    """As a service under even load does: every millisecond what has become due."""
    began, done = time.perf_counter(), 0
    while done < len(records):
        due = min(len(records), int((time.perf_counter() - began) * per_second) + 1)
        for activation in records[done:due]:
            stores.activations.enqueue(activation)
        done = due
        await asyncio.sleep(0.001)
    await stores.activations.flush()
    return []


async def in_parallel(clients: int, jobs: list[Callable[[], Awaitable[object]]]) -> list[float]:
    latencies: list[float] = []
    todo = iter(jobs)

    async def client() -> None:
        for job in todo:
            began = time.perf_counter()
            await job()
            latencies.append(time.perf_counter() - began)

    async with asyncio.TaskGroup() as group:
        for _ in range(clients):
            group.create_task(client())
    return latencies


async def accepted(stores: Stores, records: list[Activation], clients: int) -> list[float]:
    """The life of a non-blocking invocation: accept, claim, record; the latency is that of the accept."""
    latencies: list[float] = []

    async def life(activation: Activation) -> None:
        entry = JournalEntry(activation.activation_id, activation.namespace, activation.start, b"x" * 500)
        began = time.perf_counter()
        await stores.activations.accept([entry])
        latencies.append(time.perf_counter() - began)
        await stores.activations.claim(entry.activation_id)
        await stores.activations.record(activation)

    await in_parallel(clients, [lambda a=a: life(a) for a in records])
    return latencies


async def hot_get(stores: Stores, count: int) -> list[float]:
    name = FullName("guest", "hot", "package")
    await stores.entities.commit([Action(name, Exec("nodejs:20"))])
    for _ in range(count):
        await stores.entities.get(name)
    return []


def fsync_ms(folder: Path) -> float:
    times = []
    with (folder / "probe").open("wb") as file:
        for _ in range(50):
            file.write(b"x" * 4096)
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - began)
    return statistics.median(times) * 1e3


@asynccontextmanager
async def opened(url: str | None) -> AsyncIterator[tuple[Path, Stores]]:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        target = url.format(folder=folder) if url else root / "argo.db"
        async with open_stores(target, root / "blobs") as stores:
            yield root, stores


async def reopening_ms(url: str | None) -> float:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        target = url.format(folder=folder) if url else root / "argo.db"
        for _ in range(2):
            began = time.perf_counter()
            async with open_stores(target, root / "blobs"):
                took = time.perf_counter() - began
        return took * 1e3


async def run(count: int, url: str | None) -> dict[str, object]:
    records = [record(n) for n in range(count)]
    fewer = [record(n) for n in range(min(count, 5000))]
    results: dict[str, object] = {"reopen_ms": round(await reopening_ms(url), 1)}
    async with opened(url) as (folder, stores):
        results["fsync_ms"] = round(fsync_ms(folder), 3)
        cost = await measure(count, lambda: enqueue_burst(stores, records))
        results["enqueue_burst"] = cost.as_json()
        query = ActivationQuery("guest", "echo")
        for docs in (False, True):
            pages = [lambda d=docs: stores.activations.list(query, Page(0, 200), docs=d)] * 50
            cost = await measure(50, lambda pages=pages: in_parallel(1, pages))
            results["list_200_docs" if docs else "list_200"] = cost.as_json()
        ids = [lambda a=a: stores.activations.get("guest", a.activation_id) for a in records[:1000]]
        results["get"] = (await measure(len(ids), lambda: in_parallel(1, ids))).as_json()
        results["entity_get_cached"] = (await measure(100_000, lambda: hot_get(stores, 100_000))).as_json()
    for rate in (500, 1500, 5000):
        async with opened(url) as (_, stores):
            cost = await measure(len(fewer), lambda s=stores, r=rate: enqueue_paced(s, fewer, r))
            results[f"enqueue_at_{rate}"] = cost.as_json()
    for clients in (1, 16, 64):
        async with opened(url) as (_, stores):
            some = [record(n) for n in range(50 * clients if clients < 16 else 3000)]
            cost = await measure(len(some), lambda s=stores, c=clients, r=some: accepted(s, r, c))
            results[f"accept_claim_record_{clients}"] = cost.as_json()
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--url", help="another database; {folder} stands for a fresh folder")
    given = parser.parse_args()
    print(json.dumps({"results": asyncio.run(run(given.records, given.url))}, indent=2))


if __name__ == "__main__":
    main()

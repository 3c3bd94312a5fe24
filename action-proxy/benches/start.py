"""What a process sandbox adds to the start of a runtime: create to a listening launcher, bare and confined.

The best of the rounds counts, so that a busy machine is not taken for a slow sandbox; the medians stand beside it.
Prints a table, or with --json one object: results, ratios, targets, met. Kinds that are not provisioned are left out.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

import uvloop

from argo_proxy.protocol.channel import RuntimeChannel, UnixAddress
from argo_proxy.runtimes import Runtime, default_tools_directory, load_catalogue, probe_runtime
from argo_proxy.sandboxes.port import Provision, SandboxSpec
from argo_proxy.sandboxes.process.driver import ProcessDriver, ProcessSettings

KINDS = ("nodejs:20", "python:3.11", "ruby:3.1", "php:8.2", "java:17")
TARGET_MS = 60.0
NOT_JSON = b"?"  # refused by every launcher, at once: an answer is the sign that it is up


async def bare(runtime: Runtime, folder: Path) -> float:
    """Milliseconds until the launcher answers as an ordinary process of this machine."""
    path = folder / f"bare-{time.monotonic_ns()}"
    inside = runtime.filled(runtime=runtime.directory, tool=runtime.tool_directory(default_tools_directory()))
    own = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": "/tmp"}  # as in the sandbox  # noqa: S108
    environment = {**own, **inside.environment, "ARGO_LISTEN": f"unix:{path}", "ARGO_MEMORY_MB": "256"}
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *inside.command, env=environment, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    channel = RuntimeChannel(UnixAddress(path))
    await channel.post("/init", NOT_JSON, timeout=30, limit=1000)
    took = time.perf_counter() - began
    channel.close()
    process.kill()
    await process.wait()
    return took * 1000


async def confined(runtime: Runtime, driver: ProcessDriver) -> float:
    """The same in a sandbox."""
    began = time.perf_counter()
    sandbox = await driver.create(SandboxSpec(runtime, 256, cpus=float(os.cpu_count() or 1)))  # bare has them all too
    await sandbox.init(NOT_JSON, timeout=30, limit=1000)
    took = time.perf_counter() - began
    await sandbox.destroy()
    return took * 1000


async def bench(rounds: int) -> dict[str, object]:
    catalogue = load_catalogue()
    results: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(prefix="argo-start-") as name:
        folder = Path(name)
        driver = ProcessDriver(ProcessSettings(f"bench{os.getpid()}", folder / "run"))
        report = await driver.probe()
        if not report.available:
            raise SystemExit(f"no process sandboxes here: {report.reason}; {report.fix}")
        for kind in KINDS:
            runtime = catalogue.get(kind)
            if runtime is None or not (await probe_runtime(runtime, default_tools_directory())).available:
                continue
            await driver.provision(runtime, quiet)
            times: dict[str, list[float]] = {"bare": [], "confined": []}
            for _ in range(rounds):
                times["bare"].append(await bare(runtime, folder))
                times["confined"].append(await confined(runtime, driver))
            results[kind] = {f"{which}_ms": min(each) for which, each in times.items()}
            results[kind] |= {f"{which}_p50_ms": statistics.median(each) for which, each in times.items()}
            results[kind]["added_ms"] = results[kind]["confined_ms"] - results[kind]["bare_ms"]
        await driver.close()
    ratios = {kind: each["confined_ms"] / each["bare_ms"] for kind, each in results.items()}
    targets = {f"added_ms {kind}": TARGET_MS for kind in results}
    met = {f"added_ms {kind}": each["added_ms"] <= TARGET_MS for kind, each in results.items()}
    return {"results": results, "ratios": ratios, "targets": targets, "met": met}


async def quiet(_: Provision) -> None:
    """No progress: the table is the output."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    found = uvloop.run(bench(arguments.rounds))
    if arguments.json:
        print(json.dumps(found))
        return
    for kind, figures in found["results"].items():  # type: ignore[attr-defined]
        print(f"{kind:>12}: " + ", ".join(f"{name} {value:.1f}" for name, value in figures.items()))


if __name__ == "__main__":
    main()

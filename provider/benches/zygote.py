"""`./dev bench zygote`: a Python slot forked from a warmed interpreter against a process of its own, start and memory.

The same confinement, launcher and function, which imports what many do; memory is proportional (what is shared is
divided among those who share it), of all processes of a slot, with as many slots alive.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent))

from argo_dev import charts
from niuk import rivals
from niuk.frame import Options, Outcome, run_bench, spread
from niuk.parts import Missing

from argo_proxy.runtimes import Runtime, load_catalogue
from argo_proxy.sandboxes.port import Provision, Sandbox, SandboxDriver, SandboxSpec
from argo_proxy.sandboxes.process.driver import ProcessDriver, ProcessSettings
from argo_proxy.sandboxes.process.proc import tree_stats
from argo_proxy.sandboxes.process.sandbox import ProcessSandbox
from argo_proxy.sandboxes.zygote.driver import ZygoteDriver
from argo_proxy.sandboxes.zygote.sandbox import ZygoteSandbox

KIND = "python:3.11"
MODULES = "asyncio, decimal, email.message, http.client, sqlite3, ssl, urllib.request, xml.etree.ElementTree"
SOURCE = f"import {MODULES}\ndef main(args):\n    return {{'greeting': 'Hello, ' + args.get('name', '')}}\n"
PARAMS = {"name": "argo"}
NAMESPACE = "guest"


async def measure(options: Options) -> Outcome:
    runtime = load_catalogue().get(KIND)
    if runtime is None:
        raise Missing(f"the catalogue knows no {KIND}; fix: reinstall")
    slots, rounds = options.rounds(10, 3), options.rounds(20)
    outcome = Outcome(setup={"function": f"imports {MODULES}; hello with JSON in and out", "slots": slots})
    starts: dict[str, list[float]] = {}
    memory: dict[str, float] = {}
    async with driver_of(ZygoteDriver, runtime) as zygotes, driver_of(ProcessDriver, runtime) as processes:
        starts["zygote_first"] = [await timed(zygotes, runtime) for _ in range(rounds)]
        starts["process"] = [await timed(processes, runtime) for _ in range(rounds)]
        kept = await started(zygotes, runtime)
        starts["zygote_fork"] = [await timed(zygotes, runtime) for _ in range(rounds)]
        await kept.destroy()
        memory["zygote"] = await added(zygotes, runtime, slots)
        memory["process"] = await added(processes, runtime, slots)
    outcome.results = {name: spread(each) for name, each in starts.items()}
    outcome.results |= {f"slot_{name}": {"pss_mb": round(each, 2)} for name, each in memory.items()}
    middle = {name: median(each) for name, each in starts.items()}
    outcome.ratios["start_faster_fork"] = middle["process"] / middle["zygote_fork"]
    outcome.ratios["start_faster_first"] = middle["process"] / middle["zygote_first"]
    outcome.ratios["slot_smaller"] = memory["process"] / memory["zygote"]
    bars = {f"start {name}, ms": value * 1000 for name, value in middle.items()}
    bars |= {f"memory of a {name} slot, MB": each for name, each in memory.items()}
    outcome.charts["zygote"] = charts.bars("Python slots: forked, and as processes", bars, "")
    return outcome


@asynccontextmanager
async def driver_of(make: type[ZygoteDriver] | type[ProcessDriver], runtime: Runtime) -> AsyncIterator[SandboxDriver]:
    with tempfile.TemporaryDirectory(prefix="niuk-bench-", ignore_cleanup_errors=True) as name:
        driver = make(ProcessSettings(f"bench{secrets.token_hex(4)}", Path(name) / "run"))
        report = await driver.probe()
        if not report.available:
            raise Missing(f"no confined processes here: {report.reason}; fix: {report.fix}")

        async def ignore(_: Provision) -> None:
            return None

        try:
            done = await driver.provision(runtime, ignore)
            if not done.ready:
                raise Missing(f"{KIND}: {done.error}; fix: action-proxy/runtimes/provision {KIND}")
            yield driver
        finally:
            await driver.close()


async def started(driver: SandboxDriver, runtime: Runtime) -> Sandbox:
    """A slot of the function that has answered."""
    code = rivals.Code("main", SOURCE, binary=False, env={"__OW_NAMESPACE": NAMESPACE})
    return await rivals.initialised(await driver.create(SandboxSpec(runtime, rivals.MEMORY_MB)), code, PARAMS)


async def timed(driver: SandboxDriver, runtime: Runtime) -> float:
    began = time.perf_counter()
    sandbox = await started(driver, runtime)
    taken = time.perf_counter() - began
    await sandbox.destroy()
    return taken


async def added(driver: SandboxDriver, runtime: Runtime, slots: int) -> float:
    """Megabytes of each of `slots`; a zygote's own are divided among its children."""
    alive: list[Sandbox] = []
    try:
        for _ in range(slots):  # one that fails must not hide those before it
            alive.append(await started(driver, runtime))  # noqa: PERF401
        roots = {root_of(sandbox) for sandbox in alive}
        total = sum([(await asyncio.to_thread(tree_stats, root)).memory_bytes for root in roots])
        return total / slots / rivals.MIB
    finally:
        await asyncio.gather(*(sandbox.destroy() for sandbox in alive))


def root_of(sandbox: Sandbox) -> int:
    """The outermost process; children of one zygote have one."""
    if isinstance(sandbox, ZygoteSandbox) and sandbox.zygote_pid is not None:
        return sandbox.zygote_pid
    if isinstance(sandbox, ProcessSandbox):
        return sandbox.pid
    raise TypeError("neither a process nor a zygote's child")


if __name__ == "__main__":
    run_bench("zygote", str(__doc__), measure)

"""`./dev bench footprint`: memory of one warm Java function, and of each more: NIUk against HotSpot.

Proportional set size (what is shared is divided among those who share it) of the VMM or of all the sandbox's processes.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from argo_dev import charts
from niuk import niuks, parts, rivals
from niuk.frame import Options, Outcome, run_bench

from argo_proxy.sandboxes.niuk.frames import IsolatePolicy
from argo_proxy.sandboxes.niuk.process import NiukProcess
from argo_proxy.sandboxes.port import Sandbox

HELLO = {"f": "hello", "name": "argo"}
CHURN = {"f": "bfs", "repeat": 300}  # leaves garbage behind: heaps grow before they are collected
WARM_CALLS = 50
CLONES = 4
REST_SECONDS = 4.0  # an isolate collects its garbage within two seconds of rest


async def measure(options: Options) -> Outcome:
    program, kernel, java = await parts.host(), await parts.guest_kernel(), await parts.java()
    engine = await (parts.engine_if_built() if options.quick else parts.engine())
    how, why = await niuks.accelerator(program)
    rounds, slots = options.rounds(5, 1), options.rounds(100, 8)
    outcome = Outcome(setup={"accelerator": how.value, **({"why_not_kvm": why} if why else {})})
    outcome.setup |= {"warm_calls": WARM_CALLS, "added_isolates": slots, "clones": CLONES}
    outcome.setup["left_out"] = "a container's share of Docker Engine: its shim, about 10 MB each, is not counted"
    code = rivals.Code.of_jar(java.jar, parts.MAIN)
    guest = await rivals.hotspot_guest()
    async with niuks.machines(kernel, program, java.library, how) as machines:
        baked = niuks.Subject(machines.library)
        vms: dict[str, Callable[[], Awaitable[float]]] = {
            "niuk_vm_cold": lambda: niuk_alone(machines.cold_baked, baked),
            "niuk_vm_cold_streamed": lambda: niuk_alone(machines.cold_streamed, niuks.Subject(java.library)),
            "niuk_vm_restored": lambda: niuk_alone(machines.restored_baked, baked),
            "hotspot_vm": lambda: hotspot_vm(kernel, guest, how, code),
        }
        outcome.results |= {name: {"pss_mb": await middle(each, rounds)} for name, each in vms.items()}
        outcome.results["niuk_vm_added_clone"] = {"pss_mb": await clones(machines.restored_baked, baked)}
    async with (
        niuks.confined(program, java.library, *([engine] if engine else [])) as confined,
        rivals.container_or_process(rivals.JAVA, rivals.NODE) as (rival, no_container),
    ):
        if no_container:
            outcome.unavailable["containers"] = no_container
        subject = niuks.Subject(java.library)
        outcome.results["niuk_process"] = {"pss_mb": await middle(lambda: niuk_alone(confined, subject), rounds)}
        warm, churned, rested = await added_isolates(confined, java.library, b"", slots)
        outcome.results["isolate_java"] = {"pss_mb": warm, "after_garbage_mb": churned, "at_rest_mb": rested}
        alone, added, full = await ordinary(rival, rivals.JAVA, code)
        outcome.results[f"hotspot_{rival.kind}"] = {"pss_mb": alone}
        outcome.results[f"hotspot_added_{rival.kind}"] = {"pss_mb": added, "after_garbage_mb": full}
        if engine:
            script = rivals.Code("main", parts.SCRIPT.decode(), binary=False)
            warm, churned, rested = await added_isolates(confined, engine, parts.SCRIPT, max(4, slots // 4))
            outcome.results["isolate_javascript"] = {
                "pss_mb": warm,
                "after_garbage_mb": churned,
                "at_rest_mb": rested,
            }
            _, added, full = await ordinary(rival, rivals.NODE, script)
            outcome.results[f"node_added_{rival.kind}"] = {"pss_mb": added, "after_garbage_mb": full}
        else:
            outcome.unavailable["isolate_javascript"] = "no engine in the cache, and --quick builds none"
    compare(outcome, rival.kind)
    return outcome


def compare(outcome: Outcome, kind: str) -> None:
    mb: dict[str, float] = {name: found["pss_mb"] for name, found in outcome.results.items()}
    outcome.at_least("vm_smaller", mb["hotspot_vm"] / mb["niuk_vm_cold"], 3)
    outcome.at_least("added_slot_smaller", mb[f"hotspot_added_{kind}"] / mb["isolate_java"], 25)
    garbage = {name: found.get("after_garbage_mb", 0.0) for name, found in outcome.results.items()}
    outcome.ratios["added_slot_smaller_after_garbage"] = garbage[f"hotspot_added_{kind}"] / garbage["isolate_java"]
    rest = outcome.results["isolate_java"]["at_rest_mb"]
    outcome.ratios["added_slot_smaller_at_rest"] = garbage[f"hotspot_added_{kind}"] / rest
    outcome.ratios["vm_restored_smaller"] = mb["hotspot_vm"] / mb["niuk_vm_restored"]
    outcome.ratios["process_smaller"] = mb[f"hotspot_{kind}"] / mb["niuk_process"]
    if "isolate_javascript" in mb:
        outcome.ratios["added_javascript_slot_smaller"] = mb[f"node_added_{kind}"] / mb["isolate_javascript"]
    outcome.charts["footprint"] = charts.bars("Memory of one warm function, and of each added one (PSS)", mb, "MB")


async def middle(sample: Callable[[], Awaitable[float]], rounds: int) -> float:
    return round(median([await sample() for _ in range(rounds)]), 2)


async def niuk_alone(launcher: niuks.Launcher, subject: niuks.Subject) -> float:
    process = await niuks.first_answer(launcher, subject, HELLO)
    try:
        for _ in range(WARM_CALLS):
            await niuks.invoke(process, HELLO)
        return await asyncio.to_thread(rivals.pss_mb, process.pid)
    finally:
        await process.stop()


async def clones(launcher: niuks.Launcher, subject: niuks.Subject) -> float:
    """What each clone adds while others of its snapshot live."""
    alive: list[NiukProcess] = []
    try:
        for _ in range(CLONES):  # one that fails must not hide those before it
            alive.append(await niuks.first_answer(launcher, subject, HELLO))  # noqa: PERF401
        return added_each([await asyncio.to_thread(rivals.pss_mb, process.pid) for process in alive])
    finally:
        await asyncio.gather(*(process.stop() for process in alive))


def added_each(shares: Sequence[float]) -> float:
    """The mean of proportional shares while all live: what one of many costs."""
    return round(sum(shares) / len(shares), 2)


async def hotspot_vm(kernel: Path, guest: Path, how: niuks.Accelerator, code: rivals.Code) -> float:
    machine = await rivals.hotspot_machine(kernel, guest, how, code, HELLO)
    try:
        for _ in range(WARM_CALLS):
            await machine.post("/run", rivals.run_body(HELLO), seconds=rivals.SECONDS)
        return await asyncio.to_thread(rivals.pss_mb, machine.pid)
    finally:
        await machine.destroy()


async def added_isolates(
    launcher: niuks.Launcher, library: niuks.Library, code: bytes, number: int
) -> tuple[float, float, float]:
    """Megabytes of each isolate beyond the first when warm; of each of a few after garbage; of those at rest."""
    warm, _ = await grown(launcher, library, code, number, HELLO)
    return warm, *await grown(launcher, library, code, min(number, CLONES), CHURN)


async def grown(
    launcher: niuks.Launcher, library: niuks.Library, code: bytes, number: int, params: dict[str, Any]
) -> tuple[float, float]:
    policy = IsolatePolicy(spares=number, most=number + 1)
    process = await niuks.first_answer(launcher, niuks.Subject(library, code), HELLO)
    try:
        before = await asyncio.to_thread(rivals.pss_mb, process.pid)
        await process.define(niuks.Subject(library, code, "many", policy).native())
        await niuks.until_idle(process, "many", number)
        await run_all(process, params, number)
        after = await asyncio.to_thread(rivals.pss_mb, process.pid)
        isolates = await niuks.isolates(process, "many")
        await asyncio.sleep(REST_SECONDS)
        rested = await asyncio.to_thread(rivals.pss_mb, process.pid)
        return round((after - before) / isolates, 3), round((rested - before) / isolates, 3)
    finally:
        await process.stop()


async def run_all(process: NiukProcess, params: dict[str, Any], number: int) -> None:
    """As many calls an isolate, on the average, as a container gets; as many at once as there are isolates."""
    for _ in range(WARM_CALLS if params is HELLO else 1):
        await asyncio.gather(*(niuks.invoke(process, params, "many") for _ in range(number)))


async def ordinary(rival: rivals.Rival, kind: str, code: rivals.Code) -> tuple[float, float, float]:
    """Megabytes of one sandbox alone; of each while there are several; and of each after garbage."""
    alive: list[Sandbox] = []
    alone = 0.0
    try:
        for _ in range(CLONES):
            sandbox = await rival.first_answer(kind, code, HELLO)
            alive.append(sandbox)
            for _ in range(WARM_CALLS):
                await rivals.call(sandbox, rivals.run_body(HELLO))
            alone = alone or await asyncio.to_thread(rivals.pss_mb, rivals.process_id(sandbox))
        warm = await shares(alive)
        for sandbox in alive:
            await rivals.call(sandbox, rivals.run_body(CHURN))
        return round(alone, 2), warm, await shares(alive)
    finally:
        await asyncio.gather(*(sandbox.destroy() for sandbox in alive))


async def shares(alive: Sequence[Sandbox]) -> float:
    """The mean of proportional shares while all live: what one of many costs."""
    return added_each([await asyncio.to_thread(rivals.pss_mb, rivals.process_id(sandbox)) for sandbox in alive])


if __name__ == "__main__":
    run_bench("footprint", str(__doc__), measure)

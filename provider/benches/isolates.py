"""`./dev bench isolates`: creation, first call, tear-down and memory of 1 to 1,000 isolates of a Java function."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from argo_dev import charts
from argo_dev.processes import tree
from niuk import niuks, parts
from niuk.frame import Options, Outcome, percentile, run_bench

from argo_proxy.sandboxes.niuk import frames
from argo_proxy.sandboxes.niuk.frames import Flag, IsolatePolicy
from argo_proxy.sandboxes.niuk.process import NiukProcess

HELLO = b'{"f":"hello","name":"argo"}'
COUNTS = (1, 10, 100, 1000)
COLD = IsolatePolicy(spares=0, most=1, max_uses=1)  # each invocation waits for an isolate of its own
SPARED = IsolatePolicy(spares=4, most=8, max_uses=1)  # each finds a fresh one ready


async def measure(options: Options) -> Outcome:
    program, java = await parts.host(), await parts.java()
    calls = options.rounds(300, 10)
    outcome = Outcome(
        setup={"calls": calls, "function": "Java, hello; create is the image's heap, init the host's JSON"}
    )
    async with niuks.confined(program, java.library, threads=8192) as launcher:
        process = await niuks.first_answer(launcher, niuks.Subject(java.library), {"f": "hello"})
        try:
            cold = await one_use_each(process, java.library, "cold", COLD, calls)
            spared = await one_use_each(process, java.library, "spared", SPARED, calls)
        finally:
            await process.stop()
        for count in COUNTS[:2] if options.quick else COUNTS:
            outcome.results[f"isolates_{count}"] = await at_once(launcher, java.library, count)
    outcome.results["spares_off"], outcome.results["spares_on"] = cold, spared
    outcome.at_most("create_ms_spares_off", cold["made_ms_median"], 1.0)
    outcome.at_most("made_on_hot_path_spares_on", spared["made_on_hot_path"], 0)
    outcome.ratios["wait_spares_off_over_on"] = cold["round_trip_ms_median"] / spared["round_trip_ms_median"]
    outcome.charts["isolates"] = chart(outcome.results)
    return outcome


def chart(results: dict[str, Any]) -> str:
    counted = {int(name[9:]): found for name, found in results.items() if name.startswith("isolates_")}
    series = {
        what: [(count, found[key]) for count, found in counted.items()]
        for what, key in (
            ("create (machine's time)", "made_ms_each"),
            ("first call", "first_call_ms_median"),
            ("tear down", "tear_down_ms_each"),
        )
    }
    return charts.curves("Isolates of a Java function", series, across="isolates in the process", up="milliseconds")


async def one_use_each(
    process: NiukProcess, library: niuks.Library, name: str, policy: IsolatePolicy, calls: int
) -> dict[str, Any]:
    """Invocations one after another, each in a fresh isolate."""
    await process.define(niuks.Subject(library, name=name, policy=policy).native())
    made, trips, cold = [], [], 0
    for _ in range(calls):
        if policy.spares:
            await niuks.until_idle(process, name, 1)
        began = time.perf_counter()
        done = await process.invoke(frames.Run(name, HELLO, niuks.LIMIT_MS, niuks.LIMIT_MS))
        trips.append(time.perf_counter() - began)
        made.append(done.result.timing.init_ns / 1e6)
        cold += Flag.COLD in done.result.timing.flags
    await process.drop(name)
    return {
        "made_ms_median": round(median(made), 4),
        "made_ms_p99": round(percentile(sorted(made), 0.99), 4),
        "round_trip_ms_median": round(median(trips) * 1000, 4),
        "made_on_hot_path": cold,
        "calls": calls,
    }


async def at_once(launcher: niuks.Launcher, library: niuks.Library, count: int) -> dict[str, Any]:
    """`count` isolates of one function side by side."""
    process = await niuks.first_answer(launcher, niuks.Subject(library), {"f": "hello"})
    try:
        before = await private_bytes(process)
        policy = IsolatePolicy(spares=count, most=count + 1, max_uses=1)
        began = time.perf_counter()
        await process.define(niuks.Subject(library, name="many", policy=policy).native())
        await niuks.until_idle(process, "many", count)
        took = time.perf_counter() - began
        made = (await niuks.function_figures(process, "many"))["isolates"]
        each = (await private_bytes(process) - before) / len(made)
        first = [await first_call(process) for _ in range(min(count, 50))]
        torn = await tear_down(process)
    finally:
        await process.stop()
    return {
        "create_ms_median": round(median(one["create_ns"] for one in made) / 1e6, 4),
        "made_ms_each": round(took * 1000 / len(made), 4),  # the machine's time, several being made at once
        "init_ms_median": round(median(one["init_ns"] for one in made) / 1e6, 4),
        "first_call_ms_median": round(median(first), 4),
        "tear_down_ms_each": round(torn * 1000 / count, 4),
        "private_kib_each": round(each / 1024, 1) if count > 1 else None,  # one is lost in the noise
        "isolates": len(made),
    }


async def first_call(process: NiukProcess) -> float:
    """Milliseconds in the function, in an isolate that has not run before."""
    done = await process.invoke(frames.Run("many", HELLO, niuks.LIMIT_MS, niuks.LIMIT_MS))
    return done.result.timing.run_ns / 1e6


async def private_bytes(process: NiukProcess) -> int:
    return int(json.loads(await process.stats())["private"])


async def tear_down(process: NiukProcess) -> float:
    """Seconds until all isolates of the function are gone, which the machine's threads tell."""
    await niuks.until_idle(process, "many", 1)
    before = await asyncio.to_thread(threads_below, process.pid)
    isolates = await niuks.isolates(process, "many")
    began = time.perf_counter()
    await process.drop("many")
    async with asyncio.timeout(niuks.START_SECONDS):
        while await asyncio.to_thread(threads_below, process.pid) > before - isolates:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.001)
    return time.perf_counter() - began


def threads_below(pid: int) -> int:
    return sum(len(list(Path(f"/proc/{member}/task").iterdir())) for member in tree(pid))


if __name__ == "__main__":
    run_bench("isolates", str(__doc__), measure)

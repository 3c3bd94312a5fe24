"""`./dev bench throughput`: six functions on one warm slot each: native Java against HotSpot, isolate against Node.js.

One invocation at a time through the product's own clients, and the functions alone (many rounds in one invocation).
"""

from __future__ import annotations

import asyncio
import itertools
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import geometric_mean, median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from argo_dev import charts
from niuk import niuks, parts, rivals
from niuk.frame import Options, Outcome, run_bench

RECORDS = [{"group": f"g{n % 7}", "value": n * 1.5} for n in range(50)]
FUNCTIONS: dict[str, dict[str, Any]] = {
    "hello": {"f": "hello", "name": "argo"},
    "json": {"f": "json", "records": RECORDS},
    "hash": {"f": "hash"},
    "bfs": {"f": "bfs"},
    "template": {"f": "template"},
    "compress": {"f": "compress"},
}
ALONE_SECONDS = 0.3  # of one measurement of a function alone
GIB = 1024
SLOTS = 8
REST_SECONDS = 4.0  # an isolate collects its garbage within two seconds of rest


@dataclass(slots=True)
class Slot:
    """Something that runs the functions, and its rates by function."""

    call: Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]
    pid: int
    rates: dict[str, list[float]] = field(default_factory=dict)
    alone_us: dict[str, list[float]] = field(default_factory=dict)
    pss_mb: float = 0.0

    def summary(self, name: str) -> dict[str, Any]:
        rate = median(self.rates[name])
        return {
            "requests_per_second": round(rate, 1),
            "alone_us": round(median(self.alone_us[name]), 3),
            "pss_mb": round(self.pss_mb, 1),
            "ops_per_gb_s": round(rate / self.pss_mb * GIB, 1),
        }


async def measure(options: Options) -> Outcome:
    program, java = await parts.host(), await parts.java()
    engine = await (parts.engine_if_built() if options.quick else parts.engine())
    code = rivals.Code.of_jar(java.jar, parts.MAIN)
    script = rivals.Code("main", parts.SCRIPT.decode(), binary=False)
    outcome = Outcome()
    async with (
        niuks.confined(program, java.library, *([engine] if engine else [])) as confined,
        rivals.container_or_process(rivals.JAVA, rivals.NODE) as (rival, no_container),
    ):
        if no_container:
            outcome.unavailable["containers"] = no_container
        native = await niuks.first_answer(confined, niuks.Subject(java.library), FUNCTIONS["hello"])
        c1 = await rival.first_answer(rivals.JAVA, code, FUNCTIONS["hello"])
        full = {"ARGO_JAVA_OPTIONS": "-XX:TieredStopAtLevel=4"}
        c2 = await rival.first_answer(rivals.JAVA, code, FUNCTIONS["hello"], **full)
        node = await rival.first_answer(rivals.NODE, script, FUNCTIONS["hello"])
        slots = {"native": niuk_slot(native), "hotspot": ordinary_slot(c1), "hotspot_c2": ordinary_slot(c2)}
        others = {"node": ordinary_slot(node)}
        scripted = None
        if engine:
            subject = niuks.Subject(engine, parts.SCRIPT)
            scripted = await niuks.first_answer(confined, subject, FUNCTIONS["hello"])
            others["isolate_javascript"] = niuk_slot(scripted)
        else:
            outcome.unavailable["isolate_javascript"] = "no engine in the cache, and --quick builds none"
        try:
            await drive(list((slots | others).values()), options)
            together = await several(native, java.library, rival, code, options)
        finally:
            await asyncio.gather(*(sandbox.destroy() for sandbox in (c1, c2, node)))
            await asyncio.gather(*(process.stop() for process in (native, scripted) if process is not None))
    report(outcome, slots | others, rival.kind)
    report_several(outcome, together, options.rounds(SLOTS))
    return outcome


async def several(
    process: niuks.NiukProcess, library: niuks.Library, rival: rivals.Rival, code: rivals.Code, options: Options
) -> dict[str, Slot]:
    """As many slots of each kind, all warm, one invocation at a time that goes round: memory is that of them all."""
    number, seconds = options.rounds(SLOTS), 0.05 if options.quick else 1.0
    names = [f"slot{i}" for i in range(number)]
    for name in names:
        await process.define(niuks.Subject(library, name=name).native())
    turn, other = itertools.cycle(names), []
    try:
        for _ in range(number):  # one that fails must not hide those before it
            other.append(await rival.first_answer(rivals.JAVA, code, FUNCTIONS["hello"]))  # noqa: PERF401
        others = itertools.cycle(other)
        slots = {
            "native": Slot(lambda params: niuks.invoke(process, dict(params), next(turn)), process.pid),
            "hotspot": Slot(lambda params: rivals.call(next(others), rivals.run_body(params)), 0),
        }
        for name, params in FUNCTIONS.items():
            for slot in slots.values():
                await rate(slot, params, seconds)
            for slot in slots.values():
                slot.rates[name] = [await rate(slot, params, seconds)]
        await asyncio.sleep(REST_SECONDS)
        slots["native"].pss_mb = await asyncio.to_thread(rivals.pss_mb, process.pid)
        for sandbox in other:
            slots["hotspot"].pss_mb += await asyncio.to_thread(rivals.pss_mb, rivals.process_id(sandbox))
        return slots
    finally:
        await asyncio.gather(*(sandbox.destroy() for sandbox in other))


def report_several(outcome: Outcome, slots: Mapping[str, Slot], number: int) -> None:
    outcome.setup["several"] = f"{number} slots more of each, one invocation at a time that goes round; memory at rest"
    for which, slot in slots.items():
        outcome.results[f"several_{which}"] = {"pss_mb": round(slot.pss_mb, 1)}
    outcome.ratios["native_ops_per_gb_s_over_hotspot_several"] = over(slots, "native", "hotspot", density)


def niuk_slot(process: niuks.NiukProcess) -> Slot:
    return Slot(lambda params: niuks.invoke(process, dict(params)), process.pid)


def ordinary_slot(sandbox: rivals.Sandbox) -> Slot:
    return Slot(lambda params: rivals.call(sandbox, rivals.run_body(params)), rivals.process_id(sandbox))


async def drive(slots: Sequence[Slot], options: Options) -> None:
    """All slots take turns within a round."""
    warm, seconds, rounds = (0.05, 0.05, 1) if options.quick else (2.0, 1.0, 3)
    for name, params in FUNCTIONS.items():
        for slot in slots:
            await rate(slot, params, warm)
            await alone(slot, params, warm)
        for _ in range(rounds):
            for slot in slots:
                slot.rates.setdefault(name, []).append(await rate(slot, params, seconds))
                slot.alone_us.setdefault(name, []).append(await alone(slot, params, seconds * ALONE_SECONDS))
    for slot in slots:
        slot.pss_mb = await asyncio.to_thread(rivals.pss_mb, slot.pid)


async def rate(slot: Slot, params: Mapping[str, Any], seconds: float) -> float:
    """Requests a second, one at a time."""
    done = 0
    began = time.perf_counter()
    while (elapsed := time.perf_counter() - began) < seconds:
        await slot.call(params)
        done += 1
    return done / elapsed


async def alone(slot: Slot, params: Mapping[str, Any], seconds: float) -> float:
    """Microseconds of one call of the function, measured inside over about `seconds`."""
    few = max(1.0, (await slot.call({**params, "repeat": 3}))["ns"] / 3)
    many = max(3, min(200_000, round(seconds * 1e9 / few)))
    return float((await slot.call({**params, "repeat": many}))["ns"]) / many / 1000


def report(outcome: Outcome, slots: Mapping[str, Slot], kind: str) -> None:
    outcome.results = {f"{name}_{which}": slot.summary(name) for name in FUNCTIONS for which, slot in slots.items()}
    outcome.setup = {
        "hotspot": f"{kind} with the product's own runtime and flags: class archives, serial GC, C1",
        "hotspot_c2": "the same with all compilers (-XX:TieredStopAtLevel=4)",
        "node": f"{kind} with Node.js 20",
        "ops_per_gb_s": "requests a second over proportional set size after the run",
    }
    outcome.at_least("native_over_hotspot", over(slots, "native", "hotspot", speed), 1)
    outcome.at_least("native_ops_per_gb_s_over_hotspot", over(slots, "native", "hotspot", density), 4)
    outcome.ratios["native_over_hotspot_c2"] = over(slots, "native", "hotspot_c2", speed)
    outcome.ratios["native_ops_per_gb_s_over_hotspot_c2"] = over(slots, "native", "hotspot_c2", density)
    outcome.ratios["function_alone_native_over_hotspot"] = over(slots, "native", "hotspot", bare)
    outcome.ratios["function_alone_native_over_hotspot_c2"] = over(slots, "native", "hotspot_c2", bare)
    if "isolate_javascript" in slots:
        outcome.ratios["javascript_over_node"] = over(slots, "isolate_javascript", "node", speed)
        outcome.ratios["javascript_ops_per_gb_s_over_node"] = over(slots, "isolate_javascript", "node", density)
        outcome.ratios["function_alone_javascript_over_node"] = over(slots, "isolate_javascript", "node", bare)
    rates = {f"{which} {name}": speed(slot, name) for name in FUNCTIONS for which, slot in slots.items()}
    outcome.charts["throughput"] = charts.bars("Requests a second, one slot", rates, "/s")


def over(slots: Mapping[str, Slot], one: str, other: str, what: Callable[[Slot, str], float]) -> float:
    """Geometric mean over the functions; more than 1 where `one` is better."""
    return geometric_mean([what(slots[one], name) / what(slots[other], name) for name in FUNCTIONS])


def speed(slot: Slot, name: str) -> float:
    return median(slot.rates[name])


def density(slot: Slot, name: str) -> float:
    return speed(slot, name) / slot.pss_mb


def bare(slot: Slot, name: str) -> float:
    return 1 / median(slot.alone_us[name])


if __name__ == "__main__":
    run_bench("throughput", str(__doc__), measure)

"""`./dev bench startup`: from the request to the first answer of a Java function, NIUk against HotSpot.

Both sides in microVMs of one VMM and accelerator, and as NIUk process against HotSpot container; each round measures
every one of them once, so that what else the machine does falls on all.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from argo_dev import charts
from niuk import niuks, parts, rivals, warm
from niuk.frame import Options, Outcome, run_bench, spread

from argo_proxy.sandboxes.niuk.launching import PlainLauncher

PARAMS = {"f": "hello", "name": "argo"}
Sample = Callable[[], Awaitable[float]]


async def measure(options: Options) -> Outcome:
    program, kernel, java = await parts.host(), await parts.guest_kernel(), await parts.java()
    how, why = await niuks.accelerator(program)
    code = rivals.Code.of_jar(java.jar, parts.MAIN)
    guest = await rivals.hotspot_guest()
    subject = niuks.Subject(java.library)
    outcome = Outcome(setup=setup_of(how.value, why))
    async with (
        niuks.folder() as plain,
        niuks.machines(kernel, program, java.library, how) as machines,
        niuks.confined(program, java.library) as confined,
        rivals.container_or_process(rivals.JAVA) as (rival, no_container),
        rivals.processes(rivals.JAVA) as processes,
    ):
        baked = niuks.Subject(machines.library)

        def niuk(launcher: niuks.Launcher, what: niuks.Subject) -> Sample:
            return lambda: niuk_first(launcher, what)

        vms: dict[str, Sample] = {
            "niuk_vm_cold": niuk(machines.cold_baked, baked),
            "niuk_vm_cold_streamed": niuk(machines.cold_streamed, subject),
            "niuk_vm_restored": niuk(machines.restored_baked, baked),
            "niuk_vm_restored_streamed": niuk(machines.restored_streamed, subject),
            "niuk_vm_restored_warm": lambda: warm_first(machines.restored_warm),
            "hotspot_vm_cold": lambda: hotspot_vm_first(kernel, guest, how, code),
        }
        processes_of: dict[str, Sample] = {
            "niuk_process": niuk(confined, subject),
            "niuk_process_host_up": lambda: host_up_first(confined, subject),
            "niuk_process_unconfined": niuk(PlainLauncher(program, plain), subject),
            f"hotspot_{rival.kind}": lambda: rival_first(rival, code),
            f"hotspot_{rival.kind}_up": lambda: rival_up_first(rival, code),
        }
        if rival.kind == "container":
            processes_of["hotspot_process"] = lambda: rival_first(processes, code)
        else:
            outcome.unavailable["hotspot_container"] = no_container
        times = await rounds(vms, options.rounds(15)) | await rounds(processes_of, options.rounds(30))
    outcome.results = {name: spread(each) for name, each in times.items()}
    middle = {name: median(each) for name, each in times.items()}
    outcome.at_least("vm_cold_speedup", middle["hotspot_vm_cold"] / middle["niuk_vm_cold"], 8)
    outcome.at_least("vm_restored_speedup", middle["hotspot_vm_cold"] / middle["niuk_vm_restored"], 25)
    outcome.at_least(f"process_over_{rival.kind}_speedup", middle[f"hotspot_{rival.kind}"] / middle["niuk_process"], 20)
    outcome.ratios["process_host_up_speedup"] = middle[f"hotspot_{rival.kind}"] / middle["niuk_process_host_up"]
    outcome.ratios["process_host_up_over_launcher_up_speedup"] = (
        middle[f"hotspot_{rival.kind}_up"] / middle["niuk_process_host_up"]
    )
    outcome.ratios["vm_restored_over_cold"] = middle["niuk_vm_cold"] / middle["niuk_vm_restored"]
    outcome.ratios["vm_restored_warm_speedup"] = middle["hotspot_vm_cold"] / middle["niuk_vm_restored_warm"]
    outcome.ratios["vm_cold_streamed_speedup"] = middle["hotspot_vm_cold"] / middle["niuk_vm_cold_streamed"]
    outcome.ratios["vm_restored_streamed_speedup"] = middle["hotspot_vm_cold"] / middle["niuk_vm_restored_streamed"]
    if "hotspot_process" in middle:
        outcome.ratios["process_over_process_speedup"] = middle["hotspot_process"] / middle["niuk_process"]
    bars = {name: value * 1000 for name, value in middle.items()}
    outcome.charts["startup"] = charts.bars("Request to first answer, median", bars, "ms")
    return outcome


def setup_of(accelerator: str, why: str) -> dict[str, Any]:
    return {
        "accelerator": accelerator,
        **({"why_not_kvm": why} if why else {}),
        "function": "Java, hello with JSON in and out",
        "baseline": "HotSpot 17, the product's own launcher and flags: class archives of both levels, serial GC, C1",
        "vm": "one kernel, QEMU microvm, virtio-serial; baked: library in the image; streamed: sent at the start",
    }


async def rounds(samples: dict[str, Sample], number: int) -> dict[str, list[float]]:
    """Seconds of each; one round before is not counted, for it finds files and pages that are cold themselves."""
    times: dict[str, list[float]] = {name: [] for name in samples}
    for turn in range(number + 1):
        for name, sample in samples.items():
            taken = await sample()
            if turn:
                times[name].append(taken)
    return times


async def niuk_first(launcher: niuks.Launcher, subject: niuks.Subject) -> float:
    began = time.perf_counter()
    process = await niuks.first_answer(launcher, subject, PARAMS)
    taken = time.perf_counter() - began
    await process.stop()
    return taken


async def host_up_first(launcher: niuks.Launcher, subject: niuks.Subject) -> float:
    """From the request on where a confined host without any function waits already."""
    process = await niuks.started(launcher)
    began = time.perf_counter()
    await process.define(subject.native())
    await niuks.invoke(process, PARAMS)
    taken = time.perf_counter() - began
    await process.stop()
    return taken


async def warm_first(snapshot: niuks.Snapshot) -> float:
    began = time.perf_counter()
    copy = await warm.first_answer(snapshot, PARAMS)
    taken = time.perf_counter() - began
    await copy.end()
    return taken


async def hotspot_vm_first(kernel: Path, guest: Path, how: niuks.Accelerator, code: rivals.Code) -> float:
    began = time.perf_counter()
    machine = await rivals.hotspot_machine(kernel, guest, how, code, PARAMS)
    taken = time.perf_counter() - began
    await machine.destroy()
    return taken


async def rival_first(rival: rivals.Rival, code: rivals.Code) -> float:
    began = time.perf_counter()
    sandbox = await rival.first_answer(rivals.JAVA, code, PARAMS)
    taken = time.perf_counter() - began
    await sandbox.destroy()
    return taken


async def rival_up_first(rival: rivals.Rival, code: rivals.Code) -> float:
    """From the request on where a sandbox without any function has come up already."""
    sandbox = await rival.waiting(rivals.JAVA)
    began = time.perf_counter()
    await rivals.initialised(sandbox, code, PARAMS)
    taken = time.perf_counter() - began
    await sandbox.destroy()
    return taken


if __name__ == "__main__":
    run_bench("startup", str(__doc__), measure)

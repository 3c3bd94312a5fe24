"""`./dev bench tail`: how long the first request to each of 200 functions takes: NIUk against HotSpot sandboxes."""

from __future__ import annotations

import hashlib
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from argo_dev import charts
from niuk import niuks, parts, rivals
from niuk.frame import Options, Outcome, percentile, run_bench, spread

PARAMS = {"f": "json", "records": [{"group": f"g{n % 7}", "value": n} for n in range(50)]}
FUNCTIONS = 200


async def measure(options: Options) -> Outcome:
    program, java = await parts.host(), await parts.java()
    number = options.rounds(FUNCTIONS, 4)
    code = rivals.Code.of_jar(java.jar, parts.MAIN)
    times: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="niuk-tail-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # noqa: ASYNC240
        async with (
            niuks.confined(program, java.library, niuks.Library(folder / "any", b"")) as confined,
            rivals.container_or_process(rivals.JAVA) as (rival, no_container),
        ):
            await niuk_process_each(confined, java.library, 1)  # finds cold files
            times["niuk_one_namespace"] = await niuk_shared(confined, java.library, folder, number)
            times["niuk_namespace_each"] = await niuk_process_each(confined, java.library, number)
            await ordinary(rival, code, 1)
            times[f"hotspot_{rival.kind}"] = await ordinary(rival, code, number)
    outcome = Outcome({name: spread(each) for name, each in times.items()})
    outcome.setup = {
        "functions": number,
        "one_namespace": "functions of one NIUk, which is up; each loads a library of its own and makes an isolate",
        "namespace_each": "a NIUk process started for each function",
        "baseline": "HotSpot 17 with class archives, serial GC, C1; a sandbox for each function, images in place",
    }
    if no_container:
        outcome.unavailable["containers"] = no_container
    p99 = {name: percentile(sorted(each), 0.99) for name, each in times.items()}
    outcome.at_least("p99_lower", p99[f"hotspot_{rival.kind}"] / p99["niuk_one_namespace"], 10)
    outcome.ratios["p99_lower_namespace_each"] = p99[f"hotspot_{rival.kind}"] / p99["niuk_namespace_each"]
    milliseconds = {name.replace("_", " "): [value * 1000 for value in each] for name, each in times.items()}
    outcome.charts["tail"] = charts.cumulative("First request to a function", milliseconds, across="milliseconds")
    return outcome


@asynccontextmanager
async def own_library(library: niuks.Library, folder: Path, number: int) -> AsyncIterator[niuks.Library]:
    """A copy that differs: what the linker takes for another library."""
    data = library.path.read_bytes() + number.to_bytes(4, "big")
    path = folder / f"f{number}.so"
    path.write_bytes(data)
    path.chmod(0o755)
    try:
        yield niuks.Library(path, hashlib.sha256(data).digest())
    finally:
        path.unlink()


async def niuk_shared(launcher: niuks.Launcher, library: niuks.Library, folder: Path, number: int) -> list[float]:
    """Seconds of each first request to another function of a NIUk that is up."""
    process = await niuks.started(launcher)
    times = []
    try:
        for index in range(number):
            async with own_library(library, folder, index) as own:
                began = time.perf_counter()
                await process.define(niuks.Subject(own, name=f"f{index}").native())
                await niuks.invoke(process, PARAMS, f"f{index}")
                times.append(time.perf_counter() - began)
    finally:
        await process.stop()
    return times


async def niuk_process_each(launcher: niuks.Launcher, library: niuks.Library, number: int) -> list[float]:
    times = []
    for _ in range(number):
        began = time.perf_counter()
        process = await niuks.first_answer(launcher, niuks.Subject(library), PARAMS)
        times.append(time.perf_counter() - began)
        await process.stop()
    return times


async def ordinary(rival: rivals.Rival, code: rivals.Code, number: int) -> list[float]:
    times = []
    for _ in range(number):
        began = time.perf_counter()
        sandbox = await rival.first_answer(rivals.JAVA, code, PARAMS)
        times.append(time.perf_counter() - began)
        await sandbox.destroy()
    return times


if __name__ == "__main__":
    run_bench("tail", str(__doc__), measure)

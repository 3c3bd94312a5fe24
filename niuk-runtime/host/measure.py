# ruff: noqa: INP001 - a program, not a module
"""Measures the host with a function library, as JSON: start, round trips, calls between isolates, memory.

python niuk-runtime/host/measure.py LIBRARY [--params JSON] [--invoke JSON] [--isolates N] [--rounds N]

LIBRARY is a function library; without --invoke no calls between isolates are measured. The fake library of the tests
takes --invoke '{"do":"invoke","name":"g","before":999,"params":{}}': a thousand calls in one invocation.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "action-proxy" / "src"))

from argo_proxy.sandboxes.niuk import frames
from argo_proxy.sandboxes.niuk.binary import build_host
from argo_proxy.sandboxes.niuk.launching import PlainLauncher
from argo_proxy.sandboxes.niuk.process import Library, NativeFunction, NiukProcess


def spread(seconds: list[float]) -> dict[str, float]:
    """Microseconds: min, median, p99."""
    ordered = sorted(seconds)
    return {
        "min_us": round(ordered[0] * 1e6, 1),
        "median_us": round(statistics.median(ordered) * 1e6, 1),
        "p99_us": round(ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] * 1e6, 1),
    }


async def started(program: Path, folder: Path) -> NiukProcess:
    launcher = PlainLauncher(program, folder)
    return await NiukProcess.start(
        launcher, "guest", on_gone=lambda *_: None, on_end=lambda *_: None, on_notice=lambda *_: None
    )


async def startup(program: Path, folder: Path, rounds: int) -> dict[str, float]:
    """From the decision to start to the answered handshake."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        process = await started(program, folder)
        times.append(time.perf_counter() - began)
        await process.stop()
    return spread(times)


async def round_trips(process: NiukProcess, run: frames.Run, rounds: int) -> dict[str, object]:
    times, inside = [], []
    for _ in range(rounds):
        began = time.perf_counter()
        done = await process.invoke(run)
        times.append(time.perf_counter() - began)
        inside.append(done.result.timing.run_ns / 1e9)
    began = time.perf_counter()
    for _ in range(rounds // 64):
        await asyncio.gather(*(process.invoke(run) for _ in range(64)))
    many = (rounds // 64) * 64 / (time.perf_counter() - began)
    return {"alone": spread(times), "in_user_code": spread(inside), "64_at_once_per_s": round(many)}


async def memory(process: NiukProcess, function: NativeFunction, isolates: int) -> dict[str, int]:
    before = json.loads(await process.stats())
    await process.define(function)
    while json.loads(await process.stats())["functions"][-1]["idle"] < isolates:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.05)
    after = json.loads(await process.stats())
    made = after["functions"][-1]["isolates"]
    return {
        "isolates": isolates,
        "pss_bytes": after["pss"],
        "private_bytes_each": (after["private"] - before["private"]) // isolates,
        "create_us_median": round(statistics.median(one["create_ns"] for one in made) / 1000),
        "init_us_median": round(statistics.median(one["init_ns"] for one in made) / 1000),
    }


def library_at(path: Path) -> Library:
    return Library(path.resolve(), hashlib.sha256(path.read_bytes()).digest())


async def measure(arguments: argparse.Namespace) -> dict[str, object]:
    program = await build_host()
    library = await asyncio.to_thread(library_at, Path(arguments.library))
    many = frames.IsolatePolicy(spares=arguments.isolates, most=arguments.isolates + 1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        results: dict[str, object] = {"start": await startup(program, folder, 30)}
        process = await started(program, folder)
        results["empty"] = {key: value for key, value in json.loads(await process.stats()).items() if key[-2:] == "ss"}
        for function in ("f", "g"):
            await process.define(NativeFunction(function, library, address=f"/guest/{function}"))
        run = frames.Run("f", arguments.params.encode(), 60_000, 60_000)
        await round_trips(process, run, 128)
        results["round_trip"] = await round_trips(process, run, arguments.rounds)
        if arguments.invoke:
            calls = json.loads(arguments.invoke).get("before", 0) + 1
            inner = [
                await process.invoke(frames.Run("f", arguments.invoke.encode(), 60_000, 60_000)) for _ in range(20)
            ]
            results["call"] = spread([done.result.timing.run_ns / 1e9 / calls for done in inner])
        results["memory"] = await memory(process, NativeFunction("many", library, policy=many), arguments.isolates)
        await process.stop()
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library")
    parser.add_argument("--params", default="{}")
    parser.add_argument("--invoke", default="")
    parser.add_argument("--isolates", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5000)
    sys.stdout.write(json.dumps(uvloop.run(measure(parser.parse_args())), indent=1) + "\n")


if __name__ == "__main__":
    main()

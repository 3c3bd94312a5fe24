"""`./dev bench communication`: a function calls another one: isolate to isolate against HTTP between two containers.

Both callers and callees are Java and pass JSON; latencies are taken by the caller inside its function. Then sequences
of two and of eight hello functions: natively as one chain, natively one by one through the service, and in containers.
"""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from argo_dev import charts
from niuk import niuks, pairs, parts, sequences, through_api
from niuk.frame import Options, Outcome, run_bench, spread
from niuk.pairs import Relay

from argo_proxy.builder.sources import niuk_runtime
from argo_proxy.sandboxes.niuk import frames

SIZES = tuple(4**power for power in range(2, 11))  # 16 B to 1 MiB
CALLS = 2000
NEW_CONNECTIONS = 200  # at most: each holds a port of the caller for a minute
SEQUENCES = 300  # of each length, three times
OVER_API = 400  # at most: each is an invocation of the service
BYTES = 64 << 20  # moved at most by one measurement of one size


async def measure(options: Options) -> Outcome:
    program, java = await parts.host(), await parts.java()
    sizes = SIZES[:3] if options.quick else SIZES
    times: dict[str, dict[int, list[float]]] = {}
    outcome = Outcome()
    async with (
        isolates(program, java.library) as (inside, raw),
        c_functions(program) as in_c,
        pairs.over_http(java) as pair,
        through_api.argo_invoke(java, "process" if pair.no_container else "container") as over_api,
    ):
        relays: dict[str, Relay] = {
            "isolates": inside,
            "isolates_raw": raw,
            "http": pair.relay,
            "http_argo_invoke": lambda size, calls: over_api(size, min(calls, OVER_API)),
            "http_new_connection": lambda size, calls: pair.relay(size, min(calls, NEW_CONNECTIONS), fresh=True),
        }
        if in_c is not None:
            relays["isolates_c"] = in_c
        else:
            outcome.unavailable["isolates_c"] = "no C compiler: apt-get install gcc libc6-dev"
        for size in sizes:
            calls = options.rounds(max(50, min(CALLS, BYTES // size)), 20)
            for relay in relays.values():
                await relay(size, calls)  # both sides warm
            for _ in range(1 if options.quick else 3):
                for name, relay in relays.items():
                    times.setdefault(name, {}).setdefault(size, []).extend(await relay(size, calls))
    outcome.setup = {
        "http": pair.what,
        "http_argo_invoke": "the same argo.invoke between sandboxes of their own: over the API, with its records",
        "isolates": "argo.invoke from Java to Java: bytes copied from isolate to isolate in one process",
        "isolates_raw": "the same where the caller passes bytes on unparsed; the callee parses and writes JSON",
        "isolates_c": "the same between C functions that parse nothing: the host's share of a call",
    }
    if pair.no_container:
        outcome.unavailable["containers"] = pair.no_container
    report(outcome, times)
    report_sequences(outcome, await sequence_times(options, program, java, outcome))
    return outcome


async def sequence_times(
    options: Options, program: Path, java: parts.JavaParts, outcome: Outcome
) -> dict[str, dict[int, list[float]]]:
    """Seconds of whole sequences, by way and length; the ways take turns."""
    times: dict[str, dict[int, list[float]]] = {}
    async with (
        sequences.natively(program, java, chained=True) as chain,
        sequences.natively(program, java, chained=False) as service,
        sequences.in_containers(java) as (containers, why),
    ):
        ways = {"chain": chain, "service": service, "containers": containers}
        for _ in range(1 if options.quick else 3):
            for name, laps in ways.items():
                for length, lap in laps.items():
                    warm = [await lap() for _ in range(options.rounds(50))]
                    measured = [await lap() for _ in range(options.rounds(SEQUENCES, len(warm)))]
                    times.setdefault(name, {}).setdefault(length, []).extend(measured)
    what = f"bare HotSpot processes: {why}" if why else "two containers of HotSpot that take turns"
    outcome.setup["sequences"] = f"hello functions through the service's core, records kept; containers: {what}"
    return times


def report_sequences(outcome: Outcome, times: dict[str, dict[int, list[float]]]) -> None:
    for name, of in times.items():
        for length, each in of.items():
            outcome.results[f"sequence_of_{length}_{name}"] = spread(each)
    for length, each in times["chain"].items():
        for name in ("service", "containers"):
            ratio = median(times[name][length]) / median(each)
            outcome.ratios[f"sequence_of_{length}_lower_than_{name}"] = ratio


@asynccontextmanager
async def isolates(program: Path, library: niuks.Library) -> AsyncIterator[tuple[Relay, Relay]]:
    """Function f calls function g in the same NIUk: with objects, and with bytes."""
    async with niuks.confined(program, library) as launcher:
        process = await niuks.first_answer(launcher, niuks.Subject(library), {"f": "hello"})
        try:
            await process.define(niuks.Subject(library, name="g").native())

            async def relay(size: int, calls: int, **more: bool) -> list[float]:
                params = {"f": "relay", "to": f"/{niuks.NAMESPACE}/g", "rounds": calls, "bytes": size, **more}
                return seconds(await niuks.invoke(process, params))

            yield relay, partial(relay, raw=True)
        finally:
            await process.stop()


@asynccontextmanager
async def c_functions(program: Path) -> AsyncIterator[Relay | None]:
    """The same call between functions in C that only pass bytes on: the host's share; None without a C compiler."""
    if shutil.which("cc") is None:
        yield None
        return
    async with niuks.folder() as folder:
        folder.chmod(0o755)
        library = await compiled(folder / "bytes.so")
        async with niuks.confined(program, library) as launcher:
            process = await niuks.started(launcher)
            try:
                for name in ("f", "g"):
                    await process.define(niuks.Subject(library, name=name).native())

                async def relay(size: int, calls: int) -> list[float]:
                    inner = {"payload": "x" * size}
                    params = {"do": "invoke", "name": f"/{niuks.NAMESPACE}/g", "before": calls - 1, "params": inner}
                    run = frames.Run("f", niuks.encoded(params), niuks.LIMIT_MS, niuks.LIMIT_MS)
                    done = await process.invoke(run)
                    niuks.decoded(done, "f")
                    return [done.result.timing.run_ns / 1e9 / calls]

                yield relay
            finally:
                await process.stop()


async def compiled(path: Path) -> niuks.Library:
    """The C function library of the host's own tests, which echoes."""
    source = niuk_runtime() / "host/tests/fake/fake_function.c"
    words = ["-shared", "-fPIC", "-O2", "-pthread", "-I", str(niuk_runtime() / "include"), str(source), "-o", str(path)]
    process = await asyncio.create_subprocess_exec("cc", *words)
    async with asyncio.timeout(60):
        if await process.wait():
            raise parts.Missing("the C functions did not compile; fix: apt-get install gcc libc6-dev")
    return niuks.Library(path, await asyncio.to_thread(digest_of, path))


def digest_of(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()


def seconds(answer: dict[str, Any]) -> list[float]:
    return [each / 1e9 for each in answer["ns"]]


def report(outcome: Outcome, times: dict[str, dict[int, list[float]]]) -> None:
    middle = {name: {size: median(each) for size, each in of.items()} for name, of in times.items()}
    for name, of in times.items():
        for size, each in of.items():
            rate = size / middle[name][size] / (1 << 20)
            outcome.results[f"{name}_{size}"] = {**spread(each), "payload_mb_per_s": round(rate, 3)}
    ratios = {size: middle["http"][size] / middle["isolates"][size] for size in middle["isolates"]}
    fresh = {size: middle["http_new_connection"][size] / middle["isolates"][size] for size in middle["isolates"]}
    smallest = min(ratios)
    outcome.at_least("latency_lower", ratios[smallest], 200)
    outcome.at_least("throughput_higher_at_best", max(ratios.values()), 700)
    if "isolates_c" in middle:
        bytes_only = {
            size: fresh[size] * middle["isolates"][size] / each for size, each in middle["isolates_c"].items()
        }
        outcome.ratios["latency_lower_c_new_connection"] = bytes_only[smallest]
        outcome.ratios["throughput_higher_at_best_c_new_connection"] = max(bytes_only.values())
    same = {size: middle["http_argo_invoke"][size] / middle["isolates"][size] for size in middle["isolates"]}
    outcome.at_least("latency_lower_same_call", same[smallest], 200)
    outcome.at_least("throughput_higher_at_best_same_call", max(same.values()), 700)
    same_raw = {size: middle["http_argo_invoke"][size] / each for size, each in middle["isolates_raw"].items()}
    outcome.ratios["latency_lower_same_call_raw"] = same_raw[smallest]
    outcome.ratios["throughput_higher_at_best_same_call_raw"] = max(same_raw.values())
    raw = {size: middle["http"][size] / each for size, each in middle["isolates_raw"].items()}
    outcome.ratios["latency_lower_raw"] = raw[smallest]
    outcome.ratios["throughput_higher_at_best_raw"] = max(raw.values())
    outcome.ratios["latency_lower_new_connection"] = fresh[smallest]
    outcome.ratios["throughput_higher_at_best_new_connection"] = max(fresh.values())
    outcome.setup["curve"] = {str(size): round(ratio, 1) for size, ratio in ratios.items()}
    curve = {name.replace("_", " "): [(size, each * 1e6) for size, each in of.items()] for name, of in middle.items()}
    outcome.charts["communication"] = charts.curves(
        "One call from function to function", curve, across="payload, bytes each way", up="microseconds"
    )


if __name__ == "__main__":
    run_bench("communication", str(__doc__), measure)

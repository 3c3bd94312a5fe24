"""`./dev bench cold`: cold starts by kind and driver, split in phases, beside the bare start of the same interpreter.

Each sample is a new revision of an echo function, invoked once cold and once warm. Its memory size differs from that
of the uninitialised sandboxes kept in stock, so that none of those is taken; kinds with a stock are measured twice.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from argo_dev.client import CallError, Client
from argo_dev.engine import docker_engine
from argo_dev.functions import EchoFunction, echo_functions
from argo_dev.report import Target, document, show
from argo_dev.service import fresh_service

from argo_proxy.runtimes import load_catalogue

PHASES = ("queue", "start", "init", "run", "reply")
# A sandbox in stock takes a function of any memory limit, and none that may be called twice at once.
OWN, FROM_STOCK = {"memory": 256, "concurrency": 2}, {"memory": 256, "concurrency": 1}
READY_SECONDS = 900
STOCK_SECONDS = 30
STOCK_SETTLES = 1.0  # an interpreter in stock has had the time to come up
CACHE = Path(os.environ["ARGO_CACHE"])
STOCKED = "_from_stock"
# Relative to the bare interpreter on the same machine in the same run.
WANTED = {
    "nodejs:20_process_over_bare": 3.0,
    "java:17_process_over_bare": 4.0,
    "nodejs:20_process_from_stock_over_cold": 0.8,
}


def main() -> None:
    options = _options()
    functions = {k: f for k, f in echo_functions().items() if not options.kind or k in options.kind}
    results: dict[str, Any] = {}
    left_out: dict[str, str] = {}
    for driver, reason in _drivers(options.sandbox):
        if reason:
            left_out[driver] = reason
            continue
        print(f"measuring {driver}", file=sys.stderr)
        _measure_driver(driver, functions, options.samples, results, left_out)
    ratios = _ratios(results)
    targets = {name: Target(ratios[name], most, at_most=True) for name, most in WANTED.items() if name in ratios}
    answer = document("cold", results, ratios, targets, setup={"samples": options.samples}, left_out=left_out)
    show(answer, [_row(name, result) for name, result in results.items()], as_json=options.json)


def _ratios(results: dict[str, Any]) -> dict[str, float]:
    """Of the caller's whole wait: to a bare start of the interpreter, to a warm call, and with stock to without."""
    ratios = {}
    for name, result in results.items():
        ratios[f"{name}_over_warm"] = result["total_ms"] / result["warm_ms"]
        if result.get("bare_ms"):
            ratios[f"{name}_over_bare"] = result["total_ms"] / result["bare_ms"]
        stocked = results.get(name + STOCKED)
        if stocked:
            ratios[f"{name}{STOCKED}_over_cold"] = stocked["total_ms"] / result["total_ms"]
    return ratios


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench cold", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--samples", type=int, default=9, help="cold starts of each kind")
    parser.add_argument("--kind", action="append", help="only this kind; repeatable")
    parser.add_argument("--sandbox", choices=("process", "container"), help="only this driver")
    return parser.parse_args()


@contextmanager
def _no_engine() -> Iterator[str]:
    yield ""


def _drivers(only: str | None) -> Iterator[tuple[str, str]]:
    """Each driver while what it needs is up, and why it cannot be measured, or ""."""
    for driver, needs in (("process", _no_engine), ("container", lambda: docker_engine(CACHE))):
        if only in {None, driver}:
            with needs() as missing:
                yield driver, missing


def _measure_driver(
    driver: str,
    functions: dict[str, EchoFunction],
    samples: int,
    results: dict[str, Any],
    left_out: dict[str, str],
) -> None:
    kinds = ",".join(functions)
    stock = {r.kind: r.stem_cells for r in load_catalogue().runtimes() if r.stem_cells and r.kind in functions}
    told = (f"runtimes.kinds={kinds}", "pool.stem_demand_seconds=0")  # only what is always in stock is waited for
    flags = ("--sandbox", driver, "--log-level", "warning", *(word for each in told for word in ("--set", each)))
    with fresh_service(*flags) as service:
        client = Client(service)
        for kind, function in functions.items():
            name = f"{kind}_{driver}"
            reason = _wait_ready(client, kind)
            if reason:
                left_out[name] = reason
                continue
            try:
                results[name] = _measure(client, function, samples) | {"bare_ms": _bare(function)}
                if kind in stock:
                    results[name + STOCKED] = _measure(client, function, samples, stock=sum(stock.values()))
            except CallError as error:
                left_out[name] = f"the service answered {error}"


def _wait_ready(client: Client, kind: str) -> str:
    """Why `kind` is not usable, or "" once it is."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        state = next((s for s in client.status()["runtimes"] if s["kind"] == kind), None)
        if state is None:
            return "the service does not know this kind"
        if state["ready"]:
            return ""
        if state["error"]:
            return str(state["error"])
        time.sleep(0.2)
    return f"not ready after {READY_SECONDS} s"


def _has_stock(client: Client, wanted: int) -> bool:
    pool = client.status()["pool"]
    return pool["byState"].get("cold", 0) >= wanted and not pool["starting"]


def _measure(client: Client, function: EchoFunction, samples: int, *, stock: int = 0) -> dict[str, Any]:
    """Medians in milliseconds; `total` is what the caller waited. `stock`: how many the service keeps ready."""
    limits = FROM_STOCK if stock else OWN
    taken: list[dict[str, float]] = []
    for number in range(samples + 1):
        client.put_action("cold", function.exec, limits=limits, annotations=[{"key": "n", "value": number}])
        if stock:
            _await(lambda: _has_stock(client, stock))
            time.sleep(STOCK_SETTLES)
        sample = _sample(client)
        if number:  # the first one finds files and pages that are cold themselves
            taken.append(sample)
    return {f"{phase}_ms": round(median(s[phase] for s in taken), 3) for phase in (*PHASES, "total", "warm")} | {
        "p95_total_ms": round(quantiles([s["total"] for s in taken], n=20, method="inclusive")[-1], 3),
        "samples": len(taken),
    }


def _sample(client: Client) -> dict[str, float]:
    answer, total = _timed(lambda: client.invoke("cold", {"name": "argo"}))
    phases = _phases(answer)
    if not phases.pop("cold"):
        raise CallError(200, "an invocation of a new revision was not cold")
    warm, warm_total = _timed(lambda: client.invoke("cold", {"name": "argo"}))
    if _phases(warm)["cold"]:
        raise CallError(200, "the second invocation of a revision was cold")
    sample = {phase: float(phases[phase]) for phase in PHASES[:-1]}
    return sample | {"total": total, "reply": max(0.0, total - sum(sample.values())), "warm": warm_total}


def _phases(activation: dict[str, Any]) -> dict[str, Any]:
    return dict(next(a["value"] for a in activation["annotations"] if a["key"] == "argo.phases"))


def _timed(call: Callable[[], dict[str, Any]]) -> tuple[dict[str, Any], float]:
    began = time.perf_counter()
    answer = call()
    return answer, (time.perf_counter() - began) * 1000


def _await(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + STOCK_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise CallError(200, f"no uninitialised sandbox in stock after {STOCK_SECONDS} s")
        time.sleep(0.05)


def _bare(function: EchoFunction) -> float | None:
    """Milliseconds to start the interpreter that the sandbox uses, without any sandbox, and to end it."""
    if not function.bare:
        return None
    tool = CACHE / "runtimes" / function.kind.replace(":", "-") / "bin" / function.bare[0]
    words = [str(tool) if tool.exists() else function.bare[0], *function.bare[1:]]
    times = []
    for _ in range(7):
        began = time.perf_counter()
        subprocess.run(words, check=True, capture_output=True, timeout=60)
        times.append((time.perf_counter() - began) * 1000)
    return round(median(times), 3)


def _row(name: str, result: dict[str, Any]) -> dict[str, Any]:
    columns = (*(f"{phase}_ms" for phase in PHASES), "total_ms", "p95_total_ms", "warm_ms", "bare_ms")
    return {"cold start": name, **{column.removesuffix("_ms"): result.get(column) or "—" for column in columns}}


if __name__ == "__main__":
    main()

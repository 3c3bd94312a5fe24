"""`./dev bench trace`: one seeded trace three times: optimiser on, off, and containers kept for ten minutes each.

Everything that the policy and the pool measure in time is divided by the speed of the replay, so that ten minutes of
the trace are ten minutes to them. Builds and starts are not faster: the optimiser has it harder than in real time.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from argo_dev.engine import docker_engine
from argo_dev.held import watched
from argo_dev.report import Target, document, show
from argo_dev.service import fresh_service, tail

from argo_provider.optimizer.settings import OptimizerSettings

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ["ARGO_CACHE"])
KINDS = "nodejs:20,java:17,python:3.11"
KEEP_ALIVE_SECONDS = 600
SPARE_SECONDS = 300.0  # of one replay, beside the trace itself: runtimes that are prepared, calls that end late
DIVIDED = (
    "short_window_seconds",
    "long_window_seconds",
    "observe_seconds",
    "canary_seconds",
    "cool_down_seconds",
    "keep_alive_first_seconds",
    "keep_alive_least_seconds",
    "keep_alive_most_seconds",
    "repay_seconds",
    "repay_most_seconds",
)
SWAP_MB = 2048  # that the service makes where the machine has none
MULTIPLIED = (
    "hot_per_minute",
    "hot_per_hour",
    "instant_per_hour",
    "gb_second_ms",
    "reserved_gb_second_ms",
    "builds_per_hour",
    "repay_times",  # builds are as slow as ever, so that one weighs as many times more
)


@dataclass(frozen=True, slots=True)
class Rival:
    """One way to run the trace: flags of the service, and what is said about it beside its figures."""

    name: str
    flags: tuple[str, ...]
    about: str
    needs_engine: bool = False


def rivals(speed: float) -> list[Rival]:
    kept = KEEP_ALIVE_SECONDS / speed
    told = ("optimizer.enabled=false", "hibernation.enabled=false", f"pool.keep_alive_seconds={kept:g}")
    off = [word for each in told for word in ("--set", each)]
    scaled = f"optimizer settings at their defaults, times divided by {speed:g}; native builds are in its figures (and"
    scaled += " apart: build_cpu_seconds), but for those that an earlier run on this machine left in the cache"
    about = f"no optimiser; every sandbox kept idle for {kept:g} s (10 minutes of the trace)"
    return [
        Rival(
            "optimiser", ("--sandbox", "process", "--set", f"hibernation.swap_mb={SWAP_MB}", *_scaled(speed)), scaled
        ),
        Rival("off", ("--sandbox", "process", *off), f"processes, {about}"),
        Rival("fixed_keep_alive", ("--sandbox", "container", *off), f"containers, {about}", needs_engine=True),
    ]


def _scaled(speed: float) -> list[str]:
    usual = OptimizerSettings()
    lowest = {each.name: each.metadata["low"] for each in fields(OptimizerSettings)}
    flags = ["--set", "optimizer.enabled=true"]
    for name, seconds in (("keep_alive_seconds", KEEP_ALIVE_SECONDS), ("stem_demand_seconds", KEEP_ALIVE_SECONDS)):
        flags += ["--set", f"pool.{name}={seconds / speed:g}"]
    for names, factor in ((DIVIDED, 1 / speed), (MULTIPLIED, speed)):
        for name in names:
            value = max(lowest[name], getattr(usual, name) * factor)
            flags += ["--set", f"optimizer.{name}={round(value) if name == 'builds_per_hour' else value:g}"]
    return flags


class ReplayFailed(Exception):
    """The message is the end of what the replay wrote."""


def main() -> None:
    options = _options()
    results: dict[str, Any] = {}
    left_out: dict[str, str] = {}
    about = {rival.name: rival.about for rival in rivals(options.speed)}
    for rival in rivals(options.speed):
        with _engine(rival) as missing:
            if missing:
                left_out[rival.name] = missing
                continue
            print(f"replaying: {rival.name}", file=sys.stderr)
            try:
                results[rival.name] = run(rival, options)
            except ReplayFailed as error:
                left_out[rival.name] = str(error)
            print(f"{rival.name}: {results.get(rival.name, left_out.get(rival.name))}", file=sys.stderr)
    setup = {**about, **{n: getattr(options, n) for n in ("functions", "minutes", "speed", "seed", "longest_ms")}}
    ratios, targets = judged(results)
    answer = document("trace", results, ratios, targets, setup=setup, left_out=left_out, quick=options.quick)
    rows = [_row(name, result) for name, result in results.items()]
    show(answer, rows or [{"trace": "none"}], as_json=options.json)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench trace", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="half a minute each: does it work, not how good is it")
    parser.add_argument("--functions", type=int, default=60)
    parser.add_argument("--minutes", type=int, default=35, help="of the trace")
    parser.add_argument("--speed", type=float, default=10.0, help="times as fast as the trace")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--longest-ms", type=float, default=1000.0, help="longer functions run for so long")
    parser.add_argument("--trace-dir", default="", help="folder with CSV files of the Azure data set")
    parser.add_argument("--reports", type=Path, help="folder for an HTML report of each replay")
    options = parser.parse_args()
    if options.quick:
        options.functions, options.minutes, options.speed = 12, 10, 20.0
    return options


def _engine(rival: Rival) -> AbstractContextManager[str]:
    return docker_engine(CACHE) if rival.needs_engine else nullcontext("")


def run(rival: Rival, options: argparse.Namespace) -> dict[str, Any]:
    """Figures of one replay. Raises ReplayFailed."""
    flags = (*rival.flags, "--log-level", "warning", "--set", f"runtimes.kinds={KINDS}")
    with fresh_service(*flags) as service, tempfile.TemporaryDirectory(prefix="argo-bench-") as folder:
        summary = Path(folder) / "summary.json"
        page = options.reports / f"{rival.name}.html" if options.reports else Path(folder) / "report.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        words = [str(ROOT / "loadtests/run"), "trace", "--host", service.url, "--report", str(page), "--"]
        words += ["--summary", str(summary), "--loglevel", "ERROR"]
        for name in ("functions", "minutes", "speed", "seed", "longest_ms"):
            words += [f"--{name.replace('_', '-')}", str(getattr(options, name))]
        words += ["--trace-dir", options.trace_dir] if options.trace_dir else []
        environment = {**os.environ, "PYTHON": sys.executable, "LOAD_AUTH": service.auth}
        began = time.monotonic()
        limit = options.minutes * 60 / options.speed + SPARE_SECONDS
        with watched(service) as held:
            said = replayed(words, environment, limit)
        if not summary.exists():
            print(tail(service.log), file=sys.stderr)
            raise ReplayFailed(said.strip()[-500:])
        figures = json.loads(summary.read_text())
    del figures["setup"]
    return figures | {
        "gb_seconds": round(held.gb_seconds, 2),
        "mean_mb": round(held.mean_mb, 1),
        "swap_gb_seconds": round(held.swap_gb_seconds, 2),  # of the machine, in no other figure
        "swap_cached_gb_seconds": round(held.swap_cached_gb_seconds, 2),
        "ops_per_gb_s": round(figures["invocations"] / max(held.gb_seconds, 1e-9), 2),
        "cpu_seconds": round(held.cpu_seconds, 1),
        "build_gb_seconds": round(held.build_gb_seconds, 2),  # in the figures above
        "build_cpu_seconds": round(held.build_cpu_seconds, 1),
        "seconds": round(time.monotonic() - began, 1),
        "about": rival.about,
    }


def replayed(words: list[str], environment: Mapping[str, str], seconds: float) -> str:
    """What it wrote to its error stream. Raises ReplayFailed where it takes longer."""
    process = subprocess.Popen(
        words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        return process.communicate(timeout=seconds)[1]
    except subprocess.TimeoutExpired as error:
        raise ReplayFailed(f"not done after {seconds:g} s") from error
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def judged(results: Mapping[str, Any]) -> tuple[dict[str, float], dict[str, Target]]:
    """Against the fixed keep-alive, and beside it against the same service with the optimiser off."""
    ratios: dict[str, float] = {}
    if "optimiser" not in results:
        return ratios, {}
    ours = results["optimiser"]
    for name in results.keys() - {"optimiser"}:
        theirs = results[name]
        ratios[f"memory_time_over_{name}"] = ours["gb_seconds"] / max(theirs["gb_seconds"], 1e-9)
        ratios[f"{name}_p99_slowdown_over_optimiser"] = theirs["slowdown_p99"] / max(ours["slowdown_p99"], 1e-9)
        ratios[f"cpu_over_{name}"] = ours["cpu_seconds"] / max(theirs["cpu_seconds"], 1e-9)
        ratios[f"ops_per_gb_s_over_{name}"] = ours["ops_per_gb_s"] / max(theirs["ops_per_gb_s"], 1e-9)
    wanted = {
        "memory_time_over_fixed_keep_alive": (0.4, True),
        "fixed_keep_alive_p99_slowdown_over_optimiser": (5.0, False),
        "cpu_over_fixed_keep_alive": (1.2, True),
    }
    targets = {name: Target(ratios[name], *bound) for name, bound in wanted.items() if name in ratios}
    targets["failed"] = Target(ours["failed"], 0, at_most=True)
    return ratios, targets


def _row(name: str, result: Mapping[str, Any]) -> dict[str, Any]:
    columns = ("invocations", "failed", "cold_starts", "slowdown_p50", "slowdown_p99", "slowdown_p999")
    more = ("gb_seconds", "ops_per_gb_s", "cpu_seconds", "build_cpu_seconds")
    return {"trace": name, **{column: result[column] for column in (*columns, *more)}}


if __name__ == "__main__":
    main()

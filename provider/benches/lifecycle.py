"""`./dev bench lifecycle`: constant load on a Java and a JavaScript function from cold until both are consolidated.

First their owner pins them to the ordinary runtime, which is what they are held against; then they may move, under the
same load and without an update, which would cost a cold start anywhere. A call's wait counts from when it was due.

One call in a hundred is slower than the ordinary p99 by what a p99 is, and some are slower by far: the machine stops,
its daemons run, garbage is collected. So beside the count of slow calls stands how many of them are more than what the
ordinary calls had, which are as many as will be made while it moves.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from argo_dev.client import Client
from argo_dev.held import memory_mb
from argo_dev.report import Target, document, show
from argo_dev.service import Service, free_port, fresh_service, stop
from moving.chance import beyond_chance
from moving.functions import KINDS, await_runtimes, fresh, tier
from moving.steady import MESSAGE, PINNED, Seen, Steady, drive

CLIENTS = 16
BUILD_AND_SWAP = ("building", "canary", "native")
MOVING = ("observed", *BUILD_AND_SWAP)
SWAP_SECONDS = 5.0  # after a function is said to be native, its calls still count to the swap
SLOWER = 1.2
SETTLE_SECONDS = 5.0
BARE_SECONDS = 60.0


def main() -> None:
    options = _options()
    # What moving is like is asked here, not whether it pays: that is the bench `trace`.
    moves = ("optimizer.enabled=true", "optimizer.repay_times=0")
    told = [f"runtimes.kinds={','.join(KINDS.values())}", *moves, *options.set]
    flags = ("--sandbox", options.sandbox, "--log-level", "warning", *(w for each in told for w in ("--set", each)))
    loads = {language: Steady(f"hello-{language}") for language in KINDS}
    with fresh_service(*flags) as service:
        client = Client(service)
        await_runtimes(client, list(KINDS))
        before = ordinary(service, client, loads, options)
        print("now they may move", file=sys.stderr)
        moved = move(service, client, loads, options)
        time.sleep(SETTLE_SECONDS)
        after = capacity(service, list(loads.values()), options) if moved else {}
        kept = client.call("GET", "activations?count=true&limit=0")["activations"]
        explained = {language: tier(client, load.name) for language, load in loads.items()}
    results = {language: figures(load, explained[language]) for language, load in loads.items()}
    results |= {
        "before": before,
        "after": after,
        "records": {"kept": kept, "least": sum(len(x.seen) for x in loads.values())},
    }
    ratios, targets = judged(results, moved=moved)
    setup = {n: getattr(options, n) for n in ("rate", "before_seconds", "after_seconds", "sandbox", "set")}
    answer = document("lifecycle", results, ratios, targets, setup=setup, quick=options.quick)
    show(answer, [_row(language, results[language]) for language in KINDS], as_json=options.json)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench lifecycle", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="short phases: does it work, not how fast is it")
    parser.add_argument("--rate", type=float, default=10.0, help="calls a second of each function")
    parser.add_argument("--before-seconds", type=float, default=120.0, help="on the ordinary runtime")
    parser.add_argument("--after-seconds", type=float, default=30.0, help="once both are native")
    parser.add_argument("--move-seconds", type=float, default=900.0, help="time to move in")
    parser.add_argument("--load-seconds", type=float, default=5.0, help=f"of {CLIENTS} clients at once")
    parser.add_argument("--sandbox", default="process", choices=("process", "container"), help="the ordinary one")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of the service")
    options = parser.parse_args()
    if options.quick:
        options.before_seconds, options.after_seconds, options.load_seconds = 10.0, 5.0, 1.0
    return options


@cache
def own_code(language: str) -> Mapping[str, Any]:
    """Of this run: the build is part of what is measured."""
    return fresh(language)


def wish(client: Client, load: Steady, wanted: str) -> None:
    client.call("POST", f"/api/v1/argo/tiers/{load.name}", {"wish": wanted})


def ordinary(
    service: Service, client: Client, loads: Mapping[str, Steady], options: argparse.Namespace
) -> dict[str, Any]:
    """The ordinary runtime: latencies under the constant load, then what it can do at most."""
    for language, load in loads.items():
        client.put_action(load.name, own_code(language))
        wish(client, load, "pin")
    asyncio.run(drive(service, list(loads.values()), options.rate, lambda: asyncio.sleep(options.before_seconds)))
    return capacity(service, list(loads.values()), options)


def move(service: Service, client: Client, loads: Mapping[str, Steady], options: argparse.Namespace) -> bool:
    """Under the same load, until both are native and for a while after; False if that took too long."""
    moved: list[bool] = []

    async def until() -> None:
        for load in loads.values():
            await asyncio.to_thread(wish, client, load, "unpin")
        with suppress(TimeoutError):
            async with asyncio.timeout(options.move_seconds):
                for load in loads.values():
                    await load.settled.wait()
        moved.append(all(load.state == "native" for load in loads.values()))
        await asyncio.sleep(options.after_seconds + SWAP_SECONDS)

    asyncio.run(drive(service, list(loads.values()), options.rate, until))
    return moved[0]


def capacity(service: Service, loads: Sequence[Steady], options: argparse.Namespace) -> dict[str, Any]:
    """Requests a second of 16 clients, of each function and of a bare server in the same minutes; and memory."""
    found: dict[str, Any] = {"memory_mb": round(memory_mb(service), 1)}
    port = free_port()
    bare = subprocess.Popen([sys.executable, "-P", "-m", "argo_dev.echo_server", str(port)])
    try:
        await_listening(port)
        for load in loads:
            url = f"{service.url}/api/v1/namespaces/_/actions/{load.name}?blocking=true"
            for name, target, key in (("bare", f"http://127.0.0.1:{port}/echo", ""), (load.name, url, service.auth)):
                flood(target, key, 1.0)
                found.setdefault(name, []).append(flood(target, key, options.load_seconds))
    finally:
        stop(bare, 10)
    return found


def await_listening(port: int) -> None:
    deadline = time.monotonic() + BARE_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def flood(url: str, auth: str, seconds: float) -> dict[str, Any]:
    words = [sys.executable, "-P", "-m", "argo_dev.load", "--url", url, "--body", json.dumps(MESSAGE)]
    words += ["--clients", str(CLIENTS), "--seconds", str(seconds)]
    done = subprocess.run(words, input=auth + "\n", capture_output=True, text=True, check=True, timeout=seconds + 120)
    answer = json.loads(done.stdout)
    return {"requests_per_second": round(answer["requests"] / answer["seconds"], 1), "errors": answer["errors"]}


def figures(load: Steady, told: Mapping[str, Any]) -> dict[str, Any]:
    """Latencies before, while it moved, and after; and the way it took."""
    native = next((each.at for each in load.seen if each.state == "native"), float("inf"))
    moving = [each for each in load.seen if each.state in MOVING and each.at < native + SWAP_SECONDS]
    after = [each.latency_ms for each in load.seen if each.at >= native + SWAP_SECONDS and not each.failure]
    before = load.of(PINNED)
    limit = SLOWER * _percentile(before, 0.99)
    swap = _slower([each for each in moving if each.state in BUILD_AND_SWAP], limit)
    slower_before = sum(latency > limit for latency in before)
    failures = sorted({each.failure for each in load.seen if each.failure})
    return {
        "before": _spread(before),
        "moving": _spread([each.latency_ms for each in moving]),
        "after": _spread(after),
        "slower_before": slower_before,
        "slower_while_moving": _slower(moving, limit),
        "slower_during_build_and_swap": swap,
        "slowed_by_build_and_swap": beyond_chance(swap["slower"], swap["calls"], slower_before, len(before)),
        "errors": sum(bool(each.failure) for each in load.seen),
        "failures": failures,
        "state": told["state"],
        "reason": told["reason"],
        "steps": [f"{step['from']} -> {step['to']}: {step['reason']}" for step in told["history"]],
    }


def _slower(calls: Sequence[Seen], limit: float) -> dict[str, Any]:
    slow = [each for each in calls if each.latency_ms > limit]
    by_state = {state: sum(each.state == state for each in slow) for state in sorted({each.state for each in slow})}
    return {"limit_ms": round(limit, 2), "calls": len(calls), "slower": len(slow), "by_state": by_state}


def _spread(latencies: Sequence[float]) -> dict[str, Any]:
    if not latencies:
        return {"calls": 0}
    points = {"p50_ms": 0.5, "p99_ms": 0.99, "most_ms": 1.0}
    return {"calls": len(latencies)} | {name: round(_percentile(latencies, at), 2) for name, at in points.items()}


def _percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def judged(results: Mapping[str, Any], *, moved: bool) -> tuple[dict[str, float], dict[str, Target]]:
    ratios: dict[str, float] = {}
    targets = {"both_native": Target(float(moved), 1.0, at_most=False)}
    for language in KINDS:
        found = results[language]
        targets[f"{language}_errors"] = Target(found["errors"], 0, at_most=True)
        slower = found["slower_during_build_and_swap"]["slower"]
        targets[f"{language}_slower_during_build_and_swap"] = Target(slower, 0, at_most=True)
        slowed = found["slowed_by_build_and_swap"]
        targets[f"{language}_slowed_by_build_and_swap"] = Target(slowed, 0, at_most=True)
        if found["moving"]["calls"] and found["before"]["calls"]:
            ratio = found["moving"]["p99_ms"] / found["before"]["p99_ms"]
            ratios[f"{language}_p99_moving_over_before"] = ratio
            targets[f"{language}_p99_moving_over_before"] = Target(ratio, SLOWER, at_most=True)
        for name in ("p50_ms", "p99_ms"):
            if found["after"]["calls"]:
                ratios[f"{language}_{name}_after_over_before"] = found["after"][name] / found["before"][name]
        for when in ("before", "after"):
            if results[when]:
                ratios[f"{language}_to_bare_at_16_{when}"] = _to_bare(results[when], f"hello-{language}")
        if moved:
            targets[f"{language}_to_bare_at_16"] = Target(ratios[f"{language}_to_bare_at_16_after"], 0.2, at_most=False)
    if results["after"]:
        ratios["memory_after_over_before"] = results["after"]["memory_mb"] / results["before"]["memory_mb"]
    missing = results["records"]["least"] - results["records"]["kept"]
    targets["records_missing"] = Target(max(0, missing), 0, at_most=True)
    return ratios, targets


def _to_bare(found: Mapping[str, Any], name: str) -> float:
    mean = sum(each["requests_per_second"] for each in found["bare"]) / len(found["bare"])
    return float(found[name][0]["requests_per_second"]) / mean


def _row(language: str, found: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {"function": language, "state": found["state"], "errors": found["errors"]}
    for when in ("before", "moving", "after"):
        row |= {f"{when} {point}": found[when].get(f"{point}_ms", "—") for point in ("p50", "p99")}
    return row | {"slower": found["slower_while_moving"]["slower"]}


if __name__ == "__main__":
    main()

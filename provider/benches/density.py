"""`./dev bench density`: distinct warm functions a GiB holds: isolates of one NIUk against a container each.

Memory is the proportional set size of all that a service keeps for its functions. It is taken at two numbers of
functions, so that what the first one costs (the NIUk, its engine, stem cells) is told apart from each more. The Java
functions are distinct actions of one jar, so that one build serves all; the JavaScript ones differ in their code.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from argo_dev.client import Client
from argo_dev.engine import docker_engine
from argo_dev.held import memory_mb
from argo_dev.report import Target, document, show
from argo_dev.service import fresh_service
from moving.functions import KINDS, NotMovedError, annotated, await_native, await_runtimes, code

CACHE = Path(os.environ["ARGO_CACHE"])
GIB_MB = 1024.0
WANTED = 10.0
CALLS = 5  # of each function, once it is warm
SETTLE_SECONDS = 5.0


def main() -> None:
    options = _options()
    results: dict[str, Any] = {}
    left_out: dict[str, str] = {}
    for language in KINDS:
        try:
            results[f"{language}_isolates"] = isolates(language, options)
        except NotMovedError as error:
            left_out[f"{language}_isolates"] = str(error)
    with docker_engine(CACHE) as missing:
        for language in KINDS:
            if missing:
                left_out[f"{language}_containers"] = missing
            else:
                results[f"{language}_containers"] = containers(language, options)
    ratios = {
        f"{language}_isolates_over_containers": _per_gib(results, language, "isolates")
        / _per_gib(results, language, "containers")
        for language in KINDS
        if {f"{language}_isolates", f"{language}_containers"} <= results.keys()
    }
    targets = {name: Target(ratio, WANTED, at_most=False) for name, ratio in ratios.items()}
    setup = {"isolates": options.isolates, "containers": options.containers, "calls": CALLS}
    answer = document("density", results, ratios, targets, setup=setup, left_out=left_out, quick=options.quick)
    rows = [{"warm functions": name, **found} for name, found in results.items()]
    show(answer, rows or [{"warm functions": "none"}], as_json=options.json)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench density", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="a few of each")
    parser.add_argument("--isolates", type=int, default=40, help="functions in isolates, of each language")
    parser.add_argument("--containers", type=int, default=8, help="functions in containers, of each language")
    parser.add_argument("--move-seconds", type=float, default=600.0, help="time in which they must become native")
    options = parser.parse_args()
    if options.quick:
        options.isolates, options.containers = 6, 2
    return options


def _flags(language: str, *more: str) -> tuple[str, ...]:
    return ("--log-level", "warning", "--set", f"runtimes.kinds={KINDS[language]}", *more)


def isolates(language: str, options: argparse.Namespace) -> dict[str, Any]:
    """Native functions, each kept warm; NotMovedError if they do not become so."""
    kept = ("enabled=true", "builds_per_hour=1000", "keep_alive_first_seconds=3600", "keep_alive_least_seconds=3600")
    flags = [word for each in kept for word in ("--set", f"optimizer.{each}")]
    memory: dict[int, float] = {}
    with fresh_service(*_flags(language, "--sandbox", "process", *flags)) as service:
        client = Client(service)
        await_runtimes(client, [language])
        made = 0
        for number in (options.isolates // 2, options.isolates):
            names = [f"warm-{each}" for each in range(made, number)]
            for each, name in enumerate(names, made):
                wishes = annotated(argo_tier="native", argo_warm=1)
                client.put_action(name, code(language, each), annotations=wishes)
            await_native(client, names, options.move_seconds)
            made = number
            call_all(client, made)
            memory[number] = memory_mb(service)
    return _figures(memory)


def _figures(memory: Mapping[int, float]) -> dict[str, Any]:
    """From the memory with few functions and with many: what each more holds, and what they hold together."""
    (few, least), (many, most) = memory.items()
    each_mb = max(0.01, (most - least) / (many - few))
    first_mb = most - each_mb * many
    return {
        "functions": many,
        "memory_mb": round(most, 1),
        "first_mb": round(first_mb, 1),
        "each_more_mb": round(each_mb, 3),
        "per_gib": round((GIB_MB - first_mb) / each_mb, 1),
        "per_gib_as_measured": round(GIB_MB / (most / many), 1),
    }


def containers(language: str, options: argparse.Namespace) -> dict[str, Any]:
    flags = ("--sandbox", "container", "--set", "optimizer.enabled=false")
    with fresh_service(*_flags(language, *flags)) as service:
        client = Client(service)
        await_runtimes(client, [language])
        memory: dict[int, float] = {}
        made = 0
        for number in (options.containers // 2, options.containers):
            for each in range(made, number):
                client.put_action(f"warm-{each}", code(language, each))
            made = number
            call_all(client, made)
            memory[number] = memory_mb(service)
    return _figures(memory)


def call_all(client: Client, number: int) -> None:
    """Every function warm, and the memory of its last calls given back."""
    for _ in range(CALLS):
        for each in range(number):
            client.invoke(f"warm-{each}", {"name": "argo"})
    time.sleep(SETTLE_SECONDS)


def _per_gib(results: Mapping[str, Any], language: str, what: str) -> float:
    return float(results[f"{language}_{what}"]["per_gib"])


if __name__ == "__main__":
    main()

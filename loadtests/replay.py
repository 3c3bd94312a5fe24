"""Replays a trace on an OpenWhisk service: every invocation at its time, whatever became of earlier ones.

One user drives all; each function of the trace is an action of one of six families. Start it with ./run trace.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
import requests
from gevent.pool import Pool
from locust import FastHttpUser, events, task
from locust.argument_parser import LocustArgumentParser
from locust.contrib.fasthttp import ResponseContextManager
from locust.env import Environment
from locust.exception import StopUser
from service import API, PREFIX, SETUP_SECONDS, add_key, basic
from traces import azure, outcome, report
from traces.arrivals import Arrival, arrivals, part
from traces.families import Family, families
from traces.generate import Shape, generate
from traces.model import Trace

MOST_AT_ONCE = 1000
CALL_SECONDS = 120
READY_SECONDS = 600
MOST_SAID = 300  # characters
MEMORY_MB = (128, 512)  # what apps of the trace allocate is taken between these


@events.init_command_line_parser.add_listener
def add_options(parser: LocustArgumentParser) -> None:
    add_key(parser)
    parser.add_argument("--trace-dir", default="", help="folder with the data set's CSV files; none: a generated day")
    parser.add_argument("--functions", type=int, default=60, help="functions of the trace that are replayed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first-minute", type=int, default=600, help="of the day")
    parser.add_argument("--minutes", type=int, default=60, help="of the trace")
    parser.add_argument("--speed", type=float, default=10.0, help="times as fast as the trace")
    parser.add_argument("--most-calls", type=int, default=1000, help="busier functions are left out")
    parser.add_argument("--longest-ms", type=float, default=1000.0, help="longer functions run for so long")
    parser.add_argument("--annotate", action="append", default=[], metavar="NAME=JSON", help="of every action")
    parser.add_argument("--results", default="", help="file for one JSON line an invocation")
    parser.add_argument("--summary", default="", help="file for the figures of all, JSON")
    parser.add_argument("--report-file", default="", help="file for the HTML report")


def trace_of(options: Any) -> Trace:
    """The part of a day that is replayed."""
    whole = azure.read(Path(options.trace_dir)) if options.trace_dir else generate(Shape(1000, options.seed, 50_000))
    return part(
        whole,
        functions=options.functions,
        seed=options.seed,
        first=options.first_minute,
        minutes=options.minutes,
        most=options.most_calls,
    )


class Replay:
    """The actions of one replay, and what was seen of their invocations."""

    def __init__(self, environment: Environment) -> None:
        self.options: Any = environment.parsed_options
        self.host = environment.host
        self.trace = trace_of(self.options)
        self.kinds = families()
        self.calls: list[outcome.Call] = []

    def family(self, function: int) -> Family:
        return self.kinds[function % len(self.kinds)]

    def name(self, function: int) -> str:
        return f"{PREFIX}-{function:03}"

    def arrivals(self) -> list[Arrival]:
        window = {"first": self.options.first_minute, "minutes": self.options.minutes}
        return arrivals(self.trace, seed=self.options.seed, **window)

    def manage(self, method: str, path: str, **request: Any) -> requests.Response:
        """One request beside the load: it is in no figure."""
        url = f"{self.host}{API}/actions/{path}"
        return requests.request(method, url, headers=basic(self.options.auth), timeout=SETUP_SECONDS, **request)

    def create(self) -> None:
        """All actions; and one call of a throw-away one a kind, so that no runtime is prepared while it is measured."""
        for family in {family.exec["kind"]: family for family in self.kinds}.values():
            self._await_runtime(family)
        for number, function in enumerate(self.trace.functions):
            memory = self.trace.memory.get((function.owner, function.app))
            low, high = MEMORY_MB
            limits = {"memory": round(min(high, max(low, memory.average))) if memory else 256}
            body = {"exec": self.family(number).exec, "limits": limits, "annotations": self._annotations()}
            self.manage("PUT", f"{self.name(number)}?overwrite=true", json=body).raise_for_status()

    def _annotations(self) -> list[dict[str, Any]]:
        pairs = (each.partition("=") for each in self.options.annotate)
        return [{"key": name, "value": json.loads(value)} for name, _, value in pairs]

    def _await_runtime(self, family: Family) -> None:
        path, deadline = f"{PREFIX}-ready", time.monotonic() + READY_SECONDS
        self.manage("PUT", f"{path}?overwrite=true", json={"exec": family.exec}).raise_for_status()
        while not (answer := self.manage("POST", f"{path}?blocking=true", json={})).ok:
            if answer.status_code != 503 or time.monotonic() > deadline:
                answer.raise_for_status()
            gevent.sleep(1)
        self.manage("DELETE", path)

    def remove(self) -> None:
        for number in range(len(self.trace.functions)):
            self.manage("DELETE", self.name(number))

    def keep(self) -> None:
        """The files that were asked for."""
        options = self.options
        self.calls.sort(key=lambda call: call.at)
        told = {"functions": len(self.trace.functions), "families": len(self.kinds)}
        told |= {name: getattr(options, name) for name in ("seed", "first_minute", "minutes", "speed", "longest_ms")}
        if options.results:
            outcome.write(self.calls, Path(options.results))
        if options.summary:
            figures = outcome.summary(self.calls) | {"failures": outcome.failures(self.calls), "setup": told}
            Path(options.summary).write_text(json.dumps(figures))
        if options.report_file:
            Path(options.report_file).write_text(report.html(self.calls, told))


class Replayer(FastHttpUser):
    """The one user. Open loop: a slow answer delays no other call."""

    fixed_count = 1
    concurrency = MOST_AT_ONCE
    network_timeout = connection_timeout = float(CALL_SECONDS)
    replay: Replay

    @task
    def all(self) -> None:
        replay, pool = self.replay, Pool(MOST_AT_ONCE)
        began = time.monotonic()
        for arrival in replay.arrivals():
            due = arrival.at / replay.options.speed
            gevent.sleep(max(0.0, began + due - time.monotonic()))
            pool.spawn(self.call, arrival, due, began)
        pool.join(timeout=CALL_SECONDS)
        gevent.spawn(self.environment.runner.quit)  # it waits for this user to stop
        raise StopUser

    def call(self, arrival: Arrival, due: float, began: float) -> None:
        replay = self.replay
        family = replay.family(arrival.function)
        asked = min(arrival.duration_ms, replay.options.longest_ms)
        body = {"wait_ms": int(asked), "seed": arrival.function}
        path = f"{API}/actions/{replay.name(arrival.function)}?blocking=true"
        headers = basic(replay.options.auth)
        sent = time.monotonic()
        with self.client.post(path, json=body, headers=headers, name=family.name, catch_response=True) as answer:
            latency = (time.monotonic() - sent) * 1000
            fields = dict(seen(answer))
            if not fields["succeeded"]:
                answer.failure(f"HTTP {answer.status_code}" if answer.status_code else "no answer")
        late = (sent - began - due) * 1000
        replay.calls.append(outcome.Call(due, arrival.function, family.name, int(asked), late, latency, **fields))


def seen(answer: ResponseContextManager) -> Iterator[tuple[str, Any]]:
    """What an activation says about itself; services that annotate less say less."""
    yield "status", answer.status_code
    activation = answer.json() if answer.status_code in {200, 502} else {}
    succeeded = answer.status_code == 200 and activation["response"]["success"]
    yield "succeeded", succeeded
    yield "said", "" if succeeded else _said(answer)
    annotations = {each["key"]: each["value"] for each in activation.get("annotations", ())}
    yield "cold", annotations.get("argo.phases", {}).get("cold", "initTime" in annotations if annotations else None)
    yield "tier", annotations.get("argo.tier", "")
    yield "sandbox", annotations.get("argo.sandbox", "")


def _said(answer: ResponseContextManager) -> str:
    said = getattr(answer, "text", None) or getattr(answer, "error", None) or "no answer"
    return f"HTTP {answer.status_code} {said}"[:MOST_SAID]


@events.init.add_listener
def prepare(environment: Environment, **_: Any) -> None:
    """Before the load. Locust lets errors of its listeners pass, and would go on with nothing to call."""
    try:
        Replayer.replay = Replay(environment)
        Replayer.replay.create()
    except (requests.RequestException, azure.TraceError, OSError, subprocess.SubprocessError) as error:
        raise SystemExit(f"error: the replay cannot be prepared: {error}") from error


@events.test_stop.add_listener
def finish(environment: Environment, **_: Any) -> None:
    Replayer.replay.keep()
    Replayer.replay.remove()

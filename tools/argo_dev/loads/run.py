"""Runs a plan: actions, stages by Locust, samples of the service's process."""

from __future__ import annotations

import csv
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

from argo_dev.client import CallError, Client
from argo_dev.functions import EchoFunction, echo_functions
from argo_dev.loads.plans import KIND, Measured, Plan, Stage
from argo_dev.loads.slopes import Sample
from argo_dev.processes import resident_mb, tree
from argo_dev.service import Service

LOCUST_FILE = Path(__file__).resolve().parents[3] / "loadtests" / "stage.py"
MEMORY_MB = 128
MIXED_MEMORY_MB = 256
WARMING = 4  # actions called for the first time at once
READY_SECONDS = 300
ENDING_SECONDS = 120
SAMPLES = 120  # of a stage, at the most
METRICS_SECONDS = 20


class LoadError(Exception):
    """A stage could not be run."""


def run(plan: Plan, service: Service, say: Callable[[str], None]) -> list[Measured]:
    """All stages, one after the other. Raises LoadError, CallError."""
    client, prefix = Client(service), f"load-{uuid.uuid4().hex[:6]}"
    made: list[str] = []
    measured = []
    try:
        for stage in plan.stages:
            names = [f"{prefix}-{number}" for number in range(stage.actions)]
            missing = names[len(made) :]
            say(f"{stage.title}: {len(missing)} more actions" if missing else f"{stage.title}")
            _make(client, missing, stage.kinds)
            made += missing
            measured.append(_stage(stage, names, service))
            found = measured[-1]
            say(f"  {found.rate:8.1f}/s  p50 {found.p50:.0f} ms  p99 {found.p99:.0f} ms  failed {found.failures}")
    finally:
        for name in made:
            with suppress(CallError):
                client.call("DELETE", f"actions/{name}")
    return measured


def _make(client: Client, names: Sequence[str], kinds: Sequence[str]) -> None:
    functions = _of(kinds)
    memory = MEMORY_MB if kinds == (KIND,) else MIXED_MEMORY_MB  # a Go action is compiled in its sandbox

    def make(item: tuple[int, str]) -> None:
        number, name = item
        client.put_action(name, functions[number % len(functions)].exec, limits={"memory": memory})
        client.invoke_once_ready(name, READY_SECONDS)

    with ThreadPoolExecutor(WARMING) as pool:
        list(pool.map(make, enumerate(names)))


def _of(kinds: Sequence[str]) -> list[EchoFunction]:
    known = echo_functions()
    if not kinds:
        return list(known.values())
    return [known["nodejs:20" if kind == "nodejs:default" else kind] for kind in kinds]


def _stage(stage: Stage, names: Sequence[str], service: Service) -> Measured:
    samples: list[Sample] = []
    over = threading.Event()
    watch = threading.Thread(target=_watch, args=(service, stage.seconds, samples, over))
    watch.start()
    try:
        with tempfile.TemporaryDirectory(prefix="argo-load-") as folder:
            _locust(stage, names, service, Path(folder))
            return _read(stage, Path(folder) / "out_stats.csv", tuple(samples))
    finally:
        over.set()
        watch.join()


def _locust(stage: Stage, names: Sequence[str], service: Service, folder: Path) -> None:
    command = [sys.executable, "-m", "locust", "-f", str(LOCUST_FILE), "--headless", "--only-summary"]
    command += ["--host", service.url, "--users", str(stage.clients), "--spawn-rate", str(stage.clients)]
    command += ["--run-time", f"{stage.seconds:.0f}s", "--stop-timeout", "10", "--csv", str(folder / "out")]
    command += ["--names", ",".join(names), "--exit-code-on-error", "0", "--loglevel", "ERROR"]
    command += ["--user-rate", str(stage.rate / stage.clients)]
    environment = {**os.environ, "LOAD_AUTH": service.auth}
    limit = stage.seconds + ENDING_SECONDS
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=limit, check=False)
    if done.returncode != 0:
        raise LoadError(f"locust ended with {done.returncode}: {done.stderr[-800:]}")


def _read(stage: Stage, path: Path, samples: tuple[Sample, ...]) -> Measured:
    with path.open(newline="") as file:
        rows = {row["Name"]: row for row in csv.DictReader(file)}
    answered, refused = rows.get("invoke"), rows.get("refused")
    if answered is None:
        raise LoadError(f"no call of the stage '{stage.title}' was answered")
    good = int(answered["Request Count"]) - int(answered["Failure Count"])
    share = good / max(1, int(answered["Request Count"]))
    return Measured(
        stage,
        int(answered["Request Count"]),
        int(answered["Failure Count"]),
        int(refused["Request Count"]) if refused else 0,
        float(answered["Requests/s"]) * share,
        float(answered["50%"]),
        float(answered["95%"]),
        float(answered["99%"]),
        samples,
    )


def _watch(service: Service, seconds: float, samples: list[Sample], over: threading.Event) -> None:
    began, every = time.monotonic(), max(1.0, seconds / SAMPLES)
    while not over.wait(every):
        with suppress(OSError, ValueError, sqlite3.Error):
            samples.append(_sample(service, time.monotonic() - began))


def _sample(service: Service, at: float) -> Sample:
    process, database = Path(f"/proc/{service.pid}"), service.data_dir / "argo.db"
    return Sample(
        at,
        resident_mb(service.pid),
        len(list((process / "fd").iterdir())),
        len(list((process / "task").iterdir())),
        len(tree(service.pid)) - 1,
        _tasks(service.url),
        _rows(database, "journal"),
        database.with_name("argo.db-wal").stat().st_size / (1 << 20),
    )


def _tasks(url: str) -> float:
    with urllib.request.urlopen(f"{url}/metrics", timeout=METRICS_SECONDS) as answer:  # noqa: S310  # loopback
        found = re.search(rb"^argo_event_loop_tasks (\S+)$", answer.read(), re.MULTILINE)
    if found is None:
        raise ValueError("the service tells no number of tasks")
    return float(found[1])


def _rows(database: Path, table: str) -> float:
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=rw", uri=True)) as opened:
        return float(opened.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608  # a name of ours

"""`argofn bench`: how quick one action is, from here."""

from __future__ import annotations

import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from argo_provider.cli.client import options as opt
from argo_provider.cli.client import output
from argo_provider.cli.client.arguments import as_mapping, collected
from argo_provider.cli.client.failures import ClientError, Failed, Refused
from argo_provider.cli.client.http import Api, checked
from argo_provider.cli.client.names import parse
from argo_provider.cli.client.session import Session, command

app = typer.Typer()
SHARES = (50, 90, 99)


@dataclass(frozen=True, slots=True)
class Sample:
    """One call: `total` ms as the caller sees it, `run` ms in the function; `error`: what came instead."""

    total: float
    run: float = 0.0
    cold: bool = False
    tier: str = "ordinary"
    error: str = ""


@command(app, "bench", "argofn bench hello -n 20", "argofn bench hello -n 20 -c 2 -o json -p name Argo")
def bench(
    session: Session,
    action: opt.Action,
    number: Annotated[int, typer.Option("--number", "-n", min=1, max=1_000_000, help="Calls.")] = 100,
    at_once: Annotated[int, typer.Option("--concurrency", "-c", min=1, max=256, help="Callers at once.")] = 1,
    param: opt.Params = None,
    param_file: opt.ParamFile = None,
) -> None:
    """Call a function many times, each caller waiting for its answer, and say how long that took.

    What is measured includes this machine's way to the service; `run` is the function alone, as the service saw it.
    """
    name = parse(action, session.properties.namespace)
    path = session.at("actions", name.path, name.namespace)
    body = collected(param, param_file)
    checked(session.api.send("GET", path, query={"code": False}))
    session.api.pool().connection_pool_kw["maxsize"] = at_once
    began = time.perf_counter()
    with ThreadPoolExecutor(at_once) as callers:
        samples = list(_shown(callers.map(lambda _: one(session.api, path, body), range(number)), number))
    found = figures(name.local, samples, time.perf_counter() - began)
    output.emit(session, found, lambda: text(found), lambda _: name.local)
    if found["errors"] == number:
        raise Failed("every call failed", f"argofn action invoke {action} -b")


def one(api: Api, path: str, body: dict[str, Any]) -> Sample:
    """One blocking call."""
    began = time.perf_counter()
    try:
        answer = api.send("POST", path, query={"blocking": True, "result": False}, body=body)
        took = (time.perf_counter() - began) * 1000
        record = answer.json()
        if answer.status != 200:
            error = str(answer.status) if answer.status != 502 else "the function failed"
            return Sample(took, error=error)
    except (ClientError, Refused) as error:
        return Sample((time.perf_counter() - began) * 1000, error=str(error))
    annotations = as_mapping(record.get("annotations"))
    phases = annotations.get("argo.phases") or {}
    run = phases.get("run", record.get("duration") or 0)
    cold = annotations.get("initTime") is not None
    return Sample(took, float(run), cold, str(annotations.get("argo.tier") or "ordinary"))


def _shown(samples: Any, number: int) -> Any:
    """The same samples; on a terminal with a bar."""
    if not sys.stderr.isatty():
        return samples
    from rich.console import Console  # noqa: PLC0415  # only on a terminal
    from rich.progress import track  # noqa: PLC0415

    return track(samples, "calling", total=number, console=Console(stderr=True), transient=True)


def percentile(ordered: list[float], share: int) -> float:
    """The smallest value that `share` percent do not exceed."""
    return ordered[max(0, -(-len(ordered) * share // 100) - 1)] if ordered else 0.0


def figures(name: str, samples: list[Sample], seconds: float) -> dict[str, Any]:
    """Milliseconds, from the calls that were answered well."""
    good = [sample for sample in samples if not sample.error]
    found: dict[str, Any] = {
        "name": name,
        "calls": len(samples),
        "errors": len(samples) - len(good),
        "perSecond": round(len(samples) / seconds, 1) if seconds else 0.0,
        "cold": sum(sample.cold for sample in good),
        "tiers": dict(Counter(sample.tier for sample in good)),
        "failures": dict(Counter(sample.error for sample in samples if sample.error).most_common(5)),
    }
    for field, values in (("total", [s.total for s in good]), ("run", [s.run for s in good])):
        ordered = sorted(values)
        found[field] = {f"p{share}": round(percentile(ordered, share), 3) for share in SHARES} | {
            "max": round(ordered[-1], 3) if ordered else 0.0
        }
    return found


def text(found: dict[str, Any]) -> str:
    columns = ("", *(f"p{share}" for share in SHARES), "max")
    rows = [
        (label, *(f"{found[field][column]:.2f} ms" for column in columns[1:]))
        for label, field in (("call", "total"), ("run", "run"))
    ]
    tiers = ", ".join(f"{number} {tier}" for tier, number in found["tiers"].items()) or "none"
    head = (
        f"{found['name']}: {found['calls']} calls, {found['perSecond']} a second; {found['errors']} failed;"
        f" {found['cold']} cold; {tiers}"
    )
    lines = [head, output.aligned(columns, rows)]
    return "\n".join([*lines, *(f"{number}x {output.plain(why)}" for why, number in found["failures"].items())])

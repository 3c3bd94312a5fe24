"""`argofn top`: functions, tiers, sandboxes and the machine, as they are now."""

from __future__ import annotations

import sys
import time
from collections import Counter
from typing import Annotated, Any

import typer

from argo_provider.cli.client import output
from argo_provider.cli.client.failures import Refused, Unreachable
from argo_provider.cli.client.rows import ago, size
from argo_provider.cli.client.session import Format, Session, command

app = typer.Typer()
SORTS = {"rate": "ratePerMinute", "p99": "p99", "errors": "errorShare", "memory": "memoryMb", "cold": "coldShare"}
COLUMNS = ("FUNCTION", "TIER", "STATE", "KIND", "CALLS/MIN", "P50", "P99", "ERRORS", "COLD", "WARM", "MEMORY")


@command(app, "top", "argofn top --once", "argofn top --once --sort p99 -o json")
def top(
    session: Session,
    every: Annotated[float, typer.Option(min=0.2, metavar="SECONDS", help="How often.")] = 1.0,
    once: Annotated[bool, typer.Option("--once", help="Now, and end.")] = False,
    sort: Annotated[str, typer.Option(metavar="|".join((*SORTS, "name")), help="By what.")] = "rate",
    rows: Annotated[int, typer.Option(min=1, max=1000, help="At most so many functions.")] = 40,
) -> None:
    """Show functions, tiers and sandboxes, live. Ctrl-C ends it."""
    if once or not sys.stdout.isatty() or session.format is not Format.TABLE:
        found = snapshot(session, rows, sort)
        output.emit(session, found, lambda: "\n".join(text(found)), lambda _: _names(found))
    else:
        _live(session, every, rows, sort)


def _names(found: dict[str, Any]) -> str:
    return "\n".join(each["name"] for each in found["functions"])


def snapshot(session: Session, rows: int, sort: str) -> dict[str, Any]:
    """All that is shown; what this service does not tell is left out."""
    functions = session.api.json("GET", session.argo("functions"), query={"limit": 200})
    listed = functions["functions"]
    key = SORTS.get(sort)
    listed = sorted(listed, key=lambda each: -(each.get(key) or 0)) if key else sorted(listed, key=lambda e: e["name"])
    return {
        "functions": listed[:rows],
        "total": functions.get("total", len(listed)),
        "sandboxes": _optional(session, "sandboxes", "sandboxes"),
        "niuks": _optional(session, "niuks", "niuks"),
        "machine": _optional(session, "machine", None) or {},
    }


def _optional(session: Session, path: str, inside: str | None) -> Any:
    try:
        found = session.api.json("GET", session.argo(path))
    except Refused as error:
        if error.http_status in {403, 404}:
            return []
        raise
    return found[inside] if inside else found


def text(found: dict[str, Any]) -> list[str]:
    """A summary, then the table of functions."""
    rows = [[output.plain(cell) for cell in row(each)] for each in found["functions"]]
    lines = [*summary(found), "", output.aligned(COLUMNS, rows)]
    hidden = found["total"] - len(rows)
    return [*lines, f"… and {hidden} more"] if hidden > 0 else lines


def summary(found: dict[str, Any]) -> list[str]:
    """The machine, the sandboxes, the NIUks: a line each."""
    machine, pool = found["machine"], found["machine"].get("pool") or {}
    lines = []
    if machine:
        memory = f"{size(machine.get('memoryUsedBytes'))} of {size(machine.get('memoryBytes'))}"
        lines.append(
            f"machine    {machine.get('cpuPercent') or 0:.0f} % of {machine.get('cpus')} CPUs, {memory},"
            f" up {ago((machine.get('uptimeSeconds') or 0) * 1000)}"
        )
        granted = f"{pool.get('memoryUsedMb', 0)} of {pool.get('memoryLimitMb', 0)} MB granted"
        lines.append(
            f"pool       {granted}, {pool.get('waiting', 0)} calls waiting, {pool.get('starting', 0)} starting"
        )
        lines += [f"degraded   {output.plain(sentence)}" for sentence in machine.get("degraded") or ()]
    states = Counter(each["state"] for each in found["sandboxes"])
    counted = ", ".join(f"{number} {state}" for state, number in sorted(states.items()))
    lines.append(f"sandboxes  {counted or 'none'}")
    lines += [_niuk(each) for each in found["niuks"]]
    return lines


def _niuk(niuk: dict[str, Any]) -> str:
    busy = sum(each["isolates"]["busy"] for each in niuk["functions"])
    return (
        f"niuk       {niuk['id']} ({niuk['sandbox']}): {len(niuk['functions'])} functions, {busy} of"
        f" {niuk['isolates']} isolates"
        f" busy, {size(niuk['memoryBytes'])}"
    )


def row(each: dict[str, Any]) -> tuple[str, ...]:
    return (
        each["name"],
        each["tier"],
        each["state"],
        each["kind"],
        f"{each.get('ratePerMinute') or 0:.1f}",
        _ms(each.get("p50")),
        _ms(each.get("p99")),
        f"{(each.get('errorShare') or 0) * 100:.1f} %",
        f"{(each.get('coldShare') or 0) * 100:.0f} %",
        str(each.get("warmSandboxes") or 0),
        f"{each['memoryMb']} MB",
    )


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} ms"


def _live(session: Session, every: float, rows: int, sort: str) -> None:
    from rich.console import Console  # noqa: PLC0415  # only on a terminal
    from rich.live import Live  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    shown = text(snapshot(session, rows, sort))  # a first failure is told like any other
    with Live(Text("\n".join(shown), no_wrap=True), console=Console(), screen=True, auto_refresh=False) as live:
        while True:
            time.sleep(every)
            at = time.strftime("%H:%M:%S")
            try:
                shown = text(snapshot(session, rows, sort))
                head = f"argofn top   {session.properties.url}   {at}   Ctrl-C ends it"
            except (Unreachable, Refused) as error:
                head = f"argofn top   {at}   {error}; what is below is old"
            live.update(Text("\n".join([head, *shown]), no_wrap=True, overflow="ellipsis"), refresh=True)

"""`argofn nodes` and `argofn drain NODE`: the machines of a cluster, asked over its bus."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from argo_provider.cli.options import BusUrl, Config, Set, read_settings
from argo_provider.cli.terminal import say, stop

if TYPE_CHECKING:
    from argo_provider.clustered import Connection

T = TypeVar("T")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Node = Annotated[str, typer.Argument(metavar="NODE", show_default=False)]
Undo = Annotated[bool, typer.Option("--undo", help="Have it take work again.")]

_ANSWER_SECONDS = 5.0


def nodes(bus: BusUrl = None, config: Config = None, assign: Set = None, as_json: AsJson = False) -> None:
    """List the nodes of a cluster: what they have and how they are."""
    found = _over_bus(bus, config, assign, _all)
    if as_json:
        say(json.dumps(found))
        return
    if not found:
        say("No node is up. Start one: argofn node --bus …")
        return
    row = "{:20} {:9} {:>5} {:>17} {:>8} {:>7}  {}"
    say(row.format("NODE", "STATE", "CORES", "MEMORY MB", "RUNNING", "WAITING", "KINDS"))
    for node in found:
        memory = f"{node['memoryUsedMb']} of {node['memoryMb']}"
        kinds = ", ".join(node["kinds"]) or "none ready yet"
        say(row.format(node["name"], node["state"], node["cores"], memory, node["running"], node["waiting"], kinds))


def drain(node: Node, bus: BusUrl = None, config: Config = None, assign: Set = None, undo: Undo = False) -> None:
    """Give a node no new work; what it has is finished. Stop its process once `argofn nodes` shows none running."""
    left = _over_bus(bus, config, assign, lambda connection: _drain(connection, node, draining=not undo))
    if left is None:
        stop(f"no node '{node}' answers", "argofn nodes lists those that are up")
    say(f"{node} takes work again." if undo else f"{node} takes no new work; {left} running or waiting there.")


def _over_bus(bus: str | None, config: Any, assign: list[str] | None, ask: Callable[[Connection], Awaitable[T]]) -> T:
    settings = read_settings(config, assign, bus__url=bus).settings

    async def run() -> T:
        from argo_provider import clustered  # noqa: PLC0415  # --help answers without it
        from argo_provider.hosting import StartError  # noqa: PLC0415

        async with AsyncExitStack() as stack:
            try:
                connection = await clustered.connect(settings, "cli", stack)
                await connection.state.record()  # says so where the key is another
            except StartError as error:
                stop(str(error), error.fix)
            return await ask(connection)

    return asyncio.run(run())


async def _all(connection: Connection) -> list[dict[str, Any]]:
    return [
        {
            "name": about.node,
            "state": "starting" if beat is None else "draining" if beat.draining else "ready",
            "version": about.version,
            "cores": about.cores,
            "memoryMb": about.sandbox_memory_mb,
            "memoryUsedMb": 0 if beat is None else beat.memory_used_mb,
            "running": 0 if beat is None else beat.in_flight,
            "waiting": 0 if beat is None else sum(beat.waiting.values()),
            "clockAheadMs": about.clock_ahead_ms,
            "kinds": list(about.kinds),
        }
        for about, beat in await connection.state.nodes()
    ]


async def _drain(connection: Connection, node: str, *, draining: bool) -> int | None:
    """How much it still has; None: no answer."""
    from argo_provider.cluster import messages  # noqa: PLC0415
    from argo_provider.cluster.bus import NoAnswer  # noqa: PLC0415

    bus = connection.bus
    try:
        answer = await bus.request(bus.subject("node", node, "drain"), messages.encode(draining), _ANSWER_SECONDS)
    except NoAnswer:
        return None
    return messages.decode(answer, int)

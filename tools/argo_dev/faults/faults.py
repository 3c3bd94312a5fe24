"""Ways to break a world. Each strikes, waits, and heals: afterwards everything is meant to serve again."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress

from argo_dev.faults.world import World

Fault = Callable[[World, random.Random], Awaitable[str]]
"""Breaks something; what it did, for the log."""


async def kill(world: World, rng: random.Random) -> str:
    """`kill -9` of a process, and a new start after a while."""
    process = rng.choice(sorted(world.processes.values(), key=lambda one: one.name))
    await process.end(signal.SIGKILL)
    pause = rng.choice((0.0, 0.0, 0.3, 1.0))
    await asyncio.sleep(pause)
    await process.start()
    return f"kill -9 of {process.name}, started again after {pause:g} s"


async def restart(world: World, rng: random.Random) -> str:
    """A graceful end and a new start, under load."""
    process = rng.choice(sorted(world.processes.values(), key=lambda one: one.name))
    await process.end(signal.SIGTERM)
    await process.start()
    return f"restart of {process.name}"


async def freeze(world: World, rng: random.Random) -> str:
    """A process that stands still for a while."""
    process = rng.choice(sorted(world.processes.values(), key=lambda one: one.name))
    seconds = rng.uniform(0.1, 2.5)
    process.send(signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        process.send(signal.SIGCONT)
    return f"{process.name} frozen for {seconds:.1f} s"


async def kill_sandbox(world: World, rng: random.Random) -> str:
    """`kill -9` of a process that runs user code."""
    found = sorted(await asyncio.to_thread(world.sandboxes))
    if not found:
        return "no sandbox to kill"
    pid = rng.choice(found)
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return "kill -9 of a sandbox's process"


async def fill_disk(world: World, rng: random.Random) -> str:
    """No room left for a while, and sometimes a crash in that state."""
    if not await world.fill_disk():
        return "no disk to fill here"
    crash = rng.random() < 0.5
    try:
        await asyncio.sleep(rng.uniform(0.3, 1.0))
        if crash:
            for process in world.processes.values():
                await process.end(signal.SIGKILL)
    finally:
        await world.free_disk()
    if crash:
        for process in world.processes.values():
            await process.start()
    return f"the disk was full{', and all processes were killed meanwhile' if crash else ''}"


async def partition(world: World, rng: random.Random) -> str:
    """A machine that nobody reaches for a while."""
    seconds = rng.uniform(0.5, 5.0)
    for name in rng.sample(sorted(world.processes), len(world.processes)):
        if await world.cut(name, off=True):
            break
    else:
        return "no machine can be cut off here"
    try:
        await asyncio.sleep(seconds)
    finally:
        await world.cut(name, off=False)
    return f"{name} was cut off for {seconds:.1f} s"


async def lose_packets(world: World, rng: random.Random) -> str:
    """A machine on a bad cable for a while."""
    percent, seconds = rng.randint(1, 20), rng.uniform(0.5, 5.0)
    for name in rng.sample(sorted(world.processes), len(world.processes)):
        if await world.lose(name, percent):
            break
    else:
        return "no packets can be lost here: neither netem nor iptables"
    try:
        await asyncio.sleep(seconds)
    finally:
        await world.lose(name, 0)
    return f"{name} lost {percent} % of its packets for {seconds:.1f} s"


ONE_BOX: tuple[tuple[Fault, int], ...] = ((kill, 5), (kill_sandbox, 3), (freeze, 3), (restart, 2), (fill_disk, 2))
"""With the weight of each."""
CLUSTER: tuple[tuple[Fault, int], ...] = (
    (kill, 6),
    (kill_sandbox, 2),
    (freeze, 3),
    (restart, 3),
    (partition, 3),
    (lose_packets, 3),
)

"""Idle sandboxes that hibernate, told by the test; where their memory goes is `sandboxes/test_hibernation.py`'s."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from scripted import SHAPE, Bench, ScriptedDriver, ScriptedSandbox

from argo_proxy.pool.entry import SandboxEntry, Shelf
from argo_proxy.pool.hibernation import LEAST_HELD_MB
from argo_proxy.pool.limits import PoolLimits
from argo_proxy.pool.serving import ServingLimits
from argo_proxy.sandboxes.port import Residence, SandboxStats

pytestmark = pytest.mark.unit
KEY = ("a", "/a/f", "1")


RESIDENCE = Residence([7, 8], Path("/groups/s"))


class Sleeper(ScriptedSandbox):
    left_mb = 3.5

    home: Residence | None = RESIDENCE

    async def residence(self) -> Residence | None:
        return self.home

    async def stats(self) -> Any:
        return SandboxStats(int(self.left_mb * (1 << 20)), 0.0, 2)


class Sleepers(ScriptedDriver):
    async def create(self, spec: Any) -> ScriptedSandbox:
        await super().create(spec)
        self.sandboxes[-1] = Sleeper(len(self.sandboxes), spec)
        self.prepare(self.sandboxes[-1])
        return self.sandboxes[-1]


class Scripted:
    """A `Hibernator`: `error` is raised, `gate` holds writing back, and `leaving` that it leaves memory."""

    def __init__(self) -> None:
        self.out: list[Residence] = []
        self.gone: list[Residence] = []
        self.back: list[object] = []
        self.error: OSError | None = None
        self.gate, self.leaving = asyncio.Event(), asyncio.Event()
        self.gate.set()
        self.leaving.set()
        self.entered = asyncio.Event()

    async def put_out(self, residence: Residence) -> object:
        self.entered.set()
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        self.out.append(residence)
        return f"out {len(self.out)}"

    async def let_go(self, residence: Residence) -> None:
        self.gone.append(residence)
        await self.leaving.wait()

    def call_back(self, put_out: object) -> None:
        self.back.append(put_out)


@pytest.fixture
async def hibernator() -> Scripted:
    return Scripted()


@pytest.fixture
async def bench(hibernator: Scripted) -> Bench:
    return Bench(
        Sleepers(), PoolLimits(serving=ServingLimits(load_seconds=5), hibernator=hibernator, written_seconds=0.0)
    )


async def settled(bench: Bench, entry: SandboxEntry) -> None:
    """Until it sleeps, or may be asked to again."""
    async with asyncio.timeout(60):
        await bench.settle()
        while not entry.asleep and not entry.may_sleep:
            await asyncio.sleep(0)
            await bench.settle()


async def asleep(bench: Bench) -> SandboxEntry:
    """Warmed, and put to sleep."""
    entry = await bench.warmed()
    bench.pool.hibernate(entry)
    await settled(bench, entry)
    return entry


async def test_one_that_sleeps_holds_next_to_nothing_until_it_is_used(bench: Bench, hibernator: Scripted) -> None:
    entry, table = await asleep(bench), bench.pool.table
    assert (entry.asleep, entry.may_sleep) == (True, False)
    assert hibernator.out == hibernator.gone == [RESIDENCE]
    assert table.memory_used == table.idle_mb == table.held_mb("a") == entry.held_mb == LEAST_HELD_MB
    assert (table.free_slot(KEY), table.sleepers(KEY)) == (entry.number, 1)
    await bench.serve(entry, bench.job())
    assert (entry.asleep, entry.may_sleep, hibernator.back) == (False, True, ["out 1"])
    assert table.memory_used == table.idle_mb == table.held_mb("a") == SHAPE.memory_mb


async def test_what_is_left_in_memory_counts_up_to_what_it_may_use(bench: Bench) -> None:
    for left, held in ((20.2, 21), (1e6, SHAPE.memory_mb)):
        bench.driver.prepare = lambda sandbox, left=left: setattr(sandbox, "left_mb", left)
        assert (await asleep(bench)).held_mb == held


async def test_one_that_is_used_while_it_is_put_out_does_not_fall_asleep(bench: Bench, hibernator: Scripted) -> None:
    entry = await bench.warmed()
    hibernator.gate.clear()
    bench.pool.hibernate(entry)
    await hibernator.entered.wait()
    await bench.pool.serve(entry, bench.job(), cold=bench.pool.assign(entry, bench.job()))
    hibernator.gate.set()
    await settled(bench, entry)
    assert (entry.asleep, entry.may_sleep, entry.put_out, hibernator.gone) == (False, True, None, [])
    assert bench.pool.table.memory_used == SHAPE.memory_mb


async def test_one_that_is_used_before_its_memory_is_gone_has_it_called_back(hibernator: Scripted) -> None:
    limits = PoolLimits(serving=ServingLimits(load_seconds=5), hibernator=hibernator, written_seconds=3600.0)
    bench = Bench(Sleepers(), limits)
    entry = await bench.warmed()
    bench.pool.hibernate(entry)
    await bench.settle()
    assert (entry.asleep, entry.put_out, entry.held_mb) == (False, "out 1", SHAPE.memory_mb)
    await bench.serve(entry, bench.job())
    assert (entry.asleep, entry.put_out, hibernator.back) == (False, None, ["out 1"])


async def test_one_that_is_used_while_others_have_their_turn_keeps_its_memory(
    bench: Bench, hibernator: Scripted
) -> None:
    entries = [await bench.warmed() for _ in range(5)]
    hibernator.leaving.clear()
    for entry in entries:
        bench.pool.hibernate(entry)
    async with asyncio.timeout(60):
        while len(hibernator.gone) < 4:  # as many as may at once
            await asyncio.sleep(0)
    last = entries[-1]
    await bench.pool.serve(last, bench.job(), cold=bench.pool.assign(last, bench.job()))
    hibernator.leaving.set()
    for entry in entries:
        await settled(bench, entry)
    assert [entry.asleep for entry in entries] == [entry is not last for entry in entries]
    assert len(hibernator.gone) == 4


async def test_where_there_is_no_swap_it_stays_awake(bench: Bench, hibernator: Scripted) -> None:
    hibernator.error = OSError("only 3 MB of swap are left")
    entry = await bench.warmed()
    for _ in range(2):  # it is not asked for the next minute
        bench.pool.hibernate(entry)
        await bench.settle()
    assert (entry.asleep, entry.may_sleep, entry.held_mb, hibernator.out) == (False, False, SHAPE.memory_mb, [])


async def test_one_in_no_group_of_its_own_is_not_asked_again(bench: Bench, hibernator: Scripted) -> None:
    bench.driver.prepare = lambda sandbox: setattr(sandbox, "home", None)
    entry = await bench.warmed()
    bench.pool.hibernate(entry)
    await bench.settle()
    assert (entry.asleep, entry.may_sleep, hibernator.out) == (False, False, [])


async def test_a_sleeper_that_is_evicted_frees_what_it_held(bench: Bench) -> None:
    entry = await asleep(bench)
    bench.pool.evict(entry, "memory")
    assert (bench.pool.table.ending_mb, entry.shelf) == (LEAST_HELD_MB, Shelf.ENDING)
    await bench.settle()
    assert (bench.pool.table.memory_used, bench.pool.table.held_mb("a"), len(bench.pool.table)) == (0, 0, 0)


async def test_nothing_sleeps_where_nothing_can(driver: ScriptedDriver, hibernator: Scripted) -> None:
    without, unable = Bench(Sleepers()), Bench(driver, PoolLimits(hibernator=hibernator))
    for each in (without, unable):
        entry = await each.warmed()
        each.pool.hibernate(entry)
        await each.settle()
        assert (entry.asleep, entry.may_sleep) == (False, False)
    assert hibernator.out == []

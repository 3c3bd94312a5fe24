"""`./dev bench scale`: placement at 1,000 nodes and a million functions, simulated: no machine, no bus, no clock.

The product's own choice (`placement.nodes`) over nodes that are numbers. Functions are invoked as the world's are: few
often, most seldom (Zipf). Two ways to look are compared: at all nodes, and at the few that `placement.few` names; and,
on nodes of little memory, a choice that knows what memory is left there with one that does not.
"""

from __future__ import annotations

import argparse
import bisect
import math
import random
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from argo_dev.report import Target, document, show

from argo_provider.placement.few import FewNodes
from argo_provider.placement.nodes import Wanted, choose

CORES = 16
SLOTS = 200  # sandboxes of the mean size that fit on a node
MEMORY_MB = 256
TIGHT_MB = 4096  # of a node on which memory is short before the cores are: half of it busy on average
SIZES_MB = (128, 128, 128, 256, 256, 256, 512, 1024)  # what functions need there, by their number
KINDS = frozenset({"any"})
RUN_SECONDS = 0.1
RATE = 60.0  # invocations a second and node: 6 of 16 cores busy on average
EXPONENT = 1.05  # of Zipf's law


@dataclass
class Machine:
    """A node as the simulation has it. `says`: it tells how much memory is left for new sandboxes."""

    name: str
    sandbox_memory_mb: int
    sizes: Sequence[int]
    says: bool = True
    busy: int = 0
    busy_mb: int = 0
    warm_mb: int = 0
    warm: dict[int, int] = field(default_factory=dict)  # function → sandboxes
    used: deque[int] = field(default_factory=deque)
    running: Counter[int] = field(default_factory=Counter)

    cores = CORES
    kinds = KINDS
    images = full = False
    usable = True
    artefacts = KINDS

    @property
    def in_flight(self) -> int:
        return self.busy

    def free(self, key: str) -> int:
        function = int(key)
        return self.warm.get(function, 0) - self.running.get(function, 0)

    @property
    def room_mb(self) -> int | None:
        return self.sandbox_memory_mb - self.busy_mb if self.says else None

    def size(self, function: int) -> int:
        return self.sizes[function % len(self.sizes)]

    def begin(self, function: int) -> tuple[bool, bool]:
        """Whether it was warm, and whether it had to wait for memory, which is then taken all the same."""
        warm = self.free(str(function)) > 0
        waits = not warm and self.sandbox_memory_mb - self.busy_mb < self.size(function)
        if not warm:
            self.warm[function] = self.warm.get(function, 0) + 1
            self.warm_mb += self.size(function)
            self.used.append(function)
        self.running[function] += 1
        self.busy += 1
        self.busy_mb += self.size(function)
        self._evict()
        return warm, waits

    def _evict(self) -> None:
        """The oldest first, but for those that run."""
        for _ in range(len(self.used)):
            if self.warm_mb <= self.sandbox_memory_mb:
                return
            oldest = self.used.popleft()
            if self.free(str(oldest)) <= 0:
                self.used.append(oldest)
                continue
            self.warm_mb -= self.size(oldest)
            self.warm[oldest] -= 1
            if not self.warm[oldest]:
                del self.warm[oldest]

    def end(self, function: int) -> None:
        self.busy -= 1
        self.busy_mb -= self.size(function)
        self.running[function] -= 1
        if self.running[function] <= 0:
            del self.running[function]


def main() -> int:
    options = _options()
    sizes = ((10, 10_000),) if options.quick else ((10, 10_000), (100, 100_000), (1000, 1_000_000))
    rows: list[dict[str, Any]] = []
    for nodes, functions in sizes:
        invocations = 2_000 if options.quick else min(40_000, 2_000 * nodes, 20_000_000 // nodes)
        rows += [_simulate(nodes, functions, invocations, how, _roomy) for how in ("all", "few")]
    last = {row["look_at"]: row for row in rows[-2:]}
    tight = [_simulate(nodes, functions, invocations, "few", _tight(says=says)) for says in (False, True)]
    rows += tight
    targets = {
        "choice_us_few": Target(last["few"]["choice_us"], 200.0, at_most=True),
        "warm_share_lost_by_few": Target(last["all"]["warm"] - last["few"]["warm"], 0.02, at_most=True),
        "busiest_over_mean_few": Target(last["few"]["busiest_over_mean"], 3.0, at_most=True),
    }
    targets["memory_waits_where_known"] = Target(tight[1]["memory_waits"], 0.001, at_most=True)
    ratios = {"choice_all_over_few": last["all"]["choice_us"] / last["few"]["choice_us"]}
    show(document("scale", rows, ratios, targets), rows, as_json=options.json)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench scale", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="ten nodes only: whether it runs")
    return parser.parse_args()


def _roomy(name: str) -> Machine:
    return Machine(name, SLOTS * MEMORY_MB, (MEMORY_MB,))


def _tight(*, says: bool) -> Callable[[str], Machine]:
    return lambda name: Machine(name, TIGHT_MB, SIZES_MB, says)


def _simulate(count: int, functions: int, invocations: int, how: str, make: Callable[[str], Machine]) -> dict[str, Any]:
    """Invocations one after the other, at the rate that all nodes together are given."""
    dice = random.Random(7)  # noqa: S311  # the same every time
    machines = [make(f"n{number}") for number in range(count)]
    place: Callable[[int], int]
    place = _Few(machines) if how == "few" else _All(machines)
    draw = _zipf(functions, dice)
    ending: deque[tuple[float, int, int]] = deque()
    warm, waits, peaks, spent = 0, 0, [], 0.0
    for number in range(invocations):
        now = number / (RATE * count)
        while ending and ending[0][0] <= now:
            _, machine, function = ending.popleft()
            machines[machine].end(function)
        function = draw()
        if isinstance(place, _Few):
            place.in_flight = len(ending)
        began = time.perf_counter()
        machine = place(function)
        spent += time.perf_counter() - began
        was_warm, waited = machines[machine].begin(function)
        warm, waits = warm + was_warm, waits + waited
        ending.append((now + RUN_SECONDS, machine, function))
        if number % 1000 == 999 and now > RUN_SECONDS:  # before that the nodes are still being filled
            loads = [each.busy for each in machines]
            peaks.append(max(loads) / max(sum(loads) / count, 1))
    return {
        "nodes": count,
        "functions": functions,
        "look_at": how,
        "choice_us": spent / invocations * 1e6,
        "node_mb": machines[0].sandbox_memory_mb,
        "says_memory": machines[0].says,
        "warm": warm / invocations,
        "memory_waits": waits / invocations,
        "busiest_over_mean": sum(peaks) / len(peaks),
    }


class _All:
    def __init__(self, machines: Sequence[Machine]) -> None:
        self._machines = machines
        self._number = {machine.name: number for number, machine in enumerate(machines)}

    def __call__(self, function: int) -> int:
        return self._number[choose(self._machines, _wanted(self._machines[0], function)).name]


class _Few:
    """As a replica of many nodes looks."""

    def __init__(self, machines: Sequence[Machine]) -> None:
        self._machines = {machine.name: machine for machine in machines}
        self._number = {machine.name: number for number, machine in enumerate(machines)}
        self._few = FewNodes(random.Random(11))  # noqa: S311  # the same every time
        for machine in machines:
            self._few.join(machine.name)
        self.in_flight = 0

    def __call__(self, function: int) -> int:
        wanted = _wanted(next(iter(self._machines.values())), function)
        looked = self._few.worth_a_look(wanted, self._machines, self.in_flight / (CORES * len(self._machines)))
        chosen = choose(looked, wanted).name
        self._few.placed(wanted.key, chosen)
        return self._number[chosen]


def _wanted(machine: Machine, function: int) -> Wanted:
    return Wanted(str(function), "any", machine.size(function))


def _zipf(count: int, dice: random.Random) -> Callable[[], int]:
    shares = [*accumulate(1 / math.pow(rank, EXPONENT) for rank in range(1, count + 1))]
    return lambda: bisect.bisect(shares, dice.random() * shares[-1])


if __name__ == "__main__":
    sys.exit(main())

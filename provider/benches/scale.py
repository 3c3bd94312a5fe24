"""`./dev bench scale`: placement at 1,000 nodes and a million functions, simulated: no machine, no bus, no clock.

The product's own choice (`placement.nodes`) over nodes that are numbers. Functions are invoked as the world's are: few
often, most seldom (Zipf). Two ways to look are compared: at all nodes, and at the few that `placement.few` names.
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
SLOTS = 200  # warm sandboxes that fit on a node
KINDS = frozenset({"any"})
RUN_SECONDS = 0.1
RATE = 60.0  # invocations a second and node: 6 of 16 cores busy on average
EXPONENT = 1.05  # of Zipf's law


@dataclass
class Machine:
    """A node as the simulation has it. `warm`: functions in the order of their last use."""

    name: str
    busy: int = 0
    warm: dict[int, int] = field(default_factory=dict)  # function → sandboxes
    used: deque[int] = field(default_factory=deque)
    running: Counter[int] = field(default_factory=Counter)

    cores = CORES
    sandbox_memory_mb = 1 << 20
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

    def begin(self, function: int) -> bool:
        """Whether it was warm."""
        warm = self.warm.get(function, 0) > self.running[function]
        if not warm:
            self.warm[function] = self.warm.get(function, 0) + 1
            self.used.append(function)
            if len(self.used) > SLOTS:
                oldest = self.used.popleft()
                self.warm[oldest] -= 1
                if not self.warm[oldest]:
                    del self.warm[oldest]
        self.running[function] += 1
        self.busy += 1
        return warm

    def end(self, function: int) -> None:
        self.busy -= 1
        self.running[function] -= 1
        if self.running[function] <= 0:
            del self.running[function]


def main() -> int:
    options = _options()
    sizes = ((10, 10_000),) if options.quick else ((10, 10_000), (100, 100_000), (1000, 1_000_000))
    rows: list[dict[str, Any]] = []
    for nodes, functions in sizes:
        invocations = 2_000 if options.quick else min(40_000, 2_000 * nodes, 20_000_000 // nodes)
        rows += [_simulate(nodes, functions, invocations, how) for how in ("all", "few")]
    last = {row["look_at"]: row for row in rows[-2:]}
    targets = {
        "choice_us_few": Target(last["few"]["choice_us"], 200.0, at_most=True),
        "warm_share_lost_by_few": Target(last["all"]["warm"] - last["few"]["warm"], 0.02, at_most=True),
        "busiest_over_mean_few": Target(last["few"]["busiest_over_mean"], 3.0, at_most=True),
    }
    ratios = {"choice_all_over_few": last["all"]["choice_us"] / last["few"]["choice_us"]}
    show(document("scale", rows, ratios, targets), rows, as_json=options.json)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench scale", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="ten nodes only: whether it runs")
    return parser.parse_args()


def _simulate(count: int, functions: int, invocations: int, how: str) -> dict[str, Any]:
    """Invocations one after the other, at the rate that all nodes together are given."""
    dice = random.Random(7)  # noqa: S311  # the same every time
    machines = [Machine(f"n{number}") for number in range(count)]
    place: Callable[[int], int]
    place = _Few(machines) if how == "few" else _All(machines)
    draw = _zipf(functions, dice)
    ending: deque[tuple[float, int, int]] = deque()
    warm, peaks, spent = 0, [], 0.0
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
        warm += machines[machine].begin(function)
        ending.append((now + RUN_SECONDS, machine, function))
        if number % 1000 == 999 and now > RUN_SECONDS:  # before that the nodes are still being filled
            loads = [each.busy for each in machines]
            peaks.append(max(loads) / max(sum(loads) / count, 1))
    return {
        "nodes": count,
        "functions": functions,
        "look_at": how,
        "choice_us": spent / invocations * 1e6,
        "warm": warm / invocations,
        "busiest_over_mean": sum(peaks) / len(peaks),
    }


class _All:
    def __init__(self, machines: Sequence[Machine]) -> None:
        self._machines = machines
        self._number = {machine.name: number for number, machine in enumerate(machines)}

    def __call__(self, function: int) -> int:
        wanted = Wanted(str(function), "any", 256)
        return self._number[choose(self._machines, wanted).name]


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
        key = str(function)
        looked = self._few.worth_a_look(key, self._machines, self.in_flight / (CORES * len(self._machines)))
        chosen = choose(looked, Wanted(key, "any", 256)).name
        self._few.placed(key, chosen)
        return self._number[chosen]


def _zipf(count: int, dice: random.Random) -> Callable[[], int]:
    shares = [*accumulate(1 / math.pow(rank, EXPONENT) for rank in range(1, count + 1))]
    return lambda: bisect.bisect(shares, dice.random() * shares[-1])


if __name__ == "__main__":
    sys.exit(main())

"""A day of many functions in virtual time, with a pipeline that answers as a real one would, and what all of it costs.

Charged are sandboxes and isolates for as long as they are warm, the NIUk (or zygote) of a namespace for as long as any
of its functions is warm in it, and builds, an engine's too, with their memory and processor time.
"""

from __future__ import annotations

import heapq
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "loadtests"))

from traces.arrivals import Arrival

from argo_provider.optimizer import events as ev
from argo_provider.optimizer.instructions import Build, Canary, Demote, Instruction, Observe, Promote, Scale
from argo_provider.optimizer.model import NATIVE_TECHNOLOGY, FailureKind, FunctionId, Wishes
from argo_provider.optimizer.policy import Policy
from argo_provider.optimizer.settings import OptimizerSettings

DAY, TICK = 86_400.0, 5.0
FIXED_SECONDS = 600.0
FAMILIES = ("java", "java", "nodejs", "nodejs", "python")
NAMESPACES = 7
ENGINE_BUILDS = 4
CALL_CPU_SECONDS = 0.005  # of the service and the function, as `./dev bench trace` shows them


@dataclass(frozen=True)
class Form:
    """A way to run a function: MB while it is warm, and its start in milliseconds."""

    mb: float
    start_ms: float


@dataclass(frozen=True)
class World:
    """What things really cost. `niuk_mb`: of a NIUk or zygote by itself."""

    ordinary: Mapping[str, Form]
    native: Mapping[str, Form]
    niuk_mb: float = 24.0
    build_seconds: float = 90.0
    build_cpu_seconds: float = 120.0
    build_mb: float = 1024.0


@dataclass
class Cost:
    """Of a whole day; processor time is that of starts, builds, and calls, which cost the same whatever the way."""

    mb_seconds: float = 0.0
    waited_ms: float = 0.0  # for cold starts
    cpu_seconds: float = 0.0

    def call(self) -> None:
        self.cpu_seconds += CALL_CPU_SECONDS

    def start(self, form: Form) -> None:
        self.waited_ms += form.start_ms
        self.cpu_seconds += form.start_ms / 1000


@dataclass
class Warmth:
    """One function's sandboxes, taken as one: alive from a first invocation until it is scaled to zero."""

    since: float | None = None
    native: bool = False


@dataclass
class Day:
    arrivals: list[Arrival]
    number: int
    world: World
    settings: OptimizerSettings
    queue: list[tuple[float, int, ev.Event]] = field(default_factory=list)
    natively: Counter[str] = field(default_factory=Counter)
    told: Counter[type] = field(default_factory=Counter)
    trials: dict[FunctionId, int] = field(default_factory=dict)
    most_builds: int = 0
    engine: bool = False  # the JavaScript engine was built
    cost: Cost = field(default_factory=Cost)

    def __post_init__(self) -> None:
        self.policy = Policy(self.settings)
        names = (f"ns{index % NAMESPACES}" for index in range(self.number))
        self.functions = [FunctionId(name, f"/{name}/f{index}") for index, name in enumerate(names)]
        self.warmth = {function: Warmth() for function in self.functions}
        self.houses: dict[tuple[str, str], dict[FunctionId, None]] = {}  # namespace and technology: who is warm there
        self.housed: dict[tuple[str, str], float] = {}  # since when somebody is
        self.building: set[FunctionId] = set()
        for index, function in enumerate(self.functions):
            self.carry_out(self.policy.handle(ev.Deployed(function, 0.0, "x", FAMILIES[index % 5], Wishes(), 256)), 0.0)

    def run(self) -> None:
        tick = TICK
        for arrival in self.arrivals:
            while min(tick, self.queue[0][0] if self.queue else DAY) <= arrival.at:
                if self.queue and self.queue[0][0] <= tick:
                    at, _, event = heapq.heappop(self.queue)
                    if isinstance(event, ev.BuildEnded):
                        self.building.discard(event.function)
                    self.carry_out(self.policy.handle(event), at)
                else:
                    self.carry_out(self.policy.handle(ev.Tick(tick)), tick)
                    tick += TICK
            self.invoke(arrival)
        for function in self.functions:
            self.cool(function, DAY)

    def invoke(self, arrival: Arrival) -> None:
        function, at = self.functions[arrival.function], arrival.at
        route = self.policy.route(function, "x")
        native = route.technology is not None
        self.cost.call()
        self.natively[family_of(function)] += native
        form = self.form(function, native=native)
        cold = self.warm(function, at, native=native)
        wait = form.start_ms if cold else 0.2
        done = ev.Invoked(function, at, "x", native, route.canary, cold, 0, wait, arrival.duration_ms, succeeded=True)
        self.carry_out(self.policy.handle(done), at)
        if cold:
            self.weigh(function, at, native=native)
        if route.canary and function in self.trials:
            self.trials[function] -= 1
            if not self.trials[function]:
                del self.trials[function]
                self.carry_out(self.policy.handle(ev.CanaryEnded(function, at, "x")), at)

    # ------------------------------------------------------------ what is held

    def form(self, function: FunctionId, *, native: bool) -> Form:
        return (self.world.native if native else self.world.ordinary)[family_of(function)]

    def warm(self, function: FunctionId, at: float, *, native: bool) -> bool:
        """Whether it had to start."""
        warmth = self.warmth[function]
        if warmth.since is not None and warmth.native == native:
            return False
        self.cool(function, at)
        warmth.since, warmth.native = at, native
        self.cost.start(self.form(function, native=native))
        if native:
            house = self.house_of(function)
            self.houses.setdefault(house, {})[function] = None
            self.housed.setdefault(house, at)
        return True

    def cool(self, function: FunctionId, at: float) -> None:
        warmth = self.warmth[function]
        if warmth.since is None:
            return
        self.cost.mb_seconds += (at - warmth.since) * self.form(function, native=warmth.native).mb
        warmth.since = None
        house = self.house_of(function)
        if warmth.native:
            del self.houses[house][function]
            if not self.houses[house]:
                self.cost.mb_seconds += (at - self.housed.pop(house)) * self.world.niuk_mb

    def house_of(self, function: FunctionId) -> tuple[str, str]:
        return function.namespace, NATIVE_TECHNOLOGY[family_of(function)]

    def weigh(self, function: FunctionId, at: float, *, native: bool) -> None:
        """As those do who look at sandboxes and NIUks."""
        mb = self.form(function, native=native).mb
        if not native or self.house_of(function)[1] != "niuk":
            self.policy.handle(ev.Weighed(function, at, native, mb))
            return
        here = self.houses[self.house_of(function)]
        tenants = tuple(ev.Tenant(each.path, 1, self.form(each, native=True).mb) for each in here)
        whole = self.world.niuk_mb + sum(tenant.mb for tenant in tenants)
        self.policy.handle(ev.NiukWeighed(at, function.namespace, whole, tenants))

    # ------------------------------------------------------------ the pipeline

    def answer(self, at: float, event: ev.Event) -> None:
        heapq.heappush(self.queue, (at, self.told.total(), event))

    def carry_out(self, instructions: list[Instruction], at: float) -> None:
        for each in instructions:
            self.told[type(each)] += 1
            if isinstance(each, Observe):
                self.answer(at + 60, ev.Recorded(each.function, at + 60, "x"))
            elif isinstance(each, Build):
                self.begin_build(each.function, at)
            elif isinstance(each, Canary):
                self.trials[each.function] = each.invocations
            elif isinstance(each, Scale) and not each.warm:
                self.cool(each.function, at)
            elif isinstance(each, Demote):
                self.trials.pop(each.function, None)
            elif isinstance(each, Promote) and not self.warmth[each.function].native:
                self.cool(each.function, at)  # ordinary ones serve nobody any more

    def begin_build(self, function: FunctionId, at: float) -> None:
        world, compiled = self.world, family_of(function) == "java"
        seconds = world.build_seconds if compiled else 0.01
        if compiled:
            self.building.add(function)
            self.most_builds = max(self.most_builds, len(self.building))
            self.cost.mb_seconds += world.build_mb * seconds
            self.cost.cpu_seconds += world.build_cpu_seconds
        elif family_of(function) == "nodejs" and not self.engine:
            self.engine = True
            self.cost.mb_seconds += ENGINE_BUILDS * world.build_mb * world.build_seconds
            self.cost.cpu_seconds += ENGINE_BUILDS * world.build_cpu_seconds
        failure = FailureKind.CLOSED_WORLD if compiled and number_of(function) % 10 == 0 else None
        cpu = world.build_cpu_seconds if compiled else None
        ended = ev.BuildEnded(function, at + seconds, "x", seconds, failure, "class Missing", cpu)
        self.answer(at + seconds, ended)


def number_of(function: FunctionId) -> int:
    return int(function.path.rpartition("f")[2])


def family_of(function: FunctionId) -> str:
    return FAMILIES[number_of(function) % 5]


def fixed_keep_alive(day: list[Arrival], world: World) -> Cost:
    """The same day without an optimiser: every ordinary sandbox is kept for the same time."""
    last: dict[int, float] = {}
    cost = Cost()
    for arrival in day:
        form = world.ordinary[FAMILIES[arrival.function % 5]]
        before = last.get(arrival.function)
        cost.call()
        if before is None or arrival.at - before > FIXED_SECONDS:
            cost.start(form)
        cost.mb_seconds += form.mb * (0.0 if before is None else min(arrival.at - before, FIXED_SECONDS))
        last[arrival.function] = arrival.at
    for function, at in last.items():
        cost.mb_seconds += min(FIXED_SECONDS, DAY - at) * world.ordinary[FAMILIES[function % 5]].mb
    return cost

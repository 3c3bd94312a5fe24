"""The optimiser's policy over all functions of a machine: typed events in, typed instructions out. Pure.

policy = Policy(settings)                    or Policy.from_json(document, settings), then resume(now)
for each event: carry out policy.handle(event)
for each invocation: policy.route(function, fingerprint)
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from argo_provider.model.stay import Stay
from argo_provider.optimizer import events as ev
from argo_provider.optimizer import snapshot, wording
from argo_provider.optimizer.budget import Budget
from argo_provider.optimizer.changes import Changed, Changes
from argo_provider.optimizer.function import Function
from argo_provider.optimizer.hearing import hear
from argo_provider.optimizer.heat import ENGINES, worth
from argo_provider.optimizer.instructions import Instruction
from argo_provider.optimizer.model import Explanation, Figures, FunctionId, Route, State, Tier
from argo_provider.optimizer.record import Awaited
from argo_provider.optimizer.settings import OptimizerSettings
from argo_provider.optimizer.sizes import Machine, shares
from argo_provider.scheduling.settings import PoolSettings

_ORDINARY = Route()
_PATIENCE_SECONDS = PoolSettings().patience_seconds  # where nobody says
_OWED = 1000


@dataclass(slots=True)
class _Namespace:
    budget: Budget
    functions: dict[FunctionId, Function] = field(default_factory=dict)


class Policy:
    """Knows every function that was deployed and not removed. Events of others are let fall."""

    def __init__(self, settings: OptimizerSettings, *, patience_seconds: float = _PATIENCE_SECONDS) -> None:
        """`patience_seconds`: as of the pool, whose slots share the isolates that are asked for here."""
        self._settings = settings
        self._patience_ms = patience_seconds * 1000
        self._functions: dict[FunctionId, Function] = {}
        self._namespaces: dict[str, _Namespace] = {}
        self._waiting: dict[FunctionId, Function] = {}  # for their turn to be built
        self._building: set[FunctionId] = set()  # those that take a turn
        self._wakes: list[tuple[float, int, FunctionId]] = []
        self._wake_at: dict[FunctionId, float] = {}
        self._order = count()
        self._owed: dict[FunctionId, list[tuple[Awaited, str]]] = {}  # to functions that were removed
        self._changes = Changes()
        self._machine = Machine()
        self._now = 0.0

    # ------------------------------------------------------------ in and out

    def handle(self, event: ev.Event) -> list[Instruction]:
        """What follows from `event`, in the order to carry it out.

        Raises ImpossibleTransition for what cannot have happened, ValueError for a wish that there is not.
        """
        self._now = max(self._now, event.at)
        if isinstance(event, ev.Invoked):  # first, because nearly all are
            return self._invoked(event)
        if isinstance(event, ev.Tick):
            return self._tick(event.at)
        if isinstance(event, ev.MemoryPressure):
            return self._squeeze(event)
        if isinstance(event, ev.NiukWeighed):
            return self._weigh(event)
        if isinstance(event, ev.Deployed) and event.function not in self._functions:
            self._meet(event)
        function = self._functions.get(event.function)
        if function is None:
            return []
        self._learn(function.record.family, event)
        out = hear(function, event)
        if isinstance(event, ev.Removed):
            self._forget(event.function)
        else:
            self._schedule(event.function, function)
        return out + self._decided(event.function, function, event.at)

    def _invoked(self, event: ev.Invoked) -> list[Instruction]:
        """Mostly it changes nothing but figures."""
        identity = event.function
        function = self._functions.get(identity)
        if function is None:
            return []
        record = function.record
        since, awaited = record.since, record.awaited
        out = hear(function, event)
        if since != record.since or awaited is not record.awaited:
            self._schedule(identity, function)
            return out + self._decided(identity, function, event.at)
        self._changes.counted[identity] = None
        if out:
            self._changes.decided.add(identity)
        if identity not in self._wake_at:  # else its next wake only moves away as it is called
            self._schedule(identity, function)
        return out

    def _decided(self, identity: FunctionId, function: Function, at: float) -> list[Instruction]:
        self._changes.decided.add(identity)
        self._account(identity, function)
        return self._begin_builds(at)

    def route(self, function: FunctionId, fingerprint: str) -> Route:
        """How the next invocation of this code is placed. The policy's own word is never of other code."""
        known = self._functions.get(function)
        if known is None:
            return _ORDINARY
        return known.route() if known.record.fingerprint == fingerprint else known.ordinary_route()

    def resume(self, at: float) -> list[Instruction]:
        """After `from_json`: what was under way, asked for again."""
        self._now = max(self._now, at)
        out: list[Instruction] = []
        for identity, function in self._functions.items():
            out += function.resume(at)
            self._changes.counted[identity] = None
            self._account(identity, function)
            self._schedule(identity, function)
        return out + self._begin_builds(at)

    # ------------------------------------------------------------ to be read

    def stays(self, function: FunctionId) -> tuple[Stay, Stay] | None:
        """For how long its ordinary sandboxes are kept after their last use: the one used last, and those beside it.

        None where its owner wants some warm whatever happens, or nothing is decided here.
        """
        known = self._functions.get(function)
        if known is None or not self._settings.enabled or known.record.wishes.warm:
            return None
        return known.keeping.ordinary()

    def explain(self, function: FunctionId) -> Explanation | None:
        """Where it is, since when, why, and what would change it; None: not known."""
        known = self._functions.get(function)
        if known is None:
            return None
        record = known.record
        queued = self._place_in_queue(function)
        not_before = None if queued is None else self._namespaces[function.namespace].budget.next_build(self._now)
        if not_before is None:
            bill, may = known.paying.bill(self._now), known.may_move()
            after = wording.what_next(record, self._settings, bill, may_move=may, queued=queued, now=self._now)
        else:
            after = wording.out_of_builds(self._settings, not_before)
        figures = Figures(
            record.signals.per_minute(self._now),
            record.signals.per_hour(self._now),
            record.signals.overlap,
            record.signals.cold_share,
            record.signals.run_ms,
            known.keeping.seconds(native=known.runs_natively()),
        )
        return Explanation(
            record.state,
            record.since,
            known.reason(),
            after,
            figures,
            record.wishes,
            record.rounds,
            record.fingerprint,
            tuple(record.history),
            queued,
            record.warm,
        )

    def functions(self, namespace: str) -> tuple[FunctionId, ...]:
        """All that the namespace runs, in the order of their paths."""
        known = self._namespaces.get(namespace)
        return tuple(sorted(known.functions)) if known else ()

    def states(self, namespace: str) -> dict[str, State]:
        """By path, of all that the namespace runs: for lists of thousands, which need no words."""
        known = self._namespaces.get(namespace)
        return {f.path: each.record.state for f, each in known.functions.items()} if known else {}

    def to_json(self) -> dict[str, Any]:
        """Everything that must survive a restart, as plain data."""
        records = [function.record for function in self._functions.values()]
        return snapshot.dump(records, self._builds(), self._machine.sizes)

    def take_changes(self, *, everything: bool = False) -> Changed:
        """What of `to_json` is to be kept anew; `snapshot.assemble` puts it together again. Taken once."""
        functions = {}
        for identity in self._changes.take(everything=everything):
            function = self._functions.get(identity)
            functions[identity] = None if function is None else snapshot.dump_one(function.record)
        rest, self._changes.rest = self._changes.rest, False
        return Changed(functions, snapshot.dump([], self._builds(), self._machine.sizes) if rest else None)

    def put_back(self, changed: Changed) -> None:
        """It could not be kept."""
        self._changes.put_back(changed)

    def _builds(self) -> dict[str, list[float]]:
        return {name: list(each.budget.builds) for name, each in self._namespaces.items()}

    @classmethod
    def from_json(
        cls, document: Any, settings: OptimizerSettings, *, patience_seconds: float = _PATIENCE_SECONDS
    ) -> Policy:
        """Raises SnapshotError if `document` is not what `to_json` gives."""
        records, builds, sizes = snapshot.load(document, settings)
        policy = cls(settings, patience_seconds=patience_seconds)
        policy._machine.sizes = sizes
        for name, times in builds.items():
            policy._namespace(name).budget.builds.extend(times)
        for record in records:
            policy._add(Function(record, settings, policy._namespace(record.function.namespace).budget))
        return policy

    # ------------------------------------------------------------ functions

    def _namespace(self, name: str) -> _Namespace:
        if name not in self._namespaces:
            self._changes.rest = True
            self._namespaces[name] = _Namespace(Budget(self._settings, self._machine, self._patience_ms))
        return self._namespaces[name]

    def _meet(self, event: ev.Deployed) -> None:
        function = Function.met(event, self._settings, self._namespace(event.function.namespace).budget)
        function.record.abandoned = self._owed.pop(event.function, [])
        self._add(function)

    def _add(self, function: Function) -> None:
        identity = function.record.function
        self._functions[identity] = function
        self._namespace(identity.namespace).functions[identity] = function

    def _forget(self, identity: FunctionId) -> None:
        """But not which answers may still come: the same code may be deployed anew before they do."""
        abandoned = self._functions.pop(identity).record.abandoned
        if abandoned:
            self._owed[identity] = abandoned
            if len(self._owed) > _OWED:
                del self._owed[next(iter(self._owed))]
        self._wake_at.pop(identity, None)
        del self._namespaces[identity.namespace].functions[identity]

    # ------------------------------------------------------------ what things cost

    def _learn(self, family: str, event: ev.Event) -> None:
        sizes = self._machine.sizes
        if isinstance(event, ev.Weighed):
            self._changes.rest |= sizes.weighed(family, event)
        elif isinstance(event, ev.BuildEnded) and event.failure is None:
            if family in ENGINES:
                self._changes.rest |= sizes.saw_engine(family)
            if event.cpu_seconds is not None:
                self._changes.rest |= sizes.built(event.seconds, event.cpu_seconds, event.at)

    def _weigh(self, event: ev.NiukWeighed) -> list[Instruction]:
        sizes = self._machine.sizes
        sizes.niuk_mb = min(sizes.niuk_mb or event.mb, event.mb)
        for path, mb in shares(event, sizes.base_mb("niuk", self._settings)).items():
            function = self._functions.get(FunctionId(event.namespace, path))
            if function is not None:
                weighed = ev.Weighed(function.record.function, event.at, native=True, mb=mb)
                self._learn(function.record.family, weighed)
                hear(function, weighed)
                self._changes.counted[function.record.function] = None
        return []

    # ------------------------------------------------------------ builds

    def _account(self, identity: FunctionId, function: Function) -> None:
        awaited = function.record.awaited
        if awaited is Awaited.TURN:
            self._waiting[identity] = function
        else:
            self._waiting.pop(identity, None)
        if awaited is not Awaited.BUILD:
            self._building.discard(identity)

    def _begin_builds(self, at: float) -> list[Instruction]:
        """The most wanted first, while there are turns and its namespace has builds left."""
        out: list[Instruction] = []
        while self._waiting and len(self._building) < self._settings.builds_at_once:
            identity = self._next_to_build(at)
            if identity is None:
                break
            function = self._waiting[identity]
            self._changes.decided.add(identity)
            if function.still_wanted(at):
                out.append(function.start_build(at))
                self._building.add(identity)
                self._namespaces[identity.namespace].budget.builds.append(at)
                self._changes.rest = True
            else:
                out += function.retreat(at, function.why_no_more(at), cool=False)
            self._account(identity, function)
            self._schedule(identity, function)
        return out

    def _next_to_build(self, at: float) -> FunctionId | None:
        able = [each for each in self._waiting if self._namespaces[each.namespace].budget.may_build(at)]
        return max(able, key=self._urgency, default=None)

    def _urgency(self, identity: FunctionId) -> tuple[bool, bool, float]:
        record = self._functions[identity].record
        return record.urgent, record.wishes.tier is Tier.NATIVE, worth(record.signals, self._now)

    def _place_in_queue(self, identity: FunctionId) -> int | None:
        if identity not in self._waiting:
            return None
        own = self._urgency(identity)
        return len(self._building) + sum(self._urgency(each) > own for each in self._waiting)

    # ------------------------------------------------------------ time and memory

    def _schedule(self, identity: FunctionId, function: Function) -> None:
        """See that it is woken no later than it must; one that is woken too early goes back to sleep."""
        known = self._wake_at.get(identity)
        wake = function.next_wake()
        if wake is not None and (known is None or wake < known):
            self._wake_at[identity] = wake
            heapq.heappush(self._wakes, (wake, next(self._order), identity))

    def _tick(self, at: float) -> list[Instruction]:
        out: list[Instruction] = []
        while self._wakes and self._wakes[0][0] <= at:
            when, _, identity = heapq.heappop(self._wakes)
            if self._wake_at.get(identity) != when:
                continue
            del self._wake_at[identity]
            function = self._functions[identity]
            woken = function.wake(at)
            (self._changes.decided.add if woken else self._changes.counted.setdefault)(identity)
            out += woken
            self._account(identity, function)
            self._schedule(identity, function)
        return out + self._begin_builds(at)

    def _squeeze(self, event: ev.MemoryPressure) -> list[Instruction]:
        """The least valuable warm ones go until enough is free."""
        settings, namespace = self._settings, event.namespace
        lacking = float(settings.pressure_free_mb - event.free_mb)
        known = self._functions if namespace is None else self._namespace(namespace).functions
        able = [each for each in known.values() if namespace is None or each.runs_natively()]
        if event.paths is not None:
            able = [each for each in able if each.record.function.path in event.paths]
        out: list[Instruction] = []
        for function in sorted(able, key=lambda each: each.value_of_memory(event.at)):
            if lacking <= 0:
                break
            lacking -= function.spare_mb()
            out += function.squeeze()
            self._changes.decided.add(function.record.function)
        return out

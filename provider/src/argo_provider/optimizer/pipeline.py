"""Carries the policy's instructions out, and tells it what came of them.

What happens in the placement comes in by `route`, `executed`, `fell_short` and `compared`, which are called in the path
of invocations: they are quick and never raise. Everything else is done in tasks.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog

from argo_provider.events import ActionChanged, EventBus, NamespaceChanged, TierChanged
from argo_provider.events import Event as BusEvent
from argo_provider.model.stay import Stay
from argo_provider.optimizer import events as ev
from argo_provider.optimizer import instructions as do
from argo_provider.optimizer.builds import BuildRecord, Builds
from argo_provider.optimizer.model import Explanation, FailureKind, FunctionId, Route, Wishes
from argo_provider.optimizer.ports import (
    Artefact,
    Decides,
    NativeTechnology,
    Subject,
    Ways,
)
from argo_provider.optimizer.reach import Reach
from argo_provider.optimizer.recorders import OBSERVED, Recorders
from argo_provider.optimizer.settings import OptimizerSettings
from argo_provider.optimizer.shelf import Shelf
from argo_provider.optimizer.subjects import Known, fingerprint_of
from argo_provider.optimizer.trials import Trials
from argo_provider.optimizer.wishes import wishes_of
from argo_provider.placement.port import ORDINARY, Overloaded
from argo_proxy.protocol.messages import Executable, Execution, OutcomeKind
from argo_proxy.sandboxes.port import Shortfall

_log = structlog.get_logger(__name__)
_WEIGHED_A_TICK = 4
_FIGURES = (ev.Invoked, ev.Tick, ev.Weighed, ev.NiukWeighed)  # of which mostly nothing follows

Lookup = Callable[[FunctionId], Awaitable[Executable | None]]
"""The action at this path as the namespace would run it now; None where there is none."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the pipeline works with. `technologies`: by language family."""

    technologies: Mapping[str, NativeTechnology]
    builds: Builds
    shelf: Shelf
    events: EventBus
    lookup: Lookup
    spawn: Callable[[Coroutine[Any, Any, None]], object]


class Pipeline:
    """A `Router`, a `Compared`, and a listener of the pool's events. `attach` it to the placement, then `start` it."""

    def __init__(self, policy: Decides, settings: OptimizerSettings, around: Surroundings) -> None:
        self._policy = policy
        self._settings = settings
        self._around = around
        self._reach = Reach(settings, self.tell)
        self._recorders = Recorders(self._reach)
        self._trials = Trials(self._reach)
        self._known: dict[tuple[str, str], Known] = {}
        self._wanted_warm: set[Known] = set()
        self._steps: dict[FunctionId, tuple[float, str]] = {}  # since when and why, as it was told last
        self._saving = asyncio.Lock()  # what was decided first is kept first

    def attach(self, ways: Ways) -> None:
        """The placement whose router this is."""
        self._reach.ways = ways

    async def start(self, resumed: list[do.Instruction]) -> None:
        """Take up what an earlier run left: `resumed` is what the restored policy asks for."""
        await self._around.builds.load()
        await self._around.shelf.load()
        self._around.events.listen(self._heard, ActionChanged, NamespaceChanged)
        for instruction in resumed:
            self._carry_out(instruction)

    async def tick_forever(self) -> None:
        """Time passes; until cancelled."""
        while True:
            await asyncio.sleep(self._settings.tick_seconds)
            await self.tick()

    async def tick(self) -> None:
        """Cool-downs end, recorders have seen enough, and what was decided is kept."""
        self.tell(ev.Tick(time.time()))
        await self._recorders.look()
        await self._weigh()
        self._keep_warm()
        await self._save()

    async def _weigh(self) -> None:
        for function, variant, mb, start in await self._reach.ways.weigh(_WEIGHED_A_TICK):
            native = variant != ORDINARY.variant
            self.tell(ev.Weighed(function, time.time(), native=native, mb=mb, start_cpu_ms=start))

    async def close(self) -> None:
        """Nothing is lost of what was decided, nor of what was counted."""
        await self._save(everything=True)

    # ------------------------------------------------------------ in the path of invocations

    def route(self, executable: Executable) -> Route:
        known = self._known.get((executable.namespace, executable.path))
        if known is None or known.subject.executable.revision != executable.revision:
            known = self._meet(executable)
            if known is None:
                return ORDINARY
        subject = known.subject
        route = self._policy.route(subject.function, subject.fingerprint)
        if known.open and known.technology is not None and route.technology == known.technology.name:
            return route
        if known.recording and (route.observed or known.handing_over):
            self._recorders.count(known)
            return OBSERVED
        return ORDINARY

    def keep_alive(self, namespace: str, path: str) -> tuple[Stay, Stay] | None:
        return self._policy.stays(FunctionId(namespace, path))

    def ran(self, namespace: str, path: str, nanoseconds: int) -> None:
        """So long was an invocation in user code, says the NIUk; that it ended is told after this."""
        if (known := self._known.get((namespace, path))) is not None:
            known.inside_ms = nanoseconds / 1e6

    def executed(self, executable: Executable, execution: Execution) -> None:
        known = self._known.get((executable.namespace, executable.path))
        if known is None or known.subject.executable.revision != executable.revision:
            return
        subject, phases = known.subject, execution.phases
        native = known.technology is not None and execution.sandbox == known.technology.name
        self.tell(
            ev.Invoked(
                subject.function,
                execution.ended_at,
                subject.fingerprint,
                native,
                execution.canary,
                phases.cold,
                max(0, self._reach.ways.load(executable)),
                phases.start + phases.init,
                phases.run,
                execution.outcome.kind is OutcomeKind.SUCCESS,
                known.inside_ms if native else 0.0,
            )
        )
        self._trials.executed(subject.function, execution, native=native)

    def fell_short(self, executable: Executable, shortfall: Shortfall | None, words: str, *, rerun: bool) -> None:
        known = self._known.get((executable.namespace, executable.path))
        if known is None or known.subject.executable.revision != executable.revision:
            return
        _log.info("native_fell_short", path=executable.path, reason=shortfall and shortfall.value, rerun=rerun)
        if rerun:  # with the recorder beside it
            self._recorders.count(known)
        self._around.spawn(self._trials.fell_short(known, known.subject, shortfall, words))

    def compared(self, executable: Executable, native: Execution, ordinary: Execution) -> None:
        self._trials.compared(FunctionId(executable.namespace, executable.path), executable, native, ordinary)

    # ------------------------------------------------------------ in and out of the policy

    def tell(self, event: ev.Event) -> None:
        """Hand the policy an event and carry out what follows; its bugs are no trouble of any invocation."""
        try:
            instructions = self._policy.handle(event)
        except Exception:  # noqa: BLE001 — the guard: an impossible transition is told with its story, and goes no further
            _log.exception("policy_failed")
            return
        if not instructions and isinstance(event, _FIGURES):
            return
        for instruction in instructions:
            self._carry_out(instruction)
        told = {instruction.function for instruction in instructions}
        if not isinstance(event, ev.Tick | ev.NiukWeighed | ev.MemoryPressure):
            told.add(event.function)
        for function in told:
            self._tell_steps(function)

    def ask(self, function: FunctionId, wish: str) -> Explanation | None:
        """What its owner wants of it; where it is then. Raises ValueError for a wish that there is not."""
        if function not in self._known and self._policy.explain(function) is None:
            return None
        for instruction in self._policy.handle(ev.Asked(function, time.time(), wish)):
            self._carry_out(instruction)
        self._tell_steps(function)
        return self._policy.explain(function)

    async def meet(self, function: FunctionId) -> bool:
        """Have it known, whether or not it was ever invoked; False where there is no such action."""
        executable = await self._around.lookup(function)
        if executable is None:
            return False
        self._meet(executable)
        return True

    def explain(self, function: FunctionId) -> Explanation | None:
        """None: never heard of."""
        return self._policy.explain(function)

    def _tell_steps(self, function: FunctionId) -> None:
        explained = self._policy.explain(function)
        if explained is None:
            self._steps.pop(function, None)
            return
        told = (explained.since, explained.reason)
        if self._steps.get(function) != told:
            self._steps[function] = told
            _log.info("tier_changed", path=function.path, state=explained.state.value, reason=explained.reason)
            self._around.events.publish(TierChanged(function))
            self._around.spawn(self._save())

    def _meet(self, executable: Executable) -> Known | None:
        """This revision is new here, or an old one that still comes by (None)."""
        function = FunctionId(executable.namespace, executable.path)
        subject = Subject(function, fingerprint_of(executable), executable)
        wishes = wishes_of(executable.annotations)
        known = self._known.get(function)
        if known is None:
            technology = None if executable.image else self._around.technologies.get(subject.family)
            known = self._known[function] = Known(subject, wishes, technology)
            self._take_from_shelf(known)
        elif executable.revision in known.past:
            return None
        else:
            known.update(subject, wishes)
        (self._wanted_warm.add if wishes.warm else self._wanted_warm.discard)(known)
        self.tell(ev.Deployed(function, time.time(), subject.fingerprint, subject.family, wishes, executable.memory_mb))
        return known

    # ------------------------------------------------------------ instructions

    def _carry_out(self, instruction: do.Instruction) -> None:
        known = self._known.get(instruction.function)
        if known is None:
            self._around.spawn(self._once_known(instruction))
            return
        match instruction:
            case do.Observe(_, fingerprint):
                self._around.spawn(self._recorders.begin(known, fingerprint))
            case do.Build(_, fingerprint, number):
                self._build(known, fingerprint, number)
            case do.CancelBuild(function, fingerprint):
                self._around.builds.cancel(function, fingerprint)
            case do.Canary(_, fingerprint, _, number, warm):
                self._begin_trial(known, fingerprint, number, warm)
            case do.Promote(function, fingerprint):
                self._promote(known, function, fingerprint)
            case do.Demote():
                self._demote(known)
            case do.Scale(_, warm):
                self._around.spawn(self._scale(known, warm))
            case do.Retire(function, fingerprint):
                self._around.spawn(self._around.shelf.remove(function, fingerprint))

    async def _once_known(self, instruction: do.Instruction) -> None:
        """After a restart nothing was invoked yet."""
        if await self.meet(instruction.function):
            self._carry_out(instruction)
        elif not isinstance(instruction, do.Retire | do.Demote | do.CancelBuild):
            self.tell(ev.Removed(instruction.function, time.time()))
        elif isinstance(instruction, do.Retire):
            await self._around.shelf.remove(instruction.function, instruction.fingerprint)

    def _build(self, known: Known, fingerprint: str, number: int) -> None:
        if known.technology is None or known.subject.fingerprint != fingerprint:
            failure, detail = FailureKind.UNSUPPORTED, f"no native form is made of '{known.subject.family}' here"
            self.tell(ev.BuildEnded(known.function, time.time(), fingerprint, 0.0, failure, detail))
            return
        self._around.spawn(self._learn_and_build(known, known.subject, known.technology, number))

    async def _learn_and_build(self, known: Known, subject: Subject, technology: NativeTechnology, number: int) -> None:
        await self._recorders.learn(known)
        await self._recorders.leave(known, subject)
        if known.subject is subject:
            self._around.builds.begin(subject, technology, round_number=number, ended=partial(self._built, known))

    def _built(self, known: Known, record: BuildRecord, artefact: Artefact | None) -> None:
        if artefact is not None and known.subject.fingerprint == record.fingerprint:
            known.artefact = artefact
            self._around.spawn(self._around.shelf.put(known.function, artefact))
        self.tell(
            ev.BuildEnded(
                record.function,
                time.time(),
                record.fingerprint,
                record.seconds,
                record.failure,
                record.detail,
                artefact.cpu_seconds if artefact is not None else None,
            )
        )

    def _begin_trial(self, known: Known, fingerprint: str, number: int, warm: int) -> None:
        explained = self._policy.explain(known.function)
        usual = explained.figures.run_ms if explained is not None else 0.0
        self._around.spawn(self._trials.begin(known, fingerprint, number, usual_ms=usual, warm=warm))

    def _promote(self, known: Known, function: FunctionId, fingerprint: str) -> None:
        self._trials.end(function)
        if known.subject.fingerprint != fingerprint:
            return
        if known.adopt():
            known.open = True
            for variant in (ORDINARY.variant, OBSERVED.variant):  # what they hold serves nobody any more
                self._reach.ways.close_way(*function, variant)
        else:
            self.tell(ev.ArtefactGone(function, time.time(), fingerprint))

    def _demote(self, known: Known) -> None:
        self._trials.end(known.function)
        self._recorders.end(known.function)
        known.close()
        if known.technology is not None:
            known.technology.disown(known.function)
            self._reach.ways.close_way(*known.function, known.technology.name)

    async def _scale(self, known: Known, warm: int) -> None:
        """Down at once; up by as much as nothing else has brought up yet."""
        technology, ways = known.technology, self._reach.ways
        route = Route(technology.name) if technology is not None and known.open else ORDINARY
        ways.close_way(*known.function, route.variant, keep=warm)
        executable = known.subject.executable
        missing = warm - ways.warm(executable, route.variant)
        if missing <= 0 or known.scaling:
            return
        known.scaling = True
        try:
            await ways.prepare(executable, route, slots=warm)
        except Overloaded as error:
            _log.info("not_kept_warm", path=known.function.path, text=str(error))
        finally:
            known.scaling = False

    def _keep_warm(self) -> None:
        """What the owner wants warm whatever happens: sandboxes die, and the pool ends those that idle for long."""
        for known in self._wanted_warm:
            technology = known.technology
            variant = technology.name if technology is not None and known.open else ""
            if self._reach.ways.warm(known.subject.executable, variant) < known.wishes.warm:
                self._around.spawn(self._scale(known, known.wishes.warm))

    # ------------------------------------------------------------ inside

    def _take_from_shelf(self, known: Known) -> None:
        artefact = self._around.shelf.get(known.function)
        if artefact is not None and artefact.fingerprint == known.subject.fingerprint:
            known.artefact = artefact

    def _heard(self, event: BusEvent) -> None:
        if isinstance(event, ActionChanged):
            self._around.spawn(self._action_changed(f"/{event.name}", event.name.namespace, deleted=event.deleted))
        elif isinstance(event, NamespaceChanged):
            self._around.spawn(self._namespace_changed(event.namespace))

    async def _action_changed(self, path: str, owner: str, *, deleted: bool) -> None:
        mine = {FunctionId(*key) for key in self._known if key[1] == path}
        own = FunctionId(owner, path)
        if self._policy.explain(own) is not None:
            mine.add(own)
        if deleted:
            for function in mine:
                await self._remove(function)
            return
        executable = await self._around.lookup(own)
        if executable is not None and (mine or wishes_of(executable.annotations) != Wishes()):
            self._meet(executable)

    async def _namespace_changed(self, namespace: str) -> None:
        """It may have been deleted, with all its actions."""
        for function in [FunctionId(*key) for key in self._known if key[0] == namespace]:
            if await self._around.lookup(function) is None:
                await self._remove(function)

    async def _remove(self, function: FunctionId) -> None:
        self.tell(ev.Removed(function, time.time()))
        known = self._known.pop(function, None)
        self._around.builds.forget(function)
        if known is not None:
            self._wanted_warm.discard(known)
            if known.technology is not None:
                await known.technology.forget(function)

    async def _save(self, *, everything: bool = False) -> None:
        async with self._saving:
            changed = self._policy.take_changes(everything=everything)
            if changed and not await self._around.shelf.keep_policy(changed):
                self._policy.put_back(changed)

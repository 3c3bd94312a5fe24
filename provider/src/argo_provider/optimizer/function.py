"""The life of one function: where it may go, and what going there takes. Pure; time comes with the events.

ordinary → observed → building → canary → native      closed world: back to observed, at most `rounds` builds
                                                       anything else: back to ordinary with a cool-down, or pinned
"""

from __future__ import annotations

from math import ceil

from argo_provider.optimizer import events as ev
from argo_provider.optimizer import failing, warmth, wording
from argo_provider.optimizer.budget import Budget
from argo_provider.optimizer.heat import FAMILIES, INSTANT, why_hot
from argo_provider.optimizer.instructions import (
    Build,
    Canary,
    CancelBuild,
    Demote,
    Instruction,
    Observe,
    Promote,
    Scale,
)
from argo_provider.optimizer.keeping import Keeping
from argo_provider.optimizer.model import NATIVE_TECHNOLOGY, FailureKind, Route, State, Tier
from argo_provider.optimizer.paying import Paying
from argo_provider.optimizer.record import Awaited, Record
from argo_provider.optimizer.settings import OptimizerSettings
from argo_provider.optimizer.signals import Signals, share_of

_ORDINARY_TECHNOLOGIES = frozenset({"process", "container", "microvm"})
_UNDER_WAY = frozenset({State.OBSERVED, State.BUILDING, State.CANARY, State.NATIVE})
_ON_ITS_WAY = frozenset({State.OBSERVED, State.BUILDING})


class Function:
    """Moves one record. What a method asks of the pipeline it answers, in the order to carry it out."""

    __slots__ = ("_budget", "_carry", "_counted", "_ordinary", "_trial", "keeping", "paying", "record", "settings")

    def __init__(self, record: Record, settings: OptimizerSettings, budget: Budget) -> None:
        self.record = record
        self.settings = settings
        self._budget = budget
        self.paying = Paying(record, settings, budget)
        self.keeping = Keeping(record, settings, budget.machine)
        self._counted = False  # in the budget
        self._carry = 0.0  # share of a trial that is due
        self.settle()

    @classmethod
    def met(cls, event: ev.Deployed, settings: OptimizerSettings, budget: Budget) -> Function:
        """One that nothing is known of yet."""
        record = Record(
            event.function,
            event.fingerprint,
            event.family,
            event.wishes,
            event.memory_mb,
            Signals.of(settings),
            event.at,
            "It is new.",
        )
        return cls(record, settings, budget)

    # ------------------------------------------------------------ routes

    def route(self) -> Route:
        """Of the next invocation. Answers prepared routes, so that nothing is allocated."""
        if self.record.trial_share >= 1.0:
            return self._trial
        if self.record.trial_share > 0.0:
            self._carry += self.record.trial_share
            if self._carry >= 1.0:
                self._carry -= 1.0
                return self._trial
        return self._ordinary

    def ordinary_route(self) -> Route:
        """Of an invocation whose code the policy does not know yet."""
        return self._ordinary

    def settle(self) -> None:
        """Prepare the routes of the state it is in."""
        record = self.record
        wished = record.wishes.sandbox
        self._ordinary = Route(wished) if wished in _ORDINARY_TECHNOLOGIES else Route()
        self._trial = self._ordinary
        native = NATIVE_TECHNOLOGY.get(record.family)
        if record.state is State.OBSERVED and record.family not in INSTANT:
            self._trial = Route(self._ordinary.technology, observed=True)
        elif record.state is State.CANARY:
            self._trial = Route(native, canary=True)
        elif record.state is State.NATIVE or (record.state is State.PINNED and record.runs_natively):
            self._trial = Route(native)
            record.trial_share = 1.0
        else:
            record.trial_share = 0.0
        moved = self.has_moved()
        self._budget.moved += moved - self._counted
        self._counted = moved
        self.paying.share(shares=moved)
        if not moved:
            self._budget.machine.give_up(record.family, record.function)

    # ------------------------------------------------------------ time

    def wake(self, at: float) -> list[Instruction]:
        """A time that `next_wake` named has come."""
        record = self.record
        out: list[Instruction] = []
        if record.state is State.ORDINARY:
            out = self.consider(at)
            if at >= record.cool_until:
                record.cool_until = 0.0
        elif record.state in _ON_ITS_WAY and record.awaited is not Awaited.BUILD and not self.still_wanted(at):
            out = self.withdraw(at, self.why_no_more(at))
        elif self._observed_long_enough(at):
            out = self.build(at, "It is being built with what its invocations have shown so far.")
        elif self._forsaken(at):
            out = self._give_up_waiting(at)
        return out + self._cool(at)

    def _forsaken(self, at: float) -> bool:
        """Neither builder nor checker take that long: whoever owes the answer has lost it."""
        awaited = self.record.awaited
        return awaited in {Awaited.RECORD, Awaited.BUILD} and at >= self.record.awaited_since + self._patience(awaited)

    def _patience(self, awaited: Awaited) -> float:
        builds = 2 if awaited is Awaited.BUILD else 1
        return builds * self.settings.build_seconds

    def _give_up_waiting(self, at: float) -> list[Instruction]:
        record = self.record
        if record.awaited is Awaited.RECORD:
            return failing.failed(self, FailureKind.BUILDER, "no word from the checker", at)
        out: list[Instruction] = [CancelBuild(record.function, record.fingerprint)]
        record.abandon()
        return out + failing.failed(self, FailureKind.LIMIT, "no word from the builder", at)

    def _observed_long_enough(self, at: float) -> bool:
        record = self.record
        by_invocations = record.awaited is Awaited.RECORD and record.family not in INSTANT
        return by_invocations and at >= record.awaited_since + self.settings.observe_seconds

    def next_wake(self) -> float | None:
        """When time alone may change something, epoch seconds."""
        record, settings = self.record, self.settings
        times = []
        if not settings.enabled:
            return None
        if warmth.spare(record):
            times.append(self.cools_at())
        if record.state is State.ORDINARY and record.cool_until:
            times.append(record.cool_until)
        if record.awaited is Awaited.RECORD and record.family not in INSTANT:
            times.append(record.awaited_since + settings.observe_seconds)
        elif record.awaited in {Awaited.RECORD, Awaited.BUILD}:
            times.append(record.awaited_since + self._patience(record.awaited))
        return min(times, default=None)

    # ------------------------------------------------------------ judgements

    def cools_at(self) -> float:
        """When it has been idle for as long as it pays, epoch seconds."""
        return self.keeping.cools_at(native=self.runs_natively())

    def spare_mb(self) -> float:
        """Memory that `squeeze` would free."""
        return self.keeping.spare_mb(native=self.runs_natively())

    def value_of_memory(self, now: float) -> float:
        """What a MB of its memory saves."""
        return self.keeping.value_of_memory(now, native=self.runs_natively())

    def reason(self) -> str:
        """Why it is where it is."""
        if self.record.state is State.ORDINARY and not self.may_move():
            return wording.why_it_stays(self.record, self.settings)
        return self.record.reason

    def has_moved(self) -> bool:
        """Native, or on the way there."""
        return self.record.state in _UNDER_WAY or self.record.runs_natively

    def may_move(self) -> bool:
        """Whether anything but its figures keeps it from moving."""
        wishes = self.record.wishes
        return (
            self.settings.enabled
            and self.record.family in FAMILIES
            and wishes.tier is not Tier.ORDINARY
            and wishes.sandbox not in _ORDINARY_TECHNOLOGIES
        )

    def wished_native(self) -> bool:
        """By its annotations, or its owner's word."""
        wishes = self.record.wishes
        return self.record.urgent or wishes.tier is Tier.NATIVE or wishes.sandbox == "niuk"

    def may_stay(self, at: float) -> bool:
        """One that has a native form: by its owner's word, or because that form pays."""
        return self.wished_native() or self.record.asked or self.paying.stays(at)

    def still_wanted(self, at: float) -> bool:
        """With hysteresis: what made it hot may fall a good deal before it is given up."""
        return self.wished_native() or (self._is_warm(at) and self.paying.goes_on(at))

    def why_no_more(self, at: float) -> str:
        """Of one that is not wanted any more."""
        return wording.loses(self.paying.bill(at)) if self._is_warm(at) else wording.COOLED

    def _is_warm(self, at: float) -> bool:
        record, share = self.record, self.settings.cool_share
        return bool(why_hot(record.signals, self.settings, record.family, at, share=share))

    def runs_natively(self) -> bool:
        """Whether any invocation may be routed natively."""
        record = self.record
        return record.state in {State.CANARY, State.NATIVE} or record.runs_natively

    def consider(self, at: float) -> list[Instruction]:
        """An ordinary function: is it time to move?"""
        record = self.record
        if record.state is not State.ORDINARY or at < record.cool_until or not self.may_move():
            return []
        if not self._budget.has_room():
            return []
        if self.wished_native():
            return self._begin(at, "Its owner asked for a native form.", at_once=True)
        if not self.paying.may_judge(at):  # as after nearly every invocation
            return []
        reason = why_hot(record.signals, self.settings, record.family, at)
        return self._begin(at, reason, at_once=False) if reason and self.paying.begins(at) else []

    # ------------------------------------------------------------ moves

    def pin(self, at: float, reason: str, *, by_owner: bool = False) -> list[Instruction]:
        """Onto the ordinary runtime, for good."""
        record = self.record
        out = self._leave()
        if record.state is State.PINNED:
            record.note(at, reason)
            record.runs_natively = False
            self.settle()
        else:
            record.runs_natively = False
            self.move(State.PINNED, at, reason)
        record.owner_pinned = by_owner
        record.urgent = False
        return out

    def observe_again(self, at: float, reason: str) -> list[Instruction]:
        """The closed world lacked something."""
        out = self._leave()
        self.move(State.OBSERVED, at, reason)
        return [*out, self._observe(at)]

    def retreat(self, at: float, reason: str, *, cool: bool = True) -> list[Instruction]:
        """Back to the ordinary runtime; nothing is tried until the cool-down ends."""
        out = self.withdraw(at, reason)
        if cool:
            self._cool_down(at)
        return out

    def _begin(self, at: float, reason: str, *, at_once: bool) -> list[Instruction]:
        record = self.record
        record.cool_until = 0.0
        if at_once and record.family not in INSTANT:
            return self.build(at, reason)
        self.move(State.OBSERVED, at, reason)
        return [self._observe(at)]

    def _observe(self, at: float) -> Instruction:
        record, settings = self.record, self.settings
        record.await_(Awaited.RECORD, at)
        due = record.signals.per_minute(at) * settings.observe_seconds / 60.0
        record.trial_share = share_of(due, settings.observe_invocations, settings.observe_share, 1.0)
        if record.family in INSTANT:
            record.trial_share = 0.0  # a checker reads; nothing is recorded
        return Observe(record.function, record.fingerprint)

    def build(self, at: float, reason: str) -> list[Instruction]:
        """At once, or when its turn comes."""
        self.move(State.BUILDING, at, reason)
        return self._enqueue(at)

    def _enqueue(self, at: float) -> list[Instruction]:
        """Families without a build do not wait for a turn."""
        if self.record.family in INSTANT:
            return [self.start_build(at)]
        self.record.await_(Awaited.TURN, at)
        return []

    def try_natively(self, at: float) -> list[Instruction]:
        """There is a native form."""
        self.move(State.CANARY, at, "Its native form is there; a share of its invocations runs on it, on trial.")
        return [self._trial_run(at)]

    def _trial_run(self, at: float) -> Instruction:
        record, settings = self.record, self.settings
        due = record.signals.per_minute(at) * settings.canary_seconds / 60.0
        most = max(settings.canary_share, settings.canary_share_most)
        least = min(settings.canary_invocations_least, settings.canary_invocations)
        number = min(settings.canary_invocations, max(least, ceil(due * most)))
        record.await_(Awaited.CANARY, at)
        record.trial_share = share_of(due, number, settings.canary_share, most)
        return Canary(record.function, record.fingerprint, record.trial_share, number, max(1, self.wanted()))

    def wanted(self) -> int:
        """Isolates that it takes to serve what usually runs at once."""
        return warmth.wanted(self.record, self._budget.patience_ms)

    def withdraw(self, at: float, reason: str) -> list[Instruction]:
        """Whatever is under way ends; an owner's pin stays, on the ordinary runtime."""
        record = self.record
        if record.state is State.PINNED and record.owner_pinned:
            if not record.runs_natively:
                return []
            return self.pin(at, f"{reason} It stays pinned, on the ordinary runtime.", by_owner=True)
        out = self._leave()
        if record.state is not State.ORDINARY:
            self.move(State.ORDINARY, at, reason)
        return out

    def _leave(self) -> list[Instruction]:
        """What leaving its state takes."""
        record = self.record
        out: list[Instruction] = []
        if record.awaited is Awaited.BUILD:
            out.append(CancelBuild(record.function, record.fingerprint))
        if record.state is State.OBSERVED or self.runs_natively():
            out.append(Demote(record.function))
        record.abandon()
        return out

    def move(self, after: State, at: float, reason: str) -> None:
        """Raises ImpossibleTransition."""
        self.record.move(after, at, reason)
        self.settle()

    def _cool_down(self, at: float) -> None:
        record, settings = self.record, self.settings
        longest = settings.cool_down_longest_seconds
        record.cool_until = at + min(longest, settings.cool_down_seconds * 2.0 ** min(record.setbacks, 32))
        record.setbacks += 1

    # ------------------------------------------------------------ moves that others ask for

    def start_build(self, at: float) -> Build:
        """Its turn in the queue has come."""
        record = self.record
        record.await_(Awaited.BUILD, at)
        return Build(record.function, record.fingerprint, record.rounds + 1)

    def resume(self, at: float) -> list[Instruction]:
        """After a restart nothing is under way: what was must be asked for again."""
        record = self.record
        record.abandoned.clear()
        again = record.awaited
        record.awaited = Awaited.NOTHING
        record.warm = record.held = 0
        out = self.scale(record.wishes.warm) if record.wishes.warm else []
        if again is Awaited.RECORD:
            out.append(self._observe(at))
        elif again in {Awaited.BUILD, Awaited.TURN}:
            out += self._enqueue(at)
        elif again is Awaited.CANARY:
            out.append(self._trial_run(at))
        elif self.runs_natively():
            out.append(Promote(record.function, record.fingerprint))
        return out

    def squeeze(self) -> list[Instruction]:
        """Memory is short: give up what is warm beyond the owner's minimum."""
        return self.scale(self.record.wishes.warm) if warmth.spare(self.record) else []

    # ------------------------------------------------------------ warm

    def scale(self, warm: int) -> list[Instruction]:
        """Keep so many warm."""
        self.record.warm = self.record.held = warm
        return [Scale(self.record.function, warm)]

    def _cool(self, at: float) -> list[Instruction]:
        """Idle for longer than it pays: down to its minimum."""
        record = self.record
        if not warmth.spare(record) or not self.settings.enabled:
            return []
        if at >= self.cools_at():
            if record.state is State.NATIVE and not self.may_stay(at):
                return [*self.scale(record.wishes.warm), *self.retreat(at, wording.loses(self.paying.bill(at)))]
            return self.scale(record.wishes.warm)
        wanted = self.wanted()
        return self.scale(wanted) if record.state is State.NATIVE and wanted < record.warm else []

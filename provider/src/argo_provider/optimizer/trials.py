"""Trials: a function is made ready natively, then a share of its invocations is compared until there is a verdict."""

from __future__ import annotations

import time

from argo_provider.optimizer import events as ev
from argo_provider.optimizer.canary import Trial, Verdict
from argo_provider.optimizer.model import FailureKind, FunctionId, Route
from argo_provider.optimizer.ports import NativeTechnology, Subject
from argo_provider.optimizer.reach import Reach
from argo_provider.optimizer.subjects import Known, fingerprint_of
from argo_provider.placement.port import Overloaded
from argo_proxy.protocol.messages import Executable, Execution, OutcomeKind
from argo_proxy.sandboxes.port import Shortfall

_KINDS = {Shortfall.UNSUPPORTED: FailureKind.UNSUPPORTED, Shortfall.BANNED: FailureKind.CRASH}


class Trials:
    """Those of all functions on trial now."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._trials: dict[FunctionId, Trial] = {}

    def __contains__(self, function: FunctionId) -> bool:
        return function in self._trials

    async def begin(self, known: Known, fingerprint: str, number: int, *, usual_ms: float, warm: int = 1) -> None:
        """Only when `warm` isolates are ready there do routes switch. `usual_ms`: its ordinary run time."""
        subject, technology = known.subject, known.technology
        if technology is None or subject.fingerprint != fingerprint or not known.adopt():
            self._reach.tell(ev.ArtefactGone(known.function, time.time(), fingerprint))
            return
        if await self._ready(known, subject, technology, warm):
            slower = self._reach.settings.canary_slower
            self._trials[known.function] = Trial(fingerprint, number, slower, usual_ms)
            known.open = True

    def end(self, function: FunctionId) -> None:
        self._trials.pop(function, None)

    def executed(self, function: FunctionId, execution: Execution, *, native: bool) -> None:
        trial = self._trials.get(function)
        if trial is not None:
            self._judge(function, trial, trial.add(execution, native=native))

    def compared(self, function: FunctionId, executable: Executable, native: Execution, ordinary: Execution) -> None:
        trial = self._trials.get(function)
        if trial is not None and trial.fingerprint == fingerprint_of(executable):
            self._judge(function, trial, trial.compared(native, ordinary))

    async def fell_short(self, known: Known, subject: Subject, shortfall: Shortfall | None, words: str) -> None:
        """A native invocation failed in a way of its own, on trial or long after."""
        technology, tell_failure = known.technology, self._reach.tell_failure
        if technology is None or known.subject is not subject:
            return
        trial = self._trials.get(known.function)
        if shortfall is Shortfall.ABSENT and not known.adopt():
            self._reach.tell(ev.ArtefactGone(known.function, time.time(), subject.fingerprint))
        elif shortfall is Shortfall.MISSING:
            lacking = await technology.missed(subject, words)
            tell_failure(subject, FailureKind.CLOSED_WORLD, lacking or words)
        elif shortfall is None and words:
            tell_failure(subject, FailureKind.USER_CODE, f"it does not initialise natively: {words}")
        elif shortfall is None:
            tell_failure(subject, FailureKind.SLOWER, "it did not initialise in its time")
        elif shortfall is Shortfall.CRASHED and trial is not None:
            self._judge(known.function, trial, Verdict(FailureKind.CRASH, "its NIUk ended under it"))
        elif shortfall in _KINDS:
            tell_failure(subject, _KINDS[shortfall], words)

    async def _ready(self, known: Known, subject: Subject, technology: NativeTechnology, warm: int) -> bool:
        try:
            made = await self._reach.ways.prepare(subject.executable, Route(technology.name), slots=warm)
        except Overloaded as error:
            self._reach.tell_failure(subject, FailureKind.BUILDER, str(error))
            return False
        if made.outcome.kind is OutcomeKind.SUCCESS:
            return known.subject is subject
        result = made.outcome.result if isinstance(made.outcome.result, dict) else {}
        if made.outcome.timed_out:
            self._reach.tell_failure(subject, FailureKind.SLOWER, "it did not initialise in its time")
            return False
        lacking = await technology.missed(subject, str(result.get("reply", "")))
        kind = FailureKind.CLOSED_WORLD if lacking else FailureKind.USER_CODE
        words = f"it does not initialise natively: {result.get('error', '')}"
        self._reach.tell_failure(subject, kind, lacking or words)
        return False

    def _judge(self, function: FunctionId, trial: Trial, verdict: Verdict | None) -> None:
        if verdict is not None:
            self.end(function)
            self._reach.tell(ev.CanaryEnded(function, time.time(), trial.fingerprint, verdict.failure, verdict.detail))

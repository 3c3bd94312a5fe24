"""What each event does to a function, in whatever state it is: instructions out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from argo_provider.optimizer import events as ev
from argo_provider.optimizer import failing, owner, wording
from argo_provider.optimizer.function import Function
from argo_provider.optimizer.instructions import Instruction, Promote, Retire
from argo_provider.optimizer.model import State
from argo_provider.optimizer.record import Awaited


def hear(function: Function, event: ev.Event) -> list[Instruction]:
    """Raises ImpossibleTransition, and ValueError for a wish that there is not."""
    return _HEARD[type(event)](function, event)


def _deployed(function: Function, event: ev.Deployed) -> list[Instruction]:
    """Created, met, or updated: new code makes the old native form worthless, and new wishes may."""
    record = function.record
    out: list[Instruction] = []
    if event.fingerprint != record.fingerprint:
        out += function.withdraw(event.at, wording.CODE_CHANGED)
        out.append(Retire(record.function, record.fingerprint))
        record.reset()
        record.built = False
        record.native_mb = record.ordinary_mb = 0.0
        record.urgent = record.asked = False
    record.fingerprint, record.family = event.fingerprint, event.family
    record.wishes, record.memory_mb = event.wishes, event.memory_mb
    if function.has_moved() and not function.may_move():
        out += function.withdraw(event.at, wording.why_it_stays(record, function.settings))
    if event.wishes.warm > record.warm:
        out += function.scale(event.wishes.warm)
    out += function.consider(event.at)
    function.settle()
    return out


def _removed(function: Function, event: ev.Removed) -> list[Instruction]:
    """The last instructions of this function."""
    out = function.withdraw(event.at, "It was deleted.")
    return [*out, Retire(function.record.function, function.record.fingerprint)]


def _invoked(function: Function, event: ev.Invoked) -> list[Instruction]:
    record = function.record
    last = record.signals.last_at
    if last is not None and event.at > last:
        record.pauses.add(event.at - last)
    record.signals.add(event)
    record.beside.add(event.overlap, event.at)
    record.held = max(record.held, event.overlap + 1)
    if record.state is State.ORDINARY:
        return function.consider(event.at)
    if record.state is State.NATIVE:
        wanted = function.wanted()
        return function.scale(wanted) if wanted > record.warm else []
    return []


def _recorded(function: Function, event: ev.Recorded) -> list[Instruction]:
    if not function.record.answered(Awaited.RECORD, event.fingerprint):
        return []
    if event.unmet:
        return function.pin(event.at, wording.unmet(event.unmet))
    return function.build(event.at, "What its native form must contain is known; it is being built.")


def _build_ended(function: Function, event: ev.BuildEnded) -> list[Instruction]:
    record = function.record
    if not record.answered(Awaited.BUILD, event.fingerprint):
        return []
    if event.failure is not None:
        return failing.failed(function, event.failure, event.detail, event.at)
    record.signals.build_seconds = event.seconds
    record.built = True
    return function.try_natively(event.at)


def _canary_ended(function: Function, event: ev.CanaryEnded) -> list[Instruction]:
    record = function.record
    if not record.answered(Awaited.CANARY, event.fingerprint):
        return []
    if event.failure is not None:
        return failing.failed(function, event.failure, event.detail, event.at)
    if not function.may_stay(event.at):
        return function.retreat(event.at, wording.loses(function.paying.bill(event.at)))
    record.setbacks = 0
    record.urgent = False
    function.move(State.NATIVE, event.at, "On trial its native form answered like the ordinary runtime, and as fast.")
    return [Promote(record.function, record.fingerprint), *function.scale(function.wanted())]


def _native_failed(function: Function, event: ev.NativeFailed) -> list[Instruction]:
    """Late ones, of invocations that were under way when it was demoted, say nothing new."""
    if event.fingerprint != function.record.fingerprint or not function.runs_natively():
        return []
    return failing.failed(function, event.kind, event.detail, event.at)


def _artefact_gone(function: Function, event: ev.ArtefactGone) -> list[Instruction]:
    record = function.record
    if event.fingerprint != record.fingerprint or not function.runs_natively():
        return []
    record.built = False
    out = function.withdraw(event.at, "Its native form is gone from the cache.")
    return out + function.consider(event.at)


def _weighed(function: Function, event: ev.Weighed) -> list[Instruction]:
    if event.native:
        function.record.native_mb = event.mb
    else:
        function.record.ordinary_mb = event.mb
    return []


def _asked(function: Function, event: ev.Asked) -> list[Instruction]:
    return owner.obey(function, event.wish, event.at)


_HEARD: Mapping[type, Callable[[Function, Any], list[Instruction]]] = {
    ev.Deployed: _deployed,
    ev.Removed: _removed,
    ev.Invoked: _invoked,
    ev.Recorded: _recorded,
    ev.BuildEnded: _build_ended,
    ev.CanaryEnded: _canary_ended,
    ev.NativeFailed: _native_failed,
    ev.ArtefactGone: _artefact_gone,
    ev.Asked: _asked,
    ev.Weighed: _weighed,
}

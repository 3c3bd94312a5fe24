"""The owner's word: optimise, demote, pin, unpin. It goes before every figure, but not before the annotations."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from argo_provider.optimizer import wording
from argo_provider.optimizer.heat import INSTANT
from argo_provider.optimizer.instructions import Instruction
from argo_provider.optimizer.model import State
from argo_provider.optimizer.record import Awaited

if TYPE_CHECKING:
    from argo_provider.optimizer.function import Function


def obey(function: Function, wish: str, at: float) -> list[Instruction]:
    """Raises ValueError for a wish that there is not."""
    done = _WISHES.get(wish)
    if done is None:
        raise ValueError(f"There is no wish {wish!r}; there are: {', '.join(WISHES)}.")
    return done(function, at)


def _optimise(function: Function, at: float) -> list[Instruction]:
    record = function.record
    if not function.may_move():
        record.note(at, f"Its owner asked for a native form, but: {wording.why_it_stays(record, function.settings)}")
        return []
    if record.state is State.NATIVE or record.runs_natively:
        record.note(at, "Its owner asked for a native form; it has one.")
        return []
    if record.state is State.PINNED:
        record.owner_pinned = False
        function.move(State.ORDINARY, at, "Its owner wants it to be tried again.")
    record.urgent = record.asked = True
    if record.state is State.ORDINARY:
        record.reset()
        return function.consider(at)
    if record.awaited is Awaited.RECORD and record.family not in INSTANT:
        return function.build(at, "Its owner asked for a native form.")
    record.note(at, "Its owner asked for a native form; it is under way.")
    return []


def _demote(function: Function, at: float) -> list[Instruction]:
    record = function.record
    record.urgent = record.asked = False
    if record.state is State.PINNED:
        if record.runs_natively:
            return function.pin(at, "Its owner sent it back to the ordinary runtime.", by_owner=True)
        record.note(at, "Its owner asked for the ordinary runtime; it is pinned there.")
        return []
    if record.state is State.ORDINARY:
        record.note(at, "Its owner asked for the ordinary runtime; it is there, and stays for a while.")
    return function.retreat(at, "Its owner sent it back to the ordinary runtime.")


def _pin(function: Function, at: float) -> list[Instruction]:
    record = function.record
    if record.state is State.NATIVE:
        record.runs_natively = record.owner_pinned = True
        function.move(State.PINNED, at, "Its owner pinned it where it is: native.")
        return []
    if record.state is State.PINNED:
        record.owner_pinned = True
        record.note(at, "Its owner pinned it; it was pinned already.")
        return []
    return function.pin(at, "Its owner pinned it to the ordinary runtime.", by_owner=True)


def _unpin(function: Function, at: float) -> list[Instruction]:
    record = function.record
    if record.state is not State.PINNED:
        record.note(at, "Its owner unpinned it; it was not pinned.")
        return []
    native, record.runs_natively, record.owner_pinned = record.runs_natively, False, False
    record.reset()
    function.move(State.NATIVE if native else State.ORDINARY, at, "Its owner unpinned it.")
    return function.consider(at)


_WISHES: dict[str, Callable[[Function, float], list[Instruction]]] = {
    "optimise": _optimise,
    "demote": _demote,
    "pin": _pin,
    "unpin": _unpin,
}
WISHES = tuple(_WISHES)

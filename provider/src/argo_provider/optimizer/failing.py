"""What a failure of the native form means: curable by another build, by time, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argo_provider.optimizer.instructions import Instruction, Retire
from argo_provider.optimizer.model import FailureKind, State

if TYPE_CHECKING:
    from argo_provider.optimizer.function import Function

# The code itself stands in the way, or an answer was wrong: no second try.
_HOPELESS = {
    FailureKind.USER_CODE: "Its code cannot run natively",
    FailureKind.UNSUPPORTED: "It needs what the native engine does not have",
    FailureKind.DIFFERENT: "Natively it gave another answer than on the ordinary runtime",
}
# May be the machine's bad hour: tried again, then pinned.
_DOUBTFUL = {
    FailureKind.LIMIT: "Its build outran its memory or its time",
    FailureKind.CRASH: "Its native process ended under it",
    FailureKind.SLOWER: "Natively it was slower than on the ordinary runtime",
}
# Not the function's fault: tried again for as long as it is hot.
_ELSEWHERE = {
    FailureKind.BUILDER: "The builder is missing, or failed by itself",
    FailureKind.DISK: "There was no room on the disk for its build",
}


def failed(function: Function, kind: FailureKind, detail: str, at: float) -> list[Instruction]:
    """Closed world: merge and build again, up to the limit. Otherwise by the tables above."""
    record = function.record
    if record.state is State.PINNED:  # natively, by its owner
        return function.pin(at, _sentence(_WHAT[kind], detail), by_owner=True)
    if kind is FailureKind.CLOSED_WORLD:
        return _closed_world(function, detail, at)
    if kind in _HOPELESS:
        out = function.pin(at, _sentence(_HOPELESS[kind], detail))
        return [*out, Retire(record.function, record.fingerprint)]
    if kind in _ELSEWHERE:
        return function.retreat(at, _sentence(_ELSEWHERE[kind], detail))
    record.failures[kind] = count = record.failures.get(kind, 0) + 1
    what = _sentence(_DOUBTFUL[kind], detail)
    if count >= function.settings.tries:
        return function.pin(at, f"{what} That was failure {count} of {function.settings.tries}.")
    return function.retreat(at, f"{what} That was failure {count} of {function.settings.tries}.")


def _closed_world(function: Function, detail: str, at: float) -> list[Instruction]:
    record = function.record
    record.rounds += 1
    what = _sentence(_WHAT[FailureKind.CLOSED_WORLD], detail)
    if record.rounds >= function.settings.rounds:
        out = function.pin(at, f"{what} That was build {record.rounds} of {function.settings.rounds}.")
        return [*out, Retire(record.function, record.fingerprint)]
    return function.observe_again(
        at, f"{what} It is recorded and built again ({record.rounds} of {function.settings.rounds})."
    )


def _sentence(what: str, detail: str) -> str:
    detail = detail.strip().rstrip(".")
    return f"{what}: {detail}." if detail else f"{what}."


_WHAT = {
    **_HOPELESS,
    **_DOUBTFUL,
    **_ELSEWHERE,
    FailureKind.CLOSED_WORLD: "Its native form lacked something that only shows when it runs",
}

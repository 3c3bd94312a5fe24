"""Whether a trial may become the rule: native invocations beside ordinary ones of the same time. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from statistics import median

from argo_provider.optimizer.model import FailureKind
from argo_proxy.protocol.messages import Execution, OutcomeKind

_SLACK_MS = 5.0  # a share of next to nothing is nothing: what is below it, no caller notices
_KEPT = 200
_FAILURES = frozenset({OutcomeKind.DEVELOPER_ERROR, OutcomeKind.PLATFORM_ERROR})


@dataclass(frozen=True, slots=True)
class Verdict:
    """`failure` None: as the ordinary runtime, or better."""

    failure: FailureKind | None = None
    detail: str = ""


@dataclass(slots=True)
class _Side:
    times: list[float] = field(default_factory=list)  # milliseconds from acceptance to answer, warm ones
    ends: Counter[OutcomeKind] = field(default_factory=Counter)

    def add(self, execution: Execution) -> None:
        self.ends[execution.outcome.kind] += 1
        if not execution.phases.cold and len(self.times) < _KEPT:
            self.times.append(execution.phases.run)

    @property
    def failed(self) -> float:
        total = self.ends.total()
        return sum(self.ends[kind] for kind in _FAILURES) / total if total else 0.0


class Trial:
    """Of one function: add what comes, ask for the verdict. `usual_ms`: its ordinary run time from before."""

    def __init__(self, fingerprint: str, wanted: int, slower: float, usual_ms: float) -> None:
        self.fingerprint = fingerprint
        self._wanted = wanted
        self._slower = slower
        self._usual = usual_ms
        self._native = _Side()
        self._ordinary = _Side()
        self._compared = 0

    def add(self, execution: Execution, *, native: bool) -> Verdict | None:
        """None: not enough is known yet."""
        (self._native if native else self._ordinary).add(execution)
        if self._native.ends.total() < self._wanted:
            return None
        return self._verdict()

    def compared(self, native: Execution, ordinary: Execution) -> Verdict | None:
        """The same invocation both ways: a difference ends the trial at once."""
        self._compared += 1
        if native.outcome.kind is not ordinary.outcome.kind:
            ways = f"natively: {_kind(native)}, ordinarily: {_kind(ordinary)}"
            return Verdict(FailureKind.DIFFERENT, f"the same invocation ended otherwise ({ways})")
        if native.outcome.result != ordinary.outcome.result:
            return Verdict(FailureKind.DIFFERENT, "the same invocation had another result")
        return None

    def _verdict(self) -> Verdict:
        native, ordinary = self._native, self._ordinary
        if native.failed > ordinary.failed and native.ends[OutcomeKind.DEVELOPER_ERROR] > 1:
            shares = f"{native.failed:.0%} failed natively, {ordinary.failed:.0%} on the ordinary runtime"
            return Verdict(FailureKind.DIFFERENT, shares)
        usual = median(ordinary.times) if ordinary.times else self._usual
        if native.times and usual > 0:
            took = median(native.times)
            if took > usual * (1 + self._slower) + _SLACK_MS:
                return Verdict(FailureKind.SLOWER, f"{took:.1f} ms natively, {usual:.1f} ms on the ordinary runtime")
        return Verdict()


def _kind(execution: Execution) -> str:
    return execution.outcome.kind.name.lower().replace("_", " ")

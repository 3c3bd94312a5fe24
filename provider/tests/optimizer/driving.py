"""Shared by the policy's tests: a policy, the time, and short words for events."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from argo_provider.optimizer import events as ev
from argo_provider.optimizer.instructions import Instruction
from argo_provider.optimizer.model import Explanation, FailureKind, FunctionId, State, Wishes
from argo_provider.optimizer.policy import Policy
from argo_provider.optimizer.settings import OptimizerSettings

F = FunctionId("guest", "/guest/f")
G = FunctionId("guest", "/guest/g")
# Rates alone decide: what a native form costs is weighed in test_economy.py.
RATES = OptimizerSettings(repay_times=0, hibernated_mb=0.0)
START = 1_000_000.0


@dataclass
class Drive:
    """Feeds one policy; `out` keeps all it ever asked for."""

    settings: OptimizerSettings = field(default_factory=lambda: RATES)
    at: float = START
    patience: float = 0.02
    out: list[Instruction] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.policy = Policy(self.settings, patience_seconds=self.patience)

    def feed(self, event: ev.Event) -> list[Instruction]:
        answer = self.policy.handle(event)
        self.out += answer
        return answer

    def deploy(
        self, function: FunctionId = F, *, family: str = "java", code: str = "one", **wishes: Any
    ) -> list[Instruction]:
        return self.feed(ev.Deployed(function, self.at, code, family, Wishes(**wishes), 256))

    def invoke(
        self, function: FunctionId = F, times: int = 1, *, code: str = "one", every: float = 0.5, **more: Any
    ) -> list[Instruction]:
        fields = {
            "native": False,
            "canary": False,
            "cold": False,
            "overlap": 0,
            "wait_ms": 1.0,
            "run_ms": 5.0,
            "succeeded": True,
        }
        out: list[Instruction] = []
        for _ in range(times):
            self.at += every
            out += self.feed(ev.Invoked(function, self.at, code, **(fields | more)))
        return out

    def recorded(self, function: FunctionId = F, *unmet: str, code: str = "one") -> list[Instruction]:
        return self.feed(ev.Recorded(function, self.at, code, unmet))

    def built(
        self, function: FunctionId = F, failure: FailureKind | None = None, *, code: str = "one", detail: str = ""
    ) -> list[Instruction]:
        return self.feed(ev.BuildEnded(function, self.at, code, 60.0, failure, detail))

    def tried(
        self, function: FunctionId = F, failure: FailureKind | None = None, *, code: str = "one", detail: str = ""
    ) -> list[Instruction]:
        return self.feed(ev.CanaryEnded(function, self.at, code, failure, detail))

    def fails(
        self, kind: FailureKind, function: FunctionId = F, *, code: str = "one", detail: str = ""
    ) -> list[Instruction]:
        return self.feed(ev.NativeFailed(function, self.at, code, kind, detail))

    def asks(self, wish: str, function: FunctionId = F) -> list[Instruction]:
        return self.feed(ev.Asked(function, self.at, wish))

    def passes(self, seconds: float) -> list[Instruction]:
        self.at += seconds
        return self.feed(ev.Tick(self.at))

    def explain(self, function: FunctionId = F) -> Explanation:
        told = self.policy.explain(function)
        assert told is not None
        return told

    def state(self, function: FunctionId = F) -> State:
        return self.explain(function).state

    def native(self, function: FunctionId = F, **deployed: Any) -> Drive:
        """All the way."""
        self.deploy(function, **deployed)
        self.invoke(function, 30)
        self.recorded(function)
        self.built(function)
        self.tried(function)
        assert self.state(function) is State.NATIVE
        return self

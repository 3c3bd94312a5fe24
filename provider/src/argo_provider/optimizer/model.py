"""What the optimiser knows of one function: the words that policy, pipeline, API and dashboard share. Pure data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class FunctionId(NamedTuple):
    """One action as one namespace runs it: sandboxes and NIUks are never shared between namespaces."""

    namespace: str  # the invoking namespace
    path: str  # "/ns/[pkg/]name"


class State(StrEnum):
    """Where a function is in its life; the value is what users see.

    ordinary → observed → building → canary → native; back to observed after a closed-world failure; pinned for good.
    """

    ORDINARY = "ordinary"  # an ordinary runtime, and not hot
    OBSERVED = "observed"  # hot enough to be recorded (Java: with the metadata agent) or read by the checker
    BUILDING = "building"  # a native form is being made behind it; it still runs on the ordinary runtime
    CANARY = "canary"  # a share of its invocations runs natively and is compared
    NATIVE = "native"  # isolates of its namespace's NIUk (Python: children of a warmed zygote)
    PINNED = "pinned"  # stays where it is, by its owner's wish or because it failed too often; `reason` says which


class Tier(StrEnum):
    """The annotation `argo.tier`."""

    AUTO = "auto"
    ORDINARY = "ordinary"
    NATIVE = "native"


class FailureKind(StrEnum):
    """Why a build, a check or a native invocation failed."""

    CLOSED_WORLD = "closed_world"  # reflection, resource, proxy, serialization or module that the image lacks: curable
    USER_CODE = "user_code"  # the jar can never run natively (no main, newer Java, …)
    UNSUPPORTED = "unsupported"  # the checker found a need that the engine does not meet
    LIMIT = "limit"  # the build outran its memory or its time
    BUILDER = "builder"  # the toolchain is missing, or failed by itself
    DISK = "disk"  # no room for the build or its artefact
    CRASH = "crash"  # the NIUk ended under it
    DIFFERENT = "different"  # natively it answers otherwise than on the ordinary runtime
    SLOWER = "slower"  # natively its latency is worse beyond the allowed share


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the owner's annotations ask for, parsed at the edge."""

    tier: Tier = Tier.AUTO
    sandbox: str = "auto"
    idempotent: bool = False
    warm: int = 0  # least number of warm sandboxes or isolates


# What the native form of a family runs in.
NATIVE_TECHNOLOGY = {"java": "niuk", "nodejs": "niuk", "python": "zygote"}


@dataclass(frozen=True, slots=True)
class Step:
    """One move in a function's history, newest last; `reason` is a sentence for its owner."""

    at: float  # epoch seconds
    before: State
    after: State
    reason: str


class Route(NamedTuple):
    """How the next invocation is placed. `variant` keeps sandboxes of different ways apart under one revision."""

    technology: str | None = None  # "niuk", "zygote", or the wished one; None: what the placement would choose
    observed: bool = False  # on the ordinary runtime, with the recorder beside it
    canary: bool = False

    @property
    def variant(self) -> str:
        """ "" for the ordinary way."""
        return self.technology or ("observed" if self.observed else "")


class ImpossibleTransition(Exception):
    """The policy was told what cannot have happened. The message ends with the function's story, oldest first."""

    def __init__(self, function: FunctionId, what: str, story: Sequence[Step]) -> None:
        lines = [f"{step.at:.3f} {step.before} -> {step.after}: {step.reason}" for step in story]
        super().__init__("\n".join([f"{what}; function {function.path} of {function.namespace}", *lines]))


@dataclass(frozen=True, slots=True)
class Figures:
    """A function's signals, as of the newest event that the policy has seen."""

    rate_per_minute: float
    rate_per_hour: float
    overlap: float
    cold_share: float  # 0 to 1
    run_ms: float
    keep_alive_seconds: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """Where a function is and why, for its owner; `reason` and `next` are sentences."""

    state: State
    since: float  # epoch seconds
    reason: str
    next: str  # what would change it
    figures: Figures
    wishes: Wishes
    rounds: int  # builds of this code that failed because the closed world lacked something
    fingerprint: str
    history: tuple[Step, ...]  # newest last
    queued: int | None = None  # builds that go before its own; None: not waiting
    warm: int = 0  # isolates or sandboxes that are to be kept warm

"""What the pipeline's parts share: the settings, the policy's ear, and the placement's ways once there are some."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from argo_provider.optimizer import events as ev
from argo_provider.optimizer.model import FailureKind
from argo_provider.optimizer.ports import Subject, Ways
from argo_provider.optimizer.settings import OptimizerSettings


@dataclass(slots=True)
class Reach:
    """`tell` hands the policy an event, and has what follows carried out."""

    settings: OptimizerSettings
    tell: Callable[[ev.Event], None]
    ways: Ways = field(init=False)

    def tell_failure(self, subject: Subject, kind: FailureKind, detail: str) -> None:
        """The native form failed where the ordinary runtime would not have."""
        self.tell(ev.NativeFailed(subject.function, time.time(), subject.fingerprint, kind, detail))

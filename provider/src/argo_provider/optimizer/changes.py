"""What of the policy changed since it was kept last: decisions at once, mere figures of a few at a time. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from argo_provider.optimizer.model import FunctionId

_FIGURES = 8  # functions whose figures alone are kept at one time


@dataclass(frozen=True, slots=True)
class Changed:
    """As plain data. `functions`: None for one that is gone; `rest`: what is no function's own; None: as it was."""

    functions: Mapping[FunctionId, Any]
    rest: Any = None

    def __bool__(self) -> bool:
        return bool(self.functions) or self.rest is not None


@dataclass(slots=True)
class Changes:
    """`decided`: where they are, or why; `counted`: those called, longest ago first; `rest`: of no function's own."""

    decided: set[FunctionId] = field(default_factory=set)
    counted: dict[FunctionId, None] = field(default_factory=dict)
    rest: bool = True

    def take(self, *, everything: bool) -> list[FunctionId]:
        """Those to keep now. Not `everything`: of those that were only called, a few, and only beside a decision."""
        taken = list(self.decided)
        self.decided.clear()
        for function in taken:
            self.counted.pop(function, None)
        more = len(self.counted) if everything else min(_FIGURES, len(self.counted)) if taken else 0
        for _ in range(more):
            function = next(iter(self.counted))
            del self.counted[function]
            taken.append(function)
        return taken

    def put_back(self, changed: Changed) -> None:
        """They could not be kept."""
        self.decided.update(changed.functions)
        self.rest |= changed.rest is not None

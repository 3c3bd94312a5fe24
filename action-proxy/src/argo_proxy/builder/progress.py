"""Progress of something that takes minutes: one line a step, with the time since the start."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

Report = Callable[[str], None]


def to_stderr(line: str) -> None:
    """A report for command lines."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def silent(_line: str) -> None:
    """A report for nobody."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Prefixes each step with `part` and the elapsed time."""

    part: str
    report: Report = silent
    started: float = field(default_factory=time.monotonic)

    def step(self, text: str) -> None:
        """Says that a step begins (or what came of it)."""
        elapsed = time.monotonic() - self.started
        self.report(f"[{int(elapsed) // 60}:{int(elapsed) % 60:02}] {self.part}: {text}")

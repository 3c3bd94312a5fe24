"""Errors of the builder.

BuilderError
├── ProvisionError    the toolchain or a part of it cannot be had here; `fix` says what to type
└── BuildError        a build was started and did not succeed; `log` is kept
    ├── UserCodeError     the function's own fault: no such main, wrong signature, a broken jar
    └── LimitError        the build ran out of its time or memory
"""

from __future__ import annotations

from pathlib import Path


class BuilderError(Exception):
    """Root of the builder's errors."""


class ProvisionError(BuilderError):
    """Something that builds need is not there and cannot be made."""

    def __init__(self, reason: str, *, fix: str = "") -> None:
        super().__init__(f"{reason}; {fix}" if fix else reason)
        self.reason = reason
        self.fix = fix


class BuildError(BuilderError):
    """A build that did not succeed; nothing of it remains but its log."""

    def __init__(self, reason: str, *, log: Path | None = None) -> None:
        super().__init__(f"{reason} (log: {log})" if log else reason)
        self.reason = reason
        self.log = log


class UserCodeError(BuildError):
    """The function cannot be compiled as it is; `reason` is for its developer."""


class LimitError(BuildError):
    """The build was ended because it took more time or memory than it was given."""

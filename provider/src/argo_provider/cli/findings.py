"""What a check of `argofn doctor` found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """`warning`: the service runs, and something is less than it could be. `problem`: it, or a part of it, does not."""

    GOOD = "good"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """`detail`: what is so; `fix`: what to type, or "" where all is good.

    `mend`: a command that does it, where one can be run without asking more; `doctor --fix` does. () where it takes a
    person, for example because it would restart or move something.
    """

    subject: str
    verdict: Verdict
    detail: str
    fix: str = ""
    mend: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.verdict is Verdict.GOOD) == bool(self.fix):
            raise ValueError(f"{self.subject}: what is not good has a fix, and only that")


def good(subject: str, detail: str) -> Finding:
    return Finding(subject, Verdict.GOOD, detail)


def warning(subject: str, detail: str, fix: str, mend: tuple[str, ...] = ()) -> Finding:
    return Finding(subject, Verdict.WARNING, detail, fix, mend)


def problem(subject: str, detail: str, fix: str, mend: tuple[str, ...] = ()) -> Finding:
    return Finding(subject, Verdict.PROBLEM, detail, fix, mend)

"""How many tests passed, as different test runners say it."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET  # reads only what our own pytest run has just written
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

_CARGO = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored", re.MULTILINE)
_CLOSING = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Counts:
    """Tests by how they ended, the names of failed ones, and the reasons of skips with their number."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    failures: tuple[str, ...] = ()
    reasons: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.passed + other.passed,
            self.failed + other.failed,
            self.skipped + other.skipped,
            self.failures + other.failures,
            Counter(self.reasons) + Counter(other.reasons),
        )

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"

    def to_json(self) -> str:
        return json.dumps({each.name: getattr(self, each.name) for each in fields(self)})

    @classmethod
    def from_json(cls, text: str) -> Counts:
        """Of what `to_json` gave."""
        kept = json.loads(text)
        return cls(**{**kept, "failures": tuple(kept["failures"])})

    @classmethod
    def broken(cls, what: str) -> Counts:
        """A suite that could not be run to its end counts as one failure."""
        return cls(failed=1, failures=(what,))

    @classmethod
    def of_skipped_suite(cls, reason: str) -> Counts:
        return cls(skipped=1, reasons={reason: 1})


def from_junit(report: Path) -> Counts:
    """Of a JUnit XML report as pytest writes it."""
    total = Counts()
    for case in ET.parse(report).getroot().iter("testcase"):  # noqa: S314
        total += _of_case(case)
    return total


def _of_case(case: ET.Element) -> Counts:
    if case.get("name") is None:  # how pytest writes down the test in which a run was interrupted
        return Counts.broken("the run was broken off")
    if case.find("failure") is not None or case.find("error") is not None:
        return Counts(failed=1, failures=(f"{case.get('classname')}.{case.get('name')}",))
    skipped = case.find("skipped")
    if skipped is not None:
        reason = (skipped.get("message") or "no reason given").strip().splitlines()[0]
        return Counts(skipped=1, reasons={reason: 1})
    return Counts(passed=1)


def from_cargo(output: str) -> Counts:
    """Of the output of `cargo test`: one result line a test binary."""
    total = Counts()
    for passed, failed, ignored in _CARGO.findall(output):
        names = ("a test of the NIUk host",) * int(failed)
        total += Counts(
            int(passed), int(failed), int(ignored), names, {"ignored": int(ignored)} if int(ignored) else {}
        )
    return total


def from_closing_line(output: str) -> Counts | None:
    """Of a program that ends with "N passed, N failed, N skipped"; None if it did not say so."""
    found = _CLOSING.findall(output)
    if not found:
        return None
    passed, failed, skipped = map(int, found[-1])
    return Counts(passed, failed, skipped, ("see above",) * failed)

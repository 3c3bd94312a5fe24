"""The frame of each bench: options, one JSON object or tables, charts, and what a missing engine comes to."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import uvloop
from argo_dev.report import Target, document, show

from .parts import Missing


@dataclass(frozen=True, slots=True)
class Options:
    """`quick`: few repetitions, for tests; its figures say little."""

    quick: bool

    def rounds(self, usual: int, quick: int = 2) -> int:
        return quick if self.quick else usual


@dataclass(slots=True)
class Outcome:
    """What a bench found. `unavailable`: what could not be measured here, and why."""

    results: dict[str, Any] = field(default_factory=dict)
    ratios: dict[str, float] = field(default_factory=dict)
    targets: dict[str, Target] = field(default_factory=dict)
    setup: dict[str, Any] = field(default_factory=dict)
    unavailable: dict[str, str] = field(default_factory=dict)
    charts: dict[str, str] = field(default_factory=dict)

    def at_least(self, name: str, measured: float, wanted: float) -> None:
        """A ratio with a target."""
        self.ratios[name] = measured
        self.targets[name] = Target(measured, wanted, at_most=False)

    def at_most(self, name: str, measured: float, wanted: float) -> None:
        """A ratio (or milliseconds, said by its name) with a target."""
        self.ratios[name] = measured
        self.targets[name] = Target(measured, wanted, at_most=True)


def spread(seconds: Sequence[float]) -> dict[str, float]:
    """Milliseconds of some durations in seconds."""
    ordered = sorted(seconds)
    return {
        "median_ms": round(median(ordered) * 1000, 4),
        "min_ms": round(ordered[0] * 1000, 4),
        "p99_ms": round(percentile(ordered, 0.99) * 1000, 4),
        "samples": len(ordered),
    }


def percentile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def flat_rows(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row a result; those without figures of their own are left to the JSON."""
    rows = [{"measured": name, **found} for name, found in results.items() if isinstance(found, Mapping)]
    columns = dict.fromkeys(key for row in rows for key, value in row.items() if not isinstance(value, list | dict))
    return [{column: row.get(column, "") for column in columns} for row in rows]


def run_bench(name: str, about: str, measure: Callable[[Options], Awaitable[Outcome]]) -> None:
    """Parse the command line, measure, print. Ends with status 1 and the fix where an engine is missing."""
    parser = argparse.ArgumentParser(prog=f"./dev bench {name}", description=about)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="few repetitions: does it work, not how fast is it")
    parser.add_argument("--svg", type=Path, metavar="DIR", help="write its charts there")
    arguments = parser.parse_args()
    try:
        outcome = uvloop.run(measure(Options(arguments.quick)))
    except Missing as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from error
    for file, picture in outcome.charts.items() if arguments.svg else ():
        arguments.svg.mkdir(parents=True, exist_ok=True)
        (arguments.svg / f"{file}.svg").write_text(picture)
    more: dict[str, Any] = {"setup": outcome.setup, "unavailable": outcome.unavailable, "quick": arguments.quick}
    answer = document(name, outcome.results, outcome.ratios, outcome.targets, **more)
    show(answer, flat_rows(outcome.results), as_json=arguments.json)

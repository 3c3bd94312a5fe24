"""What benches print: one JSON object, or tables."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Target:
    """A wanted number; `at_most` or `at_least`."""

    measured: float
    wanted: float
    at_most: bool

    @property
    def met(self) -> bool:
        return self.measured <= self.wanted if self.at_most else self.measured >= self.wanted


def document(
    bench: str, results: Any, ratios: Mapping[str, float], targets: Mapping[str, Target], **more: Any
) -> dict[str, Any]:
    """The object that `--json` prints."""
    bounds = {
        name: {"wanted": f"{'<=' if t.at_most else '>='} {t.wanted:g}", "measured": round(t.measured, 4)}
        for name, t in targets.items()
    }
    return {
        "bench": bench,
        "machine": machine(),
        **more,
        "results": results,
        "ratios": {name: round(value, 4) for name, value in ratios.items()},
        "targets": bounds,
        "met": {name: target.met for name, target in targets.items()},
    }


def machine() -> dict[str, Any]:
    """What the numbers were measured on."""
    pages = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpus": len(os.sched_getaffinity(0)),
        "memory_gib": round(pages / 2**30, 1),
        "load_before": round(os.getloadavg()[0], 2),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def show(answer: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Print `answer` as JSON, or its `rows`, ratios and targets as tables."""
    if as_json:
        print(json.dumps(answer, indent=2))
        return
    console = Console(width=None if sys.stdout.isatty() else 160)
    table = Table(*rows[0], title=f"{answer['bench']} on {answer['machine']['cpus']} CPUs")
    for row in rows:
        table.add_row(*(f"{value:.4g}" if isinstance(value, float) else str(value) for value in row.values()))
    console.print(table)
    wanted = Table("target", "wanted", "measured", "met")
    for name, bound in answer["targets"].items():
        mark = "[green]yes[/green]" if answer["met"][name] else "[red]no[/red]"
        wanted.add_row(name, bound["wanted"], f"{bound['measured']:g}", mark)
    for name, value in answer["ratios"].items():
        if name not in answer["targets"]:
            wanted.add_row(name, "", f"{value:g}", "")
    console.print(wanted)

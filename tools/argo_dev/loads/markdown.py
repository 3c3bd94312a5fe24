"""The report of a plan as a page, from the JSON object that a run prints. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_COLUMNS = {
    "seconds": "seconds",
    "clients": "clients",
    "requests": "calls",
    "perSecond": "answered a second",
    "p50": "p50 ms",
    "p95": "p95 ms",
}
_COLUMNS |= {"p99": "p99 ms", "failures": "failed", "refused": "refused (429, 503)"}
_MOST_ROWS = 24  # of the table of resources


def page(told: Mapping[str, Any]) -> str:
    """`told`: as `./dev load NAME --json` prints it."""
    lines = [
        f"# Load: {told['plan']}",
        "",
        f"{told['about'].capitalize()}. Run on {told['day']}: {told['machine']}",
        "",
    ]
    lines += [f"Made by `./dev load {told['plan']} --publish` from the run's own figures; not edited.", ""]
    lines += ["| wanted | met |", "| --- | --- |"]
    lines += [f"| {verdict['text']} | {'yes' if verdict['met'] else '**no**'} |" for verdict in told["verdicts"]]
    lines += ["", "## Stages", "", *_table(["stage", *_COLUMNS.values()], [_row(stage) for stage in told["stages"]])]
    samples = [sample for stage in told["stages"] for sample in stage["samples"]]
    if samples:
        names = list(samples[0])
        every = -(-len(samples) // _MOST_ROWS)
        rows = [[f"{sample[name]:g}" for name in names] for sample in samples[::every]]
        lines += ["", "## The service meanwhile", "", *_table(names, rows)]
    return "\n".join(lines) + "\n"


def _row(stage: Mapping[str, Any]) -> list[str]:
    return [str(stage["stage"]), *(f"{stage[name]:g}" for name in _COLUMNS)]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return ["| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *rows)]

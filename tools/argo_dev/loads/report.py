"""The report of a plan: one HTML file with its charts in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from html import escape

from argo_dev import charts
from argo_dev.loads.plans import Measured, Plan, Verdict
from argo_dev.loads.slopes import Sample

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #343a40; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; } svg { max-width: 100%; height: auto; }
table { border-collapse: collapse; } .missed { color: #c92a2a; }
th, td { padding: .25rem .75rem; border-bottom: 1px solid #dee2e6; text-align: right; }
th:first-child, td:first-child { text-align: left; }
"""
_COLUMNS = ("requests", "failures", "refused", "rate", "p50", "p95", "p99")


def html(plan: Plan, measured: Sequence[Measured], verdicts: Sequence[Verdict], machine: str) -> str:
    """`machine`: a sentence about where it ran."""
    head = "".join(f"<th>{column}</th>" for column in _COLUMNS)
    rows = "".join(
        f"<tr><td>{escape(found.stage.title)}</td>"
        + "".join(f"<td>{getattr(found, column):g}</td>" for column in _COLUMNS)
        + "</tr>"
        for found in measured
    )
    told = "".join(f'<li class="{"" if kept else "missed"}">{escape(text)}</li>' for text, kept in verdicts)
    parts = [
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Load: {plan.name}</title><style>{_STYLE}</style>',
        f"<h1>{escape(plan.name)}: {escape(plan.about)}</h1><p>{escape(machine)}</p><ul>{told}</ul>",
        f"<table><tr><th>stage</th>{head}</tr>{rows}</table>",
        *_curves(plan, measured),
        *_resources([sample for found in measured for sample in found.samples]),
    ]
    return "\n".join(parts) + "</html>\n"


def _curves(plan: Plan, measured: Sequence[Measured]) -> list[str]:
    if plan.across == "stage":
        return []
    at = [float(getattr(found.stage, plan.across)) for found in measured]
    rates = {"calls a second": list(zip(at, (found.rate for found in measured), strict=True))}
    latencies = {
        name: [(x, max(getattr(found, name), 0.1)) for x, found in zip(at, measured, strict=True)]
        for name in ("p50", "p99")
    }
    return [
        charts.curves("Throughput", rates, across=plan.across, up="a second", log_up=False),
        charts.curves("Latency", latencies, across=plan.across, up="ms"),
    ]


def _resources(samples: Sequence[Sample]) -> list[str]:
    if len(samples) < 5:
        return []
    return [
        charts.curves(
            column.name.replace("_", " "),
            {"the service": [(sample.at, getattr(sample, column.name)) for sample in samples]},
            across="seconds",
            up="",
            log_across=False,
            log_up=False,
        )
        for column in fields(Sample)[1:]
    ]

"""The report of a replay: one HTML file with its charts in it, and nothing to load from elsewhere."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from argo_dev import charts

from traces.outcome import Call, percentile, summary

_BINS = 60
_TIME = "seconds of the replay"
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #343a40; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; }
th, td { padding: .25rem .75rem; border-bottom: 1px solid #dee2e6; text-align: right; }
th:first-child, td:first-child { text-align: left; } svg { max-width: 100%; height: auto; }
"""


def html(calls: Sequence[Call], setup: Mapping[str, Any]) -> str:
    """`setup`: what was replayed and how, as it is printed at the top."""
    told = "".join(f"<tr><td>{escape(name)}</td><td>{escape(str(value))}</td></tr>" for name, value in setup.items())
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Replay of a trace</title>',
        f"<style>{_STYLE}</style><h1>Replay of a trace</h1><table>{told}</table>",
        "<h2>Figures</h2>",
        _table({"all": calls} | _by(calls, lambda call: call.family)),
    ]
    if calls:
        parts += ["<h2>By tier</h2>", _table(_by(calls, lambda call: call.tier or "unknown")), *_charts(calls)]
    return "\n".join(parts) + "</html>\n"


def _by(calls: Sequence[Call], key: Any) -> dict[str, list[Call]]:
    groups: dict[str, list[Call]] = defaultdict(list)
    for call in calls:
        groups[key(call)].append(call)
    return dict(sorted(groups.items()))


def _table(groups: Mapping[str, Sequence[Call]]) -> str:
    rows = {name: summary(calls) for name, calls in groups.items()}
    columns = [column for column, value in next(iter(rows.values())).items() if not isinstance(value, dict)]
    head = "".join(f"<th>{escape(column.replace('_', ' '))}</th>" for column in columns)
    body = "".join(
        f"<tr><td>{escape(name)}</td>" + "".join(f"<td>{row[column]:g}</td>" for column in columns) + "</tr>"
        for name, row in rows.items()
    )
    return f"<table><tr><th></th>{head}</tr>{body}</table>"


def _charts(calls: Sequence[Call]) -> list[str]:
    width = max(1e-9, max(call.at for call in calls) / _BINS)
    bins: dict[int, list[Call]] = defaultdict(list)
    for call in calls:
        bins[int(call.at / width)].append(call)
    moments = sorted(bins)
    load = {
        "invocations": [(number * width, len(bins[number]) / width) for number in moments],
        "cold starts": [(number * width, sum(bool(c.cold) for c in bins[number]) / width) for number in moments],
    }
    overhead = {
        f"p{share * 100:g}": [(number * width, _overhead(bins[number], share)) for number in moments]
        for share in (0.5, 0.99)
    }
    native = {"native": [(n * width, sum(c.tier == "native" for c in bins[n]) / len(bins[n])) for n in moments]}
    waits = {tier: [max(0.01, call.overhead_ms) for call in group] for tier, group in _by(calls, _tier).items()}
    rates = sorted((len(group) for group in _by(calls, lambda call: str(call.function)).values()), reverse=True)
    return [
        charts.curves("Load", load, up="a second", log_up=False, across=_TIME, log_across=False),
        charts.curves("Wait beyond the function's own time", overhead, up="ms", across=_TIME, log_across=False),
        charts.curves(
            "Share of invocations that ran natively", native, up="share", log_up=False, across=_TIME, log_across=False
        ),
        charts.cumulative("Distribution of that wait", waits, across="ms"),
        charts.curves(
            "Invocations of each function",
            {"functions": [(rank + 1, count) for rank, count in enumerate(rates)]},
            across="function, by rank",
            up="invocations",
        ),
    ]


def _tier(call: Call) -> str:
    return call.tier or "unknown"


def _overhead(calls: Sequence[Call], share: float) -> float:
    return max(0.01, percentile([call.overhead_ms for call in calls], share))

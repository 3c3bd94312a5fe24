"""`argofn trace FILE`: what a day of invocations would cost here."""

from __future__ import annotations

import json
import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from argo_provider.cli.terminal import say, stop
from argo_provider.cli.trace_file import TraceError, read
from argo_provider.cli.trace_plan import Assumed, Plan, Way, plan

GB_HOUR = 1024 * 3600.0  # in MB-seconds


class Language(StrEnum):
    JAVA = "java"
    NODEJS = "nodejs"
    PYTHON = "python"


class Form(StrEnum):
    TABLE = "table"
    JSON = "json"


def trace(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="invocations_per_function_md.anon.dNN.csv, or alike.", show_default=False),
    ],
    language: Annotated[Language, typer.Option(help="What the functions are written in.")] = Language.NODEJS,
    memory: Annotated[
        float, typer.Option(min=1, metavar="MB", help="Of a sandbox, where the trace is silent.")
    ] = 256.0,
    run: Annotated[float, typer.Option(min=0.01, metavar="MS", help="Of a call, where the trace is silent.")] = 100.0,
    start: Annotated[float, typer.Option(min=0, metavar="MS", help="Of an ordinary sandbox's start.")] = 500.0,
    top: Annotated[int, typer.Option(min=0, help="Show so many of the costliest functions.")] = 5,
    output: Annotated[Form, typer.Option("--output", "-o", help="How to print it.")] = Form.TABLE,
) -> None:
    """Plan: what a trace in the shape of the Azure Functions data set would cost here. Nothing is run.

    Files of durations and memory of the same day are read where they lie beside FILE under their usual names.
    """
    try:
        functions = read(file)
    except TraceError as error:
        stop(
            str(error), "argofn trace FILE, with columns HashOwner, HashApp, HashFunction, Trigger, 1 … 1440", status=2
        )
    found = plan(functions, Assumed(language is Language.JAVA, memory, run, start))
    if output is Form.JSON:
        say(json.dumps(as_json(found), indent=4))
    else:
        say("\n".join(text(found, top)))


def as_json(found: Plan) -> dict[str, Any]:
    return {
        "functions": found.functions,
        "calls": found.calls,
        "hot": found.hot,
        "nativeCalls": found.natively,
        "ways": [_way(way, found.calls) for way in found.ways],
    }


def _way(way: Way, calls: int) -> dict[str, Any]:
    return {
        "name": way.name,
        "gbHours": round(way.mb_seconds / GB_HOUR, 3),
        "peakGb": round(way.peak_mb / 1024, 3),
        "coldStarts": way.cold,
        "waitMsPerCall": round(way.waited_ms / max(1, calls), 3),
    }


def text(found: Plan, top: int) -> list[str]:
    """For people, with what it means for this machine."""
    share = found.natively / max(1, found.calls) * 100
    counted = f"{found.functions} functions, {found.calls} calls in a day"
    lines = [
        f"{counted}; {found.hot} would run natively, with {share:.0f} % of the calls.",
        "",
        f"{'':24}{'MEMORY HELD':>14}{'PEAK':>11}{'COLD STARTS':>20}{'WAIT A CALL':>14}",
    ]
    lines += [_line(way, found.calls) for way in found.ways]
    if top and found.by_function:
        lines += ["", "The costliest, kept as here:"]
        lines += [_function(*each) for each in sorted(found.by_function, key=lambda each: -each[2])[:top]]
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    peak = found.native.peak_mb / 1024
    verdict = "it fits" if peak < there * 0.6 else "it does not fit: functions would wait for memory, or be refused"
    return [*lines, "", f"At its peak {peak:.1f} GB; this machine has {there:.1f} GB: {verdict}."]


def _line(way: Way, calls: int) -> str:
    cold = f"{way.cold} ({way.cold / max(1, calls) * 100:.2f} %)"
    return (
        f"{way.name:24}{way.mb_seconds / GB_HOUR:>9.1f} GB h{way.peak_mb / 1024:>8.2f} GB{cold:>20}"
        f"{way.waited_ms / max(1, calls):>11.2f} ms"
    )


def _function(name: str, calls: int, mb_seconds: float, hot: bool) -> str:
    shown = "/".join(part[:10] for part in name.split("/"))
    return f"  {shown:34}{calls:>10} calls{mb_seconds / GB_HOUR:>9.2f} GB h  {'native' if hot else 'ordinary'}"

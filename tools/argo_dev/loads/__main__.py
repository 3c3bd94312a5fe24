"""`./dev load NAME [--json]`: exit status 0 when all came out as wanted."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from argo_dev.client import CallError
from argo_dev.loads import markdown, report
from argo_dev.loads.plans import Measured, Plan, Verdict, plans
from argo_dev.loads.run import LoadError, run
from argo_dev.service import Service, ServiceStartError, fresh_service

REPORTS = Path(__file__).resolve().parents[3] / "reports"
PUBLISHED = REPORTS.parent / "docs" / "reports"


def _options() -> argparse.Namespace:
    names = "\n".join(f"  {plan.name:16} {plan.about}" for plan in plans().values())
    parser = argparse.ArgumentParser(
        prog="./dev load",
        description=f"Put load on a fresh service, stage by stage, with Locust.\n\nplans:\n{names}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("plan", choices=sorted(plans()), metavar="NAME")
    parser.add_argument("--minutes", type=float, default=30.0, help="of the soak (default 30)")
    parser.add_argument("--report", type=Path, help="where the HTML goes (default: reports/load-NAME.html)")
    parser.add_argument("--publish", action="store_true", help="also as a page: docs/reports/NAME.md")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    return parser.parse_args()


def main() -> int:
    options = _options()
    plan, machine = plans(minutes=options.minutes)[options.plan], _machine()
    try:
        with _service(plan) as service:
            measured = run(plan, service, _say)
    except (LoadError, CallError, ServiceStartError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    verdicts = plan.judge(measured)
    told = as_json(plan, measured, verdicts, machine, time.strftime("%Y-%m-%d"))
    _write(REPORTS / f"load-{plan.name}.json", json.dumps(told, indent=1) + "\n")
    _write(REPORTS / f"load-{plan.name}.md", markdown.page(told))
    if options.publish:
        _write(PUBLISHED / f"{plan.name}.md", markdown.page(told))
    path = options.report or REPORTS / f"load-{plan.name}.html"
    _write(path, report.html(plan, measured, verdicts, machine))
    print(json.dumps(told) if options.json else _as_text(measured, verdicts))
    print(f"report: {path}", file=sys.stderr)
    return 0 if all(kept for _, kept in verdicts) else 1


def _service(plan: Plan) -> AbstractContextManager[Service]:
    more = {"ARGO_POOL_MEMORY_MB": str(plan.memory_mb)} if plan.memory_mb else {}
    return fresh_service("--sandbox", "process", environment=more)


def _machine() -> str:
    return f"{os.cpu_count()} processors, load before the run {os.getloadavg()[0]:.1f}; clients on the same machine."


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def as_json(
    plan: Plan, measured: Sequence[Measured], verdicts: Sequence[Verdict], machine: str, day: str
) -> dict[str, Any]:
    """All that a run showed, for programs and for the page that is made of it."""
    stages = [
        {
            "stage": found.stage.title,
            "seconds": found.stage.seconds,
            "clients": found.stage.clients,
            "actions": found.stage.actions,
            "requests": found.requests,
            "failures": found.failures,
            "refused": found.refused,
            "perSecond": round(found.rate, 1),
            "p50": found.p50,
            "p95": found.p95,
            "p99": found.p99,
            "samples": [{name: round(value, 2) for name, value in asdict(one).items()} for one in found.samples],
        }
        for found in measured
    ]
    met = [{"text": text, "met": kept} for text, kept in verdicts]
    return {"plan": plan.name, "about": plan.about, "day": day, "machine": machine, "verdicts": met, "stages": stages}


def _as_text(measured: Sequence[Measured], verdicts: Sequence[Verdict]) -> str:
    lines = [f"{'':16}{'calls/s':>10}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}{'failed':>8}{'refused':>9}"]
    lines += [
        f"{found.stage.title:16}{found.rate:10.1f}{found.p50:9.0f}{found.p95:9.0f}{found.p99:9.0f}"
        f"{found.failures:8}{found.refused:9}"
        for found in measured
    ]
    return "\n".join([*lines, *(f"{'met   ' if kept else 'MISSED'} {text}" for text, kept in verdicts)])


if __name__ == "__main__":
    sys.exit(main())

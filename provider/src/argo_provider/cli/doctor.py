"""`argofn doctor`: looks for what would stop the service, explains it, and says what to type."""

from __future__ import annotations

import asyncio
import json
import platform
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from argo_provider.cli.findings import Finding, Verdict, good, problem
from argo_provider.cli.machine_checks import isolation, machine_checks
from argo_provider.cli.namespace import AsJson, Yes
from argo_provider.cli.options import ApiHost, Config, DataDir, Set, read_settings
from argo_provider.cli.service_checks import Status, Unreachable, ask, keys, runtimes, service_checks
from argo_provider.errors import ArgoError
from argo_provider.settings import Settings
from argo_provider.settings.address import api_url

MEND_SECONDS = 600
Fix = Annotated[bool, typer.Option("--fix", help="Mend what can be mended, asking before each.")]
_MARKS = {Verdict.GOOD: "[green]✓[/green]", Verdict.WARNING: "[yellow]![/yellow]", Verdict.PROBLEM: "[red]✗[/red]"}


def doctor(
    apihost: ApiHost = None,
    data_dir: DataDir = None,
    config: Config = None,
    assign: Set = None,
    as_json: AsJson = False,
    fix: Fix = False,
    yes: Yes = False,
) -> None:
    """Look for what would stop the service, and say how to mend it, or mend it. Exit status 1 if something would."""
    settings = read_settings(config, assign, data_dir=data_dir).settings
    found = []
    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False)
    for finding in examine(settings, apihost):
        found.append(finding)
        if not as_json:
            _print(console, finding)
    if fix and mend(found, yes=yes):
        found = list(examine(settings, apihost))
    problems = sum(finding.verdict is Verdict.PROBLEM for finding in found)
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in found], indent=2))
    else:
        warnings = sum(finding.verdict is Verdict.WARNING for finding in found)
        console.print(f"\n{problems} problems, {warnings} warnings, {len(found) - problems - warnings} good")
    if problems:
        raise typer.Exit(1)


def mend(found: Sequence[Finding], *, yes: bool) -> bool:
    """Run what can be run, each after a yes; whether anything was done. What fails is said, and the rest goes on."""
    done = False
    for finding in found:
        command = " ".join(finding.mend)
        if not finding.mend or not (yes or typer.confirm(f"{finding.subject}: run {command}?", err=True)):
            continue
        typer.echo(f"running: {command}", err=True)
        try:
            ran = subprocess.run(finding.mend, capture_output=True, text=True, check=False, timeout=MEND_SECONDS)
        except (OSError, subprocess.TimeoutExpired) as error:
            typer.echo(f"  it could not be run: {error}", err=True)
            continue
        done = done or ran.returncode == 0
        if ran.returncode:
            typer.echo(f"{ran.stderr}  it ended with status {ran.returncode}; next: {finding.fix}", err=True)
    return done


def _print(console: Console, finding: Finding) -> None:
    console.print(f"{_MARKS[finding.verdict]} [bold]{escape(finding.subject)}[/bold]: {escape(finding.detail)}")
    if finding.fix:
        console.print(f"    fix: {escape(finding.fix)}")


def examine(settings: Settings, apihost: str | None) -> Iterator[Finding]:
    """Everything, one finding after the other. A service at `apihost` that does not answer is a problem."""
    url = apihost or api_url(settings.server)
    status: Status | None = None
    try:
        status = ask(url, settings.server.metrics_token)
    except Unreachable as error:
        if apihost is not None:
            yield problem("service", str(error), "argofn serve")
    yield from machine_checks(settings, service_runs=status is not None)
    yield _python()
    yield _keys(settings)
    if status is not None:
        yield from service_checks(url, status)
    else:
        yield from isolation(settings.sandbox)
        yield from runtimes()


def _python() -> Finding:
    version = platform.python_version()
    if sys.platform != "linux":
        return problem("system", f"functions are isolated by Linux, not {sys.platform}", "use a Linux machine or VM")
    return good("system", f"Linux {platform.release()}, Python {version}")


def _keys(settings: Settings) -> Finding:
    if not (settings.data_dir / "argo.db").exists():
        return keys([], settings)
    from argo_provider.app import open_stores  # noqa: PLC0415  # --help answers without it

    async def records() -> Finding:
        async with open_stores(settings) as stores:
            return keys(await stores.namespaces.list(), settings)

    try:
        return asyncio.run(records())
    except ArgoError as error:
        return problem("keys", f"the database cannot be read: {error.text}", f"ls -l {settings.data_dir}")

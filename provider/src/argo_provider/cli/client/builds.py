"""`argofn builds`: native forms that were, are, or wait to be built."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from argo_provider.cli.client import options as opt
from argo_provider.cli.client import output
from argo_provider.cli.client.http import checked, segment
from argo_provider.cli.client.rows import duration, size
from argo_provider.cli.client.session import Session, command
from argo_provider.cli.terminal import say

app = typer.Typer()
OfAction = Annotated[
    str | None,
    typer.Argument(
        metavar="[ACTION]", help="Only of this one.", show_default=False, autocompletion=opt.names_of("actions")
    ),
]


@command(app, "builds", "argofn builds", "argofn builds -l 5 -o json")
def builds(
    session: Session,
    action: OfAction = None,
    limit: opt.Limit = 30,
    log: Annotated[str | None, typer.Option("--log", metavar="ID", help="Print its log.", show_default=False)] = None,
) -> None:
    """List builds, the latest first, or print the log of one."""
    if log is not None:
        for text in log_of(session, log):
            say(output.plain(text.rstrip("\n")))
        return
    query = {"name": action, "limit": limit}
    found = session.api.json("GET", session.argo("builds"), query=query)["builds"]
    columns = ("ID", "FUNCTION", "STATE", "DONE", "TOOK", "SIZE", "ROUND", "STEP")
    output.table(session, found, columns, [_row(each) for each in found], lambda each: str(each["id"]))


def _row(build: dict[str, Any]) -> tuple[str, ...]:
    step = f"{build['failure']}: {build.get('detail') or ''}" if build.get("failure") else build.get("step") or ""
    return (
        str(build["id"]),
        build["name"],
        build["state"],
        f"{(build.get('progress') or 0) * 100:.0f} %",
        duration(round((build.get("seconds") or 0) * 1000)),
        size(build.get("artefactBytes")),
        str(build.get("round") or 1),
        step,
    )


def log_of(session: Session, build: str) -> Iterator[str]:
    """The whole log in pieces; it is read from where the last ended."""
    offset = 0
    while True:
        path = session.argo(f"builds/{segment(build)}/log")
        answer = checked(session.api.send("GET", path, query={"offset": offset}))
        if not answer.body:
            return
        yield answer.body.decode(errors="replace")
        following = int(answer.headers.get("x-next-offset") or 0)
        if following <= offset:
            return
        offset = following


@contextmanager
def progress_of(action: str) -> Iterator[Callable[[dict[str, Any]], None]]:
    """A bar on a terminal; elsewhere a line to standard error whenever the step changes."""
    if not sys.stderr.isatty():
        yield _Lines(action)
        return
    from rich.console import Console  # noqa: PLC0415  # only on a terminal
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(action, total=1.0)

        def show(tier: dict[str, Any]) -> None:
            build = tier.get("build") or {}
            step = build.get("step") or tier["state"]
            bar.update(task, completed=build.get("progress") or 0.0, description=f"{action}: {step}")

        yield show


class _Lines:
    """Says each step once."""

    def __init__(self, action: str) -> None:
        self._action = action
        self._last = ""
        self._began = time.monotonic()

    def __call__(self, tier: dict[str, Any]) -> None:
        build = tier.get("build") or {}
        step = f"{tier['state']}: {build.get('step') or tier['reason']}"
        if step != self._last:
            self._last = step
            sys.stderr.write(f"[{time.monotonic() - self._began:4.0f}s] {self._action} {output.plain(step)}\n")

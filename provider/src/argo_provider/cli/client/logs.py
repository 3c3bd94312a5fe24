"""`argofn logs`: what functions logged, of the past or as it comes."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterable
from typing import Annotated, Any

import typer

from argo_provider.cli.client import output
from argo_provider.cli.client.activations import OfAction, stripped
from argo_provider.cli.client.failures import Misused
from argo_provider.cli.client.follow import Filter, Follower
from argo_provider.cli.client.poll import since_then
from argo_provider.cli.client.rows import duration, status_of
from argo_provider.cli.client.session import Format, Session, command
from argo_provider.cli.terminal import say

app = typer.Typer()
LONGEST_LINE = 8000
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@command(app, "logs", "argofn logs hello", "argofn logs --since 10m --failed", "argofn logs -f hello --exit 1")
def logs(
    session: Session,
    action: OfAction = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="As they come, until Ctrl-C.")] = False,
    since: Annotated[str, typer.Option(metavar="SPAN", help="How far back: 30s, 10m, 2h, 1d.")] = "",
    failed: Annotated[bool, typer.Option("--failed", help="Only of those that failed.")] = False,
    cold: Annotated[bool, typer.Option("--cold", help="Only of cold starts.")] = False,
    tier: Annotated[str, typer.Option(metavar="ordinary|native", help="Only of this tier.")] = "",
    grep: Annotated[str, typer.Option(metavar="TEXT", help="Only lines that hold it.")] = "",
    strip: Annotated[bool, typer.Option("--strip", "-r", help="The lines alone.")] = False,
    exit_after: Annotated[int, typer.Option("--exit", metavar="SECONDS", help="Stop following; 0: never.")] = 0,
) -> None:
    """Print what functions logged. Following goes on over breaks and restarts of the service, and misses nothing."""
    wanted = Filter(action or "", failed, cold, tier, grep)
    show = Printer(session, wanted, strip=strip)
    if since or not follow:
        show.all(past(session, wanted, span(since or "1h")))
    if not follow:
        return
    ends = time.monotonic() + exit_after if exit_after else None
    if ends is not None:
        _interrupt_after(exit_after)
    try:
        show.all(Follower(session, wanted).records())
    except KeyboardInterrupt:
        if ends is None or time.monotonic() < ends:
            raise


def _interrupt_after(seconds: int) -> None:
    """The stream may be silent for long: an alarm ends the wait for it."""
    import signal  # noqa: PLC0415  # only here

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def span(text: str) -> int:
    """Seconds of `30s`, `10m`, `2h`, `1d`."""
    found = re.fullmatch(r"(\d+)([smhd])", text.strip())
    if found is None:
        raise Misused(f"{text!r} is no span of time", "--since 10m (s, m, h or d)")
    return int(found[1]) * _UNITS[found[2]]


def past(session: Session, wanted: Filter, seconds: int) -> Iterable[dict[str, Any]]:
    """The records of the last `seconds`, the oldest first."""
    since = int(time.time() * 1000) - seconds * 1000
    records = since_then(session, wanted.action or None, since)
    return [record for record in records if wanted.passes(record)]


class Printer:
    """Prints records as lines of log; sentences about the stream go to standard error."""

    def __init__(self, session: Session, wanted: Filter, *, strip: bool = False) -> None:
        self._format = session.format
        self._wanted = wanted
        self._strip = strip

    def all(self, records: Iterable[dict[str, Any] | str]) -> None:
        for record in records:
            if isinstance(record, str):
                sys.stderr.write(f"argofn: {record}\n")
            else:
                self.one(record)

    def one(self, record: dict[str, Any]) -> None:
        lines = self._wanted.lines(record.get("logs") or [])
        if self._wanted.text and not lines:
            return
        if self._format in {Format.JSON, Format.YAML}:
            say(json.dumps(record | {"logs": lines}, ensure_ascii=False))  # a document a line, as a stream needs
        elif self._format is Format.NAME:
            say(str(record["activationId"]))
        elif self._strip:
            for line in lines:
                say(output.plain(stripped(line)))
        else:
            self._for_people(record, lines)

    def _for_people(self, record: dict[str, Any], lines: list[str]) -> None:
        coloured = sys.stdout.isatty()
        at = time.strftime("%H:%M:%S", time.localtime(record["start"] / 1000))
        status = status_of(record)
        head = f"{at} {output.plain(record['name'])} {record['activationId'][:8]}"
        took = duration(record.get("duration") or 0)
        failed = status != "success"
        end = f"{head} {status} in {took}"
        for line in lines:
            shown = output.plain(cut(stripped(line)))
            is_error = "stderr:" in line[:48]
            say(f"{head} " + (typer.style(shown, fg="yellow") if coloured and is_error else shown))
        if coloured:
            end = typer.style(end, fg="red") if failed else typer.style(end, dim=True)
        say(end)


def cut(line: str) -> str:
    """A line of sane length."""
    if len(line) <= LONGEST_LINE:
        return line
    return (
        f"{line[:LONGEST_LINE]}… ({len(line) - LONGEST_LINE} more characters; all of them: argofn activation logs ID)"
    )

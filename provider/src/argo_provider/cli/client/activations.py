"""`argofn activation …`: what ran, what it answered, what it logged."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from argo_provider.cli.client import options as opt
from argo_provider.cli.client import output, rows
from argo_provider.cli.client.failures import Failed, Misused
from argo_provider.cli.client.http import segment
from argo_provider.cli.client.poll import Poll, poll_records
from argo_provider.cli.client.session import Format, Session, command
from argo_provider.cli.terminal import say

app = typer.Typer(name="activation", no_args_is_help=True, help="Records: list, get, result, logs, poll.")

Id = Annotated[str | None, typer.Argument(metavar="[ID]", help="Which; or --last.", show_default=False)]
Last = Annotated[bool, typer.Option("--last", "-l", help="The latest one.")]
OfAction = Annotated[
    str | None,
    typer.Argument(
        metavar="[ACTION]", help="Only of this one.", show_default=False, autocompletion=opt.names_of("actions")
    ),
]
Since = Annotated[int | None, typer.Option(metavar="MS", help="Not earlier (epoch, ms).", show_default=False)]
Upto = Annotated[int | None, typer.Option(metavar="MS", help="Not later (epoch, ms).", show_default=False)]
_SPAN = {"days": 86_400, "hours": 3600, "minutes": 60, "seconds": 1}


@command(
    app, "list", "argofn activation list", "argofn activation list hello -l 3", "argofn activation list --full -o json"
)
def list_all(
    session: Session,
    action: OfAction = None,
    limit: opt.Limit = 30,
    skip: opt.Skip = 0,
    full: Annotated[bool, typer.Option("--full", "-f", help="Whole records, as JSON.")] = False,
    since: Since = None,
    upto: Upto = None,
) -> None:
    """List records, the latest first."""
    query = {"limit": limit, "skip": skip, "name": action, "since": since, "upto": upto}
    if full:
        query["docs"] = "true"
    found = session.api.json("GET", session.at("activations"), query=query)
    if full:
        output.emit(session, found, lambda: "activations\n" + output.dumped(found))
    else:
        output.emit(session, found, lambda: "\n".join(rows.activation_rows(found)))


@command(
    app,
    "get",
    "argofn activation get --last",
    "argofn activation get --last duration",
    "argofn activation get --last --logs",
)
def get(
    session: Session,
    activation: Id = None,
    field: opt.Field = None,
    last: Last = False,
    logs: Annotated[bool, typer.Option("--logs", "-g", help="Only its logs.")] = False,
    summary: Annotated[bool, typer.Option("--summary", "-s", help="Its result, in a line.")] = False,
    strip: Annotated[bool, typer.Option("--strip", "-r", help="Logs without time and stream.")] = False,
) -> None:
    """Show one record, one field of it, or its logs."""
    if last and activation and field is None:
        activation, field = None, activation  # `get --last FIELD`
    chosen = _chosen(session, activation, last=last)
    found = session.api.json("GET", session.at("activations", segment(chosen)))
    if logs or strip:
        _print_logs(session, found.get("logs") or [], strip=strip)
    elif summary:
        response = found["response"]
        sentence = f"activation result for {found['name']} ({'success' if response.get('success') else 'failure'} at "
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(found["start"] / 1000))
        output.emit(session, response, lambda: f"{sentence}{at})\n{output.dumped(response.get('result'))}", str)
    else:
        output.got(session, found, f"got activation {chosen}", field)


@command(app, "result", "argofn activation result --last")
def result(session: Session, activation: Id = None, last: Last = False) -> None:
    """Print what one answered."""
    chosen = _chosen(session, activation, last=last)
    found = session.api.json("GET", session.at("activations", f"{segment(chosen)}/result"))
    session.wanted = ("activations", chosen)
    value = found.get("result")
    output.emit(session, value, lambda: output.dumped(value), str)


@command(app, "logs", "argofn activation logs --last", "argofn activation logs --last --strip")
def logs(
    session: Session,
    activation: Id = None,
    last: Last = False,
    strip: Annotated[bool, typer.Option("--strip", "-r", help="Without time and stream.")] = False,
) -> None:
    """Print what one logged."""
    chosen = _chosen(session, activation, last=last)
    found = session.api.json("GET", session.at("activations", f"{segment(chosen)}/logs"))
    _print_logs(session, found.get("logs") or [], strip=strip)


@command(app, "poll", "argofn activation poll --exit 1", "argofn activation poll hello --since-minutes 5 --exit 1")
def poll(
    session: Session,
    action: OfAction = None,
    exit_after: Annotated[int, typer.Option("--exit", "-e", metavar="SECONDS", help="Stop after; 0: never.")] = 0,
    since_seconds: Annotated[int, typer.Option(help="Begin so long ago.", min=0)] = 0,
    since_minutes: Annotated[int, typer.Option(help="Begin so long ago.", min=0)] = 0,
    since_hours: Annotated[int, typer.Option(help="Begin so long ago.", min=0)] = 0,
    since_days: Annotated[int, typer.Option(help="Begin so long ago.", min=0)] = 0,
) -> None:
    """Print records and their logs as they come; Ctrl-C ends it. With resume and filters: argofn logs -f."""
    spans = {"days": since_days, "hours": since_hours, "minutes": since_minutes, "seconds": since_seconds}
    back = sum(number * _SPAN[unit] for unit, number in spans.items())
    if session.format is Format.TABLE:
        say("Enter Ctrl-c to exit.\nPolling for activation logs")
    for record in poll_records(session, Poll(action, back, exit_after)):
        output.emit(session, record, lambda record=record: _polled(record))  # type: ignore[misc]


def _polled(record: dict[str, Any]) -> str:
    lines = "\n".join(f"    {output.plain(line)}" for line in record.get("logs") or ())
    return f"\nActivation: '{output.plain(record['name'])}' ({record['activationId']})\n[\n{lines}\n]"


def _chosen(session: Session, given: str | None, *, last: bool) -> str:
    """The id that was given, or that of the latest record."""
    if not last and given is None:
        raise Misused("which activation?", "its ID, or --last")
    if not last and given is not None:
        return given
    found = session.api.json("GET", session.at("activations"), query={"limit": 1, "skip": 0})
    if not found:
        raise Failed("there is no activation yet", "argofn action invoke ACTION")
    return str(found[0]["activationId"])


def stripped(line: str) -> str:
    """A log line without its time and stream."""
    _, _, rest = line.partition(" ")
    stream, colon, text = rest.lstrip().partition(": ")
    return text if colon and stream in {"stdout", "stderr"} else line


def _print_logs(session: Session, lines: list[str], *, strip: bool) -> None:
    shown = [stripped(line) for line in lines] if strip else lines
    output.emit(session, shown, lambda: "\n".join(output.plain(line) for line in shown), str)

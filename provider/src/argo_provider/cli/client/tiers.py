"""Where functions run, why there, and the wish that it were otherwise: `tiers`, `why`, `optimise`, `pin`, `unpin`."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from argo_provider.cli.client import options as opt
from argo_provider.cli.client import output
from argo_provider.cli.client.builds import progress_of
from argo_provider.cli.client.failures import Failed, NotYet
from argo_provider.cli.client.names import parse
from argo_provider.cli.client.rows import ago
from argo_provider.cli.client.session import Session, command

app = typer.Typer()
POLL_SECONDS = 0.5
_MEANING = {
    "ordinary": "It runs on the ordinary runtime of its language, in a sandbox of its own.",
    "observed": "It is used enough to be worth a native form; its calls are being watched for what that must hold.",
    "building": "A native form of it is being built in the background; until then it runs on the ordinary runtime.",
    "canary": "Its native form is there and gets a share of the calls, to be compared with the ordinary runtime.",
    "native": "It runs natively: each call in an isolate of its namespace's own process, made in about a millisecond.",
    "pinned": "It stays on the ordinary runtime of its language.",
}


def _path(session: Session, action: str) -> str:
    name = parse(action, session.properties.namespace)
    session.wanted = ("actions", name.path)
    return session.argo(f"tiers/{name.path}")


@command(app, "tiers", "argofn tiers")
def tiers(session: Session) -> None:
    """List functions with their tier, their load and what comes next."""
    found = session.api.json("GET", session.argo("tiers"))["tiers"]
    columns = ("FUNCTION", "STATE", "FOR", "CALLS/MIN", "COLD", "RUN", "REASON")
    output.table(session, found, columns, [_row(each) for each in found])


def _row(tier: dict[str, Any]) -> tuple[str, ...]:
    signals = tier.get("signals") or {}
    return (
        tier["name"],
        tier["state"],
        ago(time.time() * 1000 - tier["since"]),
        f"{signals.get('ratePerMinute') or 0:.1f}",
        f"{(signals.get('coldShare') or 0) * 100:.0f} %",
        f"{signals.get('runMs') or 0:.1f} ms",
        tier["reason"],
    )


@command(app, "why", "argofn why hello")
def why(session: Session, action: opt.Action) -> None:
    """Say where a function runs, since when, why, and what would change it."""
    found = session.api.json("GET", _path(session, action))
    output.emit(session, found, lambda: explained(found, time.time() * 1000))


def explained(tier: dict[str, Any], now: float) -> str:
    """For someone who has never seen the code."""
    lines = [
        f"{tier['name']} is {tier['state']}, for {ago(now - tier['since'])} now.",
        f"  {_MEANING.get(tier['state'], '')}",
        f"  Why:   {tier['reason']}",
        f"  Next:  {tier['next']}",
        f"  Load:  {_load(tier.get('signals') or {})}",
        f"  Asked: {_wishes(tier.get('wishes') or {})}",
    ]
    if tier.get("build"):
        lines.append(f"  Build: {build_sentence(tier['build'])}")
    if tier.get("history"):
        lines.append("  Story:")
        lines += [
            f"    {_moment(step['at'])}  {step['from']} → {step['to']}: {step['reason']}" for step in tier["history"]
        ]
    lines.append(f"  Do:    argofn {_doable(tier)}")
    return "\n".join(output.plain(line) for line in lines)


def _load(signals: dict[str, Any]) -> str:
    cold = (signals.get("coldShare") or 0) * 100
    return (
        f"{signals.get('ratePerMinute') or 0:.1f} calls a minute, {signals.get('ratePerHour') or 0:.0f} this hour;"
        f" up to {signals.get('overlap') or 0:g} at once; {cold:.0f} % cold; {signals.get('runMs') or 0:.1f} ms each."
    )


def _step(step: dict[str, Any]) -> str:
    return f"{_moment(step['at'])}  {step['from']} → {step['to']}: {step['reason']}"


def _moment(milliseconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(milliseconds / 1000))


def _wishes(wishes: dict[str, Any]) -> str:
    """What its annotations say; the defaults are not worth a word."""
    said = {key: value for key, value in wishes.items() if value not in ("auto", False, 0, None)}
    return ", ".join(f"argo.{key} = {value}" for key, value in said.items()) or "nothing; the service decides"


def build_sentence(build: dict[str, Any]) -> str:
    text = f"{build['state']}, round {build.get('round', 1)}, {build.get('step') or ''}".rstrip(", ")
    if build.get("failure"):
        text += f"; failed ({build['failure']}): {build.get('detail') or ''}"
    return f"{text} (argofn builds --log {build['id']})"


def _doable(tier: dict[str, Any]) -> str:
    name = tier["name"]
    if tier["state"] == "pinned":
        return f"unpin {name}"
    if tier["state"] in {"native", "canary"}:
        return f"pin {name}, to keep it on the ordinary runtime"
    return f"optimise {name} --wait, to have it built now"


def wish(session: Session, action: str, what: str) -> dict[str, Any]:
    """Ask for it; where the function is now."""
    found: dict[str, Any] = session.api.json("POST", _path(session, action), body={"wish": what})
    return found


@command(app, "pin", "argofn pin hello")
def pin(session: Session, action: opt.Action) -> None:
    """Keep a function on the ordinary runtime."""
    found = wish(session, action, "pin")
    output.emit(session, found, lambda: output.ok(f"{found['name']} is {found['state']}: {found['reason']}"))


@command(app, "unpin", "argofn unpin hello")
def unpin(session: Session, action: opt.Action) -> None:
    """Let the service decide again."""
    found = wish(session, action, "unpin")
    output.emit(session, found, lambda: output.ok(f"{found['name']} is {found['state']}: {found['reason']}"))


@command(app, "demote", "argofn demote hello")
def demote(session: Session, action: opt.Action) -> None:
    """Send a function back to the ordinary runtime; if it stays hot it is built again."""
    found = wish(session, action, "demote")
    output.emit(session, found, lambda: output.ok(f"{found['name']} is {found['state']}: {found['reason']}"))


@command(app, "optimise", "argofn optimise hello")
def optimise(
    session: Session,
    action: opt.Action,
    wait: Annotated[bool, typer.Option("--wait", help="Until it runs natively, with progress.")] = False,
    timeout: Annotated[int, typer.Option(metavar="SECONDS", min=1, help="How long to wait.")] = 900,
) -> None:
    """Ask for a function's native form now. With --wait, exit status 1 if it gets none, 202 if it takes longer."""
    found = wish(session, action, "optimise")
    if wait:
        found = waited(session, found["name"], timeout)
    output.emit(session, found, lambda: output.ok(f"{found['name']} is {found['state']}: {found['reason']}"))


def waited(session: Session, action: str, seconds: int) -> dict[str, Any]:
    """Its tier once it runs natively. Failed if it will not."""
    ends = time.monotonic() + seconds
    begun = False
    with progress_of(action) as show:
        while True:
            tier: dict[str, Any] = session.api.json("GET", _path(session, action))
            show(tier)
            if tier["state"] in {"native", "canary"}:
                return tier
            begun = begun or tier["state"] in {"building", "observed"}
            if tier["state"] == "pinned" or (begun and _failed(tier)):
                raise Failed(f"{action} has no native form: {tier['reason']}", f"argofn why {action}")
            if time.monotonic() > ends:
                raise NotYet(f"{action} is still {tier['state']} after {seconds} s", f"argofn why {action}")
            time.sleep(POLL_SECONDS)


def _failed(tier: dict[str, Any]) -> bool:
    build = tier.get("build") or {}
    return tier["state"] == "ordinary" and build.get("state") in {"failed", "cancelled"}

"""`argofn trigger …`: triggers and the feeds that fire them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from argo_provider.cli.client import listing, output, rows
from argo_provider.cli.client import options as opt
from argo_provider.cli.client.arguments import as_mapping, collected, key_values
from argo_provider.cli.client.failures import Misused, Refused
from argo_provider.cli.client.http import checked
from argo_provider.cli.client.names import Name, in_collection, parse
from argo_provider.cli.client.session import Session, command
from argo_provider.cli.client.summaries import summary

app = typer.Typer(name="trigger", no_args_is_help=True, help="Triggers, with their feeds: create, fire, read, delete.")

Feed = Annotated[str | None, typer.Option("--feed", "-f", metavar="ACTION", help="What fires it.", show_default=False)]
FeedParams = Annotated[
    list[str] | None,
    typer.Option("--feed-param", "-F", metavar="KEY VALUE", help="A parameter of the feed only.", show_default=False),
]
TriggerParams = Annotated[
    list[str] | None,
    typer.Option("--trigger-param", "-T", metavar="KEY VALUE", help="One of the trigger only.", show_default=False),
]


@command(
    app,
    "create",
    "argofn trigger create bell -p loud true",
    "argofn trigger create nightly --feed /whisk.system/alarms/alarm -p cron '0 3 * * *'",
)
def create(
    session: Session,
    name: opt.Trigger,
    about: opt.Describing,
    feed: Feed = None,
    feed_param: FeedParams = None,
    trigger_param: TriggerParams = None,
) -> None:
    """Create a trigger. With --feed, -p goes to the feed; should the feed refuse, the trigger is taken back."""
    target = in_collection(name, session.properties.namespace)
    if not feed and feed_param:
        raise Misused("--feed-param needs a feed", "--feed /whisk.system/alarms/alarm")
    common = about.parameters()
    own = collected(trigger_param, option="--trigger-param") | ({} if feed else common)
    annotations = about.annotations()
    if feed:
        annotations["feed"] = parse(feed, session.properties.namespace).qualified
    made = _put(session, target, own, annotations, overwrite=False)
    if feed:
        arguments = common | collected(feed_param, option="--feed-param")
        try:
            invoke_feed(session, feed, "CREATE", target, arguments)
        except Refused:
            session.api.send("DELETE", session.at("triggers", target.path, target.namespace))
            raise
    output.done(session, made, f"created trigger {target.entity}")


@command(app, "update", "argofn trigger update bell -p loud false")
def update(
    session: Session,
    name: opt.Trigger,
    about: opt.Describing,
    feed_param: FeedParams = None,
    trigger_param: TriggerParams = None,
) -> None:
    """Change a trigger, and what its feed was told."""
    target, found = _read(session, name)
    feed = feed_of(found)
    common = about.parameters()
    own = collected(trigger_param, option="--trigger-param") | ({} if feed else common)
    annotations = about.annotations()
    if feed and annotations:
        annotations.setdefault("feed", feed)
    made = _put(session, target, own, annotations, overwrite=True)
    if feed:
        arguments = common | collected(feed_param, option="--feed-param")
        invoke_feed(session, feed, "UPDATE", target, arguments)
    output.done(session, made, f"updated trigger {target.entity}")


def _put(
    session: Session, target: Name, parameters: dict[str, Any], annotations: dict[str, Any], *, overwrite: bool
) -> Any:
    body: dict[str, Any] = {"name": target.entity}
    if parameters:
        body["parameters"] = key_values(parameters)
    if annotations:
        body["annotations"] = key_values(annotations)
    path = session.at("triggers", target.path, target.namespace)
    return session.api.json("PUT", path, query={"overwrite": overwrite}, body=body)


def _read(session: Session, name: str) -> tuple[Name, dict[str, Any]]:
    target = in_collection(name, session.properties.namespace)
    return target, session.api.json("GET", session.at("triggers", target.path, target.namespace))


def feed_of(trigger: dict[str, Any]) -> str:
    """The feed that its annotations name, or ""."""
    return str(as_mapping(trigger.get("annotations")).get("feed") or "")


def invoke_feed(session: Session, feed: str, event: str, trigger: Name, arguments: dict[str, Any]) -> Any:
    """Tell the feed's action of a change; Refused with its own words if it fails."""
    name = parse(feed, session.properties.namespace)
    body = arguments | {
        "lifecycleEvent": event,
        "triggerName": f"/{trigger.namespace}/{trigger.entity}",
        "authKey": session.properties.auth,
    }
    path = session.at("actions", name.path, name.namespace)
    answer = session.api.send("POST", path, query={"blocking": True, "result": False}, body=body)
    data = answer.json()
    if answer.status == 502 and isinstance(data, dict) and "response" in data:
        result = data["response"].get("result")
        words = result.get("error", result) if isinstance(result, dict) else result
        failure = Refused(502, f"the feed {feed} failed: {words}")
        failure.next_step = f"argofn activation get {data.get('activationId', '--last')}"
        raise failure
    checked(answer)
    return data


@command(app, "get", "argofn trigger get bell", "argofn trigger get nightly")
def get(session: Session, name: opt.Trigger, field: opt.Field = None, summary_only: opt.Summary = False) -> None:
    """Show a trigger; with a feed, what the feed knows of it as well."""
    target, found = _read(session, name)
    feed = feed_of(found)
    if feed and field is None and not summary_only:
        record = invoke_feed(session, feed, "READ", target, {})
        output.got(session, record, f"got trigger {target.entity}")
    elif summary_only:
        output.emit(session, found, lambda: summary("trigger", found))
    else:
        output.got(session, found, f"got trigger {target.entity}", field)


@command(app, "fire", "argofn trigger fire bell -p loud true")
def fire(
    session: Session,
    name: opt.Trigger,
    payload: Annotated[
        str | None, typer.Argument(metavar="[PAYLOAD]", help="As parameter `payload`.", show_default=False)
    ] = None,
    param: opt.Params = None,
    param_file: opt.ParamFile = None,
) -> None:
    """Fire a trigger."""
    target = in_collection(name, session.properties.namespace)
    body = collected(param, param_file) | ({} if payload is None else {"payload": payload})
    path = session.at("triggers", target.path, target.namespace)
    data = session.api.json("POST", path, body=body)
    full = f"/{target.namespace}/{target.entity}"
    if data is None:
        output.emit(session, {"name": target.entity}, lambda: output.ok(f"triggered {full}: no active rule to run"))
    else:
        output.done(session, data, f"triggered {full} with id {data['activationId']}")


@command(app, "list", "argofn trigger list -o json")
def list_all(
    session: Session,
    page: opt.Paging,
    namespace: Annotated[str | None, typer.Argument(metavar="[/NAMESPACE]", show_default=False)] = None,
) -> None:
    """List triggers, the latest change first."""
    listing.of(session, "triggers", namespace, page, rows.trigger_row)


@command(app, "delete", "argofn trigger delete nightly")
def delete(session: Session, name: opt.Trigger) -> None:
    """Delete a trigger, and tell its feed."""
    target, found = _read(session, name)
    feed = feed_of(found)
    if feed:
        invoke_feed(session, feed, "DELETE", target, {})
    gone = session.api.json("DELETE", session.at("triggers", target.path, target.namespace))
    output.done(session, gone, f"deleted trigger {target.entity}")

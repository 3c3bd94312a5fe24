"""`argofn action …`: functions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from argo_provider.cli.client import code as codes
from argo_provider.cli.client import options as opt
from argo_provider.cli.client import output, rows
from argo_provider.cli.client.arguments import as_mapping, collected, key_values, web_annotations
from argo_provider.cli.client.failures import Misused, NotYet, Refused
from argo_provider.cli.client.http import Answer, checked, segment
from argo_provider.cli.client.names import Name, parse, place
from argo_provider.cli.client.session import Session, command
from argo_provider.cli.client.summaries import summary

app = typer.Typer(name="action", no_args_is_help=True, help="Functions: create, change, invoke, read, list, delete.")

Artefact = Annotated[
    str | None,
    typer.Argument(metavar="[FILE]", help="Source, archive or folder; with --copy an action.", show_default=False),
]
Kind = Annotated[str | None, typer.Option("--kind", help="nodejs:20, python:default, …", show_default=False)]
Main = Annotated[str | None, typer.Option("--main", help="The function or class to call.", show_default=False)]
Docker = Annotated[str | None, typer.Option("--docker", metavar="IMAGE", help="Run an image.", show_default=False)]
Native = Annotated[bool, typer.Option("--native", help="FILE is an executable.")]
Sequence = Annotated[bool, typer.Option("--sequence", help="FILE is a list of actions, with commas between.")]
Copy = Annotated[bool, typer.Option("--copy", help="FILE is an action to copy.")]
ToWeb = Annotated[
    str | None, typer.Option("--web", metavar="yes|no|raw", help="Serve it on the web.", show_default=False)
]
WebSecure = Annotated[
    str | None,
    typer.Option("--web-secure", metavar="SECRET", help="X-Require-Whisk-Auth; true: make one.", show_default=False),
]
Timeout = Annotated[int | None, typer.Option("--timeout", "-t", metavar="MS", help="Time limit.", show_default=False)]
Memory = Annotated[int | None, typer.Option("--memory", "-m", metavar="MB", help="Memory limit.", show_default=False)]
LogSize = Annotated[int | None, typer.Option("--logsize", "-l", metavar="MB", help="Log limit.", show_default=False)]
Concurrency = Annotated[
    int | None, typer.Option("--concurrency", "-c", metavar="N", help="Calls at once in a sandbox.", show_default=False)
]
DelAnnotation = Annotated[
    list[str] | None, typer.Option("--del-annotation", metavar="KEY", help="Take one away.", show_default=False)
]


@dataclass(frozen=True, slots=True)
class Source:
    """What a function is made of."""

    file: Artefact = None
    kind: Kind = None
    main: Main = None
    docker: Docker = None
    native: Native = False
    sequence: Sequence = False
    copy: Copy = False


@dataclass(frozen=True, slots=True)
class Web:
    """How it is served on the web."""

    web: ToWeb = None
    web_secure: WebSecure = None


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one invocation."""

    timeout: Timeout = None
    memory: Memory = None
    logsize: LogSize = None
    concurrency: Concurrency = None

    def fields(self) -> dict[str, Any]:
        """The `limits` of a body, if any is given."""
        given = {"timeout": self.timeout, "memory": self.memory, "logs": self.logsize, "concurrency": self.concurrency}
        found = {key: value for key, value in given.items() if value is not None}
        return {"limits": found} if found else {}


@command(
    app,
    "create",
    "argofn action create hello hello.js",
    "argofn action create page hello.js --web yes -p name Argo",
    "argofn action create both --sequence hello,page",
)
def create(
    session: Session,
    name: opt.Action,
    source: Source,
    web: Web,
    about: opt.Describing,
    limits: Limits,
) -> None:
    """Create a function from a file, an archive, a folder, an image, a sequence or another action."""
    target = parse(name, session.properties.namespace)
    body = _copied(session, source.file) if source.copy else {"exec": _exec(session, source)}
    _put_together(body, about.parameters(), about.annotations() | web_annotations(web.web, web.web_secure))
    body |= limits.fields()
    put(session, target, body, overwrite=False)


@command(
    app,
    "update",
    "argofn action update hello hello.js -p greeting Hi",
    "argofn action update hello --memory 256 --timeout 5000",
    "argofn action update hello --web raw",
)
def update(
    session: Session,
    name: opt.Action,
    source: Source,
    web: Web,
    about: opt.Describing,
    limits: Limits,
    del_annotation: DelAnnotation = None,
) -> None:
    """Change a function, or create it; what is not given stays as it is."""
    target = parse(name, session.properties.namespace)
    existing = _existing(session, target)
    body = _copied(session, source.file) if source.copy else {}
    if not source.copy and (source.file or source.docker or source.native or source.sequence):
        body["exec"] = _exec(session, source)
    elif not source.copy and (source.kind or source.main):
        body["exec"] = _changed_exec(session, target, source.kind, source.main)
    annotations = about.annotations()
    if web.web is not None or web.web_secure is not None:
        kept = as_mapping(existing.get("annotations"))
        annotations = kept | annotations | web_annotations(web.web, web.web_secure)
        annotations.pop("exec", None)  # the service's own
    if del_annotation:
        body["delAnnotations"] = del_annotation
        annotations = {key: value for key, value in annotations.items() if key not in del_annotation}
    _put_together(body, about.parameters(), annotations)
    body |= limits.fields()
    put(session, target, body, overwrite=True)


def _put_together(body: dict[str, Any], parameters: dict[str, Any], annotations: dict[str, Any]) -> None:
    """Over what a copy brought."""
    for field, given in (("parameters", parameters), ("annotations", annotations)):
        if given:
            body[field] = key_values(as_mapping(body.get(field)) | given)


def _exec(session: Session, source: Source) -> codes.Exec:
    file, main = source.file, source.main
    if source.sequence:
        return codes.sequence(file or "", session.properties.namespace)
    if file is None:
        if source.docker:
            return {"kind": "blackbox", "image": source.docker} | ({"main": main} if main else {})
        raise Misused("there is nothing to run", "FILE, --docker IMAGE, --sequence A,B or --copy ACTION")
    return codes.from_file(Path(file), kind=source.kind, main=main, docker=source.docker, native=source.native)


def _changed_exec(session: Session, target: Name, kind: str | None, main: str | None) -> codes.Exec:
    """The code that is there, under another kind or entry."""
    there = session.api.json("GET", session.at("actions", target.path, target.namespace), query={"code": True})
    found: codes.Exec = {key: value for key, value in there["exec"].items() if key in {"kind", "code", "main", "image"}}
    if there["exec"].get("binary"):
        found["binary"] = True
    return found | ({"kind": kind} if kind else {}) | ({"main": main} if main else {})


def _copied(session: Session, source: str | None) -> dict[str, Any]:
    if source is None:
        raise Misused("--copy needs the action to copy", "argofn action create NEW --copy OLD")
    name = parse(source, session.properties.namespace)
    there = session.api.json("GET", session.at("actions", name.path, name.namespace), query={"code": True})
    annotations = [each for each in there.get("annotations", ()) if each["key"] != "exec"]
    return {
        "exec": there["exec"],
        "parameters": there.get("parameters", []),
        "annotations": annotations,
        "limits": there["limits"],
    }


def _existing(session: Session, target: Name) -> dict[str, Any]:
    """The action as it is; nothing if there is none yet."""
    try:
        path = session.at("actions", target.path, target.namespace)
        found: dict[str, Any] = session.api.json("GET", path, query={"code": False})
    except Refused as error:
        if error.http_status == 404:
            return {}
        raise
    return found


def put(session: Session, target: Name, body: dict[str, Any], *, overwrite: bool) -> None:
    """Send it, and say so."""
    path = session.at("actions", target.path, target.namespace)
    made = session.api.json("PUT", path, query={"overwrite": overwrite}, body={"name": target.entity, **body})
    output.done(session, made, f"{'updated' if overwrite else 'created'} action {target.local}")


@command(
    app,
    "invoke",
    "argofn action invoke hello -r -p name Argo",
    "argofn action invoke hello --blocking",
    "argofn action invoke hello",
)
def invoke(
    session: Session,
    name: opt.Action,
    blocking: Annotated[bool, typer.Option("--blocking", "-b", help="Wait for the record.")] = False,
    result: Annotated[bool, typer.Option("--result", "-r", help="Wait, and print the result only.")] = False,
    param: opt.Params = None,
    param_file: opt.ParamFile = None,
) -> None:
    """Invoke a function. Exit status 246 if it failed; its result or record is printed all the same."""
    target = parse(name, session.properties.namespace)
    path = session.at("actions", target.path, target.namespace)
    query = {"blocking": blocking or result, "result": result}
    answer = session.api.send("POST", path, query=query, body=collected(param, param_file))
    data = _outcome(answer)
    if answer.status == 202:
        activation = data["activationId"]
        output.emit(session, data, lambda: output.ok(f"invoked {target.qualified} with id {activation}"))
        if blocking or result:
            raise NotYet("the function is still running", f"argofn activation get {activation}")
        return
    if result:
        output.emit(session, data, lambda: output.dumped(data), str)
    else:
        sentence = f"invoked {target.qualified} with id {data['activationId']}"
        output.emit(session, data, lambda: f"{output.ok(sentence)}\n{output.dumped(data)}")
    if answer.status >= 400:
        activation = answer.headers.get("x-openwhisk-activation-id") or data.get("activationId", "--last")
        raise _failure(answer.status, activation)


def _failure(status: int, activation: str) -> Refused:
    error = Refused(status, "the function failed; what it answered is above")
    error.next_step = f"argofn activation logs {activation}"
    return error


def _outcome(answer: Answer) -> Any:
    """What the invocation gave; an answer that is an error of the service, and no function's, is raised."""
    data = answer.json()
    if answer.status >= 400 and (answer.status != 502 or (isinstance(data, dict) and {"error", "code"} == set(data))):
        checked(answer)
    return data


@command(
    app,
    "get",
    "argofn action get hello",
    "argofn action get page --url",
    "argofn action get hello limits",
    "argofn action get hello --save-as saved.js",
)
def get(
    session: Session,
    name: opt.Action,
    field: opt.Field = None,
    summary_only: opt.Summary = False,
    url: Annotated[bool, typer.Option("--url", "-r", help="Its address.")] = False,
    save: Annotated[bool, typer.Option("--save", help="Write its code to a file of its name.")] = False,
    save_as: Annotated[
        Path | None, typer.Option("--save-as", metavar="FILE", help="Write its code to FILE.", show_default=False)
    ] = None,
) -> None:
    """Show a function, one field of it, its address, or save its code."""
    target = parse(name, session.properties.namespace)
    path = session.at("actions", target.path, target.namespace)
    found = session.api.json("GET", path, query={"code": bool(save or save_as)})
    if save or save_as:
        _save(session, target, found, save_as)
    elif url:
        address = session.properties.url + _public_path(session, found)
        output.emit(session, {"url": address}, lambda: f"{output.ok(f'got action {target.local}')}\n{address}")
    elif summary_only:
        output.emit(session, found, lambda: summary("action", found))
    else:
        output.got(session, found, f"got action {target.local}", field)


def _public_path(session: Session, found: dict[str, Any]) -> str:
    """Where it is served on the web; else where it is invoked."""
    namespace, _, package = found["namespace"].partition("/")
    if as_mapping(found.get("annotations")).get("web-export") is True:
        return f"{session.root}/web/{segment(namespace)}/{segment(package or 'default')}/{segment(found['name'])}"
    inside = f"{segment(package)}/" if package else ""
    return f"{session.root}/namespaces/{segment(namespace)}/actions/{inside}{segment(found['name'])}"


def _save(session: Session, target: Name, found: dict[str, Any], given: Path | None) -> None:
    executed = found["exec"]
    if "code" not in executed:
        raise Misused(f"{target.local} has no code to save", f"argofn action get {target.local} exec")
    path = given or Path(codes.saved_name(target.entity, executed))
    if given is None and path.exists():
        raise Misused(f"the file {path} exists", f"--save-as OTHER, or: rm {path}")
    try:
        path.write_bytes(codes.saved_bytes(executed))
    except OSError as error:
        raise Misused(f"cannot write {path}: {error.strerror}", "--save-as FILE") from error
    output.emit(session, {"saved": str(path)}, lambda: output.ok(f"saved action code to {path.absolute()}"), str)


@command(app, "list", "argofn action list", "argofn action list -l 5 -o name", "argofn action list /_/tools")
def list_all(
    session: Session,
    page: opt.Paging,
    where: Annotated[
        str | None, typer.Argument(metavar="[/NAMESPACE[/PACKAGE]]", help="Where; else your own.", show_default=False)
    ] = None,
) -> None:
    """List functions, the latest change first."""
    namespace, package = place(where, session.properties.namespace)
    path = session.at("actions", f"{segment(package)}/" if package else "", namespace)
    found = page.sorted(session.api.json("GET", path, query=page.query()))
    output.listed(session, found, "actions", map(rows.action_row, found))


@command(app, "delete", "argofn action delete both")
def delete(session: Session, name: opt.Action) -> None:
    """Delete a function."""
    target = parse(name, session.properties.namespace)
    gone = session.api.json("DELETE", session.at("actions", target.path, target.namespace))
    output.done(session, gone, f"deleted action {target.local}")

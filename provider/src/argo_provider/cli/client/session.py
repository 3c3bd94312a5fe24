"""What every client command shares: its options, its session, the end of an error."""

from __future__ import annotations

import functools
import inspect
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, is_dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints

import typer
from typer.core import TyperCommand
from typer.models import ArgumentInfo

from argo_provider.cli.client import properties as props
from argo_provider.cli.client.arguments import joined
from argo_provider.cli.client.failures import ClientError, Exit, Refused, near
from argo_provider.cli.client.http import Api, segment
from argo_provider.cli.client.waiting import Waiting
from argo_provider.cli.terminal import stop


class Format(StrEnum):
    """How results are printed; `table` is what a person reads, in `wsk`'s shapes where it has one."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"


_PANEL = "Service and output"
ApiHost = Annotated[
    str | None,
    typer.Option("--apihost", metavar="URL", help="The service.", show_default=False, rich_help_panel=_PANEL),
]
Auth = Annotated[
    str | None, typer.Option("--auth", "-u", metavar="KEY", help="The key.", show_default=False, rich_help_panel=_PANEL)
]
Insecure = Annotated[bool, typer.Option("--insecure", "-i", help="Accept any TLS certificate.", rich_help_panel=_PANEL)]
ApiVersion = Annotated[
    str | None,
    typer.Option("--apiversion", metavar="VERSION", help="The API's.", show_default=False, rich_help_panel=_PANEL),
]
Cert = Annotated[
    str | None,
    typer.Option("--cert", metavar="FILE", help="Client certificate.", show_default=False, rich_help_panel=_PANEL),
]
Key = Annotated[
    str | None, typer.Option("--key", metavar="FILE", help="Its key.", show_default=False, rich_help_panel=_PANEL)
]
Output = Annotated[Format, typer.Option("--output", "-o", help="How to print the result.", rich_help_panel=_PANEL)]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", "--debug", "-d", help="Print each request.", rich_help_panel=_PANEL)
]
SHARED_OPTIONS: dict[str, tuple[Any, Any]] = {
    "apihost": (ApiHost, None),
    "auth": (Auth, None),
    "insecure": (Insecure, False),
    "apiversion": (ApiVersion, None),
    "cert": (Cert, None),
    "key": (Key, None),
    "output": (Output, Format.TABLE),
    "verbose": (Verbose, False),
}
# Every example of every command's help, by command: a test runs them against a service.
EXAMPLES: dict[str, tuple[str, ...]] = {}


class PairedCommand(TyperCommand):
    """A command whose `-p` and its like take two words."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, joined(args))


@dataclass(slots=True)
class Session:
    """One command's way to the service."""

    properties: props.Properties
    format: Format = Format.TABLE
    verbose: bool = False
    wanted: tuple[str, str] | None = None  # collection and name that a 404 would be about
    _api: Api | None = field(default=None, repr=False)

    @property
    def api(self) -> Api:
        if self._api is None:
            self._api = Api(self.properties, verbose=self.verbose, waiting=Waiting())
        return self._api

    @property
    def root(self) -> str:
        return f"/api/{self.properties.apiversion}"

    def at(self, collection: str, path: str = "", namespace: str | None = None) -> str:
        """The path of a collection or of an entity in it; remembered, so that a 404 can name what is near."""
        if path:
            self.wanted = (collection, path)
        below = f"/{path}" if path else ""
        return f"{self.root}/namespaces/{segment(namespace or self.properties.namespace)}/{collection}{below}"

    def argo(self, path: str) -> str:
        """A path of the API that is our own."""
        return f"{self.root}/argo/{path}"

    def names(self, collection: str) -> list[str]:
        """The names in a collection, as they are typed; packages before actions that are in one."""
        found = self.api.json("GET", self.at(collection), query={"limit": 200}, seconds=5.0)
        return [local_name(each) for each in found or ()]


def local_name(entity: dict[str, Any]) -> str:
    """`package/a` or `a`, of an entity in a list: its package is the second part of its namespace."""
    _, _, package = str(entity.get("namespace", "")).partition("/")
    return f"{package}/{entity['name']}" if package else str(entity["name"])


def command(app: typer.Typer, name: str, *examples: str, **options: Any) -> Callable[[Any], Any]:
    """Register `function(session, …)` as a command that has the shared options as well, and ends errors well.

    A parameter of a dataclass's type stands for its fields: what several commands take is said once.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        taking = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
        own = sorted((option for parameter in taking for option in _options(parameter)), key=_is_option)
        taken = {parameter.name for parameter in own}
        shared = {key: value for key, value in SHARED_OPTIONS.items() if key not in taken}

        @functools.wraps(function)
        def run(**given: Any) -> None:
            with ending() as end:
                end.session = session = _session({key: given.pop(key) for key in shared})
                function(session, **_gathered(taking, given))

        parameters = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own]
        for key, (annotation, default) in shared.items():
            kind = inspect.Parameter.KEYWORD_ONLY
            parameters.append(inspect.Parameter(key, kind, default=default, annotation=annotation))
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        del run.__wrapped__  # whose annotations are text
        EXAMPLES[f"{app.info.name} {name}".strip() if app.info.name else name] = examples
        app.command(name, cls=PairedCommand, epilog=_epilog(examples), **options)(run)
        return function

    return register


def _options(parameter: inspect.Parameter) -> list[inspect.Parameter]:
    bundle = parameter.annotation
    if not is_dataclass(bundle):
        return [parameter]
    hints = get_type_hints(bundle, include_extras=True)
    return [
        inspect.Parameter(each.name, parameter.kind, default=each.default, annotation=hints[each.name])
        for each in fields(bundle)
    ]


def _is_option(parameter: inspect.Parameter) -> bool:
    return not any(isinstance(each, ArgumentInfo) for each in get_args(parameter.annotation)[1:])


def _gathered(taking: list[inspect.Parameter], given: dict[str, Any]) -> dict[str, Any]:
    """What was given by option, as the command takes it."""
    found: dict[str, Any] = {}
    for parameter in taking:
        values = {option.name: given[option.name] for option in _options(parameter)}
        made: Callable[..., Any] = parameter.annotation
        found[parameter.name] = made(**values) if is_dataclass(made) else values[parameter.name]
    return found


def _epilog(examples: tuple[str, ...]) -> str | None:
    if not examples:
        return None
    shown = [each.replace("[", "\\[") for each in examples]
    return "Examples:\n\n" + "\n\n".join(f"$ {each}" for each in shown)


def _session(shared: dict[str, Any]) -> Session:
    """A command that takes `--auth` or `--apihost` for itself (property) does not have them in `shared`."""
    flags = {
        "APIHOST": shared.get("apihost"),
        "AUTH": shared.get("auth"),
        "APIVERSION": shared.get("apiversion"),
        "CERT": shared.get("cert"),
        "KEY": shared.get("key"),
    }
    return Session(
        props.resolve(flags, os.environ, props.read(props.file_path(os.environ)), insecure=shared["insecure"]),
        shared.get("output", Format.TABLE),
        shared["verbose"],
    )


def from_environment(apihost: str | None = None, auth: str | None = None, *, insecure: bool = False) -> Session:
    """A session outside of a command: for completion, and for commands that are not only of the client."""
    flags = {"APIHOST": apihost, "AUTH": auth}
    return Session(props.resolve(flags, os.environ, props.read(props.file_path(os.environ)), insecure=insecure))


@dataclass(slots=True)
class _End:
    session: Session | None = None


@contextmanager
def ending() -> Iterator[_End]:
    """Errors become two lines and an exit status; Ctrl-C and a reader that went away end without a word."""
    end = _End()
    try:
        yield end
    except Refused as error:
        stop(str(error), _near(end.session, error) or error.next_step, status=error.status)
    except ClientError as error:
        stop(str(error), error.next_step, status=error.status)
    except KeyboardInterrupt:
        raise typer.Exit(Exit.INTERRUPTED) from None
    except BrokenPipeError:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  # so that the end flushes into nothing
        raise typer.Exit(Exit.OK) from None


def _near(session: Session | None, error: Refused) -> str:
    """Names that a missing one may have been meant to be; "" where that is not what went wrong."""
    if session is None or session.wanted is None or error.http_status not in {403, 404}:
        return ""
    collection, path = session.wanted
    from urllib.parse import unquote  # noqa: PLC0415  # only here

    try:
        names = session.names(collection)
    except ClientError:
        return ""  # the first error is the one to tell
    if collection in {"activations"}:
        return f"argofn {collection[:-1]} list"
    found = near(unquote(path), names)
    if found:
        return f"did you mean {' or '.join(found)}?"
    return f"argofn {collection[:-1]} list, to see what there is" if names else f"argofn {collection[:-1]} create NAME"

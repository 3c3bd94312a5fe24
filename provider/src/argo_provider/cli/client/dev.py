"""`argofn dev`: deploy a function whenever its files change, keep it warm, show its logs, act on keys."""

from __future__ import annotations

import select
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from argo_provider.cli.client import code as codes
from argo_provider.cli.client import output
from argo_provider.cli.client.actions import ToWeb
from argo_provider.cli.client.arguments import collected, key_values, web_annotations
from argo_provider.cli.client.failures import ClientError, Misused, Refused
from argo_provider.cli.client.follow import Filter, Follower
from argo_provider.cli.client.http import checked
from argo_provider.cli.client.logs import Printer
from argo_provider.cli.client.names import Name, parse
from argo_provider.cli.client.options import ParamFile, Params
from argo_provider.cli.client.session import Session, command
from argo_provider.cli.client.tiers import explained
from argo_provider.cli.terminal import say

app = typer.Typer()
LOOK_SECONDS = 0.25
WARM = "argo.warm"
FunctionName = Annotated[
    str | None, typer.Option("--name", help="The function's; else the file's.", show_default=False)
]
KEYS = "i invoke · d deploy · l logs on/off · w why it runs where it runs · c clear · q quit"


@dataclass(slots=True)
class Development:
    """What is deployed from where. `stamp`: how the files were at the last deployment."""

    path: Path
    name: Name
    kind: str | None = None
    main: str | None = None
    native: bool = False
    annotations: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    stamp: Any = None

    def changed(self) -> bool:
        """Whether a file came, went or was written since the last call."""
        before, self.stamp = self.stamp, stamp_of(self.path)
        return bool(before != self.stamp)

    def body(self) -> dict[str, Any]:
        made = codes.from_file(self.path, kind=self.kind, main=self.main, native=self.native)
        return {"name": self.name.entity, "exec": made, "annotations": key_values(self.annotations)}


def stamp_of(path: Path) -> tuple[tuple[str, int, int], ...]:
    """Name, time and size of each file; one that vanishes meanwhile is left out."""
    found = []
    for file in codes.files_of(path) if path.is_dir() else (path,):
        try:
            status = file.stat()
        except OSError:
            continue
        found.append((str(file), status.st_mtime_ns, status.st_size))
    return tuple(found)


@command(app, "dev", "argofn dev hello.js --exit 1")
def dev(
    session: Session,
    path: Annotated[Path, typer.Argument(metavar="PATH", help="The file or folder.", show_default=False)],
    name: FunctionName = None,
    kind: Annotated[str | None, typer.Option("--kind", help="If the file does not tell.", show_default=False)] = None,
    main: Annotated[str | None, typer.Option("--main", help="What to call.", show_default=False)] = None,
    native: Annotated[bool, typer.Option("--native", help="PATH is an executable.")] = False,
    web: ToWeb = None,
    param: Params = None,
    param_file: ParamFile = None,
    logs: Annotated[bool, typer.Option("--logs/--no-logs", help="Show its logs.")] = True,
    exit_after: Annotated[int, typer.Option("--exit", metavar="SECONDS", help="Stop after; 0: never.")] = 0,
) -> None:
    """Watch a file or a folder: deploy on every change, keep a sandbox warm, show the logs. -p is for the key i."""
    if not path.exists():
        raise Misused(f"there is no {path}", f"argofn new {path.stem}, for a function to start from")
    target = parse(name or path.resolve().stem, session.properties.namespace)
    annotations = {WARM: 1} | web_annotations(web, None)
    parameters = collected(param, param_file)
    work = Development(path, target, kind, main, native, annotations, parameters)
    loop = Loop(session, work, show_logs=logs)
    loop.run(time.monotonic() + exit_after if exit_after else None)


class Loop:
    """Looks for changes and keys until it is stopped."""

    def __init__(self, session: Session, work: Development, *, show_logs: bool) -> None:
        self._session = session
        self._work = work
        self._path = session.at("actions", work.name.path, work.name.namespace)
        self._logs = show_logs
        self._stopped = threading.Event()
        self._do: dict[str, Callable[[], None]] = {
            "i": self.invoke, "d": self.deploy, "l": self._toggle, "w": self._why, "c": self._clear, "q": self.stop
        }  # fmt: skip

    def stop(self) -> None:
        self._stopped.set()

    def run(self, ends: float | None = None) -> None:
        """Until `stop`, `ends` (monotonic seconds) or Ctrl-C; then the function is no longer kept warm."""
        threading.Thread(target=self._follow, daemon=True).start()
        with keyboard() as read:
            if sys.stdin.isatty():
                say(f"keys: {KEYS}")
            try:
                while not self._stopped.is_set() and (ends is None or time.monotonic() < ends):
                    self.look()
                    self._act(read(LOOK_SECONDS))
            finally:
                self._cool()

    def look(self) -> bool:
        """Deploy if something changed; whether it did."""
        if not self._work.changed():
            return False
        self.deploy()
        return True

    def deploy(self) -> None:
        """Send what is there; a failure is said, and the next change tries again."""
        began = time.monotonic()
        try:
            made = self._session.api.json("PUT", self._path, query={"overwrite": True}, body=self._work.body())
        except ClientError as error:
            self._complain(error)
            return
        took = (time.monotonic() - began) * 1000
        say(output.ok(f"deployed {self._work.name.local} {made['version']} in {took:.0f} ms"))

    def invoke(self) -> None:
        query = {"blocking": True, "result": True}
        try:
            answer = self._session.api.send("POST", self._path, query=query, body=self._work.parameters)
            if answer.status not in {200, 202, 502}:
                checked(answer)
        except ClientError as error:
            self._complain(error)
            return
        say(output.plain(output.dumped(answer.json())))

    def _act(self, key: str) -> None:
        if key in self._do:
            self._do[key]()
        elif key.strip():
            say(f"keys: {KEYS}")

    def _toggle(self) -> None:
        self._logs = not self._logs
        say(f"logs are {'on' if self._logs else 'off'}")

    def _why(self) -> None:
        try:
            found = self._session.api.json("GET", self._session.argo(f"tiers/{self._work.name.path}"))
        except ClientError as error:
            self._complain(error)
            return
        say(explained(found, time.time() * 1000))

    @staticmethod
    def _clear() -> None:
        typer.echo("\x1b[2J\x1b[H", nl=False)

    @staticmethod
    def _complain(error: ClientError) -> None:
        sys.stderr.write(f"argofn: {error}\n  next: {error.next_step}\n")

    def _follow(self) -> None:
        """Logs of the function; a thread of its own, which ends with the process."""
        wanted = Filter(self._work.name.local)
        show = Printer(self._session, wanted)
        session = Session(self._session.properties)
        try:
            for record in Follower(session, wanted).records():
                if self._stopped.is_set():
                    return
                if self._logs and not isinstance(record, str):
                    show.one(record)
        except ClientError as error:
            if not self._stopped.is_set():
                self._complain(error)

    def _cool(self) -> None:
        """The annotation that kept it warm goes; a service that is away keeps it until the next deployment."""
        self._stopped.set()
        body = {"name": self._work.name.entity, "delAnnotations": [WARM]}
        try:
            checked(self._session.api.send("GET", self._path, query={"code": False}))
            self._session.api.json("PUT", self._path, query={"overwrite": True}, body=body)
        except Refused as error:
            if error.http_status != 404:  # nothing was deployed
                self._complain(error)
        except ClientError as error:
            self._complain(error)


@contextmanager
def keyboard() -> Iterator[Callable[[float], str]]:
    """A function that waits so many seconds for a key: "" if none came, or if nobody types here."""
    if not sys.stdin.isatty():
        yield _nobody
        return
    import termios  # noqa: PLC0415  # only on a terminal
    import tty  # noqa: PLC0415

    number = sys.stdin.fileno()
    before = termios.tcgetattr(number)
    tty.setcbreak(number)
    try:
        yield lambda seconds: sys.stdin.read(1) if select.select([sys.stdin], [], [], seconds)[0] else ""
    finally:
        termios.tcsetattr(number, termios.TCSADRAIN, before)


def _nobody(seconds: float) -> str:
    time.sleep(seconds)
    return ""

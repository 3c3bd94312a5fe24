"""Hello functions for benches of the optimiser, and waiting until they have moved."""

from __future__ import annotations

import base64
import io
import time
import uuid
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

from argo_dev.client import CallError, Client
from argo_dev.functions import echo_functions

JAVA, NODE = "java:17", "nodejs:20"
KINDS = {"java": JAVA, "nodejs": NODE}
_POLL_SECONDS = 0.5


class NotMovedError(Exception):
    """A function did not become native in time; the message ends with what the service says of it."""


def annotated(**annotations: Any) -> list[dict[str, Any]]:
    """`argo_tier="native"` is the annotation argo.tier."""
    return [{"key": name.replace("_", ".", 1), "value": value} for name, value in annotations.items()]


def code(language: str, number: int = 0) -> Mapping[str, Any]:
    """The `exec` of an echo. JavaScript's differ by `number`; Java's share one jar, so that one build serves all."""
    function = echo_functions().get(KINDS[language])
    if function is None:
        raise SystemExit(
            "error: no javac, or no Gson; fix: apt-get install openjdk-17-jdk-headless libgoogle-gson-java"
        )
    if language == "java":
        return function.exec
    return {"kind": NODE, "code": f"const number = {number};\nfunction main(args) {{ return args }}"}


def fresh(language: str) -> Mapping[str, Any]:
    """The same, and nobody has built it before: a build that an earlier run left in the cache takes no time."""
    told = uuid.uuid4().hex
    if language != "java":
        return code(language, int(told, 16))
    jar = io.BytesIO(base64.b64decode(code(language)["code"]))
    with zipfile.ZipFile(jar, "a") as archive:
        archive.writestr("META-INF/run", told)
    return {**code(language), "code": base64.b64encode(jar.getvalue()).decode()}


def tier(client: Client, name: str) -> dict[str, Any]:
    """What the optimiser says of an action."""
    answer: dict[str, Any] = client.call("GET", f"/api/v1/argo/tiers/{name}")
    return answer


def annotation(activation: Mapping[str, Any], key: str) -> Any:
    return next((each["value"] for each in activation["annotations"] if each["key"] == key), None)


def await_native(client: Client, names: Sequence[str], seconds: float) -> None:
    """Call each until its invocations run natively. NotMovedError after `seconds` in all."""
    deadline = time.monotonic() + seconds
    waiting = list(names)
    while waiting:
        waiting = [name for name in waiting if annotation(client.invoke(name), "argo.tier") != "native"]
        waiting += [name for name in names if name not in waiting and tier(client, name)["state"] != "native"]
        if waiting and time.monotonic() > deadline:
            told = tier(client, waiting[0])
            raise NotMovedError(
                f"{len(waiting)} of {len(names)} functions are not native after {seconds:g} s;"
                f" {waiting[0]} is {told['state']}: {told['reason']} {told['next']}"
            )
        if waiting:
            time.sleep(_POLL_SECONDS)


def await_runtimes(client: Client, languages: Sequence[str], seconds: float = 600.0) -> None:
    """Until the ordinary runtimes of these languages answer."""
    for language in languages:
        client.put_action(f"ready-{language}", code(language), annotations=annotated(argo_tier="ordinary"))
        try:
            client.invoke_once_ready(f"ready-{language}", seconds)
        except CallError as error:
            raise SystemExit(f"error: {KINDS[language]} cannot be used: {error}") from error
        client.call("DELETE", f"actions/ready-{language}")

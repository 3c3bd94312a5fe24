"""Which kinds the service has, what it means when one is missing, and waiting for one that is still being prepared."""

import os
from typing import Any

import pytest

from blackbox.answer import Answer, expect_ok
from blackbox.archives import jar, java_compiler, source
from blackbox.workspace import Workspace, eventually

NEEDED_FAMILIES = ("nodejs", "python", "java")
READY_SECONDS = 900.0
SKELETON = {"kind": "blackbox", "image": "openwhisk/dockerskeleton"}
SMALLEST = {
    "nodejs": "function main() { return {} }",
    "python": "def main(args):\n    return {}\n",
    "ruby": "def main(args)\n  {}\nend\n",
    "php": '<?php\nfunction main(array $args): array { return ["a" => 1]; }\n',
}


def in_ci() -> bool:
    return os.environ.get("CI", "").lower() == "true"


class Kinds:
    """The runtimes of `GET /`. A service may prepare some of them while it runs already: `ready` waits for one."""

    def __init__(self, runtimes: dict[str, Any], ow: Workspace) -> None:
        self._runtimes = runtimes
        self._ow = ow
        self._ready: set[str] = set()

    async def ready(self, kind: str) -> str:
        """The kind itself once a function of it runs; a skip where the service lists none, in CI a failure for some."""
        family = kind.split(":", maxsplit=1)[0]
        listed = [each["kind"] for each in self._runtimes.get(family, [])]
        if kind not in listed and not (kind.endswith(":default") and listed):
            self._missing(family, f"the service lists no runtime {kind} (of {family}: {listed})")
        if family == "java" and not java_compiler():
            self._missing(family, "no javac on PATH to build the jar with")
        await self._wait({"kind": kind} | _smallest(family))
        return kind

    async def skeleton(self) -> dict[str, Any]:
        """The `exec` of an executable, without its code."""
        await self._wait({**SKELETON, "code": "#!/bin/sh\necho '{}'\n"})
        return dict(SKELETON)

    def _missing(self, family: str, reason: str) -> None:
        if in_ci() and family in NEEDED_FAMILIES:
            pytest.fail(reason)
        pytest.skip(reason)

    async def _wait(self, execution: dict[str, Any]) -> None:
        if execution["kind"] in self._ready:
            return
        name = self._ow.name("ready")
        expect_ok(await self._ow.put("actions", name, {"exec": execution}))

        async def answered() -> Answer | None:
            answer = await self._ow.invoke(name)
            return None if answer.status in {202, 503} else answer

        expect_ok(await eventually(answered, f"the runtime {execution['kind']} is ready", READY_SECONDS))
        self._ready.add(execution["kind"])


def _smallest(family: str) -> dict[str, Any]:
    if family == "java":
        return {"code": jar(), "main": "All"}
    return {"code": source("go/all.go") if family == "go" else SMALLEST[family]}

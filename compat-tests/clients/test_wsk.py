"""`wsk` itself where it is on PATH, and `argofn`, which must do all that a person knows from `wsk`."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from blackbox.workspace import ECHO, Workspace


class Wsk:
    def __init__(self, ow: Workspace, runner: Any, program: str) -> None:
        self._runner = runner
        self._program = program
        self._options = ("--apihost", ow.apihost, "--auth", ow.key, "-i")

    async def __call__(self, *arguments: str) -> str:
        return await self._runner.succeed(self._program, *arguments, *self._options)


@pytest.fixture(params=("wsk", "argofn"))
def wsk(request: pytest.FixtureRequest, ow: Workspace, runner: Any) -> Wsk:
    if not shutil.which(request.param):
        pytest.skip(f"{request.param} is not on PATH")
    return Wsk(ow, runner, request.param)


async def test_actions(ow: Workspace, wsk: Wsk, tmp_path: Path) -> None:
    name, file = ow.name("wsk"), tmp_path / "echo.js"
    file.write_text(ECHO)
    assert "ok: created action" in await wsk("action", "create", name, str(file), "--web", "true")
    ow.created("actions", name)
    assert json.loads(await wsk("action", "invoke", name, "-r", "-p", "a", "1")) == {"a": 1}
    assert name in await wsk("action", "list")
    assert "ok: got action" in await wsk("action", "get", name)
    assert "ok: updated action" in await wsk("action", "update", name, "--timeout", "5000")
    assert name in await wsk("activation", "list", name)
    assert "ok: deleted action" in await wsk("action", "delete", name)


async def test_triggers_and_rules(ow: Workspace, wsk: Wsk) -> None:
    trigger, rule, action = ow.name("t"), ow.name("r"), await ow.action()
    alarm = ("--feed", "/whisk.system/alarms/alarm", "--param", "cron", "0 0 1 1 *")
    assert "ok: created trigger" in await wsk("trigger", "create", trigger, *alarm)
    ow.created("triggers", trigger)
    assert "ok: created rule" in await wsk("rule", "create", rule, trigger, action)
    ow.created("rules", rule)
    assert "active" in await wsk("rule", "status", rule)
    assert "ok: triggered" in await wsk("trigger", "fire", trigger, "--param", "a", "1")
    await ow.activations_of(action)
    assert rule in await wsk("list")
    assert "ok: deleted rule" in await wsk("rule", "delete", rule)
    assert "ok: deleted trigger" in await wsk("trigger", "delete", trigger)


async def test_routes(ow: Workspace, wsk: Wsk) -> None:
    name = await ow.action(annotations=[{"key": "web-export", "value": True}])
    base = "/" + ow.name("wsk")
    assert base in await wsk("api", "create", base, "/hello", "get", name, "--response-type", "json")
    assert "/hello" in await wsk("api", "list", base)
    assert "ok: deleted API" in await wsk("api", "delete", base)


async def test_properties(ow: Workspace, wsk: Wsk) -> None:
    assert ow.namespace in await wsk("namespace", "list")
    assert "whisk API build" in await wsk("property", "get", "--apibuild")

"""Executables that answer garbage, twice, or cannot run at all."""

from typing import Any

import pytest
import pytest_asyncio
from blackbox.answer import expect_ok
from blackbox.runtimes import Kinds
from blackbox.workspace import Workspace

pytestmark = pytest.mark.usefixtures("untouched")


@pytest_asyncio.fixture(loop_scope="session")
async def skeleton(kinds: Kinds) -> dict[str, Any]:
    return await kinds.skeleton()


@pytest.mark.parametrize(
    "line", ["garbage", "", "[1, 2", '"text"', "5", '{"a": 1} and more', "\\377\\376", '{"a": "\\377"}']
)
async def test_an_executable_that_answers_garbage(ow: Workspace, skeleton: dict[str, Any], line: str) -> None:
    script = f"#!/bin/sh\nprintf '{line}\\n'\n"
    name = ow.name("native")
    expect_ok(await ow.put("actions", name, {"exec": {**skeleton, "code": script}}))
    response = expect_ok(await ow.invoke(name), 502)["response"]
    assert response["success"] is False
    assert isinstance(response["result"]["error"], str)


async def test_an_executable_that_answers_twice(ow: Workspace, skeleton: dict[str, Any]) -> None:
    """The last line is the result; the first is a log line."""
    name = ow.name("native")
    script = "#!/bin/sh\necho '{\"first\": 1}'\necho '{\"second\": 2}'\n"
    expect_ok(await ow.put("actions", name, {"exec": {**skeleton, "code": script}}))
    assert await ow.result(name) == {"second": 2}


@pytest.mark.parametrize("code", ["no interpreter line", "#!/no/such/interpreter\n", "\x7fELF garbage"])
async def test_an_executable_that_is_none(ow: Workspace, skeleton: dict[str, Any], code: str) -> None:
    name = ow.name("native")
    answer = await ow.put("actions", name, {"exec": {**skeleton, "code": code}})
    if answer.status == 200:
        response = expect_ok(await ow.invoke(name), 502)["response"]
        assert isinstance(response["result"]["error"], str)
    else:
        assert answer.status == 400

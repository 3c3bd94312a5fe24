"""Argo's own API, told from a foreign OpenWhisk by what it says of its build."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from blackbox.answer import Answer, expect_ok
from blackbox.workspace import Workspace

ARGO = "/api/v1/argo"
Ask = Callable[..., Awaitable[Answer]]


@pytest_asyncio.fixture(scope="session", loop_scope="session", autouse=True)
async def argo_alone(shared: Workspace) -> None:
    about = expect_ok(await shared.call("GET", "/api/v1", auth=None))
    if not str(about.get("buildno", "")).startswith("argo-"):
        pytest.skip("another OpenWhisk than Argo: it has no /api/v1/argo")


def asking(workspace: Workspace) -> Ask:
    """Calls below /api/v1/argo with the workspace's key."""

    async def ask(path: str, method: str = "GET", **options: Any) -> Answer:
        return await workspace.call(method, ARGO + path, **options)

    return ask


@pytest.fixture
def ask(ow: Workspace) -> Ask:
    return asking(ow)


@pytest.fixture
def ask2(ow2: Workspace) -> Ask:
    return asking(ow2)

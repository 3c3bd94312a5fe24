"""Where the service is, the keys to use, and the fixtures of every test. Nothing here knows an implementation."""

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from blackbox.answer import expect_ok
from blackbox.runtimes import Kinds
from blackbox.workspace import ECHO, Workspace


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("openwhisk", "the OpenWhisk service under test")
    group.addoption("--apihost", help="its base URL, for example http://127.0.0.1:3233")
    group.addoption("--auth", help="a namespace's key, uuid:secret; its limits should be generous")
    group.addoption("--auth2", help="the key of a second namespace, for entitlement and isolation")
    group.addoption("--throttled-auth", help="the key of a namespace that allows at most 10 invocations a minute")


def pytest_configure(config: pytest.Config) -> None:
    if not config.option.help and not config.option.collectonly and not (config.option.apihost and config.option.auth):
        raise pytest.UsageError("say which service to test: --apihost URL --auth KEY")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What must wait for the clock begins before all others and ends after them."""
    rank = {"first": 0, "last": 2}
    items.sort(key=lambda item: next((rank[m.name] for m in item.iter_markers() if m.name in rank), 1))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """One line a folder; pytest's own closing line has the sum."""
    counts: dict[str, Counter[str]] = {}
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.stats.get(outcome, []):
            counts.setdefault(report.nodeid.split("/")[0], Counter())[outcome] += 1
    for folder, count in sorted(counts.items()):
        line = ", ".join(f"{number} {outcome}" for outcome, number in count.items())
        terminalreporter.write_line(f"{folder}: {line}")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    timeout = aiohttp.ClientTimeout(total=120, connect=20)
    connector = aiohttp.TCPConnector(ssl=False, limit=64)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector, auto_decompress=False) as session:
        yield session


async def _workspace(http: aiohttp.ClientSession, apihost: str, key: str) -> Workspace:
    (namespace,) = expect_ok(await Workspace(http, apihost, key).call("GET", "/api/v1/namespaces"))
    return Workspace(http, apihost, key, namespace)


class Keys:
    """Workspaces by option; the namespace of a key is asked for once."""

    def __init__(self, http: aiohttp.ClientSession, config: pytest.Config) -> None:
        self._http = http
        self._config = config
        self._namespaces: dict[str, str] = {}

    async def workspace(self, option: str) -> Workspace:
        key = self._config.getoption(option)
        if not key:
            pytest.skip(f"needs --{option.replace('_', '-')}")
        apihost = self._config.getoption("apihost")
        if key not in self._namespaces:
            self._namespaces[key] = (await _workspace(self._http, apihost, key)).namespace
        return Workspace(self._http, apihost, key, self._namespaces[key])


@pytest.fixture(scope="session")
def keys(http: aiohttp.ClientSession, pytestconfig: pytest.Config) -> Keys:
    return Keys(http, pytestconfig)


@pytest_asyncio.fixture(loop_scope="session")
async def ow(keys: Keys) -> AsyncIterator[Workspace]:
    """This test's corner of the first namespace."""
    workspace = await keys.workspace("auth")
    yield workspace
    await workspace.clean()


@pytest_asyncio.fixture(loop_scope="session")
async def ow2(keys: Keys) -> AsyncIterator[Workspace]:
    """This test's corner of the second namespace."""
    workspace = await keys.workspace("auth2")
    yield workspace
    await workspace.clean()


@pytest_asyncio.fixture(loop_scope="session")
async def throttled(keys: Keys) -> AsyncIterator[Workspace]:
    """A corner of the namespace with small limits."""
    workspace = await keys.workspace("throttled_auth")
    yield workspace
    await workspace.clean()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared(keys: Keys) -> AsyncIterator[Workspace]:
    """What several tests only read or invoke, made once."""
    workspace = await keys.workspace("auth")
    yield workspace
    await workspace.clean()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def runtimes(shared: Workspace) -> dict[str, Any]:
    """The `runtimes` of `GET /`."""
    return expect_ok(await shared.call("GET", "/", auth=None))["runtimes"]


@pytest.fixture(scope="session")
def kinds(runtimes: dict[str, Any], shared: Workspace) -> Kinds:
    return Kinds(runtimes, shared)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def node(kinds: Kinds) -> str:
    """The kind that most tests' functions are of."""
    return await kinds.ready("nodejs:default")


@pytest_asyncio.fixture(scope="session", loop_scope="session", autouse=True)
async def begin_when_functions_run(kinds: Kinds, runtimes: dict[str, Any]) -> None:
    if "nodejs" in runtimes:
        await kinds.ready("nodejs:default")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def echo(shared: Workspace, node: str) -> str:
    """An action that answers its arguments."""
    return await shared.action(ECHO, kind=node)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def reply(shared: Workspace, node: str) -> str:
    """An action that answers its argument `reply`, whatever that is."""
    return await shared.action("function main(args) { return args.reply }", kind=node)

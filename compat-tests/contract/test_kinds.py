"""Each kind of runtime: source and archive, logs, environment, failures, arrays (contract 9, 10)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from blackbox.answer import expect_ok, key_values
from blackbox.archives import jar, source, zipped
from blackbox.runtimes import Kinds
from blackbox.workspace import Workspace

TEXT = "from the environment"
PARAMETERS = [{"key": "TEXT", "value": TEXT, "init": True}]


@dataclass(frozen=True, slots=True)
class Sample:
    """One kind's function that answers to name, say, fail, list and env: as source and as archive."""

    kind: str
    plain: Callable[[], str] | None
    archive: Callable[[], str] | None
    main: str = ""
    lists: bool = True

    def execution(self, code: Callable[[], str]) -> dict[str, Any]:
        return {"kind": self.kind, "code": code()} | ({"main": self.main} if self.main else {})


def node_zip() -> str:
    package = '{"name": "sample", "main": "lib/all.js"}'
    code = source("nodejs/all.js") + "\nexports.main = main\n"
    return zipped({"package.json": package, "lib/all.js": code})


def python_zip() -> str:
    return zipped(
        {
            "__main__.py": "from inner.all import main\n",
            "inner/__init__.py": "",
            "inner/all.py": source("python/all.py"),
        }
    )


def ruby_zip() -> str:
    return zipped({"main.rb": 'require_relative "all"\n', "all.rb": source("ruby/all.rb")})


def php_zip() -> str:
    return zipped({"index.php": "<?php require_once __DIR__ . '/all.php';\n", "all.php": source("php/all.php")})


SAMPLES = {
    "nodejs:20": Sample("nodejs:20", lambda: source("nodejs/all.js"), node_zip),
    "python:3.11": Sample("python:3.11", lambda: source("python/all.py"), python_zip),
    "java:17": Sample("java:17", None, jar, main="All", lists=False),
    "ruby:3.1": Sample("ruby:3.1", lambda: source("ruby/all.rb"), ruby_zip),
    "php:8.2": Sample("php:8.2", lambda: source("php/all.php"), php_zip),
    "go:default": Sample(
        "go:default", lambda: source("go/all.go"), lambda: zipped({"main.go": source("go/all.go")}), lists=False
    ),
}

SOURCES = [kind for kind, sample in SAMPLES.items() if sample.plain]
LISTS = [kind for kind, sample in SAMPLES.items() if sample.lists]  # a typed main of Java or Go gives an object


@pytest_asyncio.fixture(params=SAMPLES, scope="module", loop_scope="session")
async def sample(request: pytest.FixtureRequest, kinds: Kinds) -> Sample:
    sample = SAMPLES[request.param]
    await kinds.ready(sample.kind)
    return sample


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def made(shared: Workspace, sample: Sample) -> str:
    """The sample as an action, from source where the kind takes it."""
    execution = sample.execution(sample.plain or sample.archive)
    name = shared.name("kind")
    expect_ok(await shared.put("actions", name, {"exec": execution, "parameters": PARAMETERS}))
    return name


async def test_arguments_and_result(ow: Workspace, sample: Sample, made: str) -> None:
    record = expect_ok(await ow.invoke(made, {"name": "Wörld \U0001f680"}))
    assert record["response"]["result"] == {"greeting": "Hello Wörld \U0001f680"}
    kind = key_values(record["annotations"])["kind"]
    assert kind == sample.kind or sample.kind.endswith(":default")
    assert await ow.result(made) == {"greeting": "Hello stranger"}


async def test_both_streams_are_logged(ow: Workspace, made: str) -> None:
    for word in ("one", "two"):
        activation = expect_ok(await ow.invoke(made, {"say": word}))["activationId"]
        lines = [line.split(" ", 1)[1].strip() for line in await ow.log_lines(activation, 2)]
        assert sorted(lines) == [f"stderr: err {word}", f"stdout: out {word}"]


async def test_init_parameters_are_environment(ow: Workspace, made: str) -> None:
    assert await ow.result(made, {"env": "TEXT"}) == {"value": TEXT}


async def test_the_contexts_environment(ow: Workspace, made: str) -> None:
    assert await ow.result(made, {"env": "__OW_NAMESPACE"}) == {"value": ow.namespace}
    assert (await ow.result(made, {"env": "__OW_ACTION_NAME"}))["value"].endswith(f"/{made}")
    record = expect_ok(await ow.invoke(made, {"env": "__OW_ACTIVATION_ID"}))
    assert record["response"]["result"] == {"value": record["activationId"]}


async def test_an_exception(ow: Workspace, made: str) -> None:
    record = expect_ok(await ow.invoke(made, {"fail": "on purpose"}), 502)
    assert record["response"]["success"] is False
    assert record["response"]["status"] in {"application error", "action developer error"}
    assert "error" in record["response"]["result"]
    assert (await ow.result(made))["greeting"], "the next call is fine"


@pytest.mark.parametrize("sample", LISTS, indirect=True, scope="module")
async def test_an_array_as_result(ow: Workspace, made: str) -> None:
    assert (await ow.result(made, {"list": [1, {"a": 2}]}))[:2] == [1, {"a": 2}]


async def test_an_archive(ow: Workspace, sample: Sample) -> None:
    assert sample.archive
    name = ow.name("archive")
    expect_ok(await ow.put("actions", name, {"exec": sample.execution(sample.archive), "parameters": PARAMETERS}))
    stored = expect_ok(await ow.get("actions", name, code=False))
    assert stored["exec"]["binary"] is True
    assert await ow.result(name, {"name": "zip"}) == {"greeting": "Hello zip"}
    assert await ow.result(name, {"env": "TEXT"}) == {"value": TEXT}


@pytest.mark.parametrize("sample", SOURCES, indirect=True, scope="module")
async def test_code_that_is_broken(ow: Workspace, sample: Sample) -> None:
    name = ow.name("broken")
    expect_ok(await ow.put("actions", name, {"exec": sample.execution(lambda: "<?php (((( {{{{ nonsense")}))
    record = expect_ok(await ow.invoke(name), 502)
    assert record["response"]["status"] == "action developer error"
    assert isinstance(record["response"]["result"]["error"], str)


async def test_an_archive_that_is_none(ow: Workspace, sample: Sample) -> None:
    name = ow.name("broken")
    answer = await ow.put("actions", name, {"exec": sample.execution(lambda: "bm90IGEgemlw")})
    if answer.status == 200:
        record = expect_ok(await ow.invoke(name), 502)
        assert record["response"]["status"] == "action developer error"
    else:
        assert answer.status == 400

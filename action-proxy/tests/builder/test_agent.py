"""What the agent records on HotSpot is what the closed world needs: the same function, built with it, gives the same answers."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from argo_proxy.builder import agent, java_function, metadata
from argo_proxy.builder.sources import niuk_runtime
from argo_proxy.builder.workshop import Workshop

from . import library as abi
from .conftest import made
from .library import Library

pytestmark = pytest.mark.integration

FIXTURES = niuk_runtime() / "agent/tests/fixtures"
FILES = {
    "META-INF/services/java.util.function.Supplier": "Reflective$Service\n",
    "data.txt": "data\n",
    "words.properties": "key=value\n",
}
INPUTS = [
    {"kind": "forName", "name": "Reflective$Point"},
    {"kind": "method", "name": "Reflective$Point"},
    {"kind": "field", "name": "Reflective$Point"},
    {"kind": "gson", "name": "Reflective$Point"},
    {"kind": "record", "name": "Reflective$Pair"},
    {"kind": "handle", "name": "java.lang.String"},
    {"kind": "proxy", "name": "Reflective$Greeter"},
    {"kind": "resource", "name": "/data.txt"},
    {"kind": "bundle", "name": "words"},
    {"kind": "service", "name": ""},
    {"kind": "serialize", "name": "Reflective$Point"},
    {"kind": "pair", "name": "p"},
]

SERIALIZED = 2  # the last of INPUTS


@pytest.fixture(scope="module")
def reflective(jar: Callable[..., Path]) -> Path:
    return jar(FIXTURES / "Reflective.java", FIXTURES / "Drive.java", files=FILES)


@pytest.fixture(scope="module")
def recorded(workshop: Workshop, reflective: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], Path]:
    """HotSpot's answers with the agent beside it, and the folder that it wrote."""
    folder = tmp_path_factory.mktemp("metadata")
    home = workshop.builder.java_home
    option = agent.option(made(agent.build(workshop.cache, home)), home, folder)
    return _hotspot(workshop, reflective, option), folder


def _hotspot(workshop: Workshop, jar: Path, *options: str) -> list[str]:
    gson = made(workshop.jars("gson"))[0]
    command = [str(workshop.builder.java_home / "bin/java"), *options, "-cp", f"{jar}:{gson}", "Drive"]
    done = subprocess.run([*command, *map(json.dumps, INPUTS)], capture_output=True, text=True, timeout=120, check=True)
    return done.stdout.splitlines()


def test_the_agent_changes_no_answer(workshop: Workshop, reflective: Path, recorded: tuple[list[str], Path]) -> None:
    assert recorded[0] == _hotspot(workshop, reflective)
    assert len(recorded[0]) == len(INPUTS)


def test_it_records_each_kind(recorded: tuple[list[str], Path]) -> None:
    read = {file.stem: json.loads(file.read_text()) for file in recorded[1].glob("*.json")}
    types = {entry["name"]: entry for entry in read["reflect-config"]}
    assert types["Reflective$Point"]["allDeclaredFields"] is True
    assert {"name": "x"} in types["Reflective$Point"]["fields"]
    assert {"interfaces": ["Reflective$Greeter"]} in read["proxy-config"]
    assert {"name": "Reflective$Pair"} in read["serialization-config"]
    assert {"pattern": "\\Qdata.txt\\E"} in read["resource-config"]["resources"]["includes"]
    assert read["resource-config"]["bundles"][0]["name"] == "words"


def native(
    workshop: Workshop, jar: Path, metadata_folder: Path, inputs: list[dict[str, str]]
) -> list[tuple[int, object]]:
    isolate = Library(made(java_function.build(workshop, jar, "Reflective", [metadata_folder]))).isolate()
    assert isolate.init(name="reflective").status == abi.OK
    answers = [isolate.run(dict(params)) for params in inputs]
    assert isolate.tear_down() == 0
    return [(answer.status, answer.reply) for answer in answers]


def test_an_image_built_with_it_answers_as_hotspot_does(
    workshop: Workshop, reflective: Path, recorded: tuple[list[str], Path]
) -> None:
    answers, folder = recorded
    expected = [(abi.OK, json.loads(line)) for line in answers[:-SERIALIZED]]
    assert native(workshop, reflective, folder, INPUTS[:-SERIALIZED]) == expected


def test_serialization_is_never_answered_wrongly(
    workshop: Workshop, reflective: Path, recorded: tuple[list[str], Path]
) -> None:
    """23.0.6 trips over its own report of a member that serialization looks for: the function is sent back to HotSpot."""
    answers, folder = recorded
    for (status, reply), line in zip(
        native(workshop, reflective, folder, INPUTS[-SERIALIZED:]), answers[-SERIALIZED:], strict=True
    ):
        assert status == abi.MISSING or (status, reply) == (abi.OK, json.loads(line))


def test_misses_become_metadata(tmp_path: Path) -> None:
    misses = [
        metadata.Miss("class", "a.B"),
        metadata.Miss("method", "a.B#<init>()"),
        metadata.Miss("method", "a.B#run(int,java.lang.String)"),
        metadata.Miss("method", "a.B#getDeclaredFields"),
        metadata.Miss("method", "a.B#getMethods"),
        metadata.Miss("field", "a.B#x"),
        metadata.Miss("proxy", "a.I,a.J"),
        metadata.Miss("serialization", "a.S"),
    ]
    metadata.write_misses(misses, tmp_path)
    [entry] = json.loads((tmp_path / metadata.REFLECTION).read_text())
    assert entry["methods"] == [
        {"name": "<init>", "parameterTypes": []},
        {"name": "run", "parameterTypes": ["int", "java.lang.String"]},
    ]
    assert entry["allDeclaredFields"] is entry["queryAllPublicMethods"] is True
    assert json.loads((tmp_path / metadata.PROXIES).read_text()) == [{"interfaces": ["a.I", "a.J"]}]
    assert json.loads((tmp_path / metadata.SERIALIZATION).read_text()) == [{"name": "a.S"}]

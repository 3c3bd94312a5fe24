"""What comes out of sandboxes is merged where it is of the known form, and let fall where it is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from argo_proxy.builder import metadata, recordings

pytestmark = pytest.mark.unit


def recording(**files: Any) -> bytes:
    return json.dumps({f"{name}-config.json": json.dumps(value) for name, value in files.items()}).encode()


def read(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text())


def test_recordings_of_several_sandboxes_become_one(tmp_path: Path) -> None:
    one = {"name": "a.B", "allDeclaredFields": True, "methods": [{"name": "<init>", "parameterTypes": []}]}
    other = {"name": "a.B", "methods": [{"name": "get", "parameterTypes": ["int"]}], "fields": [{"name": "x"}]}
    recordings.merge(tmp_path, recording(reflect=[one], proxy=[{"interfaces": ["a.I"]}]))
    recordings.merge(tmp_path, recording(reflect=[other], serialization=[{"name": "a.S"}]))
    [entry] = read(tmp_path, metadata.REFLECTION)
    assert [method["name"] for method in entry["methods"]] == ["<init>", "get"]
    assert (entry["allDeclaredFields"], entry["fields"]) == (True, [{"name": "x"}])
    assert read(tmp_path, metadata.PROXIES) == [{"interfaces": ["a.I"]}]
    assert read(tmp_path, metadata.SERIALIZATION) == [{"name": "a.S"}]


def test_resources_and_bundles_are_joined(tmp_path: Path) -> None:
    for pattern, locale in ((r"\Qa.txt\E", "en"), (r"\Qb.txt\E", "de")):
        includes = {"includes": [{"pattern": pattern}]}
        bundles = [{"name": "words", "locales": [locale]}]
        recordings.merge(tmp_path, recording(resource={"resources": includes, "bundles": bundles}))
    found = read(tmp_path, metadata.RESOURCES)
    assert [each["pattern"] for each in found["resources"]["includes"]] == [r"\Qa.txt\E", r"\Qb.txt\E"]
    assert found["bundles"] == [{"name": "words", "locales": ["de", "en"]}]


@pytest.mark.parametrize("pattern", [".*", "(a+)+$", r"\Qa\E.*", r"\Q" + "x" * 2000 + r"\E", 7, None])
def test_a_pattern_names_one_resource_or_nothing(tmp_path: Path, pattern: object) -> None:
    recordings.merge(tmp_path, recording(resource={"resources": {"includes": [{"pattern": pattern}]}}))
    assert not (tmp_path / metadata.RESOURCES).exists()


def test_a_flood_is_bounded(tmp_path: Path) -> None:
    for part in range(3):
        entries = [{"name": f"p{part}.C{n}"} for n in range(recordings.MOST_ENTRIES // 2)]
        recordings.merge(tmp_path, recording(serialization=entries))
    assert len(read(tmp_path, metadata.SERIALIZATION)) == recordings.MOST_ENTRIES


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "methods", "x"]), inner),
    max_leaves=10,
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.dictionaries(st.sampled_from(["reflect", "proxy", "serialization", "resource"]), values))
def test_anything_at_all_leaves_files_of_the_known_form(tmp_path_factory: pytest.TempPathFactory, files: Any) -> None:
    folder = tmp_path_factory.mktemp("any")
    recordings.merge(folder, recording(**files))
    for name in (metadata.REFLECTION, metadata.PROXIES, metadata.SERIALIZATION):
        if (folder / name).exists():
            assert all(isinstance(entry, dict) for entry in read(folder, name))


@pytest.mark.parametrize("data", [b"", b"[", b"[]", b'"x"', b'{"reflect-config.json": 1}', b"[" * 100_000])
def test_what_is_no_recording(tmp_path: Path, data: bytes) -> None:
    recordings.merge(tmp_path, data)
    assert list(tmp_path.iterdir()) == []


def test_misses_become_entries(tmp_path: Path) -> None:
    missing = [
        {"kind": "class", "name": "a.B"},
        {"kind": "resource", "name": "/data.txt"},
        {"kind": "unknown", "name": "x"},
        {"kind": "method"},
        "none",
    ]
    told = recordings.add_misses(tmp_path, json.dumps({"error": "x", "missing": missing}))
    assert told == ("class a.B", "resource /data.txt")
    assert read(tmp_path, metadata.REFLECTION) == [{"name": "a.B"}]
    assert read(tmp_path, metadata.RESOURCES)["resources"]["includes"] == [{"pattern": r"\Qdata.txt\E"}]
    assert recordings.add_misses(tmp_path, "not JSON") == ()

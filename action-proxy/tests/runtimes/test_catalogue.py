"""The manifests that ship with this code, and what a bad one is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from argo_proxy import runtimes
from argo_proxy.runtimes import (
    CatalogueError,
    default_tools_directory,
    load_catalogue,
    probe_runtime,
    runtimes_directory,
)

pytestmark = pytest.mark.unit

GOOD: dict[str, Any] = {
    "family": "logo",
    "command": ["{tool}/bin/logo", "{runtime}/launcher.logo"],
    "environment": {"LOGO": "{tool}/lib"},
    "kinds": [
        {"kind": "logo:2", "image": "argo/logo-v2", "default": True},
        {"kind": "logo:1", "image": "argo/logo-v1"},
    ],
}


def written(folder: Path, manifest: Any, family: str = "logo") -> Path:
    (folder / family).mkdir()
    text = manifest if isinstance(manifest, str) else json.dumps(manifest)
    (folder / family / "runtime.json").write_text(text)
    return folder


class TestShippedCatalogue:
    def test_has_the_kinds_that_users_name(self) -> None:
        catalogue = load_catalogue()
        wanted = {"nodejs:18", "nodejs:20", "python:3.11", "java:17", "ruby:3.1", "php:8.2", "go:1.19"}
        assert wanted <= set(catalogue.kinds())

    def test_resolves_defaults_case_and_blanks(self) -> None:
        catalogue = load_catalogue()
        found = [catalogue.get(kind) for kind in ("nodejs:default", " NodeJS:20 ", "python:default")]
        assert [runtime and runtime.kind for runtime in found] == ["nodejs:20", "nodejs:20", "python:3.11"]
        assert catalogue.get("nodejs") is None
        assert catalogue.get("cobol:default") is None

    def test_every_family_shown_has_one_default(self) -> None:
        for family, members in load_catalogue().families().items():
            assert [runtime.default for runtime in members].count(True) == 1, family

    def test_only_java_needs_main(self) -> None:
        assert {runtime.kind for runtime in load_catalogue().runtimes() if runtime.require_main} == {"java:17"}

    def test_the_docker_skeleton_is_a_runtime_that_is_not_listed(self) -> None:
        catalogue = load_catalogue()
        found = catalogue.for_image("openwhisk/dockerskeleton:latest")
        assert found is not None
        assert found.kind not in catalogue.kinds()
        assert catalogue.for_image("somebody/dockerskeleton") is None

    def test_every_runtime_can_be_provisioned(self) -> None:
        families = {runtime.family for runtime in load_catalogue().runtimes()}
        assert {path.parent.name for path in runtimes_directory().glob("*/provision.sh")} == families


class TestManifest:
    def test_shared_settings_reach_every_kind_and_folders_are_filled_in(self, tmp_path: Path) -> None:
        runtime = load_catalogue([written(tmp_path, GOOD)]).get("logo:1")
        assert runtime is not None
        filled = runtime.filled(runtime=Path("/r"), tool=Path("/t"))
        assert filled.command == ("/t/bin/logo", "/r/launcher.logo")
        assert filled.environment == {"LOGO": "/t/lib"}

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"colour": "red"}, "colour"),
            ({"kinds": []}, "kinds"),
            ({"kinds": [{"kind": "logo:1"}]}, "image"),
            ({"kinds": [{"kind": "Logo 1", "image": "x"}]}, "Logo 1"),
            ({"stem_cells": -1}, "stem_cells"),
            ({"environment": {"BAD NAME": "x"}}, "BAD NAME"),
            ({"command": []}, "command"),
            ({"kinds": [GOOD["kinds"][0], GOOD["kinds"][0]]}, "twice"),
            ({"kinds": [GOOD["kinds"][0], {"kind": "logo:3", "image": "x", "default": True}]}, "two defaults"),
        ],
    )
    def test_a_bad_one_is_refused_with_its_reason(self, tmp_path: Path, change: dict[str, Any], reason: str) -> None:
        with pytest.raises(CatalogueError, match=reason):
            load_catalogue([written(tmp_path, GOOD | change)])

    def test_text_that_is_not_json_names_its_file(self, tmp_path: Path) -> None:
        with pytest.raises(CatalogueError, match=r"logo.runtime\.json"):
            load_catalogue([written(tmp_path, "{")])


class TestProbe:
    async def test_a_kind_that_was_not_provisioned_is_not_available(self, tmp_path: Path) -> None:
        runtime = load_catalogue().get("nodejs:20")
        assert runtime is not None
        found = await probe_runtime(runtime, tmp_path)
        assert (found.available, found.reason) == (False, "nodejs:20 is not provisioned here")

    @pytest.mark.parametrize(("printed", "available"), [("v20.1.0", True), ("v18.0.0", False), ("", False)])
    async def test_the_version_must_fit(self, tmp_path: Path, printed: str, available: bool) -> None:
        runtime = load_catalogue().get("nodejs:20")
        assert runtime is not None
        node = runtime.tool_directory(tmp_path) / "bin" / "node"
        node.parent.mkdir(parents=True)
        node.write_text(f"#!/bin/sh\necho {printed}\n")
        node.chmod(0o755)
        found = await probe_runtime(runtime, tmp_path)
        assert (found.available, found.version) == (available, printed)

    async def test_a_program_that_cannot_start_is_a_reason(self, tmp_path: Path) -> None:
        runtime = load_catalogue().get("nodejs:20")
        assert runtime is not None
        runtime.tool_directory(tmp_path).mkdir(parents=True)
        found = await probe_runtime(runtime, tmp_path)
        assert not found.available
        assert "cannot be run" in found.reason


def test_the_tools_folder_follows_the_environment() -> None:
    chosen = default_tools_directory({"ARGO_CACHE": "/c", "XDG_CACHE_HOME": "/x"})
    assert chosen.parent == Path("/c")
    assert default_tools_directory({"XDG_CACHE_HOME": "/x"}) == Path("/x/argo") / chosen.name


def test_other_launchers_have_another_tools_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Tool folders are rebuilt in place: two versions on one machine must not do that to each other."""

    def folder() -> str:
        runtimes._launchers_key.cache_clear()
        return default_tools_directory({"ARGO_CACHE": "/c"}).name

    own = folder()
    (tmp_path / "launcher").write_text("another")
    monkeypatch.setattr(runtimes, "runtimes_directory", lambda: tmp_path)
    try:
        other = folder()
        assert other != own
        (tmp_path / ".ruff_cache").mkdir()
        (tmp_path / ".ruff_cache" / "entry").write_text("what a linter leaves")
        assert folder() == other
    finally:
        monkeypatch.undo()
        runtimes._launchers_key.cache_clear()

"""What a build needs of the machine is named, by package, and only what is missing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from argo_proxy.builder import packages
from argo_proxy.builder.errors import ProvisionError
from argo_proxy.builder.progress import Progress

pytestmark = pytest.mark.unit


def test_names_only_what_is_missing_once() -> None:
    tools = {"sh": "dash", "no-such-tool": "some-package", "no-other-tool": "some-package"}
    assert packages.missing(tools, {"no/such.h": "a-dev"}) == ["a-dev", "some-package"]


async def test_nothing_is_asked_of_the_machine_where_all_is_there(tmp_path: Path) -> None:
    await packages.need("a test", {"sh": "dash"}, {}, log=tmp_path / "log", progress=Progress("test"))
    assert not (tmp_path / "log").exists()


async def test_who_may_not_install_is_told_what_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ProvisionError, match="apt-get install some-package"):
        await packages.need(
            "a test", {"no-such-tool": "some-package"}, {}, log=tmp_path / "log", progress=Progress("t")
        )

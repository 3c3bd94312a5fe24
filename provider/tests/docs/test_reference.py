"""The pages of reference are complete and fresh."""

import re
from pathlib import Path

import pytest
from argo_dev import licences, reference

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "docs" / "reference"
SOURCES = ROOT / "provider" / "src" / "argo_provider"


@pytest.mark.parametrize("name", ["settings.md", "cli.md", "rest.md", "metrics.md"])
def test_a_page_is_what_the_code_says(name):
    assert (FOLDER / name).read_text() == reference.pages()[name], "write it anew: ./dev docs"


def test_every_command_option_and_argument_says_what_it_is_for():
    undocumented = [line for line in reference.cli().splitlines() if re.match(r"\| `--.*\| {2}\|$", line)]
    assert undocumented == []


def test_every_annotation_of_ours_is_described():
    page = (FOLDER / "annotations.md").read_text()
    read = {
        name
        for path in SOURCES.rglob("*.py")
        for name in re.findall(r"annotations[^\n]*?[\"'](argo\.[a-z]+)[\"']", path.read_text())
    }
    steer = set(re.findall(r"[\"'](argo\.[a-z]+)[\"']", (SOURCES / "optimizer" / "wishes.py").read_text()))
    assert read
    assert steer
    assert [name for name in sorted(read | steer) if f"`{name}`" not in page] == []


def test_every_page_is_in_the_navigation():
    listed = set(re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text()))
    assert {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")} == listed


class TestThirdPartyLicences:
    PAGE = licences.PAGE.read_text()

    def test_every_python_package_is_listed(self):
        known = [part.name for part in licences.python_parts()]
        assert known
        assert [name for name in known if f"| {name} |" not in self.PAGE] == [], "python -m argo_dev.licences"

    def test_every_npm_package_and_native_part_is_listed(self):
        parts = [*licences.npm_parts(), *licences.maven_parts()]
        assert [p for p in parts if f"| {p.name} | {p.version} |" not in self.PAGE] == [], "python -m argo_dev.licences"

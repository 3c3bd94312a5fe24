"""`new` and `dev`: what is written, and what counts as a change."""

import json

import pytest

from argo_provider.cli.client import code
from argo_provider.cli.client.dev import Development, stamp_of
from argo_provider.cli.client.failures import Misused
from argo_provider.cli.client.names import parse
from argo_provider.cli.client.new import next_steps, write
from argo_provider.cli.client.templates import TEMPLATES


@pytest.mark.parametrize("kind", TEMPLATES)
def test_a_template_says_how_it_is_deployed_and_can_be(tmp_path, kind):
    template = TEMPLATES[kind]
    written = write(template, "greet", tmp_path)
    steps = next_steps(template, "greet", tmp_path)
    assert any(step.startswith("argofn action update greet greet") for step in steps)
    assert "NAME" not in "".join(path.read_text() for path in written).replace("GSON", "")
    if not template.build:
        made = code.from_file(written[0], native="--native" in template.deploy)
        assert made["kind"].partition(":")[0] in {kind, "nodejs", "blackbox"}


def test_nothing_is_overwritten(tmp_path):
    write(TEMPLATES["java"], "greet", tmp_path)
    (tmp_path / "Main.java").write_text("mine")
    with pytest.raises(Misused, match="is there already"):
        write(TEMPLATES["java"], "other", tmp_path)
    assert (tmp_path / "Main.java").read_text() == "mine"


def test_a_change_is_seen_once(tmp_path):
    file = tmp_path / "a.js"
    file.write_text("one")
    work = Development(file, parse("a"))
    assert work.changed()
    assert not work.changed()
    file.write_text("three")
    assert work.changed()


def test_files_that_come_and_go_are_changes_and_hidden_ones_are_not(tmp_path):
    (tmp_path / "a.js").write_text("x")
    before = stamp_of(tmp_path)
    (tmp_path / ".swap").write_text("x")
    assert stamp_of(tmp_path) == before
    (tmp_path / "b.js").write_text("x")
    assert stamp_of(tmp_path) != before


def test_a_missing_file_is_no_change_that_breaks(tmp_path):
    assert stamp_of(tmp_path / "none.js") == ()


def test_what_is_deployed(tmp_path):
    file = tmp_path / "a.js"
    file.write_text("code")
    body = Development(file, parse("p/a"), annotations={"argo.warm": 1}).body()
    assert body["exec"] == {"kind": "nodejs:default", "code": "code"}
    assert json.dumps(body["annotations"]) == '[{"key": "argo.warm", "value": 1}]'

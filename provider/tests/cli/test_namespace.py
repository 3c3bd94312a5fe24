"""`argofn namespace …` over a real data folder."""

import json
import re

import pytest
from typer.testing import CliRunner

from argo_provider.cli.main import app

pytestmark = pytest.mark.integration


@pytest.fixture
def argofn(tmp_path):
    """Run a command on this test's data folder."""

    def run(*arguments: str, status: int = 0, given: str | None = None):
        done = CliRunner().invoke(app, [*arguments, "--data-dir", str(tmp_path / "data")], input=given)
        assert done.exit_code == status, done.output
        return done

    return run


def test_a_new_namespace_shows_its_key_once_and_how_to_use_it(argofn):
    shown = argofn("namespace", "create", "mine").stdout
    assert re.search(r"wsk property set --apihost http://127.0.0.1:3233 --auth [0-9a-f-]{36}:\w{64}", shown)
    secret = re.search(r":(\w{64})", shown).group(1)
    listed = argofn("namespace", "list").stdout
    assert "mine" in listed
    assert secret not in listed


def test_json_is_for_programs(argofn):
    made = json.loads(argofn("namespace", "create", "mine", "--json", "--apihost", "https://fn.example.org").stdout)
    assert (made["namespace"], made["apihost"]) == ("mine", "https://fn.example.org")
    (listed,) = json.loads(argofn("namespace", "list", "--json").stdout)
    assert listed["key_id"] == made["auth"].partition(":")[0]


def test_a_rotated_key_is_another(argofn):
    before = json.loads(argofn("namespace", "create", "mine", "--json").stdout)["auth"]
    after = json.loads(argofn("namespace", "rotate", "mine", "--json").stdout)["auth"]
    assert before != after
    (listed,) = json.loads(argofn("namespace", "list", "--json").stdout)
    assert after.startswith(listed["key_id"])


def test_a_key_is_changed_without_a_gap(argofn):
    first = json.loads(argofn("namespace", "create", "mine", "--json").stdout)["auth"]
    second = json.loads(argofn("namespace", "add-key", "mine", "--json").stdout)["auth"]
    both = [key.partition(":")[0] for key in (first, second)]
    assert json.loads(argofn("namespace", "keys", "mine", "--json").stdout) == both
    shown = argofn("namespace", "revoke-key", "mine", first).stdout
    assert "no longer works" in shown
    assert first.partition(":")[2] not in shown
    assert argofn("namespace", "keys", "mine").stdout == f"{both[1]}:…\n"
    assert "last key" in argofn("namespace", "revoke-key", "mine", both[1], status=1).stderr
    assert "no key of mine" in argofn("namespace", "revoke-key", "mine", both[0], status=1).stderr


def test_limits_are_set_kept_and_reset(argofn):
    argofn("namespace", "create", "mine")
    assert "the installation's defaults" in argofn("namespace", "limits", "mine").stdout
    argofn("namespace", "limits", "mine", "--invocations-per-minute", "10", "--allowed-kinds", "nodejs:20,python:3.11")
    changed = argofn("namespace", "limits", "mine", "--no-store-activations", "--json").stdout
    assert json.loads(changed) == {
        "invocations_per_minute": 10,
        "allowed_kinds": ["nodejs:20", "python:3.11"],
        "store_activations": False,
    }
    assert json.loads(argofn("namespace", "limits", "mine", "--reset", "--json").stdout) == {}


def test_deleting_asks_first(argofn):
    argofn("namespace", "create", "mine")
    argofn("namespace", "delete", "mine", given="n\n", status=1)
    assert len(json.loads(argofn("namespace", "list", "--json").stdout)) == 1
    argofn("namespace", "delete", "mine", given="y\n")
    assert json.loads(argofn("namespace", "list", "--json").stdout) == []


@pytest.mark.parametrize(
    ("arguments", "said", "next_step"),
    [
        (("namespace", "rotate", "none"), "there is no namespace none", "argofn namespace list"),
        (("namespace", "delete", "none", "--yes"), "there is no namespace none", "argofn namespace list"),
        (("namespace", "add-key", "none"), "there is no namespace none", "argofn namespace list"),
        (("namespace", "revoke-key", "none", "k"), "there is no namespace none", "argofn namespace list"),
        (("namespace", "limits", "none"), "there is no namespace none", "argofn namespace list"),
        (("namespace", "create", "a/b"), "illegal characters", "argofn"),
    ],
)
def test_an_error_says_what_to_type_next(argofn, arguments, said, next_step):
    stderr = argofn(*arguments, status=1).stderr
    assert said in stderr
    assert f"next: {next_step}" in stderr


def test_a_taken_name_is_said_with_the_way_to_a_new_key(argofn):
    argofn("namespace", "create", "mine")
    assert "argofn namespace rotate mine" in argofn("namespace", "create", "mine", status=1).stderr


def test_the_public_key_is_for_guest_only(argofn):
    argofn("namespace", "create", "guest")
    assert "23bc46b1" in argofn("namespace", "rotate", "guest", "--guest-key").stdout
    assert "guest only" in argofn("namespace", "rotate", "mine", "--guest-key", status=2).stderr

"""Every example in every command's help, run as it is written, in an order in which they make sense."""

import shlex
from string import Template

import pytest

from argo_provider.cli.client.session import EXAMPLES
from argo_provider.cli.lazy import LazyCommands
from argo_provider.cli.main import COMMANDS

pytestmark = pytest.mark.end_to_end

FIRST = (
    "property set", "property get", "package create", "package update", "package bind", "action create",
    "action update", "action invoke", "trigger create", "trigger update", "rule create", "rule update", "api create",
)  # fmt: skip
LAST = ("api delete", "rule delete", "trigger delete", "package delete", "action delete", "property unset")

STEERING = {"optimise", "pin", "unpin", "demote"}  # what a service without the optimiser refuses


def in_order() -> list[str]:
    dict(LazyCommands(COMMANDS))  # imports them all
    middle = sorted(set(EXAMPLES) - set(FIRST) - set(LAST))
    return [*FIRST, *middle, *LAST]


def test_every_example_runs(service, argofn, hello, monkeypatch):
    monkeypatch.chdir(argofn.folder)
    argofn("action", "delete", "hello")
    known = {"APIHOST": service.url, "AUTH": service.auth}
    for command in in_order():
        for example in EXAMPLES[command]:
            program, *words = shlex.split(Template(example).safe_substitute(known))
            assert program == "argofn"
            done = argofn.run(*words)
            if command in STEERING and "without the optimiser" in done.stderr:
                continue
            assert done.exit_code == 0, f"{example}\n{done.output}\n{done.exception!r}"


def test_every_client_command_has_an_example():
    in_order()
    assert [command for command, examples in EXAMPLES.items() if not examples] == ["package refresh"]

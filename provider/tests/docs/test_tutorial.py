"""Every command of the tutorial, run as it is printed against a real service; what it promises to print must come."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from argo_dev.client import Client
from argo_dev.service import environment_of_clone, fresh_service

pytestmark = pytest.mark.end_to_end

TUTORIAL = Path(__file__).parents[3] / "docs" / "tutorial"
BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
READY_SECONDS = 300


class Step(NamedTuple):
    """Commands, and the lines of which their output must have each."""

    commands: str
    promised: list[str]


def steps(page: str) -> list[Step]:
    """The plain `sh` blocks of a page; those with a class (`{ .sh .service }`) are for the reader alone."""
    found: list[Step] = []
    for kind, text in BLOCK.findall((TUTORIAL / page).read_text()):
        if kind == "sh":
            found.append(Step(text, []))
        else:
            found[-1].promised.extend(text.splitlines())
    return found


@pytest.fixture(scope="module")
def service():
    with fresh_service("--sandbox", "process", "--set", "runtimes.kinds=nodejs:20") as running:
        client = Client(running)
        client.put_action("warm-up", {"kind": "nodejs:20", "code": "function main(args) { return args }"})
        client.invoke_once_ready("warm-up", READY_SECONDS)
        yield running


@pytest.mark.parametrize("page", ["first-function.md", "first-native-function.md"])
def test_the_commands_of_a_page_work(page, service, tmp_path):
    (tmp_path / "bin").mkdir()
    argofn = tmp_path / "bin" / "argofn"
    argofn.write_text(f'#!/bin/sh\nexec {sys.executable} -P -m argo_provider "$@"\n')
    argofn.chmod(0o755)
    environment = environment_of_clone() | {
        "PATH": f"{argofn.parent}:{os.environ['PATH']}",
        "WSK_CONFIG_FILE": str(tmp_path / "properties"),
    }
    login = f"argofn property set --apihost {service.url} --auth {service.auth}"  # the first page has it, too
    for step in [Step(login, []), *steps(page)]:
        commands = step.commands.replace("http://127.0.0.1:3233", service.url)
        done = subprocess.run(
            ["/bin/sh", "-eu", "-c", commands],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=READY_SECONDS,
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout}{done.stderr}"
        missing = [line for line in step.promised if line not in done.stdout]
        assert missing == [], f"{commands}\n{done.stdout}"

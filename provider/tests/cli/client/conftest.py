"""A service for these tests, and the command line on it, in this process."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from argo_dev.service import Service, fresh_service
from typer.testing import CliRunner

from argo_provider.cli.main import app

READY_SECONDS = 300
HELLO = """
function main(args) {
    console.log('called by', args.name)
    if (args.fail) return { error: 'as asked' }
    return { greeting: 'Hello ' + (args.name || 'world') }
}
"""


@dataclass(frozen=True, slots=True)
class Argofn:
    """`argofn` with a property file of its own."""

    folder: Path

    @property
    def environ(self) -> dict[str, str]:
        return {"WSK_CONFIG_FILE": str(self.folder / "wskprops"), "TERM": "dumb", "COLUMNS": "200"}

    def run(self, *arguments: str, given: str | None = None) -> Any:
        return CliRunner().invoke(app, list(arguments), env=self.environ, input=given)

    def __call__(self, *arguments: str) -> str:
        """The output of a command that must succeed."""
        done = self.run(*arguments)
        assert done.exit_code == 0, f"argofn {' '.join(arguments)}: {done.exit_code}\n{done.output}\n{done.exception!r}"
        return str(done.stdout)

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "-o", "json"))

    def fail(self, status: int, *arguments: str) -> str:
        """What a command that must end with `status` said on standard error; it says what to type next."""
        done = self.run(*arguments)
        assert done.exit_code == status, f"{done.exit_code}: {done.output}"
        assert "next: " in done.stderr, done.stderr
        return str(done.stderr)


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    options = ("--sandbox", "process", "--log-format", "json", "--set", "runtimes.kinds=nodejs:20")
    with fresh_service(*options) as running:
        yield running


@pytest.fixture(scope="module")
def argofn(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Argofn:
    """The command line, configured for the service as a person would."""
    made = Argofn(tmp_path_factory.mktemp("argofn"))
    made("property", "set", "--apihost", service.url, "--auth", service.auth)
    return made


@pytest.fixture(scope="module")
def hello(argofn: Argofn) -> str:
    """An action that greets, logs, and fails if it is asked to."""
    file = argofn.folder / "hello.js"
    file.write_text(HELLO)
    argofn("action", "update", "hello", str(file))
    deadline = time.monotonic() + READY_SECONDS
    while (done := argofn.run("action", "invoke", "hello", "-r")).exit_code == 247:  # the runtime is being made ready
        assert time.monotonic() < deadline, done.output
    assert done.exit_code == 0, done.output
    return "hello"

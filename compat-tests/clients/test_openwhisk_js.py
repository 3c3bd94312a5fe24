"""The `openwhisk` npm client: each of its resource classes, by the cases of openwhisk_client.js."""

from pathlib import Path

import pytest
from blackbox.workspace import Workspace

SCRIPT = Path(__file__).parent / "openwhisk_client.js"
CASES = ("actions", "packages", "triggers", "rules", "activations", "namespaces", "feeds", "routes", "errors", "system")


@pytest.mark.parametrize("case", CASES)
async def test_resource(ow: Workspace, modules: Path, runner, case: str) -> None:  # Runner
    environment = {
        "NODE_PATH": str(modules),
        "COMPAT_APIHOST": ow.apihost,
        "COMPAT_AUTH": ow.key,
        "COMPAT_NAMESPACE": ow.namespace,
        "COMPAT_PREFIX": ow.name("js"),
    }
    output = await runner.succeed("node", SCRIPT, case, environment=environment)
    assert output.strip().endswith("passed"), output

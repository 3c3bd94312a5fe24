"""Schemathesis over our OpenAPI document: whatever it allows, and much that it does not, is answered as it says.

From a fixed seed. Not asked: event streams, which do not end, and the web page, which is not built here.
"""

import base64
import os
import subprocess
import sys

import pytest
from argo_dev.service import fresh_service, tail

pytestmark = pytest.mark.end_to_end

SECONDS = 120
ANSWERS = "status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance"
# No function runs here (no runtime is provisioned), so what would invoke one may be answered 502 or 503.
CONFIG = """
seed = 20261125
[parameters]
"path.namespace" = "_"
[[operations]]
include-path-regex = "/actions/|/api/v1/web/|/triggers/|/ready"
[operations.checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", "502", "503"]
"""


@pytest.fixture(scope="module")
def service():
    with fresh_service("--sandbox", "process", "--log-format", "json", "--set", "runtimes.provision=false") as running:
        yield running


def schemathesis(service, folder, *options):
    """Its whole run, to its end."""
    (folder / "schemathesis.toml").write_text(CONFIG)
    header = "Authorization: Basic " + base64.b64encode(service.auth.encode()).decode()
    command = [sys.executable, "-P", "-m", "schemathesis.cli", "--config-file", str(folder / "schemathesis.toml")]
    command += ["run", f"{service.url}/api/v1/api-docs", "--url", service.url, "-H", header, *options]
    command += ["--continue-on-failure", "--request-timeout", str(SECONDS), "--no-color"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )


@pytest.mark.parametrize(
    "options",
    [
        (
            "--phases=examples,coverage,fuzzing",
            "--max-examples=3",
            f"--checks=not_a_server_error,ignored_auth,{ANSWERS}",
            "--exclude-path-regex=events|/dashboard",
        ),
        (
            "--phases=stateful",
            "--max-examples=30",
            f"--checks=not_a_server_error,use_after_free,ensure_resource_availability,{ANSWERS}",
            "--include-path-regex=^/api/v1/namespaces/",
            "--exclude-method=POST",  # so that it begins with what creates: in OpenWhisk that is PUT
        ),
    ],
    ids=["all", "stateful"],
)
def test_every_answer_is_one_of_the_document(service, tmp_path, options):
    done = schemathesis(service, tmp_path, *options)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
    failed = [line for line in tail(service.log, 10_000).splitlines() if '"level":"error"' in line]
    assert failed == []

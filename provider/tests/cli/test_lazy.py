"""A start pays only for what it runs."""

import subprocess
import sys

from argo_dev.service import environment_of_clone

HEAVY = {
    "aiohttp",
    "sqlalchemy",
    "docker",
    "uvloop",
    "yaml",
    "pydantic",
    "rich.table",
    "argo_provider.api",
    "argo_proxy",
}
SCRIPT = """
import sys
sys.argv = ["argofn", "action", "list", "--apihost", "http://127.0.0.1:1", "--auth", "a:b"]
from argo_provider.cli.main import main
try:
    main()
except SystemExit as ended:
    print(ended.code, *sys.modules, sep="\\n")
"""


def test_a_client_command_imports_none_of_the_service(tmp_path):
    environ = environment_of_clone() | {"WSK_CONFIG_FILE": str(tmp_path / "none")}
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, env=environ)
    status, *modules = done.stdout.split()
    assert status == "3"
    assert "urllib3" in modules
    assert HEAVY & set(modules) == set()

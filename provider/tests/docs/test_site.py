"""The documentation builds as a site that fetches nothing from anywhere."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
FETCHED = re.compile(
    r"<(?:script|img|iframe|source|audio|video)\b[^>]*\bsrc=[\"'](?:https?:)?//|<link\b(?![^>]*rel=[\"']?canonical)[^>]*\bhref=[\"'](?:https?:)?//"
)


def test_the_site_builds_without_a_warning_and_names_no_other_host(tmp_path):
    packages = os.environ.get("MKDOCS_PACKAGES", "")
    if not packages:
        if os.environ.get("CI") == "true":
            pytest.fail("./dev test did not install MkDocs")
        pytest.skip("MkDocs is not installed: ./dev docs does it")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    environment = {**os.environ, "PYTHONPATH": packages, "NO_MKDOCS_2_WARNING": "true"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr + done.stdout
    pages = [*(tmp_path / "site").rglob("*.html")]
    assert len(pages) > 15
    assert [page.name for page in pages if FETCHED.search(page.read_text())] == []

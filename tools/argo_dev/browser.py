"""Debian's Chromium, driven by Playwright: for the tests of the dashboard and for its pictures."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from playwright.sync_api import Browser, Playwright

_FLAGS = (
    "--no-sandbox",  # tests run as root in containers
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


# Functions move when they are asked to, not by themselves: a native build beside the tests would take the machine.
_NEVER = "1000000"
_HOT = ("INSTANT_PER_HOUR", "HOT_PER_MINUTE", "HOT_PER_HOUR", "HOT_LEAST")
_STILL = {"ARGO_OPTIMIZER_ENABLED": "true", **{f"ARGO_OPTIMIZER_{name}": _NEVER for name in _HOT}}


class BrowserMissing(Exception):
    """The message says what is missing and what brings it."""


def launched(playwright: Playwright) -> Browser:
    """Headless, with a folder of its own. BrowserMissing."""
    found = shutil.which("chromium")
    if found is None:
        raise BrowserMissing("there is no Chromium: apt-get install -y chromium")
    return playwright.chromium.launch(executable_path=found, args=list(_FLAGS), headless=True)


def page_environment() -> dict[str, str]:
    """For a service that serves the page that ./dev has built. BrowserMissing."""
    folder = Path(os.environ.get("ARGO_TEST_DASHBOARD", ""))
    if not (folder / "index.html").is_file():
        raise BrowserMissing("the dashboard is not built: it needs npm; run the suite by ./dev test browser")
    return {"ARGO_SERVER_DASHBOARD_DIR": str(folder)} | _STILL

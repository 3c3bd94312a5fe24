"""A real service, Debian's Chromium, and pages that are signed in. What is missing is a skip, and an error where CI=true."""

import os
from pathlib import Path

import pytest
from argo_dev.browser import BrowserMissing, launched, page_environment
from argo_dev.client import Client
from argo_dev.service import fresh_service
from playwright.sync_api import sync_playwright

from .driving import PATIENCE_MS, Dashboard

KINDS = ("nodejs:20", "python:3.11", "java:17", "binary")
OPTIONS = ("--log-format", "json", "--sandbox", "process", "--set", f"runtimes.kinds={','.join(KINDS)}")
READY_SECONDS = 300


def _missing(reason):
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def service():
    try:
        environment = page_environment()
    except BrowserMissing as error:
        _missing(str(error))
    with fresh_service(*OPTIONS, environment=environment) as running:
        client = Client(running)
        client.wait_for_kinds(KINDS, READY_SECONDS)
        client.put_action("warm-up", {"kind": "nodejs:20", "code": "function main() { return {} }"})
        yield running


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        try:
            started = launched(playwright)
        except BrowserMissing as error:
            _missing(str(error))
        yield started
        started.close()


@pytest.fixture
def client(service):
    return Client(service)


@pytest.fixture
def dashboard(browser, service):
    """A page, signed in; at the end, nothing that the browser complains about may have been said."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(PATIENCE_MS)
    made = Dashboard(context, service.url, service.auth)
    made.sign_in()
    yield made
    context.close()
    assert made.complaints == []


@pytest.fixture(scope="session")
def axe():
    script = Path(os.environ.get("ARGO_TEST_AXE", ""))
    if not script.is_file():
        _missing("axe-core is not there: run the suite by ./dev test browser")
    return script.read_text()

"""Real servers and disks for those tests that want one; each server is started at its first use and ends with the run."""

from __future__ import annotations

import os

import pytest
from argo_dev import disks
from argo_dev.nats import nats, why_no_nats
from argo_dev.postgres import postgres, why_no_postgres

from .cluster.world import world


def _need(reason):
    """On a laptop a missing server is a reason to skip, in CI an error."""
    if reason and os.environ.get("CI") == "true":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


@pytest.fixture(scope="session")
def postgres_server():
    """A real PostgreSQL."""
    _need(why_no_postgres())
    with postgres() as server:
        yield server


@pytest.fixture
def cluster_world(nats_server):
    """Makes replicas and nodes in this process, over that bus: `async with cluster_world() as world`."""
    return lambda: world(nats_server.url)


@pytest.fixture(scope="session")
def nats_server():
    """A real NATS server with JetStream. Tests meet on it under cluster names of their own."""
    _need(why_no_nats())
    with nats() as server:
        yield server


@pytest.fixture
def mounted():
    """Mount a small disk of memory over a folder, by options of tmpfs; gone after the test."""
    folders = []

    def mount(folder, options):
        try:
            disks.mount(folder, options)
        except disks.DiskError as error:
            (pytest.fail if os.environ.get("CI") == "true" and os.geteuid() == 0 else pytest.skip)(str(error))
        folders.append(folder)
        return folder

    yield mount
    for folder in folders:
        disks.unmount(folder)

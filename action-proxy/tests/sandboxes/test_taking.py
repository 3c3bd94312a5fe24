"""A start that is broken off leaves nothing of what a thread was just taking for it."""

from __future__ import annotations

import asyncio
import socket
import tempfile
import threading
from contextlib import closing
from pathlib import Path

import pytest

from argo_proxy.sandboxes.niuk.launching import ConfinedLauncher
from argo_proxy.sandboxes.taking import taken

pytestmark = pytest.mark.unit
LIMIT = 60


class Held:
    """Makes something that takes until `cancelled` lets it go on; afterwards it is made, or fails."""

    def __init__(self, failure=None):
        self._begun, self._go_on, self._failure = threading.Event(), threading.Event(), failure
        self.destroyed = []

    def make(self):
        self._begun.set()
        assert self._go_on.wait(LIMIT)
        if self._failure is not None:
            raise self._failure
        return self

    async def cancelled(self, start):
        """Break `start` off in the midst of it, and wait for its end."""
        starting = asyncio.ensure_future(start)
        assert await asyncio.to_thread(self._begun.wait, LIMIT)
        starting.cancel()
        await asyncio.sleep(0)
        self._go_on.set()
        async with asyncio.timeout(LIMIT):
            await asyncio.wait([starting])
        assert starting.cancelled()

    def create(self, identity, limits):
        """As `ControlGroups`."""
        return self.make()

    def destroy(self, *, within):
        """As `ControlGroup`."""
        self.destroyed.append(self)
        return True


async def test_what_is_waited_for_is_handed_over():
    given_back = []
    assert await taken(lambda: "it", given_back.append) == "it"
    with pytest.raises(OSError, match="no room"):
        await taken(_fails, given_back.append)
    assert given_back == []


def _fails():
    raise OSError("no room")


async def test_what_nobody_waits_for_is_given_back():
    held, given_back = Held(), []
    await held.cancelled(taken(held.make, given_back.append))
    assert given_back == [held]


async def test_what_could_not_be_taken_is_not_given_back():
    held, given_back = Held(OSError("no room")), []
    await held.cancelled(taken(held.make, given_back.append))
    assert given_back == []


async def test_a_host_that_is_not_wanted_any_more_leaves_no_group_and_no_folder():
    """As when a service ends while its stock is filled."""
    held = Held()
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs), tempfile.TemporaryDirectory(prefix="argo-") as work:
        launcher = ConfinedLauncher(Path("/none/host"), Path(work), "test", (), groups=held)
        await held.cancelled(launcher.launch("n1", theirs))
        assert held.destroyed == [held]
        assert inside(work) == []


def inside(folder):
    return [*Path(folder).iterdir()]

"""Keys and the first start."""

import hashlib
import re

import pytest

from argo_provider.cli.bootstrap import (
    FIRST_NAMESPACE,
    GUEST,
    GUEST_KEY,
    SYSTEM,
    BootstrapError,
    create_namespace,
    new_key,
    prepare,
    rotate_key,
)
from argo_provider.errors import Conflict, NotFound
from argo_provider.model.clock import Clock
from argo_provider.storage.memory import memory_stores

CLOCK = Clock(now_ms=lambda: 1234)
LOOPBACK = {"host": "127.0.0.1", "clock": CLOCK}
OPEN = {"host": "0.0.0.0", "clock": CLOCK}


@pytest.fixture
def namespaces():
    return memory_stores().namespaces


def test_a_key_is_a_uuid_and_64_characters_and_no_two_are_equal():
    keys = {new_key().text for _ in range(50)}
    assert len(keys) == 50
    assert all(re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}:[A-Za-z0-9]{64}", key) for key in keys)


def test_a_key_prints_without_its_secret():
    key = new_key()
    assert key.secret not in repr(key)


async def test_only_the_hash_of_a_secret_is_kept(namespaces):
    issued = await create_namespace(namespaces, "mine", CLOCK)
    record = await namespaces.by_key(issued.key.id)
    assert record.secret_sha256 == hashlib.sha256(issued.key.secret.encode()).digest()
    assert (record.namespace, record.subject, record.created) == ("mine", "mine", 1234)


async def test_a_rotated_key_replaces_the_old_one(namespaces):
    old = await create_namespace(namespaces, "mine", CLOCK)
    new = await rotate_key(namespaces, "mine")
    assert await namespaces.by_key(old.key.id) is None
    assert (await namespaces.by_key(new.key.id)).namespace == "mine"


async def test_namespaces_are_made_once_and_rotated_only_if_there(namespaces):
    await create_namespace(namespaces, "mine", CLOCK)
    with pytest.raises(Conflict):
        await create_namespace(namespaces, "mine", CLOCK)
    with pytest.raises(NotFound):
        await rotate_key(namespaces, "other")


async def test_the_first_start_makes_a_namespace_and_the_second_does_not(namespaces):
    first = await prepare(namespaces, guest_key=False, **LOOPBACK)
    assert first.namespace == FIRST_NAMESPACE
    assert first.key != GUEST_KEY
    assert await prepare(namespaces, guest_key=False, **LOOPBACK) is None


async def test_the_service_s_own_namespace_is_none_that_somebody_could_use(namespaces):
    await create_namespace(namespaces, SYSTEM, CLOCK)
    assert (await prepare(namespaces, guest_key=False, **LOOPBACK)).namespace == FIRST_NAMESPACE


async def test_the_test_key_is_installed_on_loopback_and_again_without_harm(namespaces):
    first = await prepare(namespaces, guest_key=True, **LOOPBACK)
    assert (first.namespace, first.key) == (GUEST, GUEST_KEY)
    assert await prepare(namespaces, guest_key=True, **LOOPBACK) is None
    assert [record.namespace for record in await namespaces.list()] == [GUEST]


async def test_the_test_key_is_refused_where_the_network_reaches(namespaces):
    with pytest.raises(BootstrapError, match="everybody knows") as caught:
        await prepare(namespaces, guest_key=True, **OPEN)
    assert "127.0.0.1" in caught.value.fix
    assert await namespaces.list() == []


async def test_a_test_key_installed_earlier_keeps_the_service_off_the_network(namespaces):
    await prepare(namespaces, guest_key=True, **LOOPBACK)
    with pytest.raises(BootstrapError, match="still has the publicly known test key") as caught:
        await prepare(namespaces, guest_key=False, **OPEN)
    assert caught.value.fix == f"argofn namespace rotate {GUEST}"
    await rotate_key(namespaces, GUEST)
    assert await prepare(namespaces, guest_key=False, **OPEN) is None


async def test_a_guest_namespace_with_a_key_of_its_own_is_left_alone(namespaces):
    own = await create_namespace(namespaces, GUEST, CLOCK)
    with pytest.raises(BootstrapError, match="a key of its own"):
        await prepare(namespaces, guest_key=True, **LOOPBACK)
    assert (await namespaces.by_key(own.key.id)).namespace == GUEST

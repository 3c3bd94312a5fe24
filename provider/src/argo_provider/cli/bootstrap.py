"""Keys: made, hashed, and installed at the first start. The secret half leaves this module only to be shown once."""

from __future__ import annotations

import hashlib
import secrets
import string
import uuid
from dataclasses import dataclass, field

from argo_provider.model.clock import Clock
from argo_provider.model.identity import NamespaceRecord
from argo_provider.settings.address import is_loopback
from argo_provider.storage.port import NamespaceStore

GUEST = "guest"
FIRST_NAMESPACE = "main"
SYSTEM = "whisk.system"  # the service's own; nobody is told its key
# The test key that OpenWhisk's documentation and every client's examples use. Known to everyone: no secret.
GUEST_KEY_ID = "23bc46b1-71f6-4ed5-8c54-816aa4f8c502"
GUEST_SECRET = "123zO3xZCLrMN6v2BKK1dXYFpXlPkccOFqm12CdAsMgRU4VrNZ9lyGVCGuMDGIwP"  # noqa: S105

_SECRET_LENGTH = 64
_ALPHABET = string.ascii_letters + string.digits


class BootstrapError(Exception):
    """The service must not start like this; the message says why, `fix` what to type."""

    def __init__(self, why: str, fix: str) -> None:
        super().__init__(why)
        self.fix = fix


@dataclass(frozen=True, slots=True)
class Key:
    """A whole key, as clients send it: `id:secret`. Printed without its secret."""

    id: str
    secret: str = field(repr=False)

    @property
    def text(self) -> str:
        return f"{self.id}:{self.secret}"

    @property
    def secret_sha256(self) -> bytes:
        return hashlib.sha256(self.secret.encode()).digest()


@dataclass(frozen=True, slots=True)
class Issued:
    """A namespace and the key it was just given."""

    namespace: str
    key: Key


GUEST_KEY = Key(GUEST_KEY_ID, GUEST_SECRET)


def new_key() -> Key:
    """A key nobody can guess: a random UUID and 64 letters and digits."""
    return Key(str(uuid.uuid4()), "".join(secrets.choice(_ALPHABET) for _ in range(_SECRET_LENGTH)))


async def create_namespace(namespaces: NamespaceStore, name: str, clock: Clock, key: Key | None = None) -> Issued:
    """Make the namespace `name`; its subject has the same name. Conflict if it exists."""
    key = key or new_key()
    await namespaces.create(NamespaceRecord(name, name, key.id, key.secret_sha256, clock.now_ms()))
    return Issued(name, key)


async def rotate_key(namespaces: NamespaceStore, name: str, key: Key | None = None) -> Issued:
    """Give `name` a new key; its old ones stop working. NotFound if there is no such namespace."""
    key = key or new_key()
    await namespaces.replace_key(name, key.id, key.secret_sha256)
    return Issued(name, key)


async def add_key(namespaces: NamespaceStore, name: str, clock: Clock) -> Issued:
    """A further key; those that there are go on working. NotFound if there is no such namespace."""
    key = new_key()
    await namespaces.add_key(name, key.id, key.secret_sha256, clock.now_ms())
    return Issued(name, key)


async def prepare(namespaces: NamespaceStore, *, host: str, guest_key: bool, clock: Clock) -> Issued | None:
    """What must be so before the service listens on `host`; the key that was issued on the way, if one was.

    The first start makes a namespace. BootstrapError if the publicly known key would be open to the network.
    """
    if not is_loopback(host):
        await _refuse_public_key(namespaces, host, wanted=guest_key)
    if guest_key:
        return await _install_guest_key(namespaces, clock)
    if all(record.namespace == SYSTEM for record in await namespaces.list()):
        return await create_namespace(namespaces, FIRST_NAMESPACE, clock)
    return None


async def _refuse_public_key(namespaces: NamespaceStore, host: str, *, wanted: bool) -> None:
    if wanted:
        raise BootstrapError(
            f"--guest-key installs a key that everybody knows, and {host} can be reached from the network",
            "argofn serve --host 127.0.0.1 --guest-key, or argofn namespace create NAME for a key of your own",
        )
    record = await namespaces.by_key(GUEST_KEY_ID)
    if record is not None and record.secret_sha256 == GUEST_KEY.secret_sha256:
        raise BootstrapError(
            f"namespace {record.namespace} still has the publicly known test key, and {host} can be reached from the"
            " network",
            f"argofn namespace rotate {record.namespace}",
        )


async def _install_guest_key(namespaces: NamespaceStore, clock: Clock) -> Issued | None:
    record = await namespaces.by_name(GUEST)
    if record is None:
        return await create_namespace(namespaces, GUEST, clock, GUEST_KEY)
    if (record.key_id, record.secret_sha256) == (GUEST_KEY.id, GUEST_KEY.secret_sha256):
        return None
    raise BootstrapError(
        f"namespace {GUEST} has a key of its own, which --guest-key would replace",
        f"argofn namespace rotate {GUEST} --guest-key, or leave --guest-key out",
    )

"""HTTP Basic with an API key: `uuid:secret` (contract §0.4)."""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass, field

from argo_provider.errors import Unauthenticated
from argo_provider.events import EventBus, NamespaceChanged
from argo_provider.model.clock import Clock
from argo_provider.model.identity import Identity
from argo_provider.storage.port import NamespaceStore

_TRUST_S = 2.0  # how long a key may still work after another process (the command line) changed it
_MOST = 4096
_NO_SECRET = hashlib.sha256(b"").digest()
_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_Known = tuple[float, bytes, Identity | None]  # when it was looked up, the secret's SHA-256, whose it is


@dataclass(frozen=True, slots=True)
class Proof:
    """Whose an Authorization header is, and what that was found by."""

    identity: Identity
    key: str = field(repr=False)  # as sent
    found: _Known = field(repr=False)


class Authenticator:
    """Turns an Authorization header into an Identity; records are kept for a moment, secrets never."""

    def __init__(self, namespaces: NamespaceStore, events: EventBus, clock: Clock) -> None:
        self._namespaces = namespaces
        self._clock = clock
        self._known: dict[str, _Known] = {}
        events.listen(lambda _: self._known.clear(), NamespaceChanged)

    async def __call__(self, header: str | None) -> tuple[Identity, str]:
        """The caller and the key as sent; Unauthenticated."""
        proof = await self.prove(header)
        return proof.identity, proof.key

    def holds(self, proof: Proof) -> bool:
        """Whether the header that it was made for would be found to be the same again, by the same record."""
        found = proof.found
        return self._known.get(proof.identity.key_id) is found and self._clock.monotonic() - found[0] < _TRUST_S

    async def prove(self, header: str | None) -> Proof:
        """Unauthenticated. Takes as long for an unknown key as for a wrong secret."""
        if not header:
            raise Unauthenticated(Unauthenticated.MISSING)
        key = decode_basic(header)
        if key is None:
            raise Unauthenticated
        key_id, _, secret = key.partition(":")
        known = self._known.get(key_id)
        if known is None or self._clock.monotonic() - known[0] >= _TRUST_S:
            known = await self._look_up(key_id)
        _, expected, identity = known
        given = hashlib.sha256(secret.encode()).digest()
        if not hmac.compare_digest(given, expected) or identity is None:
            raise Unauthenticated
        return Proof(identity, key, known)

    async def _look_up(self, key_id: str) -> _Known:
        now = self._clock.monotonic()
        record = await self._namespaces.by_key(key_id)
        if len(self._known) >= _MOST:
            self._known.clear()  # a flood of made-up keys must not grow without end
        known = (now, _NO_SECRET, None) if record is None else (now, record.secret_sha256, record.identity)
        self._known[key_id] = known
        return known


def decode_basic(header: str) -> str | None:
    """ "uuid:secret" of a Basic header; None if it is none."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    encoded = encoded.strip()
    if not _BASE64.fullmatch(encoded):
        return None
    try:
        key = binascii.a2b_base64(encoded).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    return key if ":" in key else None

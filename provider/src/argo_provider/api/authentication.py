"""HTTP Basic with an API key: `uuid:secret` (contract §0.4)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from argo_provider.errors import Unauthenticated
from argo_provider.events import Event, EventBus, NamespaceChanged
from argo_provider.model.clock import Clock
from argo_provider.model.identity import Identity, NamespaceRecord
from argo_provider.storage.port import NamespaceStore

_TRUST_S = 2.0  # how long a key may still work after another process (the command line) changed it
_MOST = 4096
_NO_SECRET = hashlib.sha256(b"").digest()


class Authenticator:
    """Turns an Authorization header into an Identity; records are kept for a moment, secrets never."""

    def __init__(self, namespaces: NamespaceStore, events: EventBus, clock: Clock) -> None:
        self._namespaces = namespaces
        self._clock = clock
        self._known: dict[str, tuple[float, NamespaceRecord | None]] = {}
        events.listen(self._on_event)

    def _on_event(self, event: Event) -> None:
        if isinstance(event, NamespaceChanged):
            self._known.clear()

    async def __call__(self, header: str | None) -> tuple[Identity, str]:
        """The caller and the key as sent; Unauthenticated. Takes as long for an unknown key as for a wrong secret."""
        if not header:
            raise Unauthenticated(Unauthenticated.MISSING)
        key = decode_basic(header)
        if key is None:
            raise Unauthenticated
        key_id, _, secret = key.partition(":")
        record = await self._record(key_id)
        given = hashlib.sha256(secret.encode()).digest()
        expected = record.secret_sha256 if record else _NO_SECRET
        if not hmac.compare_digest(given, expected) or record is None:
            raise Unauthenticated
        return record.identity, key

    async def _record(self, key_id: str) -> NamespaceRecord | None:
        now = self._clock.monotonic()
        known = self._known.get(key_id)
        if known is not None and now - known[0] < _TRUST_S:
            return known[1]
        record = await self._namespaces.by_key(key_id)
        if len(self._known) >= _MOST:
            self._known.clear()  # a flood of made-up keys must not grow without end
        self._known[key_id] = (now, record)
        return record


def decode_basic(header: str) -> str | None:
    """ "uuid:secret" of a Basic header; None if it is none."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        key = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    return key if ":" in key else None

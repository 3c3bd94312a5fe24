"""What makes a message of ours: a keyed hash over its subject, its time and its content.

Whoever may connect to the bus can write to it; only members of the cluster know its key. A message that was taken from
one subject and sent to another, or sent again later than `FRESH_SECONDS`, does not open either; that one which arrives
twice within that time does nothing twice is what receivers see to, by the ids of activations and attempts.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
import time

FRESH_SECONDS = 60.0
_VERSION = 1
_HEAD = struct.Struct(">BQ16s")  # version, milliseconds, hash
_MAC_BYTES = 16


class Unsealed(Exception):
    """The message is not of this cluster, or is too old; the message says which, in a few words."""


class Seal:
    """Closes and opens messages with the cluster's key."""

    def __init__(self, key: str, cluster: str) -> None:
        self._key = hashlib.blake2b(key.encode(), person=b"argo-cluster-1").digest()
        self._cluster = cluster.encode()

    def close(self, subject: str, content: bytes) -> bytes:
        """`content` as it goes over the bus on `subject`."""
        now = time.time_ns() // 1_000_000
        return _HEAD.pack(_VERSION, now, self._mac(subject, now, content)) + content

    def open(self, subject: str, data: bytes, *, fresh: bool = True) -> bytes:
        """The content. `fresh` False: it may be old, because it was kept for whoever comes later. Raises Unsealed."""
        if len(data) < _HEAD.size:
            raise Unsealed("no message of a cluster")
        version, sent, mac = _HEAD.unpack_from(data)
        content = data[_HEAD.size :]
        if version != _VERSION:
            raise Unsealed(f"sealed by another version ({version})")
        if not hmac.compare_digest(mac, self._mac(subject, sent, content)):
            raise Unsealed("another cluster key, or forged")
        if fresh and abs(time.time() - sent / 1000) > FRESH_SECONDS:
            raise Unsealed("too old: replayed, or clocks differ")
        return content

    def _mac(self, subject: str, sent: int, content: bytes) -> bytes:
        mac = hashlib.blake2b(key=self._key, digest_size=_MAC_BYTES)
        for part in (self._cluster, subject.encode(), str(sent).encode()):
            mac.update(part + b"\0")
        mac.update(content)
        return mac.digest()

"""Who calls: a subject with one key of one namespace."""

from __future__ import annotations

from dataclasses import dataclass

from argo_provider.model.limits import NamespaceLimits

LAST_KEY = "It is the namespace's last key: without one, nobody could use it."


@dataclass(frozen=True, slots=True)
class Identity:
    """An authenticated caller. The secret half of the key is never in here."""

    subject: str
    namespace: str
    key_id: str  # the UUID half of the key
    limits: NamespaceLimits = NamespaceLimits()


@dataclass(frozen=True, slots=True)
class NamespaceRecord:
    """A namespace as it is stored: of the secret only its SHA-256; 64 random characters need no slow hash."""

    namespace: str
    subject: str
    key_id: str
    secret_sha256: bytes
    created: int  # epoch milliseconds
    limits: NamespaceLimits = NamespaceLimits()

    @property
    def identity(self) -> Identity:
        return Identity(self.subject, self.namespace, self.key_id, self.limits)

"""Who may read the metrics: they tell what runs here."""

from __future__ import annotations

import hmac

from argo_provider.settings.address import is_loopback
from argo_provider.settings.tree import Secret


def may_read_metrics(peer: str | None, authorization: str | None, token: Secret | None) -> bool:
    """`peer`: the caller's address; `authorization`: its header. With a token: who sends it; else loopback callers."""
    if token is None:
        return peer is not None and is_loopback(peer)
    scheme, _, given = (authorization or "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.reveal().encode())

"""What keeps a member from joining, or the bus from carrying; each says what to do about it."""

from __future__ import annotations

from argo_provider.hosting import StartError


class ClusterError(StartError):
    """The message says why, `fix` what to type."""

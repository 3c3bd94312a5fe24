"""User ids for sandboxes: each running one has its own, so that none can reach another's files or processes."""

from __future__ import annotations

import hashlib
from collections import deque

from argo_proxy.sandboxes.port import SandboxCreationError

_LOWEST = 1_000_000  # above people, daemons and the usual ranges of /etc/subuid's first entries
_RANGES = 4_000
_PER_INSTALLATION = 1_000


class UserIds:
    """Hands out ids from this installation's range; the one given back longest ago is the next one given."""

    def __init__(self, installation: str) -> None:
        number = int.from_bytes(hashlib.sha256(installation.encode()).digest()[:4], "big") % _RANGES
        self.first = _LOWEST + number * _PER_INSTALLATION
        self._free = deque(self.all)

    @property
    def all(self) -> range:
        return range(self.first, self.first + _PER_INSTALLATION)

    def take(self) -> int:
        if not self._free:
            raise SandboxCreationError(f"all {_PER_INSTALLATION} user ids for sandboxes are in use")
        return self._free.popleft()

    def give_back(self, uid: int) -> None:
        self._free.append(uid)

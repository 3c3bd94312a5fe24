"""The service with a bug on purpose, to show that the campaign finds it: a 202 is answered before its commit.

`python -m argo_dev.faults.planted serve …`. The product itself has no such switch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from argo_provider.cli.main import main
from argo_provider.model.activation import JournalEntry
from argo_provider.storage.sql.activations import SqlActivationStore

LAZY_SECONDS = 0.05
_background: set[asyncio.Task[None]] = set()
_accept = SqlActivationStore.accept


async def _accept_later(self: SqlActivationStore, entries: Sequence[JournalEntry]) -> None:
    async def later() -> None:
        await asyncio.sleep(LAZY_SECONDS)
        await _accept(self, entries)

    task = asyncio.ensure_future(later())
    _background.add(task)
    task.add_done_callback(_background.discard)


if __name__ == "__main__":
    SqlActivationStore.accept = _accept_later  # type: ignore[method-assign]
    main()

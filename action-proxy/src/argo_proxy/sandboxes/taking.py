"""What a start takes of this machine, a control group or a folder, is not left there when the start is broken off."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def taken(make: Callable[[], T], give_back: Callable[[T], object] = lambda _: None) -> T:
    """What `make` makes in a thread. Raises as it does.

    A thread cannot be called off: if the caller is cancelled meanwhile, it ends first, and what comes of it is given
    back, in a thread as well.
    """
    making = asyncio.ensure_future(asyncio.to_thread(make))
    try:
        return await asyncio.shield(making)
    except asyncio.CancelledError:
        await asyncio.wait([making])
        if making.exception() is None:
            await asyncio.to_thread(give_back, making.result())
        raise

"""System calls that Debian 12's C library has no name for."""

from __future__ import annotations

import ctypes
import os


def call(number: int, *arguments: object) -> int:
    """`number` is the same on every architecture that Debian has, from 424 on. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    result = int(libc.syscall(number, *arguments))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result

"""Frames on a stream between a controller and a NIUk's host, version 1 (niuk-runtime/host/PROTOCOL.md). Pure.

A stream that is none, and a payload that is malformed, raise `FrameError`.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from struct import Struct
from typing import Final, TypeVar

from argo_proxy.records import record

VERSION: Final = 1
HEADER_LENGTH: Final = 16
MAX_PAYLOAD: Final = 8 * 1024 * 1024
MAGIC: Final = b"NK"
HEADER: Final = Struct("<2sBBIQ")

_U8, _U16, _U32, _U64 = Struct("<B"), Struct("<H"), Struct("<I"), Struct("<Q")
_TIMING = Struct("<BQQQQQ")


class FrameError(Exception):
    """The bytes are no frame of this protocol: the connection is of no more use."""


@record
class Frame:
    """A frame as it came: type, id and payload."""

    kind: int
    identity: int
    payload: bytes


class Decoder:
    """Cuts a stream of bytes into frames."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that `data` completes. Raises FrameError where the stream is none."""
        buffer = self._buffer
        buffer += data
        at = 0
        try:
            while len(buffer) - at >= HEADER_LENGTH:
                magic, version, kind, length, identity = HEADER.unpack_from(buffer, at)
                _check_header(magic, version, length)
                end = at + HEADER_LENGTH + length
                if len(buffer) < end:
                    break
                payload = bytes(buffer[at + HEADER_LENGTH : end])
                at = end
                yield Frame(kind, identity, payload)
        finally:
            del buffer[:at]


def _check_header(magic: bytes, version: int, length: int) -> None:
    if magic != MAGIC:
        raise FrameError("not a NIUk frame")
    if version != VERSION:
        raise FrameError(f"frame of protocol version {version}; this client speaks {VERSION}")
    if length > MAX_PAYLOAD:
        raise FrameError(f"payload of {length} bytes; the limit is {MAX_PAYLOAD}")


_E = TypeVar("_E", bound=IntEnum)


class Fields:
    """Takes fields off a payload, in order."""

    __slots__ = ("_at", "_payload")

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self._at = 0

    def take(self, length: int) -> bytes:
        end = self._at + length
        if end > len(self._payload):
            raise FrameError("malformed payload: a field is cut short")
        taken = self._payload[self._at : end]
        self._at = end
        return taken

    def number(self, form: Struct) -> int:
        value: int = form.unpack(self.take(form.size))[0]
        return value

    def unpack(self, form: Struct) -> tuple[int, ...]:
        """Numbers of fixed sizes."""
        return form.unpack(self.take(form.size))

    def u8(self) -> int:
        return self.number(_U8)

    def u16(self) -> int:
        return self.number(_U16)

    def u32(self) -> int:
        return self.number(_U32)

    def u64(self) -> int:
        return self.number(_U64)

    def timing(self) -> tuple[int, int, int, int, int, int]:
        flags, start, wait, init, run, memory = _TIMING.unpack(self.take(_TIMING.size))
        return flags, start, wait, init, run, memory

    def data(self) -> bytes:
        return self.take(self.u32())

    def text(self) -> str:
        try:
            return self.data().decode()
        except UnicodeDecodeError as error:
            raise FrameError("malformed payload: text is not UTF-8") from error

    def one_of(self, kind: type[_E]) -> _E:
        value = self.u8()
        try:
            return kind(value)
        except ValueError as error:
            raise FrameError(f"malformed payload: {value} is no {kind.__name__}") from error

    def end(self) -> None:
        if self._at != len(self._payload):
            raise FrameError("malformed payload: bytes follow the last field")

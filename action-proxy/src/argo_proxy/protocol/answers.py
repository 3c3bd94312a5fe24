"""Reads one HTTP/1.1 answer of a runtime, fed piece by piece; keeps no more of its body than asked for. Pure."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from argo_proxy.sandboxes.port import Answered

_MAX_HEAD_BYTES = 64 * 1024
_MAX_DRAINED_BYTES = 64 * 1024 * 1024
_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9]{2})(?: [^\r\n]*)?\r\n")
_CONTENT_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,15})[ \t]*(?=\r\n)", re.IGNORECASE)
_ENCODED_OR_CLOSING = re.compile(rb"\r\n(transfer-encoding:|connection:[ \t]*close)", re.IGNORECASE)


class MalformedAnswer(Exception):
    """What the runtime sent is no answer that the protocol allows."""


class _Head(NamedTuple):
    """What the head of an answer says; `length` -1 for an interim one."""

    status: int
    length: int
    keep_alive: bool


@lru_cache(maxsize=1024)  # a runtime's heads differ in little but the length, and lengths come again
def _read_head(head: bytes) -> _Head:
    """Raises `MalformedAnswer`."""
    line = _STATUS_LINE.match(head)
    if line is None or len(head) > _MAX_HEAD_BYTES:
        raise MalformedAnswer
    status = int(line[2])
    if status < 200:
        return _Head(status, -1, keep_alive=True)
    lengths = _CONTENT_LENGTH.findall(head)
    odd = _ENCODED_OR_CLOSING.findall(head)
    if len(lengths) != 1 or any(name.lower().startswith(b"transfer") for name in odd):
        raise MalformedAnswer
    return _Head(status, int(lengths[0]), line[1] == b"1" and not odd)


class AnswerReader:
    """State of one answer. `keep_alive` is meaningful once `feed` has returned the answer."""

    __slots__ = ("_body", "_expected", "_head", "_limit", "_seen", "_status", "keep_alive")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._head = b""
        self._status = 0
        self._expected = -1
        self._seen = 0
        self._body: bytearray | None = None
        self.keep_alive = True

    def feed(self, data: bytes) -> Answered | None:
        """The answer once `data` completes it. Raises `MalformedAnswer`."""
        if self._expected >= 0:
            return self._add(data)
        if self._head:
            data = self._head + data
        end = data.find(b"\r\n\r\n")
        while end >= 0:
            self._status, self._expected, self.keep_alive = _read_head(data[: end + 2])
            data = data[end + 4 :]
            if self._status >= 200:
                return self._add(data)
            # an interim answer (100 Continue): the real one follows
            end = data.find(b"\r\n\r\n")
        if len(data) > _MAX_HEAD_BYTES or not b"HTTP/1."[: len(data)] == data[:7]:
            raise MalformedAnswer
        self._head = data
        return None

    def _add(self, data: bytes) -> Answered | None:
        self._seen += len(data)
        if self._seen > self._expected:  # two answers to one question: whatever follows cannot be trusted
            self.keep_alive = False
            data = data[: self._expected - self._seen]
        if self._body is None and self._seen >= self._expected <= self._limit:
            return Answered(self._status, data, self._expected)  # all in one piece, as nearly always
        return self._collect(data)

    def _collect(self, data: bytes) -> Answered | None:
        if self._body is None:
            self._body = bytearray()
        room = self._limit - len(self._body)
        self._body += data[:room] if room < len(data) else data
        too_long = len(self._body) >= self._limit and self._expected - self._seen > _MAX_DRAINED_BYTES
        if self._seen < self._expected and not too_long:
            return None
        if too_long:
            self.keep_alive = False
        return Answered(self._status, bytes(self._body), self._expected)

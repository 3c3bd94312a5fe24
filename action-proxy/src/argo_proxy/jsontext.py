"""JSON as it crosses our borders: whole numbers of any size stay exact, and what is no JSON is one kind of error."""

from __future__ import annotations

from typing import Any

import msgspec

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder()
encode = _encoder.encode
"""Any JSON value → its text, compact, UTF-8."""


def decode(text: bytes | str) -> Any:
    """The value; ValueError for what is no JSON, is no UTF-8, or is nested deeper than the parser can follow."""
    try:
        return _decoder.decode(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def pretty(value: Any) -> bytes:
    """For people: two spaces a level."""
    return msgspec.json.format(encode(value), indent=2)

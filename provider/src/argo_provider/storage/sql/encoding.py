"""Domain values to JSON text and back, typed both ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from argo_provider.errors import StorageError
from argo_provider.model.activation import Activation, Status
from argo_provider.model.entities import Action, Collection, Entity, Package, Rule, Trigger
from argo_provider.model.limits import NamespaceLimits

T = TypeVar("T")

_encoder = msgspec.json.Encoder()
_activation = msgspec.json.Decoder(Activation)
_entities: dict[str, msgspec.json.Decoder[Any]] = {
    Collection.ACTIONS.value: msgspec.json.Decoder(Action),
    Collection.PACKAGES.value: msgspec.json.Decoder(Package),
    Collection.RULES.value: msgspec.json.Decoder(Rule),
    Collection.TRIGGERS.value: msgspec.json.Decoder(Trigger),
}
_limits = msgspec.json.Decoder(NamespaceLimits)
_details: msgspec.json.Decoder[tuple[tuple[str, ...], Any]] = msgspec.json.Decoder(tuple[tuple[str, ...], Any])
_json: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


class _Ending(msgspec.Struct):
    """A response without its result."""

    status: Status
    size: int | None


class _Summary(msgspec.Struct):
    """An `Activation` without what lists leave out: it is decoded as one. Made for every record, hence a struct."""

    namespace: str
    name: str
    version: str
    subject: str
    activation_id: str
    start: int
    end: int
    response: _Ending
    duration: int | None
    cause: str | None
    annotations: Mapping[str, Any]
    publish: bool


def encode_summary(activation: Activation) -> str:
    """The record without logs and result. StorageError as of `encode`."""
    ending = _Ending(activation.response.status, activation.response.size)
    return encode(
        _Summary(
            activation.namespace,
            activation.name,
            activation.version,
            activation.subject,
            activation.activation_id,
            activation.start,
            activation.end,
            ending,
            activation.duration,
            activation.cause,
            activation.annotations,
            activation.publish,
        )
    )


def encode(value: Any) -> str:
    """JSON text. StorageError if the value holds what JSON text cannot (half of a surrogate pair, a foreign type)."""
    try:
        return _encoder.encode(value).decode()
    except (TypeError, ValueError, RecursionError) as error:
        raise StorageError(f"The value cannot be stored as JSON: {error}.") from error


def _decode(decoder: msgspec.json.Decoder[T], text: str) -> T:
    try:
        return decoder.decode(text)
    except msgspec.DecodeError as error:
        raise StorageError("A stored record is damaged or was written by another version.") from error


def decode_entity(collection: str, text: str) -> Entity:
    entity: Entity = _decode(_entities[collection], text)
    return entity


def decode_activation(text: str) -> Activation:
    return _decode(_activation, text)


def decode_details(text: str) -> tuple[tuple[str, ...], Any]:
    """(log lines, result)"""
    return _decode(_details, text)


def decode_limits(text: str) -> NamespaceLimits:
    return _decode(_limits, text)


def decode_json(text: str) -> Any:
    return _decode(_json, text)

"""marshmallow schemas of the PUT bodies: what clients may send, as use cases want it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, pre_load, validates

from argo_provider.entities.actions import ActionChanges
from argo_provider.entities.content import CommonChanges, parse_annotations, parse_parameters, parse_version
from argo_provider.entities.packages import PackageChanges
from argo_provider.entities.rules import RuleChanges
from argo_provider.errors import MalformedRequest
from argo_provider.model.names import FullName, is_segment
from argo_provider.optimizer import wishes


class KeyValueSchema(Schema):
    """One item of a parameters or annotations array."""

    class Meta:
        unknown = EXCLUDE

    key = fields.String(required=True)
    value = fields.Raw(allow_none=True, load_default=None)
    init = fields.Boolean()


class EntitySchema(Schema):
    """The fields every entity has. Absent and null both mean "as it was"; unknown ones are ignored."""

    class Meta:
        unknown = EXCLUDE

    parameters = fields.List(fields.Nested(KeyValueSchema))
    annotations = fields.List(fields.Nested(KeyValueSchema))
    version = fields.String()
    publish = fields.Boolean()

    @pre_load
    def drop_nulls(self, data: Any, **_: Any) -> Any:
        return {k: v for k, v in data.items() if v is not None} if isinstance(data, dict) else data


class ActionSchema(EntitySchema):
    exec = fields.Dict(keys=fields.String())
    limits = fields.Dict(keys=fields.String())
    del_annotations = fields.List(fields.String(), data_key="delAnnotations")

    @validates("annotations")
    def check_wishes(self, annotations: list[Mapping[str, Any]], **_: Any) -> None:
        """Ours alone: whatever else somebody annotates is theirs."""
        for item in annotations:
            if "key" not in item:  # told by its own schema
                continue
            text = wishes.fault(item["key"], item.get("value"))
            if text is not None:
                raise ValidationError(text)


class BindingSchema(Schema):
    class Meta:
        unknown = EXCLUDE

    namespace = fields.String()
    name = fields.String()


class PackageSchema(EntitySchema):
    binding = fields.Nested(BindingSchema)


class TriggerSchema(EntitySchema):
    limits = fields.Dict(keys=fields.String())


class RuleSchema(EntitySchema):
    trigger = fields.Raw()
    action = fields.Raw()


_ACTION = ActionSchema()
_PACKAGE = PackageSchema()
_TRIGGER = TriggerSchema()
_RULE = RuleSchema()


def load_action(body: Mapping[str, Any]) -> ActionChanges:
    data = _load(_ACTION, body)
    return ActionChanges(_common(data), data.get("exec"), data.get("limits"), tuple(data.get("del_annotations", ())))


def load_package(body: Mapping[str, Any], namespace: str) -> PackageChanges:
    """`namespace` is the entity's: `_` in a binding means that."""
    data = _load(_PACKAGE, body)
    given = data.get("binding")
    return PackageChanges(_common(data), _binding(given, namespace) if given else None)


def load_trigger(body: Mapping[str, Any]) -> CommonChanges:
    return _common(_load(_TRIGGER, body))


def load_rule(body: Mapping[str, Any], namespace: str) -> RuleChanges:
    data = _load(_RULE, body)
    return RuleChanges(
        _common(data), _full_name(data.get("trigger"), namespace), _full_name(data.get("action"), namespace)
    )


def _load(schema: Schema, body: Mapping[str, Any]) -> dict[str, Any]:
    try:
        loaded = schema.load(body)
    except ValidationError as error:
        raise MalformedRequest(_describe(_messages(error))) from error
    return dict(loaded)


def _messages(error: ValidationError) -> Mapping[Any, Any]:
    messages = error.messages
    return messages if isinstance(messages, Mapping) else {"_schema": messages}


def _describe(messages: Mapping[Any, Any], prefix: str = "") -> str:
    """ "field.0.key: what is wrong" of the first fault, so that the text stays short whatever was sent."""
    name, fault = next(iter(messages.items()))
    where = f"{prefix}{name}"
    if isinstance(fault, Mapping):
        return _describe(fault, f"{where}.")
    return f"{where}: {fault[0]}"


def _common(data: Mapping[str, Any]) -> CommonChanges:
    return CommonChanges(
        parameters=parse_parameters(data["parameters"]) if "parameters" in data else None,
        annotations=parse_annotations(data["annotations"]) if "annotations" in data else None,
        version=parse_version(data["version"]) if "version" in data else None,
        publish=data.get("publish"),
    )


def _binding(given: Mapping[str, str], namespace: str) -> FullName:
    owner, name = given.get("namespace", ""), given.get("name", "")
    if not is_segment(owner) or not is_segment(name):
        raise MalformedRequest("binding: 'namespace' and 'name' must be legal names")
    return FullName(owner, name).in_namespace(namespace)


def _full_name(given: Any, namespace: str) -> FullName | None:
    """ "/ns/[pkg/]name" or {"path": "ns[/pkg]", "name": …}."""
    if given is None or given == "":
        return None
    if isinstance(given, Mapping):
        given = f"/{str(given.get('path', '')).strip('/')}/{given.get('name', '')}"
    if not isinstance(given, str):
        raise MalformedRequest("The fully qualified name of an entity must be a string")
    return FullName.parse(given).in_namespace(namespace)

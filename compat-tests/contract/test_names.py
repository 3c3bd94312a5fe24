"""The grammar of names, fully qualified names, and one name space for all collections (contract 0.6, 0.10)."""

import re
from urllib.parse import quote

import pytest
from blackbox.answer import expect_error, expect_ok, malformed
from blackbox.workspace import Workspace

ILLEGAL = "The name of the entity contains illegal characters."
NOT_IN_COLLECTION = "Resource by this name exists but is not in this collection."
COLLECTIONS = ("actions", "packages", "triggers")


def body_for(collection: str) -> dict:
    return {"exec": {"kind": "nodejs:default", "code": "x"}} if collection == "actions" else {}


@pytest.mark.parametrize("tail", ["a", "_", "9", "a b", "a@b.c-d&e", "A_b-9.", "a&", "a-", "a@", "x" * 200])
async def test_legal_names(ow: Workspace, tail: str) -> None:
    name = ow.name() + tail
    stored = expect_ok(await ow.put("triggers", name, {}))
    assert stored["name"] == name
    assert expect_ok(await ow.get("triggers", name))["name"] == name


@pytest.mark.parametrize(
    "name",
    [".a", "-a", "@a", "&a", " a", "a ", "a$b", "a!b", "a:b", "a,b", "a(b)", "a\tb", "a\nb", "a\x00b", "a\\b", "é"],
)
async def test_illegal_names(ow: Workspace, name: str) -> None:
    for collection in COLLECTIONS:
        path = ow.path(collection) + "/" + quote(name, safe="")
        expect_error(await ow.call("PUT", path, json=body_for(collection)), 400, ILLEGAL)


async def test_the_longest_name(ow: Workspace) -> None:
    longest = (ow.name() + "x" * 256)[:256]
    assert expect_ok(await ow.put("triggers", longest, {}))["name"] == longest


async def test_a_name_too_long(ow: Workspace) -> None:
    answer = await ow.put("triggers", "x" * 257, {})
    expect_error(answer, 400, "Name segement longer than allowed: 257 > 256.")


async def test_a_namespace_of_illegal_characters(ow: Workspace) -> None:
    path = f"/api/v1/namespaces/{quote('a$b')}/actions"
    expect_error(await ow.call("GET", path), 400, "The namespace contains illegal characters.")


async def test_a_namespace_too_long(ow: Workspace) -> None:
    answer = await ow.call("GET", f"/api/v1/namespaces/{'n' * 257}/actions")
    expect_error(answer, 400, "Namespace longer than allowed: 257 > 256.")


async def test_the_package_name_default_is_reserved(ow: Workspace) -> None:
    expect_error(await ow.put("packages", "default", {}), 400, "Package name 'default' is reserved.")


async def test_one_name_for_all_collections(ow: Workspace) -> None:
    for collection in COLLECTIONS:
        name = ow.name()
        expect_ok(await ow.put(collection, name, body_for(collection)))
        for other in set(COLLECTIONS) - {collection}:
            for overwrite in (False, True):
                answer = await ow.put(other, name, body_for(other), overwrite=overwrite)
                expect_error(answer, 409, NOT_IN_COLLECTION)
            expect_error(await ow.get(other, name), 409, NOT_IN_COLLECTION)
            expect_error(await ow.delete(other, name), 409, NOT_IN_COLLECTION)


@pytest.mark.parametrize("collection", COLLECTIONS)
async def test_an_entity_is_not_replaced_unless_asked_to(ow: Workspace, collection: str) -> None:
    name = ow.name()
    first = expect_ok(await ow.put(collection, name, body_for(collection)))
    assert first["version"] == "0.0.1"
    expect_error(await ow.put(collection, name, body_for(collection)), 409, "resource already exists")
    expect_error(await ow.put(collection, name, body_for(collection), overwrite=False), 409, "resource already exists")
    second = expect_ok(await ow.put(collection, name, body_for(collection), overwrite=True))
    assert second["version"] == "0.0.2"
    assert second["updated"] >= first["updated"]


@pytest.mark.parametrize("collection", COLLECTIONS)
async def test_a_version_is_taken_from_the_body(ow: Workspace, collection: str) -> None:
    name = ow.name()
    stored = expect_ok(await ow.put(collection, name, body_for(collection) | {"version": "3.2"}))
    assert stored["version"] == "3.2.0"
    stored = expect_ok(await ow.put(collection, name, {}, overwrite=True))
    assert stored["version"] == "3.2.1"


@pytest.mark.parametrize("version", ["0.0.0", "x.y.z", "-1.0.0", ""])
async def test_a_version_that_is_none(ow: Workspace, version: str) -> None:
    expect_error(await ow.put("triggers", ow.name(), {"version": version}), 400, malformed(""))


async def test_the_underscore_is_the_own_namespace(ow: Workspace) -> None:
    name = await ow.action("function main() {}")
    for namespace in ("_", ow.namespace):
        found = expect_ok(await ow.call("GET", ow.path("actions", name, namespace)))
        assert (found["namespace"], found["name"]) == (ow.namespace, name)


async def test_unknown_fields_and_the_bodys_own_name_are_ignored(ow: Workspace) -> None:
    name = ow.name()
    body = {"namespace": "elsewhere", "name": "other", "no_such_field": {"x": 1}, "publish": False}
    stored = expect_ok(await ow.put("triggers", name, body))
    assert (stored["namespace"], stored["name"]) == (ow.namespace, name)
    assert "no_such_field" not in stored


async def test_a_fully_qualified_name_needs_two_parts(ow: Workspace) -> None:
    answer = await ow.put("rules", ow.name(), {"trigger": "one", "action": "two"})
    text = "The fully qualified name of the entity must contain at least the namespace and the name of the entity."
    expect_error(answer, 400, re.compile(f"(The request content was malformed:\n)?.*{re.escape(text)}", re.DOTALL))


@pytest.mark.parametrize(
    ("activation", "text"),
    [
        ("abc", "Activation id length is 3 but must be 32."),
        ("0" * 33, "Activation id length is 33 but must be 32."),
        ("g" * 32, "The activation id is not valid."),
        ("A" * 32, "The activation id is not valid."),
    ],
)
async def test_activation_ids(ow: Workspace, activation: str, text: str) -> None:
    expect_error(await ow.get("activations", activation), 400, text)

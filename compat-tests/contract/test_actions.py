"""Create, read, update and delete actions (contract 1.1, 1.2)."""

import asyncio
import base64
import re
from typing import Any

import pytest
from blackbox.answer import expect_error, expect_ok, key_values, malformed, pairs
from blackbox.workspace import ECHO, NODE, Workspace

CODE = {"kind": NODE, "code": ECHO}
ENTITY = {"namespace", "name", "version", "publish", "updated", "exec", "parameters", "annotations", "limits"}


async def test_a_new_action(ow: Workspace) -> None:
    name = ow.name()
    stored = expect_ok(await ow.put("actions", name, {"exec": CODE, "parameters": pairs({"a": [1, {"b": None}]})}))
    assert set(stored) == ENTITY
    assert (stored["namespace"], stored["name"], stored["version"], stored["publish"]) == (
        ow.namespace,
        name,
        "0.0.1",
        False,
    )
    assert stored["parameters"] == [{"key": "a", "value": [1, {"b": None}]}]
    assert stored["updated"] > 1_600_000_000_000
    annotations = key_values(stored["annotations"])
    assert annotations["exec"] == stored["exec"]["kind"]
    assert annotations["provide-api-key"] is False


async def test_put_and_get_answer_alike(ow: Workspace) -> None:
    name = ow.name()
    stored = expect_ok(await ow.put("actions", name, {"exec": CODE}))
    assert expect_ok(await ow.get("actions", name)) == stored
    assert expect_ok(await ow.get("actions", name, code=True)) == stored


async def test_the_code_can_be_left_out(ow: Workspace) -> None:
    name = await ow.action(exec={"main": "main"})
    shown = expect_ok(await ow.get("actions", name, code=False))["exec"]
    assert "code" not in shown
    assert shown["main"] == "main"
    assert shown["binary"] is False
    assert shown["kind"].startswith("nodejs:")


async def test_the_default_kind_is_stored_resolved(ow: Workspace, runtimes: dict) -> None:
    stored = expect_ok(await ow.put("actions", ow.name(), {"exec": {"kind": " NodeJS:default ", "code": ECHO}}))
    default = next((each["kind"] for each in runtimes["nodejs"] if each["default"]), None)
    assert stored["exec"]["kind"] == default or default is None
    assert stored["exec"]["kind"] != "nodejs:default"


@pytest.mark.parametrize(
    ("code", "binary"),
    [
        (ECHO, False),
        (base64.b64encode(b"PK\x03\x04 a zip").decode(), True),
        ("abcd", True),
        ("abc", False),
        ("YQ==", True),
        ("YQ=", False),
        ("YWJj\nYWJj", False),
    ],
)
async def test_the_service_finds_out_what_is_binary(ow: Workspace, code: str, binary: bool) -> None:
    for claim in ({}, {"binary": not binary}):
        stored = expect_ok(await ow.put("actions", ow.name(), {"exec": {"kind": NODE, "code": code, **claim}}))
        assert stored["exec"]["binary"] is binary
        assert stored["exec"]["code"] == code


@pytest.mark.parametrize(
    ("execution", "text"),
    [
        ({"code": "x"}, "'kind' must be a string defined in 'exec'"),
        ({"kind": 5, "code": "x"}, "'kind' must be a string defined in 'exec'"),
        ({"kind": "cobol:85", "code": "x"}, "The specified runtime 'cobol:85' is not supported by this platform. "),
        ({"kind": NODE}, "'code' must be a string or attachment object defined in 'exec' for 'nodejs:"),
        ({"kind": "sequence"}, "'components' must be defined for sequence kind"),
        ({"kind": "sequence", "components": "a"}, "'components' must be an array"),
        ({"kind": "blackbox"}, "'image' must be a string defined in 'exec' for 'blackbox' actions"),
        ("text", ""),
        ([], ""),
    ],
)
async def test_an_exec_that_is_none(ow: Workspace, execution: Any, text: str) -> None:
    expect_error(await ow.put("actions", ow.name(), {"exec": execution}), 400, malformed(text))


async def test_an_unsupported_kind_is_told_the_valid_ones(ow: Workspace, runtimes: dict) -> None:
    text = (await ow.put("actions", ow.name(), {"exec": {"kind": "cobol:85", "code": "x"}})).json["error"]
    assert "Valid values are: '" in text
    for kinds in runtimes.values():
        for each in kinds:
            assert f"'{each['kind']}'" in text


async def test_java_needs_a_main(ow: Workspace, runtimes: dict) -> None:
    if not any(each["requireMain"] for each in runtimes.get("java", [])):
        pytest.skip("the service lists no java runtime")
    kind = runtimes["java"][0]["kind"]
    text = f"'main' must be a string defined in 'exec' for '{kind}' actions"
    answer = await ow.put("actions", ow.name(), {"exec": {"kind": kind, "code": "YWJj"}})
    expect_error(answer, 400, malformed(text))


async def test_jar_is_another_word_for_code(ow: Workspace, runtimes: dict) -> None:
    if "java" not in runtimes:
        pytest.skip("the service lists no java runtime")
    body = {"exec": {"kind": runtimes["java"][0]["kind"], "jar": "YWJj", "main": "Main"}}
    stored = expect_ok(await ow.put("actions", ow.name(), body))
    assert stored["exec"]["code"] == "YWJj"
    assert stored["exec"]["main"] == "Main"


async def test_a_blackbox_is_stored_with_its_image(ow: Workspace) -> None:
    for image, code in (("example/image:tag", None), ("openwhisk/dockerskeleton", "#!/bin/sh\necho '{}'")):
        body = {"exec": {"kind": "blackbox", "image": image} | ({"code": code} if code else {})}
        stored = expect_ok(await ow.put("actions", ow.name(), body))
        assert stored["exec"]["kind"] == "blackbox"
        assert stored["exec"]["image"] == image
        assert stored["exec"].get("code") == code


async def test_a_new_action_needs_an_exec(ow: Workspace) -> None:
    for overwrite in (False, True):
        answer = await ow.put("actions", ow.name(), {"annotations": []}, overwrite=overwrite)
        expect_error(answer, 400, re.compile("(The request content was malformed:\n)?exec undefined"))


async def test_an_update_keeps_what_it_does_not_name(ow: Workspace) -> None:
    name = ow.name()
    limits = {"timeout": 5000, "memory": 128, "logs": 1, "concurrency": 1}
    body = {"exec": CODE, "limits": limits, "parameters": pairs({"a": 1, "b": 2}), "publish": True}
    first = expect_ok(await ow.put("actions", name, body))
    second = expect_ok(await ow.put("actions", name, {}, overwrite=True))
    for field in ("exec", "limits", "publish"):
        assert second[field] == first[field], field
    assert key_values(second["parameters"]) == {"a": 1, "b": 2}
    assert second["version"] == "0.0.2"


async def test_an_update_replaces_parameters_as_a_whole(ow: Workspace) -> None:
    name = await ow.action(parameters=pairs({"a": 1, "b": 2}))
    stored = expect_ok(await ow.put("actions", name, {"parameters": pairs({"c": 3})}, overwrite=True))
    assert key_values(stored["parameters"]) == {"c": 3}


async def test_an_update_of_one_limit_keeps_the_others(ow: Workspace) -> None:
    name = await ow.action(limits={"timeout": 5000, "memory": 128, "logs": 1})
    limits = expect_ok(await ow.put("actions", name, {"limits": {"memory": 256}}, overwrite=True))["limits"]
    assert (limits["timeout"], limits["memory"], limits["logs"]) == (5000, 256, 1)


async def test_an_update_joins_annotations(ow: Workspace) -> None:
    name = await ow.action(annotations=pairs({"keep": 1, "change": 1, "drop": 1}))
    body = {"annotations": pairs({"change": 2, "new": None}), "delAnnotations": ["drop"]}
    annotations = key_values(expect_ok(await ow.put("actions", name, body, overwrite=True))["annotations"])
    assert annotations["keep"] == 1
    assert annotations["change"] == 2
    assert annotations["new"] is None
    assert "drop" not in annotations


async def test_the_exec_annotation_is_the_services(ow: Workspace) -> None:
    name = ow.name()
    body = {"exec": CODE, "annotations": pairs({"exec": "cobol", "provide-api-key": True})}
    stored = expect_ok(await ow.put("actions", name, body))
    annotations = key_values(stored["annotations"])
    assert annotations["exec"] == stored["exec"]["kind"]
    assert annotations["provide-api-key"] is True


async def test_the_last_of_two_equal_keys_wins(ow: Workspace) -> None:
    parameters = [{"key": "a", "value": 1}, {"key": "a", "value": 2}]
    stored = expect_ok(await ow.put("actions", ow.name(), {"exec": CODE, "parameters": parameters}))
    assert stored["parameters"] == [{"key": "a", "value": 2}]


@pytest.mark.parametrize("parameters", [{"a": 1}, ["a"], [{"value": 1}], [{"key": 5, "value": 1}], "text"])
async def test_parameters_that_are_none(ow: Workspace, parameters: Any) -> None:
    answer = await ow.put("actions", ow.name(), {"exec": CODE, "parameters": parameters})
    expect_error(answer, 400, malformed(""))


async def test_init_is_shown_only_where_true(ow: Workspace) -> None:
    parameters = [{"key": "a", "value": 1, "init": True}, {"key": "b", "value": 2, "init": False}]
    stored = expect_ok(await ow.put("actions", ow.name(), {"exec": CODE, "parameters": parameters}))
    shown = sorted(stored["parameters"], key=lambda each: each["key"])
    assert shown == [{"key": "a", "value": 1, "init": True}, {"key": "b", "value": 2}]


async def test_delete_answers_the_action(ow: Workspace) -> None:
    name = ow.name()
    stored = expect_ok(await ow.put("actions", name, {"exec": CODE}))
    deleted = expect_ok(await ow.delete("actions", name))
    assert {key: deleted[key] for key in ("namespace", "name", "version")} == {
        key: stored[key] for key in ("namespace", "name", "version")
    }
    expect_error(await ow.get("actions", name), 404, "The requested resource does not exist.")
    expect_error(await ow.delete("actions", name), 404, "The requested resource does not exist.")
    expect_error(await ow.post("actions", name, {}), 404, "The requested resource does not exist.")


async def test_an_action_of_a_missing_package(ow: Workspace) -> None:
    name = f"{ow.name()}/a"
    expect_error(
        await ow.put("actions", name, {"exec": CODE}), 404, re.compile("The requested resource does not exist.")
    )
    expect_error(await ow.get("actions", name), 404, "The requested resource does not exist.")


async def test_a_deleted_name_can_be_used_again(ow: Workspace) -> None:
    name = await ow.action("function main() { return {old: 1} }")
    assert await ow.result(name) == {"old": 1}
    expect_ok(await ow.delete("actions", name))
    expect_ok(await ow.put("actions", name, {"exec": {"kind": NODE, "code": "function main() { return {new: 1} }"}}))
    assert await ow.result(name) == {"new": 1}


async def test_an_update_is_what_runs_next(ow: Workspace) -> None:
    name = await ow.action("function main() { return {version: 1} }")
    assert await ow.result(name) == {"version": 1}
    code = "function main() { return {version: 2} }"
    expect_ok(await ow.put("actions", name, {"exec": {"kind": NODE, "code": code}}, overwrite=True))
    assert await ow.result(name) == {"version": 2}


async def test_updates_at_the_same_time_are_not_lost(ow: Workspace) -> None:
    name = await ow.action()
    updates = (ow.put("actions", name, {"parameters": pairs({"n": n})}, overwrite=True) for n in range(12))
    answers = await asyncio.gather(*updates)
    done = [answer for answer in answers if answer.status == 200]
    for answer in answers:
        if answer.status != 200:
            expect_error(answer, 409, "Concurrent modification to resource detected.")
    versions = {answer.json["version"] for answer in done}
    assert len(versions) == len(done), "each update has a version of its own"
    assert expect_ok(await ow.get("actions", name))["version"] == f"0.0.{1 + len(done)}"


async def test_creations_at_the_same_time(ow: Workspace) -> None:
    name = ow.name()
    answers = await asyncio.gather(*(ow.put("actions", name, {"exec": CODE}) for _ in range(8)))
    assert sorted(answer.status for answer in answers) == [200] + [409] * 7

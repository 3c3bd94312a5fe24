"""How results look: what scripts cut by columns, and what a terminal must not be told."""

import json

import pytest

from argo_provider.cli.client import output, rows
from argo_provider.cli.client.failures import Refused, near, unreachable
from argo_provider.cli.client.session import Format

RECORD = {
    "namespace": "guest",
    "name": "hello",
    "version": "0.0.1",
    "activationId": "0" * 32,
    "start": 1_700_000_000_000,
    "duration": 2033,
    "statusCode": 0,
    "annotations": [{"key": "kind", "value": "nodejs:20"}, {"key": "initTime", "value": 3}],
}


def test_an_action_is_a_row_of_fixed_columns():
    entity = {"namespace": "guest/p", "name": "a", "annotations": [{"key": "exec", "value": "nodejs:20"}]}
    row = rows.action_row(entity)
    assert row[:70].rstrip() == "/guest/p/a"
    assert row[71:] == "private nodejs:20"


def test_activations_have_a_header_and_columns():
    header, row = rows.activation_rows([RECORD])
    assert header.split() == ["Datetime", "Activation", "ID", "Kind", "Start", "Duration", "Status", "Entity"]
    assert row.split()[2:] == ["0" * 32, "nodejs:20", "cold", "2.033s", "success", "guest/hello:0.0.1"]


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(0, "0s"), (57, "57ms"), (1.5, "1.5ms"), (2033, "2.033s"), (60_000, "1m0s"), (3_661_000, "1h1m1s")],
)
def test_durations(milliseconds, text):
    assert rows.duration(milliseconds) == text


@pytest.mark.parametrize(
    ("record", "status"),
    [
        ({"statusCode": 1}, "application error"),
        ({}, "success"),
        ({"response": {"status": "action developer error"}}, "developer error"),
    ],
)
def test_statuses(record, status):
    assert rows.status_of(record) == status


@pytest.mark.parametrize(("count", "text"), [(None, "-"), (10, "10 B"), (2048, "2 KB"), (3 << 30, "3.0 GB")])
def test_sizes(count, text):
    assert rows.size(count) == text


@pytest.mark.parametrize(
    ("milliseconds", "text"), [(500, "0 s"), (12_000, "12 s"), (180_000, "3 min"), (7.2e6, "2 h"), (8.64e8, "10 d")]
)
def test_spans(milliseconds, text):
    assert rows.ago(milliseconds) == text


def test_control_and_direction_characters_do_not_reach_the_terminal():
    assert output.plain("a\x1b[31mb\u202ec\td") == "a\\x1b[31mb\\x202ec\td"


def test_columns_are_as_wide_as_they_need_be_and_numbers_right():
    shown = output.aligned(("name", "n"), [("long name", "7"), ("a", "12")])
    assert shown.splitlines() == ["name        n", "long name   7", "a          12"]


def test_programs_get_json_yaml_or_names():
    entity = {"namespace": "guest/p", "name": "a"}
    assert json.loads(output.encoded([entity], Format.JSON, output.name_of)) == [entity]
    assert output.encoded(entity, Format.YAML, output.name_of) == "namespace: guest/p\nname: a"
    assert output.encoded([entity, RECORD], Format.NAME, output.name_of) == f"p/a\n{'0' * 32}"


def test_near_names_come_first():
    assert near("helo", ["hallo", "hello", "other"])[0] == "hello"
    assert near("zzz", ["hello"]) == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 429, 500, 502, 503])
def test_every_refusal_says_what_to_type_and_has_wsks_exit_status(status):
    error = Refused(status, "text")
    assert error.next_step
    assert error.status == (status - 256) % 256


@pytest.mark.parametrize(
    ("reason", "said", "fix"),
    [
        ("[SSL: WRONG_VERSION_NUMBER] wrong version number", "plain HTTP", "--apihost http://h"),
        ("certificate verify failed: self-signed certificate", "not trusted", "-i"),
        ("Failed to resolve 'h' ([Errno -2] Name or service not known)", "there is no host", "property get"),
        ("[Errno 111] Connection refused", "nothing listens", "argofn serve"),
        ("Read timed out.", "did not answer in time", "doctor"),
        ("Connection aborted", "broke", "doctor"),
    ],
)
def test_what_keeps_us_from_a_service_is_said(reason, said, fix):
    error = unreachable("https://h", reason)
    assert said in str(error)
    assert fix in error.next_step

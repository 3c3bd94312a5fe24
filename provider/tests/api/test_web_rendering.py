import base64
import json

import pytest

from argo_provider.api.web_rendering import render
from argo_provider.errors import BadRequest, NotFound
from argo_provider.model.activation import Status

pytestmark = pytest.mark.unit


def http(result, status=Status.SUCCESS):
    return render(status, result, ".http")


def test_text_becomes_html():
    answer = http({"body": "<b>x</b>"})
    assert (answer.status, answer.content_type, answer.text) == (200, "text/html", "<b>x</b>")


def test_an_object_becomes_json():
    answer = http({"body": {"a": 1}, "statusCode": "201", "headers": {"X-A": True, "X-B": [1, "two"]}})
    assert (answer.status, answer.content_type, json.loads(answer.body)) == (201, "application/json", {"a": 1})
    assert (answer.headers["X-A"], answer.headers.getall("X-B")) == ("true", ["1", "two"])


@pytest.mark.parametrize("result", [{}, {"body": ""}, {"body": None}, {"other": 1}])
def test_nothing_is_204(result):
    assert http(result).status == 204


def test_binary_media_are_base64():
    answer = http({"headers": {"content-type": "image/png"}, "body": base64.b64encode(b"\x89PNG").decode()})
    assert (answer.body, answer.content_type) == (b"\x89PNG", "image/png")


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ({"headers": {"content-type": "image/png"}, "body": "no base64!"}, "did not match generated content type"),
        ({"headers": {"content-type": "text/plain"}, "body": {"a": 1}}, "did not match generated content type"),
        ({"headers": {"content-type": "nonsense"}, "body": "x"}, "did not specify a known content-type"),
        ({"headers": {"a": "x\r\nSet-Cookie: y"}, "body": "x"}, "not valid 'message/http'"),
        ({"headers": "x", "body": "x"}, "not valid 'message/http'"),
        ({"headers": {"X Y": "v"}, "body": "x"}, "not valid 'message/http'"),
        ({"headers": {"é": "v"}, "body": "x"}, "not valid 'message/http'"),
        ({"headers": {"a": "x\x01"}, "body": "x"}, "not valid 'message/http'"),
        ({"statusCode": 99, "body": "x"}, "not valid 'message/http'"),
        ({"statusCode": "many", "body": "x"}, "not valid 'message/http'"),
        ("text", "not valid 'message/http'"),
    ],
)
def test_what_cannot_be_rendered(result, text):
    with pytest.raises(BadRequest, match=text):
        http(result)


@pytest.mark.parametrize(
    ("extension", "result", "content_type", "text"),
    [
        (".json", {"a": 1}, "application/json", '{"a":1}'),
        (".json", [1], "application/json", "[1]"),
        (".html", {"html": "<p>"}, "text/html", "<p>"),
        (".svg", {"body": "<svg/>"}, "image/svg+xml", "<svg/>"),
        (".text", {"text": 5}, "text/plain", "5"),
        (".text", {"body": {"a": 1}}, "text/plain", '{\n  "a": 1\n}'),
    ],
)
def test_extensions(extension, result, content_type, text):
    answer = render(Status.SUCCESS, result, extension)
    assert (answer.content_type, answer.body.decode()) == (content_type, text)


@pytest.mark.parametrize("extension", [".html", ".svg", ".text"])
def test_a_property_that_is_missing(extension):
    with pytest.raises(NotFound, match="does not include requested property"):
        render(Status.SUCCESS, {"other": 1}, extension)


def test_an_application_error_is_rendered_alike():
    answer = http({"error": {"statusCode": 418, "body": "teapot"}}, Status.APPLICATION_ERROR)
    assert (answer.status, answer.text) == (418, "teapot")


@pytest.mark.parametrize("status", [Status.DEVELOPER_ERROR, Status.WHISK_ERROR])
def test_other_errors_say_nothing(status):
    with pytest.raises(BadRequest, match=r"^There was an error processing your request\.$"):
        http({"error": "secret"}, status)

"""Parameters, annotations and names as people type them."""

import pytest

from argo_provider.cli.client.arguments import (
    JOINT,
    collected,
    joined,
    key_values,
    value_of,
    web_annotations,
)
from argo_provider.cli.client.failures import Misused
from argo_provider.cli.client.names import in_collection, parse, place


def test_options_of_two_words_become_one():
    words = ["create", "-p", "a", "1", "--annotation", "k", "v", "-r"]
    assert joined(words) == ["create", "-p", f"a{JOINT}1", "--annotation", f"k{JOINT}v", "-r"]


def test_a_value_may_look_like_an_option():
    assert joined(["-p", "flag", "-x", "name"]) == ["-p", f"flag{JOINT}-x", "name"]


def test_nothing_is_joined_behind_two_dashes():
    assert joined(["--", "-p", "a", "b"]) == ["--", "-p", "a", "b"]


@pytest.mark.parametrize("words", [["-p"], ["-p", "a"]])
def test_what_is_missing_is_left_to_the_parser(words):
    assert joined(words) == words


def test_a_parameter_without_a_value_is_said():
    with pytest.raises(Misused, match="takes a key and a value"):
        collected(["alone"])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("true", True),
        ('{"a": [1]}', {"a": [1]}),
        ("Argo", "Argo"),
        ('"3"', "3"),
        ("", ""),
        ("{broken", "{broken"),
    ],
)
def test_values_are_json_where_they_are_json(text, value):
    assert value_of(text) == value


def test_those_given_one_by_one_win_over_the_file(tmp_path):
    file = tmp_path / "parameters.json"
    file.write_text('{"a": 1, "b": 2}')
    assert collected([f"b{JOINT}3"], file) == {"a": 1, "b": 3}


@pytest.mark.parametrize(("content", "said"), [("[1]", "no JSON object"), ("{", "no JSON"), (None, "cannot read")])
def test_a_parameter_file_that_cannot_be_used_is_said(tmp_path, content, said):
    file = tmp_path / "parameters.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(Misused, match=said):
        collected(None, file)


def test_key_values():
    assert key_values({"a": 1}) == [{"key": "a", "value": 1}]


@pytest.mark.parametrize(
    ("web", "expected"),
    [("yes", (True, False)), ("true", (True, False)), ("raw", (True, True)), ("no", (False, False))],
)
def test_web(web, expected):
    found = web_annotations(web, None)
    assert (found["web-export"], found["raw-http"]) == expected


def test_web_secrets():
    assert web_annotations(None, "s3cret") == {"require-whisk-auth": "s3cret"}
    assert web_annotations(None, "false") == {"require-whisk-auth": False}
    assert isinstance(web_annotations(None, "true")["require-whisk-auth"], int)
    with pytest.raises(Misused):
        web_annotations("perhaps", None)


@pytest.mark.parametrize(
    ("text", "qualified", "local", "path"),
    [
        ("a", "/_/a", "a", "a"),
        ("p/a", "/_/p/a", "p/a", "p/a"),
        ("/ns/a", "/ns/a", "a", "a"),
        ("/ns/p/a b", "/ns/p/a b", "p/a b", "p/a%20b"),
    ],
)
def test_names(text, qualified, local, path):
    name = parse(text)
    assert (name.qualified, name.local, name.path) == (qualified, local, path)


@pytest.mark.parametrize("text", ["", "/ns", "a/b/c", "a//b", "/a/b/c/d"])
def test_what_is_no_name(text):
    with pytest.raises(Misused):
        parse(text)


def test_what_is_in_no_package():
    assert in_collection("/ns/t").qualified == "/ns/t"
    with pytest.raises(Misused):
        in_collection("p/t")


@pytest.mark.parametrize(
    ("text", "expected"),
    [(None, ("_", "")), ("/ns", ("ns", "")), ("/ns/p", ("ns", "p")), ("p", ("_", "p")), ("p/", ("_", "p"))],
)
def test_places_of_lists(text, expected):
    assert place(text) == expected

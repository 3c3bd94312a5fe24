"""The bodies of /init and /run, field by field."""

import base64

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_proxy.protocol.bodies import environment_text, init_body, run_body, run_parts
from argo_proxy.protocol.messages import Executable, Invocation

pytestmark = pytest.mark.unit

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
ARGUMENTS = st.dictionaries(st.text(), JSON, max_size=6)


def invocation(arguments=None, **executable) -> Invocation:
    fields = {
        "namespace": "caller",
        "path": "/owner/package/hello",
        "version": "0.0.3",
        "revision": "r",
        "kind": "nodejs:20",
        "main": "",
        "code_digest": "d",
        "binary": False,
    }
    made = Executable(**fields | executable)
    return Invocation("a" * 32, "tid", made, {} if arguments is None else arguments, api_key="id:secret")


class TestParts:
    def test_are_what_a_niuk_would_take_out_of_the_body(self):
        for each in (
            invocation({"name": "x", "secret": 1}, init_parameters={"secret": 1}),
            invocation([1, 2]),
            invocation(provide_api_key=True),
        ):
            body = orjson.loads(run_body(each, 1234))
            params, environment = map(orjson.loads, run_parts(each, 1234))
            assert params == body.pop("value")
            assert environment == {f"__OW_{name.upper()}": value for name, value in body.items()}


class TestRun:
    def test_carries_every_field_of_the_protocol(self):
        assert orjson.loads(run_body(invocation({"name": "x"}), 1234)) == {
            "value": {"name": "x"},
            "namespace": "caller",
            "action_name": "/owner/package/hello",
            "action_version": "0.0.3",
            "activation_id": "a" * 32,
            "transaction_id": "tid",
            "deadline": "1234",
        }

    def test_hands_the_key_only_to_actions_that_want_it(self):
        assert orjson.loads(run_body(invocation(provide_api_key=True), 1))["api_key"] == "id:secret"
        assert b"secret" not in run_body(invocation(), 1)

    def test_passes_an_array_as_it_is(self):
        assert orjson.loads(run_body(invocation([1, {"a": 2}], init_parameters={"a": 1}), 1))["value"] == [1, {"a": 2}]

    @given(ARGUMENTS, ARGUMENTS)
    def test_shows_all_arguments_but_init_parameters(self, arguments, hidden):
        seen = orjson.loads(run_body(invocation(arguments | hidden, init_parameters=hidden), 1))["value"]
        assert seen == {name: value for name, value in arguments.items() if name not in hidden}


class TestInit:
    def test_carries_source_as_text(self):
        value = orjson.loads(init_body(invocation(), "def main…".encode(), 1234))["value"]
        environment = value.pop("env")
        assert value == {"name": "hello", "main": "main", "binary": False, "code": "def main…"}
        assert environment == {
            "__OW_NAMESPACE": "caller",
            "__OW_ACTION_NAME": "/owner/package/hello",
            "__OW_ACTION_VERSION": "0.0.3",
            "__OW_ACTIVATION_ID": "a" * 32,
            "__OW_TRANSACTION_ID": "tid",
            "__OW_DEADLINE": "1234",
        }

    @given(st.binary())
    def test_carries_archives_in_base64(self, archive):
        value = orjson.loads(init_body(invocation(binary=True, main="Main.run"), archive, 1))["value"]
        assert base64.b64decode(value["code"]) == archive
        assert value["binary"] is True
        assert value["main"] == "Main.run"

    def test_leaves_code_out_where_there_is_none(self):
        assert "code" not in orjson.loads(init_body(invocation(code_digest=None), None, 1))["value"]

    def test_gives_init_parameters_with_the_values_of_the_merged_arguments(self):
        body = init_body(invocation({"a": [1, 2], "b": 2}, init_parameters={"a": "bound", "c": None}), b"", 1)
        environment = orjson.loads(body)["value"]["env"]
        assert environment["a"] == "[1,2]"
        assert environment["c"] == ""
        assert "b" not in environment

    def test_lets_no_parameter_shadow_the_platform(self):
        body = init_body(invocation(init_parameters={"__OW_NAMESPACE": "admin"}), b"", 1)
        assert orjson.loads(body)["value"]["env"]["__OW_NAMESPACE"] == "caller"

    def test_hands_the_key_only_to_actions_that_want_it(self):
        wanted = orjson.loads(init_body(invocation(provide_api_key=True), b"", 1))["value"]["env"]
        assert wanted["__OW_API_KEY"] == "id:secret"
        assert b"secret" not in init_body(invocation(), b"", 1)


@pytest.mark.parametrize(
    ("value", "text"),
    [("raw \n", "raw \n"), (None, ""), (True, "true"), (3, "3"), (1.5, "1.5"), ({"a": [1]}, '{"a":[1]}'), ([], "[]")],
)
def test_environment_text(value, text):
    assert environment_text(value) == text

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_provider.entities.exec_fields import is_base64, parse_exec
from argo_provider.errors import BadRequest, MalformedRequest, TooLarge
from argo_provider.model.kinds import KindInfo, KindTable
from argo_provider.model.limits import SystemLimits
from argo_provider.model.names import FullName

pytestmark = pytest.mark.unit

KINDS = KindTable(
    [
        KindInfo("nodejs:20", "nodejs", "argo/nodejs", default=True),
        KindInfo("java:17", "java", "argo/java", default=True, require_main=True),
        KindInfo("old:1", "old", "argo/old", deprecated=True),
    ]
)


def parse(body, limits=SystemLimits()):  # noqa: B008
    return parse_exec(body, KINDS, limits, "me")


@given(st.binary(min_size=1))
def test_what_is_base64(data):
    assert is_base64(base64.b64encode(data).decode())


@pytest.mark.parametrize("text", ["", "abc", "abc=d", "====", "ab==cd==", "function main() {}", "abcd\n"])
def test_what_is_not(text):
    assert not is_base64(text)


def test_default_kind_is_resolved():
    parsed = parse({"kind": " NodeJS:default ", "code": "x = 1;"})
    assert (parsed.exec.kind, parsed.exec.binary, parsed.code) == ("nodejs:20", False, "x = 1;")
    assert parsed.exec.code_size == 6


def test_the_server_decides_binary():
    assert parse({"kind": "nodejs:20", "code": "UEsDBA==", "binary": False}).exec.binary


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({}, "'kind' must be a string defined in 'exec'"),
        ({"kind": 1}, "'kind' must be a string defined in 'exec'"),
        ({"kind": "cobol:1", "code": ""}, "The specified runtime 'cobol:1' is not supported by this platform."),
        (
            {"kind": "nodejs:20"},
            "'code' must be a string or attachment object defined in 'exec' for 'nodejs:20' actions",
        ),
        ({"kind": "java:17", "code": "UEsDBA=="}, "'main' must be a string defined in 'exec' for 'java:17' actions"),
        ({"kind": "blackbox"}, "'image' must be a string defined in 'exec' for 'blackbox' actions"),
        ({"kind": "blackbox", "image": "a b"}, "'image' must be a string defined in 'exec' for 'blackbox' actions"),
        ({"kind": "sequence"}, "'components' must be defined for sequence kind"),
        ({"kind": "sequence", "components": "a"}, "'components' must be an array"),
    ],
)
def test_what_is_malformed(body, text):
    with pytest.raises(MalformedRequest) as raised:
        parse(body)
    assert raised.value.text.startswith(f"The request content was malformed:\n{text}")


def test_a_deprecated_kind():
    with pytest.raises(BadRequest, match=r"^The 'old:1' runtime is no longer supported\. You may read and delete"):
        parse({"kind": "old:1", "code": ""})


def test_components_in_the_callers_namespace():
    parsed = parse({"kind": "sequence", "components": ["/_/a", "other/p/b"]})
    assert parsed.exec.components == (FullName("me", "a"), FullName("other", "b", "p"))


def test_code_above_the_limit():
    with pytest.raises(TooLarge, match=r"^exec larger than allowed: 11 > 10 bytes\.$"):
        parse({"kind": "nodejs:20", "code": "x" * 7, "main": "main"}, SystemLimits(exec_bytes=10))

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_provider.errors import BadRequest, MalformedRequest
from argo_provider.model.names import FullName, check_activation_id, check_name, check_namespace, new_activation_id

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("name", ["a", "_", "a b", "a@b.c-d&e", "x" * 256, "9", "a."])
def test_legal_names(name):
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", " a", "a ", ".a", "-a", "@a", "&a", "a/b", "a\n", "ä", "a$b"])
def test_illegal_names(name):
    with pytest.raises(BadRequest, match=r"^The name of the entity contains illegal characters\.$"):
        check_name(name)


def test_a_name_too_long():
    with pytest.raises(BadRequest, match=r"^Name segement longer than allowed: 257 > 256\.$"):
        check_name("x" * 257)


def test_a_namespace_too_long():
    with pytest.raises(BadRequest, match=r"^Namespace longer than allowed: 300 > 256\.$"):
        check_namespace("x" * 300)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/ns/a", FullName("ns", "a")),
        ("ns/a", FullName("ns", "a")),
        ("/ns/p/a", FullName("ns", "a", "p")),
        ("ns/default/a", FullName("ns", "a")),
    ],
)
def test_parse(text, expected):
    assert FullName.parse(text) == expected


@pytest.mark.parametrize("text", ["a", "/a", "", "/", "a/b/c/d", "//a", "a//b"])
def test_parse_refuses(text):
    with pytest.raises(MalformedRequest):
        FullName.parse(text)


SEGMENT = st.from_regex(r"\A[A-Za-z0-9_]([A-Za-z0-9_@ .&-]{0,20}[A-Za-z0-9_@.&-])?\Z")


@given(SEGMENT, SEGMENT, st.none() | SEGMENT.filter(lambda s: s != "default"))
def test_a_name_survives_its_text(namespace, name, package):
    full = FullName(namespace, name, package)
    assert FullName.parse(f"/{full}") == full


def test_underscore_is_the_callers_namespace():
    assert FullName("_", "a", "p").in_namespace("me") == FullName("me", "a", "p")
    assert FullName("you", "a").in_namespace("me") == FullName("you", "a")


def test_activation_ids():
    ids = [new_activation_id() for _ in range(1000)]
    assert all(check_activation_id(each) for each in ids)
    assert len({*ids}) == len(ids)
    with pytest.raises(BadRequest, match=r"^Activation id length is 3 but must be 32\.$"):
        check_activation_id("abc")
    with pytest.raises(BadRequest, match=r"^The activation id is not valid\.$"):
        check_activation_id("Z" * 32)

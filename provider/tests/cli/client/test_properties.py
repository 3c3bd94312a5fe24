"""Which service and which key a command uses."""

import stat

import pytest

from argo_provider.cli.client import properties as props
from argo_provider.cli.client.failures import Misused


def test_a_flag_wins_over_the_environment_and_that_over_the_file():
    file = {"APIHOST": "http://file", "AUTH": "f:f", "NAMESPACE": "filed"}
    environ = {"WHISK_APIHOST": "http://environment", "__OW_API_KEY": "e:e"}
    found = props.resolve({"APIHOST": "http://flag"}, environ, file)
    assert (found.apihost, found.auth, found.namespace) == ("http://flag", "e:e", "filed")


@pytest.mark.parametrize(
    ("variable", "field"),
    [
        ("WHISK_APIHOST", "apihost"),
        ("__OW_API_HOST", "apihost"),
        ("WHISK_AUTH", "auth"),
        ("__OW_API_KEY", "auth"),
        ("WHISK_NAMESPACE", "namespace"),
        ("__OW_NAMESPACE", "namespace"),
        ("WHISK_APIVERSION", "apiversion"),
    ],
)
def test_variables_that_say_the_same(variable, field):
    assert getattr(props.resolve({}, {variable: "x"}, {}), field) == "x"


def test_defaults():
    found = props.resolve({}, {}, {})
    assert (found.apihost, found.auth, found.namespace, found.apiversion) == ("", "", "_", "v1")


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("fn.example.org", "https://fn.example.org"),
        ("http://127.0.0.1:3233/", "http://127.0.0.1:3233"),
        ("localhost:3233", "https://localhost:3233"),
    ],
)
def test_a_host_without_a_scheme_is_https_as_with_wsk(host, url):
    assert props.Properties(apihost=host).url == url


def test_the_file_may_hold_comments_and_values_with_equals():
    text = "# mine\nAPIHOST = https://h\n\nAUTH=a:b==\nnonsense\n"
    assert props.parse(text) == {"APIHOST": "https://h", "AUTH": "a:b=="}


def test_what_is_written_is_read_again_and_is_for_its_owner_only(tmp_path):
    path = tmp_path / "wskprops"
    assert props.read(path) == {}
    props.write(path, {"AUTH": "a:b"})
    assert props.read(path) == {"AUTH": "a:b"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_cannot_be_read_is_said(tmp_path):
    with pytest.raises(Misused, match="cannot read the property file"):
        props.read(tmp_path)


def test_a_key_is_not_shown_by_accident():
    assert "secret" not in repr(props.Properties(auth="id:secret"))

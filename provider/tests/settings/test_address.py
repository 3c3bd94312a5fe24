import pytest

from argo_provider.settings import ServerSettings
from argo_provider.settings.address import api_url, is_loopback


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.3.2.1", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("localhost.example.org", False),
        ("", False),
    ],
)
def test_loopback_is_what_only_this_machine_reaches(host, expected):
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        (ServerSettings(), "http://127.0.0.1:3233"),
        (ServerSettings(host="0.0.0.0", port=80), "http://127.0.0.1:80"),
        (ServerSettings(host="::"), "http://[::1]:3233"),
        (ServerSettings(host="::1"), "http://[::1]:3233"),
        (ServerSettings(api_host="https://fn.example.org/"), "https://fn.example.org"),
        (ServerSettings(api_host="fn.example.org"), "https://fn.example.org"),
    ],
)
def test_the_url_is_one_that_clients_on_this_machine_can_use(server, expected):
    assert api_url(server) == expected

"""The rules that hold a sandbox's user to some networks. Pure; that they hold is `test_confinement.py`'s."""

import pytest

from argo_proxy.sandboxes.port import SandboxCreationError
from argo_proxy.sandboxes.process.egress import EgressFilter, endpoints_of, name_servers, networks_of, rules

API = (("192.0.2.1", 3233), ("2001:db8::1", 3233))


def test_a_list_is_put_in_order():
    assert networks_of(" 10.1.0.0/16,192.0.2.7, 2001:db8::/32,10.1.0.0/16,") == (
        "10.1.0.0/16",
        "192.0.2.7/32",
        "2001:db8::/32",
    )
    assert networks_of("") == ()


@pytest.mark.parametrize("wrong", ["10.0.0.1/8", "example.com", "10.0.0.0/33", "10.0.0.0/8;-j ACCEPT"])
def test_what_is_no_network_is_said(wrong):
    with pytest.raises(ValueError, match="is no network"):
        networks_of(wrong)


def test_rules_of_one_user():
    made = rules(7, ("127.0.0.0/8", "10.0.0.0/8", "2001:db8::/32"), API, ("192.0.2.53", "2001:db8::53"), 4)
    assert made.splitlines() == [
        "*filter",
        ":ARGO-EGRESS-7 - [0:0]",
        "-A ARGO-EGRESS-7 -d 192.0.2.1 -p tcp --dport 3233 -j RETURN",
        "-A ARGO-EGRESS-7 -d 192.0.2.53 -p udp --dport 53 -j RETURN",
        "-A ARGO-EGRESS-7 -d 192.0.2.53 -p tcp --dport 53 -j RETURN",
        "-A ARGO-EGRESS-7 -d 127.0.0.0/8 -j RETURN",
        "-A ARGO-EGRESS-7 -d 169.254.0.0/16 -j REJECT --reject-with icmp-admin-prohibited",
        "-A ARGO-EGRESS-7 -m addrtype --dst-type LOCAL -j REJECT --reject-with icmp-admin-prohibited",
        "-A ARGO-EGRESS-7 -d 10.0.0.0/8 -j RETURN",
        "-A ARGO-EGRESS-7 -j REJECT --reject-with icmp-admin-prohibited",
        "-I OUTPUT -m owner --uid-owner 7 -j ARGO-EGRESS-7",
        "COMMIT",
    ]


def test_rules_of_the_other_protocol():
    made = rules(7, ("10.0.0.0/8", "2001:db8::/32"), API, ("192.0.2.53", "2001:db8::53"), 6)
    assert "10.0.0.0" not in made
    assert "192.0.2" not in made
    for line in (
        "-d 2001:db8::1 -p tcp --dport 3233 -j RETURN",
        "-d 2001:db8::/32 -j RETURN",
        "-d fe80::/10 -j REJECT",
    ):
        assert line in made


def test_what_is_always_reached(tmp_path):
    assert endpoints_of("http://127.0.0.1:3233") == (("127.0.0.1", 3233),)
    assert endpoints_of("https://127.0.0.1/") == (("127.0.0.1", 443),)
    assert endpoints_of("") == ()
    resolv = tmp_path / "resolv.conf"
    resolv.write_text("search x\nnameserver 192.0.2.53\nnameserver fe80::1%eth0\n")
    assert name_servers(resolv) == ("192.0.2.53", "fe80::1")
    assert name_servers(tmp_path / "none") == ()


def test_where_all_sandboxes_are_one_user_it_is_refused():
    with pytest.raises(SandboxCreationError, match="not root"):
        EgressFilter().hold(None, ("10.0.0.0/8",), "")

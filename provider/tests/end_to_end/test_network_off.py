"""A function's owner, and whoever runs the service, can take its network away; nobody can give it back to himself."""

import json
import time

import pytest
from argo_dev.client import Client
from argo_dev.service import fresh_service

pytestmark = pytest.mark.end_to_end

SECONDS = 120
# What it says of the service's own port on this machine: "connect", or why not.
CODE = """const net = require('net')
function main({port = 1}) {
  return new Promise(done => {
    const socket = net.connect(port, '127.0.0.1')
    for (const event of ['connect', 'error'])
      socket.on(event, error => { socket.destroy(); done({said: error ? error.code : event}) })
  })
}"""


@pytest.fixture(scope="module")
def service():
    with fresh_service("--sandbox", "process", "--set", "runtimes.kinds=nodejs:20") as running:
        yield running


@pytest.fixture(scope="module")
def client(service):
    made = Client(service)
    put(made, "plain")
    made.invoke_once_ready("plain", SECONDS)
    return made


def put(client, name, **annotations):
    given = [{"key": f"argo.{key}", "value": value} for key, value in annotations.items()]
    client.put_action(name, {"kind": "nodejs:20", "code": CODE}, annotations=given)


def said(client, service, name):
    port = int(service.url.rpartition(":")[2])
    return client.invoke(name, {"port": port})["response"]["result"]["said"]


def becomes(client, service, name, wanted):
    """The service takes limits up within seconds."""
    deadline = time.monotonic() + SECONDS
    while (answer := said(client, service, name)) != wanted:
        assert time.monotonic() < deadline, answer


def test_an_annotation_takes_the_network_away(service, client):
    put(client, "off", network="off")
    assert said(client, service, "plain") == "connect"
    assert said(client, service, "off") == "ECONNREFUSED", "it has a loopback of its own, where nobody listens"


def test_the_limit_of_a_namespace_goes_before_annotations_and_warm_sandboxes(service, client):
    put(client, "on", network="on")
    assert said(client, service, "on") == "connect"
    shown = service.argofn("namespace", "limits", "guest", "--network", "off", "--json")
    assert json.loads(shown) == {"network": "off"}
    for name in ("on", "plain"):
        becomes(client, service, name, "ECONNREFUSED")
    service.argofn("namespace", "limits", "guest", "--network", "on")
    becomes(client, service, "plain", "connect")


def test_a_namespace_can_be_held_to_some_networks(service, client):
    put(client, "elsewhere")
    assert client.invoke("elsewhere", {})["response"]["result"]["said"] == "ECONNREFUSED", "nobody listens there"
    shown = service.argofn("namespace", "limits", "guest", "--network", "192.0.2.7, 10.1.0.0/16", "--json")
    assert json.loads(shown) == {"network": "10.1.0.0/16,192.0.2.7/32"}
    deadline = time.monotonic() + SECONDS
    while (answer := client.invoke("elsewhere", {})["response"]["result"]["said"]) != "EHOSTUNREACH":
        assert time.monotonic() < deadline, answer
    assert said(client, service, "elsewhere") == "connect", "the API is reached all the same"
    service.argofn("namespace", "limits", "guest", "--network", "on")
    becomes(client, service, "plain", "connect")

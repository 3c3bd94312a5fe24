"""Event streams and the end of the service: a stream keeps no service from stopping, and ends as a whole."""

import base64
import http.client
import os
import signal
from urllib.parse import urlsplit

import pytest
from argo_dev.service import fresh_service

pytestmark = pytest.mark.end_to_end
PATIENCE = 60


def test_a_stream_ends_cleanly_when_the_service_stops():
    options = ("--sandbox", "process", "--log-format", "json", "--set", "runtimes.provision=false")
    with fresh_service(*options) as service:
        connection = http.client.HTTPConnection(urlsplit(service.url).netloc, timeout=PATIENCE)
        key = base64.b64encode(service.auth.encode()).decode()
        connection.request("GET", "/api/v1/argo/events?types=action", headers={"Authorization": f"Basic {key}"})
        answer = connection.getresponse()
        assert answer.status == 200
        assert answer.readline() == b"retry: 1000\n"
        os.kill(service.pid, signal.SIGTERM)
        assert answer.read().startswith(b"id: "), "IncompleteRead, had it been cut off"
        assert "request_crashed" not in service.log.read_text()

"""Event streams and the end of the service: a stream keeps no service from stopping, and ends as a whole."""

import base64
import http.client
import os
import signal
from contextlib import closing
from urllib.parse import urlsplit

import pytest
from argo_dev.service import Service, fresh_service

pytestmark = pytest.mark.end_to_end
PATIENCE = 60


def connected(service: Service) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(urlsplit(service.url).netloc, timeout=PATIENCE)


def test_a_stream_ends_cleanly_when_the_service_stops():
    options = ("--sandbox", "process", "--log-format", "json", "--set", "runtimes.provision=false")
    with fresh_service(*options) as service, closing(connected(service)) as connection:
        key = base64.b64encode(service.auth.encode()).decode()
        connection.request("GET", "/api/v1/argo/events?types=action", headers={"Authorization": f"Basic {key}"})
        with connection.getresponse() as answer:
            assert answer.status == 200
            assert answer.readline() == b"retry: 1000\n"
            os.kill(service.pid, signal.SIGTERM)
            assert answer.read().startswith(b"id: "), "IncompleteRead, had it been cut off"
        assert "request_crashed" not in service.log.read_text()

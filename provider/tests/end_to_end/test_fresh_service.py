"""The service that benches and black-box tests start: it ends with them, however they end."""

import os
import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.end_to_end
BENCH = """
from argo_dev.service import fresh_service
with fresh_service("--sandbox", "process", "--set", "runtimes.provision=false") as service:
    print(service.pid, flush=True)
    input()
"""


def test_a_bench_that_is_ended_takes_its_service_along():
    command = [sys.executable, "-P", "-c", BENCH]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as bench:
        assert bench.stdout is not None
        service = int(bench.stdout.readline())
        bench.send_signal(signal.SIGTERM)
        assert bench.wait(60) == 128 + signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.kill(service, 0)

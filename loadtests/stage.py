"""One stage of a load plan: so many clients call these actions, one after the other, as fast as they are answered.

The actions are there already; `./dev load NAME` (tools/argo_dev/loads) makes them and runs the stages.
"""

import base64
import itertools
import os
import random

from locust import FastHttpUser, constant_throughput, events, task
from locust.argument_parser import LocustArgumentParser

QUERY = "?blocking=true&result=true"
REFUSED = (429, 503)


@events.init_command_line_parser.add_listener
def add_options(parser: LocustArgumentParser) -> None:
    parser.add_argument("--auth", default=os.environ.get("LOAD_AUTH", ""), is_secret=True, help="the key, uuid:secret")
    parser.add_argument("--names", default="", help="the actions, with commas between")
    parser.add_argument("--user-rate", type=float, default=0.0, help="calls a second a user tries for; 0: no pause")


class Caller(FastHttpUser):
    """Calls all actions in turn, beginning anywhere."""

    network_timeout = 120.0
    connection_timeout = 120.0

    def wait_time(self) -> float:
        rate = self.environment.parsed_options.user_rate
        return constant_throughput(rate)(self) if rate else 0.0

    def on_start(self) -> None:
        options = self.environment.parsed_options
        names = options.names.split(",")
        start = random.randrange(len(names))
        self.names = itertools.cycle(names[start:] + names[:start])
        self.headers = {"Authorization": "Basic " + base64.b64encode(options.auth.encode()).decode()}
        self.payload = {"n": 0, "text": "x" * 64}

    @task
    def invoke(self) -> None:
        self.payload["n"] += 1
        path = f"/api/v1/namespaces/_/actions/{next(self.names)}{QUERY}"
        with self.client.post(
            path, json=self.payload, headers=self.headers, name="invoke", catch_response=True
        ) as answer:
            if answer.status_code in REFUSED:
                answer.request_meta["name"] = "refused"  # a clear no at once: counted apart
                answer.success()
            elif answer.status_code != 200:
                answer.failure(f"HTTP {answer.status_code}" if answer.status_code else "no answer")
            elif answer.json() != self.payload:
                answer.failure("not the payload")

"""Load on an OpenWhisk service: warm and cold invocations, waiting for the result and not, and a web action.

Knows only the public API, so that it runs against any OpenWhisk. Start it with ./run, or with locust itself.
"""

import uuid
from typing import Any

import requests
from locust import HttpUser, constant_throughput, events, tag, task
from locust.argument_parser import LocustArgumentParser
from locust.clients import ResponseContextManager
from locust.env import Environment
from service import API, PREFIX, SETUP_SECONDS, add_key, basic

FUNCTION = {
    "exec": {"kind": "nodejs:default", "code": "function main(args) { return args }"},
    "annotations": [{"key": "web-export", "value": True}],
}
WARM = f"{PREFIX}-warm"


@events.init_command_line_parser.add_listener
def add_options(parser: LocustArgumentParser) -> None:
    add_key(parser)
    parser.add_argument("--payload-bytes", type=int, default=100, help="size of the text in each payload")
    parser.add_argument("--user-rate", type=float, default=20.0, help="tasks a second that one user tries for")


class Invoker(HttpUser):
    """One client. Its tasks are weighted like a service's day: nearly all calls find a warm function."""

    def wait_time(self) -> float:
        return constant_throughput(self.environment.parsed_options.user_rate)(self)

    def on_start(self) -> None:
        options = self.environment.parsed_options
        self.client.headers.update(basic(options.auth))
        self.payload = {"text": "x" * options.payload_bytes}
        answer = self.client.get("/api/v1/namespaces", name="GET namespaces")
        self.namespace = answer.json()[0] if answer.ok else ""

    def invoke(self, name: str, label: str, query: str = "?blocking=true&result=true", wanted: int = 200) -> None:
        path = f"{API}/actions/{name}{query}"
        with self.client.post(path, json=self.payload, name=label, catch_response=True) as answer:
            if judged(answer, wanted) and wanted == 200 and answer.json() != self.payload:
                answer.failure("not the payload")

    @tag("warm", "blocking")
    @task(70)
    def warm(self) -> None:
        self.invoke(WARM, "invoke warm, blocking")

    @tag("warm", "nonblocking")
    @task(20)
    def without_waiting(self) -> None:
        self.invoke(WARM, "invoke warm, not blocking", "", 202)

    @tag("warm", "web")
    @task(8)
    def web(self) -> None:
        path = f"/api/v1/web/{self.namespace}/default/{WARM}.json"
        with self.client.post(path, json=self.payload, name="web action", catch_response=True) as answer:
            if judged(answer, 200) and answer.json()["text"] != self.payload["text"]:
                answer.failure("not the payload")

    @tag("cold")
    @task(2)
    def cold(self) -> None:
        """A function that nobody has called before."""
        name = f"{PREFIX}-{uuid.uuid4().hex[:12]}"
        path = f"{API}/actions/{name}"
        with self.client.put(path, json=FUNCTION, name="PUT action", catch_response=True) as answer:
            made = judged(answer, 200)
        if made:
            self.invoke(name, "invoke cold, blocking")
            self.client.delete(path, name="DELETE action")


def judged(answer: ResponseContextManager, wanted: int) -> bool:
    """Whether the answer has the wanted status; the failures are counted by status in the report."""
    if answer.status_code == wanted:
        return True
    answer.failure(f"HTTP {answer.status_code}" if answer.status_code else "no answer")
    return False


def manage(environment: Environment, method: str, query: str = "", **request: Any) -> requests.Response:
    """One request beside the load: it is in no figure."""
    url = f"{environment.host}{API}/actions/{WARM}{query}"
    headers = basic(environment.parsed_options.auth)
    return requests.request(method, url, headers=headers, timeout=SETUP_SECONDS, **request)


@events.test_start.add_listener
def make_warm(environment: Environment, **_: Any) -> None:
    """The function that most calls are for, called once before the load begins."""
    manage(environment, "PUT", "?overwrite=true", json=FUNCTION).raise_for_status()
    manage(environment, "POST", "?blocking=true", json={}).raise_for_status()


@events.test_stop.add_listener
def remove_warm(environment: Environment, **_: Any) -> None:
    manage(environment, "DELETE")

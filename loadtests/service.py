"""What both load files know of a service: where its actions are, and how a caller shows its key."""

import base64
import os
import uuid

from locust.argument_parser import LocustArgumentParser

API = "/api/v1/namespaces/_"
SETUP_SECONDS = 60
PREFIX = f"load-{uuid.uuid4().hex[:8]}"


def basic(key: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(key.encode()).decode()}


def add_key(parser: LocustArgumentParser) -> None:
    parser.add_argument("--auth", default=os.environ.get("LOAD_AUTH", ""), is_secret=True, help="the key, uuid:secret")

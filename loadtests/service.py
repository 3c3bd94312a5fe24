"""What both load files know of a service: where its actions are, and how a caller shows its key."""

import base64
import uuid

API = "/api/v1/namespaces/_"
SETUP_SECONDS = 60
PREFIX = f"load-{uuid.uuid4().hex[:8]}"


def basic(key: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(key.encode()).decode()}

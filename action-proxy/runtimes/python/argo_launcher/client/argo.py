"""Calls from this function to other actions: `argo.invoke(name, params)` means what it does inside a NIUk."""

import base64
import json
import os
import urllib.error
import urllib.parse
import urllib.request

_SUCCEEDED = ("success", "application error")
_SECONDS = 70  # a blocking call is answered within a minute, at the latest that it goes on


class ActionFailed(Exception):
    """The action did not give a result; `result` is the answer, an object with a member "error"."""

    def __init__(self, name, result):
        text = result.get("error")
        super().__init__(text if isinstance(text, str) else f"The action {name} failed.")
        self.result = result


def invoke(name, params=None):
    """The result, also one that holds "error". `params`: a dict, or JSON as `str` or `bytes`, which gives `str`.

    Blocks; from a coroutine: `await asyncio.to_thread(argo.invoke, name, params)`. Raises ActionFailed, OSError.
    """
    host, key = os.environ.get("__OW_API_HOST"), os.environ.get("__OW_API_KEY")
    if not host or not key:
        raise ActionFailed(name, {"error": "argo.invoke: this sandbox has no API host and key"})
    raw = isinstance(params, (str, bytes))
    body = params if raw else json.dumps(params or {})
    status, text = _post(host + _path(name), key, body.encode() if isinstance(body, str) else body)
    try:
        answer = json.loads(text)
    except ValueError:
        raise ActionFailed(name, {"error": f"The API answered {status} without JSON."}) from None
    response = answer.get("response")
    if response is None:
        late = {"error": "The called action did not end in time."} if status == 202 else {}
        raise ActionFailed(name, {**late, **answer})
    if response["status"] not in _SUCCEEDED:
        raise ActionFailed(name, response["result"])
    return json.dumps(response["result"]) if raw else response["result"]


def _path(name):
    parts = name[1:].split("/") if name.startswith("/") else ["_", *name.split("/")]
    namespace, *rest = (urllib.parse.quote(part, safe="") for part in parts)
    return f"/api/v1/namespaces/{namespace}/actions/{'/'.join(rest)}?blocking=true"


def _post(url, key, body):
    credentials = base64.b64encode(key.encode()).decode()
    headers = {"Content-Type": "application/json", "Authorization": f"Basic {credentials}"}
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310 -- the platform's own address
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()

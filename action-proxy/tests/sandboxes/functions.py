"""What the functions of the sandbox tests do, once for real and once as a script of the fake driver.

`SOURCES` is Python for launcher/launcher.py; `SCRIPTS` are the same behaviours for `FakeDriver`.
"""

import orjson

from argo_proxy.sandboxes.fake import Reply, Script, answered
from argo_proxy.sandboxes.port import Gone

FILLS_TMP = """
def main(args):
    written = 0
    try:
        with open("/tmp/big", "wb", 0) as file:
            while written < 1 << 31: written += file.write(b"x" * (1 << 20))
    except OSError as error:
        return {"written": written, "error": error.errno}
    return {"written": written}
"""

SOURCES = {
    "echo": "def main(args): return args",
    "slow": "import time\ndef main(args): time.sleep(60); return {}",
    "overlap": """
import threading
together = threading.Barrier(4)
def main(args):
    together.wait(20)
    return {"met": True}
""",
    "exit": "import os\ndef main(args): os._exit(3)",
    "exit_later": """
import os, threading
def main(args):
    threading.Timer(0.05, os._exit, [4]).start()
    return {}
""",
    "long": "def main(args): return 200, b'x' * 3_000_000",
    "garbage": "def main(args): return 200, b'<html>'",
    "fails_init": "raise ValueError('no such thing')",
    "prints": """
import sys
def main(args):
    print("one"); print("two", flush=True)
    print("three", file=sys.stderr, flush=True)
    return {}
""",
}


def _echo(path: str, body: bytes) -> Reply:
    return Reply(answered(orjson.dumps(orjson.loads(body)["value"]) if path == "/run" else b"{}"))


def _on_run(reply: Reply) -> Script:
    return lambda path, body: reply if path == "/run" else Reply(answered(b"{}"))


SCRIPTS: dict[str, Script] = {
    "echo": _echo,
    "slow": _on_run(Reply(None)),
    "overlap": _on_run(Reply(answered(b'{"met":true}'), after=0.02)),
    "exit": _on_run(Reply(Gone(exit_code=3))),
    "exit_later": _on_run(Reply(answered(b"{}"))),
    "long": _on_run(Reply(answered(b"x" * 3_000_000))),
    "garbage": _on_run(Reply(answered(b"<html>"))),
    "fails_init": lambda path, body: Reply(answered(b'{"error":"ValueError(\'no such thing\')"}', 502)),
    "prints": _on_run(Reply(answered(b"{}"), prints=(("stdout", "one"), ("stdout", "two"), ("stderr", "three")))),
}

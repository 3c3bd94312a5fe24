"""A test runtime: speaks /init and /run, executes Python given as code, and can be told to misbehave.

The function `main(args)` of the code runs in a thread a request; its answer is sent as `(status, body bytes)` if it
is a tuple, else as JSON. `import launcher_state` gives it `sockets`, the connections now open.
"""

import contextlib
import http.server
import json
import os
import socketserver
import sys
import types

SENTINEL = "XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX"
state = types.ModuleType("launcher_state")
state.main = None
state.sockets = []
sys.modules["launcher_state"] = state


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        state.sockets.append(self.connection)

    def do_POST(self):
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status, body = self.init(message) if self.path == "/init" else self.run(message)
        self.send_response_only(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def init(self, message):
        os.environ.update(message["value"].get("env", {}))
        try:
            names = {}
            exec(message["value"]["code"], names)  # noqa: S102 — that is its job
            state.main = names["main"]
        except Exception as error:  # noqa: BLE001
            return 502, json.dumps({"error": repr(error)}).encode()
        return 200, b'{"ok":true}'

    def run(self, message):
        try:
            answer = state.main(message["value"])
        except Exception as error:  # noqa: BLE001
            answer = 502, json.dumps({"error": repr(error)}).encode()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):  # the function closed it
                print(SENTINEL, file=stream, flush=True)
        return answer if isinstance(answer, tuple) else (200, json.dumps(answer).encode())

    def address_string(self):
        return "unix"


class UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


scheme, _, address = os.environ["ARGO_LISTEN"].partition(":")
if scheme == "unix":
    server = UnixServer(address, Handler)
else:
    host, _, port = address.rpartition(":")
    server = http.server.ThreadingHTTPServer((host, int(port)), Handler)
server.serve_forever()

"""The least of HTTP/1.1 that /init and /run need: keep-alive, Content-Length, one request at a time on a connection.

`serve` handles requests one by one in the main thread, as an action expects (signal handlers, thread-bound libraries).
`serve_threaded` gives every connection a thread, for actions that allow overlapping runs.
"""

import os
import re
import selectors
import socket
import threading

MAX_HEAD_BYTES = 64 * 1024
MAX_BODY_BYTES = int(os.environ.get("ARGO_MAX_BODY_BYTES") or 128 * 1024 * 1024)
CHUNK = 64 * 1024  # what is larger has pages of its own, made and given back for each request
BACKLOG = 512
REASONS = {
    200: "OK",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    411: "Length Required",
    413: "Payload Too Large",
    431: "Request Header Fields Too Large",
    502: "Bad Gateway",
}
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,15})[ \t]*(?:\r\n|$)", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection:[ \t]*close", re.IGNORECASE)


class RefusedError(Exception):
    """A request that is answered with `status` and ends the connection."""

    def __init__(self, status):
        super().__init__(status)
        self.status = status


class Connection:
    """Bytes in, whole requests out."""

    def __init__(self, peer):
        self.peer = peer
        self.data = bytearray()

    def next_request(self):
        """(path, body, close) of the next whole request that has arrived, else None."""
        end = self.data.find(b"\r\n\r\n")
        if end < 0:
            if len(self.data) > MAX_HEAD_BYTES:
                raise RefusedError(431)
            return None
        head = bytes(self.data[:end])
        needed = end + 4 + self._body_length(head)
        if len(self.data) < needed:
            return None
        body = bytes(memoryview(self.data)[end + 4 : needed])
        del self.data[:needed]
        return head.split(b" ", 2)[1].decode("latin-1"), body, _CLOSE.search(head) is not None

    @staticmethod
    def _body_length(head):
        if not head.startswith(b"POST "):
            raise RefusedError(405)
        length = _LENGTH.search(head)
        if length is None:
            raise RefusedError(411)
        if int(length[1]) > MAX_BODY_BYTES:
            raise RefusedError(413)
        return int(length[1])

    def receive(self):
        """Adds what has arrived; False at the end of the stream."""
        chunk = self.peer.recv(CHUNK)
        self.data += chunk
        return bool(chunk)

    def answer(self, status, body, close):
        connection = "Connection: close\r\n" if close else ""
        head = (
            f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        )
        self.peer.sendall(f"{head}{connection}\r\n".encode("ascii") + body)

    def handle(self, route):
        """Answers the requests that are whole; False when the connection is to be closed."""
        try:
            while (request := self.next_request()) is not None:
                path, body, close = request
                status, answer = route(path, body)
                self.answer(status, answer, close)
                if close:
                    return False
        except RefusedError as refused:
            self.answer(refused.status, b'{"error":"%s"}' % REASONS[refused.status].encode(), close=True)
            return False
        return True

    def step(self, route):
        """Receives once and answers; False when the connection is over."""
        try:
            return self.receive() and self.handle(route)
        except OSError:
            return False


def listening_socket(address):
    """`unix:PATH` or `tcp:HOST:PORT`."""
    scheme, _, rest = address.partition(":")
    if scheme == "unix":
        if os.path.exists(rest):
            os.unlink(rest)
        listener = socket.socket(socket.AF_UNIX)
        before = os.umask(0o111)  # the agent may be another user; the folder guards the socket
        listener.bind(rest)
        os.umask(before)
    elif scheme == "tcp":
        host, _, port = rest.rpartition(":")
        listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host.strip("[]"), int(port)))
    else:
        raise ValueError(f"ARGO_LISTEN must be unix:PATH or tcp:HOST:PORT, not {address}")
    listener.listen(BACKLOG)
    return listener


def _accept(listener):
    peer, _ = listener.accept()
    if peer.family != socket.AF_UNIX:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Connection(peer)


def serve(listener, route):
    """Forever; `route(path, body)` gives (status, JSON bytes)."""
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is listener:
                connection = _accept(listener)
                selector.register(connection.peer, selectors.EVENT_READ, connection)
            elif not key.data.step(route):
                selector.unregister(key.fileobj)
                key.fileobj.close()


def serve_threaded(listener, route):
    """Forever, a thread for each connection."""
    while True:
        connection = _accept(listener)
        threading.Thread(target=_serve_one, args=(connection, route), daemon=True).start()


def serve_connections(connections, route, *, threaded):
    """Until all of them are over."""
    if threaded:
        threads = [threading.Thread(target=_serve_one, args=(each, route), daemon=True) for each in connections]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return
    selector = selectors.DefaultSelector()
    for connection in connections:
        selector.register(connection.peer, selectors.EVENT_READ, connection)
    while selector.get_map():
        for key, _ in selector.select():
            if not key.data.step(route):
                selector.unregister(key.fileobj)
                key.fileobj.close()


def _serve_one(connection, route):
    while connection.step(route):
        pass
    connection.peer.close()

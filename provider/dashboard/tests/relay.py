"""A TCP relay before the service whose connections can be cut: the server that goes away."""

import contextlib
import select
import socket
import threading
from urllib.parse import urlsplit


class Relay:
    def __init__(self, port, url):
        target = urlsplit(url)
        self.url = f"http://127.0.0.1:{port}"
        self._target = (target.hostname, target.port)
        self._listener = socket.create_server(("127.0.0.1", port))
        self._pairs = set()
        self._lock = threading.Lock()
        self._open = True
        self._ended = False

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._ended = True
        self._listener.close()
        self.cut()

    def cut(self):
        """Ends all connections; new ones are ended at once."""
        with self._lock:
            self._open = False
            for pair in self._pairs:
                for end in pair:
                    _shut(end)

    def mend(self):
        with self._lock:
            self._open = True

    def _accept(self):
        while not self._ended:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                if not self._open:
                    client.close()
                    continue
                pair = (client, socket.create_connection(self._target))
                self._pairs.add(pair)
            threading.Thread(target=self._pass_on, args=(pair,), daemon=True).start()

    def _pass_on(self, pair):
        other = {pair[0]: pair[1], pair[1]: pair[0]}
        try:
            while True:
                for ready in select.select(pair, (), (), 60)[0]:
                    piece = ready.recv(65536)
                    if not piece:
                        return
                    other[ready].sendall(piece)
        except OSError:
            return
        finally:
            with self._lock:
                self._pairs.discard(pair)
            for end in pair:
                _shut(end)
                end.close()


def _shut(end):
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)

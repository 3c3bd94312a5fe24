"""An executable or a script of any language: one process a run, as OpenWhisk's docker skeleton has it.

It gets the arguments as JSON in argv[1] and on stdin, and the run's fields in its environment; the last line that it
prints on stdout is its result, the lines before it and stderr are its log.
"""

import base64
import io
import json
import os
import select
import subprocess
import tempfile

from argo_launcher.archive import ArchiveError, unpack
from argo_launcher.launcher import NOT_A_DICTIONARY, InitError, failure

NO_BINARY = "The action failed to generate or locate a binary. See logs for details."
MAX_ARGUMENT = 131_071  # the kernel's limit for one argument
MAX_LINE = 64 * 1024 * 1024
CHUNK = 64 * 1024


class BinaryAction:
    """One executable, `exec` in a folder of its own."""

    def __init__(self):
        self._folder = ""
        self._program = ""

    def load(self, code, main, *, binary):
        self._folder = tempfile.mkdtemp(prefix="action-", dir=os.environ.get("ARGO_WORK"))
        self._program = os.path.join(self._folder, "exec")
        try:
            content = base64.b64decode(code) if binary else code.encode()
        except ValueError as error:
            raise InitError(f"{NO_BINARY} {error}") from error
        self._place(content)
        os.chdir(self._folder)
        if not os.path.isfile(self._program) or not os.access(self._program, os.X_OK):
            raise InitError(NO_BINARY)

    def _place(self, content):
        """A zip is unpacked, anything else is the executable itself."""
        if not content.startswith(b"PK\x03\x04"):
            with open(self._program, "wb") as file:
                file.write(content)
        else:
            try:
                unpack(io.BytesIO(content), self._folder)
            except ArchiveError as error:
                raise InitError(f"There was an error uncompressing the action archive: {error}.") from error
        if os.path.isfile(self._program):
            os.chmod(self._program, 0o755)

    def call(self, args):
        text = json.dumps(args)
        words = [self._program, text] if len(text) <= MAX_ARGUMENT else [self._program]
        try:
            with _input(text) as stdin:
                process = subprocess.Popen(words, stdin=stdin, stdout=subprocess.PIPE)
        except OSError as error:
            return _not_a_result(str(error))
        with process.stdout:
            line = _forward(process)
        return _result(line)


def _input(text):
    """The arguments as a file: a program may read them when it likes, or not at all."""
    file = os.fdopen(os.memfd_create("arguments"), "w+b")
    file.write(text.encode() + b"\n")
    file.seek(0)
    return file


def _forward(process):
    """Passes on what the program prints as it comes, except the last line, which it returns.

    Ends with the program itself: what it leaves running in the background may keep its stdout open.
    """
    line = bytearray()
    out = process.stdout.fileno()
    ended = os.pidfd_open(process.pid)
    os.set_blocking(out, False)
    try:
        while True:
            ready, _, _ = select.select([out, ended], [], [])
            more = _read_lines(out, line) if out in ready else None
            if more is False or (more is None and ended in ready):
                return bytes(line)
    finally:
        os.close(ended)
        process.wait()


def _read_lines(out, line):
    """Reads once; False at the end of the stream, None when nothing is there."""
    try:
        chunk = os.read(out, CHUNK)
    except BlockingIOError:
        return None
    line += chunk
    cut = line.rfind(b"\n", 0, len(line.rstrip(b"\n")))
    if cut < 0 and len(line) > MAX_LINE:
        cut = len(line) - 1
    if cut >= 0:
        _write(bytes(line[: cut + 1]))
        del line[: cut + 1]
    return bool(chunk)


def _write(data):
    while data:
        data = data[os.write(1, data) :]


def _result(line):
    text = line.strip()
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, (dict, list)):
        return 200, text
    return _not_a_result(text.decode(errors="replace"))


def _not_a_result(printed):
    _write(f"{printed}\n".encode())
    return failure(502, NOT_A_DICTIONARY)

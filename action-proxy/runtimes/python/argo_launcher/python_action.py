"""Loads a Python action (source text, or a zip with `__main__.py` and perhaps `virtualenv/`) and calls it."""

import json
import os
import sys
import types

from argo_launcher.launcher import NOT_A_DICTIONARY, InitError, failure, show

MODULE = "main__"  # not "__main__": an action's `if __name__ == "__main__"` block must not run
INVALID_VIRTUALENV = "Invalid virtualenv. Zip file includes 'virtualenv' but not 'virtualenv/bin/activate_this.py'."
NO_MAIN_FILE = "Zip file does not include mandatory files."


def load_handler(code, main, *, binary):
    """The callable `main` of an action. Raises InitError, or whatever the code raises while it is imported."""
    source, filename = _unpack(code) if binary else (code, "<action>")
    module = types.ModuleType(MODULE)
    module.__file__ = filename
    sys.modules[MODULE] = module
    exec(compile(source, filename, "exec"), module.__dict__)
    handler = module
    for part in main.split("."):
        handler = getattr(handler, part, None)
    if not callable(handler):
        raise InitError(f"Action entrypoint '{main}' is not a function.")
    return handler


def _unpack(code):
    import base64
    import io
    import tempfile

    from argo_launcher.archive import ArchiveError, unpack

    folder = tempfile.mkdtemp(prefix="action-", dir=os.environ.get("ARGO_WORK"))
    try:
        unpack(io.BytesIO(base64.b64decode(code)), folder)
    except (ArchiveError, ValueError) as error:
        raise InitError(f"There was an error uncompressing the action archive: {error}.") from error
    os.chdir(folder)
    sys.path.insert(0, folder)
    _activate_virtualenv(os.path.join(folder, "virtualenv"))
    for name in ("exec", "__main__.py"):
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            with open(path, "rb") as file:
                return file.read(), path
    raise InitError(NO_MAIN_FILE)


def _activate_virtualenv(folder):
    if not os.path.isdir(folder):
        return
    script = os.path.join(folder, "bin", "activate_this.py")
    if os.path.isfile(script):
        with open(script, encoding="utf-8") as file:
            exec(compile(file.read(), script, "exec"), {"__file__": script, "__name__": "activate_this"})
        return
    import glob

    packages = glob.glob(os.path.join(folder, "lib", "python3*", "site-packages"))
    if not packages:
        raise InitError(INVALID_VIRTUALENV)
    import site

    for path in packages:
        site.addsitedir(path)
        sys.path.insert(1, path)


class PythonAction:
    """A function called in this process; coroutines run on one event loop that lives as long as the sandbox."""

    def __init__(self, *, threaded):
        self._threaded = threaded
        self._handler = None
        self._loop = None

    def load(self, code, main, *, binary):
        self._handler = load_handler(code, main, binary=binary)
        if self._threaded or _is_async(self._handler):
            self._start_loop()  # now, so that the first of several overlapping runs does not race for it

    def call(self, args):
        # An exception is an answer of the function, as in OpenWhisk's Python runtimes: {"error": text}, status 200.
        try:
            result = self._handler(args)
            if isinstance(result, types.CoroutineType) or hasattr(type(result), "__await__"):
                result = self._wait(result)
        except Exception as error:
            show(error)
            return failure(200, _text(error))
        return _answer(result)

    def _start_loop(self):
        import asyncio

        self._loop = asyncio.new_event_loop()
        if self._threaded:
            import threading

            threading.Thread(target=self._loop.run_forever, daemon=True).start()
        else:
            asyncio.set_event_loop(self._loop)

    def _wait(self, awaitable):
        import asyncio

        if self._loop is None:
            self._start_loop()
        if self._threaded:
            return asyncio.run_coroutine_threadsafe(_awaited(awaitable), self._loop).result()
        return self._loop.run_until_complete(awaitable)


async def _awaited(awaitable):
    return await awaitable


def _is_async(handler):
    code = getattr(handler, "__code__", None)
    return bool(code and code.co_flags & 0x80)  # CO_COROUTINE


def _answer(result):
    if not isinstance(result, (dict, list, tuple)):
        print(f"Result must be a dictionary or an array but has type '{type(result).__name__}'", file=sys.stderr)
        return failure(502, NOT_A_DICTIONARY)
    try:
        return 200, json.dumps(result, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        show(error)
        return failure(502, f"{NOT_A_DICTIONARY} {error}")


def _text(error):
    try:
        return str(error)
    except Exception:
        return type(error).__name__

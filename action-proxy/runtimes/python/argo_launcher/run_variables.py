"""What a run tells of itself in the environment: `os.environ`, and C's, which processes that it starts inherit.

setenv(3) keeps every value that it was ever given, 90 bytes each: a sandbox of a million runs would die of them. From
`PLAIN_RUNS` on, therefore, the values lie in memory of our own that is written over. Not before: to import `ctypes`
takes 1.3 ms, which no cold start should wait for.
"""

import os

PLAIN_RUNS = 1000  # they leave a quarter of a megabyte
LEAST_BYTES = 128
RUN_FIELDS = tuple(
    (field, f"__OW_{field.upper()}")
    for field in (
        "namespace",
        "action_name",
        "action_version",
        "activation_id",
        "transaction_id",
        "deadline",
        "api_key",
    )
)


class RunVariables:
    """A field that a run lacks keeps the value of the run before. Overlapping runs: the last one's are seen."""

    def __init__(self):
        self._runs = 0
        self._put = _put_plainly

    def publish(self, message):
        """`message`: a /run's, parsed."""
        runs = self._runs = self._runs + 1
        if runs == PLAIN_RUNS:
            self._put = _own_memory()
        put = self._put
        environment = os.environ
        for field, name in RUN_FIELDS:
            value = message.get(field)
            if value is not None:
                put(environment, name, str(value))


def _put_plainly(environment, name, text):
    environment[name] = text


def _own_memory():
    """The plain way where a function has put something else in the place of ctypes: it is right, and keeps values."""
    try:
        return _OwnMemory().put
    except Exception:
        return _put_plainly


class _OwnMemory:
    """Two places a variable, used in turn: what a reader without the interpreter's lock still copies is not written to.

    No place is ever freed, for C's environment points to it until the process is gone; one that is too small is left
    for one of at least twice its size.
    """

    def __init__(self):
        import ctypes

        library = ctypes.PyDLL(None)  # keeps the lock: os.putenv, which it must not meet, has it too
        self._putenv = library.putenv
        self._putenv.argtypes = (ctypes.c_void_p,)
        self._malloc = library.malloc
        self._malloc.argtypes = (ctypes.c_size_t,)
        self._malloc.restype = ctypes.c_void_p
        self._char = ctypes.c_char
        self._variables = {}
        for _, name in RUN_FIELDS:
            key = name.encode()
            self._variables[name] = (key, key + b"=", [self._place(LEAST_BYTES), self._place(LEAST_BYTES)])

    def _place(self, size):
        """(address, its bytes, how many)"""
        address = self._malloc(size)
        if not address:
            raise MemoryError
        return address, (self._char * size).from_address(address), size

    def put(self, environment, name, text):
        if type(environment) is not os._Environ:  # the function's own: it is given what it takes
            environment[name] = text
            return
        key, prefix, places = self._variables[name]
        value = environment.encodevalue(text)
        if b"\0" in value:
            raise ValueError("embedded null byte")
        entry = prefix + value
        places.reverse()
        address, content, size = places[0]
        if len(entry) >= size:
            address, content, size = places[0] = self._place(2 * len(entry))
        content.value = entry
        if self._putenv(address):
            raise MemoryError
        environment._data[key] = value

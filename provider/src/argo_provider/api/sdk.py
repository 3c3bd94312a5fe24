"""What `wsk sdk install docker` fetches: the skeleton of an action as a container image."""

from __future__ import annotations

import functools
import io
import tarfile

from aiohttp import web

_FILES = {
    "Dockerfile": """FROM openwhisk/dockerskeleton
# Whatever /action/exec is, it is run with the arguments as JSON in its first argument and on standard input;
# the last line that it prints is the result, a JSON object.
ADD exec /action/exec
RUN chmod +x /action/exec
""",
    "exec": """#!/bin/sh
echo "the arguments were: $1" >&2
echo '{"msg": "Hello from an image of your own"}'
""",
    "README.md": """# An action as a container image

    docker build -t NAME .
    wsk action create hello --docker NAME

The image must be in the engine of the machine that runs the service, or in a registry that it reaches.
""",
}


async def docker_skeleton(_: web.Request) -> web.Response:
    """GET /blackbox.tar.gz."""
    return web.Response(body=_archive(), content_type="application/gzip")


@functools.cache
def _archive() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, text in _FILES.items():
            entry = tarfile.TarInfo(f"dockerSkeleton/{name}")
            entry.size = len(text.encode())
            entry.mode = 0o755 if text.startswith("#!") else 0o644
            archive.addfile(entry, io.BytesIO(text.encode()))
    return packed.getvalue()

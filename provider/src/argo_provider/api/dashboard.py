"""The dashboard at /dashboard: files that were built beforehand, and the headers that keep the page to itself."""

from __future__ import annotations

import asyncio
import re
from importlib import resources
from pathlib import Path

from aiohttp import web

from argo_provider.errors import NotFound

FOLDER: web.AppKey[Path] = web.AppKey("dashboard_folder", Path)
"""Where the built page lies, or will: `./dev serve` builds it behind the running service."""

_ASSET = re.compile(r"[\w-][\w.-]*", re.ASCII)
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
# Everything from here, nothing inline, no frame around it; text becomes markup by no way at all.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        *(f"{what}-src 'self'" for what in ("script", "style", "img", "font", "connect")),
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_FOR_EVER = "public, max-age=31536000, immutable"  # the name of an asset holds the hash of its content
_NOT_YET = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Argo</title></head>
<body><h1>The dashboard is not built yet</h1>
<p><code>./dev serve</code> builds it behind the running service and says on its terminal how far it is.
This page looks again every few seconds. The API is there all the while.</p></body></html>
"""
_LOOK_AGAIN_SECONDS = 3


def packaged_folder() -> Path:
    """Where a wheel has the page."""
    return Path(str(resources.files("argo_provider"))) / "dashboard_page"


async def page(request: web.Request) -> web.StreamResponse:
    """The one document, whatever the place within it; 503 until it is built."""
    index = request.app[FOLDER] / "index.html"
    if not await asyncio.to_thread(index.is_file):
        headers = _HEADERS | {"Refresh": str(_LOOK_AGAIN_SECONDS), "Cache-Control": "no-store"}
        return web.Response(status=503, text=_NOT_YET, content_type="text/html", headers=headers)
    return _file(index, "no-cache")


async def asset(request: web.Request) -> web.StreamResponse:
    """A file whose name changes with its content; NotFound."""
    name = request.match_info["name"]
    file = request.app[FOLDER] / "assets" / name
    of_ours = _ASSET.fullmatch(name) is not None and file.suffix in _TYPES  # a slash in it would lead elsewhere
    if not of_ours or not await asyncio.to_thread(file.is_file):
        raise NotFound(NotFound.NO_ROUTE)
    return _file(file, _FOR_EVER)


def _file(file: Path, caching: str) -> web.FileResponse:
    """Sent compressed where the browser takes that: the .br and .gz lie beside it."""
    return web.FileResponse(
        file,
        headers=_HEADERS | {"Content-Type": _TYPES[file.suffix], "Cache-Control": caching, "Vary": "Accept-Encoding"},
    )
